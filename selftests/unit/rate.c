/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates as people write them. */
#include <errno.h>
#include <inttypes.h>

#include "conf/conf.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(rate_reads_its_one_form)
{
	static const struct {
		const char *text;
		struct conf_rate rate;
		const char *canonical;
	} rows[] = {
		{"120/1m burst 120", {120, 60, 120}, "120/1m burst 120"},
		{"120/1m", {120, 60, 120}, "120/1m burst 120"},
		{"120/60s burst 7", {120, 60, 7}, "120/1m burst 7"},
		{"10/1s", {10, 1, 10}, "10/1s burst 10"},
		{"1/1d burst 30", {1, 86400, 30}, "1/1d burst 30"},
		{"1000000/1s burst 1000000", {1000000, 1, 1000000}, "1000000/1s burst 1000000"},
		{"1/1s burst 1000000", {1, 1, 1000000}, "1/1s burst 1000000"},
		{"", {0, 0, 0}, ""},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_rate r = {9, 9, 9}, again = {9, 9, 9};
		struct err e = {0};
		char text[64];

		if (!EXPECT(rate_parse(rows[i].text, &r, &e) == 0, "'%s': %s", rows[i].text,
			    e.text))
			continue;
		EXPECT(r.count == rows[i].rate.count && r.period_s == rows[i].rate.period_s &&
			       r.burst == rows[i].rate.burst,
		       "'%s': %u in %" PRIu64 " burst %u", rows[i].text, r.count, r.period_s,
		       r.burst);
		rate_format(&r, text, sizeof(text));
		EXPECT(!strcmp(text, rows[i].canonical), "'%s': written %s", rows[i].text, text);
		EXPECT(rate_parse(text, &again, NULL) == 0 && r.count == again.count &&
			       r.period_s == again.period_s && r.burst == again.burst,
		       "'%s' does not read its own text", rows[i].text);
	}
}

TEST(rate_refuses_everything_else_with_a_sentence)
{
	static const struct {
		const char *sentence, *text, *told;
	} rows[] = {
		{"a unit without a number", "10/s", "not a time"},
		{"a count of zero", "0/1m", "not a rate"},
		{"no count", "/1m", "not a rate"},
		{"no time", "10/", "not a time"},
		{"no slash", "10", "not a rate"},
		{"a blank before the slash", "10 /1m", "not a rate"},
		{"a blank behind the slash", "10/ 1m", "not a time"},
		{"a blank in front", " 10/1m", "not a rate"},
		{"a blank behind", "10/1m ", "not a rate"},
		{"a negative count", "-10/1m", "not a rate"},
		{"a fraction", "1.5/1m", "not a rate"},
		{"hexadecimal", "0x10/1m", "not a rate"},
		{"too great a count", "1000001/1s", "1 to 1000000"},
		{"a count beyond 32 bits", "4294967297/1s", "1 to 1000000"},
		{"a count beyond 64 bits", "18446744073709551617/1s", "1 to 1000000"},
		{"too long a time", "10/86401s", "at most 1d"},
		{"two days", "10/2d", "at most 1d"},
		{"a time of zero", "10/0s", "no time"},
		{"an endless time", "10/99999999999999999999s", "too long"},
		{"a long text for a time", "10/11111111111111111111111111111111m", "not a rate"},
		{"burst without a number", "10/1m burst ", "not a rate"},
		{"burst of zero", "10/1m burst 0", "not a rate"},
		{"a negative burst", "10/1m burst -1", "not a rate"},
		{"too great a burst", "10/1m burst 1000001", "1 to 1000000"},
		{"something behind the burst", "10/1m burst 10 ", "not a rate"},
		{"another word", "10/1m bursts 10", "not a rate"},
		{"two blanks", "10/1m  burst 10", "not a rate"},
		{"a burst that takes years to earn", "1/1d burst 31", "30 days"},
		{"two rates", "10/1m,20/1h", "not a time"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_rate r = {9, 9, 9};
		struct err e = {0};

		EXPECT(rate_parse(rows[i].text, &r, &e) == -EINVAL && e.code == -EINVAL,
		       "%s: '%s' was taken", rows[i].sentence, rows[i].text);
		EXPECT(strstr(e.text, rows[i].told), "%s: told '%s'", rows[i].sentence, e.text);
		EXPECT(r.count == 9 && r.period_s == 9 && r.burst == 9, "%s: changed the rate",
		       rows[i].sentence);
	}
}
