/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a registered domain ends: by the public suffix list, and not by counting dots. DMARC calls it the organizational domain (RFC
 * 7489, 3.2). libpsl is included in orgdomain.c alone; its list is built in, so no file is opened.
 */
#ifndef DNS_ORGDOMAIN_H
#define DNS_ORGDOMAIN_H

#include <stdbool.h>

#include "dns/name.h"

/* "mail.example.co.uk" is of "example.co.uk". false, and "": the name is a public suffix itself, or none. In lower case. */
bool orgdomain_of(const char *name, char out[static NAME_TEXT_MAX]);
/* Do both belong to one registered domain? */
bool orgdomain_is_same(const char *a, const char *b);

#endif
