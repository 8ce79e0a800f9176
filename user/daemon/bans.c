/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offences, and the bans that follow. An offence is only what nobody else can do in a source's name:
 *
 *   rate, open   the kernel says that it met its limit, at a SYN, which may be forged. So the limit itself is looked at: it counts
 *                complete handshakes, must be used up, and must have been charged again since the last such offence. Who only stands
 *                at his limit earns one offence, however many SYNs are sent in his name. Where there is no rate, or connections are
 *                charged at the SYN, nothing can be told apart, and this is no offence.
 *   listed       it has held a conversation with the responder, which told it why
 *   cut          its connection was cut, since it was found listed
 *
 * A dropped SYN is none, however many there are: a source that is listed and dropped may be somebody else's invention. Nor is the limit
 * of a network or of all, which no single source has met.
 *
 * Never banned are those whom policy/protect.h names for what is automatic, and who delivers mail as a rule, which the store tells:
 * without a store nobody is banned. A network is banned when enough of its sources are, unless it has one of these in it.
 *
 * A ban stands in pn_listed, in the place of a verdict of the DNS on the same key (verdicts.c), and is silence for all packets to all
 * policed ports. It obeys the mode: in monitor mode it is decided, counted and told, and nothing else. The history of a source is in memory
 * (bans_offenders.h says how much), its bans in the store too: after a restart bans go on and the next is longer, and offences that led to none
 * are forgotten.
 */
#include "daemon/bans.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"
#include "base/words.h"
#include "daemon/bans_inside.h"
#include "daemon/sockets.h"
#include "daemon/state.h"
#include "reply/reply.h"
#include "store/bans.h"

#define CLASSES_ALL ((1U << PN_CLASSES) - 1)
#define PROTECTED_NS                                                                               \
	(10 *                                                                                      \
	 NS_PER_S) /* own addresses, logins and rules change seldom, and the kernel knows most of them */
/* So much of a limit must be spent when the news of it comes here, some milliseconds later. */
#define SPENT_PART 2

int64_t ban_now_s(void)
{
	return (int64_t)(now_boot_ns() / NS_PER_S);
}

static struct offence_rules rules_of(const struct daemon *d)
{
	return (struct offence_rules){
		.after = d->conf.bans.after,
		.within_s = (int64_t)d->conf.bans.within_s,
		.first_s = (int64_t)d->conf.bans.first_s,
		.longest_s = (int64_t)d->conf.bans.longest_s,
		.forget_s = (int64_t)d->conf.bans.forget_s,
		.neighbours = d->conf.bans.neighbours,
	};
}

struct prefix bans_source(const struct addr *a)
{
	return prefix_of(a, addr_is_v4(a) ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6);
}

/* ---- the map ---- */

int ban_map(struct daemon *d, struct offender *o)
{
	struct pn_listed value = {.action = PN_DROP,
				  .origin = PN_ORIGIN_BAN,
				  .expires = (uint64_t)o->history.until_s * NS_PER_S,
				  .classes = CLASSES_ALL};
	struct err e = {0};
	int r = sources_put_listed(d->gate, &o->prefix, &value, &e);

	if (r) {
		if (said_anew(&d->bans->full_said, e.text))
			log_warning("banned sources get in: %s", e.text);
		return r;
	}
	said_settle(&d->bans->full_said);
	d->bans->in_force += !o->in_force;
	o->in_force = true;
	return 0;
}

/* Does the map have it? */
static bool is_mapped(const struct daemon *d, const struct offender *o)
{
	struct pn_listed there;

	return sources_get_listed(d->gate, &o->prefix, &there, NULL) == 0 &&
	       there.origin == PN_ORIGIN_BAN;
}

bool ban_is_taken_back(const struct daemon *d, const struct offender *o)
{
	/* In this order: one that has ended may be gone by itself, or have made room for a verdict. */
	return o->in_force && !is_mapped(d, o) && offence_is_banned(&o->history, ban_now_s());
}

void ban_forget(struct daemon *d, struct offender *o)
{
	d->bans->in_force -= o->in_force;
	offender_clear(o);
}

bool ban_shorten(struct daemon *d, struct offender *o)
{
	struct offence_rules rules = rules_of(d);

	if (!offence_shorten(&o->history, &rules, ban_now_s()))
		return false;
	o->unwritten = d->bans->unwritten = true;
	if (o->in_force)
		(void)ban_map(d, o);
	return true;
}

/* Out of the map; what the DNS has against it comes into force again. */
static void ban_unmap(struct daemon *d, struct offender *o)
{
	if (!o->in_force)
		return;
	if (is_mapped(d, o))
		(void)sources_take_listed(d->gate, &o->prefix, NULL);
	o->in_force = false;
	d->bans->in_force--;
	verdicts_relist(d, &o->prefix);
}

/* ---- who is spared ---- */

static int find_regular(void *context, const struct store_sender *s)
{
	*(struct addr *)context = s->addr;
	return offence_is_regular(s->messages, s->first_wall_s, s->last_wall_s, now_wall_s());
}

static int protected_renew(struct daemon *d, struct err *e)
{
	struct bans *b = d->bans;
	uint64_t now = now_boot_ns();
	int r;

	if (b->protected_ns && now - b->protected_ns < PROTECTED_NS)
		return 0;
	protected_free(&b->protected);
	b->protected_ns = 0;
	r = protected_read_automatic(&b->protected, &d->conf, d->gate, e);
	if (!r)
		b->protected_ns = now;
	return r;
}

/* May it not be banned? *e says why not; where nobody can tell, it may not. */
static bool is_spared(struct daemon *d, const struct prefix *p, struct err *e)
{
	char text[ADDR_TEXT_MAX];
	struct addr regular;
	int r = protected_renew(d, e);

	if (!r)
		r = protect_check_automatic(d->bans->protected.entry, d->bans->protected.count, p,
					    e);
	if (r)
		return true;
	if (!d->store || !d->bans->restored) {
		err_set(e, -ENOENT,
			"without the store nobody knows who delivers mail, or was banned before");
		return true;
	}
	r = store_each_sender(d->store, p, now_wall_s() - OFFENCE_REGULAR_WITHIN_S, find_regular,
			      &regular, e);
	if (r > 0)
		err_set(e, -EPERM, "%s delivers mail here as a rule", addr_format(&regular, text));
	return r != 0;
}

static void tell_spared(struct daemon *d, const struct prefix *p, const struct err *e)
{
	char text[PREFIX_TEXT_MAX];

	if (said_anew(&d->bans->spared_said, e->text) && contact_may_tell(d))
		log_info("not banned: %s has offended often enough, but %s", prefix_format(p, text),
			 e->text);
}

/* ---- a ban ---- */

static void tell_banned(struct daemon *d, const struct offender *o, int64_t length_s,
			const char *evidence)
{
	bool acts = gate_conf(d->gate)->enforce_until > now_boot_ns();
	char text[PREFIX_TEXT_MAX], time[DURATION_TEXT_MAX];

	duration_describe((uint64_t)length_s, time);
	if (contact_may_tell(d))
		log_decision(&(struct log_fields){.kind = LOG_BANNED,
						  .source = prefix_format(&o->prefix, text),
						  .reason = reason_name(PN_REASON_BANNED),
						  .action = action_name(acts ? PN_DROP : PN_PASS),
						  .would = acts ? NULL : action_name(PN_DROP)},
			     "%s: %s for %s, ban %u of it: %s", acts ? "banned" : "would ban", text,
			     time, o->history.level, evidence);
	recording_entry(d->contact.recording, "banned", &o->prefix, "for %s, ban %u of it: %s%s",
			time, o->history.level, evidence,
			acts ? "" : "; in monitor mode it is only counted");
	/* What is listed talks to the responder, or has been cut. */
	if (acts && !o->is_network && o->kind <= OFFENCE_OPEN && d->bans->cut_count < BANS_CUT_MAX)
		d->bans->cut[d->bans->cut_count++] = o->prefix;
}

static bool ban_order(struct daemon *d, struct offender *o, const char *evidence)
{
	struct offence_rules rules = rules_of(d);
	struct offence_history before = o->history;
	int64_t length = offence_ban(&o->history, &rules, ban_now_s());

	/* It was none: the next offence tries again, and is not punished for this one. */
	if (ban_map(d, o)) {
		o->history = before;
		return false;
	}
	o->has_end = o->unwritten = d->bans->unwritten = true;
	tell_banned(d, o, length, evidence);
	return true;
}

struct neighbours {
	struct prefix network;
	uint32_t banned;
};

static bool neighbours_count(void *context, struct offender *o)
{
	struct neighbours *n = context;

	n->banned += o->in_force && !o->is_network && prefix_covers(&n->network, &o->prefix);
	return false;
}

static void network_consider(struct daemon *d, const struct addr *a)
{
	struct neighbours n = {.network = listings_network(a)};
	struct offence_rules rules = rules_of(d);
	char evidence[OFFENDER_EVIDENCE_MAX];
	struct offender *o;
	struct err e = {0};

	offenders_sweep(d->bans->all, neighbours_count, &n);
	if (!offence_is_network(&rules, n.banned))
		return;
	o = offenders_add(d->bans->all, &n.network);
	if (!o || offence_is_banned(&o->history, ban_now_s()))
		return;
	o->is_network = true;
	snprintf(evidence, sizeof(evidence), "%u sources in it are banned", n.banned);
	if (is_spared(d, &n.network, &e))
		tell_spared(d, &n.network, &e);
	else
		ban_order(d, o, evidence);
}

static void source_consider(struct daemon *d, struct offender *o)
{
	char evidence[ERR_TEXT_MAX], time[DURATION_TEXT_MAX];
	struct err e = {0};

	if (is_spared(d, &o->prefix, &e)) {
		offence_spare(&o->history);
		tell_spared(d, &o->prefix, &e);
		return;
	}
	snprintf(evidence, sizeof(evidence), "%u offence%s within %s, the last: %s%s%s",
		 d->conf.bans.after, plural(d->conf.bans.after),
		 duration_describe(d->conf.bans.within_s, time), offence_sentence(o->kind),
		 *o->evidence ? ", " : "", o->evidence);
	if (ban_order(d, o, evidence))
		network_consider(d, &o->prefix.addr);
}

/* charged_ns: of its rate; 0 where the offence is no limit's. */
static void offend(struct daemon *d, const struct addr *a, enum offence_kind kind,
		   uint64_t charged_ns, const char *evidence)
{
	struct offence_rules rules = rules_of(d);
	struct prefix source = bans_source(a);
	struct offender *o = rules.after ? offenders_add(d->bans->all, &source) : NULL;
	enum offence_added added;

	if (!rules.after)
		return;
	if (!o) {
		if (said_anew(&d->bans->full_said, "offenders") && contact_may_tell(d))
			log_warning("more than %d sources offend: further ones are held to their "
				    "limits, and not banned",
				    OFFENDERS_MAX);
		return;
	}
	if (charged_ns && charged_ns <= o->charged_ns)
		return;
	/* A command has forgotten him just now: bans_tend_store() comes once a second. */
	if (ban_is_taken_back(d, o))
		ban_forget(d, o);
	added = offence_add(&o->history, &rules, ban_now_s());
	if (added == OFFENCE_UNCOUNTED)
		return;
	o->kind = kind;
	if (charged_ns)
		o->charged_ns = charged_ns;
	snprintf(o->evidence, sizeof(o->evidence), "%s", evidence);
	if (added == OFFENCE_ENOUGH)
		source_consider(d, o);
}

/* ---- what is heard ---- */

static void bans_event(struct daemon *d, const struct pn_event *event)
{
	uint32_t open, most = gate_conf(d->gate)->open_max;
	char evidence[OFFENDER_EVIDENCE_MAX];
	struct rate_entry rate;
	struct addr a;

	if ((event->reason != PN_REASON_RATE && event->reason != PN_REASON_OPEN) ||
	    d->conf.charge == CONF_CHARGE_SYN)
		return;
	memcpy(a.byte, event->src, sizeof(a.byte));
	if (rates_get(d->gate, &a, false, &rate, NULL) || !rate.limit || !rate.charged_ns)
		return;
	if (event->reason == PN_REASON_RATE) {
		snprintf(evidence, sizeof(evidence), "%u of %u in a burst used", rate.used,
			 rate.limit);
		if (rate.used >= rate.limit - rate.limit / SPENT_PART)
			offend(d, &a, OFFENCE_RATE, rate.charged_ns, evidence);
		return;
	}
	open = open_get(d->gate, &a);
	snprintf(evidence, sizeof(evidence), "%u of %u open", open, most);
	if (most && open >= most - most / SPENT_PART)
		offend(d, &a, OFFENCE_OPEN, rate.charged_ns, evidence);
}

static void listed_by(const struct daemon *d, const struct addr *a,
		      char evidence[static OFFENDER_EVIDENCE_MAX])
{
	const struct listing *l = listings_find(d->contact.listings, a);

	evidence[0] = '\0';
	if (l && l->by < SITE_ZONES_MAX)
		snprintf(evidence, OFFENDER_EVIDENCE_MAX, "by %s", contact_zone_name(d, l->by));
}

/* Whom an operator's rule or a feed hands to the responder is refused anyway, and for as long as that says. */
static void bans_said(struct daemon *d, const struct reply_said *said)
{
	char evidence[OFFENDER_EVIDENCE_MAX];
	struct pn_why why;

	if (why_ask(d->gate, &said->addr, why_port(d->gate), &why, NULL) ||
	    why.reason != PN_REASON_LISTED)
		return;
	listed_by(d, &said->addr, evidence);
	offend(d, &said->addr, OFFENCE_ANSWERED, 0, evidence);
}

void bans_note_cut(struct daemon *d, const struct addr *a)
{
	char evidence[OFFENDER_EVIDENCE_MAX];

	if (!d->bans)
		return;
	listed_by(d, a, evidence);
	offend(d, a, OFFENCE_CUT, 0, evidence);
}

/* ---- time ---- */

struct aging {
	struct daemon *d;
	struct offence_rules rules;
	int64_t now_s;
	bool is_full; /* the map */
};

static bool age(void *context, struct offender *o)
{
	struct aging *a = context;
	bool banned = offence_is_banned(&o->history, a->now_s);

	/*
	 * Its end is written too, also where it passed while nobody was running, or the map had no room: after a boot without a clock it could
	 * not be told from one that goes on.
	 */
	if (o->has_end && !banned) {
		ban_unmap(a->d, o);
		o->has_end = false;
		o->unwritten = a->d->bans->unwritten = true;
	}
	/* The map was full when it was made anew or read back: there may be room by now. */
	if (banned && !o->in_force && !a->is_full)
		a->is_full = ban_map(a->d, o) != 0;
	return offence_is_forgotten(&o->history, &a->rules, a->now_s);
}

static void cut_all(struct daemon *d)
{
	struct bans *b = d->bans;
	struct err e = {0};
	unsigned killed = 0;

	if (!b->cut_count)
		return;
	if (sockets_destroy(&d->conf, d->gate, b->cut, b->cut_count, &killed, &e) &&
	    contact_may_tell(d))
		log_warning("banned sources stay connected: %s", e.text);
	if (killed)
		log_debug("%u connections of banned sources are cut", killed);
	b->cut_count = 0;
}

static void bans_tick(struct daemon *d, uint64_t now_ns)
{
	struct aging a = {.d = d, .rules = rules_of(d), .now_s = ban_now_s()};
	struct err e = {0};
	int r;

	cut_all(d);
	r = d->store ? bans_tend_store(d, now_ns, &e) : 0;
	if (r && r != -EBUSY) /* somebody else is at it: it can wait */
		keep_fault(d, r, &e);
	/* Behind it: who is forgotten is not put back into the map. */
	offenders_sweep(d->bans->all, age, &a);
}

/* ---- beginning, change, end ---- */

static bool map_again(void *context, struct offender *o)
{
	struct store_ban ban;
	struct daemon *d = context;

	if (!o->in_force)
		return false;
	d->bans->in_force--;
	o->in_force = false;
	/* Other maps cannot tell that it was forgotten a moment ago. */
	if (!o->unwritten && d->store && store_get_ban(d->store, &o->prefix, &ban, NULL) == -ENOENT)
		return true;
	/* Where they are full it is tried again by the clock. */
	if (offence_is_banned(&o->history, ban_now_s()))
		(void)ban_map(d, o);
	return false;
}

static void bans_gate_changed(struct daemon *d)
{
	d->bans->protected_ns = 0;
	offenders_sweep(d->bans->all, map_again, d);
}

static bool lift(void *context, struct offender *o)
{
	ban_unmap(context, o);
	return true;
}

/* Nobody is to be banned: that holds for those who are, too. */
static void bans_lift(struct daemon *d)
{
	unsigned lifted = d->bans->in_force;
	struct err e = {0};

	offenders_sweep(d->bans->all, lift, d);
	/* At a start those of an earlier controller are in the map alone. */
	bans_prune(d);
	d->bans->cut_count = 0;
	if (lifted) {
		log_info("%u ban%s taken back: bans.after is 0", lifted,
			 lifted == 1 ? " is" : "s are");
		recording_entry(d->contact.recording, "taken back", NULL,
				"%u ban%s, since bans.after is 0", lifted, plural(lifted));
	}
	d->bans->lift_owed = true;
	if (d->store && bans_lift_stored(d, &e))
		log_warning("bans that are taken back stay in the store for now: %s", e.text);
}

struct shortening {
	struct daemon *d;
	unsigned count;
};

static bool shorten(void *context, struct offender *o)
{
	struct shortening *s = context;

	if (ban_is_taken_back(s->d, o))
		ban_forget(s->d, o);
	s->count += ban_shorten(s->d, o);
	return false;
}

static void bans_reload(struct daemon *d)
{
	struct shortening s = {.d = d};
	char time[DURATION_TEXT_MAX];

	d->bans->protected_ns = 0;
	if (!d->conf.bans.after) {
		bans_lift(d);
		return;
	}
	offenders_sweep(d->bans->all, shorten, &s);
	if (s.count)
		log_info("%u ban%s sooner: none is longer than %s any more", s.count,
			 s.count == 1 ? " ends" : "s end",
			 duration_describe(d->conf.bans.longest_s, time));
}

static void bans_close(struct daemon *d)
{
	struct err e = {0};

	if (d->store && d->bans->unwritten && bans_write(d, &e))
		log_warning("bans of the last second are not kept: %s", e.text);
	protected_free(&d->bans->protected);
	offenders_free(d->bans->all);
	free(d->bans);
	d->bans = NULL;
}

static int bans_open(struct daemon *d, struct err *e)
{
	struct bans *b = calloc(1, sizeof(*b));
	int r = 0;

	if (b)
		b->all = offenders_new();
	if (!b || !b->all) {
		free(b);
		return err_set(e, -ENOMEM, "no memory for offenders");
	}
	d->bans = b;
	if (!d->conf.bans.after)
		bans_lift(d);
	else if (d->store)
		r = bans_restore(d, e);
	/* A command is at it: the tick comes within a second. */
	if (r && r != -EBUSY)
		log_warning("bans of before are not read back yet: %s; those in the kernel hold",
			    e->text);
	return 0;
}

const struct part bans_part = {
	.name = "bans",
	.lost = "nobody is banned",
	.open = bans_open,
	.close = bans_close,
	.reload = bans_reload,
	.gate_changed = bans_gate_changed,
	.tick = bans_tick,
	.event = bans_event,
	.said = bans_said,
};
