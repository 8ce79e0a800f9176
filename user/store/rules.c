/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules as rows, and rows as rules. A row is checked like any foreign bytes: the file may have been
 * edited. */
#include "store/inside.h"

#include <errno.h>
#include <string.h>

#define ROW                                                                                        \
	"SELECT kind, addr, bits, action, origin, because, saying, created_wall_s, " LEFT_NS       \
	" FROM rule "
/* By the primary key, so nothing is sorted and a million rows stream. */
#define ROW_ALL ROW "ORDER BY kind, family, addr, bits"

enum row_column {
	ROW_KIND,
	ROW_ADDR,
	ROW_BITS,
	ROW_ACTION,
	ROW_ORIGIN,
	ROW_BECAUSE,
	ROW_SAYING,
	ROW_CREATED,
	ROW_LEFT,
};

/* Places of the parameters in the statements that name one rule. */
enum rule_parameter {
	PAR_KIND = 1,
	PAR_FAMILY,
	PAR_ADDR,
	PAR_BITS,
	PAR_ACTION,
	PAR_ORIGIN,
	PAR_BECAUSE,
	PAR_SAYING,
	PAR_CREATED,
	PAR_DEADLINE, /* four of them */
};

static int key_check(enum store_kind kind, const struct prefix *p, struct err *e)
{
	if (kind != STORE_BLOCK && kind != STORE_ALLOW && kind != STORE_TRUST)
		return err_set(e, -EINVAL, "a rule of no known kind (%d)", (int)kind);
	return row_check_prefix(p, e);
}

static int rule_check(const struct store_rule *r, struct err *e)
{
	bool is_block = r->kind == STORE_BLOCK;
	int code = key_check(r->kind, &r->prefix, e);

	if (code < 0)
		return code;
	if (is_block ? r->action != STORE_DROP && r->action != STORE_REFUSE &&
			       r->action != STORE_REPLY
		     : r->action != STORE_NONE)
		return err_set(e, -EINVAL, "a %s rule cannot have the action '%s'",
			       store_kind_name(r->kind), store_action_name(r->action));
	if (!row_text_ends(r->origin, sizeof(r->origin)))
		return err_set(e, -EINVAL, "the origin of a rule is longer than %zu bytes",
			       sizeof(r->origin) - 1);
	if (!row_text_ends(r->because, sizeof(r->because)) ||
	    !row_text_ends(r->saying, sizeof(r->saying)))
		return err_set(e, -EINVAL, "the text of a rule is longer than %d bytes",
			       STORE_TEXT_MAX - 1);
	if (r->expires_boot_ns > INT64_MAX)
		return err_set(e, -EINVAL, "the deadline of a rule is out of range");
	return 0;
}

static void key_bind(sqlite3_stmt *st, enum store_kind kind, const struct prefix *p)
{
	sqlite3_bind_int(st, PAR_KIND, kind);
	sqlite3_bind_int(st, PAR_FAMILY, prefix_is_v4(p) ? 4 : 6);
	row_bind_addr(st, PAR_ADDR, &p->addr);
	sqlite3_bind_int(st, PAR_BITS, p->bits);
}

int store_put_rule(struct store *s, const struct store_rule *rule, struct err *e)
{
	int code = statement_may_change(s, e);
	sqlite3_stmt *st;

	if (code == 0)
		code = rule_check(rule, e);
	if (code < 0)
		return code;
	code = statement_use(s, SQL_PUT_RULE, &st, e);
	if (code < 0)
		return code;
	key_bind(st, rule->kind, &rule->prefix);
	sqlite3_bind_int(st, PAR_ACTION, rule->action);
	row_bind_text(st, PAR_ORIGIN, rule->origin);
	row_bind_text(st, PAR_BECAUSE, rule->because);
	row_bind_text(st, PAR_SAYING, rule->saying);
	sqlite3_bind_int64(st, PAR_CREATED, rule->created_wall_s);
	deadline_bind(s, st, PAR_DEADLINE, rule->expires_boot_ns);
	return statement_finish(s, st, NULL, e);
}

int store_delete_rule(struct store *s, enum store_kind kind, const struct prefix *p, struct err *e)
{
	int code = statement_may_change(s, e), found = -ENOENT;
	sqlite3_stmt *st;

	if (code == 0)
		code = key_check(kind, p, e);
	if (code < 0)
		return code;
	code = statement_use(s, SQL_DELETE_RULE, &st, e);
	if (code < 0)
		return code;
	key_bind(st, kind, p);
	/* To its end: the deletion is done only then. One that had expired was no rule any more. */
	while ((code = sqlite3_step(st)) == SQLITE_ROW)
		if (sqlite3_column_type(st, 0) == SQLITE_NULL || sqlite3_column_int64(st, 0) > 0)
			found = 0;
	if (code != SQLITE_DONE)
		found = fault_set(s, code, "cannot write to the store", e);
	else if (found < 0)
		err_set(e, found, "there is no such rule");
	sqlite3_reset(st);
	return found;
}

/* 1: a rule; 0: one that has expired; else -EBADMSG. */
static int row_read(struct store *s, sqlite3_stmt *st, struct store_rule *out, struct err *e)
{
	memset(out, 0, sizeof(*out));
	out->kind = (enum store_kind)sqlite3_column_int(st, ROW_KIND);
	out->action = (enum store_action)sqlite3_column_int(st, ROW_ACTION);
	out->created_wall_s = sqlite3_column_int64(st, ROW_CREATED);
	if (!row_read_prefix(st, ROW_ADDR, ROW_BITS, &out->prefix) ||
	    !row_read_text(st, ROW_ORIGIN, out->origin, sizeof(out->origin)) ||
	    !row_read_text(st, ROW_BECAUSE, out->because, sizeof(out->because)) ||
	    !row_read_text(st, ROW_SAYING, out->saying, sizeof(out->saying)) ||
	    rule_check(out, NULL) < 0)
		return fault_corrupt(s, "a rule in it makes no sense", e);
	return deadline_read(s, st, ROW_LEFT, &out->expires_boot_ns);
}

int store_get_rule(struct store *s, enum store_kind kind, const struct prefix *p,
		   struct store_rule *out, struct err *e)
{
	int code = key_check(kind, p, e);
	sqlite3_stmt *st;

	if (code < 0)
		return code;
	code = statement_use(s, SQL_GET_RULE, &st, e);
	if (code < 0)
		return code;
	key_bind(st, kind, p);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		code = row_read(s, st, out, e);
	else if (code == SQLITE_DONE)
		code = 0;
	else
		code = fault_set(s, code, "cannot read the store", e);
	sqlite3_reset(st);
	if (code == 0)
		return err_set(e, -ENOENT, "there is no such rule");
	return code < 0 ? code : 0;
}

static int row_tell(const struct row_walk *w, struct store *s, sqlite3_stmt *st, struct err *e)
{
	struct store_rule rule;
	int code = row_read(s, st, &rule, e);

	return code > 0 ? w->fn.rule(w->context, &rule) : code;
}

int store_each_rule(struct store *s, int (*fn)(void *context, const struct store_rule *rule),
		    void *context, struct err *e)
{
	const struct row_walk walk = {
		.sql = ROW_ALL, .row = row_tell, .fn.rule = fn, .context = context};

	return row_each(s, &walk, e);
}

int store_reap(struct store *s, unsigned *count, struct err *e)
{
	int code = statement_may_change(s, e);
	sqlite3_stmt *st = NULL;

	*count = 0;
	if (code == 0)
		code = statement_use(s, SQL_REAP_RULES, &st, e);
	return code < 0 ? code : statement_finish(s, st, count, e);
}

const char *store_kind_name(enum store_kind k)
{
	static const char *const names[] = {"block", "allow", "trust"};

	return (unsigned)k < sizeof(names) / sizeof(*names) ? names[k] : "unknown";
}

const char *store_action_name(enum store_action a)
{
	static const char *const names[] = {"none", "drop", "refuse", "reply"};

	return (unsigned)a < sizeof(names) / sizeof(*names) ? names[a] : "unknown";
}
