/* SPDX-License-Identifier: BSD-2-Clause */
/* The relay matrix without a server: its forms, what refusals mean, and the ladder over visits made by hand. */
#include "audit/relay.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct relay_names names = {
	.server = "mx.example.net",
	.literal = "[192.0.2.25]",
	.hosted = "example.net",
	.foreign = "example.org",
	.token = "zq1",
	.own = "probe.example.com",
};

TEST(forms_are_all_of_them)
{
	static const char *const paths[] = {
		"<zq1@example.org>",
		"<zq1%example.org@[192.0.2.25]>",
		"<zq1%example.org@mx.example.net>",
		"<\"zq1@example.org\">",
		"<\"zq1%example.org\">",
		"<zq1@example.org@[192.0.2.25]>",
		"<\"zq1@example.org\"@[192.0.2.25]>",
		"<zq1@example.org@mx.example.net>",
		"<@[192.0.2.25]:zq1@example.org>",
		"<@mx.example.net:zq1@example.org>",
		"<example.org!zq1>",
		"<example.org!zq1@[192.0.2.25]>",
		"<example.org!zq1@mx.example.net>",
		"<\"zq1@example.org\"@mx.example.net>",
		"<zq1@example.org@>",
		"<zq1%example.org>",
		"<zq1%example.org@example.net>",
		"<\"zq1@example.org\"@example.net>",
		"<example.org!zq1@example.net>",
		"<zq1@example.org@example.net>",
		"<@example.net:zq1@example.org>",
		"<zq1%example.org@localhost>",
		"<mx.example.net!example.org!zq1>",
		"<@a.example.org,@b.example.org:zq1@example.org>",
	};
	char path[RELAY_PATH_MAX];

	ENSURE(relay_form_count == COUNT(paths), "%u forms", relay_form_count);
	for (unsigned i = 0; i < COUNT(paths); i++) {
		EXPECT(strcmp(relay_form(i, &names, path), paths[i]) == 0, "form %u: %s", i, path);
		EXPECT(relay_form_name(i)[0], "form %u has a name", i);
	}
	EXPECT(!relay_form(RELAY_FORMS_MAX, &names, path)[0], "there is no other");
}

TEST(probes_are_plain_names_of_the_same_domain)
{
	static const char *const paths[RELAY_OUTERS] = {
		[RELAY_OUTER_HOSTED] = "<zq1@example.net>",
		[RELAY_OUTER_SERVER] = "<zq1@mx.example.net>",
		[RELAY_OUTER_LITERAL] = "<zq1@[192.0.2.25]>",
		[RELAY_OUTER_NONE] = "<zq1>",
		[RELAY_OUTER_LOCALHOST] = "<zq1@localhost>",
	};
	char path[RELAY_PATH_MAX];

	for (unsigned o = RELAY_OUTER_HOSTED; o < RELAY_OUTERS; o++) {
		EXPECT(strcmp(relay_form(RELAY_PROBE(o), &names, path), paths[o]) == 0, "%s", path);
		EXPECT(relay_form_outer(RELAY_PROBE(o)) == o, "%s is of its domain", path);
	}
}

TEST(senders_are_all_of_them)
{
	static const char *const paths[] = {
		"<audit@probe.example.com>",
		"<>",
		"<audit@example.org>",
		"<audit@mx.example.net>",
		"<audit@[192.0.2.25]>",
		"<audit@localhost>",
		"<audit>",
		"<postmaster@mx.example.net>",
		"<postmaster@example.net>",
		"<audit@zq1.example.org>",
	};
	char path[RELAY_PATH_MAX];

	ENSURE(relay_sender_count == COUNT(paths), "%u senders", relay_sender_count);
	for (unsigned i = 0; i < COUNT(paths); i++)
		EXPECT(strcmp(relay_sender(i, &names, path), paths[i]) == 0, "sender %u: %s", i,
		       path);
	EXPECT(strcmp(relay_sender(RELAY_FROM_POSTMASTER_HOSTED, &names, path),
		      "<postmaster@example.net>") == 0 &&
		       strcmp(relay_sender(RELAY_FROM_NOBODY, &names, path), "<>") == 0,
	       "those of note are where they are said to be");
}

TEST(a_form_without_its_name_is_none)
{
	struct relay_names some = names;
	char path[RELAY_PATH_MAX], far[RELAY_PATH_MAX + 1];

	some.server = "";
	some.own = NULL;
	EXPECT(!relay_form(2, &some, path)[0] && !relay_form(22, &some, path)[0], "of the server");
	EXPECT(relay_form(0, &some, path)[0], "the plain one is");
	EXPECT(!relay_sender(RELAY_FROM_OWN, &some, path)[0], "of our own");
	memset(far, 'a', sizeof(far) - 1);
	far[sizeof(far) - 1] = 0;
	some.foreign = far;
	EXPECT(!relay_form(0, &some, path)[0], "a name too long for a path");
}

/* ---- judging ---- */

/* "550 5.7.1 text", lines parted by '\n', as the reader would give it. In static room. */
static struct response response_of(const char *text)
{
	static char room[32][512];
	static unsigned next;
	char *out = room[next++ % COUNT(room)];
	struct response r = {.text = out};
	unsigned e[3];

	if (!text)
		return (struct response){0};
	r.code = atoi(text);
	snprintf(out, sizeof(room[0]), "%s\n", strlen(text) > 4 ? text + 4 : "");
	r.line_count = 1;
	for (const char *c = out; *c && c[1]; c++)
		r.line_count += *c == '\n';
	if (sscanf(out, "%u.%u.%u ", &e[0], &e[1], &e[2]) == 3) {
		r.has_enhanced = true;
		for (unsigned i = 0; i < 3; i++)
			r.enhanced[i] = (uint8_t)e[i];
	}
	r.kind = r.code / 100 == 2   ? RESPONSE_POSITIVE
		 : r.code / 100 == 3 ? RESPONSE_MORE
		 : r.code / 100 == 4 ? RESPONSE_TRANSIENT
				     : RESPONSE_NEGATIVE;
	return r;
}

static const struct {
	const char *server, *text;
	enum relay_word word;
} refusals[] = {
	/* Relaying */
	{"Postfix", "554 5.7.1 <t@d.example>: Relay access denied", RELAY_DENIED},
	{"Postfix, its default: no greylisting", "454 4.7.1 <t@d.example>: Relay access denied",
	 RELAY_DENIED},
	{"Exim", "550 relay not permitted", RELAY_DENIED},
	{"Exim of Debian, older", "550 Relay not permitted", RELAY_DENIED},
	{"Sendmail", "550 5.7.1 <t@d.example>... Relaying denied", RELAY_DENIED},
	{"Sendmail without a PTR",
	 "550 5.7.1 <t@d.example>... Relaying denied. IP name lookup failed [198.51.100.1]",
	 RELAY_DENIED},
	{"Sendmail with a PTR that does not lead back",
	 "550 5.7.1 <t@d.example>... Relaying denied. IP name possibly forged [198.51.100.1]",
	 RELAY_DENIED},
	{"Sendmail whose resolver is away",
	 "451 4.7.1 Relaying temporarily denied. Cannot resolve PTR record for 198.51.100.1",
	 RELAY_DENIED},
	{"OpenSMTPD", "550 Invalid recipient: <t@d.example>", RELAY_DENIED},
	{"Exchange", "550 5.7.1 Unable to relay", RELAY_DENIED},
	{"Exchange, with the recipient", "550 5.7.1 Unable to relay for t@d.example", RELAY_DENIED},
	{"Exchange 2013 and later",
	 "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", RELAY_DENIED},
	{"Exchange Online", "550 5.7.64 TenantAttribution; Relay Access Denied [VE1EUR01FT012.eop]",
	 RELAY_DENIED},
	{"qmail", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
	 RELAY_DENIED},
	{"netqmail with validrcptto",
	 "553 sorry, that domain isn't in my list of allowed rcpthosts; no valid cert for "
	 "gatewaying "
	 "(#5.7.1)",
	 RELAY_DENIED},
	{"Courier", "513 Relaying denied.", RELAY_DENIED},
	{"Haraka", "550 I cannot deliver mail for <t@d.example>", RELAY_DENIED},
	{"hMailServer", "530 SMTP authentication is required.", RELAY_DENIED},
	{"hMailServer, relaying off", "550 Delivery is not allowed to this address.", RELAY_DENIED},
	{"MDaemon", "550 5.7.1 Sorry, relaying is not allowed", RELAY_DENIED},
	{"MailEnable",
	 "503 This mail server requires authentication when attempting to send to a "
	 "non-local e-mail address.",
	 RELAY_DENIED},
	{"CommuniGate Pro", "571 t@d.example prohibited. We do not relay", RELAY_DENIED},
	{"Domino", "554 Relay rejected for policy reasons.", RELAY_DENIED},
	{"Apache James", "550 5.7.1 Requested action not taken: relaying denied", RELAY_DENIED},
	{"Zimbra", "554 5.7.1 <t@d.example>: Relay access denied", RELAY_DENIED},
	{"Kerio Connect", "550 5.7.1 Relaying to <t@d.example> denied (authentication required)",
	 RELAY_DENIED},
	{"Cisco ESA",
	 "550 #5.7.1 Your access to submit messages to this e-mail system has been "
	 "rejected.",
	 RELAY_OTHERWISE},
	{"Ironport of old", "550 #5.1.0 Address rejected.", RELAY_OTHERWISE},
	{"Symantec", "550 5.7.1 Unable to relay for this address", RELAY_DENIED},
	{"RFC 5321, 3.4", "551 User not local; please try <t@d.example>", RELAY_DENIED},
	{"any, by the code alone", "550 5.7.1 No", RELAY_DENIED},
	{"submission", "530 5.7.0 Authentication required", RELAY_DENIED},
	{"MS SMTP, anonymous not allowed", "530 5.7.1 Client was not authenticated", RELAY_DENIED},
	/* Another reason */
	{"Postgrey",
	 "450 4.2.0 <t@d.example>: Recipient address rejected: Greylisted, see "
	 "http://postgrey.schweikert.ch/help/d.example.html",
	 RELAY_OTHERWISE},
	{"milter-greylist", "451 4.7.1 Greylisting in action, please come back in 00:05:00",
	 RELAY_OTHERWISE},
	{"4.7.1 without a word about relaying", "450 4.7.1 Please try later", RELAY_OTHERWISE},
	{"Postfix and a block list, with the same code as relaying",
	 "554 5.7.1 Service unavailable; Client host [198.51.100.1] blocked using "
	 "zen.spamhaus.org",
	 RELAY_OTHERWISE},
	{"a block list that speaks of open relays",
	 "550 5.7.1 Mail refused: 198.51.100.1 is an open relay, listed at relays.example",
	 RELAY_OTHERWISE},
	{"Postfix without PTR",
	 "450 4.7.25 Client host rejected: cannot find your hostname, [198.51.100.1]",
	 RELAY_OTHERWISE},
	{"Postfix and a null MX",
	 "556 5.1.10 <t@example.com>: Recipient address rejected: Domain example.com does not "
	 "accept mail (nullMX)",
	 RELAY_DOMAIN_WORD},
	{"a null MX by its code", "556 5.1.10 No", RELAY_DOMAIN_WORD},
	{"Postfix and a domain without address",
	 "450 4.1.2 <t@d.example>: Recipient address rejected: Domain not found",
	 RELAY_DOMAIN_WORD},
	{"a null MX of the sender's is about the sender",
	 "550 5.7.27 <a@example.com>: Sender address rejected: Domain example.com does not accept "
	 "mail (nullMX)",
	 RELAY_SENDER_WORD},
	{"the same by its code", "550 5.7.27 No", RELAY_SENDER_WORD},
	{"Courier takes no bang path", "550 Unknown UUCP bang path.", RELAY_SYNTAX},
	{"Postfix, HELO", "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname",
	 RELAY_OTHERWISE},
	{"TLS first", "530 5.7.0 Must issue a STARTTLS command first", RELAY_OTHERWISE},
	{"Postfix, too many", "452 4.5.3 Error: too many recipients", RELAY_OTHERWISE},
	{"Exim's callout", "451 Temporary local problem - please try later", RELAY_OTHERWISE},
	{"a bare no", "550 Administrative prohibition", RELAY_OTHERWISE},
	{"goodbye", "421 4.7.0 mx.example.net Error: too many errors", RELAY_OTHERWISE},
	{"unknown, for now",
	 "450 4.1.1 <t@d.example>: Recipient address rejected: unverified "
	 "address: User unknown",
	 RELAY_OTHERWISE},
	/* The sender */
	{"Postfix", "450 4.1.8 <p@d.example>: Sender address rejected: Domain not found",
	 RELAY_SENDER_WORD},
	{"Postfix, for good",
	 "550 5.1.0 <p@d.example>: Sender address rejected: User unknown in "
	 "virtual mailbox table",
	 RELAY_SENDER_WORD},
	{"Postfix, spoofed, with the code of relaying",
	 "553 5.7.1 <p@l.example>: Sender address rejected: not logged in", RELAY_SENDER_WORD},
	{"Exim", "550 Sender verify failed", RELAY_SENDER_WORD},
	{"Exim, two lines", "550-Verification failed for <p@d.example>\n550 Sender verify failed",
	 RELAY_SENDER_WORD},
	{"Sendmail",
	 "553 5.1.8 <p@d.example>... Domain of sender address p@d.example does not exist",
	 RELAY_SENDER_WORD},
	{"SPF", "550 5.7.23 <t@l.example>: SPF check failed for the sender", RELAY_SENDER_WORD},
	/* Its form */
	{"Postfix", "501 5.1.3 Bad recipient address syntax", RELAY_SYNTAX},
	{"Exim", "501 <t%d.example>: recipient address must contain a domain", RELAY_SYNTAX},
	{"Exim, two at signs",
	 "501 <t@d.example@v.example>: malformed address: @v.example> may not follow <t@d.example",
	 RELAY_SYNTAX},
	{"Exim, literals", "501 <t@[192.0.2.25]>: domain literals not allowed", RELAY_SYNTAX},
	{"Exim of Debian", "550 Restricted characters in address", RELAY_SYNTAX},
	{"OpenSMTPD", "553 Recipient address syntax error", RELAY_SYNTAX},
	{"Sendmail", "553 5.1.3 <d.example!t@[192.0.2.25]>... Invalid route address", RELAY_SYNTAX},
	{"by the code alone", "501 5.5.4 No", RELAY_SYNTAX},
	/* Nobody */
	{"Postfix",
	 "550 5.1.1 <t%d.example@v.example>: Recipient address rejected: User unknown "
	 "in local recipient table",
	 RELAY_UNKNOWN},
	{"Exim", "550 Unrouteable address", RELAY_UNKNOWN},
	{"Sendmail", "550 5.1.1 <t>... User unknown", RELAY_UNKNOWN},
	{"Exchange",
	 "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address",
	 RELAY_UNKNOWN},
	{"qmail with a patch", "550 sorry, no mailbox here by that name (#5.1.1)", RELAY_UNKNOWN},
	{"Courier", "550 User unknown.", RELAY_UNKNOWN},
	/* Taken */
	{"any", "250 2.1.5 Ok", RELAY_ACCEPTED},
	{"it forwards (RFC 5321, 3.4)", "251 User not local; will forward to <t@d.example>",
	 RELAY_ACCEPTED},
	{"it will try (RFC 5321, 3.5.3)", "252 2.1.5 Cannot verify, will attempt delivery",
	 RELAY_ACCEPTED},
	/* What we said, said back, is no word of theirs */
	{"an echo of a name", "550 5.1.1 <t%relay access denied@v.example>: User unknown",
	 RELAY_UNKNOWN},
};

TEST(refusals_are_judged_by_their_words)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct response r = response_of(refusals[i].text);
		const char *why = NULL;
		enum relay_word word = relay_judge_why(&r, &why);

		EXPECT(word == refusals[i].word, "%s: %s: word %d (%s)", refusals[i].server,
		       refusals[i].text, (int)word, why);
		EXPECT(why && why[0], "%s: says why", refusals[i].server);
	}
}

TEST(no_answer_is_no_word)
{
	struct response r = {0};

	EXPECT(relay_judge(&r) == RELAY_NO_WORD, "none");
	r = (struct response){.kind = RESPONSE_NEGATIVE, .code = 550};
	EXPECT(relay_judge(&r) == RELAY_OTHERWISE, "a code without a text");
}

/* ---- the ladder ---- */

#define ROWS_MAX 96

struct row {
	enum what what;
	unsigned form, sender;
	const char *text; /* NULL: none came */
};

/* One visit of these rows, in static room. */
static void visit_fill(struct visit_log *v, struct exchange *x, const struct row *rows,
		       unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		x[i] = (struct exchange){.what = rows[i].what,
					 .index = RELAY_INDEX(rows[i].form, rows[i].sender),
					 .response = response_of(rows[i].text)};
	*v = (struct visit_log){.purpose = PURPOSE_RELAY, .exchange = x, .count = count};
}

/* All forms from one sender, refused with this; then the rows. */
static enum ladder ladder_of(const char *others, const struct row *rows, unsigned count,
			     const struct exchange **worst)
{
	static struct row all[ROWS_MAX];
	static struct exchange x[ROWS_MAX];
	static struct visit_log v;
	struct seen_address a = {.visits = &v};
	unsigned total = 0;

	all[total++] = (struct row){WHAT_RELAY_MAIL, 0, 0, "250 Ok"};
	for (unsigned f = 0; others && f < relay_form_count; f++) {
		bool is_said = false;

		for (unsigned i = 0; i < count; i++)
			is_said |= rows[i].what == WHAT_RELAY_RCPT && rows[i].form == f &&
				   rows[i].sender == 0;
		if (!is_said)
			all[total++] = (struct row){WHAT_RELAY_RCPT, f, 0, others};
	}
	for (unsigned i = 0; i < count; i++)
		all[total++] = rows[i];
	visit_fill(&v, x, all, total);
	return relay_ladder(&a, worst);
}

#define DENIED_TEXT "554 5.7.1 <t@d.example>: Relay access denied"
#define PERCENT	    2 /* <t%D@V> */
#define ROUTE	    9 /* <@V:t@D> */
#define PROBED	    RELAY_PROBE(RELAY_OUTER_SERVER)

TEST(the_ladder_over_visits_made_by_hand)
{
	const struct {
		const char *sentence, *others;
		enum ladder ladder;
		struct row row[6];
	} rows[] = {
		{"every form denied is closed", DENIED_TEXT, LADDER_CLOSED, {{0}}},
		{"with 454 too", "454 4.7.1 <x>: Relay access denied", LADDER_CLOSED, {{0}}},
		{"greylisting is not", "450 4.7.1 Greylisted", LADDER_INCONCLUSIVE, {{0}}},
		{"nothing asked is not", NULL, LADDER_INCONCLUSIVE, {{0}}},
		{"a syntax error of an odd form is",
		 DENIED_TEXT,
		 LADDER_CLOSED,
		 {{WHAT_RELAY_RCPT, 14, 0, "501 5.1.3 Bad recipient address syntax"}}},
		{"of the plain form it is not",
		 DENIED_TEXT,
		 LADDER_INCONCLUSIVE,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 0, "501 5.1.3 Bad recipient address syntax"}}},
		{"an unknown user of its own is closed",
		 DENIED_TEXT,
		 LADDER_CLOSED,
		 {{WHAT_RELAY_RCPT, PERCENT, 0, "550 5.1.1 User unknown"}}},
		{"one of a stranger's is not",
		 DENIED_TEXT,
		 LADDER_INCONCLUSIVE,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 0, "550 5.1.1 User unknown"}}},
		{"a null MX hides the answer",
		 DENIED_TEXT,
		 LADDER_INCONCLUSIVE,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 0, "556 5.1.10 nullMX"}}},
		{"one form without an answer leaves it open",
		 DENIED_TEXT,
		 LADDER_INCONCLUSIVE,
		 {{WHAT_RELAY_RCPT, 20, 0, NULL}}},
		{"a sender refused for what it is does not",
		 DENIED_TEXT,
		 LADDER_CLOSED,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 4, "550 5.1.7 Sender address rejected"}}},
		{"2xx at RCPT is a suspect",
		 DENIED_TEXT,
		 LADDER_SUSPECT,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 8, "250 2.1.5 Ok"}}},
		{"252 too",
		 DENIED_TEXT,
		 LADDER_SUSPECT,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 8, "252 Will try"}}},
		{"a source route as well",
		 DENIED_TEXT,
		 LADDER_SUSPECT,
		 {{WHAT_RELAY_RCPT, ROUTE, 0, "250 2.1.5 Ok"}}},
		{"354 accepts",
		 DENIED_TEXT,
		 LADDER_ACCEPTS,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 8, "250 2.1.5 Ok"},
		  {WHAT_RELAY_DATA, RELAY_PLAIN, 8, "354 Go on"}}},
		{"a refusal at DATA closes",
		 DENIED_TEXT,
		 LADDER_CLOSED,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 8, "250 2.1.5 Ok"},
		  {WHAT_RELAY_DATA, RELAY_PLAIN, 8, "554 5.5.1 No valid recipients"}}},
		{"a form of its own domain may be a mailbox",
		 DENIED_TEXT,
		 LADDER_INCONCLUSIVE,
		 {{WHAT_RELAY_RCPT, PERCENT, 0, "250 2.1.5 Ok"}}},
		{"and is one where any name is taken",
		 DENIED_TEXT,
		 LADDER_INCONCLUSIVE,
		 {{WHAT_RELAY_RCPT, PERCENT, 0, "250 2.1.5 Ok"},
		  {WHAT_RELAY_RCPT, PROBED, 0, "250 2.1.5 Ok"}}},
		{"but not where a plain name is refused",
		 DENIED_TEXT,
		 LADDER_SUSPECT,
		 {{WHAT_RELAY_RCPT, PERCENT, 0, "250 2.1.5 Ok"},
		  {WHAT_RELAY_RCPT, PROBED, 0, "550 5.1.1 User unknown"}}},
		{"a plain name put off says nothing",
		 DENIED_TEXT,
		 LADDER_INCONCLUSIVE,
		 {{WHAT_RELAY_RCPT, PERCENT, 0, "250 2.1.5 Ok"},
		  {WHAT_RELAY_RCPT, PROBED, 0, "450 4.2.0 Greylisted"}}},
		{"an accepted probe alone is no relay",
		 DENIED_TEXT,
		 LADDER_CLOSED,
		 {{WHAT_RELAY_RCPT, PROBED, 0, "250 2.1.5 Ok"}}},
		{"a token that came back confirms, catch-all or not",
		 DENIED_TEXT,
		 LADDER_CONFIRMED,
		 {{WHAT_RELAY_RCPT, PERCENT, 0, "250 2.1.5 Ok"},
		  {WHAT_RELAY_RCPT, PROBED, 0, "250 2.1.5 Ok"},
		  {WHAT_RELAY_SENT, PERCENT, 0, "250 2.0.0 queued"},
		  {WHAT_RELAY_RETURNED, PERCENT, 0, NULL}}},
		{"a message that did not come back does not",
		 DENIED_TEXT,
		 LADDER_SUSPECT,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 8, "250 2.1.5 Ok"},
		  {WHAT_RELAY_SENT, RELAY_PLAIN, 8, "250 2.0.0 queued"}}},
		{"put off, and then denied, is denied",
		 DENIED_TEXT,
		 LADDER_CLOSED,
		 {{WHAT_RELAY_RCPT, RELAY_PLAIN, 0, "450 4.2.0 Greylisted"},
		  {WHAT_RELAY_RCPT, RELAY_PLAIN, 0, DENIED_TEXT}}},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct exchange *worst = NULL;
		unsigned count = 0;
		enum ladder l;

		while (count < COUNT(rows[i].row) && rows[i].row[count].what)
			count++;
		l = ladder_of(rows[i].others, rows[i].row, count, &worst);
		EXPECT(l == rows[i].ladder, "%s: %s", rows[i].sentence, ladder_name(l));
		EXPECT(l < LADDER_SUSPECT || worst, "%s: rests on an exchange", rows[i].sentence);
	}
}

TEST(a_server_that_hears_nobody_without_a_password_is_closed)
{
	static const struct row rows[] = {
		{WHAT_RELAY_MAIL, 0, 0, "530 5.7.0 Authentication required"},
		{WHAT_RELAY_MAIL, 0, 1, "530 5.7.0 Authentication required"},
		{WHAT_RELAY_MAIL, 0, 2, "530 5.7.0 Authentication required"},
	};
	static struct exchange x[COUNT(rows)];
	static struct visit_log v;
	struct seen_address a = {.visits = &v};
	const struct exchange *worst = NULL;

	visit_fill(&v, x, rows, COUNT(rows));
	EXPECT(relay_ladder(&a, &worst) == LADDER_CLOSED && worst, "closed");
}

TEST(indices_beyond_the_matrix_are_passed_over)
{
	static const struct row rows[] = {
		{WHAT_RELAY_RCPT, 200, 0, "250 Ok"},
		{WHAT_RELAY_RCPT, 0, 31, "250 Ok"},
	};
	const struct exchange *worst = NULL;

	EXPECT(ladder_of(DENIED_TEXT, rows, COUNT(rows), &worst) == LADDER_CLOSED, "closed");
}
