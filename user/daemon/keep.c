/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store as the controller sees it: it may be corrupt, full, read-only or gone, and policing
 * goes on. What is lost meanwhile is only what has to be remembered, and that is said, loudly and
 * once.
 */
#include <errno.h>

#include "base/log.h"
#include "daemon/ruling.h"
#include "daemon/state.h"

/*
 * Policing never waits: a call of the loop has the patience that a single command takes, and comes again. At the start there is more, since
 * without the store a new gate has no rules, but less than the gate that stands takes its last controller for alive.
 */
#define KEEP_HURRY_MS 20
#define KEEP_START_MS 2000
#define KEEP_END_MS   500 /* each of some batches; a long import is not waited for */

bool keep_store(struct daemon *d)
{
	char directory[PATH_MAX];
	struct err e = {0};
	int r;

	if (d->store)
		return true;
	ruling_state_dir(&d->conf, directory, sizeof(directory));
	r = store_open_within(&d->store, directory, STORE_WRITE,
			      d->gate ? KEEP_HURRY_MS : KEEP_START_MS, &e);
	d->store_busy = r == -EBUSY;
	if (r) {
		d->store = NULL;
		if (said_anew(&d->store_said, e.text))
			log_error("store: %s; policing goes on without it: rules in the kernel "
				  "hold, new ones cannot be kept; tried again every %s",
				  e.text, d->store_busy ? "second" : "minute");
		return false;
	}
	store_set_patience(d->store, KEEP_HURRY_MS);
	/* Those that could not be written anew when it was opened are, by the clock. */
	d->pulse.rebase |= store_is_stale(d->store);
	if (said_settle(&d->store_said))
		log_info("store: it can be used again");
	return true;
}

void keep_end(struct daemon *d)
{
	if (d->store)
		store_set_patience(d->store, KEEP_END_MS);
}

void keep_fault(struct daemon *d, int r, const struct err *e)
{
	if (said_anew(&d->store_said, e->text))
		log_error("store: %s; policing goes on", e->text);
	/* A full disk or a busy lock passes by itself; the rest needs the file opened anew. */
	if (r == -ENOSPC || r == -EBUSY || r == -ENOMEM)
		return;
	store_close(d->store);
	d->store = NULL;
}
