/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mail log: whom the mail server took for our client. It is opened with privileges and read without; where there is no file
 * journalctl(1) writes what comes into a pipe, as long as somebody holds its other end. Lines are told apart by the words before
 * the address, which are the same in all versions that are in use:
 *
 *	Postfix		NOQUEUE: reject: RCPT from name[192.0.2.1]: 554 5.7.1 ...
 *	Exim		H=name (helo) [192.0.2.1] F=<...> rejected RCPT ...
 *	Sendmail	arg1=<...>, relay=name [192.0.2.1], reject=550 ...
 *	OpenSMTPD	8f2c... smtp connected address=192.0.2.1 host=name
 */
#include "audit/local_inside.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/regular.h"

#define BEFORE_MAX                                                                                 \
	(4 * 1024 *                                                                                \
	 1024) /* where the queue's messages were taken in, as far as that is not long ago */
#define AFTER_MAX   (16 * 1024 * 1024)
#define CALLERS_MAX 256 /* apart; a proxy that all come through is among the first */
#define SESSION_MAX 32	/* the number of a session or message */

/* ---- opening ---- */

static bool log_open(struct local_raw *raw, const char *path)
{
	struct local_log *log = &raw->log[raw->log_count];
	struct stat st;
	int fd = regular_open(path, &st);

	if (fd < 0)
		return false;
	if (raw->log_count == LOCAL_LOGS_MAX) {
		close(fd);
		return false;
	}
	*log = (struct local_log){.fd = fd, .from = st.st_size};
	snprintf(log->name, sizeof(log->name), "%s", path);
	raw->log_count++;
	return true;
}

/* Facility 2 is mail (RFC 5424, 6.2.1). */
static void journal_open(struct local_raw *raw)
{
	static const char *const arguments[] = {"--follow",	  "--lines=0",	       "--quiet",
						"--output=short", "SYSLOG_FACILITY=2", NULL};
	struct local_log *log = &raw->log[raw->log_count];
	char path[LOCAL_PATH_MAX];
	int fd;

	if (access("/run/systemd/journal/socket", F_OK) < 0 ||
	    !local_tool_find("journalctl", path)[0])
		return;
	fd = local_run_on(path, arguments);
	if (fd < 0)
		return;
	*log = (struct local_log){.fd = fd, .is_pipe = true, .name = "the journal"};
	raw->log_count++;
}

void local_log_collect(struct local_raw *raw, const struct audit_request *request,
		       const char *maillog_file)
{
	static const char *const usual[] = {"/var/log/mail.log", "/var/log/maillog",
					    "/var/log/exim4/mainlog", "/var/log/exim/main.log"};

	if (request->mail_log[0]) {
		(void)log_open(raw, request->mail_log);
		return;
	}
	if (maillog_file[0])
		(void)log_open(raw, maillog_file);
	/* Several: a host may have more than one server, and a log that is not written any more. */
	for (size_t i = 0;
	     i < sizeof(usual) / sizeof(usual[0]) && raw->log_count + 1 < LOCAL_LOGS_MAX; i++)
		if (strcmp(usual[i], maillog_file) != 0)
			(void)log_open(raw, usual[i]);
	journal_open(raw);
}

void local_log_close(struct local_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	free(log->before);
	free(log->after);
	log->before = log->after = NULL;
	log->before_size = log->after_size = 0;
}

/* ---- reading ---- */

/* What is there, at the end of the text; ended by 0. */
static void log_append(int fd, char **text, size_t *size, size_t most)
{
	for (;;) {
		size_t room = 65536;
		char *more;
		ssize_t got;

		if (*size >= most)
			return;
		more = realloc(*text, *size + room + 1);
		if (!more)
			return;
		*text = more;
		got = read(fd, *text + *size, room);
		if (got > 0)
			*size += (size_t)got;
		(*text)[*size] = '\0';
		if (got <= 0)
			return;
	}
}

void local_log_read_before(struct local_log *log)
{
	int64_t start = log->from > BEFORE_MAX ? log->from - BEFORE_MAX : 0;

	if (log->is_pipe || log->fd < 0 || lseek(log->fd, start, SEEK_SET) < 0)
		return;
	log_append(log->fd, &log->before, &log->before_size, (size_t)(log->from - start));
	/* The last read may have gone further: what came since is read as that. */
	if (log->before_size > (size_t)(log->from - start)) {
		log->before_size = (size_t)(log->from - start);
		log->before[log->before_size] = '\0';
	}
}

static void log_read_after(struct local_log *log)
{
	if (log->fd < 0)
		return;
	if (!log->is_pipe && lseek(log->fd, log->from + (int64_t)log->after_size, SEEK_SET) < 0)
		return;
	log_append(log->fd, &log->after, &log->after_size, AFTER_MAX);
}

void seen_local_read_log(struct seen_local *l)
{
	for (unsigned i = 0; i < l->log_count; i++)
		log_read_after(&l->log[i]);
}

/* ---- addresses in lines ---- */

/* "192.0.2.1", "2001:db8::1", "IPv6:2001:db8::1", in brackets or not, up to what cannot be one. */
static bool address_read(const char *at, const char *end, struct addr *out)
{
	char text[ADDR_TEXT_MAX];
	size_t length = 0;

	if (at < end && *at == '[')
		at++;
	if (end - at > 5 && strncasecmp(at, "IPv6:", 5) == 0)
		at += 5;
	while (at + length < end && length + 1 < sizeof(text) &&
	       (isxdigit((unsigned char)at[length]) || at[length] == ':' || at[length] == '.'))
		length++;
	memcpy(text, at, length);
	text[length] = '\0';
	return length && addr_parse(text, out, NULL) == 0;
}

static const char *find(const char *at, const char *end, const char *word)
{
	return memmem(at, (size_t)(end - at), word, strlen(word));
}

bool local_log_address(const char *line, size_t length, struct addr *out)
{
	/* After the word the first of these characters stands before the address. */
	static const struct {
		const char *word, *before;
	} forms[] = {
		{" H=", " ["},	  {" from ", "["},   {" relay=", "["},
		{"client=", "["}, {" address=", ""},
	};
	const char *end = line + length;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const char *at = find(line, end, forms[i].word);

		if (!at)
			continue;
		at += strlen(forms[i].word);
		/* Exim without a name: "H=[192.0.2.1]", "H=(helo) [...]". */
		if (forms[i].before[0] && *at != '[')
			at = find(at, end, forms[i].before);
		if (at && address_read(at + strspn(at, " "), end, out))
			return true;
	}
	return false;
}

/* OpenSMTPD: the token stands in one line of a session, the address in its first. */
static bool session_address(const char *text, const char *text_end, const char *line,
			    const char *line_end, struct addr *out)
{
	char key[SESSION_MAX + sizeof(" smtp connected ")];
	const char *smtp = find(line, line_end, " smtp "), *start;
	size_t length = 0;

	if (!smtp)
		return false;
	while (smtp - length > line && isxdigit((unsigned char)smtp[-1 - (ptrdiff_t)length]) &&
	       length < SESSION_MAX)
		length++;
	if (!length)
		return false;
	snprintf(key, sizeof(key), "%.*s smtp connected ", (int)length, smtp - length);
	start = find(text, text_end, key);
	if (!start)
		return false;
	start += strlen(key) - 1;
	return local_log_address(start, strcspn(start, "\n"), out);
}

static void source_note(const struct addr *a, struct addr *out, unsigned *count, unsigned max)
{
	for (unsigned i = 0; i < *count; i++)
		if (addr_equal(&out[i], a))
			return;
	if (*count < max)
		out[(*count)++] = *a;
}

static void log_sources(const struct local_log *log, const char *token, struct addr *out,
			unsigned *count, unsigned max)
{
	const char *text = log->after, *end = text ? text + log->after_size : NULL, *at = text;

	while (at && at < end && (at = find(at, end, token))) {
		const char *line = at, *line_end = memchr(at, '\n', (size_t)(end - at));
		struct addr a;

		if (!line_end)
			line_end = end;
		while (line > text && line[-1] != '\n')
			line--;
		if (session_address(text, end, line, line_end, &a) ||
		    local_log_address(line, (size_t)(line_end - line), &a))
			source_note(&a, out, count, max);
		at = line_end;
	}
}

unsigned seen_local_sources(const struct seen_local *l, const char *token, struct addr *out,
			    unsigned max)
{
	unsigned count = 0;

	if (!token[0])
		return 0;
	for (unsigned i = 0; i < l->log_count; i++)
		log_sources(&l->log[i], token, out, &count, max);
	return count;
}

bool seen_local_source(const struct seen_local *l, const char *token, struct addr *out)
{
	return seen_local_sources(l, token, out, 1) == 1;
}

/*
 * Does what stands there begin the message, behind the logger's own words (and Exim's date, OpenSMTPD's number of a session)? Further on stand
 * strangers' words: names of hosts, of senders and of messages, in which a line can be told that was never written.
 */
static bool is_at_head(const char *line, const char *at)
{
	static const char before[] = "0123456789abcdef-:.+[] ";
	const char *tag = find(line, at, "]: ");

	if (tag)
		line = tag + strlen("]: ");
	while (line < at && strchr(before, *line))
		line++;
	return line == at;
}

static const char *line_of(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

/* ---- who connected ---- */

struct caller {
	struct addr addr;
	unsigned count;
};

/*
 * The address in the next line that tells of a new connection: "connect from name[192.0.2.1]" and postscreen's CONNECT, but not
 * "disconnect"; OpenSMTPD's "smtp connected". Exim's do not stand in its log as it comes. The line's end, or NULL.
 */
static const char *connect_next(const char *at, const char *end, struct addr *out)
{
	static const char *const words[] = {" connect from ", " CONNECT from ", " smtp connected "};

	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at)), *word = NULL;

		if (!line_end)
			line_end = end;
		for (size_t i = 0; !word && i < sizeof(words) / sizeof(words[0]); i++)
			word = find(at, line_end, words[i]);
		if (word && is_at_head(at, word + 1) &&
		    local_log_address(word, (size_t)(line_end - word), out))
			return line_end;
		at = line_end + 1;
	}
	return NULL;
}

unsigned seen_local_connects(const struct seen_local *l, const struct addr *a)
{
	unsigned count = 0;

	for (unsigned i = 0; i < l->log_count; i++) {
		const char *at = l->log[i].after, *end = at ? at + l->log[i].after_size : NULL;
		struct addr one;

		while (at && (at = connect_next(at, end, &one)))
			count += addr_equal(&one, a);
	}
	return count;
}

unsigned seen_local_busiest(const struct seen_local *l,
			    bool (*fn)(const void *context, const struct addr *a),
			    const void *context, struct addr *out)
{
	struct caller caller[CALLERS_MAX] = {0};
	unsigned count = 0, most = 0;

	for (unsigned i = 0; i < l->log_count; i++) {
		const char *at = l->log[i].after, *end = at ? at + l->log[i].after_size : NULL;
		struct addr one;

		while (at && (at = connect_next(at, end, &one))) {
			unsigned k = 0;

			if (!fn(context, &one))
				continue;
			while (k < count && !addr_equal(&caller[k].addr, &one))
				k++;
			if (k == CALLERS_MAX)
				continue;
			if (k == count)
				caller[count++].addr = one;
			if (++caller[k].count <= most)
				continue;
			most = caller[k].count;
			*out = one;
		}
	}
	return most;
}

/* ---- who handed in a message ---- */

/* Postfix: "ID: client=name[192.0.2.1], sasl_username=alice"; Exim: "ID <= sender H=name [192.0.2.1] ... A=plain:alice". */
bool local_log_client(const struct local_log *log, const char *queue_id, struct addr *out,
		      char *user, size_t size)
{
	const char *end = log->before ? log->before + log->before_size : NULL;

	user[0] = '\0';
	for (size_t i = 0; log->before && queue_id[0] && i < 2; i++) {
		char key[SESSION_MAX * 2];
		const char *at = log->before, *line_end, *who;

		snprintf(key, sizeof(key), i ? "%s <= " : "%s: client=", queue_id);
		while ((at = find(at, end, key)) && !is_at_head(line_of(log->before, at), at))
			at++;
		if (!at)
			continue;
		line_end = memchr(at, '\n', (size_t)(end - at));
		if (!line_end)
			line_end = end;
		who = find(at, line_end, i ? " A=" : "sasl_username=");
		if (who) {
			who = strchr(who, '=') + 1;
			text_escape(who, strcspn(who, " ,\n"), user, size);
		}
		return local_log_address(at, (size_t)(line_end - at), out);
	}
	return false;
}
