/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts and records that a domain publishes, each alone: DMARC, DKIM, TLSA; and where a registered domain ends. */
#include <errno.h>

#include "dns/dane.h"
#include "dns/dkim.h"
#include "dns/dmarc.h"
#include "dns/orgdomain.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SAME(a, b)   (strcmp((a), (b)) == 0)

TEST(dmarc_reads_policies)
{
	static const struct {
		const char *record;
		enum dmarc_policy policy, subdomain;
		unsigned percent;
		bool reports, faulty;
	} rows[] = {
		{"v=DMARC1; p=none", DMARC_POLICY_NONE, 0, 100, false, false},
		{"v=DMARC1;p=reject;", DMARC_POLICY_REJECT, 0, 100, false, false},
		{"v = DMARC1 ; p = Quarantine ; sp=none", DMARC_POLICY_QUARANTINE,
		 DMARC_POLICY_NONE, 100, false, false},
		{"v=DMARC1; p=reject; pct=20; rua=mailto:a@b.test,mailto:c@d.test!10m; adkim=s",
		 DMARC_POLICY_REJECT, 0, 20, true, false},
		{"v=DMARC1; p=reject; fo=1; ; x=", DMARC_POLICY_REJECT, 0, 100, false, false},
		{"v=DMARC1; p=reject; pct=101", DMARC_POLICY_REJECT, 0, 100, false, true},
		{"v=DMARC1; p=reject; pct=", DMARC_POLICY_REJECT, 0, 100, false, true},
		{"v=DMARC1; p=reject; rua=a@b.test", DMARC_POLICY_REJECT, 0, 100, false, true},
		{"v=DMARC1; sp=reject; p=none", DMARC_POLICY_NONE, DMARC_POLICY_REJECT, 100, false,
		 true},
		{"v=DMARC1; p=monitor", 0, 0, 100, false, true},
		{"v=DMARC1; p=", 0, 0, 100, false, true},
		{"v=DMARC1", 0, 0, 100, false, true},
		{"v=DMARC1; rua=mailto:a@b.test", DMARC_POLICY_NONE, 0, 100, true, true},
		{"v=DMARC1; =x; p=none", DMARC_POLICY_NONE, 0, 100, false, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dmarc_finding f = {0};

		EXPECT(dmarc_parse(rows[i].record, strlen(rows[i].record), &f) == 0, "%s",
		       rows[i].record);
		EXPECT(f.policy == rows[i].policy && f.subdomain_policy == rows[i].subdomain &&
			       f.percent == rows[i].percent && f.has_reports == rows[i].reports &&
			       !f.why[0] == !rows[i].faulty,
		       "%s: p %d, sp %d, pct %u, reports %d, '%s'", rows[i].record, f.policy,
		       f.subdomain_policy, f.percent, f.has_reports, f.why);
	}
}

TEST(dmarc_passes_over_what_is_none)
{
	static const char *const rows[] = {"",
					   "v=spf1 -all",
					   "v=DMARC2; p=none",
					   "v=dmarc1; p=none",
					   "p=none; v=DMARC1",
					   "v=DMARC1 p=none",
					   "DMARC1",
					   ";v=DMARC1; p=none"};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dmarc_finding f = {0};

		EXPECT(dmarc_parse(rows[i], strlen(rows[i]), &f) == -EINVAL, "%s", rows[i]);
	}
}

static void text_add(struct answer_texts *t, const char *text)
{
	struct answer_text *at = &t->text[t->count++];

	at->length = strlen(text);
	memcpy(at->byte, text, at->length);
}

TEST(dmarc_takes_one_record_and_no_more)
{
	static struct answer_texts texts;
	struct dmarc_finding f = {0};

	texts.count = 0;
	text_add(&texts, "verification");
	EXPECT(!dmarc_take(&texts, "_dmarc.a.test", &f) && !f.records, "none");
	text_add(&texts, "v=DMARC1; p=reject; x=\x1b");
	EXPECT(dmarc_take(&texts, "_dmarc.a.test", &f) && f.records == 1 &&
		       f.policy == DMARC_POLICY_REJECT && SAME(f.at, "_dmarc.a.test") &&
		       SAME(f.record, "v=DMARC1; p=reject; x=\\x1b"),
	       "one: %s", f.record);
	text_add(&texts, "v=DMARC1; p=none");
	EXPECT(dmarc_take(&texts, "_dmarc.a.test", &f) && f.records == 2 && !f.policy && f.why[0],
	       "two");
}

TEST(dkim_reads_keys)
{
	/* Made with openssl(1): genrsa and pkey -pubout. */
	static const char rsa1024[] =
		"v=DKIM1; k=rsa; "
		"p="
		"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC5FUvoikzp6OGdcV74tvAA97Lp"
		"q+ojFaU0jslXseMd1+PSt7HYNhzLZ/iFeRu/PDCsUHeIChtW4gX7E7Tsx+3FTqFe"
		"phy4d93trlgDOKparNREyUsvqhQ8I8ObibuAe+KuK5pUF2dQmdHS9E4HjmoQ6lE/"
		"q74I/c2qCPQnjGSxYwIDAQAB",
			  rsa2048[] =
				  "p="
				  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAktW8T9Eu2QkrU/NNwed5"
				  "KHqXwvUwPLf+x4KaLAd+IYnoKro8fyTnL3CndD9gpolEMTIFiQj2xhTdw6XHQP8V"
				  "Kb+tRsKqaej6qZ8RbwsEukCRjivuRqx1JFsvMpmXsdeCEjk/hU5BIRpOuKj+Yq5h"
				  "y64BtWtw0opeMlmLdfXTskudyQ1/VD5lGKcUtzaO/kwmV1Lnp33uwFnWJ0j/fwW+"
				  "gXgttHo3NA6G1sn3c/Kxj34zr0eA6HDPoagXnbBWmqmhGhPMsMBwuvmKcPrwFXvG"
				  "edBWRC+EOI7Krvp244HqqC8vP4a5O5P7KwA1Z4cDboEFyWDKSqXW2+1ex53R51sT"
				  "DQIDAQAB";
	static const struct {
		const char *record;
		bool revoked, rsa;
		unsigned bits;
	} rows[] = {
		{rsa1024, false, true, 1024},
		{rsa2048, false, true, 2048},
		{"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", false, false,
		 0},
		{"v=DKIM1; p=", true, true, 0},
		{"v=DKIM1; t=s; p = ; n=note", true, true, 0},
		{"v=DKIM1; p=AAAA", false, true, 0},
		{"v=DKIM1; p=?", false, true, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dkim_key key;

		EXPECT(dkim_parse(rows[i].record, strlen(rows[i].record), &key) == 0, "%s",
		       rows[i].record);
		EXPECT(key.is_revoked == rows[i].revoked && key.is_rsa == rows[i].rsa &&
			       key.key_bits == rows[i].bits,
		       "%s: revoked %d, RSA %d, %u bits", rows[i].record, key.is_revoked,
		       key.is_rsa, key.key_bits);
	}
	/* However much of a key is there, no byte behind it is read. */
	for (size_t length = 0; length < sizeof(rsa1024); length++) {
		char *copy = malloc(length + 1);
		struct dkim_key key;

		memcpy(copy, rsa1024, length);
		if (dkim_parse(copy, length, &key) == 0)
			EXPECT(key.key_bits == 0 || key.key_bits == 1024, "%u bits of %zu bytes",
			       key.key_bits, length);
		free(copy);
	}
	EXPECT(dkim_parse("v=DKIM2; p=", 11, &(struct dkim_key){0}) == -EINVAL &&
		       dkim_parse("v=spf1 -all", 11, &(struct dkim_key){0}) == -EINVAL &&
		       dkim_parse("", 0, &(struct dkim_key){0}) == -EINVAL,
	       "no key");
}

TEST(dane_compares_what_is_usable)
{
	static const struct {
		const char *sentence;
		uint8_t usage, selector, matching, byte;
		size_t length;
		enum dane_match match;
	} rows[] = {
		{"the key", 3, 1, 1, 'k', 32, DANE_MATCHES},
		{"the certificate", 3, 0, 1, 'c', 32, DANE_MATCHES},
		{"another key", 3, 1, 1, 'x', 32, DANE_DIFFERS},
		{"the key as a certificate", 3, 0, 1, 'k', 32, DANE_DIFFERS},
		{"an authority, for which a chain is needed", 2, 1, 1, 'k', 32, DANE_UNUSABLE},
		{"a usage that SMTP does not know", 1, 1, 1, 'k', 32, DANE_UNUSABLE},
		{"SHA-512", 3, 1, 2, 'k', 64, DANE_UNUSABLE},
		{"a digest cut short", 3, 1, 1, 'k', 31, DANE_UNUSABLE},
		{"an unknown selector", 3, 2, 1, 'k', 32, DANE_UNUSABLE},
	};
	uint8_t key[32], certificate[32];

	memset(key, 'k', sizeof(key));
	memset(certificate, 'c', sizeof(certificate));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dane_set set = {.status = ANSWER_FOUND, .count = 1};

		set.record[0] = (struct answer_tlsa){.usage = rows[i].usage,
						     .selector = rows[i].selector,
						     .matching = rows[i].matching,
						     .length = rows[i].length};
		memset(set.record[0].data, rows[i].byte, sizeof(set.record[0].data));
		EXPECT(dane_compare(&set, certificate, key) == rows[i].match, "%s",
		       rows[i].sentence);
		/* One that matches is enough. */
		set.record[1] = (struct answer_tlsa){
			.usage = 3, .selector = 1, .matching = 1, .length = 32};
		memset(set.record[1].data, 'k', 32);
		set.count = 2;
		EXPECT(dane_compare(&set, certificate, key) == DANE_MATCHES, "%s, and one more",
		       rows[i].sentence);
		set.status = ANSWER_SERVFAIL;
		EXPECT(dane_compare(&set, certificate, key) == DANE_UNUSABLE, "no answer");
	}
}

TEST(dane_accuses_nobody_of_what_it_cannot_compare)
{
	struct dane_set set = {.status = ANSWER_FOUND, .count = 2};
	uint8_t digest[32];

	memset(digest, 'k', sizeof(digest));
	set.record[0] =
		(struct answer_tlsa){.usage = 3, .selector = 1, .matching = 1, .length = 32};
	set.record[1] =
		(struct answer_tlsa){.usage = 2, .selector = 1, .matching = 1, .length = 32};
	EXPECT(dane_compare(&set, digest, digest) == DANE_UNUSABLE, "an authority may match");
	set.record[1].usage = 1;
	EXPECT(dane_compare(&set, digest, digest) == DANE_DIFFERS, "nobody obeys usage 1");
}

TEST(orgdomain_is_what_can_be_registered)
{
	static const struct {
		const char *name, *domain;
	} rows[] = {
		{"mail.example.com", "example.com"},
		{"Mail.Example.COM.", "example.com"},
		{"example.com", "example.com"},
		{"a.b.example.co.uk", "example.co.uk"},
		{"co.uk", ""},
		{"com", ""},
		{"mx.example.test", "example.test"},
		{"", ""},
		{".", ""},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char domain[NAME_TEXT_MAX];
		bool is_one = orgdomain_of(rows[i].name, domain);

		EXPECT(is_one == (rows[i].domain[0] != 0) && SAME(domain, rows[i].domain), "%s: %s",
		       rows[i].name, domain);
	}
	EXPECT(orgdomain_is_same("a.example.com", "B.Example.com") &&
		       !orgdomain_is_same("example.co.uk", "other.co.uk") &&
		       !orgdomain_is_same("co.uk", "co.uk"),
	       "the same");
}
