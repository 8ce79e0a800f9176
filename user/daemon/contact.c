/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First contact: see contact.h. The ring of the kernel is the only queue: when the resolver has no room, the ring is not read until it has,
 * and when that is full too, the kernel counts what it could not ask, and strangers get in.
 */
#include "daemon/contact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "base/when.h"
#include "base/words.h"
#include "daemon/asking.h"
#include "daemon/facts.h"
#include "daemon/state.h"

#define ZONES_WRITE_LEAST_NS (1 * NS_PER_S)  /* for people who look: often enough */
#define ZONES_WRITE_MOST_NS  (5 * NS_PER_S)  /* so that an old file is known for one */
#define SERVERS_EVERY_NS     (30 * NS_PER_S) /* resolv.conf sends no news */
#define REAP_EVERY_NS	     (10 * NS_PER_S) /* verdicts that have expired */
#define TRIM_EVERY_NS                                                                              \
	(60 *                                                                                      \
	 NS_PER_S) /* the journal: strangers write it, and an hour of a flood is ten times its bound */

/* Of each list its state and its limit once in a second: a resolver that has more to tell is not well. */
#define NEWS_PER_S (2 * SITE_ZONES_MAX)

#define RESOLVER_SAYS (1U << MESSAGE_READY | 1U << MESSAGE_VERDICT | 1U << MESSAGE_ZONE)

const char *contact_zone_name(const struct daemon *d, unsigned zone)
{
	return d->contact.settings->reply_name[zone];
}

bool contact_may_tell(struct daemon *d)
{
	struct contact *c = &d->contact;
	uint64_t second = now_boot_ns() / NS_PER_S;

	if (second != c->told_second) {
		c->told_second = second;
		c->told = 0;
	}
	return c->told++ < d->conf.budgets.events;
}

/* ---- the knob ---- */

static enum pn_contact contact_of(enum conf_contact contact)
{
	switch (contact) {
	case CONF_CONTACT_HOLD:
		return PN_CONTACT_HOLD;
	case CONF_CONTACT_WATCH:
		return PN_CONTACT_WATCH;
	case CONF_CONTACT_PASS:
		break;
	}
	return PN_CONTACT_PASS;
}

static void contact_set(struct daemon *d)
{
	bool asked = d->contact.resolver && child_is_up(d->contact.resolver);

	__atomic_store_n(&gate_conf(d->gate)->contact,
			 asked ? contact_of(d->conf.first_contact) : PN_CONTACT_OFF,
			 __ATOMIC_RELEASE);
}

/* ---- from the kernel to the resolver ---- */

static void asks_listen(struct daemon *d);

static int ask_send(struct contact *c, const struct message_ask *m)
{
	int r = child_send(c->resolver, m, sizeof(*m));

	if (!r)
		asked_add(c->asked, &m->addr);
	return r;
}

static void asks_room(void *context)
{
	struct daemon *d = context;
	struct contact *c = &d->contact;

	if (c->has_waiting) {
		if (ask_send(c, &c->waiting) == -EAGAIN) {
			child_on_room(c->resolver, asks_room, d);
			return;
		}
		c->has_waiting = false;
	}
	asks_listen(d);
}

static void asks_wait(struct daemon *d, const struct message_ask *m)
{
	struct contact *c = &d->contact;

	c->waiting = *m;
	c->has_waiting = true;
	loop_remove(d->loop, c->asks_source);
	c->asks_source = NULL;
	child_on_room(c->resolver, asks_room, d);
}

static void young_note(struct daemon *d, const struct pn_ask *a)
{
	struct young_connection y = {.cookie = a->socket,
				     .netns = a->netns,
				     .established_ns = a->time,
				     .socket = {.remote_port = a->sport, .local_port = a->dport}};

	if (!a->socket || d->conf.first_contact == CONF_CONTACT_PASS)
		return;
	memcpy(y.socket.remote.byte, a->src, sizeof(a->src));
	memcpy(y.socket.local.byte, a->dst, sizeof(a->dst));
	young_add(d->contact.young, &y);
}

static int ask_came(void *context, const struct pn_ask *a)
{
	struct daemon *d = context;
	struct message_ask m = {.head = message_head(MESSAGE_ASK),
				.known = !!(a->flags & PN_ASK_KNOWN),
				.unproven = !(a->flags & PN_ASK_PROVEN)};

	/* Of those that were told to a controller before us, nobody waits. */
	if (!d->contact.resolver || a->time < d->started_boot_ns)
		return 0;
	if (a->flags & PN_ASK_PROVEN)
		young_note(d, a);
	memcpy(m.addr.byte, a->src, sizeof(a->src));
	if (ask_send(&d->contact, &m) != -EAGAIN)
		return 0; /* sent; or it is gone, and whoever comes again is asked about again */
	asks_wait(d, &m);
	return 1;
}

static void asks_ready(void *context, int fd, uint32_t events)
{
	struct daemon *d = context;
	int r = asks_read(d->contact.asks);

	(void)fd;
	(void)events;
	if (r >= 0 || r == -EAGAIN || r == -EINTR)
		return;
	log_error("the kernel's questions cannot be read any more: %s; strangers get in unasked",
		  strerror(-r));
	loop_remove(d->loop, d->contact.asks_source);
	d->contact.asks_source = NULL;
}

static void asks_listen(struct daemon *d)
{
	struct contact *c = &d->contact;

	if (c->asks_source || !c->asks || c->has_waiting)
		return;
	if (loop_add_fd(d->loop, asks_fd(c->asks), EPOLLIN, asks_ready, d, &c->asks_source))
		log_error("the kernel's questions cannot be waited for");
	else
		asks_ready(d, -1, 0);
}

static void asks_stop(struct daemon *d)
{
	loop_remove(d->loop, d->contact.asks_source);
	d->contact.asks_source = NULL;
	asks_close(d->contact.asks);
	d->contact.asks = NULL;
	d->contact.has_waiting = false;
}

static void asks_start(struct daemon *d)
{
	struct err e = {0};

	if (!d->contact.resolver)
		return;
	if (asks_open(&d->contact.asks, d->gate, ask_came, d, &e))
		log_error("%s: strangers get in unasked", e.text);
	else
		asks_listen(d);
}

/* ---- from the resolver ---- */

static void zones_write(struct daemon *d)
{
	facts_write_zones(d);
	d->contact.zones_changed = false;
	d->contact.zones_written_ns = now_boot_ns();
}

static bool may_bring_news(struct contact *c)
{
	uint64_t second = now_boot_ns() / NS_PER_S;

	if (second != c->news_second) {
		c->news_second = second;
		c->news = 0;
	}
	return c->news++ < NEWS_PER_S;
}

static void zone_take(struct daemon *d, const struct message_zone *m)
{
	struct contact *c = &d->contact;
	const char *name;

	if (m->zone >= c->settings->sites.zone_count)
		return;
	name = contact_zone_name(d, m->zone);
	c->zone[m->zone] = *m;
	c->zones_changed = true;
	if (!m->news || !may_bring_news(c))
		return;
	if (m->limit) {
		log_warning("list %s: %s", name, m->why);
		return;
	}
	if (m->state == DNS_ZONE_GOOD)
		log_info("list %s: it is well again", name);
	else
		log_warning("list %s is %s: %s; it counts for nothing until it is well", name,
			    dns_zone_state_name(m->state), m->why);
	recording_entry(c->recording, dns_zone_state_name(m->state), NULL, "list %s%s%s", name,
			*m->why ? ": " : "", m->why);
	if (m->state == DNS_ZONE_SUSPENDED)
		verdicts_take_back(d, m->zone, m->why);
	/* While the first tests run it would lack those that are not done. */
	if (child_is_up(c->resolver))
		zones_write(d);
}

static void resolver_says(void *context, const union message *m)
{
	struct daemon *d = context;

	switch (m->head.type) {
	case MESSAGE_READY:
		contact_set(d);
		d->answering.changed = true;
		zones_write(d);
		log_info("strangers are asked about: %u list%s, first_contact = \"%s\"",
			 d->contact.settings->sites.zone_count,
			 plural(d->contact.settings->sites.zone_count),
			 d->conf.first_contact == CONF_CONTACT_HOLD    ? "hold"
			 : d->conf.first_contact == CONF_CONTACT_WATCH ? "watch"
								       : "pass");
		break;
	case MESSAGE_VERDICT:
		verdict_take(d, &m->verdict);
		break;
	case MESSAGE_ZONE:
		zone_take(d, &m->zone);
		break;
	}
}

static void resolver_gone(void *context)
{
	struct daemon *d = context;

	contact_set(d);
	d->answering.changed = true;
	d->contact.has_waiting = false;
	asked_clear(d->contact.asked);
	asks_listen(d);
}

static int resolver_prepare(void *context, const void **settings, size_t *length, int *extra,
			    struct err *e)
{
	struct daemon *d = context;

	(void)e;
	*settings = d->contact.settings;
	*length = sizeof(*d->contact.settings);
	*extra = -1;
	return 0;
}

static int resolver_start(struct daemon *d, struct err *e)
{
	static const struct child_calls calls = {resolver_prepare, resolver_says, resolver_gone};

	return child_open(&d->contact.resolver, d->loop, d->nursery, CHILD_RESOLVER, RESOLVER_SAYS,
			  &calls, d, e);
}

/* ---- beginning, end, change ---- */

static void settings_warn(const struct daemon *d, const struct dns_settings *s,
			  const struct zonedata *data)
{
	char addr[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < s->server_count; i++) {
		const char *whose = zonedata_public(data, &s->server[i].addr);

		if (whose)
			log_warning(
				"the resolver %s is a public one (%s), which many lists refuse to "
				"answer: run a resolver of your own",
				addr_format(&s->server[i].addr, addr), whose);
	}
	if (d->conf.charge == CONF_CHARGE_SYN && d->conf.first_contact != CONF_CONTACT_HOLD)
		log_warning("no connection ends on this host (charge = \"syn\"): nobody is asked "
			    "about, which takes first_contact = \"hold\" there");
	if (!asking_can_list(s))
		log_warning(ASKING_LISTS_NOBODY, (long long)s->threshold);
}

/* NULL in *out: there is nobody to ask. */
static int settings_read(struct daemon *d, struct dns_settings **out, struct err *e)
{
	struct dns_settings *s = NULL;
	struct zonedata *data = NULL;
	int r = asking_settings(&d->conf, d->config_path, &s, &data, e);

	if (!r && s->sites.zone_count) {
		r = asking_servers_fill(s, e);
		settings_warn(d, s, data);
	}
	zonedata_free(data);
	if (r || !s->sites.zone_count) {
		free(s);
		s = NULL;
	}
	*out = s;
	return r;
}

int contact_open(struct daemon *d, struct err *e)
{
	struct contact *c = &d->contact;
	int r = settings_read(d, &c->settings, e);

	if (r)
		return r;
	c->listings = listings_new();
	c->young = young_new();
	c->asked = asked_new();
	if (!c->listings || !c->young || !c->asked || recording_open(&c->recording, d))
		return err_set(e, -ENOMEM, "no memory for verdicts");
	contact_set(d); /* what a controller before us left */
	verdicts_restore(d);
	if (!c->settings)
		return 0;
	r = resolver_start(d, e);
	if (!r)
		asks_start(d);
	return r;
}

void contact_gate_changes(struct daemon *d)
{
	if (!d->contact.listings)
		return;
	verdicts_drop_forgotten(d);
	recording_flush(d->contact.recording);
}

void contact_gate_changed(struct daemon *d)
{
	if (!d->contact.listings)
		return;
	asks_stop(d);
	contact_set(d);
	verdicts_refill(d);
	verdicts_restore(d); /* those who are known: the store has them */
	asks_start(d);
}

/* Of settings, which lie in memory that was zeroed before it was filled. Taking like for unlike would cost a child that starts anew. */
static bool is_same(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size) == 0;
}

/* Verdicts by other lists or another threshold are none. */
static bool is_other_judgement(const struct dns_settings *a, const struct dns_settings *b)
{
	return !a || !b || a->threshold != b->threshold ||
	       !is_same(&a->sites, &b->sites, sizeof(a->sites)) ||
	       !is_same(&a->rdns, &b->rdns, sizeof(a->rdns));
}

static void settings_change(struct daemon *d, struct dns_settings *next)
{
	struct contact *c = &d->contact;
	struct dns_settings *before = c->settings;
	bool other = is_other_judgement(before, next);
	struct err e = {0};

	recording_flush(c->recording);
	memset(c->zone, 0, sizeof(c->zone));
	c->zones_changed = true;
	c->settings = next;
	if (other) {
		/* By the numbers of before. What rests on a list that is asked no more is not restored. */
		c->owed = 0;
		c->judged = false;
		verdicts_forget_all(d);
		verdicts_restore(d);
	}
	if (c->resolver && next) {
		child_renew(c->resolver);
	} else if (c->resolver) {
		child_close(c->resolver);
		asked_clear(c->asked);
		c->resolver = NULL;
		asks_stop(d);
	} else if (next) {
		if (resolver_start(d, &e))
			log_error("%s: strangers get in unasked", e.text);
		asks_start(d);
	}
	free(before);
}

void contact_reload(struct daemon *d)
{
	struct contact *c = &d->contact;
	struct dns_settings *next = NULL;
	struct err e = {0};

	/* What was forgotten since the last look must not be put back below. */
	verdicts_drop_forgotten(d);
	if (settings_read(d, &next, &e))
		log_error("%s: lists are asked as before", e.text);
	else if (!next != !c->settings || (next && !is_same(next, c->settings, sizeof(*next))))
		settings_change(d, next);
	else
		free(next);
	verdicts_refill(d); /* the action may be another one */
	contact_set(d);
}

/* What the store needs by the clock. */
static int store_tend(struct daemon *d, uint64_t now_ns, struct err *e)
{
	struct contact *c = &d->contact;
	int64_t version = c->store_version;
	unsigned count = 0;
	int r = judgement_pay(d, e);

	if (!r && !c->restored)
		verdicts_restore(d);
	if (!d->store)
		return 0;
	if (!r)
		r = store_get_version(d->store, &version, e);
	if (!r && version != c->store_version) {
		c->store_version = version;
		verdicts_drop_forgotten(d);
	}
	if (!r && now_ns - c->reaped_ns >= REAP_EVERY_NS) {
		r = store_reap_verdicts(d->store, &count, e);
		if (!r && count < STORE_PART_MAX)
			c->reaped_ns = now_ns;
	}
	if (!r && now_ns - c->trimmed_ns >= TRIM_EVERY_NS) {
		r = store_trim_journal(d->store, &count, e);
		c->trimmed_ns = now_ns;
	}
	return r;
}

/* Half of the lists would be taken for all of them: until each has been tested there is nothing to show. */
static bool may_show_zones(const struct contact *c)
{
	if (!c->resolver || child_is_up(c->resolver))
		return true;
	for (unsigned i = 0; i < c->settings->sites.zone_count; i++)
		if (!c->zone[i].head.type)
			return false;
	return true;
}

/* Where the configuration names no resolver, /etc/resolv.conf may name another one than at the start: the network has changed. */
static void servers_follow(struct daemon *d)
{
	struct contact *c = &d->contact;
	struct dns_settings *now = calloc(1, sizeof(*now));
	struct err e = {0};

	if (!now)
		return;
	now->timeout_ms = c->settings->timeout_ms;
	if (asking_servers_fill(now, &e) == 0 &&
	    (now->server_count != c->settings->server_count ||
	     !is_same(now->server, c->settings->server, sizeof(now->server)))) {
		c->settings->server_count = now->server_count;
		memcpy(c->settings->server, now->server, sizeof(now->server));
		log_info("the resolvers of this host have changed: the lists are asked through the "
			 "new ones");
		child_renew(c->resolver);
	}
	free(now);
}

void contact_tick(struct daemon *d, uint64_t now_ns)
{
	struct contact *c = &d->contact;
	struct err e = {0};
	int r;

	verdicts_expire(d, now_ns);
	young_expire(c->young, now_ns);
	if (c->resolver && !d->conf.resolver_count && now_ns - c->servers_ns >= SERVERS_EVERY_NS) {
		servers_follow(d);
		c->servers_ns = now_ns;
	}
	if (((c->zones_changed && now_ns - c->zones_written_ns >= ZONES_WRITE_LEAST_NS) ||
	     now_ns - c->zones_written_ns >= ZONES_WRITE_MOST_NS) &&
	    may_show_zones(c))
		zones_write(d);
	if (c->owed) /* what still waits may rest on it too */
		recording_flush(c->recording);
	r = d->store ? store_tend(d, now_ns, &e) : 0;
	if (r && r != -EBUSY) /* somebody else is at it: it can wait */
		keep_fault(d, r, &e);
}

void contact_close(struct daemon *d)
{
	struct contact *c = &d->contact;
	struct err e = {0};

	child_close(c->resolver);
	c->resolver = NULL;
	if (d->loop)
		asks_stop(d);
	if (d->gate)
		contact_set(d);
	recording_close(c->recording);
	if (d->store && c->owed)
		(void)judgement_pay(d, &e);
	young_free(c->young);
	asked_free(c->asked);
	listings_free(c->listings);
	free(c->settings);
	*c = (struct contact){0};
}
