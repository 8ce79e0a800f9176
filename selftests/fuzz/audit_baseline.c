/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of an earlier report, whatever is in it: refused with a sentence, or compared with and shown without a raw byte. */
#include "audit/check.h"
#include "audit/report.h"
#include "fuzz/fuzz.h"

static void show(const struct baseline *b)
{
	struct findings f = {0};
	const struct audit_request request = {.domain = "example.org"};
	const struct report r = {
		.request = &request, .findings = &f, .baseline = b, .only_changes = true};
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	HOLDS(out);
	finding_say(finding_add(&f, check_find("relay"), NULL, AUDIT_FAIL, NULL), "open");
	HOLDS(report_text(&r, out) == 0 && report_json(&r, out) == 0 && report_html(&r, out) == 0 &&
	      report_nagios(&r, out) == 0 && baseline_write(&r, out) == 0);
	fclose(out);
	for (size_t i = 0; i < length; i++)
		HOLDS(text[i] == '\n' || (text[i] >= ' ' && text[i] < 0x7f));
	free(text);
	findings_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baseline *b = NULL;
	struct err e = {0};

	if (baseline_read(&b, (const char *)data, size, &e) < 0)
		HOLDS(!b && e.code < 0 && is_printable(e.text));
	else
		show(b);
	baseline_free(b);
	return 0;
}
