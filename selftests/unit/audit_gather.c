/* SPDX-License-Identifier: BSD-2-Clause */
/* The gatherer against a name server in the same event loop: what it lays down in struct seen, and who may consent for whom. */
#include <errno.h>

#include "audit/gather.h"
#include "audit/local_inside.h"
#include "unit/dns_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TIMEOUT_MS   300
#define SAME(a, b)   (strcmp((a), (b)) == 0)

static const struct rig_row rows[] = {
	/* Two hosts of its own, one elsewhere, one that is not there. */
	{"full.test", RECORD_MX, "20 mx2.full.test"},
	{"full.test", RECORD_MX, "10 mx1.full.test"},
	{"full.test", RECORD_MX, "30 gone.full.test"},
	{"full.test", RECORD_MX, "40 mx.other.test"},
	{"full.test", RECORD_MX, "50 mx.mean.test"},
	{"full.test", RECORD_TXT, "v=spf1 mx -all"},
	{"_dmarc.full.test", RECORD_TXT, "v=DMARC1; p=reject; rua=mailto:a@full.test"},
	{"_mta-sts.full.test", RECORD_TXT, "v=STSv1; id=1"},
	{"_smtp._tls.full.test", RECORD_TXT, "something else"},
	{"_postern-audit.full.test", RECORD_TXT, "ok"},
	{"good._domainkey.full.test", RECORD_TXT, "v=DKIM1; k=ed25519; p=AAAA"},
	{"old._domainkey.full.test", RECORD_TXT, "v=DKIM1; p="},
	{"mx1.full.test", RECORD_A, "192.0.2.1"},
	{"mx1.full.test", RECORD_A, "192.0.2.2"},
	{"mx1.full.test", RECORD_AAAA, "2001:db8::1"},
	{"_25._tcp.mx1.full.test", RECORD_TLSA, "3 1 1 0102"},
	{"mx2.full.test", RECORD_CNAME, "real.full.test"},
	{"real.full.test", RECORD_A, "192.0.2.3"},
	{"mx.other.test", RECORD_A, "192.0.2.4"},
	{"_postern-audit.other.test", RECORD_TXT, "ok"},
	{"mx.mean.test", RECORD_A, "192.0.2.5"},
	{"_postern-audit.mean.test", RECORD_TXT, "no"},
	{"_postern-audit.mx.mean.test", RECORD_TXT, "ok"},
	{"1.2.0.192.in-addr.arpa", RECORD_PTR, "mx1.full.test"},
	{"2.2.0.192.in-addr.arpa", RECORD_PTR, "elsewhere.test"},
	{"3.2.0.192.in-addr.arpa", RECORD_PTR, "!servfail"},
	{"4.2.0.192.in-addr.arpa", RECORD_PTR, "mx.other.test"},
	/* The lists. */
	{"2.0.0.127.bl.test", RECORD_A, "127.0.0.2"},
	{"1.2.0.192.bl.test", RECORD_A, "127.0.0.4"},
	{"1.2.0.192.bl.test", RECORD_TXT, "because\x1b"},
	{"2.0.0.127.bad.test", RECORD_A, "127.255.255.254"},
	{"1.2.0.192.bad.test", RECORD_A, "127.255.255.254"},
	{"2.2.0.192.bad.test", RECORD_A, "127.255.255.254"},
	{"2.0.0.127.wl.test", RECORD_A, "127.0.0.2"},
	{"1.2.0.192.wl.test", RECORD_A, "127.0.0.2"},
	{"2.0.0.127.mute.test", RECORD_A, "!servfail"},
	{"1.2.0.192.mute.test", RECORD_A, "!servfail"},
	{"TEST.names.test", RECORD_A, "127.0.0.2"},
	{"probe.example.odd.test", RECORD_A, "127.0.0.2"},
	{"2.0.0.127.world.test", RECORD_A, "127.0.0.2"},
	{"1.0.0.127.world.test", RECORD_A, "127.0.0.2"},
	/* Other domains. */
	{"null.test", RECORD_MX, "0 ."},
	{"mixed.test", RECORD_MX, "0 ."},
	{"mixed.test", RECORD_MX, "10 mx1.full.test"},
	{"plain.test", RECORD_A, "192.0.2.9"},
	{"servfail.test", RECORD_MX, "!servfail"},
	{"sub.full.test", RECORD_MX, "10 mx1.full.test"},
	{"ipmx.test", RECORD_MX, "10 192.0.2.1"},
	/* One that leads everybody to themselves. */
	{"within.test", RECORD_MX, "10 mx.within.test"},
	{"_postern-audit.within.test", RECORD_TXT, "ok"},
	{"mx.within.test", RECORD_A, "127.0.0.1"},
	{"mx.within.test", RECORD_A, "10.0.0.1"},
	{"mx.within.test", RECORD_A, "0.0.0.0"},
	{"mx.within.test", RECORD_AAAA, "::1"},
	{"mx.within.test", RECORD_AAAA, "::ffff:192.168.0.1"},
	{"mx.within.test", RECORD_AAAA, "fe80::1"},
	/* A public suffix with a word to say. */
	{"co.uk", RECORD_MX, "10 mx.victim.co.uk"},
	{"_postern-audit.co.uk", RECORD_TXT, "ok"},
	{"mx.victim.co.uk", RECORD_A, "192.0.2.66"},
};

static const char known[] = "removal bl.test https://bl.test/removal\n"
			    "name odd.test probe.example\n"
			    "dead dead.test it is gone\n";

static struct rig rig;
static struct dns_engine *engine;
static struct zonedata *data;
static struct audit_request request;
static struct seen seen;
static struct gather *gather;
static unsigned told;

static void gathered(void *context)
{
	(void)context;
	told++;
	loop_stop(rig.loop);
}

static bool begin(const char *sites)
{
	static struct dns_settings s;

	memset(&s, 0, sizeof(s));
	memset(&request, 0, sizeof(request));
	memset(&seen, 0, sizeof(seen));
	told = 0;
	if (!rig_open(&rig, rows, COUNT(rows)) || zonedata_new(&data, NULL) < 0 ||
	    zonedata_read(data, "known", known, strlen(known), NULL) < 0 ||
	    (*sites && sites_add(&s.sites, sites, NULL) < 0))
		return false;
	s.server[0] = rig.at;
	s.server_count = 1;
	s.timeout_ms = TIMEOUT_MS;
	s.threshold = 1;
	s.ask_nonglobal = true;
	s.budget_per_s = s.budget_per_day = s.unproven_per_s = 1000000;
	s.listed_ttl = s.clean_ttl = (struct ttl_clamp){60, 3600};
	for (unsigned i = 0; i < s.sites.zone_count; i++)
		memcpy(s.reply_name[i], s.sites.zone[i], sizeof(s.reply_name[i]));
	return dns_open(&engine, rig.loop, &s, NULL) == 0;
}

static bool run(void)
{
	struct err e = {0};

	return EXPECT(gather_start(&gather, rig.loop, &request, engine, data, &seen, gathered, NULL,
				   &e) == 0,
		      "%s", e.text) &&
	       loop_run(rig.loop) == 0 && EXPECT(told == 1, "told %u times", told);
}

static void end(void)
{
	gather_stop(gather);
	gather = NULL;
	seen_free(&seen);
	dns_close(engine);
	zonedata_free(data);
	rig_close(&rig);
}

static const struct seen_host *host_of(const char *name)
{
	for (unsigned i = 0; i < seen.host_count; i++)
		if (SAME(seen.host[i].name, name))
			return &seen.host[i];
	EXPECT(false, "no host %s", name);
	return NULL;
}

static const struct seen_address *address_of(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a, NULL) == 0)
		for (unsigned i = 0; i < seen.host_count; i++)
			for (unsigned k = 0; k < seen.host[i].address_count; k++)
				if (addr_equal(&seen.host[i].address[k].addr, &a))
					return &seen.host[i].address[k];
	EXPECT(false, "no address %s", text);
	return NULL;
}

/* ---- a domain ---- */

TEST(gather_lays_down_the_whole_domain)
{
	const struct seen_host *mx1, *mx2, *gone;
	struct seen_domain *d = &seen.domain;

	ENSURE(begin("bl.test"), "begin");
	strcpy(request.domain, "full.test");
	strcpy(request.selectors.word[0], "good");
	strcpy(request.selectors.word[1], "old");
	strcpy(request.selectors.word[2], "none");
	request.selectors.count = 3;
	rig.signs = true;
	ENSURE(run(), "run");
	EXPECT(d->mx == ANSWER_FOUND && d->mx_count == 5 && seen.host_count == 5 && !d->null_mx &&
		       !d->implicit_mx,
	       "%u MX, %u hosts", d->mx_count, seen.host_count);
	EXPECT(SAME(seen.host[0].name, "mx1.full.test") && seen.host[0].preference == 10,
	       "by preference: %s", seen.host[0].name);
	EXPECT(d->spf.state == SPF_FINE && d->spf.all == '-' && d->spf.lookups == 1, "SPF: %s",
	       d->spf.why);
	EXPECT(d->dmarc.policy == DMARC_POLICY_REJECT && SAME(d->dmarc.at, "_dmarc.full.test"),
	       "DMARC at %s", d->dmarc.at);
	EXPECT(d->mta_sts == ANSWER_FOUND && d->tls_rpt == ANSWER_NONE && d->consents, "texts");
	EXPECT(d->dkim_count == 3 && d->dkim[0].status == ANSWER_FOUND && !d->dkim[0].is_rsa &&
		       d->dkim[1].is_revoked && d->dkim[2].status == ANSWER_NONE,
	       "DKIM");
	mx1 = host_of("mx1.full.test");
	mx2 = host_of("mx2.full.test");
	gone = host_of("gone.full.test");
	ENSURE(mx1 && mx2 && gone, "hosts");
	EXPECT(mx1->address_count == 3 && mx1->address[0].host == mx1 && !mx1->is_alias, "mx1");
	EXPECT(mx1->dane.status == ANSWER_FOUND && mx1->dane.count == 1 &&
		       mx1->dane.record[0].length == 2 && mx1->dane.is_authentic,
	       "TLSA, and AD that was asked for");
	EXPECT(mx2->is_alias && mx2->address_count == 1, "mx2");
	EXPECT(!gone->address_count && gone->a == ANSWER_NONE && gone->aaaa == ANSWER_NONE, "gone");
	EXPECT(address_of("192.0.2.1")->rdns == RDNS_PASS &&
		       address_of("192.0.2.2")->rdns == RDNS_FAIL &&
		       address_of("192.0.2.3")->rdns == RDNS_TEMPERROR &&
		       address_of("2001:db8::1")->rdns == RDNS_PERMERROR,
	       "names");
	end();
}

TEST(gather_takes_consent_from_who_may_give_it)
{
	ENSURE(begin(""), "begin");
	strcpy(request.domain, "full.test");
	ENSURE(run(), "run");
	EXPECT(address_of("192.0.2.1")->may_intrude && address_of("192.0.2.3")->may_intrude &&
		       strstr(address_of("192.0.2.1")->consent, "full.test publishes _postern"),
	       "its own hosts: %s", address_of("192.0.2.1")->consent);
	EXPECT(address_of("192.0.2.4")->may_intrude, "a host elsewhere, whose owner says ok");
	EXPECT(!address_of("192.0.2.5")->may_intrude &&
		       strstr(address_of("192.0.2.5")->consent, "mean.test publishes no"),
	       "and one whose owner does not: %s", address_of("192.0.2.5")->consent);
	end();
	/* Who keeps a public suffix does not own what is under it. */
	ENSURE(begin(""), "begin");
	strcpy(request.domain, "co.uk");
	ENSURE(run(), "run");
	EXPECT(seen.domain.consents && !address_of("192.0.2.66")->may_intrude, "%s",
	       address_of("192.0.2.66")->consent);
	end();
	/* Nor does a subdomain's owner speak for its parent's host; the host's own domain does. */
	ENSURE(begin(""), "begin");
	strcpy(request.domain, "sub.full.test");
	ENSURE(run(), "run");
	EXPECT(!seen.domain.consents && address_of("192.0.2.1")->may_intrude, "by full.test");
	EXPECT(SAME(seen.domain.dmarc.at, "_dmarc.full.test"), "DMARC of the organization");
	end();
}

TEST(gather_takes_no_consent_for_what_is_ours)
{
	ENSURE(begin(""), "begin");
	strcpy(request.domain, "within.test");
	ENSURE(run(), "run");
	EXPECT(seen.domain.consents && seen.host_count == 1 && seen.host[0].address_count == 6,
	       "%u addresses", seen.host[0].address_count);
	for (unsigned i = 0; i < seen.host[0].address_count; i++) {
		const struct seen_address *a = &seen.host[0].address[i];

		EXPECT(!a->may_intrude && strstr(a->consent, "nobody can consent in the DNS for"),
		       "%u: %s", i, a->consent);
	}
	end();
}

TEST(gather_understands_kinds_of_domains)
{
	static const struct {
		const char *domain;
		enum answer_status mx;
		bool null, mixed, implicit;
		unsigned hosts, addresses;
	} cases[] = {
		{"null.test", ANSWER_FOUND, true, false, false, 0, 0},
		{"mixed.test", ANSWER_FOUND, false, true, false, 1, 3},
		{"plain.test", ANSWER_NONE, false, false, true, 1, 1},
		{"absent.test", ANSWER_NONE, false, false, false, 1, 0},
		{"servfail.test", ANSWER_SERVFAIL, false, false, false, 0, 0},
		{"ipmx.test", ANSWER_FOUND, false, false, false, 1, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct seen_domain *d = &seen.domain;

		ENSURE(begin(""), "begin");
		snprintf(request.domain, sizeof(request.domain), "%s", cases[i].domain);
		ENSURE(run(), "run");
		EXPECT(d->mx == cases[i].mx && d->null_mx == cases[i].null &&
			       d->is_mixed_null == cases[i].mixed &&
			       d->implicit_mx == cases[i].implicit,
		       "%s: MX %d, null %d, mixed %d, implicit %d", cases[i].domain, d->mx,
		       d->null_mx, d->is_mixed_null, d->implicit_mx);
		EXPECT(seen.host_count == cases[i].hosts &&
			       (!seen.host_count ||
				seen.host[0].address_count == cases[i].addresses),
		       "%s: %u hosts", cases[i].domain, seen.host_count);
		end();
	}
}

/* ---- a host ---- */

TEST(gather_takes_a_host_by_name_or_address)
{
	ENSURE(begin(""), "begin");
	strcpy(request.host, "mx.other.test");
	strcpy(request.backends.word[0], "192.0.2.200");
	strcpy(request.backends.word[1], "plain.test");
	request.backends.count = 2;
	ENSURE(run(), "run");
	EXPECT(seen.host_count == 3 && !seen.domain.name[0] && !seen.host[0].is_mx &&
		       address_of("192.0.2.4")->may_intrude,
	       "by name");
	EXPECT(seen.host[1].is_backend && address_of("192.0.2.200")->rdns == RDNS_NOT_ASKED &&
		       seen.host[2].is_backend && seen.host[2].address_count == 1,
	       "and stores");
	end();

	ENSURE(begin(""), "begin");
	strcpy(request.host, "192.0.2.4");
	ENSURE(run(), "run");
	EXPECT(seen.host_count == 1 && SAME(seen.host[0].name, "mx.other.test") &&
		       address_of("192.0.2.4")->may_intrude,
	       "by address, with the name that leads back: %s", seen.host[0].name);
	end();

	ENSURE(begin(""), "begin");
	strcpy(request.host, "192.0.2.1");
	ENSURE(run(), "run");
	EXPECT(seen.host[0].dane.status == ANSWER_FOUND,
	       "its TLSA records are asked for by that name");
	end();

	ENSURE(begin(""), "begin");
	strcpy(request.host, "192.0.2.2");
	ENSURE(run(), "run");
	EXPECT(seen.host_count == 1 && !seen.host[0].name[0] &&
		       !address_of("192.0.2.2")->may_intrude,
	       "without one that does: %s", address_of("192.0.2.2")->consent);
	end();
}

TEST(gather_refuses_what_is_no_name)
{
	static const char *const names[] = {"a b.test", "x\x1b[0m.test", "-.test", "a..test"};
	struct err e = {0};

	ENSURE(begin(""), "begin");
	for (size_t i = 0; i < COUNT(names); i++) {
		strcpy(request.domain, names[i]);
		EXPECT(gather_start(&gather, rig.loop, &request, engine, data, &seen, gathered,
				    NULL, &e) == -EINVAL,
		       "%zu", i);
	}
	end();
}

TEST(gather_can_be_stopped)
{
	ENSURE(begin("bl.test"), "begin");
	strcpy(request.domain, "full.test");
	ENSURE(gather_start(&gather, rig.loop, &request, engine, data, &seen, gathered, NULL,
			    NULL) == 0,
	       "start");
	end();
	EXPECT(!told, "nobody is told");
}

/* ---- lists ---- */

static const struct seen_listing *listing_of(const struct seen_address *a, const char *zone)
{
	for (unsigned i = 0; a && i < a->listing_count; i++)
		if (SAME(a->listing[i].zone, zone))
			return &a->listing[i];
	EXPECT(false, "nothing of %s", zone);
	return NULL;
}

TEST(gather_takes_no_error_for_a_listing)
{
	const struct seen_address *a;
	const struct seen_listing *x;

	ENSURE(begin("bl.test bad.test wl.test*-1 mute.test bl.test=127.0.0.9"), "begin");
	strcpy(request.host, "mx1.full.test");
	ENSURE(run(), "run");
	a = address_of("192.0.2.1");
	ENSURE(a && a->listing_count == 4, "four lists");
	x = listing_of(a, "bl.test");
	EXPECT(x->outcome == OUTCOME_LISTED && SAME(x->codes, "127.0.0.4") &&
		       SAME(x->text, "because\\x1b") && SAME(x->removal, "https://bl.test/removal"),
	       "%s, %s, %s, %s", outcome_name(x->outcome), x->codes, x->text, x->removal);
	x = listing_of(a, "bad.test");
	EXPECT(outcome_is_failure(x->outcome) && x->why[0], "%s: %s", outcome_name(x->outcome),
	       x->why);
	x = listing_of(a, "wl.test");
	EXPECT(x->outcome == OUTCOME_CLEAN, "an allow list: %s", outcome_name(x->outcome));
	x = listing_of(a, "mute.test");
	EXPECT(outcome_is_failure(x->outcome) && x->why[0], "%s: %s", outcome_name(x->outcome),
	       x->why);
	EXPECT(listing_of(address_of("192.0.2.2"), "bl.test")->outcome == OUTCOME_CLEAN, "clean");
	end();
}

/* Which lists the mail server asks. */
static struct local_zone local_zones[] = {
	{"bl.test", "main.cf", false},	  {"bl.test", "main.cf, again", false},
	{"bad.test", "main.cf", false},	  {"mute.test", "main.cf", false},
	{"empty.test", "main.cf", false}, {"world.test", "main.cf", false},
	{"dead.test", "main.cf", false},  {"no name", "main.cf", false},
	{"names.test", "rspamd", true},	  {"odd.test", "rspamd", true},
	{"bl.test", "rspamd", true},
};

TEST(gather_tries_the_lists_of_the_mail_server)
{
	static const struct {
		const char *zone;
		bool is_names, works;
		const char *why; /* a part */
	} cases[] = {
		{"bl.test", false, true, ""},
		{"bad.test", false, false, "resolver"},
		{"mute.test", false, false, "SERVFAIL"},
		{"empty.test", false, false, "test entry"},
		{"world.test", false, false, "lists the world"},
		{"dead.test", false, false, "it is gone"},
		{"no name", false, false, "no name"},
		{"names.test", true, true, ""},
		{"odd.test", true, true, ""},
		{"bl.test", true, false, "test entry"},
	};
	static struct seen_local local;
	struct err e = {0};

	ENSURE(begin(""), "begin");
	strcpy(request.host, "192.0.2.1");
	ENSURE(run(), "run");
	local.zone = local_zones;
	local.zone_count = COUNT(local_zones);
	seen.local = &local;
	ENSURE(gather_zones(gather, gathered, NULL, &e) == 0, "%s", e.text);
	ENSURE(loop_run(rig.loop) == 0 && told == 2, "told");
	seen.local = NULL;
	ENSURE(seen.zone_count == COUNT(cases), "%u zones", seen.zone_count);
	for (size_t i = 0; i < COUNT(cases); i++)
		EXPECT(SAME(seen.zone[i].zone, cases[i].zone) &&
			       seen.zone[i].is_names == cases[i].is_names &&
			       seen.zone[i].works == cases[i].works &&
			       strstr(seen.zone[i].why, cases[i].why),
		       "%s: works %d, %s", seen.zone[i].zone, seen.zone[i].works, seen.zone[i].why);
	end();
}
