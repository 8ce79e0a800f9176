/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filling a gate. Order matters in two places: lists are filled before the knob that makes the kernel ask
 * them is turned, and everything is filled before gate_switch, so that no packet meets half a
 * configuration.
 */
#include "daemon/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/grow.h"
#include "base/log.h"
#include "base/when.h"
#include "daemon/feeding_list.h"
#include "daemon/ruling.h"
#include "dns/resolver.h"
#include "kern/maps.h"
#include "net/net.h"

_Static_assert(CONF_PORTS_MAX <= PN_PORTS_MAX, "every configured port has a place");
_Static_assert(CONF_NAMESPACES_MAX + 1 <= PN_NETNS_MAX, "own namespace and the configured ones");

/* The port is not for this source: a reset sends an honest sender to the next MX at once. */
#define SETUP_ONLY_ACTION PN_REFUSE
/* A packet is judged in microseconds. */
#define PORTS_GRACE_NS 1000000

struct gate_sizes setup_sizes(const struct conf *c)
{
	return (struct gate_sizes){
		.rules = c->tables.rules,
		.blocks = c->tables.blocks,
		.allow = c->tables.allow,
		.open = c->tables.open,
		.rates = c->tables.rates,
		.listed = c->tables.listed,
		.known = c->tables.known,
	};
}

static struct pn_limit limit_of(const struct conf_rate *rate)
{
	struct pn_limit limit = {0};

	if (!rate->count)
		return limit;
	limit.interval_ns = rate->period_s * NS_PER_S / rate->count;
	if (!limit.interval_ns)
		limit.interval_ns = 1; /* 0 would turn the limit off */
	limit.burst_ns = (rate->burst ? rate->burst - 1 : 0) * limit.interval_ns;
	return limit;
}

/* So many per second, all of which may come at once. */
static struct pn_limit limit_per_second(uint32_t count)
{
	struct conf_rate rate = {.count = count, .period_s = 1, .burst = count};

	return limit_of(&rate);
}

enum pn_action setup_action(enum conf_action action)
{
	switch (action) {
	case CONF_REFUSE:
		return PN_REFUSE;
	case CONF_REPLY:
		return PN_REPLY;
	case CONF_DROP:
		break;
	}
	return PN_DROP;
}

/* Words are written one by one and whole: the kernel reads them while we write. */
#define KNOB_SET(knob, value) __atomic_store_n(&(knob), (value), __ATOMIC_RELEASE)

static void limit_write(struct pn_limit *to, struct pn_limit from)
{
	/* A wider burst goes first, a narrower one last: never stricter in between than old and new. */
	if (from.burst_ns > to->burst_ns)
		KNOB_SET(to->burst_ns, from.burst_ns);
	KNOB_SET(to->interval_ns, from.interval_ns);
	KNOB_SET(to->burst_ns, from.burst_ns);
}

static void limits_write(struct pn_conf *knobs, const struct conf *c)
{
	limit_write(&knobs->rate, limit_of(&c->limits.rate));
	limit_write(&knobs->network_rate, limit_of(&c->limits.network_rate));
	limit_write(&knobs->total_rate, limit_of(&c->limits.total_rate));
	limit_write(&knobs->refuse_budget, limit_per_second(c->budgets.refuse));
	limit_write(&knobs->unproven_budget, limit_per_second(c->dnsbl.unproven_per_s));
	limit_write(&knobs->event_budget, limit_per_second(c->budgets.events));
	KNOB_SET(knobs->event_interval_ns, c->budgets.event_interval_s * NS_PER_S);
	KNOB_SET(knobs->open_max, c->limits.open);
	KNOB_SET(knobs->total_open_max, c->limits.total_open);
	KNOB_SET(knobs->charge_syn, c->charge == CONF_CHARGE_SYN ? 1 : 0);
	KNOB_SET(knobs->rate_action, setup_action(c->actions.rate));
	KNOB_SET(knobs->open_action, setup_action(c->actions.open));
	KNOB_SET(knobs->only_action, SETUP_ONLY_ACTION);
}

/* A port is 8 bytes and aligned, so that it is written as one word and never seen half. */
static void port_write(struct pn_port *to, const struct pn_port *from)
{
	union {
		struct pn_port port;
		uint64_t word;
	} both = {.port = *from};

	__atomic_store_n((uint64_t *)(void *)to, both.word, __ATOMIC_RELEASE);
}

static unsigned ports_make(const struct conf *c, struct pn_port list[static PN_PORTS_MAX])
{
	for (unsigned i = 0; i < c->port_count; i++) {
		const struct conf_port *from = &c->ports[i];

		list[i] = (struct pn_port){
			.port = from->port,
			.local_port = from->local_port ? from->local_port : from->port,
			.class_ = from->class_ == CONF_CLASS_MX ? PN_CLASS_MX : PN_CLASS_SUBMISSION,
			.only = from->only_count ? 1 : 0,
			.can_reply = !conf_no_reply(c, from),
		};
	}
	return c->port_count;
}

static const struct pn_port *port_find(const struct pn_port *list, unsigned count, uint16_t port)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].port == port)
			return &list[i];
	return NULL;
}

/* While a list is emptied, the knob that asks it would shut its port. */
static void ports_open(struct pn_conf *knobs, const struct conf *c)
{
	struct pn_port want[PN_PORTS_MAX] = {0};
	unsigned count = ports_make(c, want);

	for (unsigned i = 0; i < PN_PORTS_MAX && knobs->ports[i].port; i++) {
		const struct pn_port *found = port_find(want, count, knobs->ports[i].port);

		if (found && !found->only && knobs->ports[i].only)
			port_write(&knobs->ports[i], found);
	}
}

/*
 * The kernel reads the list while it changes, up to its first 0: a port that stays is in it at every instant. What goes is overwritten by the last
 * one, which is taken from its end when nobody can have passed the one place and not yet come to the other.
 */
static void ports_write(struct pn_conf *knobs, const struct conf *c)
{
	const struct timespec grace = {.tv_nsec = PORTS_GRACE_NS};
	struct pn_port want[PN_PORTS_MAX] = {0}, none = {0};
	unsigned wanted = ports_make(c, want), count = 0;

	while (count < PN_PORTS_MAX && knobs->ports[count].port)
		count++;
	for (unsigned i = count; i-- > 0;) {
		if (port_find(want, wanted, knobs->ports[i].port))
			continue;
		if (i < --count) {
			port_write(&knobs->ports[i], &knobs->ports[count]);
			(void)nanosleep(&grace, NULL);
		}
		port_write(&knobs->ports[count], &none);
	}
	for (unsigned i = 0; i < count; i++)
		port_write(&knobs->ports[i], port_find(want, wanted, knobs->ports[i].port));
	for (unsigned i = 0; i < wanted; i++)
		if (!port_find(knobs->ports, count, want[i].port))
			port_write(&knobs->ports[count++], &want[i]);
}

static int only_write(struct gate *g, const struct conf *c, struct err *e)
{
	struct only_entry list[CONF_PORTS_MAX * CONF_ONLY_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < c->port_count; i++)
		for (unsigned j = 0; j < c->ports[i].only_count; j++)
			list[count++] = (struct only_entry){.port = c->ports[i].port,
							    .prefix = c->ports[i].only[j]};
	return rules_set_only(g, list, count, e);
}

/* Sockets are counted in our own namespace, which comes first, and in those that are named. */
static int namespaces_write(struct pn_conf *knobs, const struct conf *c, struct err *e)
{
	uint64_t cookies[PN_NETNS_MAX] = {0};
	int rc = net_cookie(&cookies[0], e);

	for (unsigned i = 0; rc == 0 && i < c->namespace_count; i++)
		rc = net_cookie_of(c->namespaces[i], &cookies[i + 1], e);
	if (rc)
		return rc;
	for (unsigned i = 0; i < PN_NETNS_MAX; i++)
		KNOB_SET(knobs->netns[i], cookies[i]);
	return 0;
}

int setup_conf(struct gate *g, const struct conf *c, struct err *e)
{
	struct pn_conf *knobs = gate_conf(g);
	int rc = namespaces_write(knobs, c, e);

	if (rc)
		return rc;
	KNOB_SET(knobs->abi, PN_ABI_VERSION);
	limits_write(knobs, c);
	/* An emptied guard list would police nothing while the knob still asks it. */
	if (!c->guard_count)
		KNOB_SET(knobs->guarded, 0);
	rc = rules_set_guard(g, c->guard, c->guard_count, e);
	if (rc)
		return rc;
	if (c->guard_count)
		KNOB_SET(knobs->guarded, 1);
	ports_open(knobs, c);
	rc = only_write(g, c, e);
	if (rc)
		return rc;
	ports_write(knobs, c);
	return 0;
}

/* ---- own addresses ---- */

struct allow_list {
	struct rule_entry *entry;
	size_t count, room;
};

static int allow_collect(void *context, const struct rule_entry *r)
{
	struct allow_list *list = context;
	void *grown = grow(list->entry, list->count, &list->room, sizeof(*list->entry));

	if (!grown)
		return -ENOMEM;
	list->entry = grown;
	list->entry[list->count++] = *r;
	return 0;
}

static enum pn_origin origin_of(enum net_own_kind kind)
{
	switch (kind) {
	case NET_OWN:
		return PN_ORIGIN_OWN;
	case NET_LOCAL_NETWORK:
		return PN_ORIGIN_LOCAL;
	case NET_GATEWAY:
		return PN_ORIGIN_GATEWAY;
	case NET_RESOLVER:
		return PN_ORIGIN_RESOLVER;
	case NET_CONFIG:
		return PN_ORIGIN_CONFIG;
	}
	return PN_ORIGIN_OWN;
}

static const struct rule_entry *allow_find(const struct allow_list *list, const struct prefix *p)
{
	for (size_t i = 0; i < list->count; i++)
		if (prefix_equal(&list->entry[i].prefix, p))
			return &list->entry[i];
	return NULL;
}

static bool own_has(const struct net_own *own, int count, const struct prefix *p)
{
	for (int i = 0; i < count; i++)
		if (prefix_equal(&own[i].prefix, p))
			return true;
	return false;
}

int setup_own_list(const struct conf *c, const int *ifindexes, unsigned count, struct net_own **out,
		   struct err *e)
{
	int have = net_own_list(ifindexes, count, c->local_networks, NULL, out, e);
	struct net_own *wider;

	if (have < 0 || (!c->resolver_count && !c->never_block_count))
		return have;
	wider = reallocarray(*out, (size_t)have + c->resolver_count + c->never_block_count,
			     sizeof(**out));
	if (!wider) {
		free(*out);
		*out = NULL;
		err_set(e, -ENOMEM, "cannot list what is never judged: out of memory");
		return -ENOMEM;
	}
	*out = wider;
	for (unsigned i = 0; i < c->resolver_count; i++) {
		struct net_own resolver = {.kind = NET_RESOLVER};
		struct resolver_server server;

		/* A text that is no resolver was refused when the configuration was read. */
		if (resolver_server_parse(c->resolvers[i].text, &server, NULL))
			continue;
		resolver.prefix = prefix_of(&server.addr, ADDR_BITS);
		if (!own_has(wider, have, &resolver.prefix))
			wider[have++] = resolver;
	}
	for (unsigned i = 0; i < c->never_block_count; i++)
		if (!own_has(wider, have, &c->never_block[i]))
			wider[have++] =
				(struct net_own){.prefix = c->never_block[i], .kind = NET_CONFIG};
	return have;
}

static int own_apply(struct gate *g, const struct allow_list *list, const struct net_own *own,
		     int count, struct err *e)
{
	for (int i = 0; i < count; i++) {
		const struct rule_entry *there = allow_find(list, &own[i].prefix);
		enum pn_origin origin = origin_of(own[i].kind);
		int rc;

		if (there &&
		    (there->rule.origin == PN_ORIGIN_OPERATOR || there->rule.origin == origin))
			continue;
		rc = rules_allow(g, &own[i].prefix, PN_ALLOW, origin, 0, e);
		if (rc)
			return rc;
	}
	for (size_t i = 0; list->entry && i < list->count; i++) {
		int rc;

		if (list->entry[i].rule.origin == PN_ORIGIN_OPERATOR ||
		    list->entry[i].rule.origin == PN_ORIGIN_SPF ||
		    own_has(own, count, &list->entry[i].prefix))
			continue;
		rc = rules_disallow(g, &list->entry[i].prefix, e);
		if (rc && rc != -ENOENT)
			return rc;
	}
	return 0;
}

int setup_own(struct gate *g, const struct conf *c, const int *ifindexes, unsigned count,
	      struct err *e)
{
	struct allow_list list = {0};
	struct net_own *own = NULL;
	int own_count = setup_own_list(c, ifindexes, count, &own, e);
	int rc;

	if (own_count < 0)
		return own_count;
	rc = rules_each_allow(g, allow_collect, &list, e);
	if (rc == -ENOMEM)
		err_set(e, rc, "cannot read the allow list: out of memory");
	if (rc == 0)
		rc = own_apply(g, &list, own, own_count, e);
	free(list.entry);
	free(own);
	return rc;
}

/* ---- which interfaces ---- */

struct index_list {
	int *ifindex;
	unsigned count, max;
};

static void index_add(struct index_list *list, int ifindex)
{
	if (ifindex <= 0 || list->count == list->max)
		return;
	for (unsigned i = 0; i < list->count; i++)
		if (list->ifindex[i] == ifindex)
			return;
	list->ifindex[list->count++] = ifindex;
}

static int index_add_link(void *context, const struct gate_link *link)
{
	index_add(context, link->ifindex);
	return 0;
}

unsigned setup_guarded(struct gate *g, const struct conf *c, int *ifindexes, unsigned max)
{
	struct index_list list = {.ifindex = ifindexes, .max = max};
	struct net_link links[CONF_INTERFACES_MAX];
	int count;

	if (g)
		(void)gate_each_link(g, index_add_link, &list, NULL);
	for (unsigned i = 0; i < c->interface_count; i++)
		if (net_link_by_name(c->interfaces[i], &links[0], NULL) == 0)
			index_add(&list, links[0].ifindex);
	if (c->interface_count)
		return list.count;
	count = net_default_links(links, CONF_INTERFACES_MAX, NULL);
	for (int i = 0; i < count; i++)
		index_add(&list, links[i].ifindex);
	return list.count;
}

/* ---- all of it ---- */

/* What must survive a change to new maps: the answers to `reload`, the life of the controller, the brake, and what was counted. */
struct carried {
	struct gate *old; /* NULL: none, or of another ABI */
	uint32_t reloads_done, reloads_failed, braked;
	uint64_t alive_until;
};

static struct carried carried_read(const char *instance)
{
	struct carried kept = {0};

	if (gate_open(&kept.old, instance, NULL) == 0) {
		const struct pn_conf *knobs = gate_conf(kept.old);

		kept.reloads_done = knobs->reloads_done;
		kept.reloads_failed = knobs->reloads_failed;
		kept.alive_until = knobs->alive_until;
		kept.braked = knobs->braked;
	}
	return kept;
}

static void carried_write(struct gate *g, const struct carried *kept)
{
	struct pn_conf *knobs = gate_conf(g);

	KNOB_SET(knobs->reloads_done, kept->reloads_done);
	KNOB_SET(knobs->reloads_failed, kept->reloads_failed);
	KNOB_SET(knobs->alive_until, kept->alive_until);
	KNOB_SET(knobs->braked, kept->braked);
}

/* That was pulled while they were filled: whoever did it found the old ones. */
static void brake_carry(struct gate *g, const struct carried *kept)
{
	if (kept->old && !kept->braked && gate_conf(kept->old)->braked) {
		KNOB_SET(gate_conf(g)->braked, 1);
		KNOB_SET(gate_conf(g)->enforce_until, 0);
	}
}

/* Feeds that cannot be had are no reason to guard nothing: the controller reads them again. */
static void gate_fill_feeds(struct gate *g, const struct conf *c)
{
	struct err e = {0};

	if (feedlist_put_kept(g, c, &e))
		log_warning("feeds are not in force yet: %s", e.text);
}

static int gate_fill(struct ruling *r, enum gate_origin origin, struct err *e)
{
	const struct conf *c = r->conf;
	struct gate *g = r->gate;
	int ifindexes[SETUP_LINKS_MAX];
	unsigned count = setup_guarded(g, c, ifindexes, SETUP_LINKS_MAX);
	int rc = setup_conf(g, c, e);

	if (rc == 0)
		rc = ruling_sync(r, e);
	/* After the rules: an own address whose operator entry has just gone gets its own entry back. */
	if (rc == 0)
		rc = setup_own(g, c, ifindexes, count, e);
	/*
	 * A new gate has the feeds that were good last before a packet meets it. Tables that came along with new maps are those that the
	 * programs in force still read: nobody may touch them yet.
	 */
	if (rc == 0 && origin != GATE_ADOPTED && c->feed_count && !feeds_are_loaded(g))
		gate_fill_feeds(g, c);
	/* Without the store nobody knows what was ordered: an adopted gate goes on in its mode, until there is one. */
	ruling_lift_brake(r);
	if (rc == 0 && (r->store || origin != GATE_ADOPTED))
		rc = ruling_apply_mode(r, e);
	return rc;
}

static int gate_catch_up(struct ruling *r, struct err *e)
{
	int rc = ruling_sync(r, e);

	/* That was done; who brakes from now on found these maps. */
	r->lifts_brake = false;
	return rc ? rc : ruling_apply_mode(r, e);
}

int setup_gate(struct ruling *r, enum gate_origin *origin, struct err *e)
{
	const char *instance = r->conf->instance;
	struct gate_sizes sizes = setup_sizes(r->conf);
	struct carried kept = carried_read(instance);
	int rc = gate_load(&r->gate, instance, &sizes, origin, e);

	if (rc) {
		gate_close(kept.old);
		return rc;
	}
	if (*origin == GATE_MIGRATED && !r->store) {
		rc = err_set(e, -ENODATA,
			     "the gate needs new maps, and without the store they would lack the "
			     "rules: what is attached stays; repair the store first");
		goto out;
	}
	if (*origin == GATE_MIGRATED)
		carried_write(r->gate, &kept);
	rc = gate_fill(r, *origin, e);
	/* What is counted between this and the switch is lost: a moment's packets. */
	if (rc == 0 && *origin == GATE_MIGRATED && kept.old)
		rc = counters_carry(kept.old, r->gate, e);
	if (rc == 0)
		rc = gate_switch(r->gate, e);
	/* A command that ran meanwhile has told the store, but still the old maps. */
	if (rc == 0 && *origin == GATE_MIGRATED)
		rc = gate_catch_up(r, e);
	if (rc == 0 && *origin == GATE_MIGRATED)
		brake_carry(r->gate, &kept);
out:
	gate_close(kept.old);
	if (rc) {
		gate_close(r->gate);
		r->gate = NULL;
		if (*origin == GATE_NEW)
			(void)gate_remove(instance, NULL); /* half a gate is none */
	}
	return rc;
}
