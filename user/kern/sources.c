/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources: what was decided about strangers automatically (pn_listed), and who is known (pn_known).
 *
 * has_listed and has_known of pn_conf let the kernel skip an empty list, and must never be 0 while it has an entry. So
 * they are set before an entry is put in and again behind it; only reaping takes them back, and looks twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/grow.h"
#include "kern/kern.h"
#include "kern/maps.h"

struct source_walk {
	int (*fn)(void *c, const struct source_entry *s);
	void *c;
};

static int visit_listed(void *c, const void *key, const void *value)
{
	struct source_walk *w = c;
	struct pn_listed listed;
	struct source_entry s = {.prefix = prefix_of_key(key), .listed = true};

	memcpy(&listed, value, sizeof(listed));
	s.action = listed.action;
	s.origin = listed.origin;
	s.expires = listed.expires;
	return w->fn(w->c, &s);
}

static int visit_known(void *c, const void *key, const void *value)
{
	struct source_walk *w = c;
	struct pn_known known;
	struct source_entry s = {.prefix = prefix_of_key(key), .action = PN_PASS};

	memcpy(&known, value, sizeof(known));
	s.origin = known.origin;
	s.expires = known.until == PN_FOREVER ? 0 : known.until;
	return w->fn(w->c, &s);
}

int sources_each(struct gate *g, int (*fn)(void *c, const struct source_entry *s), void *c,
		 struct err *e)
{
	struct source_walk w = {fn, c};
	int r = map_walk(g->map.pn_listed, sizeof(struct pn_key), sizeof(struct pn_listed),
			 visit_listed, &w);

	if (!r)
		r = map_walk(g->map.pn_known, sizeof(struct pn_key), sizeof(struct pn_known),
			     visit_known, &w);
	return r < 0 ? err_set(e, r, "cannot read pn_listed or pn_known: %s", strerror(-r)) : r;
}

struct pruning {
	bool (*is_stray)(void *c, const struct source_entry *s);
	void *context;
	struct prefix *list;
	size_t count, room;
};

static int stray_collect(void *context, const struct source_entry *s)
{
	struct pruning *p = context;
	void *grown;

	if (!s->listed || !p->is_stray(p->context, s))
		return 0;
	grown = grow(p->list, p->count, &p->room, sizeof(*p->list));
	if (!grown)
		return -ENOMEM;
	p->list = grown;
	p->list[p->count++] = s->prefix;
	return 0;
}

int sources_prune_listed(struct gate *g, bool (*is_stray)(void *c, const struct source_entry *s),
			 void (*taken)(void *c, const struct prefix *p), void *c, struct err *e)
{
	struct pruning p = {.is_stray = is_stray, .context = c};
	int r = sources_each(g, stray_collect, &p, e);

	for (size_t i = 0; i < p.count; i++) {
		(void)sources_take_listed(g, &p.list[i], NULL);
		if (taken)
			taken(c, &p.list[i]);
	}
	free(p.list);
	return r;
}

static int source_put(__u32 *has, int fd, const struct pn_key *key, const void *value,
		      const char *map, const char *config_key, struct err *e)
{
	int r;

	__atomic_store_n(has, 1, __ATOMIC_SEQ_CST);
	r = map_put_entry(fd, key, value, map, config_key, e);
	__atomic_store_n(has, 1, __ATOMIC_SEQ_CST);
	return r;
}

int sources_put_listed(struct gate *g, const struct prefix *p, const struct pn_listed *l,
		       struct err *e)
{
	struct pn_key key = key_of_prefix(p);

	return source_put(&g->conf->has_listed, g->map.pn_listed, &key, l, "pn_listed",
			  "tables.listed", e);
}

int sources_get_listed(struct gate *g, const struct prefix *p, struct pn_listed *out, struct err *e)
{
	struct pn_key key = key_of_prefix(p);
	struct pn_listed there;

	if (bpf_map_lookup_elem(g->map.pn_listed, &key, out ? out : &there) == 0)
		return 0;
	if (errno == ENOENT)
		return -ENOENT;
	return err_set(e, -errno, "cannot read pn_listed: %s", strerror(errno));
}

int sources_take_listed(struct gate *g, const struct prefix *p, struct err *e)
{
	struct pn_key key = key_of_prefix(p);

	return map_take_entry(g->map.pn_listed, &key, e);
}

int sources_put_known(struct gate *g, const struct addr *a, const struct pn_known *k, struct err *e)
{
	struct pn_key key = key_of_source(a);

	return source_put(&g->conf->has_known, g->map.pn_known, &key, k, "pn_known", "tables.known",
			  e);
}

int sources_take_known(struct gate *g, const struct addr *a, struct err *e)
{
	struct pn_key key = key_of_source(a);

	return map_take_entry(g->map.pn_known, &key, e);
}

int sources_get_known(struct gate *g, const struct addr *a, struct pn_known *out, struct err *e)
{
	struct pn_key key = key_of_source(a);

	if (bpf_map_lookup_elem(g->map.pn_known, &key, out) == 0)
		return 0;
	if (errno == ENOENT)
		return -ENOENT;
	return err_set(e, -errno, "cannot read pn_known: %s", strerror(errno));
}

int sources_forget(struct gate *g, const struct addr *a, struct err *e)
{
	struct pn_key host = key_of_prefix(&(struct prefix){.addr = *a, .bits = ADDR_BITS});
	struct pn_key source = key_of_source(a), network = key_of_network(a);
	const struct {
		int fd;
		const struct pn_key *key;
	} places[] = {
		{g->map.pn_listed, &host},    {g->map.pn_listed, &source},
		{g->map.pn_listed, &network}, {g->map.pn_known, &source},
		{g->map.pn_rate, &source},    {g->map.pn_answered, &source},
	};
	bool found = false;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (bpf_map_delete_elem(places[i].fd, places[i].key) == 0)
			found = true;
		else if (errno != ENOENT)
			return err_set(e, -errno, "the kernel refused to forget: %s",
				       strerror(errno));
	}
	return found ? 0 : -ENOENT;
}
