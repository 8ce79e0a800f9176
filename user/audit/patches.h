/* SPDX-License-Identifier: BSD-2-Clause */
/* Versions, and which of them have known holes. */
#ifndef AUDIT_PATCHES_H
#define AUDIT_PATCHES_H

#include "audit/patches_data.h"

/* Numbers one by one, as far as they go: "4.9" before "4.96", "8.17.1.9" after "8.17"; what stands behind them does not count. <0, 0, >0. */
int version_compare(const char *a, const char *b);
/* Is this version of the server one that the row is about? */
bool patches_concerns(const struct patches_row *row, enum server_kind server, const char *version);

#endif
