/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generic names: those that providers give to whole ranges at once. The address stands in such a name, in digits or in
 * hexadecimal, or a word for what the range is used for. A mail server has a name of its own.
 */
#ifndef DNS_GENERIC_H
#define DNS_GENERIC_H

#include <stdbool.h>

#include "base/addr.h"

/* name: lower or upper case, without a final dot. */
bool generic_is_name(const char *name, const struct addr *a);

#endif
