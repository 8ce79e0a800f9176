/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that belong inside: names without a meaning elsewhere, and private addresses. */
#include <ctype.h>
#include <string.h>

#include "audit/fingerprint_inside.h"
#include "base/json.h"

/* Ends of names that no public DNS has, or that are there for local use (RFC 6761, 6762, 8375; the rest by habit). */
static const char *const ends[] = {
	".local",  ".lan",	".internal", ".localdomain", ".localhost",  ".home", ".corp",
	".priv",   ".intranet", ".intern",   ".home.arpa",   ".private",    ".loc",  ".domain",
	".docker", ".svc",	".inside",   ".workgroup",   ".site.local",
};

static bool is_same(const char *a, size_t length, const char *b)
{
	return strlen(b) == length && strncasecmp(a, b, length) == 0;
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_';
}

bool inside_is_name(const char *name, size_t length, const char *own)
{
	bool has_letter = false;

	while (length && name[length - 1] == '.')
		length--;
	if (!length || is_same(name, length, own))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_name_byte(name[i]))
			return false;
		has_letter |= isalpha((unsigned char)name[i]) != 0;
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (length > n && strncasecmp(name + length - n, ends[i], n) == 0)
			return true;
	}
	return has_letter && !memchr(name, '.', length);
}

static bool is_private(const struct addr *a)
{
	struct prefix p = prefix_of(a, ADDR_BITS);

	return prefix_is_private(&p);
}

bool inside_find_address(const char *text, size_t length, const struct addr *ours, char *buffer,
			 size_t size)
{
	static const char bytes[] = "0123456789abcdefABCDEF.:";
	const char *end = text + length;

	for (const char *at = text; at < end;) {
		char word[ADDR_TEXT_MAX];
		struct addr a;
		size_t n = 0;

		while (at + n < end && at[n] && strchr(bytes, at[n]))
			n++;
		if (n && n < sizeof(word)) {
			size_t kept = n;

			memcpy(word, at, n);
			while (kept && (word[kept - 1] == '.' || word[kept - 1] == ':'))
				kept--;
			word[kept] = 0;
			if (addr_parse(word, &a, NULL) == 0 && is_private(&a) &&
			    !(ours && addr_equal(&a, ours))) {
				text_escape(word, kept, buffer, size);
				return true;
			}
		}
		at += n ? n : 1;
	}
	return false;
}
