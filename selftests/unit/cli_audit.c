/* SPDX-License-Identifier: BSD-2-Clause */
/* What the words of `postern audit` ask for, what is wrong with others, words in units of systemd, and files that are replaced whole. */
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/audit.h"
#include "cli/replaced.h"

#define SYNTAX	  "[DOMAIN|ADDR]"
#define WORDS_MAX 40
#define NOBODY	  65534

static int ask_of(const char *line, struct sentence *s, struct audit_ask *ask, struct err *e)
{
	static char copy[2048];
	const char *words[WORDS_MAX];
	char *rest = NULL;
	unsigned count = 0;
	int ret;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &rest); w && count < WORDS_MAX;
	     w = strtok_r(NULL, " ", &rest))
		words[count++] = w;
	ret = sentence_parse_with(SYNTAX, audit_options, words, count, s, e);
	return ret ? ret : audit_ask_parse(s, ask, e);
}

TEST(audit_words_that_ask_for_nothing_are_misuse)
{
	static const struct {
		const char *line, *error;
	} rows[] = {
		{"", "a domain is missing"},
		{"a.example b.example", "unexpected word \"b.example\""},
		{"192.0.2.1 --host a.example", "two hosts"},
		{"exa!mple", "the domain: the domain has at character 4"},
		{"a..example", "misplaced '.'"},
		{"b\xc3\xbc"
		 "ro.example",
		 "the domain: the domain has at character 2"},
		{"a.example --only rely", "no check \"rely\"; did you mean \"relay\"?"},
		{"a.example --skip bannner", "no check \"bannner\"; did you mean \"banner\"?"},
		{"a.example --only xyzzyx", "no check \"xyzzyx\""},
		{"a.example --only relay,,spf", "a word of the list is empty"},
		{"a.example --only relay,", "a word of the list is empty"},
		{"a.example --only ,", "a word of the list is empty"},
		{"a.example --fail-on hihg", "did you mean \"high\"?"},
		{"a.example --limit soon", "\"--limit\""},
		{"a.example --limit 0s", "\"--limit\""},
		{"a.example --collect 192.0.2.1:25", "--collect needs --send-to"},
		{"a.example --send-to t@b.example --collect 192.0.2.1", "is not ADDR:PORT"},
		{"a.example --send-to t@b.example --collect 192.0.2.1:0", "is not ADDR:PORT"},
		{"a.example --send-to t@b.example --collect 192.0.2.1:99999", "is not ADDR:PORT"},
		{"a.example --send-to t@b.example --collect 2001:db8::1:25", "is not ADDR:PORT"},
		{"a.example --send-to t@b.example --collect [2001:db8::1:25", "is not ADDR:PORT"},
		{"a.example --send-to t@b.example --collect 192.0.2.1:25x", "is not ADDR:PORT"},
		{"a.example --send-to t", "is no mail address"},
		{"a.example --send-to @b.example", "is no mail address"},
		{"a.example --send-to a@c@b.example", "is no mail address"},
		{"a.example --send-to <a@b.example>", "is no mail address"},
		{"a.example --mailbox a\r@b.example", "is no mail address"},
		{"a.example --mailbox a@b..example", "--mailbox: the domain"},
		{"a.example --alias staff,<all>", "\"<all>\" is no alias"},
		{"a.example --backend store!", "--backend: the domain"},
		{"a.example --changes", "--changes needs --baseline"},
		{"a.example --update", "--update needs --baseline"},
		{"a.example --exim x", "--exim needs --local"},
		{"a.example --schedule --unschedule", "does not go with"},
		{"a.example --schedule --nagios", "does not go with"},
		{"a.example --units /tmp", "--units needs --schedule"},
		{"a.example --own=yes", "takes no value"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sentence s;
		struct audit_ask ask;
		struct err e = {0};
		int rc = ask_of(rows[i].line, &s, &ask, &e);

		EXPECT(rc == -EINVAL && strstr(e.text, rows[i].error), "%s: %d %s", rows[i].line,
		       rc, e.text);
	}
}

TEST(audit_words_fill_the_request)
{
	struct sentence s;
	struct audit_ask ask;
	const struct audit_request *q = &ask.request;
	struct err e = {0};
	char text[ADDR_TEXT_MAX];

	ENSURE(ask_of("Example.ORG. --own --local --active --only relay,spf --skip=vpn --helo "
		      "audit.example "
		      "--foreign b.example --send-to t@b.example --collect [2001:db8::1]:2525 "
		      "--mailbox me@example.org --alias staff,all@example.org --backend "
		      "store.example,192.0.2.9 --dkim k1,k2 --mail-log /var/log/mail.log --trust "
		      "ca.pem --postfix /etc/postfix-in --smtpd s.conf --fail-on low --limit 2m "
		      "--html x.html --nagios",
		      &s, &ask, &e) == 0,
	       "%s", e.text);
	EXPECT(!strcmp(q->domain, "example.org") && !q->host[0], "%s", q->domain);
	EXPECT(q->own && q->active && q->local && q->namespace_vantage, "its flags");
	EXPECT(q->only.count == 2 && !strcmp(q->only.word[1], "spf") && q->skip.count == 1,
	       "its checks");
	EXPECT(!strcmp(q->helo, "audit.example") && !strcmp(q->foreign, "b.example"), "its names");
	EXPECT(q->collects && q->collector_port == 2525 &&
		       !strcmp(addr_format(&q->collector, text), "2001:db8::1"),
	       "its collector");
	EXPECT(q->aliases.count == 2 && q->backends.count == 2 && q->selectors.count == 2,
	       "its lists");
	EXPECT(!strcmp(q->mail_log, "/var/log/mail.log") && !strcmp(q->trust_file, "ca.pem") &&
		       !strcmp(q->postfix_config, "/etc/postfix-in") && !q->exim_config[0] &&
		       !strcmp(q->smtpd_config, "s.conf"),
	       "its files");
	EXPECT(ask.fail_on == SEVERITY_LOW && q->time_limit_s == 120 && ask.nagios &&
		       !strcmp(ask.html, "x.html"),
	       "how it is reported");
}

TEST(audit_words_have_defaults)
{
	struct sentence s;
	struct audit_ask ask;
	struct err e = {0};

	ENSURE(ask_of("2001:DB8:0::1", &s, &ask, &e) == 0, "%s", e.text);
	EXPECT(!strcmp(ask.request.host, "2001:db8::1") && !ask.request.domain[0],
	       "an address is a host: %s", ask.request.host);
	EXPECT(ask.fail_on == SEVERITY_MEDIUM && ask.request.time_limit_s == AUDIT_LIMIT_S,
	       "medium, and 15 minutes");
	EXPECT(!ask.request.own && !ask.request.active && !ask.request.send_to[0],
	       "nothing that needs consent");
	ENSURE(ask_of("example.org --host mx1.example.org", &s, &ask, &e) == 0, "%s", e.text);
	EXPECT(!strcmp(audit_ask_target(&ask), "example.org"), "the domain is the target");
	ENSURE(ask_of("example.org --schedule --changes", &s, &ask, &e) == 0,
	       "a timer has its own baseline: %s", e.text);
}

TEST(audit_words_bound_their_lists)
{
	char line[2048] = "a.example --dkim k";
	struct sentence s;
	struct audit_ask ask;
	struct err e = {0};

	for (unsigned i = 1; i < AUDIT_LIST_MAX; i++)
		strcat(line, ",k");
	EXPECT(ask_of(line, &s, &ask, &e) == 0 && ask.request.selectors.count == AUDIT_LIST_MAX,
	       "as many as have room: %s", e.text);
	strcat(line, ",k");
	EXPECT(ask_of(line, &s, &ask, &e) == -EINVAL && strstr(e.text, "more than 32"), "%s",
	       e.text);
	memset(line + 10, 'x', 400);
	memcpy(line + 10, "--trust=", 8);
	line[410] = '\0';
	EXPECT(ask_of(line, &s, &ask, &e) == -EINVAL && strstr(e.text, "longer than"), "%s",
	       e.text);
}

/* ---- units ---- */

TEST(audit_unit_words_mean_themselves)
{
	static const struct {
		const char *word;
		bool is_command;
		const char *quoted; /* NULL: none can */
	} rows[] = {
		{"plain", true, "\"plain\""},
		{"two words", true, "\"two words\""},
		{"100%", true, "\"100%%\""},
		{"$HOME", true, "\"$$HOME\""},
		{"$HOME", false, "\"$HOME\""},
		{"a\"b\\c", true, "\"a\\\"b\\\\c\""},
		{"", true, "\"\""},
		{"a\nExecStart=/bin/sh", true, NULL},
		{"a\tb", false, NULL},
	};
	char quoted[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int rc = audit_unit_quote(rows[i].word, rows[i].is_command, quoted, sizeof(quoted));

		EXPECT(!rc == !!rows[i].quoted, "row %zu: %d", i, rc);
		if (!rc && rows[i].quoted)
			EXPECT(!strcmp(quoted, rows[i].quoted), "%s", quoted);
	}
	EXPECT(audit_unit_quote("too long", true, quoted, 8) == -ENAMETOOLONG, "no room");
}

TEST(audit_unit_timer_has_its_time)
{
	char text[1024];

	EXPECT(audit_unit_timer("a.example", "daily", text, sizeof(text)) == 0 &&
		       strstr(text, "\nOnCalendar=daily\n") && strstr(text, "\nPersistent=true\n"),
	       "%s", text);
	EXPECT(audit_unit_timer("a.example", "12h", text, sizeof(text)) == 0 &&
		       strstr(text, "\nOnUnitInactiveSec=43200s\n") && !strstr(text, "OnCalendar"),
	       "%s", text);
}

/* ---- files that are replaced ---- */

static unsigned files_in(const char *path)
{
	DIR *dir = opendir(path);
	unsigned count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count - 2; /* itself and its parent */
}

static bool file_is(const char *path, const char *text)
{
	char buffer[64] = "";
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer) - 1);

	if (fd >= 0)
		close(fd);
	return n >= 0 && strcmp(buffer, text) == 0;
}

TEST(replaced_is_whole_or_not_at_all)
{
	char dir[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 8], link[TAP_TEMP_MAX + 8];
	struct replaced r;
	struct err e = {0};
	struct stat st;
	mode_t mask = umask(027);

	ENSURE(tap_temp_dir(dir, "replaced"), "a directory");
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	ENSURE(replaced_open(&r, path, &e) == 0, "%s", e.text);
	EXPECT(write(r.fd, "one", 3) == 3 && access(path, F_OK) < 0, "it is not there yet");
	EXPECT(replaced_commit(&r, &e) == 0 && file_is(path, "one"), "and then it is");
	EXPECT(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640, "as the umask has it: %o",
	       st.st_mode);
	ENSURE(replaced_open(&r, path, &e) == 0, "%s", e.text);
	EXPECT(write(r.fd, "two", 3) == 3, "half of another");
	replaced_abandon(&r);
	EXPECT(file_is(path, "one") && files_in(dir) == 1, "and nothing is left of it");
	EXPECT(symlink("file", link) == 0 && replaced_open(&r, link, &e) == 0 &&
		       write(r.fd, "two", 3) == 3 && replaced_commit(&r, &e) == 0,
	       "through a link");
	EXPECT(lstat(link, &st) == 0 && S_ISLNK(st.st_mode) && file_is(path, "two"),
	       "which stays one");
	replaced_abandon(&r);
	umask(mask);
	unlink(link);
	unlink(path);
	EXPECT(rmdir(dir) == 0, "empty");
}

TEST(replaced_follows_no_link_of_others)
{
	char dir[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 8], link[TAP_TEMP_MAX + 8],
		own[TAP_TEMP_MAX + 8];
	struct replaced r;
	struct err e = {0};

	if (geteuid() != 0)
		SKIP("only root can make links in the name of others");
	ENSURE(tap_temp_dir(dir, "links"), "a directory");
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(own, sizeof(own), "%s/own", dir);
	ENSURE(symlink("file", link) == 0 && symlink("link", own) == 0 &&
		       lchown(link, NOBODY, NOBODY) == 0,
	       "links");
	EXPECT(replaced_open(&r, link, &e) == -EPERM && r.fd == -1, "theirs");
	e = (struct err){0};
	EXPECT(replaced_open(&r, own, &e) == -EPERM && strstr(e.text, "/link is a link"),
	       "ours to theirs: %s", e.text);
	EXPECT(access(path, F_OK) < 0 && files_in(dir) == 2, "and nothing was made");
	unlink(link);
	EXPECT(symlink("own", link) == 0 && replaced_open(&r, own, &e) == -ELOOP, "a circle");
	unlink(link);
	unlink(own);
	EXPECT(rmdir(dir) == 0, "empty");
}

TEST(replaced_keeps_the_mode_of_our_own)
{
	char dir[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 8];
	struct replaced r;
	struct err e = {0};
	struct stat st;

	ENSURE(tap_temp_dir(dir, "modes"), "a directory");
	snprintf(path, sizeof(path), "%s/file", dir);
	for (int theirs = 0; theirs < 2; theirs++) {
		mode_t mask = umask(022);

		ENSURE(close(open(path, O_CREAT | O_WRONLY, 0600)) == 0, "a file");
		if (theirs && chown(path, NOBODY, NOBODY) < 0)
			EXPECT(geteuid() != 0, "given away");
		ENSURE(replaced_open(&r, path, &e) == 0 && replaced_commit(&r, &e) == 0, "%s",
		       e.text);
		umask(mask);
		EXPECT(stat(path, &st) == 0 && st.st_uid == geteuid() &&
			       (st.st_mode & 0777) == (theirs && geteuid() == 0 ? 0644 : 0600),
		       "%d: %o", theirs, st.st_mode);
		unlink(path);
	}
	EXPECT(rmdir(dir) == 0, "empty");
}

TEST(replaced_leaves_devices_alone)
{
	static const char *const paths[] = {"/dev/null", "/proc/self/fd", "/nonexistent/file"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct replaced r;
		struct err e = {0};

		EXPECT(replaced_open(&r, paths[i], &e) < 0 && r.fd == -1 && e.text[0], "%s",
		       paths[i]);
	}
}
