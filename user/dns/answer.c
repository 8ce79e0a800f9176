/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of the DNS: see answer.h. Every byte is taken through the reader below, which remembers that it has run over the
 * end instead of doing it: what it gives from then on is zero, and the caller asks once.
 */
#include "dns/answer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns/ttl.h"

/* ---- the reader ---- */

#define LABEL_POINTER 0xc0 /* RFC 1035, 4.1.4 */
#define LABEL_MAX     63
#define POINTERS_MAX  32 /* of one name: each must lead backwards anyhow */
#define RECORDS_MAX                                                                                \
	4096 /* of one message of 64 KiB: none is shorter than 11 bytes, and no list needs more */
#define CHAIN_MAX 8 /* CNAMEs that are followed; resolvers follow about as many */
#define CLASS_IN  1

struct reader {
	const uint8_t *byte;
	size_t length, at;
	bool failed; /* something was cut off or senseless */
};

static uint32_t read_number(struct reader *r, unsigned bytes)
{
	uint32_t value = 0;

	if (r->failed || r->length - r->at < bytes) {
		r->failed = true;
		return 0;
	}
	while (bytes--)
		value = value << 8 | r->byte[r->at++];
	return value;
}

/* NULL when there are not as many. */
static const uint8_t *read_bytes(struct reader *r, size_t bytes)
{
	const uint8_t *from = r->byte + r->at;

	if (r->failed || r->length - r->at < bytes) {
		r->failed = true;
		return NULL;
	}
	r->at += bytes;
	return from;
}

/* A byte that a host name has; with any other the name is told as a fault, not as text. */
static bool is_name_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_';
}

/* A label of length bytes behind what out has. false: too long. */
static bool name_append(char *out, size_t *used, const uint8_t *label, size_t length, bool *plain)
{
	if (*used + length + 1 >= NAME_TEXT_MAX)
		return false;
	if (*used)
		out[(*used)++] = '.';
	for (size_t i = 0; i < length; i++) {
		*plain &= is_name_byte(label[i]);
		/* One that is not of a host name cannot be mistaken for one that is. */
		out[(*used)++] = (char)(is_name_byte(label[i]) ? label[i] : '?');
	}
	out[*used] = '\0';
	return true;
}

/*
 * A name, with its pointers followed: each must lead to before where it was met, so there is no loop. *plain: every byte is one
 * of a host name.
 */
static void read_name(struct reader *r, char out[static NAME_TEXT_MAX], bool *plain)
{
	size_t used = 0, resume = 0, least = r->at;
	unsigned pointers = 0;

	out[0] = '\0';
	*plain = true;
	while (!r->failed) {
		uint32_t length = read_number(r, 1);
		const uint8_t *label;

		if (!length)
			break;
		if ((length & LABEL_POINTER) == LABEL_POINTER) {
			size_t target =
				(length & ~(uint32_t)LABEL_POINTER) << 8 | read_number(r, 1);

			if (!pointers++)
				resume = r->at;
			if (r->failed || target >= least || pointers > POINTERS_MAX) {
				r->failed = true;
				return;
			}
			r->at = least = target;
			continue;
		}
		label = length <= LABEL_MAX ? read_bytes(r, length) : NULL;
		if (!label || !name_append(out, &used, label, length, plain))
			r->failed = true;
	}
	if (pointers && !r->failed)
		r->at = resume;
}

/* ---- records ---- */

struct header {
	unsigned rcode, questions, answers, authorities;
	bool response, truncated, authentic;
};

static struct header read_header(struct reader *r)
{
	struct header h = {0};
	uint32_t flags;

	read_number(r, 2); /* the id, which c-ares has compared */
	flags = read_number(r, 2);
	h.response = flags & 0x8000;
	h.truncated = flags & 0x0200;
	h.authentic = flags & 0x0020;
	h.rcode = flags & 0xf;
	h.questions = read_number(r, 2);
	h.answers = read_number(r, 2);
	h.authorities = read_number(r, 2);
	read_number(r, 2);
	return h;
}

struct record_head {
	char owner[NAME_TEXT_MAX];
	unsigned type, class_;
	uint32_t ttl_s;
	size_t end; /* where the next one starts */
};

static void read_record(struct reader *r, struct record_head *out)
{
	size_t length;
	bool plain;

	read_name(r, out->owner, &plain);
	out->type = read_number(r, 2);
	out->class_ = read_number(r, 2);
	out->ttl_s = ttl_of_wire(read_number(r, 4));
	length = read_number(r, 2);
	if (r->failed || r->length - r->at < length)
		r->failed = true;
	out->end = r->at + length;
}

/* The strings of the first TXT record, one behind the other, as far as there is room; those of others must be whole as well. */
static void take_text(struct reader *r, size_t end, struct answer *out)
{
	while (!r->failed && r->at < end) {
		size_t length = read_number(r, 1), room = ANSWER_TEXT_MAX - out->text.length;
		const uint8_t *from = read_bytes(r, length);

		if (!from)
			return;
		if (out->count)
			continue;
		length = length < room ? length : room;
		memcpy(out->text.byte + out->text.length, from, length);
		out->text.length += length;
	}
	out->count = 1;
}

static void take_name(struct reader *r, struct answer *out)
{
	bool plain;

	/* A name with other bytes can be no host's; it is passed over. */
	read_name(r, out->name[out->count], &plain);
	if (plain && out->name[out->count][0])
		out->count++;
}

/* The root is a name here: it says that the domain takes no mail (RFC 7505). */
static void take_mx(struct reader *r, struct answer *out)
{
	struct answer_mx *mx = &out->mx[out->count++];
	bool plain;

	mx->preference = (uint16_t)read_number(r, 2);
	read_name(r, mx->name, &plain);
}

static void take_tlsa(struct reader *r, size_t end, struct answer *out)
{
	struct answer_tlsa *tlsa = &out->tlsa[out->count++];
	const uint8_t *from;

	tlsa->usage = (uint8_t)read_number(r, 1);
	tlsa->selector = (uint8_t)read_number(r, 1);
	tlsa->matching = (uint8_t)read_number(r, 1);
	tlsa->length = !r->failed && r->at <= end ? end - r->at : 0;
	from = read_bytes(r, tlsa->length);
	if (from)
		memcpy(tlsa->data, from,
		       tlsa->length < ANSWER_DATA_MAX ? tlsa->length : ANSWER_DATA_MAX);
}

/* The data of a record that was asked for. What is more than there is room for is left out. */
static void take_data(struct reader *r, const struct record_head *h, struct answer *out)
{
	size_t length = h->end - r->at;
	const uint8_t *from;

	switch (h->type) {
	case RECORD_A:
		if (length != 4)
			r->failed = true;
		else if (out->count < OUTCOME_CODES_MAX)
			out->code[out->count++] = read_number(r, 4);
		break;
	case RECORD_AAAA:
		from = length == sizeof(struct addr) ? read_bytes(r, length) : NULL;
		if (!from)
			r->failed = true;
		else if (out->count < ANSWER_ADDRS_MAX)
			memcpy(out->addr[out->count++].byte, from, length);
		break;
	case RECORD_PTR:
		if (out->count < ANSWER_NAMES_MAX)
			take_name(r, out);
		break;
	case RECORD_TXT:
		take_text(r, h->end, out);
		break;
	case RECORD_MX:
		if (out->count < ANSWER_MX_MAX)
			take_mx(r, out);
		break;
	case RECORD_TLSA:
		if (out->count < ANSWER_TLSA_MAX)
			take_tlsa(r, h->end, out);
		break;
	default:
		break;
	}
	if (r->at > h->end)
		r->failed = true;
}

/* ---- the message ---- */

struct parsing {
	struct reader r;
	struct header h;
	enum record record;
	/* The name in question, and where its aliases have led: the last is looked for. */
	char owner[CHAIN_MAX + 1][NAME_TEXT_MAX];
	unsigned aliases;
	bool found; /* a record of the type, even one that was passed over */
	struct answer *out;
	struct answer_texts *texts; /* wanted as well, or NULL */
};

static void least_ttl(struct answer *out, uint32_t ttl_s)
{
	if (ttl_s < out->ttl_s)
		out->ttl_s = ttl_s;
}

/* An alias leads on, never back. */
static void follow_alias(struct parsing *p)
{
	char *target;
	bool plain;

	if (p->aliases == CHAIN_MAX) {
		p->r.failed = true;
		return;
	}
	target = p->owner[p->aliases + 1];
	read_name(&p->r, target, &plain);
	for (unsigned i = 0; i <= p->aliases; i++)
		p->r.failed |= strcasecmp(p->owner[i], target) == 0;
	p->aliases++;
	p->out->is_alias = true;
}

/* One record more, its strings joined (RFC 7208, 3.3); the reader ends where it began. */
static void take_whole_text(struct reader *r, size_t end, struct answer_texts *out)
{
	const size_t start = r->at;
	struct answer_text *text;

	if (out->count == ANSWER_TEXTS_MAX) {
		out->is_short = true;
		return;
	}
	text = &out->text[out->count++];
	text->length = 0;
	text->is_cut = false;
	while (!r->failed && r->at < end) {
		size_t length = read_number(r, 1), room = sizeof(text->byte) - text->length;
		const uint8_t *from = read_bytes(r, length);

		if (!from)
			return;
		text->is_cut |= length > room;
		length = length < room ? length : room;
		memcpy(text->byte + text->length, from, length);
		text->length += length;
	}
	r->at = start;
}

/* Records of other names are passed over: a resolver may add them, and a liar will. */
static void parse_answer_record(struct parsing *p)
{
	struct record_head h;

	read_record(&p->r, &h);
	if (p->r.failed)
		return;
	if (h.class_ == CLASS_IN && strcasecmp(h.owner, p->owner[p->aliases]) == 0) {
		if (h.type == p->record) {
			least_ttl(p->out, h.ttl_s);
			p->found = true;
			if (p->texts)
				take_whole_text(&p->r, h.end, p->texts);
			take_data(&p->r, &h, p->out);
		} else if (h.type == RECORD_CNAME && !p->found) {
			least_ttl(p->out, h.ttl_s);
			follow_alias(p);
			p->r.failed |= p->r.at > h.end;
		}
	}
	if (!p->r.failed)
		p->r.at = h.end;
}

/* The SOA of a negative answer, whose zone must hold the name (RFC 2308, section 3). */
static void parse_authority_record(struct parsing *p, uint32_t *ttl_s)
{
	struct record_head h;
	char name[NAME_TEXT_MAX];
	uint32_t minimum;
	bool plain;

	read_record(&p->r, &h);
	if (p->r.failed)
		return;
	if (h.type == RECORD_SOA && h.class_ == CLASS_IN &&
	    (!h.owner[0] || name_is_under(p->owner[p->aliases], h.owner))) {
		read_name(&p->r, name, &plain); /* the master, the mailbox */
		read_name(&p->r, name, &plain);
		read_bytes(&p->r, 4 * sizeof(uint32_t)); /* serial, refresh, retry, expire */
		minimum = read_number(&p->r, 4);
		if (p->r.failed || p->r.at != h.end)
			p->r.failed = true;
		else
			*ttl_s = ttl_of_soa(h.ttl_s, minimum);
	}
	if (!p->r.failed)
		p->r.at = h.end;
}

static bool question_is(struct parsing *p, const char *name)
{
	char asked[NAME_TEXT_MAX];
	unsigned type, class_;
	bool plain;

	read_name(&p->r, asked, &plain);
	type = read_number(&p->r, 2);
	class_ = read_number(&p->r, 2);
	return !p->r.failed && plain && strcasecmp(asked, name) == 0 && type == p->record &&
	       class_ == CLASS_IN;
}

static enum answer_status status_of_rcode(unsigned rcode)
{
	switch (rcode) {
	case 0: /* NOERROR */
		return ANSWER_FOUND;
	case 3: /* NXDOMAIN */
		return ANSWER_NONE;
	case 5: /* REFUSED */
		return ANSWER_REFUSED;
	default: /* SERVFAIL, and what no resolver should say to such a question */
		return ANSWER_SERVFAIL;
	}
}

static void parse_sections(struct parsing *p)
{
	struct answer *out = p->out;
	uint32_t negative_ttl_s = 0;
	unsigned left;

	if (p->h.answers + p->h.authorities > RECORDS_MAX) {
		p->r.failed = true;
		return;
	}
	out->ttl_s = UINT32_MAX;
	for (left = p->h.answers; left && !p->r.failed; left--)
		parse_answer_record(p);
	if (out->status == ANSWER_FOUND && p->found)
		return;
	/* An alias may lead to what does not exist: then the answer is both. Records beside NXDOMAIN count for nothing. */
	out->status = ANSWER_NONE;
	out->count = 0;
	for (left = p->h.authorities; left && !p->r.failed; left--)
		parse_authority_record(p, &negative_ttl_s);
	least_ttl(out, negative_ttl_s);
}

static void message_parse(const uint8_t *message, size_t length, const char *name,
			  enum record record, struct answer *out, struct answer_texts *texts)
{
	struct parsing p = {.r = {.byte = message, .length = length},
			    .record = record,
			    .out = out,
			    .texts = texts};

	memset(out, 0, sizeof(*out));
	out->status = ANSWER_MALFORMED;
	p.h = read_header(&p.r);
	if (p.r.failed || !p.h.response || p.h.questions > 1)
		return;
	/* An error may come without the question (RFC 2136 and practice); an answer may not. */
	if (p.h.questions ? !question_is(&p, name) : status_of_rcode(p.h.rcode) <= ANSWER_NONE)
		return;
	out->status = status_of_rcode(p.h.rcode);
	if (out->status > ANSWER_NONE)
		return;
	out->is_authentic = p.h.authentic;
	snprintf(p.owner[0], sizeof(p.owner[0]), "%s", name);
	parse_sections(&p);
	/* What was cut short, though TCP should have brought it whole, may lack the very record. */
	if (p.r.failed || p.h.truncated) {
		memset(out, 0, sizeof(*out));
		out->status = ANSWER_MALFORMED;
	}
}

void answer_parse(const uint8_t *message, size_t length, const char *name, enum record record,
		  struct answer *out)
{
	message_parse(message, length, name, record, out, NULL);
}

void answer_texts(const struct answer *a, const char *name, struct answer_texts *out)
{
	struct answer again = {.status = ANSWER_NONE};

	out->count = 0;
	out->is_short = false;
	if (a->message)
		message_parse(a->message, a->message_length, name, RECORD_TXT, &again, out);
	if (again.status != ANSWER_FOUND)
		out->count = 0;
}

enum outcome answer_outcome(const struct answer *a, const struct outcome_errors *errors,
			    const char **why)
{
	*why = NULL;
	switch (a->status) {
	case ANSWER_FOUND:
		return outcome_of_codes(a->code, a->count, errors, why);
	case ANSWER_NONE:
		return OUTCOME_CLEAN;
	case ANSWER_SERVFAIL:
		return OUTCOME_SERVFAIL;
	case ANSWER_REFUSED:
		return OUTCOME_REFUSED;
	case ANSWER_TIMEOUT:
		return OUTCOME_TIMEOUT;
	default:
		return OUTCOME_MALFORMED;
	}
}
