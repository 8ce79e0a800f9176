/* SPDX-License-Identifier: BSD-2-Clause */
/* The registered domain of a name: see orgdomain.h. */
#include "dns/orgdomain.h"

#include <ctype.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>

bool orgdomain_of(const char *name, char out[static NAME_TEXT_MAX])
{
	char lower[NAME_TEXT_MAX];
	const char *found;
	size_t length = strlen(name);

	out[0] = '\0';
	length -= length && name[length - 1] == '.';
	if (!length || length >= sizeof(lower))
		return false;
	for (size_t i = 0; i < length; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[length] = '\0';
	/* Without a list every last label is a suffix, as it is for one that the list does not know. */
	found = psl_registrable_domain(psl_builtin(), lower);
	if (!found)
		return false;
	snprintf(out, NAME_TEXT_MAX, "%s", found);
	return true;
}

bool orgdomain_is_same(const char *a, const char *b)
{
	char of_a[NAME_TEXT_MAX], of_b[NAME_TEXT_MAX];

	return orgdomain_of(a, of_a) && orgdomain_of(b, of_b) && strcmp(of_a, of_b) == 0;
}
