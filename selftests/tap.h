/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The harness of the C tests. A test registers by existing:
 *
 *	TEST(prefix_covers_its_hosts)
 *	{
 *		EXPECT(prefix_has(&p, &a), "%s covers %s", ...);
 *	}
 *
 * Output is TAP (the Test Anything Protocol), one line per TEST; a failed EXPECT says where and what, and the
 * test goes on; a failed ENSURE ends it. SKIP names the missing feature. Arguments on the command line choose tests
 * by a part of their name.
 */
#ifndef SELFTESTS_TAP_H
#define SELFTESTS_TAP_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap_test {
	const char *name;
	void (*run)(void);
	struct tap_test *next;
};

extern struct tap_test *tap_first, **tap_last;
extern bool tap_failed;
extern const char *tap_skipped;

#define TEST(id)                                                                                   \
	static void tap_run_##id(void);                                                            \
	static struct tap_test tap_test_##id = {.name = #id, .run = tap_run_##id};                 \
	__attribute__((constructor)) static void tap_add_##id(void)                                \
	{                                                                                          \
		*tap_last = &tap_test_##id;                                                        \
		tap_last = &tap_test_##id.next;                                                    \
	}                                                                                          \
	static void tap_run_##id(void)

/*
 * True when it held, so that a caller can stop: if (!EXPECT(...)) return; The condition comes first, whatever the order in which
 * a compiler takes arguments: the text may be about the errno that it left.
 */
__attribute__((format(printf, 4, 5))) bool tap_expect(bool held, const char *file, int line,
						      const char *format, ...);
#define EXPECT(condition, ...)                                                                     \
	({                                                                                         \
		bool expect_held = (condition);                                                    \
		tap_expect(expect_held, __FILE__, __LINE__, __VA_ARGS__);                          \
	})
#define ENSURE(condition, ...)                                                                     \
	do {                                                                                       \
		if (!EXPECT(condition, __VA_ARGS__))                                               \
			return;                                                                    \
	} while (0)
#define SKIP(why)                                                                                  \
	do {                                                                                       \
		tap_skipped = (why);                                                               \
		return;                                                                            \
	} while (0)
/* For a process that may make few system calls: a sanitizer makes others. */
#ifdef __SANITIZE_ADDRESS__
#define SKIP_IF_SANITIZED() SKIP("no sanitizer, which makes system calls of its own")
#else
#define SKIP_IF_SANITIZED()                                                                        \
	do {                                                                                       \
	} while (0)
#endif

/*
 * A file or directory of its own for a test, under /tmp with the name in it. path is filled; the caller takes it away. The file's
 * descriptor, or -1; whether the directory was made.
 */
#define TAP_TEMP_MAX 64 /* bytes */
int tap_temp_file(char path[static TAP_TEMP_MAX], const char *name);
bool tap_temp_dir(char path[static TAP_TEMP_MAX], const char *name);

/* How many entries /proc/self/fd has: the descriptors that are open, and some that always are. For comparison. */
unsigned tap_descriptors(void);

#endif
