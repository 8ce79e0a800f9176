/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates: within bounds, and the same when written again. */
#include "fuzz/fuzz.h"

#include "conf/conf.h"

#define WRITTEN_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), written[WRITTEN_MAX];
	struct conf_rate r, again = {0};
	struct err e = {0};

	memset(&r, UNTOUCHED, sizeof(r));
	if (rate_parse(text, &r, &e) < 0) {
		HOLDS(e.code < 0 && is_printable(e.text));
		HOLDS(is_untouched(&r, sizeof(r)));
	} else {
		HOLDS(!r.count == !*text && !r.count == !r.burst && !r.count == !r.period_s);
		rate_format(&r, written, sizeof(written));
		HOLDS(rate_parse(written, &again, NULL) == 0);
		HOLDS(again.count == r.count && again.burst == r.burst &&
		      again.period_s == r.period_s);
	}
	free(text);
	return 0;
}
