/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store as the controller sees it: it may be corrupt, full, read-only or gone, and policing
 * goes on. What is lost meanwhile is only what has to be remembered, and that is said, loudly and
 * once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/ruling.h"
#include "daemon/state.h"

#define KEEP_HURRY_MS	20		  /* a single command holds the lock for as long */
#define KEEP_BOOT_VALUE "controller_boot" /* the boot in which deadlines were written last */

bool keep_store(struct daemon *d)
{
	char directory[PATH_MAX];
	struct err e = {0};

	if (d->store)
		return true;
	ruling_state_dir(&d->conf, directory, sizeof(directory));
	if (store_open(&d->store, directory, STORE_WRITE, &e)) {
		d->store = NULL;
		if (said_anew(&d->store_said, e.text))
			log_error("store: %s; policing goes on without it: rules in the kernel "
				  "hold, new ones cannot be kept; tried again every minute",
				  e.text);
		return false;
	}
	keep_patience(d, !d->hurried);
	if (said_settle(&d->store_said))
		log_info("store: it can be used again");
	return true;
}

void keep_patience(struct daemon *d, bool patient)
{
	if (d->store)
		store_set_patience(d->store, patient ? STORE_PATIENCE_MS : KEEP_HURRY_MS);
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

void keep_rebase_boot(struct daemon *d)
{
	char now[BOOT_ID_MAX], last[BOOT_ID_MAX] = "";
	struct err e = {0};
	int r;

	boot_id(now);
	r = store_get_value(d->store, KEEP_BOOT_VALUE, last, sizeof(last), &e);
	if (!r && strcmp(now, last) == 0)
		return;
	r = store_lock(d->store, &e);
	if (!r) {
		r = store_rebase(d->store, &e);
		if (!r)
			r = store_put_value(d->store, KEEP_BOOT_VALUE, now, &e);
		store_unlock(d->store);
	}
	if (r)
		keep_fault(d, r, &e);
	else if (last[0])
		log_info("store: first start since this host was booted: deadlines go on from "
			 "where they stood");
}
