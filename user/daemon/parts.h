/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the controller that stand beside each other: each opens, hears what happens, and closes. None knows another, but for the meter,
 * which tells how they do. A part that fails to open is said, and policing goes on without it. A part's state hangs in struct daemon; every
 * function of a row but open may be NULL, and is called only when open gave 0.
 *
 * The files of a part begin with its name: following.c is the part, following_child.c what runs as its child without privileges.
 */
#ifndef DAEMON_PARTS_H
#define DAEMON_PARTS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "postern_abi.h"
#include "store/senders.h"

struct daemon;
struct message_verdict;
struct reply_said;

#define PARTS_MAX 16

struct part {
	const char *name;
	const char *lost; /* what is not done when it could not be opened: the end of a sentence */
	int (*open)(struct daemon *d, struct err *e);
	void (*close)(struct daemon *d);
	void (*reload)(struct daemon *d);		      /* d->conf is new */
	void (*gate_changed)(struct daemon *d);		      /* d->gate has other maps */
	void (*tick)(struct daemon *d, uint64_t now_boot_ns); /* once a second */
	/* An event of the kernel: once per source, reason and interval, with the number that was not told. */
	void (*event)(struct daemon *d, const struct pn_event *event);
	/* What the DNS said of a stranger; listed: it is on the list by it. */
	void (*verdict)(struct daemon *d, const struct message_verdict *m, bool listed);
	/* A conversation of the responder's: the source has shown that it is there. */
	void (*said)(struct daemon *d, const struct reply_said *said);
	/* A message that the mail server took. */
	void (*delivery)(struct daemon *d, const struct store_delivery *delivery);
};

/* Opens each; says which could not be. */
void parts_open(struct daemon *d);
void parts_close(struct daemon *d); /* the last opened first */
void parts_reload(struct daemon *d);
void parts_gate_changed(struct daemon *d);
void parts_tick(struct daemon *d, uint64_t now_boot_ns);
void parts_event(struct daemon *d, const struct pn_event *event);
void parts_verdict(struct daemon *d, const struct message_verdict *m, bool listed);
void parts_said(struct daemon *d, const struct reply_said *said);
void parts_delivery(struct daemon *d, const struct store_delivery *delivery);

#endif
