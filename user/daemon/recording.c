/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts and journal on their way into the store: see recording.h. */
#include "daemon/recording.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/log.h"
#include "base/when.h"
#include "daemon/state.h"
#include "daemon/telling.h"

#define FLUSH_AFTER_MS 400 /* of the second that is promised */
#define WAITING_MAX                                                                                \
	65536 /* verdicts, and lines: some 50 MB if the store is away; then they are lost and counted */

struct recording {
	struct daemon *d;
	struct loop_source *timer; /* runs while something waits */
	struct store_verdict *verdict;
	size_t verdicts, verdict_room;
	struct store_entry *entry;
	size_t entries, entry_room;
	unsigned long lost;
	bool loses; /* said: a batch could not be written, and none since */
};

int recording_open(struct recording **out, struct daemon *d)
{
	struct recording *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->d = d;
	*out = r;
	return 0;
}

static void flush_late(void *context)
{
	struct recording *r = context;

	loop_remove(r->d->loop, r->timer);
	r->timer = NULL;
	recording_flush(r);
}

static void expect_flush(struct recording *r)
{
	if (r->timer)
		return;
	/* Without a timer the next one that waits tries again. */
	(void)loop_add_timer(r->d->loop, FLUSH_AFTER_MS, 0, flush_late, r, &r->timer);
}

/* Room for one more, or NULL. */
static void *list_grow(void *list, size_t count, size_t *room, size_t size)
{
	return count < WAITING_MAX ? grow(list, count, room, size) : NULL;
}

/* All texts of a verdict in one piece of memory, which `zones` begins. */
static bool texts_copy(struct store_verdict *v)
{
	const char **text[] = {&v->zones, &v->by, &v->reason, &v->evidence};
	size_t length = 0;
	char *copy, *at;

	for (unsigned i = 0; i < 4; i++)
		length += strlen(*text[i]) + 1;
	copy = at = malloc(length);
	if (!copy)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		size_t n = strlen(*text[i]) + 1;

		memcpy(at, *text[i], n);
		*text[i] = at;
		at += n;
	}
	return true;
}

static void texts_free(struct store_verdict *v)
{
	free((char *)v->zones);
}

void recording_verdict(struct recording *r, const struct store_verdict *v)
{
	struct store_verdict copy = *v;
	void *list = list_grow(r->verdict, r->verdicts, &r->verdict_room, sizeof(*r->verdict));

	if (list)
		r->verdict = list;
	if (!list || !texts_copy(&copy)) {
		r->lost++;
		return;
	}
	r->verdict[r->verdicts++] = copy;
	expect_flush(r);
}

void recording_entry(struct recording *r, const char *what, const struct prefix *prefix,
		     const char *format, ...)
{
	void *list = list_grow(r->entry, r->entries, &r->entry_room, sizeof(*r->entry));
	struct store_entry entry = {.wall_s = now_wall_s(), .has_prefix = prefix != NULL};
	va_list ap;

	snprintf(entry.what, sizeof(entry.what), "%s", what);
	if (prefix)
		entry.prefix = *prefix;
	va_start(ap, format);
	vsnprintf(entry.text, sizeof(entry.text), format, ap);
	va_end(ap);
	telling_decision(r->d, what, prefix, entry.text);
	if (!list) {
		r->lost++;
		return;
	}
	r->entry = list;
	r->entry[r->entries++] = entry;
	expect_flush(r);
}

static bool is_forgotten(const struct recording *r, const struct store_verdict *v)
{
	struct pn_known known;

	return (v->listed ? sources_get_listed(r->d->gate, &v->prefix, NULL, NULL)
			  : sources_get_known(r->d->gate, &v->addr, &known, NULL)) == -ENOENT;
}

/* What was forgotten by a command meanwhile must not come back with the batch. */
static void drop_forgotten(struct recording *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->verdicts; i++) {
		struct store_verdict *v = &r->verdict[i];

		if (is_forgotten(r, v))
			texts_free(v);
		else
			r->verdict[kept++] = *v;
	}
	r->verdicts = kept;
}

static int write_all(struct recording *r, struct err *e)
{
	struct store *s = r->d->store;
	int rc = store_lock(s, e);

	if (rc)
		return rc;
	drop_forgotten(r);
	if (r->verdicts)
		rc = store_put_verdicts(s, r->verdict, r->verdicts, e);
	if (rc == 0 && r->entries)
		rc = store_write_journal(s, r->entry, r->entries, e);
	store_unlock(s);
	return rc;
}

static void clear(struct recording *r)
{
	for (size_t i = 0; i < r->verdicts; i++)
		texts_free(&r->verdict[i]);
	r->verdicts = r->entries = 0;
}

/* What cannot be written goes on holding in the kernel. Said when it begins, and counted when it is over. */
static void lose(struct recording *r)
{
	r->lost += r->verdicts + r->entries;
	if (!r->loses)
		log_warning("verdicts and lines of the journal cannot be kept: what was judged "
			    "holds in the kernel until it expires");
	r->loses = true;
}

static void tell_lost(struct recording *r)
{
	if (r->lost)
		log_warning("%lu verdicts and lines of the journal could not be kept", r->lost);
	r->lost = 0;
	r->loses = false;
	if (said_settle(&r->d->store_said))
		log_info("store: it can be used again");
}

void recording_flush(struct recording *r)
{
	struct err e = {0};
	int rc;

	if (!r->verdicts && !r->entries)
		return;
	if (r->d->store) {
		rc = write_all(r, &e);
		if (rc == -EBUSY) { /* a long import: the batch waits */
			expect_flush(r);
			return;
		}
		if (rc)
			keep_fault(r->d, rc, &e);
	} else {
		rc = -ENOENT;
	}
	if (rc)
		lose(r);
	else
		tell_lost(r);
	clear(r);
}

void recording_close(struct recording *r)
{
	if (!r)
		return;
	recording_flush(r);
	loop_remove(r->d->loop, r->timer);
	r->lost += r->verdicts + r->entries;
	if (r->lost)
		log_warning("%lu verdicts and lines of the journal could not be kept", r->lost);
	clear(r);
	free(r->verdict);
	free(r->entry);
	free(r);
}
