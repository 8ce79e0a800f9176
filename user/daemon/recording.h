/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was decided automatically, on its way into the store. Maps come first; the store follows in batches within a second, so
 * that a flood of verdicts is a few transactions. Without a store policing goes on, and what could not be written is counted and said.
 */
#ifndef DAEMON_RECORDING_H
#define DAEMON_RECORDING_H

#include "store/verdicts.h"

struct daemon;
struct recording;

int recording_open(struct recording **out, struct daemon *d);
/* Copies. */
void recording_verdict(struct recording *r, const struct store_verdict *v);
/* A line of the journal. prefix NULL: about no address. */
__attribute__((format(printf, 4, 5))) void recording_entry(struct recording *r, const char *what,
							   const struct prefix *prefix,
							   const char *format, ...);
/* Write what waits, now. */
void recording_flush(struct recording *r);
/* Flushes. NULL is fine. */
void recording_close(struct recording *r);

#endif
