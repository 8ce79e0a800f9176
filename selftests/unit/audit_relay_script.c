/* SPDX-License-Identifier: BSD-2-Clause */
/* The relay visits against servers that are functions: what is asked, what is left out, and what the finding then says. */
#include "audit/check.h"
#include "audit/collector.h"
#include "audit/relay.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VISITS_MAX   48
#define STEPS_MAX    64
#define ODD_CODE     "501 syntax error"

/* What a server says to this recipient from this sender; line NULL: to MAIL. */
typedef const char *(*policy_fn)(const char *sender, const char *line, bool in_tls);

static struct play {
	policy_fn policy;
	struct seen seen;
	struct seen_host host;
	struct seen_address address;
	struct audit_request request;
	struct script_facts facts;
	struct visit_log visit[VISITS_MAX];
	struct exchange exchange[VISITS_MAX][STEPS_MAX];
	char text[VISITS_MAX][STEPS_MAX][256];
	/* What was seen. */
	unsigned visits, recipients, messages, cuts, most_refused, most_syntax;
	const char *late, *data; /* behind an acceptance of RCPT; to DATA; NULL: nothing, 354 */
	bool went_on;		 /* something was sent after 354 that was not a whole message */
	char message[4096];
} p;

static void play_new(policy_fn policy)
{
	for (unsigned v = 0; v < VISITS_MAX; v++)
		for (unsigned i = 0; i < STEPS_MAX; i++)
			free(p.exchange[v][i].sent);
	p = (struct play){.policy = policy};
	p.seen = (struct seen){.host = &p.host, .host_count = 1};
	p.host = (struct seen_host){
		.name = "mx.example.net", .address = &p.address, .address_count = 1};
	addr_parse("192.0.2.25", &p.address.addr, NULL);
	p.address.host = &p.host;
	p.address.may_intrude = p.address.is_answering = true;
	p.address.vantage = VANTAGE_OUTSIDE;
	p.facts = (struct script_facts){.request = &p.request,
					.seen = &p.seen,
					.address = &p.address,
					.helo = "probe.example.com",
					.domain = "example.net",
					.foreign = "example.org",
					.random = "zq1x2y3z4",
					.may_intrude = true};
}

static struct response reply(char *room, const char *text)
{
	struct response r = {.text = room, .line_count = 1};

	if (!text)
		return (struct response){0};
	snprintf(room, sizeof(p.text[0][0]), "%s\n", text + 4);
	r.code = atoi(text);
	r.has_enhanced = sscanf(room, "%hhu.%hhu.%hhu ", &r.enhanced[0], &r.enhanced[1],
				&r.enhanced[2]) == 3;
	r.kind = r.code < 300	? RESPONSE_POSITIVE
		 : r.code < 400 ? RESPONSE_MORE
		 : r.code < 500 ? RESPONSE_TRANSIENT
				: RESPONSE_NEGATIVE;
	return r;
}

struct session {
	char sender[RELAY_PATH_MAX];
	bool in_tls, in_data;
	unsigned refused, syntax;
};

static const char *answer(struct session *s, const struct step *step)
{
	const char *text = step->text ? step->text : "", *said = "250 2.0.0 Ok";

	if (s->in_data) {
		p.went_on |= step->kind != STEP_RAW;
		s->in_data = false;
		p.messages++;
		snprintf(p.message, sizeof(p.message), "%s", text);
		return "250 2.0.0 queued";
	}
	if (step->kind == STEP_READ)
		return step->what == WHAT_GREETING ? "220 mx.example.net ESMTP" : p.late;
	if (step->kind == STEP_TLS) {
		s->in_tls = true;
		return "220 2.0.0 Go on";
	}
	if (strncmp(text, "MAIL FROM:", 10) == 0) {
		snprintf(s->sender, sizeof(s->sender), "%s", text + 10);
		said = p.policy(s->sender, NULL, s->in_tls);
	} else if (strncmp(text, "RCPT TO:", 8) == 0) {
		p.recipients++;
		said = p.policy(s->sender, text + 8, s->in_tls);
	} else if (strcmp(text, "DATA") == 0) {
		s->in_data = !p.data;
		said = p.data ? p.data : "354 Go on";
	}
	s->refused += !said || said[0] > '3';
	s->syntax += said && strncmp(said, "501", 3) == 0;
	return said;
}

static void play_visit(struct relay_script *script)
{
	struct visit_log *v = &p.visit[p.visits];
	struct session s = {0};
	struct step step;
	const struct exchange *last = NULL;

	*v = (struct visit_log){.purpose = PURPOSE_RELAY, .exchange = p.exchange[p.visits]};
	while (v->count < STEPS_MAX && relay_script_next(script, v, last, &step)) {
		struct exchange *x = &v->exchange[v->count];

		if (step.kind == STEP_CUT) {
			p.cuts++;
			break;
		}
		*x = (struct exchange){.what = step.what, .index = step.index};
		x->in_tls = s.in_tls;
		x->sent = step.text ? strdup(step.text) : NULL;
		x->response = reply(p.text[p.visits][v->count], answer(&s, &step));
		v->count++;
		last = x;
		if (x->response.kind == RESPONSE_NONE && !step.patience_ms) {
			v->end = VISIT_CLOSED;
			break;
		}
		if (step.kind == STEP_QUIT)
			break;
	}
	if (s.refused > p.most_refused)
		p.most_refused = s.refused;
	if (s.syntax > p.most_syntax)
		p.most_syntax = s.syntax;
	p.visits++;
}

static enum ladder play(const struct exchange **worst)
{
	struct relay_script *script;

	for (unsigned round = 0; p.visits < VISITS_MAX; round++) {
		script = relay_script_new(round, &p.facts);
		if (!script)
			break;
		play_visit(script);
		relay_script_free(script);
		seen_add_visit(&p.address, &p.visit[p.visits - 1]);
	}
	EXPECT(p.visits < VISITS_MAX, "it comes to an end");
	return relay_ladder(&p.address, worst);
}

/* ---- servers ---- */

#define DENIED "554 5.7.1 Relay access denied"
#define OK     "250 2.1.5 Ok"

static bool ends(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a >= b && strcmp(text + a - b, end) == 0;
}

static const char *closed(const char *sender, const char *line, bool in_tls)
{
	(void)sender;
	(void)in_tls;
	return line ? DENIED : OK;
}

/* A strict parser, as Exim's: no form without a domain, none with two, no literals. */
static const char *strict(const char *sender, const char *line, bool in_tls)
{
	const char *text = line ? line : sender, *at = strchr(text, '@');

	(void)in_tls;
	if (strcmp(text, "<>") == 0)
		return OK;
	if (!at || (text[1] != '@' && text[1] != '"' && strchr(at + 1, '@')) || strchr(text, '['))
		return ODD_CODE;
	return line ? DENIED : OK;
}

static const char *world(const char *sender, const char *line, bool in_tls)
{
	(void)sender;
	(void)line;
	(void)in_tls;
	return OK;
}

static const char *spoof(const char *sender, const char *line, bool in_tls)
{
	return line && ends(sender, "@example.net>") ? OK : closed(sender, line, in_tls);
}

/* An ordinary sender is refused for what it is; nobody is not, and may relay by a source route. */
static const char *route_of_nobody(const char *sender, const char *line, bool in_tls)
{
	(void)in_tls;
	if (!line)
		return strcmp(sender, "<>") == 0 ? OK : "550 5.1.8 Sender address rejected";
	return line[1] == '@' ? OK : DENIED;
}

static const char *percent(const char *sender, const char *line, bool in_tls)
{
	(void)sender;
	(void)in_tls;
	if (!line || (strchr(line, '%') && ends(line, "@mx.example.net>")))
		return OK;
	return ends(line, "@mx.example.net>") ? "550 5.1.1 User unknown" : DENIED;
}

static const char *catch_all(const char *sender, const char *line, bool in_tls)
{
	(void)sender;
	(void)in_tls;
	return !line || ends(line, "@example.net>") ? OK : DENIED;
}

static const char *tls_first(const char *sender, const char *line, bool in_tls)
{
	return in_tls ? closed(sender, line, in_tls)
		      : "530 5.7.0 Must issue a STARTTLS command first";
}

static const char *auth_first(const char *sender, const char *line, bool in_tls)
{
	(void)sender;
	(void)line;
	(void)in_tls;
	return "530 5.7.0 Authentication required";
}

static const char *greylisting(const char *sender, const char *line, bool in_tls)
{
	(void)sender;
	(void)in_tls;
	return line ? "450 4.2.0 Greylisted" : OK;
}

static const char *mute(const char *sender, const char *line, bool in_tls)
{
	(void)sender;
	(void)in_tls;
	return line ? NULL : OK;
}

/* Looks at the recipient's domain first, as reject_unknown_recipient_domain in front of the rest does it. */
static const char *no_null_mx(const char *sender, const char *line, bool in_tls)
{
	return line && ends(line, "@example.com>") ? "556 5.1.10 does not accept mail (nullMX)"
						   : closed(sender, line, in_tls);
}

/* As Exim with verify = sender: who claims to be of its own house cannot be verified, whoever the recipient is. */
static const char *verifies_senders(const char *sender, const char *line, bool in_tls)
{
	if (line && (strstr(sender, "@mx.example.net>") || strstr(sender, "@localhost>")))
		return "451 Temporary local problem - please try later";
	return closed(sender, line, in_tls);
}

/* The same, but of its own users it takes mail from anybody: it is the recipient that could not be verified. */
static const char *verifies_recipients(const char *sender, const char *line, bool in_tls)
{
	(void)in_tls;
	(void)sender;
	return !line || ends(line, "@example.net>")
		       ? OK
		       : "451 Temporary local problem - please try later";
}

TEST(each_server_is_found_out)
{
	static const struct {
		const char *sentence;
		policy_fn policy;
		enum ladder ladder;
		const char *form, *sender; /* that got through */
		unsigned visits_most;
	} rows[] = {
		{"a closed one", closed, LADDER_CLOSED, NULL, NULL, 12},
		{"a strict one", strict, LADDER_CLOSED, NULL, NULL, 12},
		{"one open to the world, in two visits", world, LADDER_ACCEPTS, "plain",
		 "ourselves", 2},
		{"one open to its own domain's name", spoof, LADDER_ACCEPTS, "plain",
		 "postmaster of its domain", 16},
		{"a source route, from the one sender it takes", route_of_nobody, LADDER_ACCEPTS,
		 "source route through its address", "nobody", 16},
		{"a percent hack", percent, LADDER_ACCEPTS, "percent hack through its name",
		 "ourselves", 16},
		{"a catch-all is no relay", catch_all, LADDER_INCONCLUSIVE,
		 "percent hack through its domain", "ourselves", 16},
		{"one that wants TLS", tls_first, LADDER_CLOSED, NULL, NULL, 14},
		{"one that wants a password", auth_first, LADDER_CLOSED, NULL, NULL, 3},
		{"one that cannot verify its own senders", verifies_senders, LADDER_CLOSED, NULL,
		 NULL, 16},
		{"one that cannot verify recipients", verifies_recipients, LADDER_INCONCLUSIVE,
		 NULL, NULL, 16},
		{"one that greylists", greylisting, LADDER_INCONCLUSIVE, NULL, NULL, 12},
		{"one that falls silent", mute, LADDER_INCONCLUSIVE, NULL, NULL, 3},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct exchange *worst;
		enum ladder l;

		play_new(rows[i].policy);
		l = play(&worst);
		EXPECT(l == rows[i].ladder, "%s: %s", rows[i].sentence, ladder_name(l));
		if (rows[i].form && EXPECT(worst != NULL, "%s: an exchange", rows[i].sentence))
			EXPECT(strcmp(relay_form_name(RELAY_FORM(worst->index)), rows[i].form) ==
					       0 &&
				       strcmp(relay_sender_name(RELAY_SENDER(worst->index)),
					      rows[i].sender) == 0,
			       "%s: %s from %s", rows[i].sentence,
			       relay_form_name(RELAY_FORM(worst->index)),
			       relay_sender_name(RELAY_SENDER(worst->index)));
		EXPECT(p.visits <= rows[i].visits_most, "%s: %u visits", rows[i].sentence,
		       p.visits);
		EXPECT(p.most_refused <= 8, "%s: %u refusals in one visit", rows[i].sentence,
		       p.most_refused);
		EXPECT(p.most_syntax <= 2, "%s: %u syntax errors in one visit", rows[i].sentence,
		       p.most_syntax);
		EXPECT(p.messages == 0 && !p.went_on, "%s: nothing is sent", rows[i].sentence);
		EXPECT((p.cuts != 0) == (l == LADDER_ACCEPTS), "%s: cut %u times", rows[i].sentence,
		       p.cuts);
	}
}

TEST(a_closed_server_is_asked_every_form_from_three_senders)
{
	const struct exchange *worst;
	struct relay_matrix m;

	play_new(closed);
	play(&worst);
	relay_matrix_take(&p.address, &m);
	for (unsigned f = 0; f < relay_form_count; f++)
		EXPECT(m.cell[f][RELAY_FROM_OWN].is_asked &&
			       m.cell[f][RELAY_FROM_NOBODY].is_asked &&
			       m.cell[f][RELAY_FROM_POSTMASTER_HOSTED].is_asked,
		       "%s", relay_form_name(f));
	for (unsigned s = 0; s < relay_sender_count; s++)
		EXPECT(m.cell[RELAY_PLAIN][s].is_asked, "from %s", relay_sender_name(s));
	EXPECT(p.recipients == 10 + 3 * 23, "%u recipients, none twice", p.recipients);
}

TEST(without_leave_nothing_is_said)
{
	play_new(world);
	p.facts.may_intrude = false;
	EXPECT(!relay_script_new(0, &p.facts), "no script");
}

TEST(a_message_goes_to_our_own_mailbox_and_nowhere_else)
{
	const struct exchange *worst;
	const char *token;
	char cut[64];

	play_new(world);
	snprintf(p.request.send_to, sizeof(p.request.send_to), "probe@own.example.com");
	EXPECT(play(&worst) == LADDER_ACCEPTS, "accepts");
	ENSURE(p.messages == 1 && !p.went_on, "%u messages", p.messages);
	EXPECT(strstr(p.message, "To: <probe@own.example.com>\r\n"), "to us");
	EXPECT(ends(p.message, "\r\n.\r\n"), "whole");
	token = strstr(p.message, COLLECTOR_MARK);
	ENSURE(token, "with a token");
	token += strlen(COLLECTOR_MARK);
	snprintf(cut, sizeof(cut), "%.*s", (int)strcspn(token, "\r"), token);
	for (unsigned v = 0; v < p.visits; v++)
		for (unsigned i = 0; i < p.visit[v].count; i++) {
			const struct exchange *x = &p.visit[v].exchange[i];

			if (x->what == WHAT_RELAY_SENT)
				EXPECT(strcmp(p.visit[v].exchange[i - 3].sent,
					      "RCPT TO:<probe@own.example.com>") == 0,
				       "%s", p.visit[v].exchange[i - 3].sent);
		}
	EXPECT(relay_awaited(&p.seen) == 1, "it is awaited");
	EXPECT(!relay_returned(&p.seen, "postern") && !relay_returned(&p.seen, "zq1x2y3z4abcdef"),
	       "another word does not confirm it");
	EXPECT(relay_awaited(&p.seen) == 1, "still awaited");
	/* The list of exchanges is widened: it must be one of malloc's. */
	for (unsigned v = 0; v < p.visits; v++) {
		struct exchange *copy = calloc(p.visit[v].count, sizeof(*copy));

		ENSURE(copy, "memory");
		memcpy(copy, p.visit[v].exchange, p.visit[v].count * sizeof(*copy));
		p.visit[v].exchange = copy;
	}
	EXPECT(relay_returned(&p.seen, cut), "%s does", cut);
	EXPECT(relay_awaited(&p.seen) == 0, "nothing is awaited");
	EXPECT(relay_ladder(&p.address, &worst) == LADDER_CONFIRMED && worst, "confirmed");
	for (unsigned v = 0; v < p.visits; v++)
		free(p.visit[v].exchange);
}

TEST(only_a_message_tells_a_catch_all_from_a_relay)
{
	const struct exchange *worst;

	play_new(catch_all);
	snprintf(p.request.send_to, sizeof(p.request.send_to), "probe@own.example.com");
	EXPECT(play(&worst) == LADDER_INCONCLUSIVE, "inconclusive still");
	EXPECT(p.messages >= 1 && p.messages <= 3, "%u messages", p.messages);
	EXPECT(p.cuts == 0, "and no other");
}

TEST(a_mailbox_that_is_none_is_sent_nothing)
{
	static const char *const texts[] = {"probe", "@own.example.com", "a b@own.example.com",
					    "a\r\nDATA@own.example.com", "a>b@own.example.com"};
	const struct exchange *worst;

	for (size_t i = 0; i < COUNT(texts); i++) {
		play_new(world);
		snprintf(p.request.send_to, sizeof(p.request.send_to), "%s", texts[i]);
		play(&worst);
		EXPECT(p.messages == 0, "%zu", i);
	}
}

/* ---- the finding ---- */

static const struct {
	const char *sentence;
	policy_fn policy;
	enum vantage vantage;
	bool may_intrude;
	enum audit_status status;
	enum severity severity;
	const char *says;
} findings_rows[] = {
	{"closed", closed, VANTAGE_OUTSIDE, true, AUDIT_PASS, SEVERITY_INFO, "relaying denied"},
	{"closed to an insider is closed", closed, VANTAGE_OWN, true, AUDIT_PASS, SEVERITY_INFO,
	 "24 forms"},
	{"open", world, VANTAGE_OUTSIDE, true, AUDIT_FAIL, SEVERITY_CRITICAL, "open relay"},
	{"open to the host itself proves nothing", world, VANTAGE_LOOPBACK, true,
	 AUDIT_INCONCLUSIVE, SEVERITY_INFO, "proves nothing"},
	{"open to an own address neither", world, VANTAGE_OWN, true, AUDIT_INCONCLUSIVE,
	 SEVERITY_INFO, "from inside"},
	{"open to a neighbour is a warning", world, VANTAGE_INSIDE, true, AUDIT_WARN,
	 SEVERITY_MEDIUM, "from inside"},
	{"a catch-all", catch_all, VANTAGE_OUTSIDE, true, AUDIT_INCONCLUSIVE, SEVERITY_INFO,
	 "catch-all"},
	{"greylisting", greylisting, VANTAGE_OUTSIDE, true, AUDIT_INCONCLUSIVE, SEVERITY_INFO,
	 "greylisted"},
	{"a password", auth_first, VANTAGE_OUTSIDE, true, AUDIT_PASS, SEVERITY_INFO,
	 "authentication required"},
	{"silence", mute, VANTAGE_OUTSIDE, true, AUDIT_INCONCLUSIVE, SEVERITY_INFO, "no answer"},
	{"without leave", world, VANTAGE_OUTSIDE, false, AUDIT_SKIPPED, SEVERITY_INFO, "--own"},
};

TEST(the_finding_says_how_far_and_from_where)
{
	for (size_t i = 0; i < COUNT(findings_rows); i++) {
		struct findings out = {0};
		const struct look look = {.check = check_find("relay"),
					  .seen = &p.seen,
					  .request = &p.request,
					  .out = &out};
		const struct exchange *worst;
		const struct finding *f;

		play_new(findings_rows[i].policy);
		p.facts.may_intrude = p.address.may_intrude = findings_rows[i].may_intrude;
		play(&worst);
		p.address.vantage = findings_rows[i].vantage;
		check_relay(&look, &p.address);
		ENSURE(out.count == 1, "%s: %u findings", findings_rows[i].sentence, out.count);
		f = out.row[0];
		EXPECT(f->status == findings_rows[i].status, "%s: %s: %s",
		       findings_rows[i].sentence, audit_status_name(f->status), f->text);
		EXPECT(f->severity == findings_rows[i].severity, "%s: %s",
		       findings_rows[i].sentence, severity_name(f->severity));
		EXPECT(strstr(f->text, findings_rows[i].says), "%s: %s", findings_rows[i].sentence,
		       f->text);
		EXPECT(f->vantage == findings_rows[i].vantage, "%s: vantage",
		       findings_rows[i].sentence);
		EXPECT(f->evidence_count || !findings_rows[i].may_intrude, "%s: evidence",
		       findings_rows[i].sentence);
		findings_free(&out);
	}
}

static unsigned asked(const char *words)
{
	unsigned count = 0;

	for (unsigned v = 0; v < p.visits; v++)
		for (unsigned i = 0; i < p.visit[v].count; i++)
			count += p.exchange[v][i].sent && strstr(p.exchange[v][i].sent, words);
	return count;
}

TEST(a_foreign_domain_that_is_refused_for_itself_gives_way_to_another)
{
	const struct exchange *worst;

	play_new(no_null_mx);
	p.facts.foreign = "example.com";
	EXPECT(play(&worst) == LADDER_INCONCLUSIVE, "nothing is learnt by a null MX");
	EXPECT(worst && relay_judge(&worst->response) == RELAY_DOMAIN_WORD, "and it is said why");

	play_new(no_null_mx);
	p.facts.foreign = "example.com";
	p.facts.foreign_next = "probe.example.org";
	EXPECT(play(&worst) == LADDER_CLOSED, "by another domain it is");
	EXPECT(asked("@probe.example.org>") && asked("@example.com>"), "both were asked about");

	play_new(closed);
	p.facts.foreign = "example.com";
	p.facts.foreign_next = "probe.example.org";
	EXPECT(play(&worst) == LADDER_CLOSED && !asked("@probe.example.org>"),
	       "no second one where the first will do");
}

TEST(a_host_without_a_name_greets_by_its_address)
{
	const struct exchange *worst;

	play_new(closed);
	p.facts.helo = "";
	EXPECT(play(&worst) == LADDER_CLOSED, "nothing is missing");
	EXPECT(asked("EHLO [192.0.2.1]"), "in brackets");
	EXPECT(!asked("MAIL FROM:<audit@>"), "no sender of ours");
}

TEST(answers_that_are_one_behind_are_no_relay)
{
	const struct exchange *worst;

	play_new(world);
	p.late = DENIED;
	EXPECT(play(&worst) == LADDER_CLOSED, "the refusal came behind");
	EXPECT(p.messages == 0 && !asked("DATA"), "and nothing was followed up");

	play_new(world);
	p.late = "250 2.0.0 Ok";
	EXPECT(play(&worst) == LADDER_ACCEPTS, "who accepts twice accepts");

	play_new(world);
	p.late = "250 2.0.0 Ok";
	p.data = "250 2.0.0 Ok";
	EXPECT(play(&worst) == LADDER_INCONCLUSIVE, "unless it goes on so at DATA");

	/* Later than one waits for it: then DATA brings it. */
	play_new(world);
	p.data = DENIED;
	EXPECT(play(&worst) <= LADDER_INCONCLUSIVE, "what is taken back is no suspect");
}

TEST(what_a_flood_accepts_is_no_suspect)
{
	struct relay_script *script;
	const struct exchange *worst;

	play_new(world);
	script = relay_script_new(0, &p.facts);
	ENSURE(script != NULL, "a visit");
	play_visit(script);
	relay_script_free(script);
	seen_add_visit(&p.address, &p.visit[0]);
	EXPECT(relay_ladder(&p.address, &worst) == LADDER_SUSPECT, "accepted at RCPT");
	p.visit[1] = (struct visit_log){.purpose = PURPOSE_RELAY, .end = VISIT_FLOODED};
	seen_add_visit(&p.address, &p.visit[1]);
	EXPECT(relay_ladder(&p.address, &worst) == LADDER_INCONCLUSIVE && worst, "by a flood");
}
