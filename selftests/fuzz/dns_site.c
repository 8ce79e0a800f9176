/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Site lists: what was read, written out entry by entry, is read as the same; what was refused has changed nothing; and a fault does
 * not show a domain, which may hold a key.
 */
#include "dns/site.h"

#include "fuzz/fuzz.h"

#define BEFORE		    "before.example=127.0.0.[2;4..6]*3"
#define WRITTEN_MAX	    4096 /* a filter of 4 times 128 single numbers */
#define SEPARATORS	    ", \t\r\n"
#define TELLING		    16 /* bytes: no word of a sentence is as long */
#define SENTENCE_DOMAIN_MAX 256

static size_t octets_write(const uint32_t set[8], char *out, size_t size)
{
	size_t at = (size_t)snprintf(out, size, "[");

	for (unsigned from = 0; from < 256; from++) {
		unsigned to = from;

		if (!(set[from / 32] & 1U << from % 32))
			continue;
		while (to < 255 && set[(to + 1) / 32] & 1U << (to + 1) % 32)
			to++;
		at += (size_t)snprintf(out + at, size - at, "%s%u..%u", at > 1 ? ";" : "", from,
				       to);
		from = to;
	}
	return at + (size_t)snprintf(out + at, size - at, "]");
}

static void filter_write(const struct site_filter *f, char *out, size_t size)
{
	size_t at = 0;

	for (unsigned i = 0; i < 4; i++) {
		at += (size_t)snprintf(out + at, size - at, "%s", i ? "." : "");
		at += octets_write(f->octet[i], out + at, size - at);
		HOLDS(at < size);
	}
}

/* An entry has no more than 512 bytes, and one with many ranges would have more: then it is compared by its parts. */
static void check_entry(const struct sites *s, const struct site_entry *entry)
{
	char filter[WRITTEN_MAX], text[WRITTEN_MAX + SITE_DOMAIN_MAX + 16];
	struct site_filter again;
	struct sites one = {0};

	HOLDS(entry->zone < s->zone_count);
	HOLDS(site_domain_check(s->zone[entry->zone], NULL) == 0);
	if (entry->filter.any) {
		snprintf(text, sizeof(text), "%s*%d", s->zone[entry->zone], entry->weight);
		HOLDS(sites_add(&one, text, NULL) == 0 && one.entry[0].filter.any);
		HOLDS(site_filter_matches(&entry->filter, 0));
	} else {
		filter_write(&entry->filter, filter, sizeof(filter));
		HOLDS(site_filter_parse(filter, &again, NULL) == 0);
		HOLDS(memcmp(again.octet, entry->filter.octet, sizeof(again.octet)) == 0);
		snprintf(text, sizeof(text), "%s=0.0.0.0*%d", s->zone[entry->zone], entry->weight);
		HOLDS(sites_add(&one, text, NULL) == 0);
	}
	HOLDS(one.entry_count == 1 && one.entry[0].weight == entry->weight);
	HOLDS(strcmp(one.zone[0], s->zone[entry->zone]) == 0);
}

static void check_sites(const struct sites *s)
{
	int64_t low, high;

	HOLDS(s->zone_count <= SITE_ZONES_MAX && s->entry_count <= SITE_FILTERS_MAX);
	for (unsigned i = 0; i < s->zone_count; i++) {
		for (const char *at = s->zone[i]; *at; at++)
			HOLDS(*at < 'A' || *at > 'Z');
		for (unsigned k = 0; k < i; k++)
			HOLDS(strcmp(s->zone[i], s->zone[k]) != 0);
		site_bounds(s, i, &low, &high);
		HOLDS(low <= 0 && high >= 0);
	}
	for (unsigned i = 0; i < s->entry_count; i++)
		check_entry(s, &s->entry[i]);
}

static void check_secrets(const char *text, const char *sentence)
{
	const char *whole = text;

	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		size_t length = strcspn(text, SEPARATORS), domain = strcspn(text, SEPARATORS "=*");
		char secret[SENTENCE_DOMAIN_MAX];

		snprintf(secret, sizeof(secret), "%.*s", (int)domain, text);
		/* What stands in a filter or a weight as well is no secret. */
		if (domain >= TELLING && strstr(whole, secret) == text &&
		    !strstr(text + domain, secret))
			HOLDS(!strstr(sentence, secret));
		text += length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sites s, before;
	struct site_filter filter;
	struct err e = {0};
	char *text = text_of(data, size);

	memset(&before, 0, sizeof(before));
	HOLDS(sites_add(&before, BEFORE, NULL) == 0);
	s = before;
	if (sites_add(&s, text, &e) < 0) {
		HOLDS(e.code < 0 && is_printable(e.text));
		HOLDS(memcmp((const void *)&s, (const void *)&before, sizeof(s)) == 0);
		check_secrets(text, e.text);
	} else {
		check_sites(&s);
	}
	memset(&filter, UNTOUCHED, sizeof(filter));
	if (site_filter_parse(text, &filter, &e) < 0)
		HOLDS(is_printable(e.text) && is_untouched(&filter, sizeof(filter)));
	free(text);
	return 0;
}
