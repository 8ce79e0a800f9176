/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a file that was read: it is taken, or it is held back and the list that was in force stays. Kernel first, then the state
 * directory: who loses the race with a crash reads the file again.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/words.h"
#include "daemon/facts.h"
#include "daemon/feeding_inside.h"
#include "daemon/recording.h"

#define NAMES_MAX 200 /* bytes of the few entries that are named */

static void answer(struct feeding *f, unsigned i)
{
	const struct fed *one = &f->fed[i];
	struct feedtalk_answer a = {.state = one->state,
				    .senders = one->senders,
				    .entries = one->list.image.host_count +
					       one->list.image.prefix_count,
				    .added = one->added,
				    .removed = one->removed,
				    .left_out = one->list.left_out,
				    .report = one->report};

	memcpy(a.name, one->conf.name, sizeof(a.name));
	memcpy(a.why, one->why, sizeof(a.why));
	feedtalk_tell(f->talk, i, &a);
}

static uint64_t entries_of(const struct feedlist *l)
{
	return l->image.host_count + l->image.prefix_count;
}

/* It may have what was not kept. */
static bool kernel_has(const struct feeding *f, const struct fed *one)
{
	struct feeds_set set;
	int number = feeds_get_set(f->d->gate, &set, NULL) ? -1 : feeds_find(&set, one->conf.name);

	return number >= 0 && set.part[number].list;
}

static void keep_old(struct feeding *f, struct fed *one, enum feed_state state, const char *why)
{
	uint64_t entries = entries_of(&one->list);

	one->state = state;
	one->added = one->removed = 0;
	snprintf(one->why, sizeof(one->why), "%s", why);
	if (!said_anew(&one->said, why))
		return;
	if (state == FEED_MISSING && !one->list.map)
		log_info("feed %s: %s yet; it is read as soon as it is", one->conf.name, why);
	else if (one->list.map)
		log_warning("feed %s: %s: %s; the %" PRIu64 " %s from before stay%s in "
			    "force%s%s%s",
			    one->conf.name, feed_state_name(state), why, entries,
			    words_entries(entries), entries == 1 ? "s" : "",
			    state == FEED_HELD_BACK ? ", and `postern feed load " : "",
			    state == FEED_HELD_BACK ? one->conf.name : "",
			    state == FEED_HELD_BACK ? " anyway` takes it all the same" : "");
	else
		log_warning("feed %s: %s: %s; %s in force%s%s%s", one->conf.name,
			    feed_state_name(state), why,
			    kernel_has(f, one) ? "what the kernel has of it stays"
					       : "nothing of it is",
			    state == FEED_HELD_BACK ? ", and `postern feed load " : "",
			    state == FEED_HELD_BACK ? one->conf.name : "",
			    state == FEED_HELD_BACK ? " anyway` takes it all the same" : "");
	recording_entry(f->d->contact.recording, "feed", NULL, "%s %s: %s", one->conf.name,
			feed_state_name(state), why);
}

static void say_notes(const struct fed *one, const char *names)
{
	const struct feed_report *r = &one->report;

	if (r->faults || r->refused)
		log_warning("feed %s: %u line%s cannot be read and %u may not be blocked, such as "
			    "line %u: %s",
			    one->conf.name, r->faults, plural(r->faults), r->refused,
			    r->note[0].line, r->note[0].text);
	if (one->list.left_out)
		log_warning("feed %s: %" PRIu64 " %s left out, touching what must not be blocked: "
			    "%s%s",
			    one->conf.name, one->list.left_out, words_entries(one->list.left_out),
			    names, one->list.left_out > FEEDLIST_NAMED_MAX ? " ..." : "");
}

/* The new list in the place of the old; back again when the kernel does not take it. */
static int put_new(struct feeding *f, struct fed *one, struct feedlist *fresh, struct err *e)
{
	struct feedlist old = one->list;
	bool waited = one->waits;
	int ret;

	one->list = *fresh;
	one->waits = false;
	/* Only who was told what would be lost can order it. */
	ret = feeding_put(f, one->anyway && waited, e);
	if (ret) {
		one->list = old;
		one->waits = waited;
	} else {
		*fresh = old;
		feedlist_free(&one->waiting);
	}
	return ret;
}

static void keep(struct feeding *f, struct fed *one)
{
	bool was = one->unkept;
	struct err e = {0};

	one->unkept =
		!one->list.kept && feedlist_keep(&one->list, &f->d->conf, one->conf.name, &e) != 0;
	if (one->unkept && !was)
		log_warning("feed %s: it is in force, but would not outlive a reboot with a broken "
			    "file: %s",
			    one->conf.name, e.text);
}

void feeding_keep_again(struct feeding *f)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->fed[i].unkept)
			keep(f, &f->fed[i]);
}

void feeding_take_waiting(struct feeding *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		struct fed *one = &f->fed[i];

		if (!one->waits)
			continue;
		one->waits = false;
		feedlist_free(&one->list);
		one->list = one->waiting;
		one->waiting = (struct feedlist){0};
		one->stale = true;
		/* Its file may have gone meanwhile, which is another matter. */
		if (one->state == FEED_HELD_BACK) {
			one->state = FEED_LOADED;
			one->why[0] = '\0';
			(void)said_settle(&one->said);
		}
		log_info("feed %s: %" PRIu64 " %s from %s are in force now", one->conf.name,
			 entries_of(&one->list), words_entries(entries_of(&one->list)),
			 one->conf.file);
		keep(f, one);
	}
}

static void say_loaded(struct feeding *f, const struct fed *one, const char *names)
{
	uint64_t entries = entries_of(&one->list);

	log_info("feed %s: %" PRIu64 " %s from %s, %" PRIu64 " of them new, %" PRIu64 " gone",
		 one->conf.name, entries, words_entries(entries), one->conf.file, one->added,
		 one->removed);
	say_notes(one, names);
	recording_entry(f->d->contact.recording, "feed", NULL,
			"%s loaded: %" PRIu64 " %s, %" PRIu64 " new, %" PRIu64 " gone",
			one->conf.name, entries, words_entries(entries), one->added, one->removed);
}

static void take(struct feeding *f, struct fed *one, struct feedlist *fresh, const char *names)
{
	bool same = one->list.number == fresh->number && one->list.file == fresh->file;
	struct err e = {0};
	int ret;

	one->added = image_count_new(&fresh->image, &one->list.image);
	one->removed = image_count_new(&one->list.image, &fresh->image);
	fresh->kept = same && one->list.kept;
	ret = put_new(f, one, fresh, &e);
	if (ret) {
		keep_old(f, one, ret == -EBUSY ? FEED_HELD_BACK : FEED_UNREADABLE, e.text);
		if (ret == -EBUSY) {
			feedlist_free(&one->waiting);
			one->waiting = *fresh;
			*fresh = (struct feedlist){0};
			one->waits = true;
		}
		return;
	}
	one->state = FEED_LOADED;
	one->why[0] = '\0';
	/* What went on is news; that a file was written again is not. */
	if (said_settle(&one->said) || one->added || one->removed || !fresh->map)
		say_loaded(f, one, names);
	keep(f, one);
}

/* 0: it may be taken. */
static int judge(struct feeding *f, const struct fed *one, const struct feedlist *fresh,
		 struct err *e)
{
	struct guard_size old = guard_size_of(&one->list.image);
	struct guard_size new_ = guard_size_of(&fresh->image);

	if (one->anyway)
		return 0;
	return guard_change(one->list.map && feedlist_is_of(&one->list, &one->conf) ? &old : NULL,
			    &new_, f->shrink, f->grow, e);
}

void feeding_decide(struct feeding *f, unsigned i, struct feedlist *fresh, const struct err *e)
{
	struct fed *one = &f->fed[i];
	char names[NAMES_MAX] = "";
	struct err why = {0};

	if (fresh) {
		one->report = *fresh->image.report;
		if (feeding_leave_out(f, fresh, names, sizeof(names), &why))
			keep_old(f, one, FEED_UNREADABLE, why.text);
		else if (judge(f, one, fresh, &why))
			keep_old(f, one, FEED_HELD_BACK, why.text);
		else
			take(f, one, fresh, names);
		feedlist_free(fresh);
	} else {
		one->report = (struct feed_report){0};
		keep_old(f, one, e->code == -ENOENT ? FEED_MISSING : FEED_UNREADABLE, e->text);
	}
	one->anyway = false;
	one->stale = true;
	feeding_find_senders(f);
	facts_write_feeds(f->d);
	answer(f, i);
}
