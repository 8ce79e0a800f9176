/* SPDX-License-Identifier: BSD-2-Clause */
/* How tools are run and logs are read on the host, with tools and logs of the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/local_inside.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool says(const struct local_piece *p, const char *text)
{
	return p->code == 0 && strcmp(p->bytes, text) == 0;
}

TEST(tools_run_bare_and_bounded)
{
	static const struct local_tool tools[] = {
		{LOCAL_POSTCONF, {"no-such-tool", "printf"}, {"a %s", "b"}, NULL, NULL, false},
		{LOCAL_DOVECONF, {"no-such-tool"}, {NULL}, NULL, NULL, false},
		{LOCAL_APT, {"env"}, {NULL}, NULL, NULL, false},
		{LOCAL_EXIM_CONFIG, {"cat"}, {NULL}, NULL, NULL, false},
		{LOCAL_EXIM_QUEUE, {"cat"}, {"/no/such/file"}, NULL, NULL, false},
		{LOCAL_POSTQUEUE, {"id"}, {"-u"}, NULL, NULL, true},
		{LOCAL_EXIM_TRANSPORTS, {"printf"}, {"%s"}, "%s %s", "instance", false},
		{LOCAL_RSPAMD, {"yes"}, {NULL}, NULL, NULL, false},
	};
	struct local_raw *raw = calloc(1, sizeof(*raw));
	const struct local_piece *p;

	setenv("SECRET", "leaks", 1);
	ENSURE(local_run(raw, tools, COUNT(tools)) == 0 && raw->piece_count == COUNT(tools),
	       "each gives a piece");
	p = raw->piece;
	EXPECT(says(&p[0], "a b"), "the first that is there, with its words: %s", p[0].bytes);
	EXPECT(p[1].code == -ENOENT, "one that is missing");
	EXPECT(p[2].code == 0 && !strstr(p[2].bytes, "SECRET") && strstr(p[2].bytes, "LC_ALL=C"),
	       "an environment of our own: %s", p[2].bytes);
	EXPECT(says(&p[3], ""), "nothing to read");
	EXPECT(p[4].code == -EIO && strstr(p[4].why, "No such file"), "what it complains of: %s",
	       p[4].why);
	EXPECT(geteuid() != 0 || says(&p[5], "65534\n"), "without rights: %s", p[5].bytes);
	EXPECT(says(&p[6], "instance %s"), "the instance stands in front: %s", p[6].bytes);
	EXPECT(p[7].code == 0 && p[7].is_cut && p[7].length >= 1024 * 1024,
	       "endless output is cut");
	local_raw_free(raw);
}

/* The stand-in of a tool is a shell, and that of its configuration a script, which says whose rights it has. */
TEST(what_others_may_write_is_run_without_rights)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		const char *said;
	} rows[] = {
		{0644, 0, "0\n"},
		{0664, 0, "0\n"},
		{0666, 0, "65534\n"},
		{0644, 65534, "65534\n"},
	};
	char path[TAP_TEMP_MAX];
	int fd = tap_temp_file(path, "audit-rights");

	if (geteuid() != 0)
		SKIP("only root has rights to give away");
	ENSURE(fd >= 0 && dprintf(fd, "id -u\n") > 0, "a script");
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct local_tool tool = {LOCAL_DOVECONF, {"sh"}, {NULL}, "-e", path, false};
		struct local_raw *raw = calloc(1, sizeof(*raw));

		ENSURE(fchmod(fd, rows[i].mode) == 0 && fchown(fd, rows[i].owner, 0) == 0, "%zu",
		       i);
		ENSURE(local_run(raw, &tool, 1) == 0, "%zu", i);
		EXPECT(says(&raw->piece[0], rows[i].said), "%zu: %s", i, raw->piece[0].bytes);
		local_raw_free(raw);
	}
	close(fd);
	unlink(path);
}

TEST(a_tool_that_closes_its_output_must_end)
{
	char path[TAP_TEMP_MAX];
	int fd = tap_temp_file(path, "audit-hang");
	const struct local_tool tool = {LOCAL_DOVECONF, {"sh"}, {NULL}, "-e", path, true};
	struct local_raw *raw = calloc(1, sizeof(*raw));

	ENSURE(fd >= 0 && dprintf(fd, "exec >&- 2>&-\nsleep 60\n") > 0 && fchmod(fd, 0644) == 0,
	       "a script");
	ENSURE(local_run(raw, &tool, 1) == 0, "run");
	EXPECT(raw->piece[0].code == -ETIMEDOUT && strstr(raw->piece[0].why, "did not end"),
	       "%d %s", raw->piece[0].code, raw->piece[0].why);
	local_raw_free(raw);
	close(fd);
	unlink(path);
}

TEST(a_log_is_read_from_where_it_ended)
{
	struct audit_request request = {0};
	struct local_raw *raw = calloc(1, sizeof(*raw));
	struct seen_local *local = NULL;
	char path[TAP_TEMP_MAX];
	struct addr a;
	int fd = tap_temp_file(path, "audit-collect");

	ENSURE(fd >= 0 && dprintf(fd, "RCPT from a[192.0.2.1]: <tok7@x.example>\n") > 0, "a log");
	snprintf(request.mail_log, sizeof(request.mail_log), "%s", path);
	local_log_collect(raw, &request, "");
	EXPECT(local_files(raw) == 1, "one log stays open");
	ENSURE(local_read(raw, &local) == 0, "it is read");
	EXPECT(local_files(raw) == 0, "the log has passed on");
	local_raw_free(raw);
	EXPECT(!seen_local_source(local, "tok7@x.example", &a), "what was there before is old");
	ENSURE(dprintf(fd, "NOQUEUE: reject: RCPT from unknown[203.0.113.77]: 554 5.7.1 "
			   "<tok7@x.example>: Relay access denied\n") > 0,
	       "a line more");
	seen_local_read_log(local);
	EXPECT(seen_local_source(local, "tok7@x.example", &a) && a.byte[15] == 77, "is found");
	seen_local_free(local);
	close(fd);
	unlink(path);
}

TEST(clients_are_found_in_lines_of_all_servers)
{
	static const struct {
		const char *sentence, *line, *address;
	} rows[] = {
		{"Postfix",
		 "Nov 22 08:36:46 mx postfix/smtpd[6413]: NOQUEUE: reject: RCPT from "
		 "localhost[127.0.0.1]: 554 5.7.1 <x@elsewhere.example>: Relay access denied; "
		 "from=<[198.51.100.1]> to=<x@elsewhere.example> proto=ESMTP helo=<[198.51.100.2]>",
		 "127.0.0.1"},
		{"Postfix in IPv6",
		 "postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[2001:db8::7]: 450",
		 "2001:db8::7"},
		{"postscreen", "NOQUEUE: reject: RCPT from [203.0.113.9]:40123: 550 5.7.1",
		 "203.0.113.9"},
		{"Exim with a forged HELO",
		 "2026-11-22 08:36:43 H=([198.51.100.2]) [203.0.113.9]:5001 F=<a@b.example> "
		 "rejected "
		 "RCPT <t@d.example>: relay not permitted",
		 "203.0.113.9"},
		{"Exim with a name",
		 "2026-11-22 H=a.example (b) [203.0.113.9] F=<> rejected RCPT <t@d>",
		 "203.0.113.9"},
		{"Exim without a HELO", "2026-11-22 H=[203.0.113.9] rejected", "203.0.113.9"},
		{"Sendmail",
		 "sm-mta[1]: x: ruleset=check_rcpt, arg1=<t@d.example>, relay=a.example "
		 "[203.0.113.9], reject=550 5.7.1",
		 "203.0.113.9"},
		{"OpenSMTPD", "smtpd[1]: 8f2c smtp connected address=203.0.113.9 host=a.example",
		 "203.0.113.9"},
		{"its IPv6", "smtpd[1]: 8f2c smtp connected address=[2001:db8::7] host=a.example",
		 "2001:db8::7"},
		{"none", "postfix/master[1]: daemon started", NULL},
		{"no address in it", "RCPT from unknown[unknown]: 554", NULL},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[ADDR_TEXT_MAX] = "none";
		struct addr a;
		bool found = local_log_address(rows[i].line, strlen(rows[i].line), &a);

		if (found)
			addr_format(&a, text);
		EXPECT(strcmp(text, rows[i].address ? rows[i].address : "none") == 0, "%s: %s",
		       rows[i].sentence, text);
	}
}

TEST(a_session_of_opensmtpd_is_followed_to_its_start)
{
	static const char log[] =
		"smtpd[1]: aaaa1 smtp connected address=192.0.2.1 host=a\n"
		"smtpd[1]: 8f2c9 smtp connected address=203.0.113.9 host=b\n"
		"smtpd[1]: 8f2c9 smtp failed-command command=\"RCPT TO:<tok7@d.example>\" "
		"result=\"550 Invalid recipient\"\n";
	struct seen_local local = {
		.log_count = 1,
		.log = {{.fd = -1, .after = (char *)log, .after_size = sizeof(log) - 1}}};
	struct addr a;

	EXPECT(seen_local_source(&local, "tok7@d.example", &a) && a.byte[15] == 9 &&
		       a.byte[12] == 203,
	       "the address of the session, not of another");
	EXPECT(!seen_local_source(&local, "", &a), "no token, no source");
}

/* What a stranger calls himself and his messages stands in the log too. */
TEST(lines_within_lines_are_not_believed)
{
	static char before[] = "Nov 22 09:00:00 mx postfix/cleanup[2]: 4F0B: message-id=<]: 4F0A: "
			       "client=x[198.51.100.1]>\n"
			       "Nov 22 09:00:01 mx postfix/smtpd[1]: 4F0A: client=a[192.0.2.1], "
			       "sasl_username=alice\n"
			       "2026-11-22 09:00:02 [77] 1xV33y-0001Qn-1Q <= 1xV33z-0001Qn-1Q <= "
			       "H=y [198.51.100.1]\n"
			       "2026-11-22 09:00:03 [77] 1xV33z-0001Qn-1Q <= a@b.example H=x "
			       "[192.0.2.2] P=esmtp\n";
	static char after[] = "mx postfix/smtpd[1]: connect from a[192.0.2.1]\n"
			      "mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[192.0.2.1]: "
			      "helo=<]: connect from x[198.51.100.1]>\n"
			      "mx smtpd[1]: 8f2c smtp connected address=192.0.2.2 host=b\n"
			      "mx smtpd[1]: 8f2c smtp failed-command command=\"x smtp connected "
			      "address=198.51.100.1\"\n";
	struct seen_local l = {.log = {{.fd = -1,
					.before = before,
					.before_size = sizeof(before) - 1,
					.after = after,
					.after_size = sizeof(after) - 1}},
			       .log_count = 1};
	struct addr a;
	char user[32];

	EXPECT(local_log_client(&l.log[0], "4F0A", &a, user, sizeof(user)) && a.byte[15] == 1 &&
		       a.byte[12] == 192 && strcmp(user, "alice") == 0,
	       "Postfix: %s", user);
	EXPECT(local_log_client(&l.log[0], "1xV33z-0001Qn-1Q", &a, user, sizeof(user)) &&
		       a.byte[15] == 2,
	       "Exim");
	ENSURE(addr_parse("198.51.100.1", &a, NULL) == 0, "an address");
	EXPECT(seen_local_connects(&l, &a) == 0, "who never came");
	ENSURE(addr_parse("192.0.2.1", &a, NULL) == 0, "an address");
	EXPECT(seen_local_connects(&l, &a) == 1, "who came once");
	ENSURE(addr_parse("192.0.2.2", &a, NULL) == 0, "an address");
	EXPECT(seen_local_connects(&l, &a) == 1, "and to OpenSMTPD");
}
