/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: see log.h. Each line is one write(2), so that lines of processes that share the
 * descriptor do not mix, and control characters never pass, so that no text can make a second line.
 */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/journal.h"
#include "base/when.h"

/* A sentence of struct err with a good deal around it. */
#define LINE_MAX_BYTES (ERR_TEXT_MAX + 512)
#define LEAD_MAX       64 /* time and level */
#define STREAM_MAX     48 /* two 64-bit numbers, a colon and the final 0 */
#define PRIORITY_MAX   4
#define NUMBER_MAX     16
#define LOG_IDENTIFIER "postern"

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
	(void)journal_open(log_to_journal ? JOURNAL_SOCKET : NULL);
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

/* No text makes a second line. Returns its length. */
static size_t line_clean(char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	return length;
}

static void line_write(enum log_level level, const char *text, size_t text_length)
{
	char line[LEAD_MAX + LINE_MAX_BYTES], now[WHEN_TEXT_MAX];
	size_t length, room = sizeof(line) - 1; /* the newline always fits */
	ssize_t written;

	if (log_to_journal)
		length = (size_t)snprintf(line, LEAD_MAX, "<%d>", level);
	else
		length = (size_t)snprintf(line, LEAD_MAX, "%s %s", when_format(now_wall_s(), now),
					  level_lead(level));
	if (text_length > room - length)
		text_length = room - length;
	memcpy(line + length, text, text_length);
	length = line_clean(line, length + text_length);
	line[length++] = '\n';
	written = write(STDERR_FILENO, line, length);
	(void)written; /* nobody is left to tell */
}

__attribute__((format(printf, 3, 0))) static size_t text_make(char *text, size_t size,
							      const char *format, va_list ap)
{
	int n = vsnprintf(text, size, format, ap);

	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

__attribute__((format(printf, 2, 0))) static void log_write(enum log_level level,
							    const char *format, va_list ap)
{
	char text[LINE_MAX_BYTES];

	if (level <= log_most)
		line_write(level, text, text_make(text, sizeof(text), format, ap));
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

/* ---- decisions ---- */

/* Random, and for good: `journalctl MESSAGE_ID=` and catalogues go by them. */
static const char *const message_ids[LOG_KINDS] = {
	[LOG_EVENT] = "b04f2da4993344ed95e51b5d1fc06723",
	[LOG_LISTED] = "6ac27b487ec846fa90783d4a7208079b",
	[LOG_CUT] = "4c7804f2852e4316a5b5bae9dc45d5b9",
	[LOG_BANNED] = "05084641b86745ada39b768434b1c36b",
};

#define SILENT_SAY_S 60 /* in a flood that goes on, how often it is said how much is not written */

static struct {
	uint64_t second; /* monotonic */
	unsigned written;
	unsigned long silent,
		silent_before; /* not written, in all until it is said; at the last tick */
	uint64_t since_s;      /* the first of them */
} decisions;

static bool decision_may(void)
{
	uint64_t second = now_monotonic_ns() / NS_PER_S;

	if (second != decisions.second) {
		decisions.second = second;
		decisions.written = 0;
	}
	if (decisions.written < LOG_DECISIONS_PER_S) {
		decisions.written++;
		return true;
	}
	if (!decisions.silent++)
		decisions.since_s = second;
	return false;
}

void log_tick(void)
{
	uint64_t second = now_monotonic_ns() / NS_PER_S;
	bool goes_on = decisions.silent != decisions.silent_before;

	decisions.silent_before = decisions.silent;
	if (!decisions.silent || (goes_on && second - decisions.since_s < SILENT_SAY_S))
		return;
	log_warning("%lu decisions within %" PRIu64
		    " s are not in this log, which takes %d in a second: the "
		    "counters have all of them",
		    decisions.silent, second - decisions.since_s + 1, LOG_DECISIONS_PER_S);
	decisions.silent = decisions.silent_before = 0;
}

struct field {
	const char *key, *name, *value;
};

/* Values are words, numbers and addresses of ours: none has a blank. */
static size_t fields_append(char *line, size_t length, size_t size, const struct field *fields)
{
	for (const struct field *f = fields; f->key; f++)
		if (f->value && length < size)
			length += (size_t)snprintf(line + length, size - length, " %s=%s", f->name,
						   f->value);
	return length < size ? length : size - 1;
}

/* 0: it is in the journal. */
static int journal_write(const char *id, const char *text, const struct field *fields)
{
	struct journal_entry entry = {.length = 0};
	char priority[PRIORITY_MAX];

	snprintf(priority, sizeof(priority), "%d", LOG_LEVEL_INFO);
	journal_add(&entry, "MESSAGE", text);
	journal_add(&entry, "MESSAGE_ID", id);
	journal_add(&entry, "PRIORITY", priority);
	journal_add(&entry, "SYSLOG_IDENTIFIER", LOG_IDENTIFIER);
	for (const struct field *f = fields; f->key; f++)
		if (f->value)
			journal_add(&entry, f->key, f->value);
	return journal_send(&entry);
}

void log_decision(const struct log_fields *fields, const char *format, ...)
{
	char text[LINE_MAX_BYTES], port[NUMBER_MAX], suppressed[NUMBER_MAX];
	const struct field list[] = {
		{"POSTERN_SOURCE", "source", fields->source},
		{"POSTERN_PORT", "port", fields->port ? port : NULL},
		{"POSTERN_REASON", "reason", fields->reason},
		{"POSTERN_ACTION", "action", fields->action},
		{"POSTERN_WOULD", "would", fields->would},
		{"POSTERN_ZONE", "zone", fields->zone},
		{"POSTERN_INTERFACE", "interface", fields->interface},
		{"POSTERN_SUPPRESSED", "suppressed", fields->kind == LOG_EVENT ? suppressed : NULL},
		{NULL, NULL, NULL},
	};
	size_t length;
	va_list ap;

	if (log_most < LOG_LEVEL_INFO || (!fields->is_rare && !decision_may()))
		return;
	snprintf(port, sizeof(port), "%u", fields->port);
	snprintf(suppressed, sizeof(suppressed), "%u", fields->suppressed);
	va_start(ap, format);
	length = line_clean(text, text_make(text, sizeof(text), format, ap));
	va_end(ap);
	if (log_to_journal && journal_write(message_ids[fields->kind], text, list) == 0)
		return;
	line_write(LOG_LEVEL_INFO, text, fields_append(text, length, sizeof(text), list));
}
