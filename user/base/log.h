/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line per happening, on standard error. Under systemd (JOURNAL_STREAM is set) each line leads with
 * its priority as sd-daemon(3) has it; else with the time. Foreign bytes must be escaped by the
 * caller (json.h: text_escape).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

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

#endif
