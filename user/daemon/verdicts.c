/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a verdict: the map first, so that the gate acts on it at once; then the young connections, the table, the store, the
 * journal and the log. Whatever fails behind the map is said and lets mail in.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/log.h"
#include "base/when.h"
#include "base/words.h"
#include "daemon/bans.h"
#include "daemon/contact.h"
#include "daemon/parts.h"
#include "daemon/setup.h"
#include "daemon/sockets.h"
#include "daemon/state.h"
#include "daemon/witness.h"
#include "policy/contact.h"

#define MX_BIT (1U << PN_CLASS_MX) /* a verdict of the DNS holds for no other class */

static enum pn_action listed_action(const struct daemon *d)
{
	return setup_action(d->conf.actions.dnsbl);
}

/* ---- the map ---- */

/* A ban on the same key stands there instead, for as long as it lasts; then bans.c has the listing put back. */
static bool is_banned(const struct daemon *d, const struct prefix *p)
{
	struct pn_listed there;

	return sources_get_listed(d->gate, p, &there, NULL) == 0 && there.origin == PN_ORIGIN_BAN &&
	       there.expires > now_boot_ns();
}

static void listing_unmap(const struct daemon *d, const struct prefix *p)
{
	if (!is_banned(d, p))
		(void)sources_take_listed(d->gate, p, NULL);
}

/* 0, or -errno: said once, and the source gets in. */
static int listing_map(struct daemon *d, const struct listing *l)
{
	struct pn_listed value = {.action = listed_action(d),
				  .origin = PN_ORIGIN_DNSBL,
				  .expires = l->expires_boot_ns,
				  .classes = MX_BIT,
				  .zone = l->by < SITE_ZONES_MAX ? l->by + 1 : 0};
	struct err e = {0};
	int r = is_banned(d, &l->prefix) ? 0 : sources_put_listed(d->gate, &l->prefix, &value, &e);

	if (r && said_anew(&d->contact.full_said, e.text))
		log_warning("listed sources get in: %s", e.text);
	if (!r)
		said_settle(&d->contact.full_said);
	return r;
}

static int listing_enter(struct daemon *d, const struct listing *l)
{
	int r = listing_map(d, l);

	if (!r && listings_put(d->contact.listings, l)) {
		listing_unmap(d, &l->prefix);
		r = -ENOMEM;
	}
	return r;
}

struct widening {
	struct daemon *d;
	struct listing wide;
};

static bool is_inside(const struct widening *w, const struct listing *l)
{
	return l->prefix.bits > w->wide.prefix.bits && prefix_covers(&w->wide.prefix, &l->prefix);
}

static bool widen_over(void *context, const struct listing *l)
{
	struct widening *w = context;

	if (!is_inside(w, l))
		return false;
	w->wide.zones |= l->zones;
	if (l->expires_boot_ns > w->wide.expires_boot_ns)
		w->wide.expires_boot_ns = l->expires_boot_ns;
	return false;
}

static bool widen_take(void *context, const struct listing *l)
{
	struct widening *w = context;

	if (!is_inside(w, l))
		return false;
	listing_unmap(w->d, &l->prefix);
	return true;
}

/* One entry takes the place of all of a network, so that who owns many addresses cannot fill the table with them. */
static void network_widen(struct daemon *d, const struct message_verdict *m,
			  const struct listing *last)
{
	const struct addr *a = &last->prefix.addr;
	unsigned count = listings_of_network(d->contact.listings, a);
	struct widening w = {d, *last};
	char text[PREFIX_TEXT_MAX];

	if (!contact_may_widen(count, addr_is_v4(a), listings_count(d->contact.listings),
			       d->conf.tables.listed))
		return;
	w.wide.prefix = listings_network(a);
	w.wide.reason = "";
	listings_sweep(d->contact.listings, widen_over, &w);
	if (listing_enter(d, &w.wide))
		return;
	listings_sweep(d->contact.listings, widen_take, &w);
	evidence_record(d, m, &w.wide.prefix, w.wide.zones, w.wide.expires_boot_ns);
	prefix_format(&w.wide.prefix, text);
	log_decision(&(struct log_fields){.kind = LOG_LISTED,
					  .is_rare = true,
					  .source = text,
					  .reason = reason_name(PN_REASON_LISTED),
					  .action = action_name(listed_action(d))},
		     "listed: %s as a whole, since %u sources in it are", text, count);
	recording_entry(d->contact.recording, "widened", &w.wide.prefix,
			"%u sources in it are listed: one entry stands for all", count);
}

/* ---- cutting ---- */

struct cutting {
	struct daemon *d;
	uint64_t now_ns;
	unsigned cut;
};

static void cut_one(void *context, const struct young_connection *c)
{
	struct cutting *cutting = context;
	struct err e = {0};
	int r;

	if (!contact_may_cut(c->established_ns, cutting->now_ns))
		return;
	r = sockets_cut(&cutting->d->conf, cutting->d->gate, &c->socket, c->cookie, c->netns, &e);
	if (r < 0 && contact_may_tell(cutting->d))
		log_warning("a listed stranger stays connected: %s", e.text);
	if (r <= 0)
		return;
	cutting->cut += (unsigned)r;
	witness_note_cut(cutting->d, &c->socket.remote, c->socket.remote_port);
}

/* Whoever the kernel would not let in now, and let in a moment ago for want of a verdict. */
static void strangers_cut(struct daemon *d, const struct addr *a, const struct prefix *prefix)
{
	struct cutting c = {.d = d, .now_ns = now_boot_ns()};
	char text[ADDR_TEXT_MAX];

	if (gate_conf(d->gate)->enforce_until <= c.now_ns ||
	    d->conf.first_contact == CONF_CONTACT_PASS)
		return;
	young_take(d->contact.young, prefix, cut_one, &c);
	if (!c.cut)
		return;
	if (contact_may_tell(d))
		log_decision(&(struct log_fields){.kind = LOG_CUT,
						  .source = addr_format(a, text),
						  .reason = reason_name(PN_REASON_LISTED),
						  .action = "cut"},
			     "cut: %u connection%s of %s, which is listed", c.cut, plural(c.cut),
			     text);
	bans_note_cut(d, a);
	recording_entry(d->contact.recording, "cut", prefix,
			"%u connection%s, made while the lists were asked", c.cut, plural(c.cut));
}

/* ---- a verdict ---- */

static void tell_listed(struct daemon *d, const struct message_verdict *m, const struct listing *l)
{
	const char *by = l->by < SITE_ZONES_MAX ? contact_zone_name(d, l->by) : "reverse DNS";
	char text[PREFIX_TEXT_MAX], time[DURATION_TEXT_MAX];

	if (contact_may_tell(d))
		log_decision(&(struct log_fields){.kind = LOG_LISTED,
						  .source = prefix_format(&l->prefix, text),
						  .reason = reason_name(PN_REASON_LISTED),
						  .action = action_name(listed_action(d)),
						  .zone = l->by < SITE_ZONES_MAX ? by : NULL},
			     "listed: %s by %s, score %" PRId64 ", threshold %" PRId64
			     ", for %s%s%s",
			     text, by, m->score, m->threshold, duration_describe(m->ttl_s, time),
			     *m->text ? ": " : "", m->text);
	recording_entry(d->contact.recording, "listed", &l->prefix,
			"by %s, score %" PRId64 ", threshold %" PRId64 ", for %s%s%s", by, m->score,
			m->threshold, duration_describe(m->ttl_s, time), *m->text ? ": " : "",
			m->text);
}

static void verdict_list(struct daemon *d, const struct message_verdict *m,
			 const struct prefix *prefix, uint64_t for_s)
{
	struct contact *c = &d->contact;
	struct listing l = {.prefix = *prefix,
			    .zones = evidence_zones(m),
			    .by = m->named,
			    .expires_boot_ns = now_boot_ns() + for_s * NS_PER_S,
			    .reason = m->text};
	const struct listing *before = listings_find(c->listings, &m->addr);
	bool anew = !before;

	if (listing_enter(d, &l))
		return;
	(void)sources_take_known(d->gate, &m->addr, NULL);
	strangers_cut(d, &m->addr, prefix);
	if (anew)
		tell_listed(d, m, &l);
	evidence_record(d, m, prefix, l.zones, l.expires_boot_ns);
	network_widen(d, m, &l);
}

static void verdict_unlist(struct daemon *d, const struct addr *a)
{
	const struct listing *l = listings_find(d->contact.listings, a);
	struct prefix p;

	if (!l || l->prefix.bits <= listings_network(a).bits)
		return;
	p = l->prefix;
	listing_unmap(d, &p);
	listings_take(d->contact.listings, &p);
	recording_entry(d->contact.recording, "taken back", &p, "it is clean now");
}

static void verdict_know(struct daemon *d, const struct message_verdict *m,
			 const struct contact_decision *decision, bool is_clean)
{
	uint64_t now = now_boot_ns();
	struct pn_known known = {.since = now, .until = now, .origin = PN_ORIGIN_DNSBL}, before;
	struct prefix host = prefix_of(&m->addr, ADDR_BITS);
	struct err e = {0};

	if (sources_get_known(d->gate, &m->addr, &before, NULL) == 0 && before.until > now)
		known = before;
	known.fresh_until = now + decision->fresh_s * NS_PER_S;
	if (decision->known_s && now + decision->known_s * NS_PER_S > known.until)
		known.until = now + decision->known_s * NS_PER_S;
	if (sources_put_known(d->gate, &m->addr, &known, &e) && contact_may_tell(d))
		log_warning("a clean source is not remembered: %s", e.text);
	if (is_clean)
		evidence_record(d, m, &host, evidence_zones(m), known.until);
}

static bool is_of_these_lists(const struct daemon *d, const struct message_verdict *m)
{
	unsigned zones = d->contact.settings ? d->contact.settings->sites.zone_count : 0;

	for (unsigned i = 0; i < m->result_count; i++)
		if (m->result[i].zone >= zones)
			return false;
	return zones && (m->named >= SITE_ZONES_MAX || m->named < zones);
}

/*
 * Was one of its zones suspended while the verdict was under way? What rested on it has been taken back already, and this must
 * not come behind.
 */
static bool is_overtaken(const struct daemon *d, const struct message_verdict *m)
{
	uint64_t zones = evidence_zones(m);

	for (unsigned i = 0; i < d->contact.settings->sites.zone_count; i++)
		if (zones >> i & 1 && d->contact.zone[i].state == DNS_ZONE_SUSPENDED)
			return true;
	return false;
}

void verdict_take(struct daemon *d, const struct message_verdict *m)
{
	struct prefix prefix = prefix_of(&m->addr, (uint8_t)m->bits);
	struct contact_evidence evidence = {
		.finding = m->verdict == VERDICT_LISTED && m->classes & DNS_CLASS_MX
				   ? CONTACT_LISTED
			   : m->verdict == VERDICT_CLEAN ? CONTACT_CLEAN
							 : CONTACT_UNKNOWN,
		.partial = m->partial,
		.unasked = m->spent && m->unproven,
		.ttl_s = m->ttl_s,
	};
	struct contact_decision decision;
	struct pn_known known;

	if (!is_of_these_lists(d, m) || !asked_take(d->contact.asked, &m->addr)) {
		if (contact_may_tell(d))
			log_error("the resolver speaks of lists or strangers that it was not asked "
				  "about: not heard");
		return;
	}
	if (is_overtaken(d, m)) {
		evidence.finding = CONTACT_UNKNOWN;
		evidence.partial = true;
	}
	evidence.listed = listings_find(d->contact.listings, &m->addr) != NULL;
	evidence.known = sources_get_known(d->gate, &m->addr, &known, NULL) == 0 &&
			 known.until > now_boot_ns();
	decision = contact_decide(&evidence);
	if (decision.unlist)
		verdict_unlist(d, &m->addr);
	if (decision.list)
		verdict_list(d, m, &prefix, decision.listed_s);
	if (decision.know)
		verdict_know(d, m, &decision, evidence.finding == CONTACT_CLEAN);
	parts_verdict(d, m, decision.list);
}

/* ---- taking back ---- */

struct sweep {
	struct daemon *d;
	uint64_t zones, now_ns;
	const char *name; /* " zone.example " */
	unsigned count;
	struct addr *known;
	size_t known_count, known_room;
};

static bool rests_on(void *context, const struct listing *l)
{
	struct sweep *s = context;

	if (!(l->zones & s->zones))
		return false;
	listing_unmap(s->d, &l->prefix);
	s->count++;
	return true;
}

static int known_rests_on(void *context, const struct store_verdict *v)
{
	struct sweep *s = context;
	void *grown;

	if (v->listed || !strstr(v->zones, s->name))
		return 0;
	grown = grow(s->known, s->known_count, &s->known_room, sizeof(*s->known));
	if (!grown)
		return -ENOMEM;
	s->known = grown;
	s->known[s->known_count++] = v->addr;
	return 0;
}

/* Those that an allow list made known are known by the store alone. */
int verdicts_known_take_back(struct daemon *d, unsigned zone, size_t *known, struct err *e)
{
	char name[SITE_DOMAIN_MAX + 2];
	struct sweep s = {.d = d, .name = name};
	unsigned count;
	int r;

	snprintf(name, sizeof(name), " %s ", contact_zone_name(d, zone));
	r = store_each_verdict(d->store, NULL, known_rests_on, &s, e);
	for (size_t i = 0; i < s.known_count; i++)
		(void)sources_take_known(d->gate, &s.known[i], NULL);
	free(s.known);
	if (known)
		*known = s.known_count;
	return r ? r
		 : store_delete_verdicts(d->store, contact_zone_name(d, zone), false, &count, e);
}

void verdicts_take_back(struct daemon *d, unsigned zone, const char *why)
{
	struct contact *c = &d->contact;
	struct sweep s = {.d = d, .zones = 1ULL << zone};
	struct err e = {0};
	size_t known = 0;
	int r = -ENOENT;

	/* Lists fall ill together, and each time all verdicts are read: the heart must beat in between. */
	pulse_beat(d);
	recording_flush(c->recording);
	listings_sweep(c->listings, rests_on, &s);
	/* All that is in the store is read for it: at most once in a second, the rest is owed. */
	if (d->store && now_boot_ns() - c->paid_ns >= NS_PER_S) {
		r = verdicts_known_take_back(d, zone, &known, &e);
		c->paid_ns = now_boot_ns();
		if (r && r != -EBUSY)
			keep_fault(d, r, &e);
	}
	if (r)
		c->owed |= 1ULL << zone;
	log_warning("list %s: what rested on it is taken back: %u listing%s, %zu known source%s",
		    contact_zone_name(d, zone), s.count, plural(s.count), known, plural(known));
	recording_entry(c->recording, "taken back", NULL,
			"%u listings and %zu known sources that rested on list %s: %s", s.count,
			known, contact_zone_name(d, zone), why);
}

static bool has_expired(void *context, const struct listing *l)
{
	const struct sweep *s = context;

	if (l->expires_boot_ns > s->now_ns)
		return false;
	listing_unmap(s->d, &l->prefix);
	return true;
}

void verdicts_expire(struct daemon *d, uint64_t now_ns)
{
	struct sweep s = {.d = d, .now_ns = now_ns};

	listings_sweep(d->contact.listings, has_expired, &s);
}

static bool is_forgotten(void *context, const struct listing *l)
{
	const struct sweep *s = context;

	return sources_get_listed(s->d->gate, &l->prefix, NULL, NULL) == -ENOENT;
}

void verdicts_drop_forgotten(struct daemon *d)
{
	struct sweep s = {.d = d};

	listings_sweep(d->contact.listings, is_forgotten, &s);
}

/* ---- the store's and the map's ---- */

/* By name: numbers change with the configuration. False: one is not asked any more. */
static bool zones_find(const struct daemon *d, const struct store_verdict *v, struct listing *l)
{
	char text[STORE_ZONES_MAX], *at = text, *name;

	snprintf(text, sizeof(text), "%s", v->zones);
	while ((name = strsep(&at, " "))) {
		unsigned zone = 0, count = d->contact.settings->sites.zone_count;

		if (!*name)
			continue;
		while (zone < count && strcmp(contact_zone_name(d, zone), name) != 0)
			zone++;
		if (zone == count)
			return false;
		l->zones |= 1ULL << zone;
		if (strcmp(v->by, name) == 0)
			l->by = zone;
	}
	return true;
}

static int restore_one(void *context, const struct store_verdict *v)
{
	struct sweep *s = context;
	struct listing l = {.prefix = v->prefix,
			    .by = SITE_ZONES_MAX,
			    .expires_boot_ns = v->expires_boot_ns,
			    .reason = v->reason};
	struct pn_known known = {.since = s->now_ns,
				 .until = v->expires_boot_ns,
				 .origin = PN_ORIGIN_DNSBL},
			old;

	if (!s->d->contact.settings || !zones_find(s->d, v, &l))
		return 0;
	/* What is in force was judged later, or stands for its whole network. */
	if (v->listed && !listings_find(s->d->contact.listings, &v->prefix.addr))
		s->count += listing_enter(s->d, &l) == 0;
	if (v->listed)
		return 0;
	if (sources_get_known(s->d->gate, &v->addr, &old, NULL))
		(void)sources_put_known(s->d->gate, &v->addr, &known, NULL);
	return 0;
}

static bool is_stray(void *context, const struct source_entry *s)
{
	const struct daemon *d = context;

	return s->origin != PN_ORIGIN_BAN && !listings_get(d->contact.listings, &s->prefix);
}

static bool take_all(void *context, const struct listing *l)
{
	(void)context;
	(void)l;
	return true;
}

void verdicts_forget_all(struct daemon *d)
{
	listings_sweep(d->contact.listings, take_all, NULL);
}

void verdicts_restore(struct daemon *d)
{
	struct sweep s = {.d = d, .now_ns = now_boot_ns()};
	struct err e = {0};
	int r;

	/* Somebody else is at the store: later, and what the kernel lists stands meanwhile. */
	d->contact.restored = d->store || !d->store_busy;
	if (!d->contact.restored)
		return;
	if (d->store) {
		r = judgement_pay(d, &e);
		if (!r)
			r = store_each_verdict(d->store, NULL, restore_one, &s, &e);
		d->contact.restored = r != -EBUSY;
		if (!d->contact.restored)
			return;
		if (r)
			keep_fault(d, r, &e);
	}
	/* Entries whose evidence was lost, by a kill within the second of a batch: whoever they are about is asked about again. */
	if (sources_prune_listed(d->gate, is_stray, NULL, d, NULL))
		log_warning("what is listed in the kernel cannot be read");
	if (s.count)
		log_info("%u listing%s of before in force", s.count, plural(s.count));
}

void verdicts_relist(struct daemon *d, const struct prefix *p)
{
	const struct listing *l = d->contact.listings ? listings_get(d->contact.listings, p) : NULL;

	if (l && l->expires_boot_ns > now_boot_ns())
		(void)listing_map(d, l);
}

static bool refill_one(void *context, const struct listing *l)
{
	return listing_map(context, l) != 0;
}

void verdicts_refill(struct daemon *d)
{
	listings_sweep(d->contact.listings, refill_one, d);
}
