/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names: what passes for a zone's domain makes a name that can be asked about, for every address; and what is made of foreign
 * names. The first 16 bytes of the input are an address, the rest is a name.
 */
#include "dns/name.h"

#include "dns/generic.h"
#include "dns/site.h"
#include "fuzz/fuzz.h"

#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */

/* In labels of 1 to 63 bytes, 253 in all, as a question needs it. */
static bool can_be_asked(const char *name)
{
	size_t label = 0;

	for (const char *at = name; *at; at++) {
		label = *at == '.' ? 0 : label + 1;
		if ((*at == '.' && (at == name || at[-1] == '.')) || label > LABEL_MAX)
			return false;
	}
	return label && strlen(name) < NAME_TEXT_MAX - 2;
}

static void try_domain(const char *domain, const struct addr *a)
{
	char name[NAME_TEXT_MAX];

	for (unsigned mapped = 0; mapped < 2; mapped++) {
		HOLDS(name_of_listing(a, mapped, domain, name) == name);
		HOLDS(can_be_asked(name));
		HOLDS(name_is_under(name, domain) && !name_is_under(domain, name));
	}
	HOLDS(name_is_under(domain, domain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr a = {0};
	struct err e = {0};
	size_t used = size < sizeof(a) ? size : sizeof(a);
	char *text, reverse[NAME_TEXT_MAX];

	memcpy(a.byte, data, used);
	text = text_of(data + used, size - used);
	HOLDS(can_be_asked(name_of_reverse(&a, reverse)));
	if (site_domain_check(text, &e) == 0)
		try_domain(text, &a);
	else
		HOLDS(e.code < 0 && is_printable(e.text));
	/* Of a stranger's own name: only that it comes to an end within its bounds. */
	(void)generic_is_name(text, &a);
	HOLDS(name_is_under(text, text));
	free(text);
	return 0;
}
