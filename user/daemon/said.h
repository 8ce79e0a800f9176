/* SPDX-License-Identifier: BSD-2-Clause */
/* What was said last about something, so that a retry that fails in the same way stays quiet. */
#ifndef DAEMON_SAID_H
#define DAEMON_SAID_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

struct said {
	char text[ERR_TEXT_MAX];
};

/* True when this is not what was said last; it is from now on. */
static inline bool said_anew(struct said *s, const char *text)
{
	if (strncmp(s->text, text, sizeof(s->text) - 1) == 0)
		return false;
	snprintf(s->text, sizeof(s->text), "%s", text);
	return true;
}

/* The matter is settled. True when something had been said about it. */
static inline bool said_settle(struct said *s)
{
	bool had = s->text[0] != '\0';

	s->text[0] = '\0';
	return had;
}

#endif
