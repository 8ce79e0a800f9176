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
#define FORGOTTEN_WHAT	"forgotten" /* of the journal, by `forget` */
#define FORGOTTEN_MOST	64	    /* that a second's commands leave there */

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
		.expires_boot_ns = o->in_force ? (uint64_t)o->history.until_s * NS_PER_S : 0,
	};

	snprintf(row.reason, sizeof(row.reason), "%s",
		 o->is_network ? NEIGHBOURS_NAME : offence_name(o->kind));
	return row;
}

static bool collect(void *context, struct offender *o)
{
	struct writing *w = context;
	void *grown;

	if (!o->unwritten)
		return false;
	/* Forgotten by a command within the second: it must not come back with the batch. */
	if (o->in_force && !ban_is_mapped(w->d, o)) {
		w->d->bans->in_force--;
		return true;
	}
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

int bans_write(struct daemon *d, struct err *e)
{
	struct writing w = {.d = d};
	int r = store_lock(d->store, e);

	if (r)
		return r;
	offenders_sweep(d->bans->all, collect, &w);
	r = w.failed ? err_set(e, w.failed, "no memory for bans") : 0;
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

static int restore_one(void *context, const struct store_ban *ban)
{
	struct daemon *d = context;
	struct offender *o = offenders_get(d->bans->all, &ban->prefix);
	int64_t now_s = ban_now_s();

	/* What was done since the start stands. */
	if (o && o->history.level)
		return 0;
	o = offenders_add(d->bans->all, &ban->prefix);
	if (!o)
		return 0;
	o->is_network = strcmp(ban->reason, NEIGHBOURS_NAME) == 0;
	o->kind = kind_of(ban->reason);
	o->history.level = ban->level;
	o->history.offences = ban->offences ? ban->offences : 1;
	o->history.last_s = now_s - (now_wall_s() - ban->last_wall_s);
	if (o->history.last_s > now_s)
		o->history.last_s = now_s; /* the clock was put back */
	o->history.until_s = ban->expires_boot_ns ? (int64_t)(ban->expires_boot_ns / NS_PER_S)
						  : o->history.last_s;
	if (offence_is_banned(&o->history, now_s))
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
	int r = store_each_ban(d->store, NULL, restore_one, d, e);

	if (r)
		return r;
	/* Bans that a killed controller had not written yet: nobody could say why they are. */
	bans_prune(d);
	d->bans->restored = true;
	if (d->bans->in_force)
		log_info("%u bans of before are in force", d->bans->in_force);
	return 0;
}

/* ---- what is forgotten ---- */

struct forgetting {
	struct daemon *d;
	struct prefix list[FORGOTTEN_MOST];
	unsigned count;
};

static int entry_take(void *context, const struct store_entry *entry)
{
	struct forgetting *f = context;

	/* The clock has seconds: one more may be a second time. */
	if (entry->wall_s < f->d->bans->forgotten_wall_s - 1 || f->count == FORGOTTEN_MOST)
		return 1;
	if (entry->has_prefix && strcmp(entry->what, FORGOTTEN_WHAT) == 0)
		f->list[f->count++] = entry->prefix;
	return 0;
}

/* Of an address: its own, its /64's, its network's. */
static bool is_forgotten(void *context, struct offender *o)
{
	struct forgetting *f = context;

	/* One that is in the map was made since: what was forgotten is another. */
	if (o->in_force) {
		if (ban_is_mapped(f->d, o))
			return false;
		f->d->bans->in_force--;
		return true;
	}
	for (unsigned i = 0; i < f->count; i++)
		if (prefix_covers(&o->prefix, &f->list[i]))
			return true;
	return false;
}

int bans_drop_forgotten(struct daemon *d, struct err *e)
{
	struct forgetting f = {.d = d};
	int64_t now_s = now_wall_s();
	int r = store_each_entry(d->store, NULL, FORGOTTEN_MOST, entry_take, &f, e);

	if (r < 0)
		return r;
	offenders_sweep(d->bans->all, is_forgotten, &f);
	d->bans->forgotten_wall_s = now_s;
	return 0;
}
