/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes into lines, lines into time, host, program and what it said, and from there to the reader of that mail server. A local user may write
 * lines in anybody's name into a log by logger(1); a stranger cannot, since every mail server replaces line ends in what he says.
 */
#include "maillog/inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maillog/lines.h"

#define WAIT_S	 10  /* of the log's own time: Exim delivers at once what it can deliver */
#define WAIT_MAX 256 /* messages at once whose recipients are being told */
#define HOST_MAX 64
#define ID_MAX	 56

struct maillog {
	maillog_fn fn;
	void *context;
	struct stamp_cache stamps;
	struct sessions *sessions;
	struct maillog_span span;
	/* Keys of those that wait, the oldest first; one that was forgotten meanwhile is not found. */
	char waiting[WAIT_MAX][MAILLOG_KEY_MAX];
	unsigned first, count;
	struct maillog_lines lines;
};

void maillog_now(struct maillog *m, int64_t now_wall_s)
{
	m->stamps.now_wall_s = now_wall_s;
}

int maillog_open(struct maillog **out, int64_t now_wall_s, maillog_fn fn, void *context)
{
	struct maillog *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->sessions = sessions_new();
	if (!m->sessions) {
		free(m);
		return -ENOMEM;
	}
	m->fn = fn;
	m->context = context;
	m->stamps.now_wall_s = now_wall_s;
	*out = m;
	return 0;
}

void maillog_close(struct maillog *m)
{
	if (!m)
		return;
	sessions_free(m->sessions);
	free(m);
}

struct maillog_span maillog_span(const struct maillog *m)
{
	return m->span;
}

/* ---- what the readers of lines use ---- */

struct sessions *line_sessions(const struct line *l)
{
	return l->m->sessions;
}

bool line_key(const struct line *l, const char *kind, const struct slice *id,
	      char key[static MAILLOG_KEY_MAX])
{
	size_t host = (size_t)(l->host.end - l->host.at), length = (size_t)(id->end - id->at);

	if (host > HOST_MAX || !length || length > ID_MAX || memchr(l->host.at, '\0', host) ||
	    memchr(id->at, '\0', length))
		return false;
	snprintf(key, MAILLOG_KEY_MAX, "%s %.*s %.*s", kind, (int)host, l->host.at, (int)length,
		 id->at);
	return true;
}

struct session *line_recall(const struct line *l, const char *kind, const struct slice *id)
{
	char key[MAILLOG_KEY_MAX];

	return line_key(l, kind, id, key) ? sessions_get(line_sessions(l), key) : NULL;
}

struct session *line_remember(const struct line *l, const char *kind, const struct slice *id)
{
	char key[MAILLOG_KEY_MAX];

	return line_key(l, kind, id, key) ? sessions_put(line_sessions(l), key) : NULL;
}

void line_tell(const struct line *l, const struct maillog_event *event)
{
	l->m->fn(l->m->context, event);
}

bool line_client(struct slice *p, struct maillog_event *event)
{
	struct slice name, address;

	if (!slice_until(p, "[", &name) || !slice_until(p, "]", &address) ||
	    !slice_is_name(&name) || !slice_addr(&address, &event->addr))
		return false;
	event->host[0] = '\0';
	if (!slice_is(&name, "unknown"))
		text_take(&name, event->host, sizeof(event->host));
	return true;
}

void line_complete(const struct line *l, struct session *s)
{
	s->waits = false;
	s->event.recipients = s->counted ? s->counted : 1;
	line_tell(l, &s->event);
}

/* Says the one that waits longest. */
static void waiting_take(struct maillog *m)
{
	struct session *s = sessions_get(m->sessions, m->waiting[m->first]);
	struct line l = {.m = m};

	m->first = (m->first + 1) % WAIT_MAX;
	m->count--;
	if (s && s->waits)
		line_complete(&l, s);
}

void line_wait(const struct line *l, struct session *s)
{
	struct maillog *m = l->m;

	if (m->count == WAIT_MAX)
		waiting_take(m);
	s->waits = true;
	memcpy(m->waiting[(m->first + m->count++) % WAIT_MAX], s->key, MAILLOG_KEY_MAX);
}

static void waiting_look(struct maillog *m, int64_t wall_s)
{
	while (m->count) {
		const struct session *s = sessions_get(m->sessions, m->waiting[m->first]);

		if (s && s->waits && s->event.wall_s + WAIT_S >= wall_s)
			return;
		waiting_take(m);
	}
}

void maillog_flush(struct maillog *m)
{
	while (m->count)
		waiting_take(m);
}

/* ---- lines ---- */

/* "mx postfix/smtpd[123]: connect from ..." */
static bool head_read(struct line *l)
{
	struct slice p = l->said, word;

	l->host = slice_word(&p);
	word = slice_word(&p);
	if (word.end == word.at || word.end[-1] != ':')
		return false;
	word.end--;
	l->said = p;
	l->tag = word;
	l->pid = (struct slice){word.end, word.end};
	if (word.end > word.at && word.end[-1] == ']' && slice_until(&word, "[", &l->tag)) {
		l->pid = word;
		l->pid.end--;
	}
	return true;
}

static bool line_dispatch(struct line *l, bool is_exim)
{
	if (is_exim)
		return line_exim(l);
	if (!head_read(l))
		return false;
	if (slice_is(&l->tag, "smtpd"))
		return line_opensmtpd(l);
	if (slice_is(&l->tag, "exim") || slice_is(&l->tag, "exim4")) {
		int64_t own_s;

		/* It writes its own time as well, unless it is told not to (syslog_timestamp). */
		(void)stamp_read(&l->m->stamps, &l->said, &own_s, &is_exim);
		return line_exim(l);
	}
	return line_postfix(l);
}

void maillog_line(struct maillog *m, const char *text, size_t length)
{
	struct line l = {.m = m};
	bool is_exim;

	if (!length)
		return;
	m->span.lines++;
	if (length > MAILLOG_LINE_MAX)
		length = MAILLOG_LINE_MAX;
	if (length && text[length - 1] == '\r')
		length--;
	l.said = (struct slice){text, text + length};
	l.host = l.tag = l.pid = (struct slice){text, text};
	if (!stamp_read(&m->stamps, &l.said, &l.wall_s, &is_exim))
		return;
	if (!m->span.first_wall_s || l.wall_s < m->span.first_wall_s)
		m->span.first_wall_s = l.wall_s;
	if (l.wall_s > m->span.last_wall_s)
		m->span.last_wall_s = l.wall_s;
	if (m->count)
		waiting_look(m, l.wall_s);
	if (line_dispatch(&l, is_exim))
		m->span.understood++;
}

static void on_line(void *context, const char *line, size_t length, size_t took)
{
	(void)took;
	maillog_line(context, line, length);
}

void maillog_bytes(struct maillog *m, const char *bytes, size_t length)
{
	maillog_lines_cut(&m->lines, bytes, length, on_line, m);
}
