/* SPDX-License-Identifier: BSD-2-Clause */
/* What files say of the host: who may log in, where logs go, which packages lag behind, what rspamd asks. */
#include "audit/local_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/json.h"

#define NOBODY_UID 65534
#define PEOPLE_UID 1000 /* login.defs(5), UID_MIN: below are services */
#define FIELDS	   7	/* of passwd(5) */
#define USERS_MAX  4096

static void shown(const char *text, char *out, size_t size)
{
	text_escape(text, strlen(text), out, size);
}

/* ---- users ---- */

/* nologin(8), false(1) and friends let nobody in; an empty field is /bin/sh (passwd(5)). */
static bool is_shell(const char *shell)
{
	static const char *const none[] = {"nologin",  "false",	    "sync", "halt",
					   "shutdown", "git-shell", "true"};
	const char *base = strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (strcmp(base, none[i]) == 0)
			return false;
	return true;
}

static void user_read(struct seen_local *l, char *line)
{
	struct local_user *rows, *row;
	char *field[FIELDS];

	for (unsigned i = 0; i < FIELDS; i++) {
		field[i] = strsep(&line, ":");
		if (!field[i])
			return;
	}
	if (!field[0][0] || !is_shell(field[6]))
		return;
	rows = grow(l->user, l->user_count, &l->user_room, sizeof(*rows));
	if (!rows || l->user_count == USERS_MAX) {
		l->is_short = true;
		l->user = rows ? rows : l->user;
		return;
	}
	l->user = rows;
	row = &rows[l->user_count];
	*row = (struct local_user){.uid = (uint32_t)strtoul(field[2], NULL, 10)};
	/* A service with a shell has no password as a rule (postgres), and stands in no list of people. */
	if (row->uid == NOBODY_UID || (row->uid && row->uid < PEOPLE_UID))
		return;
	shown(field[0], row->name, sizeof(row->name));
	shown(field[6], row->shell, sizeof(row->shell));
	row->is_admin = row->uid == 0;
	l->user_count++;
}

/* The members of the groups that may become root on the usual systems. */
static void group_read(struct seen_local *l, char *line)
{
	char *name = strsep(&line, ":"), *member;

	if (!line ||
	    (strcmp(name, "sudo") != 0 && strcmp(name, "wheel") != 0 && strcmp(name, "admin") != 0))
		return;
	(void)strsep(&line, ":");
	(void)strsep(&line, ":");
	while (line && (member = local_word(&line, ", "))) {
		char text[sizeof(l->user->name)];

		shown(member, text, sizeof(text));
		for (size_t i = 0; i < l->user_count; i++)
			if (strcmp(l->user[i].name, text) == 0)
				l->user[i].is_admin = true;
	}
}

static void users_read(struct seen_local *l, const struct local_raw *raw)
{
	const struct local_piece *passwd = local_piece_find(raw, LOCAL_PASSWD);
	char *text = local_keep(l, passwd), *line;

	local_state_set(&l->users, passwd);
	while (text && (line = local_line(&text)))
		user_read(l, line);
	text = local_keep(l, local_piece_find(raw, LOCAL_GROUP));
	while (text && (line = local_line(&text)))
		group_read(l, line);
}

/* ---- packages ---- */

/* Of Debian and its children: what mail goes through, and the libraries it trusts. */
static bool is_of_mail(const char *package)
{
	static const char *const of_mail[] = {
		"postfix",  "exim4",	 "opensmtpd", "sendmail",     "dovecot",
		"courier",  "cyrus",	 "rspamd",    "spamassassin", "spamd",
		"clamav",   "libclamav", "amavis",    "opendkim",     "opendmarc",
		"openssl",  "libssl",	 "libgnutls", "libmilter",    "libspf2",
		"libsasl2", "mailman",	 "roundcube", "postgrey",     "postsrsd",
	};

	for (size_t i = 0; i < sizeof(of_mail) / sizeof(of_mail[0]); i++)
		if (strncmp(package, of_mail[i], strlen(of_mail[i])) == 0)
			return true;
	return false;
}

/* "libssl3/oldstable-security 3.0.22-1~deb12u2 amd64 [upgradable from: 3.0.19-1~deb12u2]" */
static void package_read(struct seen_local *l, char *line)
{
	char *slash = strchr(line, '/'), *from = strstr(line, "[upgradable from: "), *to;
	struct local_package *rows;

	if (!slash || !from || from < slash)
		return;
	*slash = '\0';
	if (!is_of_mail(line))
		return;
	to = slash + 1;
	(void)local_word(&to, " ");
	to = local_word(&to, " ");
	from += strlen("[upgradable from: ");
	from[strcspn(from, "]")] = '\0';
	rows = grow(l->package, l->package_count, &l->package_room, sizeof(*rows));
	if (!rows || !to) {
		l->is_short |= !rows;
		l->package = rows ? rows : l->package;
		return;
	}
	l->package = rows;
	shown(line, rows[l->package_count].name, sizeof(rows->name));
	shown(to, rows[l->package_count].to, sizeof(rows->to));
	shown(from, rows[l->package_count].from, sizeof(rows->from));
	l->package_count++;
}

static void packages_read(struct seen_local *l, const struct local_raw *raw)
{
	const struct local_piece *piece = local_piece_find(raw, LOCAL_APT);
	char *text = local_keep(l, piece), *line;

	local_state_set(&l->packages, piece);
	while (text && (line = local_line(&text)))
		package_read(l, line);
}

/* ---- where logs go ---- */

static void remote_note(struct seen_local *l, const char *file, const char *what)
{
	size_t used = strlen(l->remote_log);
	char text[LOCAL_ENTRY_MAX], place[LOCAL_ENTRY_MAX];

	shown(what, text, sizeof(text));
	shown(file, place, sizeof(place));
	snprintf(l->remote_log + used, sizeof(l->remote_log) - used, "%s%s: %s", used ? ", " : "",
		 place, text);
}

/* rsyslog.conf(5): "*.* @@host:port", "action(type="omfwd" ...)". Over which facilities is not looked at. */
static bool is_rsyslog_remote(const char *line)
{
	const char *at = line + strcspn(line, " \t");

	if (strstr(line, "\"omfwd\"") || strstr(line, "\"omrelp\"") || strstr(line, ":omrelp:"))
		return true;
	at += strspn(at, " \t-");
	return *at == '@' && at > line;
}

/* syslog-ng.conf(5): a destination that is a network. */
static bool is_syslog_ng_remote(const char *line)
{
	static const char *const drivers[] = {"network(", "tcp(",  "tcp6(",
					      "udp(",	  "udp6(", "syslog("};

	if (!strstr(line, "destination"))
		return false;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strstr(line, drivers[i]))
			return true;
	return false;
}

static bool is_remote(enum local_item item, const char *line, bool uploads_journal)
{
	switch (item) {
	case LOCAL_RSYSLOG:
		return is_rsyslog_remote(line);
	case LOCAL_SYSLOG_NG:
		return is_syslog_ng_remote(line);
	case LOCAL_JOURNAL_UPLOAD:
		return uploads_journal && strncmp(line, "URL=", 4) == 0 && line[4];
	default:
		return false;
	}
}

static void logging_read(struct seen_local *l, const struct local_raw *raw)
{
	for (size_t i = 0; i < raw->piece_count; i++) {
		const struct local_piece *p = &raw->piece[i];
		char *text, *line;

		if (p->item != LOCAL_RSYSLOG && p->item != LOCAL_SYSLOG_NG &&
		    p->item != LOCAL_JOURNAL_UPLOAD)
			continue;
		text = local_keep(l, p);
		l->has_logger |= text != NULL;
		while (text && (line = local_line(&text))) {
			line = local_trim(line);
			if (line[0] != '#' && is_remote(p->item, line, raw->uploads_journal))
				remote_note(l, p->name, line);
		}
	}
}

/* ---- rspamd ---- */

/* `rbl = "multi.surbl.org";`, under the settings of one list; those of domains are known by their names. */
static void rspamd_read(struct seen_local *l, const struct local_raw *raw)
{
	for (size_t i = 0; i < raw->piece_count; i++) {
		const struct local_piece *p = &raw->piece[i];
		char *text = p->item == LOCAL_RSPAMD ? local_keep(l, p) : NULL, *line;

		while (text && (line = local_line(&text))) {
			char *value = strchr(line, '='), *zone;

			line = local_trim(line);
			if (!value ||
			    (strncmp(line, "rbl", 3) != 0 && strncmp(line, "suffix", 6) != 0))
				continue;
			zone = local_word(&value, "= \t\";");
			if (zone && strchr(zone, '.'))
				local_zone_add(l, zone, "rspamd: rbl.conf",
					       strstr(zone, "surbl") || strstr(zone, "uribl") ||
						       strncmp(zone, "dbl.", 4) == 0);
		}
	}
}

void local_read_host(struct seen_local *l, const struct local_raw *raw)
{
	users_read(l, raw);
	packages_read(l, raw);
	logging_read(l, raw);
	/* Its lists are asked only where it runs. */
	if (local_runs(l, "rspamd"))
		rspamd_read(l, raw);
}
