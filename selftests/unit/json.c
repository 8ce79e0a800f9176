/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON Lines, the escaping of foreign bytes, the sentences of failure, and log lines. */
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(foreign_bytes_are_escaped_and_cut_at_whole_units)
{
	static const struct {
		const char *sentence, *bytes;
		size_t length, size;
		const char *text;
	} rows[] = {
		{"plain ASCII stays", "550 5.7.1 <no>", 14, 64, "550 5.7.1 <no>"},
		{"quotes stay", "a\"b'c", 5, 64, "a\"b'c"},
		{"a backslash is doubled", "a\\b", 3, 64, "a\\\\b"},
		{"a newline", "a\r\nb", 4, 64, "a\\x0d\\x0ab"},
		{"an escape sequence", "\x1b[2J", 4, 64, "\\x1b[2J"},
		{"DEL", "\x7f", 1, 64, "\\x7f"},
		{"UTF-8 and worse", "\xc3\xa4\xff", 3, 64, "\\xc3\\xa4\\xff"},
		{"a zero byte", "a\0b", 3, 64, "a\\x00b"},
		{"nothing", "", 0, 64, ""},
		{"just fits", "abcdefg", 7, 8, "abcdefg"},
		{"one too many", "abcdefgh", 8, 8, "abcd..."},
		{"never half a unit", "abc\xff\xff", 5, 8, "abc..."},
		{"a whole unit fits", "abc\xff", 4, 8, "abc\\xff"},
		{"room for the mark alone", "abcdefgh", 8, 4, "..."},
		{"room for less than the mark", "abcdefgh", 8, 3, ".."},
		{"room for the end alone", "abcdefgh", 8, 1, ""},
	};
	char buffer[64];

	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(buffer, 'X', sizeof(buffer));
		text_escape(rows[i].bytes, rows[i].length, buffer, rows[i].size);
		EXPECT(!strcmp(buffer, rows[i].text), "%s: %.60s", rows[i].sentence, buffer);
		if (rows[i].size < sizeof(buffer))
			EXPECT(buffer[rows[i].size] == 'X', "%s: wrote behind the buffer",
			       rows[i].sentence);
	}
	buffer[0] = 'X';
	text_escape("a", 1, buffer, 0);
	EXPECT(buffer[0] == 'X', "no room at all");
}

TEST(escaping_never_overruns_whatever_the_sizes)
{
	unsigned char bytes[40];
	char buffer[64];

	for (size_t length = 0; length <= sizeof(bytes); length++) {
		for (size_t size = 1; size < sizeof(buffer); size++) {
			for (size_t i = 0; i < length; i++)
				bytes[i] = (unsigned char)(i * 37 + size * 11);
			memset(buffer, 'X', sizeof(buffer));
			text_escape(bytes, length, buffer, size);
			EXPECT(strnlen(buffer, size) < size && buffer[size] == 'X',
			       "%zu bytes into %zu", length, size);
		}
	}
}

TEST(a_row_is_one_compact_line_in_order)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ENSURE(out, "open_memstream");
	EXPECT(json_line(out, json_pack("{s:s, s:i, s:n, s:[i,i]}", "zone", "a\nb", "count", 3,
					"because", "list", 1, 2)) == 0,
	       "json_line");
	EXPECT(json_line(out, json_pack("{s:s}", "name", "\xc3\xa4")) == 0, "json_line");
	fclose(out);
	EXPECT(!strcmp(text, "{\"zone\":\"a\\nb\",\"count\":3,\"because\":null,\"list\":[1,2]}\n"
			     "{\"name\":\"\\u00E4\"}\n"),
	       "got %s", text);
	free(text);
}

TEST(a_row_that_could_not_be_made_or_written_is_an_error)
{
	FILE *full = fopen("/dev/full", "w");

	EXPECT(json_line(stdout, NULL) == -ENOMEM, "no row");
	ENSURE(full, "/dev/full");
	setvbuf(full, NULL, _IONBF, 0);
	EXPECT(json_line(full, json_pack("{s:i}", "a", 1)) == -ENOSPC, "a full disk");
	fclose(full);
}

TEST(a_sentence_takes_a_prefix_and_its_own_text)
{
	struct err e = {0};

	EXPECT(err_set(&e, -ENOENT, "no %s", "rule") == -ENOENT && e.code == -ENOENT, "code");
	EXPECT(err_prefix(&e, "map %d", 7) == -ENOENT, "code of the prefix");
	EXPECT(!strcmp(e.text, "map 7: no rule"), "%s", e.text);
	err_set(&e, -EIO, "before %s after", e.text);
	EXPECT(!strcmp(e.text, "before map 7: no rule after"), "%s", e.text);
	EXPECT(err_set(NULL, -EPERM, "nobody listens") == -EPERM, "without a struct");
	EXPECT(err_prefix(NULL, "nobody") < 0, "a prefix to nothing is no success");
}

TEST(a_sentence_that_is_too_long_is_cut_with_a_mark)
{
	char wide[ERR_TEXT_MAX + 100];
	struct err e = {0};

	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	err_set(&e, -EINVAL, "%s", wide);
	EXPECT(strlen(e.text) == ERR_TEXT_MAX - 1 && !strcmp(e.text + ERR_TEXT_MAX - 4, "..."),
	       "set: %zu", strlen(e.text));
	err_set(&e, -EINVAL, "short");
	err_prefix(&e, "%s", wide);
	EXPECT(strlen(e.text) == ERR_TEXT_MAX - 1 && !strcmp(e.text + ERR_TEXT_MAX - 4, "..."),
	       "prefix: %zu", strlen(e.text));
}

/* What fn writes to standard error. */
static void capture(void (*fn)(void), char *text, size_t size)
{
	int pipe_fd[2] = {-1, -1}, kept = dup(STDERR_FILENO);
	ssize_t length;

	text[0] = '\0';
	if (!EXPECT(kept >= 0 && pipe(pipe_fd) == 0, "pipe"))
		return;
	fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK);
	dup2(pipe_fd[1], STDERR_FILENO);
	fn();
	length = read(pipe_fd[0], text, size - 1);
	text[length > 0 ? length : 0] = '\0';
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static void log_three(void)
{
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_INFO);
	log_info("one %d", 1);
	log_warning("two\nlines \x1b[2J");
	log_debug("not this");
}

static void log_to_the_journal(void)
{
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_LEVEL_DEBUG);
	log_error("bad");
	log_debug("more");
}

static void log_beside_the_journal(void)
{
	char stream[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open(LOG_LEVEL_INFO);
	log_error("bad");
	unsetenv("JOURNAL_STREAM");
}

static void log_what_is_too_long(void)
{
	char wide[8192];

	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	log_open(LOG_LEVEL_INFO);
	log_info("%s", wide);
}

TEST(a_log_line_is_one_line_with_time_or_priority)
{
	char text[4096] = "";

	capture(log_three, text, sizeof(text));
	EXPECT(text[4] == '-' && strstr(text, "Z one 1\n") &&
		       strstr(text, "Z warning: two?lines ?[2J\n") && !strstr(text, "not this"),
	       "got %s", text);
	capture(log_to_the_journal, text, sizeof(text));
	EXPECT(!strcmp(text, "<3>bad\n<7>more\n"), "got %s", text);
	capture(log_beside_the_journal, text, sizeof(text));
	EXPECT(strstr(text, "Z error: bad\n"), "a journal that is not ours: %s", text);
	capture(log_what_is_too_long, text, sizeof(text));
	EXPECT(strlen(text) > 512 && strlen(text) < 2048 && text[strlen(text) - 1] == '\n',
	       "%zu bytes", strlen(text));
	log_open(LOG_LEVEL_INFO);
}

TEST(a_text_is_plain_up_to_its_end)
{
	static const struct {
		const char *sentence, *text;
		size_t size;
		bool plain;
	} rows[] = {
		{"nothing", "", 1, true},
		{"from the first printable to the last", " ~", 3, true},
		{"what stands behind the end is not looked at", "a\0\x01", 4, true},
		{"not ended within its size", "abc", 3, false},
		{"no bytes at all", "", 0, false},
		{"a control character", "a\tb", 4, false},
		{"delete", "a\x7f", 3, false},
		{"a byte of UTF-8", "\xc3\xa4", 3, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EXPECT(text_is_plain(rows[i].text, rows[i].size) == rows[i].plain, "%s",
		       rows[i].sentence);
}

TEST(json_counts_are_never_below_zero)
{
	json_t *row = json_pack("{s:i, s:i, s:s}", "three", 3, "minus", -1, "text", "3");

	EXPECT(json_count_of(row, "three") == 3, "a count");
	EXPECT(!json_count_of(row, "minus") && !json_count_of(row, "text") &&
		       !json_count_of(row, "none") && !json_count_of(NULL, "three"),
	       "what is none");
	json_decref(row);
}
