/* SPDX-License-Identifier: BSD-2-Clause */
/* A dialogue of a script with a server that is a table: what a visit does, without a network. */
#ifndef SELFTESTS_UNIT_AUDIT_WALK_H
#define SELFTESTS_UNIT_AUDIT_WALK_H

#include "unit/audit_rig.h"

#define WALK_STEPS_MAX 64

/* The answer to commands that begin so; the first row that fits counts. The end: a NULL command. */
struct walk_row {
	const char *command, *answer; /* answer NULL: it closes */
};

static inline const char *walk_answer(const struct walk_row *rows, const char *command)
{
	for (; rows->command; rows++)
		if (strncasecmp(rows->command, command, strlen(rows->command)) == 0)
			return rows->answer;
	return NULL;
}

static inline void walk_said(char *said, size_t size, const char *text)
{
	size_t at = strlen(said);

	snprintf(said + at, size - at, "%s%s", at ? "|" : "", text);
}

/*
 * Up to the end of the script. said (size bytes) gets the commands with '|' between; [greeting], [read], [tls] and [cut] are
 * what is not said.
 */
static inline void walk(script_fn next, void *script, struct visit_log *log,
			const struct walk_row *rows, char *said, size_t size)
{
	const struct exchange *last = NULL;
	struct step step;

	said[0] = '\0';
	for (unsigned i = 0; i < WALK_STEPS_MAX && next(script, log, last, &step); i++) {
		const char *text = step.text ? step.text : "", *answer;

		if (step.kind == STEP_CUT) {
			walk_said(said, size, "[cut]");
			return;
		}
		if (step.kind == STEP_QUIT)
			text = "QUIT";
		if (step.kind == STEP_READ)
			text = log->count ? "[read]" : "[greeting]";
		answer = walk_answer(rows, text);
		walk_said(said, size, text);
		if (step.kind == STEP_TLS && answer && answer[0] == '2')
			walk_said(said, size, "[tls]");
		last = rig_say(log, step.what, step.index, text, answer);
		if (step.kind == STEP_QUIT || !answer)
			return;
	}
}

#endif
