/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a log was followed, as a text: what was written is read back, and nothing else is. */
#include "daemon/following_place.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(places_are_read_back_as_they_were_written_and_nothing_else_is)
{
	static const char *const good[] = {
		"journal 1700000000123456 cbf29ce484222325",
		"file 12 345 ff 1700000000000000000 /var/log/mail.log",
		"file 18446744073709551615 0 0 0 /with a blank",
	};
	static const char *const bad[] = {
		"",
		"journal",
		"journal 1",
		"journal 1 x",
		"journal 1 1 1",
		"journal -1 1",
		" journal 1 1",
		"file 1 2 3 4",
		"file 1 2 3 4 ",
		"file 1 2 3 4 relative",
		"file 1 2 3 /a",
		"file 01 2 3 4 /a",
		"file 1 9223372036854775808 3 4 /a",
		"file 99999999999999999999 2 3 4 /a",
		"journal 1 1\n",
		"journal 1 0x1",
		"socket 1 2 3 /a",
	};
	char text[LOGPLACE_TEXT_MAX], *longest = malloc(LOGPLACE_TEXT_MAX + PATH_MAX);
	struct logplace p;

	for (size_t i = 0; i < COUNT(good); i++)
		EXPECT(logplace_parse(good[i], &p) == 0 &&
			       !strcmp(logplace_format(&p, text), good[i]),
		       "%s became %s", good[i], text);
	for (size_t i = 0; i < COUNT(bad); i++)
		EXPECT(logplace_parse(bad[i], &p) == -EINVAL && p.kind == LOGPLACE_NONE,
		       "'%s' was taken", bad[i]);
	ENSURE(longest, "no memory");
	sprintf(longest, "file 1 2 3 4 /%0*d", PATH_MAX, 0);
	EXPECT(logplace_parse(longest, &p) == -EINVAL, "a path that is too long was taken");
	free(longest);
}
