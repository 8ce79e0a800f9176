/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a configuration file: see file.h. libconfig (1.5) opens files by itself when told
 * @include, takes time in the square of the number of settings, recurses where they nest, silently
 * ignores what follows an open comment, cuts numbers to 32 bits and refuses a last line that is a
 * comment without a newline. So it gets a checked text and never a file.
 */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"

#define FILE_MAX_BYTES 65536 /* many times the longest sensible file; keeps the square small */
#define DIGITS_MAX     9     /* 999 999 999 fits 32 bits, and no key takes as much */
#define NESTING_MAX    8     /* the schema needs 3: ports ( { only [ */

const char *file_shown(const char *path, char buffer[static FILE_SHOWN_MAX])
{
	return text_escape(path, strlen(path), buffer, FILE_SHOWN_MAX);
}

static int file_check(int fd, const char *shown, struct err *e)
{
	struct stat st;
	int ret;

	if (fstat(fd, &st) < 0) {
		ret = -errno;
		return err_set(e, ret, "cannot look at %s: %s", shown, strerror(-ret));
	}
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, "%s is a directory, not a configuration file", shown);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s is not a regular file", shown);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(
			e, -EPERM,
			"%s belongs to user %u, who could then rule the gate: chown it to root",
			shown, st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, -EPERM,
			       "others may write %s (mode %04o), and could then rule the gate: "
			       "chmod go-w it",
			       shown, st.st_mode & 07777);
	return 0;
}

/* Until its end, whatever size it claims. One byte more than is allowed shows that it is too long.
 */
static int file_read(int fd, char *text, size_t *length, const char *shown, struct err *e)
{
	ssize_t n;
	int ret;

	for (*length = 0; *length <= FILE_MAX_BYTES; *length += (size_t)n) {
		n = read(fd, text + *length, FILE_MAX_BYTES + 1 - *length);
		if (n < 0 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n < 0) {
			ret = -errno;
			return err_set(e, ret, "cannot read %s: %s", shown, strerror(-ret));
		}
		if (!n)
			return 0;
	}
	return err_set(e, -EFBIG, "%s is longer than %d bytes: not a configuration file", shown,
		       FILE_MAX_BYTES);
}

struct scan {
	const char *at, *end;
	unsigned line, nesting;
};

/* Moves behind the quoted text whose first quote is at. -EINVAL: no end; -EILSEQ: a zero byte is
 * hidden in it. */
static int scan_quoted(struct scan *s)
{
	for (s->at++; s->at < s->end; s->at++) {
		if (*s->at == '"') {
			s->at++;
			return 0;
		}
		if (*s->at == '\n')
			s->line++;
		if (*s->at != '\\')
			continue;
		if (s->end - s->at > 3 && memcmp(s->at + 1, "x00", 3) == 0)
			return -EILSEQ;
		if (s->end - s->at > 1 && (s->at[1] == '"' || s->at[1] == '\\'))
			s->at++;
	}
	return -EINVAL;
}

/* Moves behind a comment that starts here, if one does: # and // to the end of the line, and C's.
 */
static int scan_comment(struct scan *s)
{
	bool is_long = s->end - s->at > 1 && s->at[0] == '/' && s->at[1] == '*';
	bool is_line = *s->at == '#' || (s->end - s->at > 1 && s->at[0] == '/' && s->at[1] == '/');

	if (!is_long) {
		while (is_line && s->at < s->end && *s->at != '\n')
			s->at++;
		return 0;
	}
	for (s->at += 2; s->at < s->end; s->at++) {
		if (s->end - s->at > 1 && s->at[0] == '*' && s->at[1] == '/') {
			s->at += 2;
			return 0;
		}
		if (*s->at == '\n')
			s->line++;
	}
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

/* Moves behind a word, as libconfig forms one: digits in it are no number. */
static void scan_word(struct scan *s)
{
	while (s->at < s->end &&
	       (is_letter(*s->at) || is_digit(*s->at) || *s->at == '-' || *s->at == '_'))
		s->at++;
}

static const char *scan_number(struct scan *s)
{
	unsigned digits = 0;

	for (; s->at < s->end && is_digit(*s->at); s->at++)
		digits += digits || *s->at != '0';
	return digits > DIGITS_MAX ? "a number is too long: no key takes more than 9 digits" : NULL;
}

/* One character or word outside of quotes and comments. The fault, or NULL. */
static const char *scan_plain(struct scan *s)
{
	if (is_letter(*s->at)) {
		scan_word(s);
		return NULL;
	}
	if (is_digit(*s->at))
		return scan_number(s);
	switch (*s->at) {
	case '\n':
		s->line++;
		break;
	case '@':
		return "@include is not taken: all of the configuration stands in one file";
	case '(':
	case '{':
	case '[':
		if (++s->nesting > NESTING_MAX)
			return "too many brackets are open: no key nests so deep";
		break;
	case ')':
	case '}':
	case ']':
		s->nesting -= s->nesting > 0;
		break;
	}
	s->at++;
	return NULL;
}

static int text_check(const char *text, size_t length, const char *shown, struct err *e)
{
	struct scan s = {.at = text, .end = text + length, .line = 1};
	const char *zero = memchr(text, '\0', length), *fault = NULL, *before;
	unsigned line = 1;
	int ret;

	if (zero)
		return err_set(e, -EINVAL, "%s holds a zero byte: it is not a text file", shown);
	while (s.at < s.end && !fault) {
		line = s.line;
		before = s.at;
		if (*s.at == '"') {
			ret = scan_quoted(&s);
			if (ret < 0)
				fault = ret == -EILSEQ ? "a text may not hold \\x00"
						       : "a text starts here and has no end: "
							 "a '\"' is missing";
			continue;
		}
		if (scan_comment(&s) < 0)
			fault = "a comment starts here and has no end: '*/' is missing";
		else if (s.at == before)
			fault = scan_plain(&s);
	}
	return fault ? err_set(e, -EINVAL, "%s:%u: %s", shown, line, fault) : 0;
}

int file_load(const char *path, char **text, struct err *e)
{
	char shown[FILE_SHOWN_MAX], *buffer = NULL;
	size_t length;
	int fd, ret;

	file_shown(path, shown);
	/* Non-blocking: a FIFO would wait for a writer before it can be told from a file. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		return err_set(e, ret, "cannot open %s: %s", shown, strerror(-ret));
	}
	ret = file_check(fd, shown, e);
	if (ret < 0)
		goto out;
	buffer = malloc(FILE_MAX_BYTES + 2); /* a byte too many to see that it is, and the 0 */
	if (!buffer) {
		ret = err_set(e, -ENOMEM, "no memory to read %s", shown);
		goto out;
	}
	ret = file_read(fd, buffer, &length, shown, e);
	if (ret < 0)
		goto out;
	ret = text_check(buffer, length, shown, e);
	memcpy(buffer + length, "\n", 2);
out:
	close(fd);
	if (ret < 0)
		free(buffer);
	else
		*text = buffer;
	return ret;
}
