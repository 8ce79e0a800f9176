/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever servers say: fingerprints and the checks of the wire hold their bounds, and nothing that they say of it bears a byte that
 * cannot be printed. The bytes are responses, parted by 0xff; the first two of each say with which code, at which visit, and to what.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/check.h"

#define PARTED	      0xff
#define RESPONSES_MAX 16
#define WHATS	      (WHAT_IMAP_ID + 1)
#define PURPOSES      (PURPOSE_IMAP + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const ids[] = {"banner",	 "patches",   "help",	     "vrfy",
				  "expn",	 "helo",      "sender",	     "size",
				  "null-sender", "long-line", "backscatter", "roles",
				  "starttls",	 "auth-tls",  "aliases",     "auth-required"};

static void require(int held)
{
	if (!held)
		abort();
}

static void require_printable(const char *text)
{
	for (; *text; text++)
		require(*text >= ' ' && *text <= '~');
}

/* As the reader leaves it: lines ended by '\n', no NUL. */
static void response_make(struct response *r, unsigned code, const uint8_t *bytes, size_t length)
{
	static const int codes[] = {220, 250, 252, 334, 354, 421, 450, 500, 502, 503, 550, 221};

	r->code = codes[code % (sizeof(codes) / sizeof(codes[0]))];
	r->kind = r->code < 300	  ? RESPONSE_POSITIVE
		  : r->code < 400 ? RESPONSE_MORE
		  : r->code < 500 ? RESPONSE_TRANSIENT
				  : RESPONSE_NEGATIVE;
	r->text = malloc(length + 2);
	require(r->text != NULL);
	for (size_t i = 0; i < length; i++) {
		r->text[i] = bytes[i] ? (char)bytes[i] : '?';
		r->line_count += bytes[i] == '\n';
	}
	r->text[length] = '\n';
	r->text[length + 1] = 0;
	r->line_count++;
}

/* A visit of one exchange for each piece: that is as many as there can be for a check. */
static void visits_make(struct seen_address *a, const uint8_t *data, size_t size)
{
	for (unsigned n = 0; size >= 2 && n < RESPONSES_MAX; n++) {
		const uint8_t *end = memchr(data, PARTED, size);
		size_t length = end ? (size_t)(end - data) : size;

		if (length >= 2) {
			struct visit_log *v = calloc(1, sizeof(*v));
			struct exchange *x = calloc(1, sizeof(*x));

			require(v && x);
			v->purpose = data[0] % PURPOSES;
			v->protocol = v->purpose == PURPOSE_POP3   ? PROTOCOL_POP3
				      : v->purpose == PURPOSE_IMAP ? PROTOCOL_IMAP
								   : PROTOCOL_SMTP;
			v->port = 25;
			x->what = data[1] % WHATS;
			response_make(&x->response, data[0] / PURPOSES, data + 2, length - 2);
			v->exchange = x;
			v->count = 1;
			seen_add_visit(a, v);
		}
		length += end != NULL;
		data += length;
		size -= length;
	}
}

static void findings_look(const struct findings *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		require_printable(f->row[i]->text);
		for (unsigned k = 0; k < f->row[i]->evidence_count; k++)
			require_printable(f->row[i]->evidence[k]);
	}
}

/* The same responses once more, as what an IMAP server tells of the limit of a mailbox. */
static void quota_look(struct look *l, struct seen_address *a)
{
	static const enum what whats[] = {WHAT_QUOTA, WHAT_QUOTA_CAPA, WHAT_QUOTA_LOGIN};

	for (struct visit_log *v = a->visits; v; v = v->next) {
		struct exchange *x = &v->exchange[0];

		v->purpose = PURPOSE_QUOTA;
		v->protocol = PROTOCOL_IMAP;
		x->what = whats[x->what % (sizeof(whats) / sizeof(whats[0]))];
		x->response.code = 0;
	}
	l->check = check_find("mailbox-quota");
	l->check->address(l, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen_host host = {.name = "mx.example.org", .is_mx = true};
	struct seen_address address = {.host = &host, .may_intrude = true, .is_answering = true};
	struct audit_request request = {.aliases = {.word = {"all@example.org"}, .count = 1},
					.imap_user = "inbox"};
	struct findings found = {0};
	struct seen seen = {0};
	struct look look = {.seen = &seen, .request = &request, .out = &found};

	visits_make(&address, data, size);
	fingerprint_take(address.visits, PROTOCOL_SMTP, host.name, &address.fingerprint);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		look.check = check_find(ids[i]);
		look.check->address(&look, &address);
	}
	quota_look(&look, &address);
	findings_look(&found);
	findings_free(&found);
	while (address.visits) {
		struct visit_log *v = address.visits;

		address.visits = v->next;
		visit_log_free(v);
	}
	return 0;
}
