/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netlink's news are only a nudge: they get lost, and they tell of a past. So each nudge compares
 * three things as they are now: what should be guarded (the configuration, or the default routes),
 * what the kernel holds pinned (the truth about what is guarded, also after a crash and after a
 * command by hand), and which interfaces there are. Each interface has one state, and link_move is
 * the only place where it changes and where that is said.
 */
#include "daemon/links.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/state.h"

#define LINK_BUSY_S	   10 /* another's XDP program: taken off by people, not by time */
#define LINK_BACKOFF_MAX_S 60
#define LINK_SETTLE_ROUNDS 4 /* two swapped names take three; one more to see that all is well */

static const char *const link_states[] = {
	[LINK_ABSENT] = "absent",   [LINK_UNFIT] = "unfit",	  [LINK_FAILED] = "failed",
	[LINK_GUARDED] = "guarded", [LINK_RELEASED] = "released",
};

const char *link_unfit(const struct net_link *link)
{
	if (link->loopback)
		return "it is the loopback interface, whose packets are never judged";
	if (!link->ethernet)
		return "its packets have no Ethernet header (a tunnel or the like): guard the "
		       "interface that its packets come through";
	return NULL;
}

uint32_t link_backoff_s(int error, uint32_t last_s)
{
	if (error == -EBUSY)
		return LINK_BUSY_S;
	if (!last_s)
		return 1;
	return 2 * last_s < LINK_BACKOFF_MAX_S ? 2 * last_s : LINK_BACKOFF_MAX_S;
}

/* The one transition. sentence: what to say, once; NULL: nothing. */
static void link_move(struct guarded *g, enum link_state to, enum log_level level,
		      const char *sentence)
{
	if (g->state != to)
		log_debug("%s: %s -> %s", g->name, link_states[g->state], link_states[to]);
	g->state = to;
	g->before = g->before || to == LINK_GUARDED;
	if (to != LINK_FAILED)
		g->backoff_s = 0;
	if (!sentence || !said_anew(&g->said, sentence))
		return;
	if (level == LOG_LEVEL_ERROR)
		log_error("%s: %s", g->name, sentence);
	else if (level == LOG_LEVEL_WARNING)
		log_warning("%s: %s", g->name, sentence);
	else
		log_info("%s: %s", g->name, sentence);
}

static struct guarded *links_by_name(struct links *l, const char *name)
{
	for (unsigned i = 0; i < l->count; i++)
		if (strcmp(l->list[i].name, name) == 0)
			return &l->list[i];
	return NULL;
}

static struct guarded *links_by_index(struct links *l, int ifindex)
{
	for (unsigned i = 0; i < l->count; i++)
		if (l->list[i].ifindex == ifindex && l->list[i].state == LINK_GUARDED)
			return &l->list[i];
	return NULL;
}

static void links_drop(struct links *l, struct guarded *g)
{
	*g = l->list[--l->count];
}

static struct guarded *links_add(struct links *l, const char *name, enum link_origin origin)
{
	struct guarded *g;

	/* Interfaces of old default routes that are no more make room first. */
	for (unsigned i = 0; l->count == LINKS_MAX && i < l->count; i++)
		if (l->list[i].state == LINK_ABSENT && l->list[i].origin != LINK_CONFIGURED)
			links_drop(l, &l->list[i]);
	if (l->count == LINKS_MAX) {
		if (said_anew(&l->said, "full"))
			log_error("%s: not guarded: %u interfaces are the most", name, LINKS_MAX);
		return NULL;
	}
	g = &l->list[l->count++];
	*g = (struct guarded){.origin = origin};
	snprintf(g->name, sizeof(g->name), "%s", name);
	return g;
}

static void link_take(struct guarded *g, const struct net_link *link)
{
	g->ifindex = link->ifindex;
	g->master = link->master;
	g->up = link->up;
}

/* ---- what should be guarded ---- */

static void links_want_routes(struct daemon *d)
{
	struct links *l = &d->links;
	struct net_link found[CONF_INTERFACES_MAX];
	struct err e = {0};
	int count = net_default_links(found, CONF_INTERFACES_MAX, &e);

	for (int i = 0; i < count; i++) {
		struct guarded *g = links_by_name(l, found[i].name);

		if (!g)
			links_add(l, found[i].name, LINK_ROUTE);
		else if (g->origin == LINK_FOUND)
			g->origin = LINK_ROUTE;
	}
	if (count > 0 || l->count) {
		/* A route that went away takes no guard off: it mostly comes back. */
		if (said_settle(&l->said) && count > 0)
			log_info("there is a default route now");
		return;
	}
	snprintf(e.text, sizeof(e.text), "%s",
		 count < 0 ? e.text : "there is no default route, so no interface to guard");
	if (said_anew(&l->said, e.text))
		log_error("%s: waiting for one (`interfaces` in the configuration names them)",
			  e.text);
}

static void links_want(struct daemon *d)
{
	struct links *l = &d->links;

	for (unsigned i = l->count; i-- > 0;)
		if (!l->list[i].name[0]) /* another has taken its place */
			links_drop(l, &l->list[i]);
	if (!d->conf.interface_count) {
		links_want_routes(d);
		return;
	}
	for (unsigned i = 0; i < d->conf.interface_count; i++) {
		struct guarded *g = links_by_name(l, d->conf.interfaces[i]);

		if (!g)
			links_add(l, d->conf.interfaces[i], LINK_CONFIGURED);
		else
			g->origin = LINK_CONFIGURED;
	}
}

static bool links_is_wanted(const struct daemon *d, const struct guarded *g)
{
	struct net_link found[CONF_INTERFACES_MAX];
	int count;

	for (unsigned i = 0; i < d->conf.interface_count; i++)
		if (strcmp(d->conf.interfaces[i], g->name) == 0)
			return true;
	if (d->conf.interface_count)
		return false;
	count = net_default_links(found, CONF_INTERFACES_MAX, NULL);
	for (int i = 0; i < count; i++)
		if (strcmp(found[i].name, g->name) == 0)
			return true;
	return false;
}

/* ---- what is pinned ---- */

struct pins {
	struct gate_link list[LINKS_MAX];
	unsigned count;
};

static int pins_collect(void *context, const struct gate_link *link)
{
	struct pins *pins = context;

	if (pins->count < LINKS_MAX)
		pins->list[pins->count++] = *link;
	return 0;
}

static bool pins_have(const struct pins *pins, int ifindex)
{
	for (unsigned i = 0; i < pins->count; i++)
		if (pins->list[i].ifindex == ifindex)
			return true;
	return false;
}

/* A guard that the kernel does not hold any more: did somebody take it off, or is its interface gone? */
static void link_lost(struct daemon *d, struct guarded *g)
{
	struct net_link link;

	if (net_link_by_index(g->ifindex, &link, NULL)) {
		link_move(g, LINK_ABSENT, LOG_LEVEL_WARNING,
			  "the interface is gone; it is guarded again as soon as it comes back");
		return;
	}
	link_move(g, LINK_RELEASED, LOG_LEVEL_WARNING,
		  "detached by hand: not guarded until it is attached again, or the "
		  "configuration is reloaded");
	pulse_expect(d); /* perhaps all of the gate goes */
}

/* A pin without an interface. */
static void link_forget(struct daemon *d, const struct gate_link *pin)
{
	struct guarded *g = links_by_name(&d->links, pin->name);
	struct err e = {0};

	if (g && g->state == LINK_GUARDED)
		link_lost(d, g);
	/* Whoever has just detached it takes the pin away himself. */
	if (g && g->state == LINK_RELEASED)
		return;
	if (gate_forget_link(d->gate, pin->name, &e))
		log_warning("%s: %s", pin->name, e.text);
}

static bool pins_name(const struct pins *pins, const char *name)
{
	for (unsigned i = 0; i < pins->count; i++)
		if (strcmp(pins->list[i].name, name) == 0)
			return true;
	return false;
}

static void link_renamed(struct links *l, struct guarded *g, const char *name)
{
	struct guarded *waiting = links_by_name(l, name);
	enum link_origin origin = g->origin;
	char from[IFNAMSIZ];

	if (waiting == g)
		return; /* only its pin stood under a spare name */
	snprintf(from, sizeof(from), "%s", g->name);
	snprintf(g->name, sizeof(g->name), "%s", name);
	said_settle(&g->said);
	log_info("%s: renamed to %s; still guarded (%s)", from, name,
		 g->mode == GATE_NATIVE ? "native" : "generic");
	if (waiting && waiting->state == LINK_GUARDED) {
		g->origin = LINK_FOUND; /* they swap names: links_want sorts it out */
	} else if (waiting) {		/* the very one that was waited for */
		g->origin = waiting->origin;
		waiting->name[0] = '\0';
	} else if (origin == LINK_CONFIGURED) { /* its old name is waited for: see links_want */
		log_warning("the configuration names %s, not %s", from, name);
		g->origin = LINK_FOUND;
	}
}

/*
 * A pin that bears another name than its interface. The guard itself goes with the interface; only names have to
 * follow. A name that another pin still bears (two interfaces have swapped theirs) must not be taken: that pin is
 * all that holds the other guard. Then this one steps aside under a spare name. True: look again.
 */
static bool link_rename(struct daemon *d, struct pins *pins, struct gate_link *pin,
			struct guarded *g, const char *name)
{
	bool taken = pins_name(pins, name);
	char to[IFNAMSIZ];
	struct err e = {0};

	if (taken)
		snprintf(to, sizeof(to), "renamed%d", g->ifindex);
	else
		snprintf(to, sizeof(to), "%s", name);
	if (taken && (g->swapped || pins_name(pins, to)))
		return true;
	if (gate_rename_link(d->gate, pin->name, to, &e)) {
		if (said_anew(&g->said, e.text))
			log_warning("%s: its pin keeps that name, though it is called %s now: %s",
				    pin->name, name, e.text);
		return false;
	}
	snprintf(pin->name, sizeof(pin->name), "%s", to);
	g->swapped = taken;
	if (!taken)
		link_renamed(&d->links, g, name);
	return true;
}

/* An interface that is guarded and not on our list yet, or not known to be guarded. */
static struct guarded *link_found(struct daemon *d, const struct gate_link *pin,
				  const struct net_link *link)
{
	struct guarded *g = links_by_name(&d->links, link->name);

	if (!g) {
		g = links_add(&d->links, link->name, LINK_FOUND);
		if (!g)
			return NULL;
		log_info("%s: guarded too, though neither the configuration nor a default route "
			 "says so (`postern detach %s` ends that)",
			 link->name, link->name);
	}
	link_take(g, link);
	g->mode = pin->mode;
	link_move(g, LINK_GUARDED, LOG_LEVEL_INFO, NULL);
	said_settle(&g->said);
	return g;
}

/* True when names have changed, so that all has to be looked at once more. */
static bool links_match_pins(struct daemon *d, struct pins *pins)
{
	bool renamed = false;
	struct err e = {0};

	pins->count = 0;
	if (gate_each_link(d->gate, pins_collect, pins, &e)) {
		if (said_anew(&d->links.said, e.text))
			log_error("cannot list what is guarded: %s", e.text);
		return false;
	}
	for (unsigned i = 0; i < pins->count; i++) {
		struct gate_link *pin = &pins->list[i];
		struct net_link link;
		struct guarded *g;

		if (!pin->ifindex || net_link_by_index(pin->ifindex, &link, NULL) == -ENODEV) {
			link_forget(d, pin);
			pins->list[i--] = pins->list[--pins->count];
			continue;
		}
		if (net_link_by_index(pin->ifindex, &link, NULL))
			continue;
		g = links_by_index(&d->links, pin->ifindex);
		if (!g)
			g = link_found(d, pin, &link);
		if (g && strcmp(pin->name, link.name) != 0)
			renamed = link_rename(d, pins, pin, g, link.name) || renamed;
		if (g && g->up != link.up) {
			g->up = link.up;
			log_info("%s: the interface is %s", g->name,
				 link.up ? "up again; guarded as before" : "down");
		}
	}
	return renamed;
}

/* Guarded as far as we know, and not by the kernel's account. */
static void links_find_lost(struct daemon *d, const struct pins *pins)
{
	for (unsigned i = 0; i < d->links.count; i++) {
		struct guarded *g = &d->links.list[i];

		if (g->state == LINK_GUARDED && !pins_have(pins, g->ifindex))
			link_lost(d, g);
	}
}

/* ---- attaching ---- */

static void link_attached(struct guarded *g, const char *why_generic)
{
	char sentence[ERR_TEXT_MAX + 96];
	bool again = g->before;

	if (g->mode == GATE_NATIVE || !why_generic[0])
		snprintf(sentence, sizeof(sentence), "guarded%s (%s)", again ? " again" : "",
			 g->mode == GATE_NATIVE ? "native" : "generic");
	else
		snprintf(sentence, sizeof(sentence),
			 "guarded%s (generic, which is slower: native was refused: %s)",
			 again ? " again" : "", why_generic);
	link_move(g, LINK_GUARDED, why_generic[0] ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, sentence);
	said_settle(&g->said);
}

static void link_attach(struct daemon *d, struct guarded *g, const struct net_link *link)
{
	static const enum gate_want wants[] = {
		[CONF_ATTACH_AUTO] = GATE_WANT_AUTO,
		[CONF_ATTACH_NATIVE] = GATE_WANT_NATIVE,
		[CONF_ATTACH_GENERIC] = GATE_WANT_GENERIC,
	};
	char why_generic[ERR_TEXT_MAX] = "", sentence[ERR_TEXT_MAX];
	struct err e = {0};
	int r;

	/* First who is never judged behind it and who speaks for the mail server there, then the judge, who lets pass to him. */
	link_take(g, link);
	if (g->state != LINK_FAILED)
		g->state = LINK_ABSENT;
	g->retry_ns = now_boot_ns();
	own_refresh(d);
	answering_ingress(d);
	r = gate_attach(d->gate, link->ifindex, link->name, wants[d->conf.attach], &g->mode,
			why_generic, &e);
	if (!r) {
		link_attached(g, why_generic);
		return;
	}
	if (r == -ENODEV) {
		g->ifindex = 0;
		link_move(g, LINK_ABSENT, LOG_LEVEL_WARNING, NULL);
		return;
	}
	g->backoff_s = link_backoff_s(r, g->backoff_s);
	g->retry_ns += g->backoff_s * NS_PER_S;
	snprintf(sentence, sizeof(sentence), "NOT guarded: %.*s; tried again from time to time",
		 (int)(sizeof(sentence) - 64), e.text);
	link_move(g, LINK_FAILED, LOG_LEVEL_ERROR, sentence);
}

static void link_join(struct daemon *d, struct guarded *g)
{
	char sentence[ERR_TEXT_MAX];
	struct net_link link;
	const char *unfit;

	if (net_link_by_name(g->name, &link, NULL)) {
		g->ifindex = 0;
		link_move(g, LINK_ABSENT, LOG_LEVEL_WARNING,
			  g->said.text[0] ? NULL
					  : "there is no such interface now; it is guarded as soon "
					    "as it appears");
		return;
	}
	if (g->state == LINK_RELEASED && g->ifindex == link.ifindex)
		return;
	unfit = link_unfit(&link);
	if (unfit) {
		g->ifindex = link.ifindex;
		snprintf(sentence, sizeof(sentence), "NOT guarded: %s", unfit);
		link_move(g, LINK_UNFIT, LOG_LEVEL_ERROR, sentence);
		return;
	}
	if (g->state == LINK_FAILED && g->ifindex == link.ifindex && now_boot_ns() < g->retry_ns)
		return;
	link_attach(d, g, &link);
}

void links_scan(struct daemon *d)
{
	struct pins pins;

	for (int i = 0; i < LINK_SETTLE_ROUNDS; i++) {
		links_want(d);
		if (!links_match_pins(d, &pins))
			break;
	}
	links_find_lost(d, &pins);
	for (unsigned i = 0; i < d->links.count; i++)
		if (d->links.list[i].name[0] && d->links.list[i].state != LINK_GUARDED)
			link_join(d, &d->links.list[i]);
}

void links_tick(struct daemon *d, uint64_t now)
{
	for (unsigned i = 0; i < d->links.count; i++)
		if (d->links.list[i].state == LINK_FAILED && now >= d->links.list[i].retry_ns) {
			links_scan(d);
			return;
		}
}

void links_reload(struct daemon *d)
{
	struct links *l = &d->links;

	for (unsigned i = 0; i < l->count;) {
		struct guarded *g = &l->list[i];
		struct err e = {0};

		said_settle(&g->said);
		if (g->origin == LINK_FOUND || links_is_wanted(d, g)) {
			if (g->state == LINK_RELEASED)
				g->state = LINK_ABSENT;
			g->retry_ns = 0;
			i++;
			continue;
		}
		if (g->state == LINK_GUARDED) {
			if (gate_detach(d->gate, g->name, &e))
				log_error("%s: cannot be detached: %s", g->name, e.text);
			else
				log_info("%s: not guarded any more, by the configuration", g->name);
		}
		links_drop(l, g);
	}
	links_scan(d);
}

unsigned links_indexes(const struct links *l, int indexes[static LINKS_INDEXES_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < l->count; i++) {
		const struct guarded *g = &l->list[i];

		if (!g->ifindex || g->state == LINK_RELEASED || g->state == LINK_UNFIT)
			continue;
		indexes[count++] = g->ifindex;
		if (g->master)
			indexes[count++] = g->master;
	}
	return count;
}

const char *links_describe(const struct links *l, char *buffer, size_t size)
{
	size_t used = 0;

	snprintf(buffer, size, "no interface yet");
	for (unsigned i = 0; i < l->count && used < size; i++) {
		const struct guarded *g = &l->list[i];
		const char *how = g->state == LINK_ABSENT    ? "not there"
				  : g->state != LINK_GUARDED ? "NOT guarded"
				  : g->mode == GATE_NATIVE   ? "native"
							     : "generic";

		used += (size_t)snprintf(buffer + used, size - used, "%s%s (%s)", i ? ", " : "",
					 g->name, how);
	}
	return buffer;
}
