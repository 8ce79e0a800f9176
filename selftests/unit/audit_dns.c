/* SPDX-License-Identifier: BSD-2-Clause */
/* The checks of the DNS over observations made by hand: which findings, how bad, and what is told to be published. */
#include "audit/check.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HOSTS	     3
#define ADDRESSES    2
#define LISTINGS     3

/* ---- a scene ---- */

static struct seen seen;
static struct seen_host host[HOSTS];
static struct seen_address address[HOSTS][ADDRESSES];
static struct seen_listing listing[LISTINGS];
static struct audit_request request;
static struct findings findings;

static struct addr addr_of(const char *text)
{
	struct addr a = {0};

	EXPECT(addr_parse(text, &a, NULL) == 0, "%s", text);
	return a;
}

static void scene(void)
{
	findings_free(&findings);
	memset(&seen, 0, sizeof(seen));
	memset(host, 0, sizeof(host));
	memset(address, 0, sizeof(address));
	memset(listing, 0, sizeof(listing));
	memset(&request, 0, sizeof(request));
	seen.host = host;
	strcpy(seen.domain.name, "example.test");
	seen.domain.mx = ANSWER_FOUND;
	seen.domain.spf.state = SPF_FINE;
	seen.domain.spf.all = '-';
	strcpy(seen.domain.spf.record, "v=spf1 mx -all");
}

static struct seen_address *host_is(const char *name, const char *first, const char *second)
{
	unsigned i = seen.host_count++;
	const char *const text[ADDRESSES] = {first, second};

	snprintf(host[i].name, sizeof(host[i].name), "%s", name);
	host[i].is_mx = true;
	host[i].address = address[i];
	host[i].a = host[i].aaaa = ANSWER_NONE;
	seen.domain.mx_count++;
	for (unsigned k = 0; k < ADDRESSES && text[k]; k++) {
		address[i][k].addr = addr_of(text[k]);
		address[i][k].host = &host[i];
		address[i][k].rdns = RDNS_PASS;
		snprintf(address[i][k].rdns_host, NAME_TEXT_MAX, "%s", name);
		host[i].address_count++;
		host[i].a = ANSWER_FOUND;
	}
	return &address[i][0];
}

static void judge(const char *id)
{
	const struct check *c = check_find(id);
	const struct look look = {.check = c, .seen = &seen, .request = &request, .out = &findings};

	findings_free(&findings);
	if (c->domain)
		c->domain(&look);
	for (unsigned i = 0; i < seen.host_count; i++) {
		if (c->host)
			c->host(&look, &host[i]);
		for (unsigned k = 0; c->address && k < host[i].address_count; k++)
			c->address(&look, &address[i][k]);
	}
}

/* "fail medium mx.single" for each, separated by ", ". */
static const char *said(void)
{
	static char text[1024];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < findings.count; i++) {
		const struct finding *f = findings.row[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %s %s",
					 i ? ", " : "", audit_status_name(f->status),
					 severity_name(f->severity), f->id);
		EXPECT(f->text[0] && f->text[strlen(f->text) - 1] != '.', "a sentence: %s",
		       f->text);
	}
	return text;
}

static bool proves(const char *part)
{
	for (unsigned i = 0; i < findings.count; i++)
		for (unsigned k = 0; k < findings.row[i]->evidence_count; k++)
			if (strstr(findings.row[i]->evidence[k], part))
				return true;
	return false;
}

#define SAYS(id, what)                                                                             \
	do {                                                                                       \
		judge(id);                                                                         \
		EXPECT(strcmp(said(), (what)) == 0, "%s: %s", id, said());                         \
	} while (0)

/* ---- visits ---- */

static struct exchange exchange[2];
static struct visit_log visit;

static void visit_is(struct seen_address *a, unsigned purpose, unsigned count)
{
	memset(&visit, 0, sizeof(visit));
	memset(exchange, 0, sizeof(exchange));
	visit.purpose = purpose;
	visit.exchange = exchange;
	visit.count = count;
	a->visits = &visit;
}

static void exchange_is(unsigned i, unsigned what, int code, char *text)
{
	exchange[i].what = what;
	exchange[i].response.code = code;
	exchange[i].response.kind = code < 300	 ? RESPONSE_POSITIVE
				    : code < 500 ? RESPONSE_TRANSIENT
						 : RESPONSE_NEGATIVE;
	exchange[i].response.text = text;
	exchange[i].response.line_count = 1;
}

/* ---- reverse DNS ---- */

TEST(rdns_is_judged_by_its_result)
{
	static const struct {
		enum rdns_result result;
		bool generic;
		const char *said, *proof;
	} rows[] = {
		{RDNS_PASS, false, "pass info rdns", ""},
		{RDNS_PASS, true, "warn medium rdns.generic", "PTR mail.example.test."},
		{RDNS_FAIL, false, "fail medium rdns.mismatch",
		 "publish: mail.example.test. A 192.0.2.1"},
		{RDNS_PERMERROR, false, "fail medium rdns.none",
		 "publish: 1.2.0.192.in-addr.arpa. PTR mail.example.test."},
		{RDNS_TEMPERROR, false, "inconclusive info rdns", ""},
		{RDNS_NOT_ASKED, false, "", ""},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct seen_address *a;

		scene();
		a = host_is("mail.example.test", "192.0.2.1", NULL);
		a->rdns = rows[i].result;
		a->rdns_generic = rows[i].generic;
		SAYS("rdns", rows[i].said);
		EXPECT(!rows[i].proof[0] || proves(rows[i].proof), "proof of row %zu", i);
	}
}

TEST(rdns_is_compared_with_the_greeting)
{
	static char same[] = "Mail.Example.Test ESMTP\n", other[] = "gw.inside ESMTP\n",
		    none[] = "ready\n", hostile[] = "a\x1b[2J.b ESMTP\n";
	struct seen_address *a;

	scene();
	a = host_is("mail.example.test", "192.0.2.1", NULL);
	visit_is(a, PURPOSE_HELLO, 1);
	exchange_is(0, WHAT_GREETING, 220, same);
	SAYS("rdns", "pass info rdns, pass info rdns.greeting");
	exchange_is(0, WHAT_GREETING, 220, other);
	SAYS("rdns", "pass info rdns, warn low rdns.greeting");
	exchange_is(0, WHAT_GREETING, 220, none);
	SAYS("rdns", "pass info rdns");
	exchange_is(0, WHAT_GREETING, 220, hostile);
	SAYS("rdns", "pass info rdns");
	exchange_is(0, WHAT_GREETING, 554, other);
	SAYS("rdns", "pass info rdns");
}

/* ---- MX ---- */

TEST(mx_hosts_are_judged_alone)
{
	struct seen_address *a;

	scene();
	host_is("mx1.example.test", "192.0.2.1", "2001:db8::1");
	host_is("mx2.example.test", "198.51.100.1", "2001:db8:1::1");
	SAYS("mx", "pass info mx");
	host[1].is_alias = true;
	SAYS("mx", "warn medium mx.alias");

	scene();
	host_is("mx1.example.test", "192.0.2.1", NULL);
	host_is("mx2.example.test", "198.51.100.1", NULL);
	host_is("gone.example.test", NULL, NULL);
	SAYS("mx", "fail medium mx.dangling");
	EXPECT(proves("publish: gone.example.test. A"), "what to publish");
	host[2].aaaa = ANSWER_SERVFAIL;
	SAYS("mx", "inconclusive info mx.unresolved");

	scene();
	host_is("mx1.example.test", "192.0.2.1", NULL);
	a = host_is("mx2.example.test", "10.0.0.1", NULL);
	SAYS("mx", "fail medium mx.private");
	visit_is(a, PURPOSE_HELLO, 0);
	visit.end = VISIT_SILENT;
	SAYS("mx", "fail medium mx.private, fail medium mx.silent");
	visit.end = VISIT_UNREACHABLE;
	SAYS("mx", "fail medium mx.private, inconclusive info mx.silent");
	a->is_answering = true;
	SAYS("mx", "fail medium mx.private");
	visit.end = VISIT_TURNED_AWAY;
	SAYS("mx", "fail medium mx.private, inconclusive info mx.silent");
}

TEST(mx_hosts_are_judged_together)
{
	static const struct {
		const char *one, *two, *said;
	} rows[] = {
		{"192.0.2.1", "198.51.100.1", "pass info mx"},
		{"192.0.2.1", "192.0.2.1", "fail medium mx.same-address"},
		{"192.0.2.1", "192.0.2.254", "warn low mx.network"},
		{"192.0.2.255", "192.0.3.0", "pass info mx"},
		{"2001:db8:1::1", "2001:db8:1:ffff::2", "warn low mx.network"},
		{"2001:db8:1::1", "2001:db8:2::1", "pass info mx"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		scene();
		host_is("mx1.example.test", rows[i].one, NULL);
		host_is("mx2.example.test", rows[i].two, NULL);
		SAYS("mx", rows[i].said);
	}
	scene();
	host_is("mx1.example.test", "192.0.2.1", "2001:db8::1");
	SAYS("mx", "warn medium mx.single");
	/* A store behind is none of them. */
	host_is("store.example.test", "192.0.2.1", NULL);
	host[1].is_mx = false;
	host[1].is_backend = true;
	SAYS("mx", "warn medium mx.single");
}

TEST(mx_may_be_none)
{
	scene();
	seen.domain.null_mx = true;
	seen.domain.mx_count = 1;
	SAYS("mx", "pass info mx");

	scene();
	seen.domain.mx = ANSWER_SERVFAIL;
	SAYS("mx", "inconclusive info mx");

	scene();
	seen.domain.mx_count = 2;
	snprintf(request.host, sizeof(request.host), "mx1.example.test");
	SAYS("mx", "skipped info mx");
	request.host[0] = '\0';

	scene();
	host_is("example.test", "192.0.2.1", NULL);
	seen.domain.mx = ANSWER_NONE;
	seen.domain.implicit_mx = true;
	SAYS("mx", "warn medium mx.implicit");
	visit_is(&address[0][0], PURPOSE_HELLO, 0);
	visit.end = VISIT_REFUSED;
	SAYS("mx", "warn medium mx.implicit, fail medium mx.silent");
	EXPECT(proves("publish: example.test. MX 10"), "what to publish");

	scene();
	host_is("example.test", NULL, NULL);
	seen.domain.mx = ANSWER_NONE;
	SAYS("mx", "fail medium mx.none");
	host[0].a = ANSWER_TIMEOUT;
	SAYS("mx", "inconclusive info mx");

	scene();
	host_is("mx1.example.test", "192.0.2.1", NULL);
	host_is("mx2.example.test", "198.51.100.1", NULL);
	seen.domain.is_mixed_null = true;
	SAYS("mx", "fail medium mx.null");
}

/* ---- lists ---- */

static void listing_is(struct seen_address *a, const char *zone, enum outcome outcome)
{
	struct seen_listing *x = &listing[a->listing_count++];

	snprintf(x->zone, sizeof(x->zone), "%s", zone);
	x->outcome = outcome;
	strcpy(x->codes, outcome == OUTCOME_LISTED ? "127.0.0.2" : "");
	strcpy(x->removal, "https://example.test/removal");
	a->listing = listing;
}

TEST(blacklisted_is_a_listing_and_no_error)
{
	struct seen_address *a;

	scene();
	a = host_is("mail.example.test", "8.8.8.8", NULL);
	SAYS("blacklisted", "skipped info blacklisted");
	listing_is(a, "one.test", OUTCOME_CLEAN);
	SAYS("blacklisted", "pass info blacklisted");
	listing_is(a, "two.test", OUTCOME_REFUSING);
	SAYS("blacklisted", "inconclusive info blacklisted.unknown, pass info blacklisted");
	listing_is(a, "three.test", OUTCOME_LISTED);
	SAYS("blacklisted",
	     "fail medium blacklisted.three.test, inconclusive info blacklisted.unknown");
	EXPECT(proves("https://example.test/removal") && proves("three.test answers 127.0.0.2"),
	       "the page, the codes");
	/* Whatever goes wrong with a list, it is no listing. */
	for (enum outcome o = 0; o < OUTCOMES; o++) {
		scene();
		a = host_is("mail.example.test", "8.8.8.8", NULL);
		listing_is(a, "one.test", o);
		judge("blacklisted");
		EXPECT((findings.row[0]->status == AUDIT_FAIL) == (o == OUTCOME_LISTED), "%s: %s",
		       outcome_name(o), said());
	}
	scene();
	host_is("mail.example.test", "192.168.1.1", NULL);
	SAYS("blacklisted", "not applicable info blacklisted");
}

/* ---- SPF ---- */

TEST(spf_has_a_finding_for_each_fault)
{
	struct spf_finding *s = &seen.domain.spf;

	scene();
	SAYS("spf", "pass info spf");
	s->all = '~';
	SAYS("spf", "pass info spf");
	s->all = '+';
	SAYS("spf", "fail high spf.all");
	s->all = '?';
	SAYS("spf", "warn medium spf.all");
	s->all = 0;
	s->has_ptr = true;
	SAYS("spf", "warn medium spf.all, warn low spf.ptr");

	scene();
	s->state = SPF_NONE;
	s->record[0] = '\0';
	SAYS("spf", "fail medium spf.missing");
	EXPECT(proves("publish: example.test. TXT \"v=spf1 mx -all\""), "what to publish");
	seen.domain.null_mx = true;
	SAYS("spf", "fail medium spf.missing");
	EXPECT(proves("TXT \"v=spf1 -all\""), "what to publish");

	scene();
	s->state = SPF_BROKEN;
	s->records = 1;
	SAYS("spf", "fail medium spf.broken");
	s->records = 2;
	SAYS("spf", "fail medium spf.two");
	s->records = 1;
	s->lookups = 11;
	SAYS("spf", "fail medium spf.broken, fail medium spf.lookups");
	s->is_costly_alone = true;
	SAYS("spf", "fail medium spf.lookups");

	scene();
	s->state = SPF_TEMPERROR;
	SAYS("spf", "inconclusive info spf");
}

TEST(spf_of_others_is_obeyed_or_not)
{
	static const struct {
		const char *sentence;
		int mail, rcpt; /* 0: not said */
		unsigned subject;
		enum vantage vantage;
		const char *said;
	} rows[] = {
		{"MAIL refused", 550, 0, 7, VANTAGE_OUTSIDE, "pass info spf.enforced"},
		{"RCPT refused", 250, 550, 7, VANTAGE_OUTSIDE, "pass info spf.enforced"},
		{"both taken", 250, 250, 0, VANTAGE_OUTSIDE, "warn medium spf.enforced"},
		{"no such mailbox", 250, 550, 1, VANTAGE_OUTSIDE, "inconclusive info spf.enforced"},
		{"greylisted", 250, 451, 7, VANTAGE_OUTSIDE, "inconclusive info spf.enforced"},
		{"never asked", 250, 0, 0, VANTAGE_OUTSIDE, "inconclusive info spf.enforced"},
		{"trusted here", 250, 250, 0, VANTAGE_INSIDE, "inconclusive info spf.enforced"},
	};
	static char text[] = "5.7.1 no\n";

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct seen_address *a;

		scene();
		seen.domain.name[0] = '\0';
		a = host_is("mail.example.test", "192.0.2.1", NULL);
		a->vantage = rows[i].vantage;
		visit_is(a, PURPOSE_SENDERS, rows[i].rcpt ? 2 : 1);
		exchange_is(0, WHAT_MAIL_SPOOFED, rows[i].mail, text);
		exchange_is(1, WHAT_RCPT_AFTER_SPOOFED, rows[i].rcpt, text);
		for (unsigned k = 0; k < 2; k++) {
			exchange[k].response.has_enhanced = rows[i].subject;
			exchange[k].response.enhanced[1] = (uint8_t)rows[i].subject;
		}
		findings_free(&findings);
		check_spf_enforced(&(struct look){.check = check_find("spf"),
						  .seen = &seen,
						  .request = &request,
						  .out = &findings},
				   a);
		EXPECT(strcmp(said(), rows[i].said) == 0, "%s: %s", rows[i].sentence, said());
	}
}

/* ---- DMARC, DKIM, MTA-STS ---- */

TEST(dmarc_has_a_finding_for_each_fault)
{
	static const struct {
		const char *record, *said;
	} rows[] = {
		{"v=DMARC1; p=reject; rua=mailto:a@b", "pass info dmarc"},
		{"v=DMARC1; p=quarantine; rua=mailto:a@b", "pass info dmarc"},
		{"v=DMARC1; p=none; rua=mailto:a@b", "warn low dmarc.none"},
		{"v=DMARC1; p=reject; pct=5; rua=mailto:a@b", "warn low dmarc.percent"},
		{"v=DMARC1; p=reject", "warn low dmarc.reports"},
		{"v=DMARC1; p=refuse", "fail medium dmarc.broken"},
		{"v=DMARC1;", "fail medium dmarc.broken"},
		{"v=DMARC1; rua=mailto:a@b; p=reject", "warn medium dmarc.broken"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		scene();
		ENSURE(dmarc_parse(rows[i].record, strlen(rows[i].record), &seen.domain.dmarc) == 0,
		       "%s", rows[i].record);
		seen.domain.dmarc.records = 1;
		strcpy(seen.domain.dmarc.at, "_dmarc.example.test");
		SAYS("dmarc", rows[i].said);
	}
	scene();
	seen.domain.dmarc.status = ANSWER_NONE;
	SAYS("dmarc", "fail medium dmarc.missing");
	EXPECT(proves("publish: _dmarc.example.test. TXT \"v=DMARC1; p="), "what to publish");
	seen.domain.dmarc.status = ANSWER_TIMEOUT;
	SAYS("dmarc", "inconclusive info dmarc");
	/* The parent's record, which lets subdomains off. */
	scene();
	strcpy(seen.domain.dmarc.at, "_dmarc.test");
	seen.domain.dmarc.records = 1;
	seen.domain.dmarc.percent = 100;
	seen.domain.dmarc.has_reports = true;
	seen.domain.dmarc.policy = DMARC_POLICY_REJECT;
	SAYS("dmarc", "pass info dmarc");
	seen.domain.dmarc.subdomain_policy = DMARC_POLICY_NONE;
	SAYS("dmarc", "warn low dmarc.none");
}

TEST(dkim_keys_are_judged_one_by_one)
{
	scene();
	SAYS("dkim", "skipped info dkim");
	seen.domain.dkim_count = 7;
	seen.domain.dkim[0].key_bits = 2048;
	seen.domain.dkim[1].key_bits = 1024;
	seen.domain.dkim[2].key_bits = 768;
	for (unsigned i = 0; i < 7; i++)
		seen.domain.dkim[i].is_rsa = i < 4;
	seen.domain.dkim[4].is_revoked = true;
	seen.domain.dkim[5].status = ANSWER_NONE;
	seen.domain.dkim[6].status = ANSWER_SERVFAIL;
	SAYS("dkim", "pass info dkim, warn medium dkim.short, fail medium dkim.short, "
		     "fail medium dkim.broken, warn medium dkim.revoked, fail medium dkim.missing, "
		     "inconclusive info dkim");
}

TEST(mta_sts_and_tls_rpt_are_reported)
{
	scene();
	SAYS("mta-sts", "pass info mta-sts");
	SAYS("tls-rpt", "pass info tls-rpt");
	seen.domain.mta_sts = seen.domain.tls_rpt = ANSWER_NONE;
	SAYS("mta-sts", "warn info mta-sts.missing");
	SAYS("tls-rpt", "warn info tls-rpt.missing");
	seen.domain.null_mx = true;
	SAYS("mta-sts", "not applicable info mta-sts");
	seen.domain.mta_sts = ANSWER_TIMEOUT;
	SAYS("mta-sts", "inconclusive info mta-sts");
}

/* ---- DANE ---- */

TEST(dane_compares_with_the_certificate_seen)
{
	struct seen_address *a;
	struct dane_set *dane;

	scene();
	a = host_is("mail.example.test", "192.0.2.1", NULL);
	dane = &host[0].dane;
	dane->status = ANSWER_NONE;
	SAYS("dane", "not applicable info dane");
	dane->status = ANSWER_SERVFAIL;
	SAYS("dane", "inconclusive info dane");
	dane->status = ANSWER_FOUND;
	dane->count = 1;
	dane->record[0] =
		(struct answer_tlsa){.usage = 3, .selector = 1, .matching = 1, .length = 32};
	memset(dane->record[0].data, 'k', 32);
	SAYS("dane", "inconclusive info dane");
	visit_is(a, PURPOSE_STARTTLS, 0);
	visit.has_tls = visit.tls.has_certificate = true;
	memset(visit.tls.key_sha256, 'k', 32);
	SAYS("dane", "inconclusive info dane.unsigned");
	dane->is_authentic = true;
	SAYS("dane", "pass info dane");
	visit.tls.key_sha256[31] = 'x';
	SAYS("dane", "fail high dane.differs");
	EXPECT(proves("publish: _25._tcp.mail.example.test. TLSA 3 1 1 6b6b"), "what to publish");
	dane->record[0].usage = 1;
	SAYS("dane", "inconclusive info dane");
}

/* ---- the local server's lists ---- */

TEST(zones_work_or_not)
{
	static struct seen_zone zone[2] = {
		{.zone = "bl.test", .works = true, .where = "main.cf"},
		{.zone = "uri.test", .is_names = true, .why = "refused"}};
	const struct look dnsbl = {.check = check_find("dnsbl"),
				   .seen = &seen,
				   .request = &request,
				   .out = &findings},
			  surbl = {.check = check_find("surbl"),
				   .seen = &seen,
				   .request = &request,
				   .out = &findings};

	scene();
	check_dnsbl(&dnsbl, NULL);
	check_surbl(&surbl, NULL);
	EXPECT(strcmp(said(), "warn medium dnsbl.none, warn low surbl.none") == 0, "%s", said());
	findings_free(&findings);
	seen.zone = zone;
	seen.zone_count = 2;
	check_dnsbl(&dnsbl, NULL);
	check_surbl(&surbl, NULL);
	EXPECT(strcmp(said(), "pass info dnsbl.bl.test, fail low surbl.uri.test") == 0, "%s",
	       said());
	findings_free(&findings);
}
