/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking a line apart from the front: see inside.h. */
#include "maillog/inside.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"

static size_t length_of(const struct slice *p)
{
	return (size_t)(p->end - p->at);
}

bool slice_starts(const struct slice *p, const char *word)
{
	size_t n = strlen(word);

	return length_of(p) >= n && memcmp(p->at, word, n) == 0;
}

bool slice_is(const struct slice *p, const char *word)
{
	return length_of(p) == strlen(word) && slice_starts(p, word);
}

bool slice_skip(struct slice *p, const char *word)
{
	if (!slice_starts(p, word))
		return false;
	p->at += strlen(word);
	return true;
}

bool slice_until(struct slice *p, const char *stop, struct slice *out)
{
	const char *found = memmem(p->at, length_of(p), stop, strlen(stop));

	if (!found)
		return false;
	*out = (struct slice){p->at, found};
	p->at = found + strlen(stop);
	return true;
}

struct slice slice_word(struct slice *p)
{
	struct slice word = *p;

	if (!slice_until(p, " ", &word))
		p->at = p->end;
	return word;
}

const char *slice_find_last(const struct slice *p, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = p->end; (size_t)(at - p->at) >= n; at--)
		if (memcmp(at - n, word, n) == 0)
			return at - n;
	return NULL;
}

bool slice_number(struct slice *p, uint32_t *out)
{
	uint64_t n = 0;
	const char *at = p->at;

	for (; at < p->end && *at >= '0' && *at <= '9' && n <= UINT32_MAX; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	if (at == p->at || n > UINT32_MAX)
		return false;
	p->at = at;
	*out = (uint32_t)n;
	return true;
}

bool slice_addr(const struct slice *p, struct addr *out)
{
	/* As RFC 5321, 4.1.3 writes an address literal. */
	static const char lead[] = "IPv6:";
	struct slice a = *p;
	char text[ADDR_TEXT_MAX];

	if (length_of(&a) > strlen(lead) && strncasecmp(a.at, lead, strlen(lead)) == 0)
		a.at += strlen(lead);
	if (length_of(&a) >= sizeof(text) || memchr(a.at, '\0', length_of(&a)))
		return false;
	memcpy(text, a.at, length_of(&a));
	text[length_of(&a)] = '\0';
	return addr_parse(text, out, NULL) == 0;
}

bool slice_has_only(const struct slice *p, const char *characters, size_t least, size_t most)
{
	if (length_of(p) < least || length_of(p) > most)
		return false;
	for (const char *at = p->at; at < p->end; at++)
		if (!*at || !strchr(characters, *at))
			return false;
	return true;
}

bool slice_is_name(const struct slice *p)
{
	/* Underscores are in no host's name (RFC 952), but in names of the DNS. */
	static const char of_names[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	return slice_has_only(p, of_names, 0, MAILLOG_HOST_MAX - 1);
}

void text_take(const struct slice *p, char *out, size_t size)
{
	text_escape(p->at, length_of(p), out, size);
}
