/* SPDX-License-Identifier: BSD-2-Clause */
/* The data on zones: a text is taken or refused with its line, and what a taken line says can be asked for. */
#include "dns/zonedata.h"

#include "fuzz/fuzz.h"

#define NAME	 "zones"
#define WORD_MAX 512

static void check_facts(const struct zonedata *d, const char *domain)
{
	static struct zone_facts f;
	const char *why = zonedata_dead(d, domain);

	HOLDS(!why || (*why && is_printable(why)));
	zonedata_facts(d, domain, &f);
	HOLDS(f.errors.count <= OUTCOME_ERRORS_MAX && f.policy_count <= ZONEDATA_POLICIES_MAX);
	HOLDS(!(f.untested && f.has_test));
	for (unsigned i = 0; i < f.errors.count; i++)
		HOLDS(memchr(f.errors.why[i], 0, OUTCOME_WHY_MAX) && *f.errors.why[i] &&
		      is_printable(f.errors.why[i]));
}

/* One line of a text that was taken, without its end. */
static void check_line(const struct zonedata *d, const char *line, size_t length)
{
	static struct zone_facts f;
	char text[WORD_MAX], keyword[WORD_MAX] = "", subject[WORD_MAX] = "";
	struct addr a;

	HOLDS(length < sizeof(text));
	snprintf(text, sizeof(text), "%.*s", (int)length, line);
	text[strcspn(text, "#\r")] = '\0';
	if (sscanf(text, " %511[^ \t] %511[^ \t]", keyword, subject) < 1)
		return;
	if (strcmp(keyword, "public") == 0) {
		HOLDS(addr_parse(subject, &a, NULL) == 0 && zonedata_public(d, &a));
		return;
	}
	check_facts(d, subject);
	zonedata_facts(d, subject, &f);
	if (strcmp(keyword, "dead") == 0)
		HOLDS(zonedata_dead(d, subject));
	else if (strcmp(keyword, "wide") == 0)
		HOLDS(f.wide);
	else if (strcmp(keyword, "limit") == 0)
		HOLDS(f.day_limit);
	else if (strcmp(keyword, "test") == 0)
		HOLDS(f.untested || f.has_test);
	else if (strcmp(keyword, "policy") == 0)
		HOLDS(f.policy_count);
	else if (strcmp(keyword, "removal") == 0)
		HOLDS(zonedata_removal(d, subject) && is_printable(zonedata_removal(d, subject)));
	else if (strcmp(keyword, "name") == 0)
		HOLDS(zonedata_test_name(d, subject) &&
		      is_printable(zonedata_test_name(d, subject)));
	else if (strcmp(keyword, "audit") != 0)
		HOLDS(strcmp(keyword, "error") == 0 && f.errors.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zonedata *d = NULL;
	struct err e = {0};
	char *text = copy_of(data, size);

	HOLDS(zonedata_new(&d, &e) == 0);
	if (zonedata_read(d, NAME, text, size, &e) < 0) {
		HOLDS(e.code < 0 && is_printable(e.text));
		HOLDS(strncmp(e.text, NAME ":", strlen(NAME ":")) == 0);
	} else {
		for (const char *at = text, *end = text + size; at < end;) {
			const char *stop = memchr(at, '\n', (size_t)(end - at));

			stop = stop ? stop : end;
			check_line(d, at, (size_t)(stop - at));
			at = stop + (stop < end);
		}
	}
	check_facts(d, "zen.spamhaus.example");
	zonedata_free(d);
	free(text);
	return 0;
}
