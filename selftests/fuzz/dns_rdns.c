/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reverse DNS over answers that a stranger's own servers give, in any order. In place of the resolver stand functions of this file.
 * The input: the family, then pieces of two bytes of length and a message; each answers one of the questions
 * under way, chosen by the first bits of the length. A length of 0 is silence.
 */
#include "dns/rdns.h"

#include <errno.h>

#include "fuzz/fuzz.h"

#define UNDER_WAY_MAX (1 + ANSWER_NAMES_MAX)
#define LENGTH_BITS   12
#define HEAD	      2
#define TOO_MANY_EVERY                                                                             \
	0xf0 /* a first byte from here on: the resolver takes no more than three questions */
#define FEW 3

struct question {
	char name[NAME_TEXT_MAX];
	enum record record;
	resolver_fn fn;
	void *context;
};

static struct question *under_way[UNDER_WAY_MAX];
static unsigned count, asked, most;
static struct rdns *rdns;
static unsigned told;

int resolver_ask(struct resolver *r, const char *name, enum record record, resolver_fn fn,
		 void *context, struct question **out)
{
	struct question *q;

	(void)r;
	if (asked >= most)
		return -EAGAIN;
	HOLDS(asked++ < UNDER_WAY_MAX && strlen(name) < NAME_TEXT_MAX);
	q = calloc(1, sizeof(*q));
	HOLDS(q);
	strcpy(q->name, name);
	q->record = record;
	q->fn = fn;
	q->context = context;
	under_way[count++] = q;
	*out = q;
	return 0;
}

static void forget(struct question *q)
{
	unsigned i = 0;

	while (i < count && under_way[i] != q)
		i++;
	HOLDS(i < count);
	under_way[i] = under_way[--count];
}

void resolver_cancel(struct question *q)
{
	if (!q)
		return;
	forget(q);
	free(q);
}

static void found(void *context, const struct rdns_finding *f)
{
	(void)context;
	HOLDS(!told++);
	HOLDS(f->result > RDNS_NOT_ASKED && f->result <= RDNS_PERMERROR);
	HOLDS(is_printable(f->host) && strlen(f->host) < NAME_TEXT_MAX);
	HOLDS(!f->generic || *f->host);
	HOLDS(f->result != RDNS_PASS || *f->host);
}

static void answer(const uint8_t *message, size_t length, unsigned which)
{
	static struct answer a;
	struct question *q = under_way[which % count];
	uint8_t *copy = copy_of(message, length);

	if (length)
		answer_parse(copy, length, q->name, q->record, &a);
	else
		a = (struct answer){.status = ANSWER_TIMEOUT};
	free(copy);
	forget(q);
	q->fn(q->context, &a, 1);
	free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct addr client[] = {{{[10] = 0xff, 0xff, 203, 0, 113, 7}},
					     {{0x20, 0x01, 0x0d, 0xb8, [15] = 7}}};

	if (!size)
		return 0;
	count = asked = told = 0;
	most = data[0] >= TOO_MANY_EVERY ? FEW : UNDER_WAY_MAX;
	HOLDS(rdns_start(&rdns, NULL, &client[data[0] & 1], found, NULL) == 0);
	data++;
	size--;
	while (size >= HEAD && count) {
		unsigned head = (unsigned)(data[0] << 8 | data[1]);
		size_t length = head & ((1U << LENGTH_BITS) - 1);

		data += HEAD;
		size -= HEAD;
		length = length < size ? length : size;
		answer(data, length, head >> LENGTH_BITS);
		data += length;
		size -= length;
	}
	/* Told once, when nothing is under way any more; else it can be stopped at any moment. */
	HOLDS(told == !count);
	if (!told)
		rdns_stop(rdns);
	HOLDS(!count);
	return 0;
}
