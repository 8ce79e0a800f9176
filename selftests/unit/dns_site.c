/* SPDX-License-Identifier: BSD-2-Clause */
/* Site lists: the grammar of postscreen, and faults that have a place. */
#include "dns/site.h"

#include <errno.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CODE(a, b, c, d)                                                                           \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

TEST(site_reads_what_postscreen_reads)
{
	static const struct {
		const char *sentence, *text;
		unsigned zones, entries;
		int32_t weight; /* of the last entry */
	} rows[] = {
		{"a domain alone has weight 1", "bl.example.net", 1, 1, 1},
		{"a weight", "bl.example.net*3", 1, 1, 3},
		{"a negative weight", "wl.example.net*-2", 1, 1, -2},
		{"a weight with a plus", "bl.example.net*+2", 1, 1, 2},
		{"a weight of zero", "bl.example.net*0", 1, 1, 0},
		{"leading zeros", "bl.example.net*007", 1, 1, 7},
		{"a filter", "bl.example.net=127.0.0.2", 1, 1, 1},
		{"a filter and a weight", "bl.example.net=127.0.0.[2..11]*3", 1, 1, 3},
		{"sequences in every place", "bl.example.net=[127].[0;1].[0..255].[2;4..6]", 1, 1,
		 1},
		{"a list with commas", "a.example,b.example*2,c.example*3", 3, 3, 3},
		{"a list with blanks and commas", " a.example ,\t b.example*2\r\n", 2, 2, 2},
		{"one domain with two filters is one question",
		 "a.example=127.0.0.2*1 a.example=127.0.0.3*5", 1, 2, 5},
		{"case does not make two domains of one", "A.Example a.eXample*4", 1, 2, 4},
		{"the same entry twice adds twice", "a.example*2 a.example*2", 1, 2, 2},
		{"a label with an underscore", "_bl.example", 1, 1, 1},
		{"a domain of one label", "localhost", 1, 1, 1},
		{"brackets around the whole", "a.example=[127.0.0.[2..4]]*2", 1, 1, 2},
		{"brackets around each", "a.example=[127].[0].[0].[2]", 1, 1, 1},
		{"a range of one", "a.example=127.0.0.[5..5]", 1, 1, 1},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		static struct sites s;
		struct err e = {0};

		memset(&s, 0, sizeof(s));
		if (!EXPECT(sites_add(&s, rows[i].text, &e) == 0, "%s: %s", rows[i].sentence,
			    e.text))
			continue;
		EXPECT(s.zone_count == rows[i].zones && s.entry_count == rows[i].entries,
		       "%s: %u zones, %u entries", rows[i].sentence, s.zone_count, s.entry_count);
		EXPECT(s.entry[s.entry_count - 1].weight == rows[i].weight, "%s: weight %d",
		       rows[i].sentence, s.entry[s.entry_count - 1].weight);
	}
}

TEST(site_refuses_the_rest_and_says_where)
{
	static const struct {
		const char *sentence, *text, *told;
	} rows[] = {
		{"nothing", "", "empty"},
		{"separators alone", " , ", "empty"},
		{"junk behind a weight", "a.example*3x", "weight '3x'"},
		{"a blank inside a weight is another entry", "a.example*- 3", "weight '-'"},
		{"no weight", "a.example*", "weight ''"},
		{"two weights", "a.example*3*4", "weight '3*4'"},
		{"a fraction", "a.example*1.5", "weight '1.5'"},
		{"hexadecimal", "a.example*0x10", "weight '0x10'"},
		{"a weight beyond 32 bits", "a.example*2147483648", "weight"},
		{"the weight in front of the filter", "a.example*2=127.0.0.2",
		 "weight '2=127.0.0.2'"},
		{"no filter", "a.example=", "character 1"},
		{"three numbers", "a.example=127.0.0",
		 "lacks a '.' between its four numbers at "
		 "character 8"},
		{"five numbers", "a.example=127.0.0.2.3",
		 "behind its four numbers at character 10"},
		{"a number above 255", "a.example=127.0.0.256", "above 255 at character 9"},
		{"a huge number", "a.example=127.0.0.99999999999999999999", "above 255"},
		{"a number and a sequence", "a.example=127.0.0.3[6..9]", "at character 10"},
		{"a sequence over two places", "a.example=1.2.[3.4]", "'.' that is no range"},
		{"a range that runs backwards", "a.example=127.0.0.[9..2]", "backwards"},
		{"a range with three ends", "a.example=127.0.0.[1..2..3]", "';' or ']'"},
		{"an open sequence", "a.example=127.0.0.[2", "';' or ']' at character 11"},
		{"brackets around the whole that do not close", "a.example=[127.0.0.2",
		 "'.' that is no range"},
		{"brackets around too little", "a.example=[127.0].0.2", "'.' that is no range"},
		{"brackets around nothing", "a.example=[]", "number from 0 to 255 at character 2"},
		{"an empty sequence", "a.example=127.0.0.[]", "number from 0 to 255"},
		{"an empty member", "a.example=127.0.0.[2;]", "number from 0 to 255"},
		{"a star for an octet, which is a weight", "a.example=127.0.0.*", "weight ''"},
		{"a negative octet", "a.example=127.0.0.-1", "number from 0 to 255"},
		{"no domain", "=127.0.0.2", "domain is missing"},
		{"only a weight", "*3", "domain is missing"},
		{"a dot at the end", "a.example.", "misplaced '.'"},
		{"a dot in front", ".example", "misplaced '.' at character 1"},
		{"two dots", "a..example", "misplaced '.' at character 3"},
		{"a dash in front", "-a.example", "misplaced '-'"},
		{"a dash behind", "a-.example", "misplaced '-' at character 2"},
		{"a slash", "a/b.example", "at character 2 what no name"},
		{"a byte above ASCII", "b\xc3\xbc.example", "at character 2 what no name"},
		{"digits alone", "127.0.0.1", "all digits"},
		{"a label of 64",
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
		 "label longer than 63"},
		{"the second entry is told as such", "a.example b.example*x",
		 "entry 2: the weight"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		static struct sites s;
		struct err e = {0};

		memset(&s, 0, sizeof(s));
		EXPECT(sites_add(&s, rows[i].text, &e) == -EINVAL, "%s was taken",
		       rows[i].sentence);
		EXPECT(strstr(e.text, rows[i].told), "%s: told '%s'", rows[i].sentence, e.text);
		EXPECT(!s.zone_count && !s.entry_count, "%s: changed the list", rows[i].sentence);
	}
}

TEST(site_faults_never_show_a_domain)
{
	static const char *const texts[] = {"s3cretkey.example*x", "s3cretkey.example=1",
					    "s3cretkey..example", "a.example s3cretkey/.example"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		static struct sites s;
		struct err e = {0};

		memset(&s, 0, sizeof(s));
		EXPECT(sites_add(&s, texts[i], &e) < 0 && !strstr(e.text, "s3cret"), "%s", e.text);
	}
}

TEST(site_holds_no_more_than_it_can)
{
	static struct sites s;
	char text[64];
	struct err e = {0};

	memset(&s, 0, sizeof(s));
	for (unsigned i = 0; i < SITE_ZONES_MAX; i++) {
		snprintf(text, sizeof(text), "z%u.example", i);
		ENSURE(sites_add(&s, text, &e) == 0, "zone %u: %s", i, e.text);
	}
	EXPECT(sites_add(&s, "more.example", &e) < 0 && strstr(e.text, "at most"), "%s", e.text);
	for (unsigned i = SITE_ZONES_MAX; i < SITE_FILTERS_MAX; i++)
		ENSURE(sites_add(&s, "z0.example", &e) == 0, "entry %u: %s", i, e.text);
	EXPECT(sites_add(&s, "z0.example", &e) < 0 && strstr(e.text, "at most"), "%s", e.text);
}

TEST(site_filters_match_what_they_say)
{
	static const struct {
		const char *filter;
		uint32_t code;
		bool matches;
	} rows[] = {
		{"127.0.0.2", CODE(127, 0, 0, 2), true},
		{"127.0.0.2", CODE(127, 0, 0, 3), false},
		{"127.0.0.[2..11]", CODE(127, 0, 0, 2), true},
		{"127.0.0.[2..11]", CODE(127, 0, 0, 11), true},
		{"127.0.0.[2..11]", CODE(127, 0, 0, 12), false},
		{"127.0.0.[2..11]", CODE(127, 0, 1, 5), false},
		{"127.0.[0..255].[1..3]", CODE(127, 0, 255, 3), true},
		{"127.0.[0..255].[1..3]", CODE(127, 0, 10, 0), false},
		{"127.0.[0..255].[1..3]", CODE(127, 1, 10, 1), false},
		{"127.0.0.[1;31..33;255]", CODE(127, 0, 0, 32), true},
		{"127.0.0.[1;31..33;255]", CODE(127, 0, 0, 255), true},
		{"127.0.0.[1;31..33;255]", CODE(127, 0, 0, 254), false},
		{"[0..255].[0..255].[0..255].[0..255]", CODE(8, 8, 8, 8), true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct site_filter f;

		ENSURE(site_filter_parse(rows[i].filter, &f, NULL) == 0, "%s", rows[i].filter);
		EXPECT(site_filter_matches(&f, rows[i].code) == rows[i].matches, "%s on %08x",
		       rows[i].filter, rows[i].code);
	}
}

TEST(site_bounds_are_what_a_zone_could_add)
{
	static struct sites s;
	int64_t low, high;

	memset(&s, 0, sizeof(s));
	ENSURE(sites_add(&s, "a.example*3 b.example=127.0.0.2*2 b.example=127.0.0.3*-1 b.example*4",
			 NULL) == 0,
	       "sites");
	site_bounds(&s, 0, &low, &high);
	EXPECT(low == 0 && high == 3, "a: %lld..%lld", (long long)low, (long long)high);
	site_bounds(&s, 1, &low, &high);
	EXPECT(low == -1 && high == 6, "b: %lld..%lld", (long long)low, (long long)high);
}
