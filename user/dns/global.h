/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses may be asked about: a list knows nothing of others, and the question would tell our network to strangers. */
#ifndef DNS_GLOBAL_H
#define DNS_GLOBAL_H

#include <stddef.h>

#include "base/addr.h"

/* NULL for a global unicast address, else what it is: "a private address". By the IANA special-purpose registries. */
const char *global_refuse(const struct addr *a);
/* The same of what nobody outside can reach; NULL for addresses for documentation and benchmarks too: laboratories are made of them. */
const char *global_unreachable(const struct addr *a);

#endif
