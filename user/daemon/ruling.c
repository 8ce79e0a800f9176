/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of rules. The store first, the kernel second, both under the store's lock, so that two commands at once
 * end with store and maps alike. The other order would be worse: a rule that the kernel has and the store
 * lacks is lost at the next start, after it was reported as done. If the kernel refuses a change, what the
 * store and the maps had before is put back, in reverse order, so that a prefix given twice comes out right.
 */
#include "daemon/ruling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/when.h"
#include "daemon/protected.h"
#include "daemon/setup.h"
#include "daemon/sockets.h"

/* One rule that comes or goes, and what stood there before. */
struct change {
	enum store_kind kind;
	struct prefix prefix;
	const struct store_rule *put; /* NULL: delete */
	struct store_rule
		*before[2]; /* of this kind; of allow's twin, trust, or the other way round */
	bool kept;	    /* what stood there is another's, and stays */
};

const char *ruling_state_dir(const struct conf *c, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s/%s/trial", CONF_RUN_DIR, c->instance);
	if (access(buffer, F_OK))
		snprintf(buffer, size, "%s/%s", c->state_dir, c->instance);
	return buffer;
}

int ruling_refresh(struct ruling *r, struct err *e)
{
	struct gate *fresh = NULL;
	int rc;

	if (!r->owns_gate)
		return 0;
	rc = gate_open(&fresh, r->conf->instance, e);
	if (rc && rc != -ENOENT)
		return rc;
	gate_close(r->gate);
	r->gate = rc ? NULL : fresh;
	return 0;
}

int ruling_open(struct ruling *r, const struct conf *c, struct err *e)
{
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	int rc;

	*r = (struct ruling){.conf = c, .owns_gate = true};
	/* The gate first: without privileges that says why, and no empty store is left behind. */
	rc = ruling_refresh(r, e);
	if (rc)
		return rc;
	rc = store_open(&r->store, ruling_state_dir(c, dir, sizeof(dir)), STORE_WRITE, e);
	if (rc)
		ruling_close(r);
	return rc;
}

void ruling_close(struct ruling *r)
{
	store_close(r->store);
	if (r->owns_gate)
		gate_close(r->gate);
	r->store = NULL;
	r->gate = NULL;
}

/* ---- what may not be blocked ---- */

/* What can be done about it, for those of whom something can. */
static const char *protect_advice(enum protect_kind kind)
{
	switch (kind) {
	case PROTECT_LOCAL:
		return " (unless local_networks = false)";
	case PROTECT_CONFIG:
		return " (take it out there first)";
	default:
		return "";
	}
}

/*
 * A login is no part of this host, and SSH is not policed: the block would only meet the mail from there. So the operator may have his
 * way, if he says so; entries that nobody may block are looked for first.
 */
static int protected_check(const struct protected_list *list, const struct prefix *prefix,
			   bool anyway, struct err *e)
{
	char text[PREFIX_TEXT_MAX], touched[PREFIX_TEXT_MAX];
	const struct protect_entry *which;
	enum protect_touch touch;
	size_t hard = list->count;

	while (hard && list->entry[hard - 1].kind == PROTECT_LOGIN)
		hard--;
	prefix_format(prefix, text);
	touch = protect_find(list->entry, hard, prefix, &which);
	if (touch == PROTECT_INSIDE && prefix_equal(&which->prefix, prefix))
		return err_set(e, -EPERM, "%s is %s and never blocked%s", text,
			       protect_sentence(which->kind), protect_advice(which->kind));
	if (protect_is_too_wide(prefix))
		return err_set(
			e, -EPERM,
			"%s is too wide for a block (at most an IPv4 /8 or an IPv6 /12): to let in "
			"few and nobody else, name them in `only` of the port; to have nothing "
			"refused, `postern monitor`",
			text);
	if (touch != PROTECT_NONE)
		return err_set(e, -EPERM, "%s %s %s, %s, which is never blocked%s", text,
			       touch == PROTECT_INSIDE ? "lies in" : "covers",
			       prefix_format(&which->prefix, touched),
			       protect_sentence(which->kind), protect_advice(which->kind));
	touch = protect_find(list->entry + hard, list->count - hard, prefix, &which);
	if (touch == PROTECT_NONE || anyway)
		return 0;
	return err_set(e, -EPERM,
		       "from %s, which %s %s, somebody is logged in to this host: mail from there "
		       "would be "
		       "kept out (SSH is never touched); to block it all the same, say `anyway` "
		       "behind the "
		       "prefix",
		       prefix_format(&which->prefix, touched),
		       touch == PROTECT_COVERS ? "lies in" : "is", text);
}

/* ---- one side: the store ---- */

static enum store_kind twin_of(enum store_kind kind)
{
	if (kind == STORE_BLOCK)
		return STORE_BLOCK;
	return kind == STORE_ALLOW ? STORE_TRUST : STORE_ALLOW;
}

/* *out: the stored rule in memory of its own, or NULL when there is none. */
static int before_read(struct ruling *r, enum store_kind kind, const struct prefix *p,
		       struct store_rule **out, struct err *e)
{
	struct store_rule found;
	int rc = store_get_rule(r->store, kind, p, &found, e);

	if (rc == -ENOENT)
		return 0;
	if (rc)
		return rc;
	*out = malloc(sizeof(**out));
	if (!*out)
		return err_set(e, -ENOMEM, "cannot keep the rule of before: out of memory");
	**out = found;
	return 0;
}

static int change_remember(struct ruling *r, struct change *c, struct err *e)
{
	enum store_kind twin = twin_of(c->kind);
	int rc = before_read(r, c->kind, &c->prefix, &c->before[0], e);

	if (rc == 0 && twin != c->kind)
		rc = before_read(r, twin, &c->prefix, &c->before[1], e);
	return rc;
}

/* Is what stood there of another origin than the one that may be changed? */
static bool change_is_others(const struct ruling *r, const struct change *c)
{
	return r->origin && c->before[0] && strcmp(c->before[0]->origin, r->origin) != 0;
}

static int change_store(struct ruling *r, struct change *c, struct err *e)
{
	int rc;

	/* Whose a rule of the maps alone is, nobody knows. */
	if (!c->put && r->origin && !c->before[0])
		return -ENOENT;
	if (change_is_others(r, c)) {
		if (!c->put)
			return -ENOENT;
		c->kept = true;
		r->kept++;
		memcpy(r->kept_origin, c->before[0]->origin, sizeof(r->kept_origin));
		return 0;
	}
	rc = c->put ? store_put_rule(r->store, c->put, e)
		    : store_delete_rule(r->store, c->kind, &c->prefix, e);

	/* A rule of the maps alone may be deleted too: the kernel's side decides. */
	return !c->put && rc == -ENOENT && r->gate ? 0 : rc;
}

static void change_unstore(struct ruling *r, const struct change *c)
{
	if (c->kept)
		return;
	if (c->put && !c->before[0])
		(void)store_delete_rule(r->store, c->kind, &c->prefix, NULL);
	for (int i = 0; i < 2; i++)
		if (c->before[i])
			(void)store_put_rule(r->store, c->before[i], NULL);
}

/* ---- what providers have ---- */

struct provider_look {
	const struct prefix *prefix;
	struct ruling_provider *found;
};

static int provider_look(void *context, const char *domain, const struct prefix *network)
{
	struct provider_look *l = context;

	if (!prefix_covers(network, l->prefix))
		return 0;
	l->found->network = *network;
	text_escape(domain, strlen(domain), l->found->domain, sizeof(l->found->domain));
	return 1;
}

bool ruling_find_provider(struct ruling *r, const struct prefix *p, struct ruling_provider *out)
{
	struct provider_look l = {p, out};

	return store_each_provider_of(r->store, &p->addr, provider_look, &l, NULL) > 0;
}

/* ---- the other side: the maps ---- */

static enum pn_action block_action(enum store_action action)
{
	switch (action) {
	case STORE_REFUSE:
		return PN_REFUSE;
	case STORE_REPLY:
		return PN_REPLY;
	default:
		return PN_DROP;
	}
}

int ruling_rule_to_map(struct gate *g, const struct store_rule *rule, struct err *e)
{
	if (rule->kind == STORE_BLOCK)
		return rules_block(g, &rule->prefix, block_action(rule->action),
				   rule->expires_boot_ns, e);
	return rules_allow(g, &rule->prefix, rule->kind == STORE_TRUST ? PN_TRUST : PN_ALLOW,
			   PN_ORIGIN_OPERATOR, rule->expires_boot_ns, e);
}

/* What an entry of pn_allow stood over comes back: the network of a provider here, own addresses by own_restore(). */
static int rule_from_map(struct ruling *r, enum store_kind kind, const struct prefix *p,
			 struct err *e)
{
	struct ruling_provider spf;

	if (kind == STORE_BLOCK)
		return rules_unblock(r->gate, p, e);
	if (ruling_find_provider(r, p, &spf) && prefix_equal(&spf.network, p))
		return rules_allow(r->gate, p, PN_TRUST, PN_ORIGIN_SPF, 0, e);
	return rules_disallow(r->gate, p, e);
}

static int change_map(struct ruling *r, const struct change *c, struct err *e)
{
	int rc;

	if (c->kept)
		return 0;
	if (c->put)
		return ruling_rule_to_map(r->gate, c->put, e);
	/* `disallow` of a trusted prefix must leave it alone, and so must it an own address. */
	if (c->kind != STORE_BLOCK && !c->before[0])
		return -ENOENT;
	rc = rule_from_map(r, c->kind, &c->prefix, e);
	/* An entry that had expired may have been reaped a moment ago. */
	return rc == -ENOENT && c->before[0] ? 0 : rc;
}

static void change_unmap(struct ruling *r, const struct change *c)
{
	const struct store_rule *before = c->before[0] ? c->before[0] : c->before[1];

	if (c->kept)
		return;
	if (before)
		(void)ruling_rule_to_map(r->gate, before, NULL);
	else if (c->put)
		(void)rule_from_map(r, c->kind, &c->prefix, NULL);
}

/* ---- both, with the way back ---- */

/* What went into pn_allow over an own address must give it back when it leaves. */
static int own_restore(struct ruling *r, struct err *e)
{
	int ifindexes[SETUP_LINKS_MAX];
	unsigned count = setup_guarded(r->gate, r->conf, ifindexes, SETUP_LINKS_MAX);

	return setup_own(r->gate, r->conf, ifindexes, count, e);
}

/* Take back changes [0, mapped) from the maps and all of them from the store. */
static void changes_undo(struct ruling *r, const struct change *list, size_t count, size_t mapped)
{
	while (mapped-- > 0)
		change_unmap(r, &list[mapped]);
	if (store_begin(r->store, NULL))
		return;
	for (size_t i = count; i-- > 0;)
		change_unstore(r, &list[i]);
	if (store_commit(r->store, NULL))
		store_rollback(r->store);
}

static int changes_store(struct ruling *r, struct change *list, size_t count, struct err *e)
{
	int rc = store_begin(r->store, e);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		r->fault_at = i;
		rc = change_remember(r, &list[i], e);
		if (rc == 0)
			rc = change_store(r, &list[i], e);
	}
	if (rc == 0)
		rc = store_commit(r->store, e);
	if (rc)
		store_rollback(r->store);
	return rc;
}

static int changes_map(struct ruling *r, struct change *list, size_t count, struct err *e)
{
	bool touched_allow = false;
	int rc = 0;

	for (size_t i = 0; i < count; i++) {
		r->fault_at = i;
		rc = change_map(r, &list[i], e);
		if (rc) {
			changes_undo(r, list, count, i);
			break;
		}
		touched_allow |= !list[i].put && list[i].kind != STORE_BLOCK;
	}
	if (touched_allow || (rc && list[0].kind != STORE_BLOCK))
		(void)own_restore(r, NULL);
	return rc;
}

static int changes_apply(struct ruling *r, struct change *list, size_t count, struct err *e)
{
	int rc = store_lock(r->store, e);

	if (rc)
		return rc;
	rc = ruling_refresh(r, e);
	if (rc == 0)
		rc = changes_store(r, list, count, e);
	if (rc == 0 && r->gate)
		rc = changes_map(r, list, count, e);
	store_unlock(r->store);
	return rc;
}

static void changes_free(struct change *list, size_t count)
{
	for (size_t i = 0; list && i < count; i++) {
		free(list[i].before[0]);
		free(list[i].before[1]);
	}
	free(list);
}

/* ---- the public face ---- */

static int put_check(struct ruling *r, const struct store_rule *rules, size_t count, struct err *e)
{
	struct protected_list list = {0};
	bool known = false;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		r->fault_at = i;
		if (rules[i].kind != STORE_BLOCK)
			continue;
		if (!known)
			rc = protected_read(&list, r->conf, r->gate, e);
		known = true;
		if (rc == 0)
			rc = protected_check(&list, &rules[i].prefix, r->anyway, e);
	}
	protected_free(&list);
	return rc;
}

/* The rules hold already: that some open socket lives on is told, and is no failure. */
static void put_cut(struct ruling *r, const struct store_rule *rules, size_t count,
		    unsigned *killed)
{
	struct prefix *list = calloc(count, sizeof(*list));
	size_t blocks = 0;

	if (!list) {
		err_set(&r->cut, -ENOMEM, "open connections were not destroyed: out of memory");
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (rules[i].kind == STORE_BLOCK)
			list[blocks++] = rules[i].prefix;
	if (blocks && sockets_destroy(r->conf, r->gate, list, blocks, killed, &r->cut))
		err_prefix(&r->cut, "open connections were not all destroyed");
	free(list);
}

int ruling_put_many(struct ruling *r, const struct store_rule *rules, size_t count,
		    unsigned *killed, struct err *e)
{
	struct change *list;
	int rc;

	*killed = 0;
	r->kept = 0;
	r->cut = (struct err){0};
	if (!count)
		return 0;
	rc = put_check(r, rules, count, e);
	if (rc)
		return rc;
	list = calloc(count, sizeof(*list));
	if (!list)
		return err_set(e, -ENOMEM, "cannot change %zu rules: out of memory", count);
	for (size_t i = 0; i < count; i++)
		list[i] = (struct change){
			.kind = rules[i].kind, .prefix = rules[i].prefix, .put = &rules[i]};
	rc = changes_apply(r, list, count, e);
	changes_free(list, count);
	if (rc == 0 && r->gate)
		put_cut(r, rules, count, killed);
	return rc;
}

int ruling_put(struct ruling *r, const struct store_rule *rule, unsigned *killed, struct err *e)
{
	return ruling_put_many(r, rule, 1, killed, e);
}

/* The longest stored rule of a kind (or its twin) that covers a prefix. */
struct cover {
	enum store_kind kind;
	const struct prefix *prefix;
	struct store_rule found;
	bool has;
};

static int cover_look(void *context, const struct store_rule *rule)
{
	struct cover *c = context;

	if (rule->kind != c->kind && rule->kind != twin_of(c->kind))
		return 0;
	if (!prefix_covers(&rule->prefix, c->prefix))
		return 0;
	if (!c->has || rule->prefix.bits > c->found.prefix.bits) {
		c->found = *rule;
		c->has = true;
	}
	return 0;
}

static const char *kind_done(enum store_kind kind)
{
	if (kind == STORE_BLOCK)
		return "blocked";
	return kind == STORE_ALLOW ? "allowed" : "trusted";
}

static const char *kind_undo(enum store_kind kind)
{
	if (kind == STORE_BLOCK)
		return "unblock";
	return kind == STORE_ALLOW ? "disallow" : "distrust";
}

static int delete_explain(struct ruling *r, enum store_kind kind, const struct prefix *p,
			  struct err *e)
{
	char text[PREFIX_TEXT_MAX], by[PREFIX_TEXT_MAX];
	struct cover c = {.kind = kind, .prefix = p};
	struct ruling_provider spf;

	(void)store_each_rule(r->store, cover_look, &c, NULL);
	prefix_format(p, text);
	if (!c.has && kind == STORE_TRUST && ruling_find_provider(r, p, &spf))
		return err_set(
			e, -ENOENT,
			"%s is not trusted by a rule: it lies in %s, which the SPF record of %s "
			"names (trust_spf in the configuration)",
			text, prefix_format(&spf.network, by), spf.domain);
	if (!c.has)
		return err_set(e, -ENOENT, "%s is not %s, nor is a prefix that covers it", text,
			       kind_done(kind));
	prefix_format(&c.found.prefix, by);
	if (prefix_equal(&c.found.prefix, p) && c.found.kind == kind)
		return err_set(e, -ENOENT, "%s is %s by origin %s, not by %s", text,
			       kind_done(kind), c.found.origin, r->origin ? r->origin : "any");
	if (prefix_equal(&c.found.prefix, p))
		return err_set(e, -ENOENT, "%s is not %s, it is %s (postern %s %s)", text,
			       kind_done(kind), kind_done(c.found.kind), kind_undo(c.found.kind),
			       by);
	return err_set(e, -ENOENT,
		       "%s has no rule of its own: it lies in %s, which is %s (postern %s %s)",
		       text, by, kind_done(c.found.kind), kind_undo(c.found.kind), by);
}

int ruling_delete_many(struct ruling *r, enum store_kind kind, const struct prefix *list,
		       size_t count, struct err *e)
{
	struct change *changes;
	int rc;

	if (!count)
		return 0;
	changes = calloc(count, sizeof(*changes));
	if (!changes)
		return err_set(e, -ENOMEM, "cannot change %zu rules: out of memory", count);
	for (size_t i = 0; i < count; i++)
		changes[i] = (struct change){.kind = kind, .prefix = list[i]};
	rc = changes_apply(r, changes, count, e);
	changes_free(changes, count);
	if (rc == -ENOENT)
		rc = delete_explain(r, kind, &list[r->fault_at], e);
	return rc;
}

int ruling_delete(struct ruling *r, enum store_kind kind, const struct prefix *p, struct err *e)
{
	return ruling_delete_many(r, kind, p, 1, e);
}
