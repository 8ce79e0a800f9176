/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses and prefixes: what is read is written as it would be read again, and nothing else is taken. */
#include "base/addr.h"

#include "fuzz/fuzz.h"

static void try_addr(const char *text)
{
	char written[ADDR_TEXT_MAX];
	struct addr a, again;
	struct err e = {0};

	memset(&a, UNTOUCHED, sizeof(a));
	if (addr_parse(text, &a, &e) < 0) {
		HOLDS(e.code < 0 && is_printable(e.text));
		HOLDS(is_untouched(&a, sizeof(a)));
		return;
	}
	addr_format(&a, written);
	HOLDS(addr_parse(written, &again, NULL) == 0 && addr_equal(&a, &again));
}

static void try_prefix(const char *text)
{
	char written[PREFIX_TEXT_MAX];
	struct prefix p, again, shorter;
	struct err e = {0};

	memset(&p, UNTOUCHED, sizeof(p));
	if (prefix_parse(text, &p, &e) < 0) {
		HOLDS(e.code < 0 && is_printable(e.text));
		HOLDS(is_untouched(&p, sizeof(p)));
		return;
	}
	HOLDS(p.bits <= ADDR_BITS);
	if (strchr(text, '/'))
		HOLDS(strtoul(strchr(text, '/') + 1, NULL, 10) ==
		      p.bits - (strchr(text, ':') ? 0U : ADDR_V4_LEAD_BITS));
	prefix_format(&p, written);
	HOLDS(prefix_parse(written, &again, NULL) == 0 && prefix_equal(&p, &again));
	HOLDS(prefix_covers(&p, &p) &&
	      prefix_has(&p, &p.addr) == (prefix_is_v4(&p) == addr_is_v4(&p.addr)));
	if (!p.bits)
		return;
	/* Half of a network is in it, and holds it not, unless that is where the families part. */
	shorter = prefix_of(&p.addr, (uint8_t)(p.bits - 1));
	HOLDS(prefix_covers(&shorter, &p) == (prefix_is_v4(&shorter) == prefix_is_v4(&p)));
	HOLDS(!prefix_covers(&p, &shorter));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);

	try_addr(text);
	try_prefix(text);
	free(text);
	return 0;
}
