/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered while lines go by: a bounded table in which the one that was touched longest ago gives way. */
#include "maillog/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Some hundreds of connections and some thousands of messages are under way on a busy host; 6 MB when all are. */
#define SESSIONS_MAX 8192
#define BUCKETS	     16384

struct sessions {
	struct session *bucket[BUCKETS];
	struct session *free_, *oldest, *newest;
	unsigned made;
	uint64_t secret; /* of the hash: addresses and ports, which strangers choose, are in keys */
};

struct sessions *sessions_new(void)
{
	struct sessions *s = calloc(1, sizeof(*s));

	if (s)
		s->secret = prefix_secret();
	return s;
}

static void chain_free(struct session *one)
{
	while (one) {
		struct session *next = one->chain;

		free(one);
		one = next;
	}
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		chain_free(s->bucket[i]);
	chain_free(s->free_);
	free(s);
}

static struct session **bucket_of(struct sessions *s, const char *key)
{
	uint64_t hash = hash_add(s->secret, key, strlen(key));

	return &s->bucket[(hash ^ hash >> 32) % BUCKETS];
}

static void list_leave(struct sessions *s, struct session *one)
{
	*(one->older ? &one->older->newer : &s->oldest) = one->newer;
	*(one->newer ? &one->newer->older : &s->newest) = one->older;
	one->older = one->newer = NULL;
}

static void list_enter(struct sessions *s, struct session *one)
{
	one->older = s->newest;
	one->newer = NULL;
	*(s->newest ? &s->newest->newer : &s->oldest) = one;
	s->newest = one;
}

struct session *sessions_get(struct sessions *s, const char *key)
{
	struct session *one = *bucket_of(s, key);

	while (one && strcmp(one->key, key) != 0)
		one = one->chain;
	if (one) {
		list_leave(s, one);
		list_enter(s, one);
	}
	return one;
}

void sessions_drop(struct sessions *s, struct session *one)
{
	struct session **at;

	if (!one)
		return;
	for (at = bucket_of(s, one->key); *at && *at != one; at = &(*at)->chain)
		;
	if (*at)
		*at = one->chain;
	list_leave(s, one);
	one->chain = s->free_;
	s->free_ = one;
}

/* A free one; the oldest where all are taken, or where memory is short. NULL: out of memory. */
static struct session *session_take(struct sessions *s)
{
	struct session *one;

	if (!s->free_ && s->made < SESSIONS_MAX) {
		one = calloc(1, sizeof(*one));
		s->made += one != NULL;
		if (one)
			return one;
	}
	if (!s->free_)
		sessions_drop(s, s->oldest);
	one = s->free_;
	if (one)
		s->free_ = one->chain;
	return one;
}

struct session *sessions_put(struct sessions *s, const char *key)
{
	struct session *one = sessions_get(s, key), **bucket = bucket_of(s, key);

	sessions_drop(s, one);
	one = session_take(s);
	if (!one)
		return NULL;
	*one = (struct session){.chain = *bucket};
	snprintf(one->key, sizeof(one->key), "%s", key);
	*bucket = one;
	list_enter(s, one);
	return one;
}
