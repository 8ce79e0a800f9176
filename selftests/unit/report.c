/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows from refusals and deliveries: who is left to explain, by which reason, and what cannot be told. */
#include "report/proof.h"

#include <stdlib.h>

#include "report_rig.h"

/* One refusal at noon, one delivery: what becomes of its source. */
static const struct {
	const char *sentence, *reason;
	bool acted;
	int64_t connected, at; /* seconds from noon; connected 0: not seen */
	bool trusted, allowed;
	enum proof_state state;
} rows[] = {
	{"a listed source that delivers", "listed", false, 5, 10, false, false, PROOF_LEFT},
	{"and is trusted by now", "listed", false, 5, 10, true, false, PROOF_SETTLED},
	{"or allowed", "listed", false, 5, 10, false, true, PROOF_SETTLED},
	{"before the verdict comes", "listed", false, -20, -5, false, false, PROOF_LEFT},
	{"long before", "listed", false, -3600, -3590, false, false, PROOF_APART},
	{"when it is not listed any more", "listed", false, 3600, 3610, false, false, PROOF_APART},
	{"late, by a connection of noon", "listed", false, 10, 1200, false, false, PROOF_LEFT},
	{"shortly after, by a connection that was not seen", "listed", false, 0, 200, false, false,
	 PROOF_LEFT},
	{"late, by a connection that was not seen", "listed", false, 0, 1200, false, false,
	 PROOF_APART},
	{"over a limit at noon, delivered then", "rate", false, 5, 10, false, false, PROOF_LEFT},
	{"over a limit at noon, delivered at three", "rate", false, 3 * 3600, 3 * 3600 + 1, false,
	 false, PROOF_APART},
	{"trust does not lift a limit", "rate", false, 5, 10, true, false, PROOF_LEFT},
	{"allow does", "rate", false, 5, 10, false, true, PROOF_SETTLED},
	{"refused in earnest, delivered before", "listed", true, -86400, -86390, false, false,
	 PROOF_LEFT},
	{"over a limit in earnest, delivered at other times", "rate", true, -86400, -86390, false,
	 false, PROOF_APART},
	{"in a feed", "feed", false, 5, 10, false, false, PROOF_LEFT},
	{"trust does not lift a feed", "feed", false, 5, 10, true, false, PROOF_LEFT},
	{"blocked by the operator himself", "rule", true, -86400, -86390, false, false,
	 PROOF_NOTHING},
	{"a reason that is none", "held", false, 5, 10, false, false, PROOF_NOTHING},
};

TEST(a_delivery_counts_by_source_and_time)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct proof *p = proof_of(rows[i].acted);
		struct proof_source *s;
		struct addr who = addr_of(WHO);

		watched(p, PROOF_EARLY_S, PROOF_EARLY_CONNECTIONS, 0);
		refuse(p, "192.0.2.6", "listed", false, NOON_S, 1);
		refuse(p, WHO, rows[i].reason, rows[i].acted, NOON_S, 3);
		refuse(p, "192.0.2.8", "listed", false, NOON_S, 1);
		deliver(p, WHO, rows[i].connected ? NOON_S + rows[i].connected : 0,
			NOON_S + rows[i].at, "a@example.org");
		deliver(p, "192.0.2.99", NOON_S, NOON_S, "a@example.org");
		s = proof_find(p, &who);
		if (s) {
			s->trusted = rows[i].trusted;
			s->allowed = rows[i].allowed;
		}
		EXPECT(proof_conclude(p) == 0, "no memory");
		EXPECT((s ? s->state : PROOF_NOTHING) == rows[i].state, "%s: %s", rows[i].sentence,
		       s ? proof_state_name(s->state) : "unknown");
		EXPECT(p->count[PROOF_LEFT] == (rows[i].state == PROOF_LEFT) &&
			       proof_exit(p) == (rows[i].state == PROOF_LEFT ? PROOF_EXIT_LEFT : 0),
		       "%s: %u left, exit %d", rows[i].sentence, p->count[PROOF_LEFT],
		       proof_exit(p));
		proof_free(p);
	}
}

/* Refused at noon, delivered then; another sender has a name, so that names are told. */
static const struct {
	const char *sentence, *host, *lists;
	int more_days;
	unsigned rejected;
	enum proof_state state;
} standings[] = {
	{"a name of its own", "mail.example.org", "one.example", 0, 0, PROOF_LEFT},
	{"even where all else is against it", "mail.example.org", "a.example b.example", 0, 9,
	 PROOF_LEFT},
	{"no name, one day, one list", "", "one.example", 0, 0, PROOF_SUSPECT},
	{"no name, three days, one list", "", "one.example", 2, 0, PROOF_LEFT},
	{"no name, three days, two lists", "", "a.example b.example", 2, 0, PROOF_SUSPECT},
	{"no name, three days, turned down more often", "", "one.example", 2, 9, PROOF_SUSPECT},
	{"a generic name", "host-192-0-2-7.dyn.example.net", "one.example", 0, 0, PROOF_SUSPECT},
	{"a generic name, three days", "host-192-0-2-7.dyn.example.net", "one.example", 2, 0,
	 PROOF_LEFT},
};

TEST(what_looks_like_spam_is_told_apart_and_blocks_nothing)
{
	for (size_t i = 0; i < COUNT(standings); i++) {
		struct proof *p = proof_of(false);
		struct addr who = addr_of(WHO);
		struct proof_source *s;

		watched(p, PROOF_EARLY_S, PROOF_EARLY_CONNECTIONS, 0);
		refuse(p, WHO, "listed", false, NOON_S, 3);
		s = proof_find(p, &who);
		free(s->lists);
		s->lists = strdup(standings[i].lists);
		heard(p, MAILLOG_CONNECT, "192.0.2.200", "mail.other.example", NOON_S);
		for (int day = 0; day <= standings[i].more_days; day++)
			heard(p, MAILLOG_DELIVERY, WHO, standings[i].host, NOON_S - day * 86400);
		for (unsigned k = 0; k < standings[i].rejected; k++)
			heard(p, MAILLOG_REJECT, WHO, standings[i].host, NOON_S);
		EXPECT(proof_conclude(p) == 0, "no memory");
		EXPECT(s->state == standings[i].state && p->count[standings[i].state] == 1 &&
			       p->told_count == 1,
		       "%s: %s", standings[i].sentence, proof_state_name(s->state));
		EXPECT((p->verdict == PROOF_EXPLAIN) == (standings[i].state == PROOF_LEFT) &&
			       (proof_exit(p) != 0) == (standings[i].state == PROOF_LEFT),
		       "%s: %s", standings[i].sentence, proof_verdict_name(p->verdict));
		proof_free(p);
	}
}

TEST(what_the_operator_has_decided_holds_for_a_prefix)
{
	static const struct {
		const char *sentence, *prefix;
		enum proof_decision decision;
		unsigned settled;
	} cases[] = {
		{"one address", "192.0.2.7", PROOF_TRUST, 1},
		{"its network", "192.0.2.0/24", PROOF_BLOCK, 2},
		{"the whole of IPv4", "0.0.0.0/0", PROOF_ALLOW, 3},
		{"the whole of IPv6", "::/0", PROOF_BLOCK, 1},
		{"another network", "192.0.3.0/24", PROOF_BLOCK, 0},
	};
	static const char *const who[] = {"192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8::7"};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proof *p = proof_of(false);
		struct prefix prefix;

		for (size_t k = 0; k < COUNT(who); k++)
			refuse(p, who[k], "listed", false, NOON_S, 1);
		for (size_t k = 0; k < COUNT(who); k++)
			deliver(p, who[k], NOON_S, NOON_S, "a@example.org");
		EXPECT(prefix_parse(cases[i].prefix, &prefix, NULL) == 0, "%s", cases[i].prefix);
		proof_add_decision(p, &prefix, cases[i].decision);
		EXPECT(proof_conclude(p) == 0, "no memory");
		EXPECT(p->count[PROOF_SETTLED] == cases[i].settled, "%s: %u", cases[i].sentence,
		       p->count[PROOF_SETTLED]);
		proof_free(p);
	}
}

TEST(the_likeliest_to_be_honest_comes_first)
{
	struct proof *p = proof_of(false);
	char text[ADDR_TEXT_MAX];

	refuse(p, "192.0.2.1", "listed", false, NOON_S, 1);
	refuse(p, "192.0.2.2", "listed", false, NOON_S, 1);
	refuse(p, "192.0.2.3", "listed", false, NOON_S, 1);
	for (int i = 0; i < 9; i++)
		heard(p, MAILLOG_DELIVERY, "192.0.2.1", "", NOON_S);
	for (int i = 0; i < 5; i++)
		heard(p, MAILLOG_DELIVERY, "192.0.2.2", "mail.example.org", NOON_S);
	heard(p, MAILLOG_DELIVERY, "192.0.2.3", "mail.example.org", NOON_S);
	heard(p, MAILLOG_DELIVERY, "192.0.2.3", "mail.example.org", NOON_S - 86400);
	EXPECT(proof_conclude(p) == 0, "no memory");
	ENSURE(p->told_count == 3, "%zu", p->told_count);
	EXPECT(!strcmp(addr_format(&p->told[0].source->addr, text), "192.0.2.3"), "%s", text);
	EXPECT(!strcmp(addr_format(&p->told[2].source->addr, text), "192.0.2.1"), "%s", text);
	proof_free(p);
}

TEST(trust_settles_a_list_and_leaves_a_limit_to_be_explained)
{
	static const struct {
		const char *sentence;
		bool trusted, allowed;
		enum proof_state state;
		const char *reason;
	} cases[] = {
		{"nothing decided", false, false, PROOF_LEFT, "listed"},
		{"trusted", true, false, PROOF_LEFT, "rate"},
		{"allowed", false, true, PROOF_SETTLED, "listed"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proof *p = proof_of(false);
		struct addr who = addr_of(WHO);
		struct proof_source *s;

		refuse(p, WHO, "rate", false, NOON_S, 80);
		refuse(p, WHO, "listed", false, NOON_S + 10, 2);
		s = proof_find(p, &who);
		s->trusted = cases[i].trusted;
		s->allowed = cases[i].allowed;
		deliver(p, WHO, NOON_S + 5, NOON_S + 6, "a@example.org");
		EXPECT(proof_conclude(p) == 0, "no memory");
		EXPECT(s->state == cases[i].state &&
			       !strcmp(p->reason[s->reason].name, cases[i].reason),
		       "%s: %s by %s", cases[i].sentence, proof_state_name(s->state),
		       p->reason[s->reason].name);
		proof_free(p);
	}
}

TEST(what_the_log_does_not_cover_is_said)
{
	static const struct {
		const char *sentence;
		enum proof_log log;
		int64_t first, last; /* seconds from noon */
		uint64_t understood, blind;
		enum proof_verdict verdict;
	} cases[] = {
		{"all of it", PROOF_LOG_READ, -7 * 86400, 6 * 3600, 1, 0, PROOF_READY},
		{"it begins later", PROOF_LOG_READ, 300, 6 * 3600, 1, 3, PROOF_BLIND},
		{"it ended before", PROOF_LOG_READ, -86400, -3600, 1, 3, PROOF_BLIND},
		{"it ends a little before", PROOF_LOG_READ, -86400, -60, 1, 0, PROOF_READY},
		{"no mail server's", PROOF_LOG_READ, -86400, 6 * 3600, 0, 3, PROOF_BLIND},
		{"none", PROOF_LOG_NONE, 0, 0, 0, 3, PROOF_BLIND},
	};
	char text[PROOF_TEXT_MAX], closing[PROOF_TEXT_MAX], first[PROOF_TEXT_MAX],
		then[PROOF_TEXT_MAX];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proof *p = proof_of(false);

		watched(p, 7 * 86400, 1000, 3);
		refuse(p, WHO, "listed", false, NOON_S, 3);
		p->log = cases[i].log;
		p->span = (struct maillog_span){NOON_S + cases[i].first, NOON_S + cases[i].last, 1,
						cases[i].understood};
		EXPECT(proof_conclude(p) == 0, "no memory");
		proof_log_blind(p, text);
		proof_closing(p, closing, first, then);
		EXPECT(!strstr(closing, "`postern report since ") == (cases[i].first != 300) &&
			       (cases[i].first != 300 || strstr(closing, "since 5h`")),
		       "%s: %s", cases[i].sentence, closing);
		EXPECT(p->blind_connections == cases[i].blind && p->verdict == cases[i].verdict &&
			       !text[0] == !cases[i].blind,
		       "%s: %d, %s", cases[i].sentence, (int)p->blind_connections,
		       proof_verdict_name(p->verdict));
		proof_free(p);
	}
}

TEST(where_a_file_of_the_log_could_not_be_read_nobody_knows_who_delivered)
{
	static const struct {
		const char *sentence;
		int64_t from, until; /* of what it had, in hours from noon */
		uint64_t blind;
	} cases[] = {
		{"in its time", -2, 2, 3},
		{"at its end", -2, 0, 3},
		{"after it", -5, -3, 0},
		{"before it", 3, 5, 0},
		{"nobody knows from when", -NOON_S / 3600, 1, 3},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proof *p = proof_of(false);

		watched(p, 7 * 86400, 1000, 3);
		refuse(p, WHO, "listed", false, NOON_S, 3);
		p->log = PROOF_LOG_READ;
		p->span = (struct maillog_span){NOON_S - 7 * 86400, NOON_S + 6 * 3600, 1, 1};
		p->log_skipped = 1;
		p->log_hole_from_s = NOON_S + cases[i].from * 3600;
		p->log_hole_until_s = NOON_S + cases[i].until * 3600;
		EXPECT(proof_conclude(p) == 0, "no memory");
		EXPECT(p->blind_connections == cases[i].blind, "%s: %d", cases[i].sentence,
		       (int)p->blind_connections);
		proof_free(p);
	}
}

TEST(without_a_log_a_known_sender_is_to_be_explained)
{
	struct store_sender sender = {
		.addr = addr_of(WHO), .messages = 7, .host = "mail.example.org"};
	struct proof *p = proof_of(false);

	refuse(p, WHO, "listed", false, NOON_S, 3);
	proof_add_sender(p, &sender);
	p->log = PROOF_LOG_NONE;
	EXPECT(proof_conclude(p) == 0, "no memory");
	EXPECT(p->count[PROOF_LEFT] == 1 && p->verdict == PROOF_EXPLAIN, "%s",
	       proof_verdict_name(p->verdict));
	proof_free(p);
}

TEST(too_little_is_too_early)
{
	static const struct {
		uint64_t seconds, connections;
		bool enforcing;
		enum proof_verdict verdict;
		const char *first;
	} cases[] = {
		{PROOF_EARLY_S, PROOF_EARLY_CONNECTIONS, false, PROOF_READY,
		 "postern enforce for 1h"},
		{PROOF_EARLY_S - 1, PROOF_EARLY_CONNECTIONS, false, PROOF_EARLY, ""},
		{PROOF_EARLY_S, PROOF_EARLY_CONNECTIONS - 1, false, PROOF_EARLY, ""},
		{0, 0, false, PROOF_EARLY, ""},
		/* Who enforces has decided; but of what nobody watched nothing follows. */
		{60, 1, true, PROOF_READY, ""},
		{0, 0, true, PROOF_EARLY, ""},
	};
	char text[PROOF_TEXT_MAX], first[PROOF_TEXT_MAX], then[PROOF_TEXT_MAX];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proof *p = proof_of(cases[i].enforcing);

		if (cases[i].seconds)
			watched(p, cases[i].seconds, cases[i].connections, 0);
		EXPECT(proof_conclude(p) == 0, "no memory");
		proof_closing(p, text, first, then);
		/* A script that enforces where the status is 0 does not do so too early. */
		EXPECT(p->verdict == cases[i].verdict &&
			       proof_exit(p) ==
				       (cases[i].verdict == PROOF_READY ? 0 : PROOF_EXIT_LEFT),
		       "%zu: %s", i, proof_verdict_name(p->verdict));
		EXPECT(!strcmp(first, cases[i].first), "%s", first);
		proof_free(p);
	}
}

TEST(who_began_to_watch_within_an_hour_has_watched_since_then)
{
	static const struct {
		int64_t hours_ago;
		uint64_t seconds;
		int64_t from_s; /* after that hour's begin */
	} cases[] = {
		{2, 3600, 0}, {2, 600, 3000}, {0, 0, 1800}, {0, 60, 1740}, {0, 7200, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct proof *p = proof_of(false);
		int64_t this_hour_s = NOON_S - NOON_S % 3600;
		struct store_hour h = {.wall_s = this_hour_s - cases[i].hours_ago * 3600,
				       .reason = "watched",
				       .packets = cases[i].seconds};

		p->facts.now_wall_s = this_hour_s + 1800;
		EXPECT(proof_add_hour(p, &h) == 0 &&
			       p->watched_from_s == h.wall_s + cases[i].from_s,
		       "%zu: %lld", i, (long long)(p->watched_from_s - h.wall_s));
		proof_free(p);
	}
}

TEST(connections_are_counted_by_the_kernel_where_it_counts_connections)
{
	struct store_hour found = {.wall_s = NOON_S, .reason = STORE_HOUR_FOUND, .would = 2};
	struct proof *p = proof_of(false);
	char text[PROOF_TEXT_MAX];

	watched(p, 86400, 500, 40);
	EXPECT(proof_add_hour(p, &found) == 0, "no memory");
	refuse(p, WHO, "listed", false, NOON_S, 3);
	refuse(p, "192.0.2.8", "listed", false, NOON_S, 4);
	EXPECT(proof_conclude(p) == 0, "no memory");
	EXPECT(p->refused[0] == 42 && p->refused_sources[0] == 2 && p->all == 540,
	       "%d connections, %u sources, %d in all", (int)p->refused[0], p->refused_sources[0],
	       (int)p->all);
	EXPECT(p->reason[0].detail[0].connections == 7 &&
		       !strcmp(p->reason[0].detail[0].name, "bl.example"),
	       "%s", p->reason[0].detail[0].name);
	proof_refused(p, &p->source[0], false, text);
	EXPECT(strstr(text, "at least 3 connections listed") == text, "%s", text);
	proof_free(p);
}
