/* SPDX-License-Identifier: BSD-2-Clause */
/* How far the mail log was followed, as a text: see logplace.h. */
#include "daemon/logplace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* http://www.isthe.com/chongo/tech/comp/fnv: offset basis and prime of 64 bits. */
#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

uint64_t logplace_sum(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	uint64_t sum = FNV_BASIS;

	for (size_t i = 0; i < length; i++)
		sum = (sum ^ at[i]) * FNV_PRIME;
	return sum;
}

const char *logplace_format(const struct logplace *p, char buffer[static LOGPLACE_TEXT_MAX])
{
	buffer[0] = '\0';
	if (p->kind == LOGPLACE_FILE)
		snprintf(buffer, LOGPLACE_TEXT_MAX, "file %" PRIu64 " %" PRIu64 " %" PRIx64 " %s",
			 p->inode, p->offset, p->sum, p->path);
	else if (p->kind == LOGPLACE_JOURNAL)
		snprintf(buffer, LOGPLACE_TEXT_MAX, "journal %" PRIu64 " %" PRIx64, p->stamp_us,
			 p->sum);
	return buffer;
}

int logplace_parse(const char *text, struct logplace *out)
{
	char again[LOGPLACE_TEXT_MAX];
	struct logplace p = {0};
	int end = 0;

	*out = p;
	if (sscanf(text, "journal %" SCNu64 " %" SCNx64, &p.stamp_us, &p.sum) == 2) {
		p.kind = LOGPLACE_JOURNAL;
	} else if (sscanf(text, "file %" SCNu64 " %" SCNu64 " %" SCNx64 " %n", &p.inode, &p.offset,
			  &p.sum, &end) == 3 &&
		   end && text[end] == '/' && strlen(text + end) < sizeof(p.path)) {
		p.kind = LOGPLACE_FILE;
		memcpy(p.path, text + end, strlen(text + end) + 1);
	}
	/* What reads as something else than it says was not written by us. */
	if (p.kind == LOGPLACE_NONE || strcmp(logplace_format(&p, again), text) != 0 ||
	    p.offset > INT64_MAX)
		return -EINVAL;
	*out = p;
	return 0;
}
