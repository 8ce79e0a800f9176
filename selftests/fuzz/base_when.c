/* SPDX-License-Identifier: BSD-2-Clause */
/* Durations: one form, within bounds, the same when written again; and times of any number of seconds. */
#include "base/when.h"

#include "fuzz/fuzz.h"

static void try_duration(const char *text)
{
	char written[DURATION_TEXT_MAX];
	uint64_t s, again;
	struct err e = {0};

	memset(&s, UNTOUCHED, sizeof(s));
	if (duration_parse(text, &s, &e) < 0) {
		HOLDS(e.code < 0 && is_printable(e.text));
		HOLDS(is_untouched(&s, sizeof(s)));
		return;
	}
	HOLDS(s > 0 && s <= DURATION_MAX_S);
	duration_format(s, written);
	HOLDS(duration_parse(written, &again, NULL) == 0 && again == s);
	HOLDS(strlen(written) <= strlen(text));
}

/* "2026-01-02T03:04:05Z", whatever the clock says. */
static bool is_rfc3339(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	return true;
}

static void try_number(uint64_t number)
{
	char duration[DURATION_TEXT_MAX], when[WHEN_TEXT_MAX];

	HOLDS(is_printable(duration_format(number, duration)));
	HOLDS(is_printable(duration_describe(number, duration)));
	HOLDS(is_rfc3339(when_format((int64_t)number, when)));
	HOLDS(is_rfc3339(when_format(when_of_boot(number), when)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);
	uint64_t number = 0;

	try_duration(text);
	memcpy(&number, data, size < sizeof(number) ? size : sizeof(number));
	try_number(number);
	free(text);
	return 0;
}
