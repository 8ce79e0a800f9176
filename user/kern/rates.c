/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates as people read them: how much of a burst is spent, and when one more is let in. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/when.h"
#include "kern/kern.h"
#include "kern/maps.h"

static bool is_network_key(const struct pn_key *k)
{
	return k->bits == PN_NETWORK_BITS_V4 || k->bits == PN_NETWORK_BITS_V6;
}

/* The kernel's own arithmetic (bpf/limits.bpf.h), in numbers of connections. */
static void describe(struct rate_entry *out, const struct pn_limit *limit, uint64_t arrival_ns,
		     uint64_t now)
{
	uint64_t most = now + limit->burst_ns + limit->interval_ns, ahead;

	out->charged_ns = arrival_ns;
	if (!limit->interval_ns)
		return;
	if (arrival_ns > most)
		arrival_ns = most;
	ahead = arrival_ns > now ? arrival_ns - now : 0;
	out->limit = (uint32_t)(limit->burst_ns / limit->interval_ns) + 1;
	out->used = (uint32_t)((ahead + limit->interval_ns - 1) / limit->interval_ns);
	out->free_in_ns = ahead > limit->burst_ns ? ahead - limit->burst_ns : 0;
}

struct rate_walk {
	struct gate *g;
	uint64_t now;
	int (*fn)(void *c, const struct rate_entry *r);
	void *c;
};

static int visit_rate(void *c, const void *key, const void *value)
{
	struct rate_walk *w = c;
	struct rate_entry r = {0};
	struct pn_rate rate;

	memcpy(&rate, value, sizeof(rate));
	r.source = prefix_of_key(key);
	r.network = is_network_key(key);
	describe(&r, r.network ? &w->g->conf->network_rate : &w->g->conf->rate, rate.arrival_ns,
		 w->now);
	return w->fn(w->c, &r);
}

int rates_each(struct gate *g, int (*fn)(void *c, const struct rate_entry *r), void *c,
	       struct err *e)
{
	struct rate_walk w = {g, now_monotonic_ns(), fn, c};
	int r = map_walk(g->map.pn_rate, sizeof(struct pn_key), sizeof(struct pn_rate), visit_rate,
			 &w);

	return r < 0 ? err_set(e, r, "cannot read pn_rate: %s", strerror(-r)) : r;
}

int rates_get(struct gate *g, const struct addr *a, bool network, struct rate_entry *out,
	      struct err *e)
{
	struct pn_key key = network ? key_of_network(a) : key_of_source(a);
	struct pn_rate rate = {0};

	memset(out, 0, sizeof(*out));
	out->source = prefix_of_key(&key);
	out->network = network;
	if (bpf_map_lookup_elem(g->map.pn_rate, &key, &rate) && errno != ENOENT)
		return err_set(e, -errno, "cannot read pn_rate: %s", strerror(errno));
	describe(out, network ? &g->conf->network_rate : &g->conf->rate, rate.arrival_ns,
		 now_monotonic_ns());
	return 0;
}
