/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Observations built by hand, for tests of checks: responses from the lines as they stand on the wire, visits from dialogues, an address
 * of a host that was visited, and what a check makes of it. Nothing here reads from a network.
 */
#ifndef SELFTESTS_UNIT_AUDIT_RIG_H
#define SELFTESTS_UNIT_AUDIT_RIG_H

#include <ctype.h>
#include <string.h>

#include "audit/check.h"
#include "tap.h"

#define RIG_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RIG_CODE_DIGITS	 3

struct rig {
	struct seen seen;
	struct seen_host host;
	struct seen_address address;
	struct audit_request request;
	struct findings found;
};

/* One line of a dialogue. answer NULL: said, and nothing came. */
struct rig_line {
	unsigned what, index;
	const char *sent, *answer;
};

static inline enum response_kind rig_kind_smtp(int code)
{
	return code < 300   ? RESPONSE_POSITIVE
	       : code < 400 ? RESPONSE_MORE
	       : code < 500 ? RESPONSE_TRANSIENT
			    : RESPONSE_NEGATIVE;
}

/* Of the last line: "+OK", "-ERR", "* OK", "a1 NO", "+ go on". */
static inline enum response_kind rig_kind_text(const char *line)
{
	const char *word = strchr(line, ' ');

	if (strncmp(line, "+OK", 3) == 0 || strcmp(line, ".\n") == 0)
		return RESPONSE_POSITIVE;
	if (line[0] == '+')
		return RESPONSE_MORE;
	if (line[0] != '-' && word &&
	    (strncmp(word, " OK", 3) == 0 || strncmp(word, " PREAUTH", 8) == 0))
		return RESPONSE_POSITIVE;
	return RESPONSE_NEGATIVE;
}

/* wire: lines with '\n' between them, as "250-a\n250 b". */
static inline struct response rig_response(enum protocol protocol, const char *wire)
{
	struct response r = {0};
	size_t skip = protocol == PROTOCOL_SMTP ? RIG_CODE_DIGITS + 1 : 0, length = 0;
	const char *at = wire, *last = wire;
	unsigned e[3];

	if (!wire || !(r.text = calloc(1, strlen(wire) + 2)))
		return r;
	while (*at) {
		size_t n = strcspn(at, "\n"), cut = n < skip ? n : skip;

		last = at;
		memcpy(r.text + length, at + cut, n - cut);
		length += n - cut;
		r.text[length++] = '\n';
		r.line_count++;
		at += n + (at[n] == '\n');
	}
	if (protocol != PROTOCOL_SMTP) {
		r.kind = rig_kind_text(last);
		return r;
	}
	r.code = atoi(last);
	r.kind = rig_kind_smtp(r.code);
	if (strlen(last) > skip && sscanf(last + skip, "%1u.%3u.%3u", &e[0], &e[1], &e[2]) == 3) {
		r.has_enhanced = true;
		for (unsigned i = 0; i < 3; i++)
			r.enhanced[i] = (uint8_t)e[i];
	}
	return r;
}

static inline void rig_open(struct rig *r)
{
	*r = (struct rig){0};
	snprintf(r->host.name, sizeof(r->host.name), "mx.example.org");
	snprintf(r->seen.domain.name, sizeof(r->seen.domain.name), "example.org");
	r->seen.at_s = 1800000000; /* in 2027 */
	r->host.is_mx = true;
	r->address.host = &r->host;
	r->address.vantage = VANTAGE_OUTSIDE;
	r->address.is_answering = true;
	r->address.may_intrude = true;
	snprintf(r->address.consent, sizeof(r->address.consent), "--own");
	addr_parse("192.0.2.1", &r->address.addr, NULL);
	r->host.address = &r->address;
	r->host.address_count = 1;
}

static inline void rig_close(struct rig *r)
{
	while (r->address.visits) {
		struct visit_log *v = r->address.visits;

		r->address.visits = v->next;
		visit_log_free(v);
	}
	findings_free(&r->found);
}

/* A visit to the rig's address, at the end of the others. */
static inline struct visit_log *rig_visit(struct rig *r, enum purpose purpose,
					  enum protocol protocol, uint16_t port)
{
	struct visit_log *v = calloc(1, sizeof(*v));

	if (!v)
		abort();
	v->purpose = purpose;
	v->protocol = protocol;
	v->port = port;
	v->end = VISIT_DONE;
	v->has_local = addr_parse("198.51.100.9", &v->local, NULL) == 0;
	seen_add_visit(&r->address, v);
	return v;
}

static inline struct exchange *rig_say(struct visit_log *v, unsigned what, unsigned index,
				       const char *sent, const char *answer)
{
	struct exchange *rows = realloc(v->exchange, (v->count + 1) * sizeof(*rows));

	if (!rows)
		abort();
	v->exchange = rows;
	rows[v->count] = (struct exchange){.what = what,
					   .index = index,
					   .sent = sent ? strdup(sent) : NULL,
					   .response = rig_response(v->protocol, answer)};
	return &rows[v->count++];
}

/* Up to a line with neither words nor an answer. */
static inline void rig_talk(struct visit_log *v, const struct rig_line *lines, size_t most)
{
	for (size_t i = 0; i < most && (lines[i].sent || lines[i].answer); i++)
		rig_say(v, lines[i].what, lines[i].index, lines[i].sent, lines[i].answer);
}

/* What this check says of the address; what others said before is forgotten. */
static inline void rig_check(struct rig *r, const char *id)
{
	const struct look look = {.check = check_find(id),
				  .seen = &r->seen,
				  .request = &r->request,
				  .out = &r->found};

	findings_free(&r->found);
	if (look.check && look.check->address)
		look.check->address(&look, &r->address);
}

/* The finding of this id, or NULL. */
static inline const struct finding *rig_found(const struct rig *r, const char *id)
{
	for (unsigned i = 0; i < r->found.count; i++)
		if (strcmp(r->found.row[i]->id, id) == 0)
			return r->found.row[i];
	return NULL;
}

/* "vrfy fail low", for each finding, with ", " between. Returns buffer. */
static inline const char *rig_said(const struct rig *r, char *buffer, size_t size)
{
	size_t at = 0;

	buffer[0] = 0;
	for (unsigned i = 0; i < r->found.count && at < size; i++) {
		const struct finding *f = r->found.row[i];

		at += (size_t)snprintf(buffer + at, size - at, "%s%s %s", i ? ", " : "", f->id,
				       audit_status_name(f->status));
		if (at < size && (f->status == AUDIT_FAIL || f->status == AUDIT_WARN))
			at += (size_t)snprintf(buffer + at, size - at, " %s",
					       severity_name(f->severity));
	}
	return buffer;
}

#endif
