/* SPDX-License-Identifier: BSD-2-Clause */
/* Providers as rows: see providers.h. They are few and seldom touched, so their statements are not kept. */
#include "store/providers.h"

#include <errno.h>
#include <string.h>

#include "store/inside.h"

static int change(struct store *s, sqlite3_stmt *st, struct err *e)
{
	int code = sqlite3_step(st);

	code = code == SQLITE_DONE ? 0 : fault_set(s, code, "cannot write to the store", e);
	sqlite3_finalize(st);
	return code;
}

static int delete_all(struct store *s, const char *domain, struct err *e)
{
	static const char *const each[] = {"DELETE FROM provider WHERE domain = ?1",
					   "DELETE FROM provider_network WHERE domain = ?1"};
	sqlite3_stmt *st = NULL;
	int code = 0;

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]) && code == 0; i++) {
		code = statement_prepare(s, each[i], &st, e);
		if (code < 0)
			return code;
		row_bind_text(st, 1, domain);
		code = change(s, st, e);
	}
	return code;
}

static int networks_put(struct store *s, const char *domain, bool held, const struct prefix *list,
			unsigned count, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code = 0;

	for (unsigned i = 0; i < count && code == 0; i++) {
		code = row_check_prefix(&list[i], e);
		if (code == 0)
			code = statement_prepare(
				s,
				"INSERT OR REPLACE INTO provider_network "
				"(domain, held, addr, bits) VALUES (?1, ?2, ?3, ?4)",
				&st, e);
		if (code < 0)
			return code;
		row_bind_text(st, 1, domain);
		sqlite3_bind_int(st, 2, held);
		row_bind_addr(st, 3, &list[i].addr);
		sqlite3_bind_int(st, 4, list[i].bits);
		code = change(s, st, e);
	}
	return code;
}

static int row_put(struct store *s, const struct store_provider *p, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code = statement_prepare(
		s, "INSERT INTO provider (domain, read_wall_s, held_wall_s) VALUES (?1, ?2, ?3)",
		&st, e);

	if (code < 0)
		return code;
	row_bind_text(st, 1, p->domain);
	sqlite3_bind_int64(st, 2, p->read_wall_s);
	sqlite3_bind_int64(st, 3, p->held_wall_s);
	return change(s, st, e);
}

int store_put_provider(struct store *s, const struct store_provider *p, struct err *e)
{
	bool own = false;
	int code;

	if (!p->domain[0] || strnlen(p->domain, sizeof(p->domain)) == sizeof(p->domain) ||
	    p->count > STORE_NETWORKS_MAX || p->held_count > STORE_NETWORKS_MAX)
		return err_set(e, -EINVAL, "a provider without a name, or with too many networks");
	code = statement_may_change(s, e);
	if (code == 0)
		code = transaction_enter(s, &own, e);
	if (code < 0)
		return code;
	code = delete_all(s, p->domain, e);
	if (code == 0)
		code = row_put(s, p, e);
	if (code == 0)
		code = networks_put(s, p->domain, false, p->network, p->count, e);
	if (code == 0)
		code = networks_put(s, p->domain, true, p->held, p->held_count, e);
	return transaction_leave(s, own, code, e);
}

static int network_take(sqlite3_stmt *st, struct store_provider *out)
{
	bool held = sqlite3_column_int(st, 0) != 0;
	struct prefix *list = held ? out->held : out->network;
	unsigned *count = held ? &out->held_count : &out->count;

	/* A file that somebody has edited: what is no prefix is none of his. */
	if (*count < STORE_NETWORKS_MAX && row_read_prefix(st, 1, 2, &list[*count]))
		++*count;
	return 0;
}

static int networks_get(struct store *s, struct store_provider *out, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code =
		statement_prepare(s,
				  "SELECT held, addr, bits FROM provider_network WHERE domain = ?1 "
				  "ORDER BY held, addr, bits",
				  &st, e);

	if (code < 0)
		return code;
	row_bind_text(st, 1, out->domain);
	while ((code = sqlite3_step(st)) == SQLITE_ROW)
		network_take(st, out);
	return row_walk_end(s, st, code, 0, e);
}

int store_get_provider(struct store *s, const char *domain, struct store_provider *out,
		       struct err *e)
{
	sqlite3_stmt *st = NULL;
	int code = statement_prepare(
		s, "SELECT read_wall_s, held_wall_s FROM provider WHERE domain = ?1", &st, e);

	if (code < 0)
		return code;
	memset(out, 0, sizeof(*out));
	strncpy(out->domain, domain, sizeof(out->domain) - 1);
	row_bind_text(st, 1, domain);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW) {
		out->read_wall_s = sqlite3_column_int64(st, 0);
		out->held_wall_s = sqlite3_column_int64(st, 1);
		code = 0;
	} else if (code == SQLITE_DONE) {
		code = err_set(e, -ENOENT, "nothing is known of the provider");
	} else {
		code = fault_set(s, code, "cannot read the store", e);
	}
	sqlite3_finalize(st);
	return code ? code : networks_get(s, out, e);
}

#define DOMAINS_STALE_MAX 64 /* twice as many as a configuration has; the rest goes the next time */

int store_keep_providers(struct store *s, const char *const *domains, size_t count, struct err *e)
{
	char stale[DOMAINS_STALE_MAX][STORE_DOMAIN_MAX];
	unsigned stale_count = 0;
	sqlite3_stmt *st = NULL;
	bool own = false;
	int code = statement_prepare(s, "SELECT domain FROM provider", &st, e);

	if (code < 0)
		return code;
	while (stale_count < DOMAINS_STALE_MAX && (code = sqlite3_step(st)) == SQLITE_ROW) {
		size_t i = 0;

		if (!row_read_text(st, 0, stale[stale_count], sizeof(stale[0])))
			continue;
		while (i < count && strcmp(domains[i], stale[stale_count]) != 0)
			i++;
		stale_count += i == count;
	}
	sqlite3_finalize(st);
	if (!stale_count)
		return code == SQLITE_DONE ? 0 : fault_set(s, code, "cannot read the store", e);
	code = statement_may_change(s, e);
	if (code == 0)
		code = transaction_enter(s, &own, e);
	if (code < 0)
		return code;
	while (stale_count-- > 0 && code == 0)
		code = delete_all(s, stale[stale_count], e);
	return transaction_leave(s, own, code, e);
}

int store_each_provider_of(struct store *s, const struct addr *a,
			   int (*fn)(void *context, const char *domain, const struct prefix *p),
			   void *context, struct err *e)
{
	char domain[STORE_DOMAIN_MAX];
	sqlite3_stmt *st = NULL;
	struct prefix p;
	int code, step = SQLITE_DONE;

	code = statement_prepare(
		s,
		ROWS_WITH_ADDR("domain, provider_network.addr, provider_network.bits",
			       "provider_network") "AND NOT held",
		&st, e);
	if (code < 0)
		return code;
	row_bind_addr(st, 1, a);
	sqlite3_bind_int(st, 2, addr_is_v4(a) ? ADDR_V4_LEAD_BITS : 0);
	while (code == 0 && (step = sqlite3_step(st)) == SQLITE_ROW)
		if (row_read_text(st, 0, domain, sizeof(domain)) && row_read_prefix(st, 1, 2, &p))
			code = fn(context, domain, &p);
	return row_walk_end(s, st, step, code, e);
}
