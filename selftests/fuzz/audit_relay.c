/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A server that answers the relay test as it likes: the test comes to an end, says one line at a time, asks for DATA only behind an accepted
 * recipient, and sends no message to anybody but the operator's own mailbox. The first byte says whether there is one, and whether the test
 * is gone through to its end; then comes for each answer a code, and its text up to 0xff. When the bytes are over, there is no answer.
 */
#include "audit/check.h"
#include "audit/relay.h"
#include "fuzz/fuzz.h"

#define PARTED	   0xff
#define SEND_TO	   "box@own.example"
#define TEXT_MAX   512
#define VISITS_MAX 64 /* more than the test makes */
#define VISITS_FEW                                                                                 \
	8 /* as a rule: each visit reads all earlier ones again, and few show as much as many */
#define HAS_MAILBOX 0x01
#define IS_LONG	    0x10 /* "p" and what follows it */
#define STEPS_MAX   128	 /* as a visit has it */
#define CODES	    (sizeof(codes) / sizeof(codes[0]))
#define CODE_SILENT 0

static const int codes[] = {CODE_SILENT, 250, 250, 354, 421, 454, 500, 501, 530, 550, 554, 252};

struct server {
	const uint8_t *data;
	size_t size;
};

/* As the reader leaves it. */
static struct response answer_of(struct server *s)
{
	struct response r = {0};
	const uint8_t *end;
	size_t length;

	if (!s->size)
		return r;
	r.code = codes[choice_of(*s->data++, CODES)];
	s->size--;
	end = s->size ? memchr(s->data, PARTED, s->size) : NULL;
	length = end ? (size_t)(end - s->data) : s->size;
	if (r.code) {
		r.kind = r.code < 300	? RESPONSE_POSITIVE
			 : r.code < 400 ? RESPONSE_MORE
			 : r.code < 500 ? RESPONSE_TRANSIENT
					: RESPONSE_NEGATIVE;
		r.text = malloc(length + 2);
		HOLDS(r.text);
		for (size_t i = 0; i < length; i++)
			r.text[i] = s->data[i] && s->data[i] != '\n' ? (char)s->data[i] : '?';
		memcpy(r.text + length, "\n", 2);
		r.line_count = 1;
		r.has_enhanced = sscanf(r.text, "%hhu.%hhu.%hhu", &r.enhanced[0], &r.enhanced[1],
					&r.enhanced[2]) == 3;
	}
	length += end != NULL;
	s->data += length;
	s->size -= length;
	return r;
}

static void step_look(const struct step *step, const struct exchange *last, bool may_send)
{
	if (step->kind == STEP_RAW) {
		HOLDS(may_send && last->what == WHAT_RELAY_DATA &&
		      last->response.kind == RESPONSE_MORE);
		HOLDS(strstr(step->text, "\r\nTo: <" SEND_TO ">\r\n"));
		return;
	}
	HOLDS(step->kind != STEP_MUTE);
	HOLDS(!step->text || (is_printable(step->text) && strlen(step->text) < TEXT_MAX));
	if (step->what == WHAT_RELAY_DATA)
		HOLDS(last->what == WHAT_RELAY_LATE || last->what == WHAT_RELAY_RCPT);
	/* In front of the message there is nothing but the end. */
	if (last && last->what == WHAT_RELAY_DATA && last->response.kind == RESPONSE_MORE)
		HOLDS(step->kind == STEP_CUT);
}

static struct visit_log *visit_make(struct relay_script *script, struct server *s, bool may_send)
{
	struct visit_log *v = calloc(1, sizeof(*v));
	const struct exchange *last = NULL;
	struct step step;

	HOLDS(v);
	v->exchange = calloc(STEPS_MAX, sizeof(*v->exchange));
	HOLDS(v->exchange);
	v->purpose = PURPOSE_RELAY;
	/* A visit that has come to its bound ends there, whatever the script would say. */
	while (v->count < STEPS_MAX && relay_script_next(script, v, last, &step)) {
		struct exchange *x = &v->exchange[v->count];

		step_look(&step, last, may_send);
		if (step.kind == STEP_CUT)
			break;
		*x = (struct exchange){.what = step.what, .index = step.index};
		x->sent = step.text ? strdup(step.kind == STEP_RAW ? "(a message)" : step.text)
				    : NULL;
		x->response = answer_of(s);
		v->count++;
		last = x;
		if (step.kind == STEP_QUIT)
			break;
		if (x->response.kind == RESPONSE_NONE && !step.patience_ms) {
			v->end = VISIT_CLOSED;
			break;
		}
	}
	return v;
}

static void finding_look(const struct seen *seen, const struct audit_request *request,
			 const struct seen_address *a)
{
	struct findings found = {0};
	const struct look look = {
		.check = check_find("relay"), .seen = seen, .request = request, .out = &found};

	look.check->address(&look, a);
	HOLDS(found.count == 1 && is_printable(found.row[0]->text));
	for (unsigned k = 0; k < found.row[0]->evidence_count; k++)
		HOLDS(is_printable(found.row[0]->evidence[k]));
	findings_free(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen_host host = {.name = "mx.example.net", .address_count = 1};
	struct seen_address address = {.host = &host,
				       .may_intrude = true,
				       .is_answering = true,
				       .vantage = VANTAGE_OUTSIDE};
	const struct seen seen = {.host = &host, .host_count = 1};
	struct audit_request request = {0};
	struct script_facts facts = {.request = &request,
				     .seen = &seen,
				     .address = &address,
				     .helo = "probe.example.com",
				     .domain = "example.net",
				     .foreign = "example.org",
				     .random = "zq1x2y3z4",
				     .may_intrude = true};
	struct server server = {data + 1, size - 1};
	struct relay_script *script;
	unsigned round = 0, most;

	if (!size)
		return 0;
	most = data[0] & IS_LONG ? VISITS_MAX : VISITS_FEW;
	host.address = &address;
	HOLDS(addr_parse("192.0.2.25", &address.addr, NULL) == 0);
	if (data[0] & HAS_MAILBOX)
		strcpy(request.send_to, SEND_TO);
	for (; round < most && (script = relay_script_new(round, &facts)); round++) {
		seen_add_visit(&address, visit_make(script, &server, data[0] & HAS_MAILBOX));
		relay_script_free(script);
	}
	HOLDS(round < VISITS_MAX);
	finding_look(&seen, &request, &address);
	while (address.visits) {
		struct visit_log *v = address.visits;

		address.visits = v->next;
		visit_log_free(v);
	}
	return 0;
}
