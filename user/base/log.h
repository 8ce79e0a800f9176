/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line per happening, on standard error. Under systemd (JOURNAL_STREAM is set) each line leads with
 * its priority as sd-daemon(3) has it; else with the time. Foreign bytes must be escaped by the
 * caller (json.h: text_escape).
 *
 * A decision about a source has fields too: in the journal they are fields of the entry (POSTERN_SOURCE=192.0.2.1), elsewhere they stand at the
 * end of the line (source=192.0.2.1). Strangers cause decisions, so only so many a second are written; the others are counted, and that is said
 * when it is over.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

void log_open(enum log_level most); /* what is more talkative than most is not written */
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *format, ...);

/* What is decided: each has an id of its own in the journal (MESSAGE_ID). */
enum log_kind {
	LOG_EVENT,  /* packets of a source, as the kernel judged them */
	LOG_LISTED, /* DNS lists name it; or its network as a whole */
	LOG_CUT,    /* connections of a listed source were ended */
	LOG_BANNED, /* it has offended again and again */
	LOG_KINDS
};

/* Of a decision; what is NULL or 0 is left out. */
struct log_fields {
	enum log_kind kind;
	const char *source; /* an address or a prefix */
	const char *reason; /* the word that counters have */
	const char *action; /* what was done */
	const char *would;  /* monitor mode: what enforce mode does */
	const char *zone;   /* the list that named it */
	const char *interface;
	unsigned port;
	unsigned
		suppressed; /* events of this kind that were not told since the last; written even if 0 in an EVENT */
	bool is_rare; /* by its nature: it is written whatever else this second had */
};

#define LOG_DECISIONS_PER_S                                                                        \
	300 /* journald takes 10000 in 30 s from one service, and drops the rest (journald.conf(5)) */

__attribute__((format(printf, 2, 3))) void log_decision(const struct log_fields *fields,
							const char *format, ...);
/* Once a second: says how many decisions were not written, when that is over or goes on for long. */
void log_tick(void);

#endif
