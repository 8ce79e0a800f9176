/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random states and frames. Addresses come from a small pool with nested prefixes, so that entries
 * meet the frames they are for; frames are mostly well made and then broken a little, since pure
 * noise never gets past the EtherType.
 */
#ifndef PROG_RANDOM_H
#define PROG_RANDOM_H

#include "packets.h"
#include "state.h"

struct random {
	uint64_t state;
};

uint32_t random_below(struct random *r, uint32_t bound);

void state_random(struct state *s, struct random *r);
void state_print(const struct state *s); /* as comments of the test output */
void frame_random(struct frame *f, struct random *r);
const char *source_random(struct random *r);
uint16_t port_policed_random(const struct state *s, struct random *r);

#endif
