/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of a proof: numbers that agree, sentences that are true, and no text of a stranger that does anything. */
#include "report/proof.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "report_rig.h"

TEST(a_list_weighs_more_than_a_limit)
{
	struct addr who = addr_of(WHO);
	struct proof *p = proof_of(false);
	char command[PROOF_TEXT_MAX], advice[PROOF_TEXT_MAX];

	refuse(p, WHO, "rate", false, NOON_S, 80);
	refuse(p, WHO, "listed", false, NOON_S + 10, 2);
	deliver(p, WHO, NOON_S + 5, NOON_S + 6, "a@example.org");
	EXPECT(proof_conclude(p) == 0, "no memory");
	proof_advice(p, proof_find(p, &who), command, advice);
	EXPECT(!strcmp(command,
		       "postern trust 192.0.2.7 because mail.example.org delivered 1 message "
		       "while bl.example named it"),
	       "%s", command);
	EXPECT(!strcmp(advice, "it was over a limit as well, which trust does not lift: raise "
			       "limits.rate above 120/1m burst 120 in the configuration"),
	       "%s", advice);
	proof_free(p);
}

TEST(each_reason_of_a_source_has_its_own_count)
{
	struct addr who = addr_of(WHO);
	struct proof *p = proof_of(false);
	struct proof_source *s;
	char text[PROOF_TEXT_MAX];
	uint64_t sum[2] = {0};

	refuse(p, WHO, "listed", false, NOON_S, 9);
	refuse(p, WHO, "rate", false, NOON_S, 1);
	refuse(p, WHO, "listed", false, NOON_S + 400, 1);
	refuse(p, WHO, "rule", true, NOON_S + 900, 3);
	refuse(p, WHO, "feed", true, NOON_S + 900, 1);
	deliver(p, WHO, NOON_S, NOON_S, "a@example.org");
	EXPECT(proof_conclude(p) == 0, "no memory");
	s = proof_find(p, &who);
	proof_refused(p, s, false, text);
	EXPECT(!strcmp(text, "11 connections: 10 listed by bl.example, second.example; 1 over "
			     "limits.rate (120/1m burst 120)"),
	       "%s", text);
	proof_refused(p, s, true, text);
	EXPECT(!strcmp(text, "4 connections: 3 by your own rules; 1 in the feed that has no name "
			     "any more"),
	       "%s", text);
	for (unsigned i = 0; i < p->reasons; i++)
		for (int acted = 0; acted < 2; acted++)
			sum[acted] += proof_share(p, s, i, acted);
	EXPECT(sum[0] == s->connections[0] && sum[1] == s->connections[1] && sum[0] == 11 &&
		       sum[1] == 4,
	       "%d and %d", (int)sum[0], (int)sum[1]);
	EXPECT(p->refused[0] == 11 && p->refused[1] == 1, "%d and %d", (int)p->refused[0],
	       (int)p->refused[1]);
	EXPECT(p->refused_sources[0] == 1 && p->refused_sources[1] == 1 && p->any_sources == 1,
	       "one source is %u", p->any_sources);
	proof_free(p);
}

TEST(the_newest_limit_of_the_source_itself_is_told)
{
	struct addr who = addr_of(WHO);
	struct proof *p = proof_of(false);
	char command[PROOF_TEXT_MAX], advice[PROOF_TEXT_MAX], text[PROOF_TEXT_MAX];

	refuse_by(p, "192.0.2.6", "rate", "240/1m", false, NOON_S, 1);
	refuse_by(p, WHO, "rate", "60/1m", false, NOON_S - 86400, 1);
	refuse_by(p, WHO, "rate", "120/1m", false, NOON_S, 1);
	refuse_by(p, "192.0.2.8", "rate", "30/1m", false, NOON_S - 2 * 86400, 1);
	deliver(p, WHO, NOON_S, NOON_S, "a@example.org");
	EXPECT(proof_conclude(p) == 0, "no memory");
	proof_advice(p, proof_find(p, &who), command, advice);
	EXPECT(strstr(advice, "raise limits.rate above 120/1m in"), "%s", advice);
	proof_refused(p, proof_find(p, &who), false, text);
	EXPECT(!strcmp(text, "2 connections over limits.rate (120/1m)"), "%s", text);
	proof_free(p);
}

/* The limit was raised, and the list is another one, since somebody enforced. */
TEST(each_way_has_the_lists_and_the_limit_of_its_own_time)
{
	static const char *const says[2] = {
		"3 connections: 1 listed by new.example; 1 over limits.rate (120/1m); 1 in the "
		"feed new",
		"3 connections: 1 listed by old.example, older.example; 1 over limits.rate "
		"(60/1m); 1 in the feed old"};
	struct addr who = addr_of(WHO);
	struct proof *p = proof_of(false);
	char text[PROOF_TEXT_MAX];

	refuse_by(p, WHO, "listed", "old.example older.example", true, NOON_S - 86400, 1);
	refuse_by(p, WHO, "rate", "60/1m", true, NOON_S - 86400, 1);
	refuse_by(p, WHO, "feed", "old", true, NOON_S - 86400, 1);
	refuse_by(p, WHO, "listed", "new.example", false, NOON_S, 1);
	refuse_by(p, WHO, "rate", "120/1m", false, NOON_S, 1);
	refuse_by(p, WHO, "feed", "new", false, NOON_S, 1);
	deliver(p, WHO, NOON_S, NOON_S, "a@example.org");
	EXPECT(proof_conclude(p) == 0, "no memory");
	for (int acted = 0; acted < 2; acted++) {
		proof_refused(p, proof_find(p, &who), acted, text);
		EXPECT(!strcmp(text, says[acted]), "%d: %s", acted, text);
	}
	proof_free(p);
}

TEST(domains_are_counted_once_and_not_by_message)
{
	static const struct {
		unsigned domains;
		const char *end;
	} cases[] = {
		{3, "from d0.example, d1.example, d2.example"},
		{5, "d2.example and 2 more"},
		{PROOF_DOMAINS_MAX, "d2.example and 29 more"},
		{PROOF_DOMAINS_MAX + 1, "d2.example and 29 or more others"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr who = addr_of(WHO);
		struct proof *p = proof_of(false);
		char text[PROOF_TEXT_MAX], from[64];

		refuse(p, WHO, "listed", false, NOON_S, 1);
		for (unsigned k = 0; k < 3 * cases[i].domains; k++) {
			snprintf(from, sizeof(from), "a@%s%u.example", k % 2 ? "d" : "D",
				 k % cases[i].domains);
			deliver(p, WHO, NOON_S, NOON_S, from);
		}
		proof_delivered(proof_find(p, &who), text);
		EXPECT(strlen(text) > strlen(cases[i].end) &&
			       !strcasecmp(text + strlen(text) - strlen(cases[i].end),
					   cases[i].end),
		       "%u: %s", cases[i].domains, text);
		proof_free(p);
	}
}

TEST(what_the_table_of_lists_has_no_room_for_is_counted_as_others)
{
	struct proof *p = proof_of(false);
	uint64_t sum = 0;
	char list[64];

	for (unsigned i = 0; i < PROOF_DETAILS_MAX + 5; i++) {
		snprintf(list, sizeof(list), "bl%u.example", i);
		refuse_by(p, WHO, "listed", list, false, NOON_S, 1);
	}
	EXPECT(!*proof_share_detail(p, &p->source[0], 0), "no list is called %s",
	       proof_share_detail(p, &p->source[0], 0));
	refuse_by(p, WHO, "listed", "bl9.example", false, NOON_S + 400, 9);
	EXPECT(proof_conclude(p) == 0, "no memory");
	EXPECT(!strcmp(p->reason[0].detail[0].name, "bl9.example"), "the most first: %s",
	       p->reason[0].detail[0].name);
	EXPECT(!strcmp(proof_share_detail(p, &p->source[0], 0), "bl9.example"), "the newest: %s",
	       proof_share_detail(p, &p->source[0], 0));
	for (unsigned i = 0; i < p->reason[0].details; i++)
		sum += p->reason[0].detail[i].connections;
	EXPECT(sum == PROOF_DETAILS_MAX + 14 && p->reason[0].details == PROOF_DETAILS_MAX &&
		       !strcmp(p->reason[0].detail[1].name, "others"),
	       "%d in %u", (int)sum, p->reason[0].details);
	proof_free(p);
}

TEST(many_sources_of_one_provider_are_pointed_out_together)
{
	static const struct {
		const char *addr, *reason, *host;
	} who[] = {
		{"192.0.2.1", "listed", "mail-1.big.example.co.uk"},
		{"192.0.2.2", "listed", "mail-2.big.example.co.uk"},
		{"192.0.2.3", "listed", "out.example.co.uk"},
		{"192.0.2.4", "listed", "mail-1.other.co.uk"},
		{"192.0.2.5", "listed", "mail-2.other.co.uk"},
		{"192.0.2.6", "rate", "mail-3.other.co.uk"}, /* trust does not help it */
		{"192.0.2.7", "listed", "a;b.$x.example"},
	};
	struct proof *p = proof_of(false);
	char text[PROOF_TEXT_MAX], lead[PROOF_TEXT_MAX], line[PROOF_LINE_MAX];

	for (size_t i = 0; i < COUNT(who); i++)
		refuse_by(p, who[i].addr, who[i].reason, "bl.example", false, NOON_S, 3);
	for (size_t i = 0; i < COUNT(who); i++) {
		heard(p, MAILLOG_DELIVERY, who[i].addr, who[i].host, NOON_S - DAY_S);
		heard(p, MAILLOG_DELIVERY, who[i].addr, who[i].host, NOON_S);
	}
	EXPECT(proof_conclude(p) == 0, "no memory");
	ENSURE(p->providers == 1, "%u", p->providers);
	proof_provider_tell(p, 0, text);
	proof_providers_line(p, lead, line);
	EXPECT(p->provider[0].sources == 3 && !strcmp(line, "trust_spf = [\"example.co.uk\"];") &&
		       strstr(text, "3 of them") && proof_detailed(p) == 4,
	       "%s %s", text, line);
	proof_free(p);
}

/* Names of one's own are cheap, and so is a record that names half the world. */
TEST(no_provider_is_suggested_whose_sources_look_more_like_spam)
{
	struct proof *p = proof_of(false);
	char who[ADDR_TEXT_MAX], host[64];

	for (unsigned i = 0; i < 24; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		refuse_by(p, who, "listed", "bl.example", false, NOON_S, 3);
	}
	for (unsigned i = 0; i < 24; i++) {
		const char *of = i < 16 ? "spammer" : "provider";
		/* Three of the one's have been seen before, and four of the other's: half of all. */
		bool again = i < 3 || i >= 20;

		snprintf(who, sizeof(who), "192.0.2.%u", i);
		snprintf(host, sizeof(host), "mx%c.%s.example", 'a' + (int)i, of);
		if (again)
			heard(p, MAILLOG_DELIVERY, who, host, NOON_S - DAY_S);
		heard(p, MAILLOG_DELIVERY, who, host, NOON_S);
	}
	EXPECT(proof_conclude(p) == 0, "no memory");
	EXPECT(p->count[PROOF_LEFT] == 24 && p->providers == 1 &&
		       !strcmp(p->provider[0].domain, "provider.example") &&
		       p->provider[0].honest == 4,
	       "%u left, %u providers", p->count[PROOF_LEFT], p->providers);
	proof_free(p);
}

/* Of each domain three sources with every sign of an honest sender, which delivered. */
static struct proof *providers_of(unsigned domains, const struct conf_text *trust_spf,
				  unsigned count)
{
	struct proof *p = proof_of(false);
	char who[ADDR_TEXT_MAX], host[64];

	p->facts.trust_spf = trust_spf;
	p->facts.trust_spf_count = count;
	for (unsigned i = 0; i < 3 * domains; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		refuse_by(p, who, "listed", "bl.example", false, NOON_S, 1);
	}
	for (unsigned i = 0; i < 3 * domains; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		snprintf(host, sizeof(host), "mx%c.p%u.example", 'a' + (int)(i % 3), i / 3);
		heard(p, MAILLOG_DELIVERY, who, host, NOON_S - DAY_S);
		heard(p, MAILLOG_DELIVERY, who, host, NOON_S);
	}
	EXPECT(proof_conclude(p) == 0, "no memory");
	return p;
}

static unsigned times(const char *text, const char *what)
{
	unsigned count = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		count++;
	return count;
}

static char *printed(const struct proof *p, int (*form)(const struct proof *, FILE *))
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!EXPECT(out && form(p, out) == 0 && fclose(out) == 0, "not written"))
		return NULL;
	return text;
}

/* Who follows it has the setting once, with what was there; and the sources that the record does not name have commands of their own then. */
TEST(a_provider_of_the_configuration_is_not_suggested_again)
{
	static const struct conf_text there[CONF_PROVIDERS_MAX] = {{.text = "P1.example"},
								   {.text = "mail.example.org"}};
	static const struct {
		unsigned domains, configured, providers, detailed;
		const char *line;
	} cases[] = {
		{2, 0, 2, 0, "trust_spf = [\"p0.example\", \"p1.example\"];"},
		{3, 2, 2, 3,
		 "trust_spf = [\"P1.example\", \"mail.example.org\", \"p0.example\", "
		 "\"p2.example\"];"},
		{7, 0, 5, 6, "\"p3.example\", \"p4.example\"];"},
		{3, CONF_PROVIDERS_MAX - 1, 1, 6, "\"\", \"p0.example\"];"},
		{2, CONF_PROVIDERS_MAX, 0, 6, NULL},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proof *p = providers_of(cases[i].domains, there, cases[i].configured);
		char *text = printed(p, proof_text), *page = printed(p, proof_html);

		ENSURE(text && page, "nothing is written");
		EXPECT(p->providers == cases[i].providers && proof_detailed(p) == cases[i].detailed,
		       "%zu: %u, %u in detail", i, p->providers, proof_detailed(p));
		EXPECT(!cases[i].line || strstr(text, cases[i].line), "%zu: %s", i, text);
		EXPECT(times(text, "trust_spf = [") == !!cases[i].line &&
			       times(page, "trust_spf = [") == !!cases[i].line,
		       "%zu: %s", i, text);
		EXPECT((times(text, "place of the one that is there") == 1) ==
			       (cases[i].configured && cases[i].line),
		       "%zu: %s", i, text);
		free(text);
		free(page);
		proof_free(p);
	}
}

/* Names are checked before they come here; but no form relies on it. */
TEST(no_strangers_text_becomes_markup_or_a_command)
{
	static const char hostile[] = "<script>alert(1)</script>;rm -rf $(id)`&\"'";
	struct addr who = addr_of(WHO);
	struct proof *p = proof_of(false);
	struct proof_source *s;
	char command[PROOF_TEXT_MAX], advice[PROOF_TEXT_MAX], *page, *json;

	watched(p, 86400, 100, 3);
	refuse(p, WHO, "listed", false, NOON_S, 3);
	deliver(p, WHO, NOON_S, NOON_S, "\"x@y\"@<img src=x>");
	s = proof_find(p, &who);
	snprintf(s->host, sizeof(s->host), "%s", hostile);
	free(s->says);
	s->says = strdup(hostile);
	EXPECT(proof_conclude(p) == 0, "no memory");
	proof_advice(p, s, command, advice);
	EXPECT(!strpbrk(command, "<>;$`&\"'()|\\*?~!#{}[]"), "%s", command);
	page = printed(p, proof_html);
	json = printed(p, proof_json);
	ENSURE(page && json, "nothing is written");
	EXPECT(!strstr(page, "<script") && !strstr(page, "<img"), "markup of a stranger");
	EXPECT(strstr(page, "&lt;script&gt;") && strstr(page, "<svg") && strstr(page, "</html>"),
	       "the page");
	EXPECT(strstr(json, "\"row\":\"summary\""), "%s", json);
	EXPECT(strstr(page, "<code>postern block ADDR for 30d with reply</code>"),
	       "what is to be typed stands out");
	free(page);
	free(json);
	proof_free(p);
}

TEST(what_is_to_be_typed_stands_out_in_each_pair_of_ours)
{
	static const char *const reasons[] = {"only", "banned"};

	for (size_t i = 0; i < COUNT(reasons); i++) {
		struct proof *p = proof_of(false);
		char *page;

		refuse(p, WHO, reasons[i], false, NOON_S, 3);
		deliver(p, WHO, NOON_S, NOON_S, "a@x`y`.example");
		EXPECT(proof_conclude(p) == 0, "no memory");
		page = printed(p, proof_html);
		ENSURE(page, "nothing is written");
		EXPECT(strstr(page,
			      i ? "<code>postern why " WHO "</code>" : " <code>only</code> list"),
		       "%s", page);
		EXPECT(times(page, "`") == 2 && strstr(page, "x`y`.example"), "%s", page);
		free(page);
		proof_free(p);
	}
}

TEST(an_empty_report_is_one)
{
	struct proof *p = proof_of(false);
	char *text, *page;

	EXPECT(proof_conclude(p) == 0, "no memory");
	text = printed(p, proof_text);
	page = printed(p, proof_html);
	ENSURE(text && page, "nothing is written");
	EXPECT(strstr(text, "what enforce mode refuses is not known") &&
		       strstr(text, "nothing was watched"),
	       "%s", text);
	EXPECT(!strstr(page, "<svg"), "a plot of nothing");
	free(text);
	free(page);
	proof_free(p);
	proof_free(NULL);
}

/* A text is read at a terminal or in a mail; the page and the rows have everybody. */
TEST(a_text_has_no_table_without_an_end)
{
	struct proof *p = proof_of(false);
	char who[ADDR_TEXT_MAX], host[64], *text, *page;

	for (unsigned i = 0; i < 60; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		refuse(p, who, "listed", false, NOON_S, 1);
	}
	for (unsigned i = 0; i < 12; i++) {
		snprintf(who, sizeof(who), "198.51.100.%u", i);
		refuse_by(p, who, "listed", "bl.example", false, NOON_S, 1);
	}
	for (unsigned i = 0; i < 60; i++) {
		snprintf(who, sizeof(who), "192.0.2.%u", i);
		heard(p, MAILLOG_DELIVERY, who, "", NOON_S);
	}
	for (unsigned i = 0; i < 12; i++) {
		snprintf(who, sizeof(who), "198.51.100.%u", i);
		snprintf(host, sizeof(host), "mail-%c.provider.example", 'a' + (int)i);
		heard(p, MAILLOG_DELIVERY, who, host, NOON_S - DAY_S);
		heard(p, MAILLOG_DELIVERY, who, host, NOON_S);
	}
	EXPECT(proof_conclude(p) == 0, "no memory");
	EXPECT(p->count[PROOF_SUSPECT] == 60 && p->count[PROOF_LEFT] == 12, "%u and %u",
	       p->count[PROOF_SUSPECT], p->count[PROOF_LEFT]);
	text = printed(p, proof_text);
	page = printed(p, proof_html);
	ENSURE(text && page, "nothing is written");
	EXPECT(strstr(text, "  and 10 more; --html and --json have them all\n") &&
		       strstr(text, "  and 7 more; --html and --json have them all\n") &&
		       strstr(text, "\n    trust_spf = [\"provider.example\"];\n"),
	       "%s", text);
	EXPECT(!strstr(text, "postern trust 198.51.100."), "each has a command of its own: %s",
	       text);
	EXPECT(strstr(page, "192.0.2.59") && strstr(page, "198.51.100.11"), "the page lacks some");
	free(text);
	free(page);
	proof_free(p);
}
