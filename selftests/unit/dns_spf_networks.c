/* SPDX-License-Identifier: BSD-2-Clause */
/* The networks that SPF records name, gathered from a name server with rows of text. */
#include "dns/spf_networks.h"

#include "unit/spf_rig.h"

#define TEXT_MAX 1024

static const struct rig_row rows[] = {
	{"plain.test", RECORD_TXT, "google-site-verification=x"},
	{"plain.test", RECORD_TXT,
	 "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ip4:203.0.113.5 -all"},
	{"hosts.test", RECORD_TXT, "v=spf1 a mx a:host.test/28//64 -all"},
	{"hosts.test", RECORD_A, "198.51.100.1"},
	{"hosts.test", RECORD_AAAA, "2001:db8:1::1"},
	{"hosts.test", RECORD_MX, "10 mx1.test"},
	{"hosts.test", RECORD_MX, "20 mx2.test"},
	{"hosts.test", RECORD_MX, "30 mx3.test"},
	{"mx1.test", RECORD_A, "198.51.100.11"},
	{"mx2.test", RECORD_AAAA, "2001:db8:1::12"},
	{"large.test", RECORD_TXT, "v=spf1 redirect=_spf.large.test"},
	{"_spf.large.test", RECORD_TXT, "v=spf1 include:_a.large.test include:_b.large.test ~all"},
	{"_a.large.test", RECORD_TXT, "v=spf1 ip4:192.0.2.0/25 ip4:198.51.100.0/24 ~all"},
	{"_b.large.test", RECORD_TXT, "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8:a::/48 -all"},
	{"bits.test", RECORD_TXT, "v=spf1 ip4:192.0.2.77/24 ip6:::ffff:198.51.100.7/120 -all"},
	{"part.test", RECORD_TXT,
	 "v=spf1 ?ip4:192.0.2.66 ip4:192.0.2.0/24 ip4:203.0.113.0/24 -all"},
	{"soft.test", RECORD_TXT,
	 "v=spf1 ip4:203.0.113.0/24 ~include:_a.large.test ?a:host.test -all"},
	{"first.test", RECORD_TXT,
	 "v=spf1 ip4:192.0.2.0/24 -ip4:192.0.2.66 ip4:203.0.113.0/24 -all"},
	{"inner.test", RECORD_TXT, "v=spf1 include:part.test ip4:192.0.2.0/25 -all"},
	{"outer.test", RECORD_TXT, "v=spf1 -ip4:192.0.2.66 include:plain.test -all"},
	{"later.test", RECORD_TXT, "v=spf1 include:plain.test -ip4:192.0.2.66 -all"},
	{"handed.test", RECORD_TXT, "v=spf1 redirect=plain.test ?ip4:192.0.2.66"},
	{"host-.test", RECORD_TXT, "v=spf1 -a:host.test ip4:203.0.113.0/24 ip4:192.0.2.1 -all"},
	{"mx-.test", RECORD_TXT, "v=spf1 ?mx:hosts.test ip4:198.51.100.0/24 ip4:192.0.2.1 -all"},
	{"blind.test", RECORD_TXT,
	 "v=spf1 ip4:203.0.113.9 -include:_a.large.test ip4:192.0.2.0/24 a:host.test -all"},
	{"blind2.test", RECORD_TXT, "v=spf1 ~exists:%{i}._x.test redirect=plain.test"},
	{"blind3.test", RECORD_TXT, "v=spf1 include:blind.test ip4:198.51.100.0/24 -all"},
	{"blind4.test", RECORD_TXT,
	 "v=spf1 a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test "
	 "a:host.test a:host.test ?ptr a:host.test a:host.test -all"},
	{"last.test", RECORD_TXT, "v=spf1 ip4:203.0.113.9 ?include:_a.large.test -all"},
	{"sender.test", RECORD_TXT,
	 "v=spf1 exists:%{i}._x.test include:%{d}.y.test ptr ip4:203.0.113.9 -all"},
	{"exists.test", RECORD_TXT, "v=spf1 exists:host.test ip4:203.0.113.9 -all"},
	{"behind.test", RECORD_TXT, "v=spf1 ip4:203.0.113.9 -all ip4:192.0.2.0/24"},
	{"wide.test", RECORD_TXT, "v=spf1 ip4:0.0.0.0/0 -all"},
	{"nobody.test", RECORD_TXT, "v=spf1 -all"},
	{"neutral.test", RECORD_TXT, "v=spf1 ?all"},
	{"endless.test", RECORD_TXT, "v=spf1"},
	{"open.test", RECORD_TXT, "v=spf1 ip4:192.0.2.0/24 +all"},
	{"implied.test", RECORD_TXT, "v=spf1 include:open.test -all"},
	{"voids2.test", RECORD_TXT, "v=spf1 a:no1.test mx:no2.test ip4:203.0.113.9 -all"},
};

static struct rig rig;
static struct spf_networks found;

static void gathered(void *context, const struct spf_networks *f)
{
	(void)context;
	found = *f;
	loop_stop(rig.loop);
}

static bool gather(const char *domain)
{
	struct spf_gather *g;

	return EXPECT(spf_networks_start(&g, resolver, domain, gathered, NULL) == 0, "%s",
		      domain) &&
	       EXPECT(loop_run(rig.loop) == 0, "%s", domain);
}

static const char *networks(char text[static TEXT_MAX])
{
	char one[PREFIX_TEXT_MAX];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < found.count && used < TEXT_MAX; i++)
		used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%s", i ? " " : "",
					 prefix_format(&found.network[i], one));
	return text;
}

TEST(spf_networks_are_those_that_pass_for_every_sender)
{
	static const struct {
		const char *sentence, *domain, *networks, *note;
	} cases[] = {
		{"networks as they stand", "plain.test", "192.0.2.0/24 203.0.113.5 2001:db8::/32",
		 ""},
		{"hosts and mail hosts, of both families", "hosts.test",
		 "198.51.100.1 198.51.100.11 203.0.113.64/28 2001:db8:1::1 2001:db8:1::12 "
		 "2001:db8:2:3::/64",
		 ""},
		{"includes behind a redirect, none in another", "large.test",
		 "192.0.2.0/24 198.51.100.0/24 2001:db8:a::/48", ""},
		{"bits behind the length are cut, and mapped IPv4 is IPv4", "bits.test",
		 "192.0.2.0/24 198.51.100.0/24", ""},
		{"a network out of which a part is taken is left out", "part.test",
		 "203.0.113.0/24", "left out: a part is excluded of 192.0.2.0/24"},
		{"what does not pass takes nothing of what stands before it", "soft.test",
		 "203.0.113.0/24", ""},
		{"the first term that matches decides", "first.test", "192.0.2.0/24 203.0.113.0/24",
		 ""},
		{"one inside an include decides nothing outside", "inner.test",
		 "192.0.2.0/25 203.0.113.0/24", "left out: a part is excluded of 192.0.2.0/24"},
		{"one before an include does inside", "outer.test", "203.0.113.5 2001:db8::/32",
		 "left out: a part is excluded of 192.0.2.0/24"},
		{"not one behind it", "later.test", "192.0.2.0/24 203.0.113.5 2001:db8::/32", ""},
		{"redirect comes last, wherever it stands", "handed.test",
		 "203.0.113.5 2001:db8::/32", "left out: a part is excluded of 192.0.2.0/24"},
		{"a host that does not pass", "host-.test", "192.0.2.1",
		 "left out: a part is excluded of 203.0.113.0/24"},
		{"and mail hosts", "mx-.test", "192.0.2.1",
		 "left out: a part is excluded of 198.51.100.0/24"},
		{"behind an include that does not pass nobody is sure to", "blind.test",
		 "203.0.113.9", "left out: all behind -include _a.large.test"},
		{"nor behind what asks about the sender, by redirect", "blind2.test", "",
		 "left out: all behind ~exists %{i}._x.test"},
		{"but outside of the include in which it stands", "blind3.test",
		 "198.51.100.0/24 203.0.113.9", "left out: all behind -include _a.large.test"},
		{"with nothing behind it, it changes nothing", "last.test", "203.0.113.9", ""},
		{"what depends on the sender is left out", "sender.test", "203.0.113.9",
		 "left out: exists %{i}._x.test, and more"},
		{"exists names no network", "exists.test", "203.0.113.9",
		 "left out: exists host.test"},
		{"behind all nothing counts", "behind.test", "203.0.113.9", ""},
		{"how wide one is, is not judged here", "wide.test", "0.0.0.0/0", ""},
		{"two names may lead to nothing", "voids2.test", "203.0.113.9", ""},
		{"ten lookups are allowed", "ten.test", "203.0.113.77 2001:db8:2:3:4::5", ""},
	};
	char text[TEXT_MAX];

	ENSURE(spf_rig_open(&rig, rows, COUNT(rows)), "begin");
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!gather(cases[i].domain))
			break;
		EXPECT(found.state == SPF_FINE, "%s: %s", cases[i].sentence, found.why);
		EXPECT(!strcmp(networks(text), cases[i].networks), "%s: %s", cases[i].sentence,
		       text);
		EXPECT(!strcmp(found.note, cases[i].note), "%s: %s", cases[i].sentence, found.note);
		EXPECT(found.ttl_s == RIG_TTL_S, "%s: %u s", cases[i].sentence, found.ttl_s);
	}
	spf_rig_close(&rig);
}

TEST(spf_networks_of_a_bad_record_are_none)
{
	static const struct {
		const char *domain;
		enum spf_state state;
		const char *why;
	} cases[] = {
		{"nobody.test", SPF_FINE, "it names no network, and ends in -all"},
		{"neutral.test", SPF_FINE, "it names no network, and ends in ?all"},
		{"endless.test", SPF_FINE, "it names no network"},
		{"none.test", SPF_NONE, "none.test publishes no SPF record"},
		{"absent.test", SPF_NONE, "absent.test publishes no SPF record"},
		{"open.test", SPF_BROKEN,
		 "the record of open.test ends in +all: it is open to everybody"},
		{"implied.test", SPF_BROKEN,
		 "the record of open.test ends in +all: it is open to everybody"},
		{"two.test", SPF_BROKEN,
		 "two.test has 2 SPF records, and only one may stand there"},
		{"lost.test", SPF_BROKEN, "none.test, which it names, has no SPF record"},
		{"loop.test", SPF_BROKEN, "loop.test leads back to itself: it never ends"},
		{"syntax.test", SPF_BROKEN,
		 "in the record of syntax.test, 'ip4:192.0.2.0/33' needs an address or a network "
		 "of its "
		 "family"},
		{"voids3.test", SPF_BROKEN, "leads to nothing, and 2 may"},
		{"eleven.test", SPF_BROKEN, "it costs more than the 10 lookups that are allowed"},
		{"blind4.test", SPF_BROKEN, "it costs more than the 10 lookups that are allowed"},
		{"m.t", SPF_BROKEN, "m.t has more TXT records than the 64 that are read here"},
		{"fails.test", SPF_TEMPERROR, "nobody answers about servfail.test"},
		{"silent.test", SPF_TEMPERROR, "nobody answers about silent.test"},
	};

	ENSURE(spf_rig_open(&rig, rows, COUNT(rows)), "begin");
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!gather(cases[i].domain))
			break;
		EXPECT(found.state == cases[i].state && found.count == 0,
		       "%s: state %d, %u networks", cases[i].domain, found.state, found.count);
		EXPECT(strstr(found.why, cases[i].why), "%s: %s", cases[i].domain, found.why);
	}
	spf_rig_close(&rig);
}

TEST(spf_networks_can_be_forgotten)
{
	struct spf_gather *g;

	ENSURE(spf_rig_open(&rig, rows, COUNT(rows)), "begin");
	ENSURE(spf_networks_start(&g, resolver, "large.test", gathered, NULL) == 0, "start");
	spf_networks_stop(g);
	spf_networks_stop(NULL);
	spf_rig_close(&rig);
}
