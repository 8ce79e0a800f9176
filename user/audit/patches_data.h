/* SPDX-License-Identifier: BSD-2-Clause */
/* Versions with known holes, or that nobody mends any more. */
#ifndef AUDIT_PATCHES_DATA_H
#define AUDIT_PATCHES_DATA_H

#include "audit/words.h"

#define PATCHES_DATE "2025-11" /* when the table was last looked through */

/* From `from` on, below `fixed`: that is the version that has it mended. */
struct patches_row {
	enum server_kind server;
	const char *from, *fixed, *what;
};
extern const struct patches_row patches_rows[];
extern const unsigned patches_row_count;

#endif
