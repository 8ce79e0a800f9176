/* SPDX-License-Identifier: BSD-2-Clause */
/* Sources: what was decided about strangers automatically (pn_listed), and who is known (pn_known).
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

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
	s.expires = known.until;
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

int sources_forget(struct gate *g, const struct addr *a, struct err *e)
{
	struct pn_key source = key_of_source(a), network = key_of_network(a);
	const struct {
		int fd;
		const struct pn_key *key;
	} places[] = {
		{g->map.pn_listed, &source},
		{g->map.pn_listed, &network},
		{g->map.pn_known, &source},
		{g->map.pn_rate, &source},
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
