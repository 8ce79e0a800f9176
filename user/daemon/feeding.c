/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of addresses: watched, read by a child that has no privilege, checked, swapped in, and kept for a boot at which they are broken. The
 * loop never waits: a child parses and sorts, and what is done here with a list is linear. Files: feeding_watch.c (when), feeding_read.c (by
 * whom), feeding_take.c (what becomes of it), feeding_senders.c (whom it would hurt), feeding_talk.c (who asks for it).
 */
#include "daemon/feeding.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/when.h"
#include "daemon/facts.h"
#include "daemon/feeding_inside.h"

int feeding_put(struct feeding *f, bool may_be_lost, struct err *e)
{
	struct feedlist_part part[CONF_FEEDS_MAX];
	int ret;

	for (unsigned i = 0; i < f->count; i++)
		part[i] = (struct feedlist_part){.conf = &f->fed[i].conf,
						 .list = f->fed[i].waits ? &f->fed[i].waiting
									 : &f->fed[i].list,
						 .may_be_lost = may_be_lost};
	ret = feedlist_put_all(f->d->gate, part, f->count, e);
	if (ret == 0)
		feeding_take_waiting(f);
	return ret;
}

int feeding_leave_out(struct feeding *f, struct feedlist *l, char *names, size_t size,
		      struct err *e)
{
	struct protected_list never = {0};
	int ret = protected_read(&never, &f->d->conf, f->d->gate, e);

	if (ret == 0 && feedlist_leave_out(l, &never, names, size))
		ret = err_set(e, -ENOMEM, "no memory to look for what must not be blocked");
	protected_free(&never);
	return ret;
}

/* ---- asked by `feed load` ---- */

static uint32_t feeding_asked(void *context, const char *name, bool anyway)
{
	struct feeding *f = context;
	bool all = strcmp(name, FEEDTALK_ALL) == 0;
	uint32_t asked = 0;

	for (unsigned i = 0; i < f->count; i++) {
		if (!all && strcmp(f->fed[i].conf.name, name) != 0)
			continue;
		/* What is being read may be what the file had before. */
		if (f->reading == (int)i)
			feeding_read_stop(f);
		f->fed[i].wanted = true;
		f->fed[i].anyway = f->fed[i].anyway || anyway;
		asked |= 1U << i;
	}
	/* From the loop: who asked must first be known to wait. */
	feeding_read_soon(f, 0);
	return asked;
}

/* ---- the configuration ---- */

/* What was kept is in force at once: the file is read behind it, and may be broken. */
static void fed_open(struct feeding *f, struct fed *one, const struct conf_feed *conf)
{
	struct err e = {0};
	int ret;

	*one = (struct fed){.conf = *conf, .watch = -1, .wanted = true, .state = FEED_MISSING};
	snprintf(one->why, sizeof(one->why), "it was not read yet");
	ret = feedlist_load(&one->list, &f->d->conf, conf->name, &e);
	if (ret == 0)
		ret = feeding_leave_out(f, &one->list, NULL, 0, &e);
	if (!ret || ret == -ENOENT)
		return;
	/* What must not be blocked may be in it. */
	feedlist_free(&one->list);
	log_warning("feed %s: %s: it is in force when its file was read", conf->name, e.text);
}

static void fed_close(struct fed *one)
{
	feedlist_free(&one->list);
	feedlist_free(&one->waiting);
}

static struct fed *fed_find(struct fed *list, unsigned count, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(list[i].conf.name, name) == 0)
			return &list[i];
	return NULL;
}

static int feeding_open(struct daemon *d, struct err *e)
{
	struct feeding *f = calloc(1, sizeof(*f));
	char path[INSTANCE_PATH_MAX];
	struct err own = {0};

	if (f)
		f->fed = calloc(CONF_FEEDS_MAX, sizeof(*f->fed));
	if (!f || !f->fed) {
		free(f);
		return err_set(e, -ENOMEM, "no memory for feeds");
	}
	f->d = d;
	f->inotify = f->memory = f->reading = -1;
	f->shrink = d->conf.feed_shrink;
	f->grow = d->conf.feed_grow;
	d->feeding = f;
	if (feeding_watch_open(f, &own))
		log_warning("%s: feeds are looked at every minute", own.text);
	instance_path(d->conf.instance, INSTANCE_CONTROL, path);
	if (feedtalk_open(&f->talk, d->loop, path, feeding_asked, f, &own))
		log_warning("%s: `postern feed load` will not reach this controller", own.text);
	for (; f->count < d->conf.feed_count; f->count++)
		fed_open(f, &f->fed[f->count], &d->conf.feeds[f->count]);
	feedlist_forget_others(&d->conf);
	/*
	 * An adopted gate may have the feeds of a configuration from before. It also may have what was not kept: then the file, which is
	 * read in a moment, replaces it.
	 */
	if (feeding_put(f, false, &own))
		log_warning("feeds: %s", own.text);
	facts_write_feeds(d);
	feeding_read_next(f);
	return 0;
}

static void feeding_close(struct daemon *d)
{
	struct feeding *f = d->feeding;

	feeding_read_stop(f);
	feeding_watch_close(f);
	feedtalk_close(f->talk);
	for (unsigned i = 0; i < f->count; i++)
		fed_close(&f->fed[i]);
	free(f->fed);
	free(f);
	d->feeding = NULL;
}

static bool has_changed(const struct feeding *f)
{
	const struct conf *c = &f->d->conf;

	if (f->count != c->feed_count || f->shrink != c->feed_shrink || f->grow != c->feed_grow)
		return true;
	for (unsigned i = 0; i < f->count; i++)
		if (strcmp(f->fed[i].conf.name, c->feeds[i].name) != 0 ||
		    strcmp(f->fed[i].conf.file, c->feeds[i].file) != 0 ||
		    f->fed[i].conf.action != c->feeds[i].action ||
		    f->fed[i].conf.always != c->feeds[i].always)
			return true;
	return false;
}

/* One that was there keeps its list; another file may be of any size (feedlist_is_of()). */
static void fed_renew(struct fed *one, struct fed *old, const struct conf_feed *conf)
{
	bool moved = strcmp(old->conf.file, conf->file) != 0;

	*one = *old;
	old->list = old->waiting = (struct feedlist){0};
	old->hand = 0;
	one->conf = *conf;
	if (moved)
		one->watch = -1;
	one->wanted = one->wanted || moved || one->state != FEED_LOADED;
}

static void feeding_reload(struct daemon *d)
{
	struct feeding *f = d->feeding;
	struct fed *fresh, *old = f->fed;
	unsigned old_count = f->count;
	struct err e = {0};

	if (!has_changed(f))
		return;
	fresh = calloc(CONF_FEEDS_MAX, sizeof(*fresh));
	if (!fresh) {
		log_error("feeds: no memory for the new configuration's: the old ones stay");
		return;
	}
	if (f->reading >= 0)
		old[f->reading].wanted = true;
	feeding_read_stop(f);
	feedtalk_forget(f->talk);
	f->shrink = d->conf.feed_shrink;
	f->grow = d->conf.feed_grow;
	for (unsigned i = 0; i < d->conf.feed_count; i++) {
		struct fed *before = fed_find(old, old_count, d->conf.feeds[i].name);

		if (before)
			fed_renew(&fresh[i], before, &d->conf.feeds[i]);
		else
			fed_open(f, &fresh[i], &d->conf.feeds[i]);
	}
	f->fed = fresh;
	f->count = d->conf.feed_count;
	if (feeding_put(f, false, &e))
		log_error("feeds: %s; those from before stay in force", e.text);
	for (unsigned i = 0; i < old_count; i++) {
		feeding_watch_forget(f, old[i].watch);
		feeding_read_leave(f, old[i].hand);
		fed_close(&old[i]);
	}
	free(old);
	feedlist_forget_others(&d->conf);
	facts_write_feeds(d);
	feeding_read_next(f);
}

static void feeding_gate_changed(struct daemon *d)
{
	struct err e = {0};

	/* Who made it had the lists that were kept: ours may be newer. Those of a new configuration follow in a moment. */
	if (feeding_put(d->feeding, false, &e))
		log_error("feeds: %s", e.text);
	facts_write_feeds(d);
}

static void feeding_tick(struct daemon *d, uint64_t now_boot_ns_)
{
	(void)now_boot_ns_;
	feeding_read_reap(d->feeding);
	feeding_watch_look(d->feeding);
}

/* In monitor mode: it would be refused. Counted soon, together with others. */
static void feeding_delivery(struct daemon *d, const struct store_delivery *delivery)
{
	feeding_note_sender(d->feeding, &delivery->addr);
}

/* ---- for people ---- */

static json_t *senders_row(const struct fed *one)
{
	json_t *list = json_array();
	char addr[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < one->senders && i < FED_SENDERS_NAMED_MAX; i++)
		json_array_append_new(list, json_string(addr_format(&one->sender[i].addr, addr)));
	return list;
}

void feeding_print(const struct daemon *d, FILE *out)
{
	const struct feeding *f = d->feeding;

	for (unsigned i = 0; f && i < f->count; i++) {
		const struct fed *one = &f->fed[i];
		const struct feed_report *r = &one->report;
		char when[WHEN_TEXT_MAX];
		json_t *row = json_pack(
			"{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name",
			one->conf.name, "state", feed_state_name(one->state), "why", one->why,
			"format",
			one->list.map ? feed_format_name(one->list.image.report->format) : "",
			"hosts", (json_int_t)one->list.image.host_count, "prefixes",
			(json_int_t)one->list.image.prefix_count, "faults", (json_int_t)r->faults,
			"refused", (json_int_t)r->refused, "doubles", (json_int_t)r->doubles,
			"left_out", (json_int_t)one->list.left_out, "senders",
			(json_int_t)one->senders, "named", senders_row(one));

		json_object_set_new(row, "taken",
				    one->list.map
					    ? json_string(when_format(one->list.taken_wall_s, when))
					    : json_null());
		json_line(out, row);
	}
}

void feeding_measure(const struct daemon *d, struct measure *m)
{
	const struct feeding *f = d->feeding;

	m->feed_count = 0;
	for (unsigned i = 0; f && i < f->count && i < CONF_FEEDS_MAX; i++) {
		const struct fed *one = &f->fed[i];
		struct measure_feed *to = &m->feed[m->feed_count++];

		snprintf(to->name, sizeof(to->name), "%s", one->conf.name);
		to->entries = one->list.image.host_count + one->list.image.prefix_count;
		to->hits = feeds_hits_of(&m->feed_hits, to->name);
		to->loaded_wall_s = one->list.map ? one->list.taken_wall_s : 0;
		to->held_back = one->state == FEED_HELD_BACK;
	}
}

const struct part feeding_part = {
	.name = "feeding",
	.lost = "feeds stay as they are",
	.open = feeding_open,
	.close = feeding_close,
	.reload = feeding_reload,
	.gate_changed = feeding_gate_changed,
	.tick = feeding_tick,
	.delivery = feeding_delivery,
};
