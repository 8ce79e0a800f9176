/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * why: the whole story of one address. What is done with it is the kernel's own answer: the very code that judges packets is asked; how that
 * came about is the store's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"
#include "base/words.h"
#include "cli/fill.h"
#include "cli/show.h"
#include "cli/story.h"
#include "kern/feeds.h"
#include "store/providers.h"

#define PORT_MAX	65535
#define WHY_COMMAND_MAX 160 /* a command with a prefix, and what it is for */

struct answer {
	struct addr addr;
	uint16_t port;
	struct pn_why why;
	struct prefix prefix; /* of the rule that decided */
	bool has_rule;
	struct store_rule stored; /* that rule as the store has it */
	bool has_stored;
	const char *feed; /* its name, where the reason is `feed`; NULL: it has gone meanwhile */
	char feed_name[PN_FEED_NAME_MAX];
	struct prefix trust; /* the longest allow or trust that covers it, if it is a trust */
	bool is_trusted;
	bool by_spf;			 /* it is a provider's */
	char provider[STORE_DOMAIN_MAX]; /* whose; "" when the store does not know */
	struct pn_known known;
	bool is_known;
	struct rate_entry rate;
	uint32_t open, open_max;
	bool enforcing;
	struct story story;
};

/* ---- asking ---- */

static int port_choose(struct cli *cli, const struct sentence *s, struct gate *g, uint16_t *out)
{
	const struct pn_port *ports = gate_conf(g)->ports;
	const char *text = sentence_get(s, "port");
	unsigned long wanted = 0;
	char *end = NULL;

	if (text) {
		errno = 0;
		wanted = strtoul(text, &end, 10);
		if (errno || *end || end == text || text[0] < '0' || text[0] > '9' || wanted == 0 ||
		    wanted > PORT_MAX)
			return cli_fail(cli, CLI_MISUSED,
					"why: \"port\" needs a number from 1 to %d", PORT_MAX);
	}
	for (unsigned i = 0; i < PN_PORTS_MAX && ports[i].port; i++)
		if (text ? ports[i].port == wanted : ports[i].class_ == PN_CLASS_MX) {
			*out = ports[i].port;
			return CLI_DONE;
		}
	/* Without a port of class mx, the first there is. */
	*out = ports[0].port;
	if (!text && *out)
		return CLI_DONE;
	if (!text)
		return cli_fail(cli, CLI_FAILED, "the gate polices no port");
	return cli_fail(cli, CLI_MISUSED, "port %lu is not policed: everything to it passes",
			wanted);
}

static void answer_rule(struct store *store, struct answer *a)
{
	enum store_kind kind = STORE_BLOCK;

	a->has_rule = a->why.bits != 0;
	if (!a->has_rule)
		return;
	a->prefix = prefix_of(&a->addr, (uint8_t)a->why.bits);
	if (a->why.origin != PN_ORIGIN_OPERATOR)
		return;
	if (a->why.reason == PN_REASON_ALLOWED)
		kind = STORE_ALLOW;
	else if (a->why.reason != PN_REASON_RULE && a->why.reason != PN_REASON_BLOCK)
		return;
	a->has_stored = store && store_get_rule(store, kind, &a->prefix, &a->stored, NULL) == 0;
}

/* As the kernel looks it up: the longest entry that lives. */
static int trust_find(void *context, const struct rule_entry *r)
{
	struct answer *a = context;

	if (!prefix_has(&r->prefix, &a->addr) || r->prefix.bits < a->trust.bits ||
	    !rule_is_live(r->rule.expires, now_boot_ns()))
		return 0;
	a->trust = r->prefix;
	a->is_trusted = r->rule.action == PN_TRUST;
	a->by_spf = r->rule.origin == PN_ORIGIN_SPF;
	return 0;
}

static int provider_take(void *context, const char *domain, const struct prefix *p)
{
	struct answer *a = context;

	if (!prefix_equal(p, &a->trust))
		return 0;
	text_escape(domain, strlen(domain), a->provider, sizeof(a->provider));
	return 1;
}

static int answer_get(struct cli *cli, struct gate *g, struct answer *a)
{
	CLI_STORE store = NULL;
	const struct pn_conf *knobs = gate_conf(g);
	struct err e = {0};

	if (why_ask(g, &a->addr, a->port, &a->why, &e) ||
	    rates_get(g, &a->addr, false, &a->rate, &e) || rules_each_allow(g, trust_find, a, &e))
		return cli_fail_err(cli, CLI_FAILED, &e);
	a->is_known = sources_get_known(g, &a->addr, &a->known, NULL) == 0 &&
		      a->known.until > now_boot_ns();
	if (a->why.reason == PN_REASON_FEED)
		a->feed = feeds_get_name(g, a->why.feed, a->feed_name);
	a->open = open_get(g, &a->addr);
	a->open_max = knobs->open_max;
	a->enforcing = knobs->enforce_until > now_boot_ns();
	cli_store_read(cli, &store);
	answer_rule(store, a);
	if (store && a->is_trusted && a->by_spf)
		(void)store_each_provider_of(store, &a->addr, provider_take, a, NULL);
	story_read(cli, store, &a->addr, &a->story);
	return CLI_DONE;
}

/* ---- as JSON ---- */

static const char *rule_action(const struct answer *a)
{
	if (a->why.reason == PN_REASON_ALLOWED)
		return action_name(PN_ALLOW);
	return action_name(a->why.would);
}

/* The kernel knows all of the operator's kind as his; the store knows which program ordered it. */
static const char *rule_origin(const struct answer *a)
{
	return a->has_stored ? a->stored.origin : origin_name(a->why.origin);
}

static json_t *rule_row(const struct answer *a)
{
	char text[PREFIX_TEXT_MAX];
	json_t *row;

	if (!a->has_rule)
		return json_null();
	row = json_object();
	json_object_set_new(row, "prefix", json_string(prefix_format(&a->prefix, text)));
	json_object_set_new(row, "action", json_string(rule_action(a)));
	json_object_set_new(row, "origin", json_string(rule_origin(a)));
	json_object_set_new(row, "because",
			    json_text_or_null(a->has_stored ? a->stored.because : ""));
	json_object_set_new(row, "created",
			    a->has_stored ? json_time_wall(a->stored.created_wall_s) : json_null());
	json_object_set_new(row, "expires", json_time_boot(a->why.expires));
	return row;
}

static json_t *known_row(const struct answer *a)
{
	json_t *row;

	if (!a->is_known)
		return json_null();
	row = json_object();
	json_object_set_new(row, "until", json_time_boot(a->known.until));
	json_object_set_new(row, "fresh_until", json_time_boot(a->known.fresh_until));
	return row;
}

static json_t *answer_row(const struct answer *a)
{
	char prefix[PREFIX_TEXT_MAX];
	char text[ADDR_TEXT_MAX];
	json_t *row = json_object(), *rate = json_object();

	json_object_set_new(row, "addr", json_string(addr_format(&a->addr, text)));
	json_object_set_new(row, "verdict", json_string(action_name(a->why.action)));
	json_object_set_new(row, "reason", json_string(reason_name(a->why.reason)));
	json_object_set_new(row, "would", json_string(action_name(a->why.would)));
	json_object_set_new(row, "rule", rule_row(a));
	json_object_set_new(row, "feed", json_text_or_null(a->feed ? a->feed : ""));
	json_object_set_new(row, "open", json_integer(a->open));
	json_object_set_new(rate, "used", json_integer(a->rate.used));
	json_object_set_new(rate, "limit", json_integer(a->rate.limit));
	json_object_set_new(rate, "free_at", rate_free_at(&a->rate));
	json_object_set_new(row, "rate", rate);
	json_object_set_new(row, "mode", json_string(a->enforcing ? "enforce" : "monitor"));
	json_object_set_new(row, "port", json_integer(a->port));
	json_object_set_new(row, "answers", json_integer(a->why.answers));
	json_object_set_new(row, "trust",
			    a->is_trusted ? json_string(prefix_format(&a->trust, prefix))
					  : json_null());
	json_object_set_new(row, "provider", json_text_or_null(a->provider));
	json_object_set_new(row, "known", known_row(a));
	json_object_set(row, "ban", a->story.ban);
	json_object_set(row, "dnsbl", a->story.dnsbl);
	json_object_set(row, "delivered", a->story.delivered);
	json_object_set(row, "journal", a->story.journal);
	return row;
}

/* ---- for people ---- */

static const char *verdict_sentence(enum pn_action action)
{
	switch (action) {
	case PN_DROP:
		return "is dropped, in silence";
	case PN_REFUSE:
		return "is refused, by a reset";
	case PN_REPLY:
		return "is handed to the responder, which tells the sender why";
	case PN_HOLD:
		return "is dropped once, while DNS lists are asked about it";
	default:
		return "passes";
	}
}

/* What would change the answer, as a command or a key of the configuration. "" when nothing would. */
static const char *change_describe(const struct answer *a, char buffer[static WHY_COMMAND_MAX])
{
	char addr[ADDR_TEXT_MAX], prefix[PREFIX_TEXT_MAX];

	addr_format(&a->addr, addr);
	prefix_format(&a->prefix, prefix);
	buffer[0] = '\0';
	switch (a->why.reason) {
	case PN_REASON_ALLOWED:
		if (a->why.origin == PN_ORIGIN_OPERATOR)
			snprintf(buffer, WHY_COMMAND_MAX, "postern disallow %s", prefix);
		else if (a->why.origin == PN_ORIGIN_CONFIG)
			snprintf(buffer, WHY_COMMAND_MAX, "never_block of the configuration");
		break;
	case PN_REASON_RULE:
	case PN_REASON_BLOCK:
		snprintf(buffer, WHY_COMMAND_MAX, "postern unblock %s, or postern allow %s", prefix,
			 addr);
		break;
	case PN_REASON_FEED:
		snprintf(buffer, WHY_COMMAND_MAX, "postern allow %s", addr);
		break;
	case PN_REASON_BANNED:
	case PN_REASON_LISTED:
		snprintf(buffer, WHY_COMMAND_MAX, "postern forget %s, or postern trust %s", addr,
			 addr);
		break;
	case PN_REASON_HELD:
	case PN_REASON_STRANGER:
		snprintf(buffer, WHY_COMMAND_MAX, "postern trust %s, or postern block %s", addr,
			 addr);
		break;
	case PN_REASON_ONLY:
		snprintf(buffer, WHY_COMMAND_MAX,
			 "add it to \"only\" of port %u in the configuration, or postern allow %s",
			 a->port, addr);
		break;
	case PN_REASON_RATE:
	case PN_REASON_NETWORK_RATE:
		snprintf(buffer, WHY_COMMAND_MAX,
			 "postern forget %s, postern allow %s, or a higher limits.%s", addr, addr,
			 a->why.reason == PN_REASON_RATE ? "rate" : "network_rate");
		break;
	case PN_REASON_OPEN:
	case PN_REASON_TOTAL_OPEN:
	case PN_REASON_TOTAL_RATE:
		snprintf(buffer, WHY_COMMAND_MAX, "postern allow %s, or a higher limits.%s", addr,
			 reason_name(a->why.reason));
		break;
	default:
		if (a->is_trusted && a->by_spf)
			snprintf(buffer, WHY_COMMAND_MAX,
				 "postern block %s, or trust_spf of the configuration", addr);
		else
			snprintf(buffer, WHY_COMMAND_MAX, "%s%s%spostern block %s",
				 a->is_trusted ? "postern distrust " : "",
				 a->is_trusted ? prefix_format(&a->trust, prefix) : "",
				 a->is_trusted ? ", or " : "", addr);
		break;
	}
	return buffer;
}

static void rule_print(const struct answer *a, FILE *out)
{
	char prefix[PREFIX_TEXT_MAX], when[WHEN_TEXT_MAX];

	if (!a->has_rule)
		return;
	fprintf(out, "  rule     %s %s, origin %s", rule_action(a),
		prefix_format(&a->prefix, prefix), rule_origin(a));
	if (a->has_stored)
		fprintf(out, ", since %s", when_format(a->stored.created_wall_s, when));
	fprintf(out, ", %s%s\n", a->why.expires ? "until " : "without an end",
		a->why.expires ? when_format(when_of_boot(a->why.expires), when) : "");
	if (a->has_stored && a->stored.because[0])
		fprintf(out, "  because  %s\n", a->stored.because);
}

static void feed_print(const struct answer *a, FILE *out)
{
	if (a->why.reason == PN_REASON_FEED)
		fprintf(out, "  feed     %s\n", a->feed ? a->feed : "one that has just gone");
}

/* What lets it in though, or when, the lists say nothing. */
static void favour_print(const struct answer *a, FILE *out)
{
	char text[PREFIX_TEXT_MAX], when[WHEN_TEXT_MAX];

	if (a->is_trusted)
		fprintf(out, "  trust    %s%s%s%s: nobody in it is asked about\n",
			prefix_format(&a->trust, text), a->by_spf ? ", by the SPF record of " : "",
			a->by_spf && a->provider[0] ? a->provider : "",
			a->by_spf && !a->provider[0] ? "a provider" : "");
	if (!a->is_known)
		return;
	fprintf(out, "  known    until %s; ", when_format(when_of_boot(a->known.until), when));
	if (a->known.fresh_until > now_boot_ns())
		fprintf(out, "asked about again when it comes after %s\n",
			when_format(when_of_boot(a->known.fresh_until), when));
	else
		fputs("asked about again when it comes\n", out);
	if (!json_is_object(a->story.dnsbl) && a->known.origin == PN_ORIGIN_DNSBL)
		fputs("           without a verdict: the lists have not answered, or not in time\n",
		      out);
}

static void rate_print(const struct answer *a, FILE *out)
{
	char time[DURATION_TEXT_MAX];

	if (!a->rate.limit) {
		fputs("  rate     no limit\n", out);
		return;
	}
	fprintf(out, "  rate     %u of %u used", a->rate.used, a->rate.limit);
	if (a->rate.free_in_ns)
		fprintf(out, ", free again in %s",
			duration_describe((a->rate.free_in_ns + NS_PER_S - 1) / NS_PER_S, time));
	fputc('\n', out);
}

/* How often the responder has said why. */
static void answers_print(const struct answer *a, FILE *out)
{
	uint32_t count = a->why.answers;

	if (a->why.would != PN_REPLY && !count)
		return;
	fprintf(out, "  answers  %u of %d given by the responder%s\n", count, PN_ANSWERS_MAX,
		count < PN_ANSWERS_MAX ? ", then silence" : ", so silence now");
}

static void answer_print(const struct answer *a, FILE *out)
{
	char addr[ADDR_TEXT_MAX], change[WHY_COMMAND_MAX];

	fprintf(out, "%s: its next SYN to port %u %s\n", addr_format(&a->addr, addr), a->port,
		verdict_sentence(a->why.action));
	fprintf(out, "  reason   %s: %s\n", reason_name(a->why.reason),
		reason_sentence(a->why.reason));
	if (a->why.would != a->why.action)
		fprintf(out, "  would    enforce mode: it %s (postern enforce)\n",
			verdict_sentence(a->why.would));
	rule_print(a, out);
	feed_print(a, out);
	favour_print(a, out);
	story_print_delivered(&a->story, out);
	story_print_ban(&a->story, out);
	story_print_dnsbl(&a->story, out);
	answers_print(a, out);
	if (a->open_max)
		fprintf(out, "  open     %u of %u connections\n", a->open, a->open_max);
	else
		fprintf(out, "  open     %u connection%s, no limit\n", a->open, plural(a->open));
	rate_print(a, out);
	fprintf(out, "  mode     %s\n", a->enforcing ? "enforce" : "monitor");
	if (change_describe(a, change)[0])
		fprintf(out, "  change   %s\n", change);
	story_print_journal(&a->story, out);
}

static int answer_say(struct cli *cli, const struct answer *a)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out)
		answer_print(a, out);
	if (!out || fclose(out) == EOF) {
		free(text);
		return cli_fail(cli, CLI_FAILED, "out of memory");
	}
	fill_facts(text);
	free(text);
	return CLI_DONE;
}

int verb_why(struct cli *cli, const struct sentence *s)
{
	struct answer a = {0};
	struct err e = {0};
	CLI_GATE g = NULL;
	int status;

	if (addr_parse(s->word[0], &a.addr, &e))
		return cli_fail(cli, CLI_MISUSED, "why: %s", e.text);
	status = cli_gate_open(cli, &g);
	if (status == CLI_DONE)
		status = port_choose(cli, s, g, &a.port);
	if (status == CLI_DONE)
		status = answer_get(cli, g, &a);
	if (status == CLI_DONE && cli->json)
		status = json_line(stdout, answer_row(&a)) ? CLI_FAILED : CLI_DONE;
	else if (status == CLI_DONE)
		status = answer_say(cli, &a);
	story_free(&a.story);
	return status;
}
