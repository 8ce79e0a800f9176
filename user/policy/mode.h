/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which mode is in force: that of the configuration, or what the operator ordered on the command line. The
 * order is kept as text in the store; it holds until the configuration's own mode is changed, so that neither
 * a restart undoes `postern enforce` nor an old order beats a newer configuration.
 */
#ifndef POLICY_MODE_H
#define POLICY_MODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/when.h"

#define MODE_TEXT_MAX 192 /* two words, four numbers and a boot id */

#define MODE_MONITOR 0	     /* mode_decide: never acts on its own account */
#define MODE_ENFORCE (~0ULL) /* mode_decide: acts, without an end */

struct mode_order {
	bool enforce;
	bool configured_enforce; /* what the configuration said when the order was given */
	uint64_t until_boot_ns;	 /* 0: no end; else in the boot named by boot */
	char boot[BOOT_ID_MAX];
	int64_t until_wall_s; /* the same for other boots */
	uint64_t left_s;      /* bound for other boots: never longer than this */
};

struct mode_now {
	uint64_t boot_ns;
	int64_t wall_s;
	const char *boot; /* boot id */
};

/* As one line of text for the store. Returns buffer. */
const char *mode_format(const struct mode_order *o, char buffer[static MODE_TEXT_MAX]);
/* The same back. 0, or -EINVAL for anything that mode_format does not write. */
int mode_parse(const char *text, struct mode_order *out);

/*
 * Until when to enforce, in this boot's time: MODE_MONITOR, MODE_ENFORCE or a deadline. order may be
 * NULL. A timed order that has ended means monitor, as the kernel does by itself.
 */
uint64_t mode_decide(bool configured_enforce, const struct mode_order *order,
		     const struct mode_now *now);

#endif
