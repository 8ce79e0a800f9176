/* SPDX-License-Identifier: BSD-2-Clause */
/* What the controller does by the clock: the dead man's switch, reaping, reconciling, trying the
 * store again. */
#ifndef DAEMON_PULSE_H
#define DAEMON_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/said.h"

#define PULSE_ALIVE_EVERY_S 2  /* five chances before the switch opens */
#define PULSE_ALIVE_FOR_S   10 /* a controller that is silent for longer is taken for dead */

struct daemon;
struct gate;

struct pulse {
	uint64_t next_expiry_ns; /* boot time; 0: nothing ends */
	uint64_t sweep_ns;	 /* when to reap without a reason */
	int64_t store_version;	 /* another one: a command has changed the store */
	bool store_read;
	unsigned rules; /* in the store, when it was read last */
	bool missing;	/* the gate's pins were not there at the last look */
	bool rebase; /* the store does not know yet that the wall clock was set, or what became of an order */
	uint64_t rebase_ns; /* boot time: until then it could not be told */
	struct said reap_said, open_said, look_said, owed_said;
};

/* Say once that we live, then start the timers. */
int pulse_start(struct daemon *d, struct err *e);
/* Renew alive_until, also between two beats of the timer: before what may take long. */
void pulse_beat(struct daemon *d);
/* While a ruling takes its time (ruling.h). context: the controller. */
void pulse_meanwhile(void *context, struct gate *fresh);
/* In a moment, see whether the gate in the kernel is still ours. */
void pulse_expect(struct daemon *d);

#endif
