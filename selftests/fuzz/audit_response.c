/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever a server says: responses hold their bounds, come out the same however their bytes are cut, and what is shown of them is
 * printable. The first bytes choose the protocol, the shape and how the bytes are cut.
 */
#include "audit/response.h"

#include "fuzz/fuzz.h"

#define HEAD_BYTES  3
#define PROTOCOLS   3
#define SHAPES	    3
#define TAG	    "a1"
#define FORMAT_MAX  128
#define WHOLE_COUNT 64 /* responses that are compared */

/* What must be the same in both readings. */
struct sum {
	unsigned count;
	enum response_step step;
	struct {
		enum response_kind kind;
		int code;
		unsigned oddities, lines;
		size_t length;
	} response[WHOLE_COUNT];
};

static void look_at(const struct response *r)
{
	char buffer[FORMAT_MAX];
	size_t length, all = 0;
	unsigned lines = 0;

	HOLDS(r->text || (r->kind == RESPONSE_NONE && !r->line_count));
	HOLDS(!r->code || (r->code >= 200 && r->code < 600));
	HOLDS(r->line_count <= RESPONSE_LINES_MAX + 1);
	for (; response_line(r, lines, &length); lines++)
		all += length + 1;
	HOLDS(!r->text || (strlen(r->text) == all && lines == r->line_count));
	HOLDS(all <= RESPONSE_BYTES_MAX + RESPONSE_LINE_MAX);
	HOLDS(is_printable(response_format(r, buffer, sizeof(buffer))));
	if (response_keyword(r, "AUTH", buffer, sizeof(buffer)))
		HOLDS(is_printable(buffer));
	(void)response_says(r, "postfix");
}

static void take(struct sum *s, struct response *r)
{
	look_at(r);
	if (s->count < WHOLE_COUNT) {
		s->response[s->count].kind = r->kind;
		s->response[s->count].code = r->code;
		s->response[s->count].oddities = r->oddities;
		s->response[s->count].lines = r->line_count;
		s->response[s->count].length = r->text ? strlen(r->text) : 0;
	}
	s->count++;
	response_free(r);
}

static void read_all(struct sum *s, const uint8_t *head, const char *bytes, size_t size,
		     size_t part)
{
	struct response_reader *r = NULL;
	struct response out;

	HOLDS(response_reader_new(&r, choice_of(head[0], PROTOCOLS)) == 0);
	response_expect(r, choice_of(head[1], SHAPES), TAG);
	s->step = RESPONSE_WANTS;
	for (size_t at = 0; at < size && s->step == RESPONSE_WANTS; at += part) {
		if (response_feed(r, bytes + at, size - at < part ? size - at : part) < 0)
			break;
		while ((s->step = response_next(r, &out)) == RESPONSE_WHOLE)
			take(s, &out);
		if (s->step == RESPONSE_WANTS)
			continue;
		look_at(&out);
		response_free(&out);
	}
	if (s->step == RESPONSE_WANTS) {
		s->step = response_last(r, &out);
		if (s->step == RESPONSE_WHOLE) {
			HOLDS(out.oddities & ODD_UNENDED);
			take(s, &out);
		} else {
			look_at(&out);
			response_free(&out);
		}
		HOLDS(!response_waiting(r));
	}
	(void)response_discard(r);
	HOLDS(!response_waiting(r));
	response_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sum whole, parts;
	char *bytes;

	/* All at once must be as much as may be fed. */
	if (size < HEAD_BYTES || size > RESPONSE_BYTES_MAX)
		return 0;
	memset(&whole, 0, sizeof(whole));
	memset(&parts, 0, sizeof(parts));
	bytes = copy_of(data + HEAD_BYTES, size - HEAD_BYTES);
	read_all(&whole, data, bytes, size - HEAD_BYTES, size);
	read_all(&parts, data, bytes, size - HEAD_BYTES, (size_t)data[2] + 1);
	HOLDS(whole.count == parts.count && whole.step == parts.step);
	HOLDS(memcmp(whole.response, parts.response, sizeof(whole.response)) == 0);
	free(bytes);
	return 0;
}
