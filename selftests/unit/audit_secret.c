/* SPDX-License-Identifier: BSD-2-Clause */
/* The password of a mailbox: what anybody sees of it in the log of a visit, and how its file is read. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/audit.h"
#include "unit/visit_rig.h"

#define PASSWORD "cor\"rect\\ horse"
#define QUOTED	 "\"cor\\\"rect\\\\ horse\""

/* ---- what anybody sees of it ---- */

static const struct step secret_steps[] = {
	{.kind = STEP_READ, .what = FIRST},
	{.kind = STEP_SAY,
	 .what = SECOND,
	 .text = "q3 LOGIN \"inbox\" " QUOTED,
	 .shown = "q3 LOGIN (hidden)",
	 .shape = SHAPE_TAGGED},
	{.kind = STEP_SAY, .what = THIRD, .text = "q5 NOOP", .shape = SHAPE_TAGGED},
	{.kind = STEP_QUIT, .what = FOURTH},
};

TEST(no_log_of_a_visit_has_the_secret_whoever_says_it)
{
	static const struct {
		const char *sentence;
		struct act act[PEER_ACTS_MAX];
	} rows[] = {
		{"a server as it should be",
		 {SAYS("* OK\r\n"), HEARS, SAYS("q3 OK\r\n"), HEARS, SAYS("q5 OK\r\n"), HEARS,
		  SAYS("bye OK\r\n")}},
		{"one that says it again",
		 {SAYS("* OK\r\n"), HEARS, SAYS("q3 NO not " PASSWORD "\r\n"), HEARS,
		  SAYS("* OK still " PASSWORD "\r\nq5 OK\r\n"), HEARS, SAYS("bye OK\r\n")}},
		{"as it was quoted, twice",
		 {SAYS("* OK\r\n"), HEARS, SAYS("q3 BAD " QUOTED QUOTED "\r\n"), HEARS,
		  SAYS("q5 OK\r\n"), HEARS, SAYS("bye OK\r\n")}},
		{"and closes", {SAYS("* OK\r\n"), HEARS, SAYS("* BYE " PASSWORD "\r\n")}},
		{"in the middle", {SAYS("* OK\r\n"), HEARS, SAYS("* BYE " PASSWORD)}},
		{"and says nothing we know", {SAYS("* OK\r\n"), HEARS, SAYS(PASSWORD "\r\n")}},
		{"unasked",
		 {SAYS("* OK\r\n"), HEARS, SAYS("q3 OK\r\n* BYE " PASSWORD "\r\n"), WAITS}},
		{"nothing at all", {SAYS("* OK\r\n"), HEARS, WAITS}},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene s;
		struct peer p;

		scene_open(&s, secret_steps, COUNT(secret_steps));
		s.order.protocol = PROTOCOL_IMAP;
		s.order.secret = PASSWORD;
		run_against(&s, &p, rows[i].act, 0);
		EXPECT(strstr(p.heard, QUOTED), "%s: it was sent: %s", rows[i].sentence, p.heard);
		EXPECT(!strstr(s.log->why, "horse"), "%s: why: %s", rows[i].sentence, s.log->why);
		for (unsigned k = 0; k < s.log->count; k++) {
			const struct exchange *x = &s.log->exchange[k];

			EXPECT(!x->sent || !strstr(x->sent, "horse"), "%s: %s", rows[i].sentence,
			       x->sent);
			EXPECT(!x->response.text || !strstr(x->response.text, "horse"), "%s: %s",
			       rows[i].sentence, x->response.text);
		}
		EXPECT(s.log->count > SECOND &&
			       strcmp(s.log->exchange[SECOND].sent, "q3 LOGIN (hidden)") == 0,
		       "%s: that it was said is seen", rows[i].sentence);
		scene_close(&s);
	}
}

/* ---- the file ---- */

TEST(a_password_is_the_first_line_of_a_file)
{
	static const struct {
		const char *sentence, *bytes, *wanted;
		mode_t mode;
		bool is_open;
	} rows[] = {
		{"a line", "secret\n", "secret", 0600, false},
		{"without an end", "secret", "secret", 0640, false},
		{"of another system", "secret\r\nmore\n", "secret", 0600, false},
		{"with blanks and more", " a \"b\\ \xc3\xa4\nrest", " a \"b\\ \xc3\xa4", 0600,
		 false},
		{"that everybody reads", "secret\n", "secret", 0644, true},
		{"empty", "", NULL, 0600, false},
		{"an empty line", "\nsecret\n", NULL, 0600, false},
		{"control characters", "sec\tret\n", NULL, 0600, false},
	};
	char path[TAP_TEMP_MAX], out[AUDIT_SECRET_MAX], longest[600];
	int fd = tap_temp_file(path, "quota");
	struct err e = {0};
	bool is_open;

	ENSURE(fd >= 0, "a file");
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length = strlen(rows[i].bytes);
		int ret;

		ENSURE(ftruncate(fd, 0) == 0 && fchmod(fd, rows[i].mode) == 0 &&
			       pwrite(fd, rows[i].bytes, length, 0) == (ssize_t)length,
		       "written");
		out[0] = '\0';
		ret = audit_secret_read(path, out, &is_open, &e);
		EXPECT((ret == 0) == !!rows[i].wanted && is_open == rows[i].is_open, "%s: %d",
		       rows[i].sentence, ret);
		EXPECT(strcmp(out, rows[i].wanted ? rows[i].wanted : "") == 0, "%s: %s",
		       rows[i].sentence, out);
		EXPECT(ret == 0 || (strstr(e.text, "--imap-password") && !strstr(e.text, "ret")),
		       "%s: %s", rows[i].sentence, e.text);
	}
	memset(longest, 'x', sizeof(longest));
	EXPECT(pwrite(fd, longest, sizeof(longest), 0) > 0 &&
		       audit_secret_read(path, out, &is_open, &e) == -EINVAL &&
		       strstr(e.text, "too long"),
	       "%s", e.text);
	close(fd);
	unlink(path);
	EXPECT(audit_secret_read(path, out, &is_open, &e) == -ENOENT, "%s", e.text);
	EXPECT(audit_secret_read("/tmp", out, &is_open, &e) < 0, "%s", e.text);
}
