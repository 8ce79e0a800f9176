/* SPDX-License-Identifier: BSD-2-Clause */
/* How far the mail log was followed, as a text: see following_place.h. */
#include "daemon/following_place.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define DECIMAL	    10
#define HEXADECIMAL 16

uint64_t logplace_sum(const void *bytes, size_t length)
{
	return hash_add(HASH_START, bytes, length);
}

const char *logplace_format(const struct logplace *p, char buffer[static LOGPLACE_TEXT_MAX])
{
	buffer[0] = '\0';
	if (p->kind == LOGPLACE_FILE)
		snprintf(buffer, LOGPLACE_TEXT_MAX,
			 "file %" PRIu64 " %" PRIu64 " %" PRIx64 " %" PRIu64 " %s", p->inode,
			 p->offset, p->sum, p->written_ns, p->path);
	else if (p->kind == LOGPLACE_JOURNAL)
		snprintf(buffer, LOGPLACE_TEXT_MAX, "journal %" PRIu64 " %" PRIx64, p->stamp_us,
			 p->sum);
	return buffer;
}

/* The next number and the blank behind it; the end of the text is a blank too. False: there is none. */
static bool number_take(const char **at, int base, uint64_t *out)
{
	char *end;

	if (!isxdigit((unsigned char)**at))
		return false;
	errno = 0;
	*out = strtoull(*at, &end, base);
	if (errno || end == *at || (*end && *end != ' '))
		return false;
	*at = end + (*end == ' ');
	return true;
}

static bool word_take(const char **at, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

int logplace_parse(const char *text, struct logplace *out)
{
	char again[LOGPLACE_TEXT_MAX];
	struct logplace p = {0};
	const char *at = text;

	*out = p;
	if (word_take(&at, "journal ") && number_take(&at, DECIMAL, &p.stamp_us) &&
	    number_take(&at, HEXADECIMAL, &p.sum) && !*at) {
		p.kind = LOGPLACE_JOURNAL;
	} else if (word_take(&at, "file ") && number_take(&at, DECIMAL, &p.inode) &&
		   number_take(&at, DECIMAL, &p.offset) && number_take(&at, HEXADECIMAL, &p.sum) &&
		   number_take(&at, DECIMAL, &p.written_ns) && *at == '/' &&
		   strlen(at) < sizeof(p.path)) {
		p.kind = LOGPLACE_FILE;
		snprintf(p.path, sizeof(p.path), "%s", at);
	}
	/* What reads as something else than it says was not written by us. */
	if (p.kind == LOGPLACE_NONE || strcmp(logplace_format(&p, again), text) != 0 ||
	    p.offset > INT64_MAX)
		return -EINVAL;
	*out = p;
	return 0;
}
