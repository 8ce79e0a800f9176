/* SPDX-License-Identifier: BSD-2-Clause */
/* Resolvers as text, of a configuration: an address, perhaps with a port, and the same when written again. */
#include "fuzz/fuzz.h"

#include "dns/resolver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), host[ADDR_TEXT_MAX], written[RESOLVER_TEXT_MAX];
	struct resolver_server s, again;
	struct err e = {0};

	memset(&s, UNTOUCHED, sizeof(s));
	if (resolver_server_parse(text, &s, &e) < 0) {
		HOLDS(e.code < 0 && is_printable(e.text));
		HOLDS(is_untouched(&s, sizeof(s)));
	} else {
		HOLDS(s.port);
		snprintf(written, sizeof(written), addr_is_v4(&s.addr) ? "%s:%u" : "[%s]:%u",
			 addr_format(&s.addr, host), s.port);
		HOLDS(resolver_server_parse(written, &again, NULL) == 0);
		HOLDS(addr_equal(&s.addr, &again.addr) && s.port == again.port);
	}
	free(text);
	return 0;
}
