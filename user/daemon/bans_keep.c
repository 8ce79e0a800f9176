/* SPDX-License-Identifier: BSD-2-Clause */
/* Bans and the store: what is written, what comes back after a restart, and what a command has forgotten. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/log.h"
#include "base/when.h"
#include "daemon/bans.h"
#include "daemon/bans_inside.h"
#include "daemon/state.h"
#include "store/bans.h"
#include "store/verdicts.h"

#define NEIGHBOURS_NAME "neighbours"
#define REAP_EVERY_NS	(600 * NS_PER_S)
#define FULL_EVERY_NS                                                                              \
	(60 *                                                                                      \
	 NS_PER_S) /* a disk that is full stays so for a while, and all of it may be a lot to write in vain */

/* ---- what is forgotten ---- */

struct forgetting {
	struct daemon *d;
	int64_t last; /* entries behind it are the next look's */
};

static void history_forget(struct daemon *d, const struct prefix *holder,
			   const struct prefix *forgotten)
{
	struct offender *o = offenders_get(d->bans->all, holder);

	/* One whose ban is in force was banned since: what was forgotten is another. */
	if (o && prefix_covers(holder, forgotten) &&
	    !(o->in_force && offence_is_banned(&o->history, ban_now_s())))
		ban_forget(d, o);
}

/* Of an address: its own, its /64's, its network's. */
static int entry_take(void *context, const struct store_entry *entry)
{
	struct forgetting *f = context;
	struct prefix source = bans_source(&entry->prefix.addr),
		      network = listings_network(&entry->prefix.addr);

	if (entry->id > f->last)
		return 1;
	if (!entry->has_prefix)
		return 0;
	history_forget(f->d, &source, &entry->prefix);
	history_forget(f->d, &network, &entry->prefix);
	return 0;
}

static bool forget_taken_back(void *context, struct offender *o)
{
	if (ban_is_taken_back(context, o))
		ban_forget(context, o);
	return false;
}

/* Under the lock, so that a command that forgets has changed the map as well as the store, or neither. */
static int forgotten_take(struct daemon *d, struct err *e)
{
	struct forgetting f = {.d = d};
	struct bans *b = d->bans;
	int64_t version;
	int r = store_get_version(d->store, &version, e);

	if (!r)
		r = store_last_entry(d->store, &f.last, e);
	if (!r && version != b->store_version) {
		offenders_sweep(b->all, forget_taken_back, d);
		/* A journal that ends before it is another one, or has begun anew. */
		r = store_each_entry_behind(d->store, b->entry_id <= f.last ? b->entry_id : 0,
					    STORE_FORGOTTEN, entry_take, &f, e);
	}
	if (r < 0)
		return r;
	b->store_version = version;
	b->entry_id = f.last;
	return 0;
}

/* Has a command changed the store? */
static int forgotten_look(struct daemon *d, struct err *e)
{
	int64_t version, last;
	/* In this order: what comes in between is behind that entry, and makes the version another one. */
	int r = store_last_entry(d->store, &last, e);

	if (!r)
		r = store_get_version(d->store, &version, e);
	if (r)
		return r;
	if (version == d->bans->store_version) {
		d->bans->entry_id = last; /* all of it is our own */
		return 0;
	}
	r = store_lock(d->store, e);
	if (r)
		return r;
	r = forgotten_take(d, e);
	store_unlock(d->store);
	return r;
}

/* ---- writing ---- */

struct writing {
	struct daemon *d;
	struct store_ban *list;
	size_t count, room;
	int failed;
};

static struct store_ban row_of(const struct offender *o)
{
	struct store_ban row = {
		.prefix = o->prefix,
		.level = o->history.level,
		.offences = o->history.offences,
		.last_wall_s = now_wall_s() - (ban_now_s() - o->history.last_s),
	};

	/* What ended before this boot has no boot time. */
	if (o->history.until_s > 0)
		row.expires_boot_ns = (uint64_t)o->history.until_s * NS_PER_S;
	else
		row.until_wall_s = now_wall_s() - (ban_now_s() - o->history.until_s);
	snprintf(row.reason, sizeof(row.reason), "%s",
		 o->is_network ? NEIGHBOURS_NAME : offence_name(o->kind));
	return row;
}

static bool collect(void *context, struct offender *o)
{
	struct writing *w = context;
	void *grown;

	/* Forgotten by a command within the second: it must not come back with the batch. */
	if (o->unwritten && ban_is_taken_back(w->d, o))
		ban_forget(w->d, o);
	if (!o->unwritten)
		return false;
	grown = grow(w->list, w->count, &w->room, sizeof(*w->list));
	if (!grown) {
		w->failed = -ENOMEM;
		return false;
	}
	w->list = grown;
	w->list[w->count++] = row_of(o);
	return false;
}

static bool settle(void *context, struct offender *o)
{
	(void)context;
	o->unwritten = false;
	return false;
}

static bool write_again(void *context, struct offender *o)
{
	struct bans *b = context;

	if (o->history.level)
		o->unwritten = b->unwritten = true;
	return false;
}

/* A store that was opened anew may be another file. Behind forgotten_look(), which may know that a part of it is to be no more. */
static void store_follow(struct daemon *d)
{
	struct bans *b = d->bans;

	if (b->store == store_number(d->store))
		return;
	offenders_sweep(b->all, write_again, b);
	b->store = store_number(d->store);
}

int bans_write(struct daemon *d, struct err *e)
{
	struct writing w = {.d = d};
	int r = store_lock(d->store, e);

	if (r)
		return r;
	/* Also one that has ended, and so is not in the map, must not come back. */
	r = forgotten_take(d, e);
	if (!r)
		offenders_sweep(d->bans->all, collect, &w);
	if (w.failed)
		r = err_set(e, w.failed, "no memory for bans");
	if (!r && w.count)
		r = store_put_bans(d->store, w.list, w.count, e);
	store_unlock(d->store);
	free(w.list);
	if (r)
		return r;
	offenders_sweep(d->bans->all, settle, NULL);
	d->bans->unwritten = false;
	return 0;
}

/* ---- what comes back ---- */

static enum offence_kind kind_of(const char *name)
{
	for (unsigned kind = 0; kind < OFFENCE_KINDS; kind++)
		if (strcmp(name, offence_name(kind)) == 0)
			return kind;
	return OFFENCE_RATE;
}

/* In boot time; a moment that has passed, also where the clock was put back since. */
static int64_t past_s(int64_t wall_s)
{
	int64_t ago_s = now_wall_s() - wall_s;

	return ban_now_s() - (ago_s > 0 ? ago_s : 0);
}

static int restore_one(void *context, const struct store_ban *ban)
{
	struct daemon *d = context;
	/* Nobody is banned before this is done: whoever is there has only offended. */
	struct offender *o = offenders_add(d->bans->all, &ban->prefix);

	if (!o)
		return 0;
	o->is_network = strcmp(ban->reason, NEIGHBOURS_NAME) == 0;
	o->kind = kind_of(ban->reason);
	o->history.level = ban->level;
	o->history.offences = ban->offences ? ban->offences : 1;
	o->history.last_s = past_s(ban->last_wall_s);
	o->history.until_s = ban->expires_boot_ns ? (int64_t)(ban->expires_boot_ns / NS_PER_S)
						  : past_s(ban->until_wall_s);
	o->has_end = ban->goes_on;
	/* The configuration may have changed meanwhile. */
	(void)ban_shorten(d, o);
	if (offence_is_banned(&o->history, ban_now_s()))
		(void)ban_map(d, o);
	return 0;
}

static bool is_stray(void *context, const struct source_entry *s)
{
	const struct daemon *d = context;
	const struct offender *o = offenders_get(d->bans->all, &s->prefix);

	return s->origin == PN_ORIGIN_BAN && !(o && o->in_force);
}

static void stray_taken(void *context, const struct prefix *p)
{
	verdicts_relist(context, p);
}

void bans_prune(struct daemon *d)
{
	if (sources_prune_listed(d->gate, is_stray, stray_taken, d, NULL))
		log_warning("bans in the kernel cannot be read");
}

int bans_restore(struct daemon *d, struct err *e)
{
	int r = store_lock(d->store, e);

	/* A command that forgets one of them comes before all of this, or behind it. */
	if (r)
		return r;
	r = store_last_entry(d->store, &d->bans->entry_id, e);
	if (!r)
		r = store_each_ban(d->store, NULL, restore_one, d, e);
	store_unlock(d->store);
	if (r)
		return r;
	d->bans->store = store_number(d->store);
	/* Bans that a killed controller had not written yet: nobody could say why they are. */
	bans_prune(d);
	d->bans->restored = true;
	if (d->bans->in_force)
		log_info("%u ban%s in force", d->bans->in_force,
			 d->bans->in_force == 1 ? " of before is" : "s of before are");
	return 0;
}

int bans_lift_stored(struct daemon *d, struct err *e)
{
	unsigned count;
	int r = store_reap_bans(d->store, INT64_MAX, &count, e);

	d->bans->lift_owed = r != 0;
	return r;
}

/* ---- by the clock ---- */

int bans_tend_store(struct daemon *d, uint64_t now_ns, struct err *e)
{
	struct bans *b = d->bans;
	unsigned count;
	int r = b->lift_owed ? bans_lift_stored(d, e) : 0;

	if (r || !d->conf.bans.after)
		return r;
	if (!b->restored)
		r = bans_restore(d, e);
	if (!r)
		r = forgotten_look(d, e);
	if (!r)
		store_follow(d);
	if (!r && b->unwritten && now_ns >= b->again_ns) {
		r = bans_write(d, e);
		if (r == -ENOSPC)
			b->again_ns = now_ns + FULL_EVERY_NS;
	}
	if (!r && now_ns - b->reaped_ns >= REAP_EVERY_NS) {
		r = store_reap_bans(d->store, now_wall_s() - (int64_t)d->conf.bans.forget_s, &count,
				    e);
		b->reaped_ns = now_ns;
	}
	return r;
}
