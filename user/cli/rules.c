/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * block, allow, trust and their opposites. What is printed is what is in force afterwards, not what was asked for: an
 * allow entry that beats the block, or a gate that is not loaded, is said at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"
#include "base/words.h"
#include "cli/batch.h"
#include "cli/cli.h"
#include "cli/rules.h"

#define RULE_SYNTAX_BLOCK "PREFIX [for TIME] [with drop|refuse|reply] [saying TEXT] [because TEXT]"
#define RULE_SYNTAX_ALLOW "PREFIX [for TIME] [because TEXT]"
#define RULE_SYNTAX_UNDO  "PREFIX"
#define RULE_STDIN	  "-"
#define RULE_NOTE_MAX	  256

_Static_assert(SENTENCE_TEXT_MAX == STORE_TEXT_MAX, "what the parser takes, the store keeps");

struct rule_verb {
	enum store_kind kind;
	const char *done;	 /* "blocked" */
	const char *line_syntax; /* of a line on standard input */
};

static const struct rule_verb rule_verbs[] = {
	[STORE_BLOCK] = {STORE_BLOCK, "blocked", RULE_SYNTAX_BLOCK},
	[STORE_ALLOW] = {STORE_ALLOW, "allowed", RULE_SYNTAX_ALLOW},
	[STORE_TRUST] = {STORE_TRUST, "trusted", RULE_SYNTAX_ALLOW},
};

static const char *rule_action_name(const struct store_rule *rule)
{
	if (rule->kind == STORE_BLOCK)
		return store_action_name(rule->action);
	return store_kind_name(rule->kind);
}

/* ---- from a sentence to a rule ---- */

/* The sentence took no other words. */
static enum store_action action_of(const char *word)
{
	enum store_action action = STORE_DROP;

	while (action < STORE_REPLY && strcmp(store_action_name(action), word) != 0)
		action++;
	return action;
}

/* The clauses of s over those already in out. */
static int rule_clauses(const struct sentence *s, struct store_rule *out, struct err *e)
{
	const char *text;
	uint64_t for_s;

	if (sentence_get_duration(s, "for", &for_s, e))
		return -EINVAL;
	if (for_s)
		out->expires_boot_ns = now_boot_ns() + for_s * NS_PER_S;
	text = sentence_get(s, "with");
	if (text)
		out->action = action_of(text);
	text = sentence_get(s, "saying");
	if (text)
		snprintf(out->saying, sizeof(out->saying), "%s", text);
	text = sentence_get(s, "because");
	if (text)
		snprintf(out->because, sizeof(out->because), "%s", text);
	return 0;
}

/* Of block alone: its only word behind the prefix. */
static bool is_anyway(const struct sentence *s)
{
	return s->word_count > 1;
}

/* Who orders it: a word that can stand in tables, logs and labels. */
int origin_check(const char *name, struct err *e)
{
	if (!name || (instance_is_valid(name) && strlen(name) < STORE_ORIGIN_MAX))
		return 0;
	return err_set(e, -EINVAL,
		       "\"origin\" needs a name of letters, digits, - and _, at most %d of them",
		       STORE_ORIGIN_MAX - 1);
}

/* What the gate itself orders goes under these names, and nobody else's may pass for it. */
static int origin_check_free(const char *name, struct err *e)
{
	for (enum pn_origin o = PN_ORIGIN_OWN; o <= PN_ORIGIN_CONFIG; o++)
		if (name && strcmp(name, origin_name(o)) == 0)
			return err_set(e, -EINVAL,
				       "\"origin\": the name %s is the gate's own: choose another",
				       name);
	return origin_check(name, e);
}

int rule_begin(enum store_kind kind, const struct sentence *s, struct store_rule *out,
	       struct err *e)
{
	*out = (struct store_rule){
		.kind = kind,
		.action = kind == STORE_BLOCK ? STORE_DROP : STORE_NONE,
		.origin = "operator",
		.created_wall_s = now_wall_s(),
	};
	const char *origin = sentence_get(s, "origin");

	if (origin_check_free(origin, e))
		return -EINVAL;
	if (origin)
		snprintf(out->origin, sizeof(out->origin), "%s", origin);
	return rule_clauses(s, out, e);
}

struct line_context {
	const char *syntax;
	struct store_rule start; /* what the command line said for all lines */
};

static int rule_line(void *context, const char *const *words, unsigned count,
		     struct store_rule *out, struct err *e)
{
	const struct line_context *line = context;
	struct sentence s;

	*out = line->start;
	/* Most lines are a prefix and nothing else. */
	if (count == 1)
		return prefix_parse(words[0], &out->prefix, e);
	if (sentence_parse(line->syntax, words, count, &s, e))
		return -EINVAL;
	if (prefix_parse(s.word[0], &out->prefix, e))
		return -EINVAL;
	return rule_clauses(&s, out, e);
}

/* ---- what is in force ---- */

struct standing {
	const struct store_rule *rule;
	struct rule_entry beats; /* the longest allow entry that covers the rule */
	bool beaten;
	unsigned inside;	   /* allow entries inside it */
	struct rule_entry blocked; /* the longest block that covers an allow or trust */
	bool has_block;
};

static int standing_allow(void *context, const struct rule_entry *r)
{
	struct standing *st = context;

	if (!rule_is_live(r->rule.expires, now_boot_ns()))
		return 0;
	if (prefix_covers(&r->prefix, &st->rule->prefix)) {
		/* The longest entry decides, and a trusted source is blocked all the same. */
		if (!st->beats.rule.action || r->prefix.bits > st->beats.prefix.bits)
			st->beats = *r;
	} else if (r->rule.action == PN_ALLOW && prefix_covers(&st->rule->prefix, &r->prefix)) {
		st->inside++;
	}
	return 0;
}

static int standing_block(void *context, const struct rule_entry *r)
{
	struct standing *st = context;

	if (rule_is_live(r->rule.expires, now_boot_ns()) &&
	    prefix_covers(&r->prefix, &st->rule->prefix) &&
	    (!st->has_block || r->prefix.bits > st->blocked.prefix.bits)) {
		st->blocked = *r;
		st->has_block = true;
	}
	return 0;
}

static void warn_beaten(const struct cli *cli, const struct standing *st)
{
	char text[PREFIX_TEXT_MAX], by[PREFIX_TEXT_MAX], undo[RULE_NOTE_MAX] = "";

	prefix_format(&st->rule->prefix, text);
	prefix_format(&st->beats.prefix, by);
	if (st->beats.rule.origin == PN_ORIGIN_OPERATOR)
		snprintf(undo, sizeof(undo), " (postern disallow %s)", by);
	cli_warn(cli, "%s passes all the same: %s is allowed (%s), and allow beats every block%s",
		 text, by, origin_name(st->beats.rule.origin), undo);
}

/* Look at what stands for or against the rule, and warn. Is it in force? */
static bool standing_tell(const struct cli *cli, struct gate *g, const struct store_rule *rule)
{
	struct standing st = {.rule = rule};
	char text[PREFIX_TEXT_MAX], by[PREFIX_TEXT_MAX];

	if (!g || !cli_links_count(g)) {
		cli_warn(cli, "stored; comes into force when the gate is attached");
		return false;
	}
	if (rules_each_allow(g, standing_allow, &st, NULL))
		return true;
	st.beaten = rule->kind == STORE_BLOCK && st.beats.rule.action == PN_ALLOW;
	if (st.beaten) {
		warn_beaten(cli, &st);
		return false;
	}
	if (rule->kind == STORE_BLOCK && st.inside)
		cli_warn(cli, "%u allowed prefix%s inside it pass%s all the same", st.inside,
			 st.inside == 1 ? "" : "es", st.inside == 1 ? "es" : "");
	if (rule->kind == STORE_TRUST && rules_each_block(g, standing_block, &st, NULL) == 0 &&
	    st.has_block)
		cli_warn(cli, "%s is blocked all the same, by %s: trust does not beat a block",
			 prefix_format(&rule->prefix, text), prefix_format(&st.blocked.prefix, by));
	return true;
}

void rule_warn_no_reply(const struct cli *cli, struct gate *g)
{
	const struct pn_conf *knobs = g ? gate_conf(g) : NULL;
	const char *why = NULL;
	unsigned silent = 0;

	for (unsigned i = 0; i < cli->conf.port_count; i++) {
		const char *one = conf_no_reply(&cli->conf, &cli->conf.ports[i]);

		if (one && !silent++)
			why = one;
	}
	if (silent && silent == cli->conf.port_count)
		cli_warn(cli, "nobody can be told why: %s; the kernel refuses instead", why);
	for (unsigned i = 0; silent < cli->conf.port_count && i < cli->conf.port_count; i++) {
		why = conf_no_reply(&cli->conf, &cli->conf.ports[i]);
		if (why)
			cli_warn(
				cli,
				"on port %u nobody can be told why: %s; the kernel refuses instead",
				cli->conf.ports[i].port, why);
	}
	if (silent < cli->conf.port_count && knobs &&
	    (!knobs->replying || knobs->alive_until <= now_boot_ns()))
		cli_warn(cli,
			 "no responder runs now: until one does (postern run), the kernel refuses "
			 "instead");
}

/* ---- one rule ---- */

static int rule_report(const struct cli *cli, struct ruling *r, const struct store_rule *rule,
		       unsigned killed, uint64_t for_s)
{
	char text[PREFIX_TEXT_MAX], time[DURATION_TEXT_MAX], cut[RULE_NOTE_MAX] = "";
	char span[RULE_NOTE_MAX] = "", how[RULE_NOTE_MAX] = "";
	bool in_force = standing_tell(cli, r->gate, rule);
	json_t *row = json_object();

	if (r->cut.code)
		cli_warn(cli, "%s", r->cut.text);
	if (rule->action == STORE_REPLY)
		rule_warn_no_reply(cli, r->gate);
	else if (rule->saying[0])
		cli_warn(cli, "nobody is told that text: only `with reply` answers");
	prefix_format(&rule->prefix, text);
	json_object_set_new(row, "prefix", json_string(text));
	json_object_set_new(row, "action", json_string(rule_action_name(rule)));
	json_object_set_new(row, "origin", json_string(rule->origin));
	json_object_set_new(row, "because", json_text_or_null(rule->because));
	json_object_set_new(row, "created", json_time_wall(rule->created_wall_s));
	json_object_set_new(row, "expires", json_time_boot(rule->expires_boot_ns));
	json_object_set_new(row, "killed", json_integer(killed));
	json_object_set_new(row, "in_force", json_boolean(in_force));
	if (killed)
		snprintf(cut, sizeof(cut), ": %u open connection%s destroyed", killed,
			 plural(killed));
	if (for_s)
		snprintf(span, sizeof(span), " for %s", duration_format(for_s, time));
	if (rule->kind == STORE_BLOCK)
		snprintf(how, sizeof(how), " (%s)", rule_action_name(rule));
	if (!in_force)
		return cli_say(cli, row, "%s: %s%s%s is stored, not in force", text,
			       store_kind_name(rule->kind), how, span);
	return cli_say(cli, row, "%s is %s%s%s%s", text, rule_verbs[rule->kind].done, how, span,
		       cut);
}

/* What another origin blocks already stays as it is: his deadline, his reason. */
static int rule_kept_report(const struct cli *cli, const struct ruling *r,
			    const struct store_rule *rule)
{
	char text[PREFIX_TEXT_MAX];

	prefix_format(&rule->prefix, text);
	return cli_say(
		cli,
		json_pack("{s:s, s:b, s:s}", "prefix", text, "kept", 1, "origin", r->kept_origin),
		"%s is %s already, by origin %s, whose rule stays", text,
		rule_verbs[rule->kind].done, r->kept_origin);
}

/* Of one prefix there is an allow or a trust, never both: the kernel keeps them in one table. So what goes is told. */
static bool has_twin(const struct ruling *r, const struct store_rule *rule, struct store_rule *twin)
{
	struct err e = {0};

	return rule->kind != STORE_BLOCK &&
	       store_get_rule(r->store, rule->kind == STORE_ALLOW ? STORE_TRUST : STORE_ALLOW,
			      &rule->prefix, twin, &e) == 0;
}

static void twin_tell(const struct cli *cli, const struct store_rule *twin)
{
	char text[PREFIX_TEXT_MAX];

	cli_warn(cli, "%s was %s%s%s until now: %s takes the place of that",
		 prefix_format(&twin->prefix, text), rule_verbs[twin->kind].done,
		 twin->because[0] ? " because " : "", twin->because, cli->verb->name);
}

static int rule_put_one(struct cli *cli, enum store_kind kind, const struct sentence *s)
{
	struct store_rule rule, twin;
	struct ruling r = {0};
	struct err e = {0};
	uint64_t for_s = 0;
	unsigned killed = 0;
	bool replaces;
	int rc;

	if (rule_begin(kind, s, &rule, &e) || prefix_parse(s->word[0], &rule.prefix, &e))
		return cli_fail(cli, CLI_MISUSED, "%s: %s", cli->verb->name, e.text);
	(void)sentence_get_duration(s, "for", &for_s, NULL);
	rc = ruling_open(&r, &cli->conf, &e);
	r.anyway = is_anyway(s);
	r.origin = sentence_get(s, "origin");
	replaces = rc == 0 && has_twin(&r, &rule, &twin);
	if (rc == 0)
		rc = ruling_put(&r, &rule, &killed, &e);
	if (rc == 0 && replaces)
		twin_tell(cli, &twin);
	if (rc)
		rc = cli_fail_err(cli, CLI_FAILED, &e);
	else if (r.kept)
		rc = rule_kept_report(cli, &r, &rule);
	else
		rc = rule_report(cli, &r, &rule, killed, for_s);
	ruling_close(&r);
	return rc;
}

/* ---- many ---- */

int rule_many_say(const struct cli *cli, struct ruling *r, const char *done, size_t count,
		  unsigned killed)
{
	bool in_force = r->gate && cli_links_count(r->gate);
	char cut[RULE_NOTE_MAX] = "";

	if (r->kept)
		cli_warn(cli, "%zu of them stood already, by another origin, and stay as they are",
			 r->kept);
	if (r->cut.code)
		cli_warn(cli, "%s", r->cut.text);
	if (!in_force && count)
		cli_warn(cli, "stored; comes into force when the gate is attached");
	if (killed)
		snprintf(cut, sizeof(cut), ": %u open connection%s destroyed", killed,
			 plural(killed));
	return cli_say(cli,
		       json_pack("{s:I, s:I, s:b}", "count", (json_int_t)count, "killed",
				 (json_int_t)killed, "in_force", (int)in_force),
		       "%zu prefix%s %s%s", count, count == 1 ? " is" : "es are", done, cut);
}

static int batch_put_say(const struct cli *cli, struct ruling *r, enum store_kind kind,
			 const struct batch *b, unsigned killed)
{
	size_t i = 0;

	while (i < b->count && b->rule[i].action != STORE_REPLY)
		i++;
	if (i < b->count)
		rule_warn_no_reply(cli, r->gate);
	return rule_many_say(cli, r, rule_verbs[kind].done, b->count, killed);
}

static int batch_fail(const struct cli *cli, const struct ruling *r, const struct batch *b,
		      int status, struct err *e)
{
	if (b->count && r->fault_at < b->count)
		err_prefix(e, "line %u", b->line[r->fault_at]);
	return cli_fail(cli, status, "%s: %s; nothing was changed", cli->verb->name, e->text);
}

static int rule_put_batch(struct cli *cli, enum store_kind kind, const struct sentence *s)
{
	struct line_context line = {.syntax = rule_verbs[kind].line_syntax};
	struct ruling r = {0};
	struct batch b = {0};
	struct err e = {0};
	unsigned killed = 0;
	int rc;

	if (rule_begin(kind, s, &line.start, &e))
		return cli_fail(cli, CLI_MISUSED, "%s: %s", cli->verb->name, e.text);
	rc = batch_read(stdin, rule_line, &line, &b, &e);
	if (rc)
		return cli_fail(cli, rc == -EINVAL ? CLI_MISUSED : CLI_FAILED,
				"%s: %s; nothing was changed", cli->verb->name, e.text);
	rc = ruling_open(&r, &cli->conf, &e);
	r.anyway = is_anyway(s);
	r.origin = sentence_get(s, "origin");
	if (rc) {
		rc = cli_fail_err(cli, CLI_FAILED, &e);
	} else {
		rc = ruling_put_many(&r, b.rule, b.count, &killed, &e);
		if (rc)
			rc = batch_fail(cli, &r, &b, CLI_FAILED, &e);
		else
			rc = batch_put_say(cli, &r, kind, &b, killed);
	}
	ruling_close(&r);
	batch_free(&b);
	return rc;
}

static int rule_put(struct cli *cli, enum store_kind kind, const struct sentence *s)
{
	if (strcmp(s->word[0], RULE_STDIN) == 0)
		return rule_put_batch(cli, kind, s);
	return rule_put_one(cli, kind, s);
}

/* ---- the opposites ---- */

/* Who is trusted by a provider's SPF record is so without a rule too: how many of them. */
static size_t undo_warn_providers(const struct cli *cli, struct ruling *r, enum store_kind kind,
				  const struct prefix *list, size_t count)
{
	char text[PREFIX_TEXT_MAX], by[PREFIX_TEXT_MAX];
	struct ruling_provider one, last = {0};
	size_t still = 0, at = 0;

	for (size_t i = 0; kind == STORE_TRUST && i < count; i++)
		if (ruling_find_provider(r, &list[i], &one)) {
			last = one;
			at = i;
			still++;
		}
	if (still == 1)
		cli_warn(cli,
			 "%s is trusted all the same: it lies in %s, which the SPF record of %s "
			 "names (trust_spf in the configuration)",
			 prefix_format(&list[at], text), prefix_format(&last.network, by),
			 last.domain);
	else if (still)
		cli_warn(cli,
			 "%zu of them are trusted all the same: SPF records name them (trust_spf "
			 "in the configuration)",
			 still);
	return still;
}

static int rule_undo_one(struct cli *cli, enum store_kind kind, const struct sentence *s)
{
	char text[PREFIX_TEXT_MAX], by[PREFIX_TEXT_MAX];
	struct store_rule rule = {.kind = kind};
	struct standing st = {.rule = &rule};
	struct ruling r = {0};
	struct err e = {0};
	size_t still;
	int rc;

	if (prefix_parse(s->word[0], &rule.prefix, &e) ||
	    origin_check(sentence_get(s, "origin"), &e))
		return cli_fail(cli, CLI_MISUSED, "%s: %s", cli->verb->name, e.text);
	rc = ruling_open(&r, &cli->conf, &e);
	r.origin = sentence_get(s, "origin");
	if (rc == 0)
		rc = ruling_delete(&r, kind, &rule.prefix, &e);
	if (rc) {
		rc = cli_fail_err(cli, rc == -ENOENT ? CLI_NO_ENTRY : CLI_FAILED, &e);
	} else {
		prefix_format(&rule.prefix, text);
		if (r.gate && rules_each_block(r.gate, standing_block, &st, NULL) == 0 &&
		    st.has_block)
			cli_warn(cli, "%s is %s blocked by %s", text,
				 kind == STORE_BLOCK ? "still" : "now",
				 prefix_format(&st.blocked.prefix, by));
		still = undo_warn_providers(cli, &r, kind, &rule.prefix, 1);
		rc = cli_say(cli, json_pack("{s:s, s:b}", "prefix", text, "removed", 1),
			     "%s is no longer %s%s", text, rule_verbs[kind].done,
			     still ? " by a rule" : "");
	}
	ruling_close(&r);
	return rc;
}

static int rule_undo_batch(struct cli *cli, enum store_kind kind, const struct sentence *s)
{
	struct line_context line = {.syntax = RULE_SYNTAX_UNDO};
	char done[RULE_NOTE_MAX];
	struct prefix *list = NULL;
	struct ruling r = {0};
	struct batch b = {0};
	struct err e = {0};
	int rc = origin_check(sentence_get(s, "origin"), &e);

	if (rc == 0)
		rc = batch_read(stdin, rule_line, &line, &b, &e);
	if (rc)
		return cli_fail(cli, rc == -EINVAL ? CLI_MISUSED : CLI_FAILED,
				"%s: %s; nothing was changed", cli->verb->name, e.text);
	if (batch_drop_repeats(&b, &e)) {
		batch_free(&b);
		return cli_fail_err(cli, CLI_FAILED, &e);
	}
	list = calloc(b.count + 1, sizeof(*list));
	for (size_t i = 0; list && i < b.count; i++)
		list[i] = b.rule[i].prefix;
	rc = list ? ruling_open(&r, &cli->conf, &e) : err_set(&e, -ENOMEM, "out of memory");
	r.origin = sentence_get(s, "origin");
	if (rc) {
		rc = cli_fail_err(cli, CLI_FAILED, &e);
	} else {
		rc = ruling_delete_many(&r, kind, list, b.count, &e);
		snprintf(done, sizeof(done), "no longer %s", rule_verbs[kind].done);
		if (rc)
			rc = batch_fail(cli, &r, &b, rc == -ENOENT ? CLI_NO_ENTRY : CLI_FAILED, &e);
		else
			rc = rule_many_say(cli, &r, done, b.count, 0);
		if (rc == 0)
			(void)undo_warn_providers(cli, &r, kind, list, b.count);
	}
	ruling_close(&r);
	batch_free(&b);
	free(list);
	return rc;
}

static int rule_undo(struct cli *cli, enum store_kind kind, const struct sentence *s)
{
	if (strcmp(s->word[0], RULE_STDIN) == 0)
		return rule_undo_batch(cli, kind, s);
	return rule_undo_one(cli, kind, s);
}

int verb_block(struct cli *cli, const struct sentence *s)
{
	return rule_put(cli, STORE_BLOCK, s);
}

int verb_unblock(struct cli *cli, const struct sentence *s)
{
	return rule_undo(cli, STORE_BLOCK, s);
}

int verb_allow(struct cli *cli, const struct sentence *s)
{
	return rule_put(cli, STORE_ALLOW, s);
}

int verb_disallow(struct cli *cli, const struct sentence *s)
{
	return rule_undo(cli, STORE_ALLOW, s);
}

int verb_trust(struct cli *cli, const struct sentence *s)
{
	return rule_put(cli, STORE_TRUST, s);
}

int verb_distrust(struct cli *cli, const struct sentence *s)
{
	return rule_undo(cli, STORE_TRUST, s);
}
