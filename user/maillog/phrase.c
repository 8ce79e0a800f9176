/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking a line apart from the front: see inside.h. */
#include "maillog/inside.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"

#define DIGITS "0123456789"

static size_t length_of(const struct phrase *p)
{
	return (size_t)(p->end - p->at);
}

bool phrase_starts(const struct phrase *p, const char *word)
{
	size_t n = strlen(word);

	return length_of(p) >= n && memcmp(p->at, word, n) == 0;
}

bool phrase_is(const struct phrase *p, const char *word)
{
	return length_of(p) == strlen(word) && phrase_starts(p, word);
}

bool phrase_skip(struct phrase *p, const char *word)
{
	if (!phrase_starts(p, word))
		return false;
	p->at += strlen(word);
	return true;
}

bool phrase_until(struct phrase *p, const char *stop, struct phrase *out)
{
	const char *found = memmem(p->at, length_of(p), stop, strlen(stop));

	if (!found)
		return false;
	*out = (struct phrase){p->at, found};
	p->at = found + strlen(stop);
	return true;
}

struct phrase phrase_word(struct phrase *p)
{
	struct phrase word = *p;

	if (!phrase_until(p, " ", &word))
		p->at = p->end;
	return word;
}

const char *phrase_find_last(const struct phrase *p, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = p->end; (size_t)(at - p->at) >= n; at--)
		if (memcmp(at - n, word, n) == 0)
			return at - n;
	return NULL;
}

bool phrase_number(struct phrase *p, uint32_t *out)
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

bool phrase_addr(const struct phrase *p, struct addr *out)
{
	/* As RFC 5321, 4.1.3 writes an address literal. */
	static const char lead[] = "IPv6:";
	struct phrase a = *p;
	char text[ADDR_TEXT_MAX];

	if (length_of(&a) > strlen(lead) && strncasecmp(a.at, lead, strlen(lead)) == 0)
		a.at += strlen(lead);
	if (length_of(&a) >= sizeof(text) || memchr(a.at, '\0', length_of(&a)))
		return false;
	memcpy(text, a.at, length_of(&a));
	text[length_of(&a)] = '\0';
	return addr_parse(text, out, NULL) == 0;
}

bool phrase_has_only(const struct phrase *p, const char *characters, size_t least, size_t most)
{
	if (length_of(p) < least || length_of(p) > most)
		return false;
	for (const char *at = p->at; at < p->end; at++)
		if (!*at || !strchr(characters, *at))
			return false;
	return true;
}

bool phrase_is_name(const struct phrase *p)
{
	/* Underscores are in no host's name (RFC 952), but in names of the DNS. */
	static const char of_names[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	return phrase_has_only(p, of_names, 0, MAILLOG_HOST_MAX - 1);
}

void text_take(const struct phrase *p, char *out, size_t size)
{
	text_escape(p->at, length_of(p), out, size);
}
