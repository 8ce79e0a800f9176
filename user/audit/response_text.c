/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in a response: see response.h. */
#include "audit/response.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

#define PARAMETERS_MAX 1024 /* bytes of all mechanisms of IMAP */
#define CAPABILITY     "CAPABILITY "

static const char *const protocols[] = {
	[PROTOCOL_SMTP] = "SMTP", [PROTOCOL_POP3] = "POP3", [PROTOCOL_IMAP] = "IMAP"};

const char *protocol_name(enum protocol p)
{
	return protocols[p];
}

void response_free(struct response *r)
{
	free(r->text);
	*r = (struct response){0};
}

bool response_is_whole(const struct response *r)
{
	return r->kind != RESPONSE_NONE && !(r->oddities & ODD_UNENDED);
}

const char *response_line(const struct response *r, unsigned i, size_t *length)
{
	const char *line = r->text;
	const char *end;

	*length = 0;
	if (!line)
		return NULL;
	for (; (end = strchr(line, '\n')); line = end + 1) {
		if (i-- == 0) {
			*length = (size_t)(end - line);
			return line;
		}
	}
	return NULL;
}

bool response_says(const struct response *r, const char *word)
{
	return r->text && strcasestr(r->text, word);
}

const char *response_format(const struct response *r, char *buffer, size_t size)
{
	bool is_first = r->text && !r->code && (*r->text == '+' || *r->text == '-');
	unsigned at = is_first || !r->line_count ? 0 : r->line_count - 1;
	size_t length, head = 0;
	const char *line = response_line(r, at, &length);

	if (size)
		buffer[0] = '\0';
	if (r->code)
		head = (size_t)snprintf(buffer, size, "%d%s", r->code, length ? " " : "");
	if (line && head < size)
		text_escape(line, length, buffer + head, size - head);
	return buffer;
}

/* ---- keywords ---- */

/* What stands behind the keyword at the beginning of a word of text, or NULL: the end of it, a space, or '='. */
static const char *keyword_end(const char *text, size_t length, const char *keyword)
{
	size_t n = strlen(keyword);

	if (length < n || strncasecmp(text, keyword, n) != 0)
		return NULL;
	return length == n || text[n] == ' ' || text[n] == '=' ? text + n : NULL;
}

static const char *keyword_of_line(const char *line, size_t length, const char *keyword,
				   char *buffer, size_t size)
{
	const char *at = keyword_end(line, length, keyword);

	if (!at)
		return NULL;
	while (at < line + length && (*at == ' ' || *at == '='))
		at++;
	length -= (size_t)(at - line);
	while (length && at[length - 1] == ' ')
		length--;
	return text_escape(at, length, buffer, size);
}

/* The words of IMAP's list: each is a keyword, or "KEYWORD=parameter". The list ends with the line or a bracket. */
static bool keyword_of_words(const char *list, size_t length, const char *keyword, char *found,
			     size_t size)
{
	const char *end = list + length;
	bool is_found = false;

	for (const char *word = list; word < end;) {
		const char *space = memchr(word, ' ', (size_t)(end - word));
		const char *stop = space ? space : end;
		const char *at = keyword_end(word, (size_t)(stop - word), keyword);
		size_t used = strlen(found);

		is_found |= at != NULL;
		if (at && at < stop && used + (size_t)(stop - at) + 1 < size) {
			found[used] = ' ';
			memcpy(found + used + (used ? 1 : 0), at + 1, (size_t)(stop - at) - 1);
			found[used + (used ? 1 : 0) + (size_t)(stop - at) - 1] = '\0';
		}
		word = stop + 1;
	}
	return is_found;
}

static const char *keyword_of_imap(const struct response *r, const char *keyword, char *buffer,
				   size_t size)
{
	char found[PARAMETERS_MAX] = "";
	bool is_found = false;
	size_t length;
	const char *line;

	for (unsigned i = 0; (line = response_line(r, i, &length)); i++) {
		const char *list = memmem(line, length, CAPABILITY, strlen(CAPABILITY));
		const char *end;

		if (!list)
			continue;
		list += strlen(CAPABILITY);
		length -= (size_t)(list - line);
		end = memchr(list, ']', length);
		if (end)
			length = (size_t)(end - list);
		is_found |= keyword_of_words(list, length, keyword, found, sizeof(found));
	}
	return is_found ? text_escape(found, strlen(found), buffer, size) : NULL;
}

const char *response_keyword(const struct response *r, const char *keyword, char *buffer,
			     size_t size)
{
	size_t length;
	const char *line;

	if (!r->text)
		return NULL;
	if (!r->code && *r->text != '+' && *r->text != '-')
		return keyword_of_imap(r, keyword, buffer, size);
	/* The first line is the server's name, or "+OK". */
	for (unsigned i = 1; (line = response_line(r, i, &length)); i++) {
		const char *found = keyword_of_line(line, length, keyword, buffer, size);

		if (found)
			return found;
	}
	return NULL;
}
