/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions without an answer: see asked.h. They are counted by a hash whose secret the resolver does not know: whom it names without having
 * been asked would have to fall on one of the thousands that it was asked about, among a million places.
 */
#include "daemon/asked.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PLACES (1U << 20) /* 2 MB, touched as far as used */

struct asked {
	uint64_t secret;
	uint16_t count
		[PLACES]; /* no more are on their way than a socket and the resolver hold, some 10000 */
};

struct asked *asked_new(void)
{
	struct asked *a = calloc(1, sizeof(*a));

	if (a)
		a->secret = prefix_secret();
	return a;
}

void asked_free(struct asked *a)
{
	free(a);
}

static uint16_t *count_of(struct asked *a, const struct addr *addr)
{
	struct prefix host = {.addr = *addr, .bits = ADDR_BITS};

	return &a->count[prefix_hash(&host, a->secret) % PLACES];
}

void asked_add(struct asked *a, const struct addr *addr)
{
	uint16_t *count = count_of(a, addr);

	if (*count < UINT16_MAX)
		++*count;
}

bool asked_take(struct asked *a, const struct addr *addr)
{
	uint16_t *count = count_of(a, addr);

	if (!*count)
		return false;
	--*count;
	return true;
}

void asked_clear(struct asked *a)
{
	memset(a->count, 0, sizeof(a->count));
}
