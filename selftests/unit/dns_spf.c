/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF records: what is one, what is wrong with it, and what the walk over all that it includes finds. */
#include <errno.h>

#include "dns/spf.h"

#include "unit/spf_rig.h"

#define SAME(a, b) (strcmp((a), (b)) == 0)

/* ---- the grammar (RFC 7208, 12) ---- */

TEST(spf_takes_what_the_grammar_allows)
{
	static const struct {
		const char *record;
		unsigned terms, costs;
	} rows[] = {
		{"v=spf1", 0, 0},
		{"v=spf1 ", 0, 0},
		{"V=SPF1 -ALL", 1, 0},
		{"v=spf1 -all", 1, 0},
		{"v=spf1 +mx a:colo.example.com/28 -all", 3, 2},
		{"v=spf1 include:example.com include:example.org. -all", 3, 2},
		{"v=spf1 a mx -all", 3, 2},
		{"v=spf1 a/24 mx//64 a:example.com/24//64 mx:example.com/0//0 ~all", 5, 4},
		{"v=spf1 ip4:192.0.2.128/28 ip4:192.0.2.1 ip6:2001:db8::/32 ip6:::1 ?all", 5, 0},
		{"v=spf1 ip6:::ffff:192.0.2.1/128 -all", 2, 0},
		{"v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d} -all", 2, 1},
		{"v=spf1 exists:%{d} exists:a%%b.%{h} exists:%{S20R=,_/} -all", 4, 3},
		{"v=spf1 redirect=_spf.example.com", 1, 1},
		{"v=spf1 mx -all exp=explain._spf.%{d}", 3, 1},
		{"v=spf1 ptr ptr:example.com -all", 3, 2},
		{"v=spf1 moo.cow-far_out=man:dog/cat ip4:192.0.2.1 -all", 3, 0},
		{"v=spf1 moo= -all", 2, 0},
		{"v=spf1 a:example.xn--p1ai -all", 2, 1},
		{"v=spf1    a    -all   ", 2, 1},
		{"v=spf1 a:foo:bar/baz.example.com -all", 2, 1},
		{"v=spf1 a:_spf.1and1.example -all", 2, 1},
		{"v=spf1 ip4:0.0.0.0/0 -all", 2, 0},
		{"v=spf1 include:%{d2}.example.net -all", 2, 1},
	};
	static struct spf_term term[SPF_TERMS_MAX];

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned count, costs = 0;
		struct err e = {0};

		EXPECT(spf_parse(rows[i].record, term, &count, &e) == 0, "%s: %s", rows[i].record,
		       e.text);
		for (unsigned k = 0; k < count; k++)
			costs += term[k].costs;
		EXPECT(count == rows[i].terms && costs == rows[i].costs, "%s: %u terms, %u cost",
		       rows[i].record, count, costs);
	}
}

TEST(spf_refuses_what_the_grammar_does_not)
{
	static const char *const rows[] = {
		"",
		"v=spf10",
		"v=spf1-all",
		" v=spf1 -all",
		"v=spf2.0/pra -all",
		"v=spf1 -all.",
		"v=spf1 -all:example.com",
		"v=spf1 all/8",
		"v=spf1 alll",
		"v=spf1 -",
		"v=spf1 +-all",
		"v=spf1 include",
		"v=spf1 include:",
		"v=spf1 include:localhost",
		"v=spf1 include:example.com/24",
		"v=spf1 include:example..",
		"v=spf1 include:example.123",
		"v=spf1 include:example.-com",
		"v=spf1 include:example.com-",
		"v=spf1 a:",
		"v=spf1 a:/24",
		"v=spf1 a/33",
		"v=spf1 a//129",
		"v=spf1 a/024",
		"v=spf1 a/",
		"v=spf1 a//",
		"v=spf1 a/24/64",
		"v=spf1 a:example.com:8080",
		"v=spf1 a:museum",
		"v=spf1 mx:foo@example.com/40",
		"v=spf1 ip4",
		"v=spf1 ip4:",
		"v=spf1 ip4:192.0.2",
		"v=spf1 ip4:192.0.2.256",
		"v=spf1 ip4:192.0.2.1/33",
		"v=spf1 ip4:192.0.2.1//24",
		"v=spf1 ip4:192.0.2.1:25",
		"v=spf1 ip4:2001:db8::1",
		"v=spf1 ip4=192.0.2.1 -all ip4:x",
		"v=spf1 ip6:2001:db8::1/129",
		"v=spf1 ip6:192.0.2.1",
		"v=spf1 ip6::CAFE::BABE",
		"v=spf1 exists",
		"v=spf1 exists:foo-bar",
		"v=spf1 exists:%{x}.example.com",
		"v=spf1 exists:%{i0}.example.com",
		"v=spf1 exists:%{c}.example.com",
		"v=spf1 exists:%{d",
		"v=spf1 exists:%{d}}%",
		"v=spf1 exists:%(ir).example.com",
		"v=spf1 exists:%{ir}.%{d}.foo%",
		"v=spf1 redirect",
		"v=spf1 redirect=",
		"v=spf1 redirect=a.example redirect=b.example",
		"v=spf1 redirect=a.example/8",
		"v=spf1 exp=a.example exp=a.example",
		"v=spf1 exp=",
		"v=spf1 -redirect=a.example",
		"v=spf1 1moo=x",
		"v=spf1 moo=%abc",
		"v=spf1 unknown:x",
		"v=spf1 a,mx",
		"v=spf1\ta",
		"v=spf1 a:ex\xc3\xa4mple.com",
		"v=spf1 ptr/24",
		"v=spf1 ipv4:192.0.2.1",
	};
	static struct spf_term term[SPF_TERMS_MAX];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = {0};
		unsigned count;

		EXPECT(spf_parse(rows[i], term, &count, &e) == -EINVAL && e.text[0],
		       "\"%s\" is taken", rows[i]);
	}
}

TEST(spf_names_the_term_that_is_wrong)
{
	static struct spf_term term[SPF_TERMS_MAX];
	struct err e = {0};
	unsigned count;

	EXPECT(spf_parse("v=spf1 mx ipv4:192.0.2.1\x1b -all", term, &count, &e) == -EINVAL &&
		       SAME(e.text, "'ipv4:192.0.2.1\\x1b' is no mechanism"),
	       "%s", e.text);
	EXPECT(spf_parse("v=spf1 ~a:example.com/24//64", term, &count, &e) == 0 && count == 1 &&
		       term[0].qualifier == '~' && SAME(term[0].value, "example.com") &&
		       term[0].bits4 == 24 && term[0].bits6 == 64,
	       "%s", term[0].value);
}

TEST(spf_records_that_were_not_read_whole_are_known)
{
	static struct answer_texts texts;
	struct answer_text *t = texts.text;

	texts.count = 2;
	t[0].length = (size_t)sprintf((char *)t[0].byte, "key=%d", 1);
	t[1].length = (size_t)sprintf((char *)t[1].byte, "v=spf1 ip4:192.0.2.0/%d", 2);
	EXPECT(spf_record_is_whole(&texts), "all was read");
	t[0].is_cut = true;
	EXPECT(spf_record_is_whole(&texts), "one that is none was cut");
	t[1].is_cut = true;
	EXPECT(!spf_record_is_whole(&texts), "the record was cut, and may be of a /24");
	t[1].is_cut = false;
	texts.is_short = true;
	EXPECT(!spf_record_is_whole(&texts), "another record may be among those that lack");
}

/* ---- the walk ---- */

static const struct rig_row rows[] = {
	{"fine.test", RECORD_TXT, "google-site-verification=x"},
	{"fine.test", RECORD_TXT, "v=spf1 mx a:host.test include:other.test ip4:192.0.2.0/24 -all"},
	{"fine.test", RECORD_MX, "10 host.test"},
	{"six.test", RECORD_AAAA, "2001:db8::1"},
	{"other.test", RECORD_TXT, "v=spf1 a:six.test +all"},
	{"open.test", RECORD_TXT, "v=spf1 +all"},
	{"implied.test", RECORD_TXT, "v=spf1 all"},
	{"endless.test", RECORD_TXT, "v=spf1 mx"},
	{"endless.test", RECORD_MX, "10 host.test"},
	{"hands.test", RECORD_TXT, "v=spf1 redirect=hands2.test"},
	{"hands2.test", RECORD_TXT, "v=spf1 a:host.test ~all"},
	{"behind.test", RECORD_TXT,
	 "v=spf1 -all a:nowhere.test mx:nowhere.test redirect=none.test"},
	{"self.test", RECORD_TXT, "v=spf1 redirect=self.test"},
	{"below.test", RECORD_TXT, "v=spf1 include:syntax.test -all"},
	{"gone.test", RECORD_TXT, "v=spf1 redirect=absent.test"},
	{"voids.test", RECORD_TXT, "v=spf1 a:no1.test mx:no2.test -all"},
	{"macro.test", RECORD_TXT, "v=spf1 exists:%{i}.x.test include:%{d}.y.test ptr -all"},
	{"flood.test", RECORD_TXT,
	 "v=spf1 include:ten.test include:ten.test include:ten.test "
	 "include:ten.test include:ten.test include:ten.test -all"},
	{"failsand.test", RECORD_TXT, "v=spf1 include:servfail.test include:syntax.test -all"},
	{"crowd.test", RECORD_TXT, "v=spf1 mx -all"},
	{"crowd.test", RECORD_MX, "1 a.test"},
	{"crowd.test", RECORD_MX, "1 b.test"},
	{"crowd.test", RECORD_MX, "1 c.test"},
	{"crowd.test", RECORD_MX, "1 d.test"},
	{"crowd.test", RECORD_MX, "1 e.test"},
	{"crowd.test", RECORD_MX, "1 f.test"},
	{"crowd.test", RECORD_MX, "1 g.test"},
	{"crowd.test", RECORD_MX, "1 h.test"},
	{"crowd.test", RECORD_MX, "1 i.test"},
	{"crowd.test", RECORD_MX, "1 j.test"},
	{"crowd.test", RECORD_MX, "1 k.test"},
};

static struct rig rig;
static struct spf_finding found;

static void walked(void *context, const struct spf_finding *f)
{
	(void)context;
	found = *f;
	loop_stop(rig.loop);
}

TEST(spf_walk_finds_what_an_owner_should_know)
{
	static const struct {
		const char *domain;
		enum spf_state state;
		unsigned lookups, voids;
		char all;
		const char *why; /* a part of it */
	} cases[] = {
		{"fine.test", SPF_FINE, 4, 0, '-', ""},
		{"none.test", SPF_NONE, 0, 0, 0, ""},
		{"absent.test", SPF_NONE, 0, 0, 0, ""},
		{"two.test", SPF_BROKEN, 0, 0, 0, "2 SPF records"},
		{"open.test", SPF_FINE, 0, 0, '+', ""},
		{"implied.test", SPF_FINE, 0, 0, '+', ""},
		{"endless.test", SPF_FINE, 1, 0, 0, ""},
		{"hands.test", SPF_FINE, 2, 0, '~', ""},
		{"behind.test", SPF_FINE, 0, 0, '-', ""},
		{"loop.test", SPF_BROKEN, 2, 0, '-', "never ends"},
		{"self.test", SPF_BROKEN, 1, 0, 0, "never ends"},
		{"syntax.test", SPF_BROKEN, 0, 0, 0, "ip4:192.0.2.0/33"},
		{"below.test", SPF_BROKEN, 1, 0, '-', "in the record of syntax.test"},
		{"lost.test", SPF_BROKEN, 1, 0, '-', "include to none.test"},
		{"gone.test", SPF_BROKEN, 1, 1, 0, "redirect to absent.test"},
		{"voids.test", SPF_FINE, 2, 2, '-', ""},
		{"voids3.test", SPF_BROKEN, 3, 3, '-', "leads to nothing"},
		{"macro.test", SPF_FINE, 3, 0, '-', ""},
		{"ten.test", SPF_FINE, 10, 0, '-', ""},
		{"eleven.test", SPF_BROKEN, 11, 0, '-', "11 lookups"},
		{"flood.test", SPF_BROKEN, 30, 0, '-', "at least 30"},
		{"fails.test", SPF_TEMPERROR, 1, 0, '-', "servfail.test"},
		{"failsand.test", SPF_BROKEN, 2, 0, '-', "ip4:192.0.2.0/33"},
		{"crowd.test", SPF_BROKEN, 1, 0, '-', "more than 10 MX"},
		{"silent.test", SPF_TEMPERROR, 0, 0, 0, "silent.test"},
		{"m.t", SPF_TEMPERROR, 0, 0, 0, "more TXT records than the 64"},
	};

	ENSURE(spf_rig_open(&rig, rows, COUNT(rows)), "begin");
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct spf_walk *w;

		ENSURE(spf_start(&w, resolver, cases[i].domain, walked, NULL) == 0, "start");
		ENSURE(loop_run(rig.loop) == 0, "run");
		EXPECT(found.state == cases[i].state && found.lookups == cases[i].lookups &&
			       found.void_lookups == cases[i].voids && found.all == cases[i].all &&
			       strstr(found.why, cases[i].why),
		       "%s: state %d, %u lookups, %u void, all '%c', why '%s'", cases[i].domain,
		       found.state, found.lookups, found.void_lookups, found.all ? found.all : '0',
		       found.why);
		EXPECT((found.state == SPF_BROKEN) ==
			       (found.why[0] && found.state != SPF_TEMPERROR),
		       "%s: '%s'", cases[i].domain, found.why);
		EXPECT(found.is_costly_alone == (SAME(cases[i].domain, "eleven.test") ||
						 SAME(cases[i].domain, "flood.test")),
		       "%s: costly", cases[i].domain);
	}
	spf_rig_close(&rig);
}

TEST(spf_walk_can_be_stopped)
{
	struct spf_walk *w;

	ENSURE(spf_rig_open(&rig, rows, COUNT(rows)), "begin");
	ENSURE(spf_start(&w, resolver, "flood.test", walked, NULL) == 0, "start");
	spf_stop(w);
	spf_stop(NULL);
	spf_rig_close(&rig);
}
