/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: decisions with their fields, in a file and in a journal that the test plays; and not more of them than anybody can read. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/journal.h"
#include "tap.h"

#define TEXT_MAX (256 << 10)

/* Standard error goes here while something is tested. */
static FILE *caught;
static int kept = -1;

static bool catch_begin(bool as_journal)
{
	char stream[64];
	struct stat st;

	caught = tmpfile();
	kept = dup(STDERR_FILENO);
	if (!caught || kept < 0 || dup2(fileno(caught), STDERR_FILENO) < 0 ||
	    fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	if (as_journal)
		setenv("JOURNAL_STREAM", stream, 1);
	else
		unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_INFO);
	return true;
}

static const char *catch_end(void)
{
	static char text[TEXT_MAX];
	size_t length;

	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(caught);
	length = fread(text, 1, sizeof(text) - 1, caught);
	text[length] = '\0';
	fclose(caught);
	return text;
}

static const struct log_fields event = {.kind = LOG_EVENT,
					.source = "192.0.2.1",
					.port = 25,
					.reason = "rate",
					.action = "drop",
					.interface = "eth0",
					.suppressed = 3};

TEST(a_decision_in_a_file_is_a_sentence_with_fields_behind_it)
{
	static const struct log_fields listed = {.kind = LOG_LISTED,
						 .source = "2001:db8::/64",
						 .reason = "listed",
						 .action = "reply",
						 .zone = "bl.example"};
	const char *text;

	ENSURE(catch_begin(false), "cannot catch");
	log_decision(&event, "dropped: %s", "a sentence");
	log_decision(&listed, "listed: by \n name\x7f");
	log_info("ordinary");
	text = catch_end();
	EXPECT(strstr(text,
		      "Z dropped: a sentence source=192.0.2.1 port=25 reason=rate action=drop "
		      "interface=eth0 suppressed=3\n"),
	       "'%s'", text);
	EXPECT(strstr(text, "Z listed: by ? name? source=2001:db8::/64 reason=listed action=reply "
			    "zone=bl.example\n"),
	       "'%s'", text);
	EXPECT(strstr(text, "Z ordinary\n"), "'%s'", text);
}

/* A journal's socket. */
static int journald(char path[TAP_TEMP_MAX + 16])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(path, TAP_TEMP_MAX + 16, "/tmp/live-journal-%d", (int)getpid());
	unlink(path);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	return fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 ? fd : -1;
}

TEST(a_decision_in_the_journal_has_fields_to_search_by)
{
	char path[TAP_TEMP_MAX + 16], entry[JOURNAL_ENTRY_MAX + 1] = "";
	int fd = journald(path);
	const char *text;

	ENSURE(fd >= 0 && catch_begin(true), "cannot play a journal");
	EXPECT(journal_open(path) == 0, "cannot open it");
	log_decision(&event, "dropped: %s", "a sentence");
	log_info("ordinary");
	close(fd);
	fd = journald(path); /* journald has been started anew */
	log_decision(&event, "dropped: again");
	EXPECT(recv(fd, entry, sizeof(entry) - 1, 0) > 0, "no entry");
	EXPECT(!strncmp(entry, "MESSAGE=dropped: again\nMESSAGE_ID=", 34), "'%s'", entry);
	EXPECT(strstr(entry, "\nPRIORITY=6\nSYSLOG_IDENTIFIER=postern\nPOSTERN_SOURCE=192.0.2.1\n"
			     "POSTERN_PORT=25\nPOSTERN_REASON=rate\nPOSTERN_ACTION=drop\n"
			     "POSTERN_INTERFACE=eth0\nPOSTERN_SUPPRESSED=3\n"),
	       "'%s'", entry);
	/* Gone: the line goes where all others go. */
	close(fd);
	unlink(path);
	log_decision(&event, "dropped: nobody there");
	text = catch_end();
	EXPECT(!strcmp(text, "<6>ordinary\n<6>dropped: nobody there source=192.0.2.1 port=25 "
			     "reason=rate action=drop interface=eth0 suppressed=3\n"),
	       "'%s'", text);
	journal_open(NULL);
}

TEST(a_value_with_a_newline_goes_with_its_length)
{
	struct journal_entry entry = {.length = 0};
	static char longest[JOURNAL_ENTRY_MAX];

	journal_add(&entry, "A", "b");
	journal_add(&entry, "EMPTY", "");
	journal_add(&entry, "C", "d\ne");
	EXPECT(entry.length == 4 + 14 && !memcmp(entry.bytes, "A=b\nC\n\3\0\0\0\0\0\0\0d\ne\n", 18),
	       "%zu bytes", entry.length);
	memset(longest, 'x', sizeof(longest) - 1);
	journal_add(&entry, "F", longest);
	EXPECT(entry.length == 18, "%zu bytes", entry.length);
	EXPECT(journal_send(&entry) == -ENOTCONN, "it was sent nowhere");
}

TEST(a_flood_is_counted_and_said_when_it_is_over)
{
	const unsigned all = 10 * LOG_DECISIONS_PER_S;
	unsigned lines = 0;
	unsigned long silent = 0;
	const char *text, *at;

	ENSURE(catch_begin(false), "cannot catch");
	for (unsigned i = 0; i < all; i++)
		log_decision(&event, "dropped");
	log_decision(&(struct log_fields){.kind = LOG_LISTED, .is_rare = true}, "a whole network");
	log_tick();
	log_info("behind the first tick");
	log_tick();
	log_tick();
	text = catch_end();
	for (at = text; (at = strstr(at, "Z dropped source=")); at++)
		lines++;
	at = strstr(text, "behind the first tick");
	ENSURE(at, "'%s'", text);
	EXPECT(strstr(text, "a whole network"), "what is rare was left out");
	EXPECT(!strstr(text, "are not in this log") || strstr(at, "are not in this log"),
	       "it was said while it went on");
	at = strstr(text, "warning: ");
	if (at)
		silent = strtoul(at + strlen("warning: "), NULL, 10);
	/* What was written in this second before counts, and another second may have begun. */
	EXPECT(lines + silent == all && lines <= 2 * LOG_DECISIONS_PER_S,
	       "%u lines, %lu not written", lines, silent);
	EXPECT(!at || !strstr(at + 1, "warning: "), "it was said twice");
}
