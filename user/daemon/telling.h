/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What those who run `postern watch` or `postern top` are told beside the kernel's events: decisions, as the journal gets them, and
 * changes of the mode, which the log is told as well. One JSON object a line; "kind" says which: "packet", "decision", "mode" or "end".
 */
#ifndef DAEMON_TELLING_H
#define DAEMON_TELLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/when.h"

struct daemon;

/* Does anybody listen? A row that nobody gets need not be made. */
bool telling_is_heard(const struct daemon *d);
/* Whole lines to all who listen; says in the log who was too slow. */
void telling_send(struct daemon *d, const char *lines, size_t length);
/* {"time","kind":"decision","what","prefix","text"}; prefix NULL: about no address. */
void telling_decision(struct daemon *d, const char *what, const struct prefix *prefix,
		      const char *text);
#define TELLING_MODE_MAX (WHEN_TEXT_MAX + 32)

/* The mode in force: 0 monitor, else until when enforce. */
uint64_t telling_mode(const struct daemon *d, uint64_t now_boot_ns);
/* "enforce mode until 2026-11-22T14:00:00Z" */
const char *telling_mode_text(uint64_t mode, char buffer[static TELLING_MODE_MAX]);
/* Once a second: has the mode changed? In the log, and {"time","kind":"mode","mode","until"} */
void telling_tick(struct daemon *d, uint64_t now_boot_ns);
/* The controller ends: whose stream breaks off without this row was cut off. {"time","kind":"end"} */
void telling_end(struct daemon *d);

#endif
