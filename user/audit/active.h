/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done only when asked for: samples to one's own mailbox, end-of-data smuggling, a ramp of connections. */
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

/* As relay_script: round after round, one visit each. */
struct active_script;
struct active_script *active_script_new(unsigned round, const struct script_facts *facts);
bool active_script_next(struct active_script *s, const struct visit_log *log,
			const struct exchange *last, struct step *out);
void active_script_free(struct active_script *s);

#endif
