/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that questions are asked about: see name.h. */
#include "dns/name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NIBBLES_TEXT 64 /* 32 times a digit and a dot */

const char *name_of_listing(const struct addr *a, bool mapped, const char *domain,
			    char buffer[static NAME_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = a->byte;
	char nibbles[NIBBLES_TEXT + 1];

	if (addr_is_v4(a) && !mapped) {
		snprintf(buffer, NAME_TEXT_MAX, "%u.%u.%u.%u.%s", b[15], b[14], b[13], b[12],
			 domain);
		return buffer;
	}
	for (unsigned i = 0; i < sizeof(a->byte); i++) {
		char *at = nibbles + (size_t)4 * i;

		at[0] = digits[b[15 - i] & 0xf];
		at[1] = '.';
		at[2] = digits[b[15 - i] >> 4];
		at[3] = '.';
	}
	nibbles[NIBBLES_TEXT] = '\0';
	snprintf(buffer, NAME_TEXT_MAX, "%s%s", nibbles, domain);
	return buffer;
}

const char *name_of_reverse(const struct addr *a, char buffer[static NAME_TEXT_MAX])
{
	return name_of_listing(a, false, addr_is_v4(a) ? "in-addr.arpa" : "ip6.arpa", buffer);
}

bool name_is_under(const char *name, const char *domain)
{
	size_t length = strlen(name), tail = strlen(domain);

	if (length < tail || strcasecmp(name + length - tail, domain) != 0)
		return false;
	return length == tail || name[length - tail - 1] == '.';
}
