/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a failure travels. Lower layers never print: they return -errno and, where the caller passed
 * a struct err, leave one sentence in it that names what was tried, on what, why it failed and
 * the likely cause. The daemon and the command line print it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#define ERR_TEXT_MAX 512 /* bytes with the final 0: a sentence with a path in it */

struct err {
	int code; /* negative errno, or 0 */
	char text[ERR_TEXT_MAX];
};

/*
 * Write the sentence and return code. code is a negative errno; e may be NULL.
 * The sentence has no final stop and no newline.
 */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, int code, const char *format, ...);

/* Of an errno: nothing was done, and it may be tried again. */
bool err_is_for_later(int code);

/* Put "format: " in front of the sentence that is already there; returns e's code. */
__attribute__((format(printf, 2, 3))) int err_prefix(struct err *e, const char *format, ...);

#endif
