/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines that fit a terminal of 80 columns. */
#include "cli/fill.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

#define SHOWN_MAX 4096

/* What fill_facts() prints of it. */
static const char *facts(const char *text)
{
	static char shown[SHOWN_MAX];
	int saved, memory = memfd_create("facts", MFD_CLOEXEC);
	ssize_t length;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(memory, STDOUT_FILENO);
	fill_facts(text);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	length = pread(memory, shown, sizeof(shown) - 1, 0);
	shown[length > 0 ? length : 0] = '\0';
	close(saved);
	close(memory);
	return shown;
}

TEST(facts_go_on_below_where_they_began)
{
	static const struct {
		const char *sentence, *text, *shown;
	} rows[] = {
		{"what fits stays", "192.0.2.1: so\n  mode     monitor\n",
		 "192.0.2.1: so\n  mode     monitor\n"},
		{"80 columns fit",
		 "  says     12345678901234567890123456789012345678901234567890 1234567890123456 "
		 "x\n",
		 "  says     12345678901234567890123456789012345678901234567890 1234567890123456 "
		 "x\n"},
		{"81 do not",
		 "  says     12345678901234567890123456789012345678901234567890 1234567890123456 "
		 "xy\n",
		 "  says     12345678901234567890123456789012345678901234567890 1234567890123456\n"
		 "           xy\n"},
		{"a word is never divided, nor are brackets taken for a clause",
		 "  says     [a "
		 "12345678901234567890123456789012345678901234567890123456789012345678901234567890 "
		 "b\n",
		 "  says     [a\n           "
		 "12345678901234567890123456789012345678901234567890123456789012345678901234567890"
		 "\n           b\n"},
		{"nor is a command",
		 "  change   postern forget 2001:db8:1111:2222:3333:4444:5555:6666, or postern "
		 "trust "
		 "2001:db8:1111:2222:3333:4444:5555:6666\n",
		 "  change   postern forget 2001:db8:1111:2222:3333:4444:5555:6666,\n           or "
		 "postern trust 2001:db8:1111:2222:3333:4444:5555:6666\n"},
		{"a heading goes on with an indent",
		 "2001:db8:1111:2222:3333:4444:5555:6666: its next SYN to port 25 is handed to the "
		 "responder\n",
		 "2001:db8:1111:2222:3333:4444:5555:6666: its next SYN to port 25 is handed to "
		 "the\n  responder\n"},
		{"lines without a label are of the one above", "  journal  a\n           b\n",
		 "  journal  a\n           b\n"},
		{"an empty line", "\n", "\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *shown = facts(rows[i].text);

		EXPECT(strcmp(shown, rows[i].shown) == 0, "%s: %s", rows[i].sentence, shown);
	}
}
