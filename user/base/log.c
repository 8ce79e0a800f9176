/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: see log.h. Each line is one write(2), so that lines of processes that share the
 * descriptor do not mix, and control characters never pass, so that no text can make a second line.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/when.h"

/* A sentence of struct err with a good deal around it. */
#define LINE_MAX_BYTES (ERR_TEXT_MAX + 512)
#define LEAD_MAX       64 /* time and level */
#define STREAM_MAX     48 /* two 64-bit numbers, a colon and the final 0 */

static enum log_level log_most = LOG_LEVEL_INFO;
static bool log_to_journal;

/*
 * systemd.exec(5): the variable is inherited by children whose standard error went elsewhere, so
 * device and inode are compared.
 */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[STREAM_MAX];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

void log_open(enum log_level most)
{
	log_most = most;
	log_to_journal = is_journal();
}

static const char *level_lead(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARNING:
		return "warning: ";
	case LOG_LEVEL_DEBUG:
		return "debug: ";
	default:
		return "";
	}
}

__attribute__((format(printf, 2, 0))) static void log_write(enum log_level level,
							    const char *format, va_list ap)
{
	char line[LEAD_MAX + LINE_MAX_BYTES], now[WHEN_TEXT_MAX];
	size_t length, room = sizeof(line) - 1; /* the newline always fits */
	ssize_t written;
	int n;

	if (level > log_most)
		return;
	if (log_to_journal)
		n = snprintf(line, LEAD_MAX, "<%d>", level);
	else
		n = snprintf(line, LEAD_MAX, "%s %s", when_format(now_wall_s(), now),
			     level_lead(level));
	length = (size_t)n;
	n = vsnprintf(line + length, room - length, format, ap);
	if (n > 0)
		length += (size_t)n < room - length ? (size_t)n : room - length - 1;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	written = write(STDERR_FILENO, line, length);
	(void)written; /* nobody is left to tell */
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, format);                                                              \
		log_write(level, format, ap);                                                      \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
