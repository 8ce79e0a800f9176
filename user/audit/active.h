/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done only when asked for: samples to one's own mailbox, and end-of-data smuggling. */
#ifndef AUDIT_ACTIVE_H
#define AUDIT_ACTIVE_H

#include "audit/script.h"

enum active_sample {
	SAMPLE_EICAR,
	SAMPLE_GTUBE,
	SAMPLE_EXE,
	SAMPLE_SCR,
	SAMPLE_PIF,
	SAMPLE_VBS,
	ACTIVE_SAMPLES
};
const char *active_sample_name(unsigned sample); /* "the EICAR test file" */

/* Line ends around a dot that some servers take for the end of a message. */
struct active_ending {
	const char *name, *bytes; /* "LF.CRLF" */
	/* Led by CR or LF alone: a server that sends mail on hides it from its own check of dots (RFC 5321, 4.5.2). */
	bool is_smuggling;
};
extern const struct active_ending active_endings[];
extern const unsigned active_ending_count;

/* The text of a message with a sample in it, from header to final dot. Returns its length; 0: it did not fit. */
size_t active_message(unsigned sample, const char *from, const char *to, const char *token,
		      char *buffer, size_t size);

/*
 * As relay_script: round after round, one visit each: the samples, and behind them the endings. The index of their exchanges is the round,
 * that of WHAT_SMUGGLED the ending.
 */
struct active_script;
struct active_script *active_script_new(unsigned round, const struct script_facts *facts);
bool active_script_next(struct active_script *s, const struct visit_log *log,
			const struct exchange *last, struct step *out);
void active_script_free(struct active_script *s);

#endif
