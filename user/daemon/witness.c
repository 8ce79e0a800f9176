/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was decided, and in monitor mode what would have been, on its way into the store for the report. Events of one source for one reason become
 * one row for some minutes. What the kernel tells are packets that were judged: a connection is one SYN, but where silence is the action each
 * packet of a connection is judged, and a SYN is repeated; so there a connection is a port of the source's.
 */
#include "daemon/witness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/messages.h"
#include "daemon/setup.h"
#include "daemon/state.h"
#include "kern/gate.h"
#include "store/refusals.h"

#define ROW_S	  300 /* a row's length: so exactly a delivery can be told from a refusal */
#define SLOTS	  4096 /* rows that are open at once: more than the kernel tells of in some seconds */
#define SLOTS_MAX (SLOTS / 4 * 3)
#define BATCH_MAX                                                                                  \
	8192 /* rows that wait for the store: 6 MB. What comes beyond is lost, and counted */
#define FLUSH_MS    400	 /* of the second in which it is to be written */
#define RETRY_MS    5000 /* a store that is away, full or in use */
#define COUNT_NS    (10 * NS_PER_S)
#define WATCHED_NS  (60 * NS_PER_S) /* nothing but time has passed: the disk may sleep */
#define TRIM_NS	    (600 * NS_PER_S)
#define COUNTERS    (PN_CLASSES * PN_REASONS)
#define REVERSE_DNS "reverse-DNS"

#define SLOT_PORTS                                                                                 \
	8 /* of connections at once whose packets still come when they are cut: a bot opens a few */

struct slot {
	struct store_refusal row;
	uint16_t sport[SLOT_PORTS]; /* of the last events; 0 none */
	unsigned next_port;
	uint32_t generation; /* of the batch that `at` is a place in */
	size_t at;
	bool used;
};

struct count {
	uint64_t packets, would;
};

struct witness {
	struct daemon *d;
	struct loop_source *timer;
	struct slot slot[SLOTS];
	unsigned used;
	struct store_refusal batch[BATCH_MAX];
	size_t batched;
	uint32_t generation;	/* of the batch */
	uint32_t store;		/* store_number() of the one that base is of; 0: none */
	int64_t base;		/* the id in the store is this and the row's own number */
	int64_t numbers, saved; /* given; written */
	uint64_t secret;
	struct count seen[COUNTERS],
		grown[COUNTERS]; /* the counters last; what the store does not have yet */
	uint64_t found; /* likewise: strangers, by the connection that they were let in by */
	uint64_t watched_ns, monitor_ns, looked_ns, counted_ns, written_ns, trimmed_ns;
	bool due; /* hours are to be written */
	unsigned long lost;
	bool loses;
};

/* ---- the batch ---- */

static void flush_expect(struct witness *w, uint64_t ms);
static void counters_take(struct witness *w, bool adds);
static void time_take(struct witness *w, uint64_t now_ns);

/* Whose rows are they? A store that was put in the place of another has numbers of its own. */
static int base_find(struct witness *w, struct store *s, struct err *e)
{
	int64_t next;
	int r;

	if (w->store == store_number(s))
		return 0;
	r = store_next_refusal(s, &next, e);
	if (r)
		return r;
	if (next - 1 != w->base + w->saved)
		w->base = next - 1;
	w->store = store_number(s);
	return 0;
}

static int batch_write(struct witness *w, struct store *s, struct err *e)
{
	int r = base_find(w, s, e);

	if (r)
		return r;
	for (size_t i = 0; i < w->batched; i++)
		w->batch[i].id += w->base;
	r = store_put_refusals(s, w->batch, w->batched, e);
	for (size_t i = 0; i < w->batched; i++) {
		w->batch[i].id -= w->base;
		if (!r && w->batch[i].id > w->saved)
			w->saved = w->batch[i].id;
	}
	return r;
}

static int hours_write(struct witness *w, struct store *s, struct err *e)
{
	struct store_hour list[COUNTERS + 2]; /* and what is not the kernel's */
	int64_t now_s = now_wall_s();
	size_t count = 0;
	int r;

	for (unsigned i = 0; i < COUNTERS; i++) {
		struct store_hour *h = &list[count];

		if (!w->grown[i].packets && !w->grown[i].would)
			continue;
		*h = (struct store_hour){.wall_s = now_s,
					 .class_ = i / PN_REASONS,
					 .packets = w->grown[i].packets,
					 .would = w->grown[i].would};
		snprintf(h->reason, sizeof(h->reason), "%s", reason_name(i % PN_REASONS));
		count++;
	}
	list[count++] = (struct store_hour){.wall_s = now_s,
					    .reason = STORE_HOUR_WATCHED,
					    .packets = w->watched_ns / NS_PER_S,
					    .would = w->monitor_ns / NS_PER_S};
	list[count++] =
		(struct store_hour){.wall_s = now_s, .reason = STORE_HOUR_FOUND, .would = w->found};
	r = store_add_hours(s, list, count, e);
	if (r)
		return r;
	memset(w->grown, 0, sizeof(w->grown));
	w->found = 0;
	w->watched_ns %= NS_PER_S;
	w->monitor_ns %= NS_PER_S;
	w->written_ns = now_boot_ns();
	w->due = false;
	return 0;
}

static int all_write(struct witness *w, struct err *e)
{
	struct store *s = w->d->store;
	int r = s ? store_lock(s, e) : err_set(e, -ENOENT, "there is no store");

	if (r)
		return r;
	if (w->batched)
		r = batch_write(w, s, e);
	if (!r && w->due)
		r = hours_write(w, s, e);
	store_unlock(s);
	return r;
}

/* A failure that is not the store's own is its owner's to tell (keep.c). */
static void flush(struct witness *w)
{
	struct err e = {0};
	int r;

	/* What is told of some connections goes with the count of all: a report is of one moment. */
	if (w->batched) {
		time_take(w, now_boot_ns());
		counters_take(w, true);
		w->due = true;
	}
	if (!w->due)
		return;
	r = all_write(w, &e);
	if (r) {
		if (r != -EBUSY && w->d->store)
			keep_fault(w->d, r, &e);
		flush_expect(w, RETRY_MS);
		return;
	}
	w->batched = 0;
	w->generation++;
	if (w->lost)
		log_warning("%lu rows of what was refused could not be kept for the report",
			    w->lost);
	w->lost = 0;
	w->loses = false;
}

static void flush_late(void *context)
{
	struct witness *w = context;

	loop_remove(w->d->loop, w->timer);
	w->timer = NULL;
	flush(w);
}

static void flush_expect(struct witness *w, uint64_t ms)
{
	/* Without a timer the next row tries again. */
	if (!w->timer)
		(void)loop_add_timer(w->d->loop, ms, 0, flush_late, w, &w->timer);
}

static void batch_put(struct witness *w, struct slot *s)
{
	if (s->generation != w->generation) {
		if (w->batched == BATCH_MAX) {
			if (!w->loses)
				log_warning("the store takes nothing: what is refused is not kept "
					    "for the report");
			w->loses = true;
			w->lost++;
			return;
		}
		s->generation = w->generation;
		s->at = w->batched++;
	}
	w->batch[s->at] = s->row;
	flush_expect(w, FLUSH_MS);
}

/* ---- rows ---- */

static bool row_is(const struct store_refusal *a, const struct store_refusal *b)
{
	return addr_equal(&a->addr, &b->addr) && strcmp(a->reason, b->reason) == 0 &&
	       a->class_ == b->class_ && a->acted == b->acted &&
	       strcmp(a->action, b->action) == 0 && strcmp(a->detail, b->detail) == 0;
}

static struct slot *slot_find(struct witness *w, const struct store_refusal *row)
{
	struct prefix host = prefix_of(&row->addr, ADDR_BITS);
	size_t i = (size_t)(prefix_hash(&host, w->secret) % SLOTS);

	if (w->used >= SLOTS_MAX) { /* what waits to be written is in the batch */
		memset(w->slot, 0, sizeof(w->slot));
		w->used = 0;
	}
	while (w->slot[i].used && !row_is(&w->slot[i].row, row))
		i = (i + 1) % SLOTS;
	return &w->slot[i];
}

/* Has it been met just now? It is from now on. */
static bool slot_meets(struct slot *s, uint16_t sport)
{
	for (unsigned i = 0; i < SLOT_PORTS; i++)
		if (s->sport[i] == sport)
			return true;
	s->sport[s->next_port++ % SLOT_PORTS] = sport;
	return false;
}

/* row: all but its id, with the time of one event in both its times. sport: 0 unknown. */
static void row_note(struct witness *w, const struct store_refusal *row, uint16_t sport,
		     bool by_port)
{
	struct slot *s = slot_find(w, row);
	bool is_met;

	if (s->used && row->first_wall_s - s->row.first_wall_s < ROW_S &&
	    row->first_wall_s >= s->row.first_wall_s) {
		if (row->last_wall_s > s->row.last_wall_s)
			s->row.last_wall_s = row->last_wall_s;
		is_met = slot_meets(s, sport);
		s->row.connections += by_port && is_met ? 0 : row->connections;
	} else {
		w->used += !s->used;
		*s = (struct slot){.row = *row, .used = true, .generation = w->generation - 1};
		s->row.id = ++w->numbers;
		(void)slot_meets(s, sport);
	}
	batch_put(w, s);
}

/* Which lists: the one that weighed most, then the others. A blank between. */
static void listing_tell(const struct daemon *d, const struct addr *a, struct store_refusal *row)
{
	const struct listing *l = listings_find(d->contact.listings, a);
	size_t at;

	if (!l || !d->contact.settings)
		return;
	at = (size_t)snprintf(row->detail, sizeof(row->detail), "%s",
			      l->by < d->contact.settings->sites.zone_count
				      ? contact_zone_name(d, l->by)
				      : REVERSE_DNS);
	for (unsigned i = 0; i < d->contact.settings->sites.zone_count; i++)
		if (l->zones >> i & 1 && i != l->by &&
		    at + strlen(contact_zone_name(d, i)) + 1 < sizeof(row->detail))
			at += (size_t)snprintf(row->detail + at, sizeof(row->detail) - at, " %s",
					       contact_zone_name(d, i));
	snprintf(row->says, sizeof(row->says), "%.*s", (int)sizeof(row->says) - 1,
		 l->reason ? l->reason : "");
}

static void limit_tell(const struct conf *c, enum pn_reason reason, struct store_refusal *row)
{
	const struct conf_rate *rate = reason == PN_REASON_RATE		  ? &c->limits.rate
				       : reason == PN_REASON_NETWORK_RATE ? &c->limits.network_rate
									  : &c->limits.total_rate;

	if (reason == PN_REASON_OPEN)
		snprintf(row->detail, sizeof(row->detail), "%u", c->limits.open);
	else if (reason == PN_REASON_TOTAL_OPEN)
		snprintf(row->detail, sizeof(row->detail), "%u", c->limits.total_open);
	else
		(void)rate_format(rate, row->detail, sizeof(row->detail));
}

static bool is_limit(enum pn_reason reason)
{
	return reason >= PN_REASON_OPEN && reason <= PN_REASON_TOTAL_RATE;
}

static void witness_event(struct daemon *d, const struct pn_event *e)
{
	struct witness *w = d->witness;
	enum pn_action would = e->action == PN_PASS ? e->would : e->action;
	int64_t wall_s = when_of_boot(e->time);
	struct store_refusal row = {.class_ = e->class_,
				    .acted = e->action != PN_PASS,
				    .first_wall_s = wall_s,
				    .last_wall_s = wall_s,
				    .connections = 1};
	bool by_port = would == PN_DROP && (e->action != PN_PASS || !is_limit(e->reason));

	if (would != PN_DROP && would != PN_REFUSE && would != PN_REPLY)
		return;
	memcpy(row.addr.byte, e->src, sizeof(e->src));
	snprintf(row.reason, sizeof(row.reason), "%s", reason_name(e->reason));
	snprintf(row.action, sizeof(row.action), "%s", action_name(would));
	if (e->reason == PN_REASON_LISTED)
		listing_tell(d, &row.addr, &row);
	else if (is_limit(e->reason))
		limit_tell(&d->conf, e->reason, &row);
	else if (e->reason == PN_REASON_FEED && e->feed < d->conf.feed_count)
		snprintf(row.detail, sizeof(row.detail), "%s", d->conf.feeds[e->feed].name);
	if (!by_port)
		row.connections += e->suppressed;
	row_note(w, &row, e->sport, by_port);
}

/* A row for the connection that a stranger was found listed by. */
static struct store_refusal found_row(const struct daemon *d, const struct addr *a)
{
	struct store_refusal row = {
		.addr = *a, .class_ = PN_CLASS_MX, .first_wall_s = now_wall_s(), .connections = 1};

	row.last_wall_s = row.first_wall_s;
	snprintf(row.reason, sizeof(row.reason), "%s", reason_name(PN_REASON_LISTED));
	snprintf(row.action, sizeof(row.action), "%s",
		 action_name(setup_action(d->conf.actions.dnsbl)));
	listing_tell(d, a, &row);
	return row;
}

/* Where silence is the action the kernel judges packets of it that were on their way, too: by its action and its port they are one with it. */
void witness_note_cut(struct daemon *d, const struct addr *a, uint16_t port)
{
	struct store_refusal row;

	if (!d->witness)
		return;
	row = found_row(d, a);
	row.acted = true;
	row_note(d->witness, &row, port, d->conf.actions.dnsbl == CONF_DROP);
}

/*
 * A stranger who is found listed in monitor mode got in by the very connection that he was found by. Enforce mode would have held or cut it,
 * unless strangers are let in unasked.
 */
static void witness_verdict(struct daemon *d, const struct message_verdict *m, bool listed)
{
	struct store_refusal row;

	if (!listed || d->conf.first_contact == CONF_CONTACT_PASS ||
	    gate_conf(d->gate)->enforce_until > now_boot_ns())
		return;
	d->witness->found++;
	row = found_row(d, &m->addr);
	row_note(d->witness, &row, 0, false);
}

/* ---- the clock ---- */

struct counting {
	struct witness *w;
	unsigned at;
	bool adds;
};

static int counter_take(void *context, const struct counter *k)
{
	struct counting *c = context;
	struct count *seen = &c->w->seen[c->at], *grown = &c->w->grown[c->at];

	/* Less than before: new maps count anew. */
	if (c->adds) {
		grown->packets +=
			k->sum.packets - (k->sum.packets < seen->packets ? 0 : seen->packets);
		grown->would += k->sum.would - (k->sum.would < seen->would ? 0 : seen->would);
	}
	*seen = (struct count){k->sum.packets, k->sum.would};
	return ++c->at == COUNTERS;
}

static void counters_take(struct witness *w, bool adds)
{
	struct counting c = {.w = w, .adds = adds};

	(void)counters_each(w->d->gate, counter_take, &c, NULL);
}

static bool has_grown(const struct witness *w)
{
	for (unsigned i = 0; i < COUNTERS; i++)
		if (w->grown[i].packets || w->grown[i].would)
			return true;
	return false;
}

static void trim(struct witness *w)
{
	struct err e = {0};
	unsigned count = 0;
	int r = store_lock(w->d->store, &e);

	if (r)
		return; /* in use: it is no hurry */
	r = store_trim_refusals(w->d->store, &count, &e);
	store_unlock(w->d->store);
	if (r)
		keep_fault(w->d, r, &e);
}

static void time_take(struct witness *w, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns > w->looked_ns ? now_ns - w->looked_ns : 0;

	w->looked_ns += passed_ns;
	w->watched_ns += passed_ns;
	if (gate_conf(w->d->gate)->enforce_until <= now_ns)
		w->monitor_ns += passed_ns;
}

static void witness_tick(struct daemon *d, uint64_t now_ns)
{
	struct witness *w = d->witness;

	time_take(w, now_ns);
	if (now_ns - w->counted_ns >= COUNT_NS) {
		w->counted_ns = now_ns;
		counters_take(w, true);
		w->due = w->due || has_grown(w) || now_ns - w->written_ns >= WATCHED_NS;
		if (w->due)
			flush_expect(w, FLUSH_MS);
	}
	if (d->store && now_ns - w->trimmed_ns >= TRIM_NS) {
		w->trimmed_ns = now_ns;
		trim(w);
	}
}

static void witness_gate_changed(struct daemon *d)
{
	counters_take(d->witness, true);
}

static int witness_open(struct daemon *d, struct err *e)
{
	struct witness *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(e, -ENOMEM, "no memory");
	w->d = d;
	w->generation = 1;
	w->secret = prefix_secret();
	w->looked_ns = w->written_ns = w->counted_ns = w->trimmed_ns = now_boot_ns();
	d->witness = w;
	/* What was counted before is another controller's to tell. */
	counters_take(w, false);
	/* From now on somebody watches. */
	w->due = true;
	flush_expect(w, FLUSH_MS);
	return 0;
}

static void witness_close(struct daemon *d)
{
	struct witness *w = d->witness;

	counters_take(w, true);
	w->due = true;
	flush(w);
	if (w->batched)
		log_warning("%zu rows of what was refused could not be kept for the report",
			    w->batched);
	loop_remove(d->loop, w->timer);
	free(w);
	d->witness = NULL;
}

const struct part witness_part = {
	.name = "witness",
	.lost = "nothing is kept for the report",
	.open = witness_open,
	.close = witness_close,
	.gate_changed = witness_gate_changed,
	.tick = witness_tick,
	.event = witness_event,
	.verdict = witness_verdict,
};
