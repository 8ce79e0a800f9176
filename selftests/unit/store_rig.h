/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the store share: directories of one's own, numbered rules, clocks to play with. */
#ifndef SELFTESTS_STORE_RIG_H
#define SELFTESTS_STORE_RIG_H

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/inside.h"
#include "tap.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define MAY_BE_UNUSED __attribute__((unused))

/* The directory of the store that is tested, and its database. */
static char base[TAP_TEMP_MAX], dir[96], file[128];
static pid_t main_pid;

static void base_remove(void)
{
	char command[128];

	if (getpid() != main_pid)
		return;
	snprintf(command, sizeof(command), "rm -rf %s", base);
	if (system(command) != 0)
		printf("# could not remove %s\n", base);
}

/* A name that does not exist yet, below a directory that does. */
static const char *dir_fresh(void)
{
	static unsigned number;

	if (!*base) {
		main_pid = getpid();
		if (!tap_temp_dir(base, "store") || chmod(base, 0755) < 0)
			exit(EXIT_FAILURE);
		atexit(base_remove);
	}
	snprintf(dir, sizeof(dir), "%s/%u", base, ++number);
	snprintf(file, sizeof(file), "%s/" STORE_FILE, dir);
	return dir;
}

static MAY_BE_UNUSED struct store_rule rule_numbered(unsigned i)
{
	struct store_rule r = {.kind = STORE_BLOCK, .action = STORE_DROP, .origin = "operator"};

	r.prefix.bits = ADDR_BITS;
	r.prefix.addr.byte[10] = r.prefix.addr.byte[11] = 0xff;
	r.prefix.addr.byte[12] = 10;
	r.prefix.addr.byte[13] = (uint8_t)(i >> 16);
	r.prefix.addr.byte[14] = (uint8_t)(i >> 8);
	r.prefix.addr.byte[15] = (uint8_t)i;
	memset(r.because, 'b', 100);
	return r;
}

static MAY_BE_UNUSED struct store_rule rule_of(const char *text, enum store_kind kind)
{
	struct store_rule r = {.kind = kind,
			       .action = kind == STORE_BLOCK ? STORE_DROP : STORE_NONE,
			       .origin = "operator",
			       .created_wall_s = 1700000000};
	struct err e = {0};

	EXPECT(prefix_parse(text, &r.prefix, &e) == 0, "%s", e.text);
	return r;
}

static MAY_BE_UNUSED int put(struct store *s, const struct store_rule *r)
{
	struct err e = {0};
	int code = store_put_rule(s, r, &e);

	EXPECT(code == 0, "put: %s", e.text);
	return code;
}

static MAY_BE_UNUSED bool has(struct store *s, const struct store_rule *r)
{
	struct store_rule back;

	return store_get_rule(s, r->kind, &r->prefix, &back, NULL) == 0;
}

static MAY_BE_UNUSED bool has_numbered(struct store *s, unsigned i)
{
	struct store_rule r = rule_numbered(i);

	return has(s, &r);
}

static int count_one(void *context, const struct store_rule *r)
{
	(void)r;
	++*(unsigned *)context;
	return 0;
}

static MAY_BE_UNUSED unsigned count_rules(struct store *s)
{
	struct err e = {0};
	unsigned count = 0;
	int code = store_each_rule(s, count_one, &count, &e);

	EXPECT(code == 0, "each: %d %s", code, e.text);
	return count;
}

/* A store with count rules, closed. */
static MAY_BE_UNUSED bool store_filled(unsigned count)
{
	struct err e = {0};
	struct store *s;
	int code = store_open(&s, dir, STORE_WRITE, &e);

	if (code == 0)
		code = store_begin(s, &e);
	for (unsigned i = 0; i < count && code == 0; i++) {
		struct store_rule r = rule_numbered(i);

		code = store_put_rule(s, &r, &e);
	}
	if (code == 0)
		code = store_commit(s, &e);
	store_close(s);
	return EXPECT(code == 0, "filling %s: %s", dir, e.text);
}

static MAY_BE_UNUSED bool fails_with(enum store_access access, int want, const char *case_)
{
	struct err e = {0};
	struct store *s;
	int code = store_open(&s, dir, access, &e);

	store_close(s);
	return EXPECT(code == want && e.code == want && strstr(e.text, dir), "%s: %d (%s) '%s'",
		      case_, code, strerror(-code), e.text);
}

static MAY_BE_UNUSED bool reads(unsigned want, const char *case_)
{
	struct err e = {0};
	unsigned count = 0;
	struct store *s;
	int code = store_open(&s, dir, STORE_READ, &e);

	if (code == 0)
		code = store_each_rule(s, count_one, &count, &e);
	store_close(s);
	return EXPECT(code == 0 && count == want, "%s: %d, %u rules of %u '%s'", case_, code, count,
		      want, e.text);
}

/* ---- clocks that the test sets ---- */

#define S ((int64_t)NS_PER_S)
#define H (3600 * S)

static int64_t played_boot_ns, played_wall_ns;
static char played_id[BOOT_ID_MAX];

static uint64_t play_boot_ns(void)
{
	return (uint64_t)played_boot_ns;
}

static int64_t play_wall_ns(void)
{
	return played_wall_ns;
}

static const char *play_boot_id(char buffer[static BOOT_ID_MAX])
{
	return memcpy(buffer, played_id, BOOT_ID_MAX);
}

static const struct store_clock played = {play_boot_ns, play_wall_ns, play_boot_id};

static MAY_BE_UNUSED void play(const char *id, int64_t boot_ns, int64_t wall_ns)
{
	snprintf(played_id, sizeof(played_id), "%s", id);
	played_boot_ns = boot_ns;
	played_wall_ns = wall_ns;
}

/* Time goes by, as both clocks see it. */
static MAY_BE_UNUSED void play_on(int64_t ns)
{
	played_boot_ns += ns;
	played_wall_ns += ns;
}

static MAY_BE_UNUSED struct store *open_played_within(unsigned patience_ms)
{
	struct err e = {0};
	struct store *s;

	if (!EXPECT(store_open_by(&s, dir, STORE_WRITE, &played, patience_ms, &e) == 0, "open: %s",
		    e.text))
		return NULL;
	return s;
}

static MAY_BE_UNUSED struct store *open_played(void)
{
	return open_played_within(STORE_PATIENCE_MS);
}

#define WALL (1700000000 * S)

#endif
