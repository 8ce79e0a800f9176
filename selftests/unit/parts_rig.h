/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of parts of the controller share: a struct daemon with a real gate that is attached to nothing, and a real store. They need
 * root and a kernel with BTF.
 */
#ifndef SELFTESTS_PARTS_RIG_H
#define SELFTESTS_PARTS_RIG_H

#include "setup_rig.h"

#include <limits.h>
#include <stdlib.h>

#include "daemon/bans.h"
#include "daemon/state.h"
#include "daemon/witness.h"

#define LISTED_BOUND  1024 /* the least the configuration allows */
#define MAY_BE_UNUSED __attribute__((unused))

static struct daemon d;
static char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];

static bool store_use(void)
{
	struct err e = {0};

	return EXPECT(store_open(&d.store, dir, STORE_WRITE, &e) == 0, "%s", e.text);
}

/* The file is gone, and there is another. */
static MAY_BE_UNUSED bool store_replace(void)
{
	char command[sizeof(dir) + 32];

	store_close(d.store);
	snprintf(command, sizeof(command), "rm %s/" STORE_FILE "*", dir);
	return EXPECT(system(command) == 0, "%s", command) && store_use();
}

static void bench_remove(void)
{
	char command[PATH_MAX + 16];

	if (d.bans)
		bans_part.close(&d);
	if (d.witness)
		witness_part.close(&d);
	recording_close(d.contact.recording);
	store_close(d.store);
	listings_free(d.contact.listings);
	loop_free(d.loop);
	setup_remove(d.gate, d.conf.instance);
	snprintf(command, sizeof(command), "rm -rf %s", d.conf.state_dir);
	if (system(command) != 0)
		printf("# could not remove %s\n", d.conf.state_dir);
}

/* One gate for all tests of a file, and the store as it is first. */
static bool bench_load(void)
{
	struct ruling ruling = {.conf = &d.conf};
	bool loaded;

	setup_conf_reset(&d.conf);
	d.conf.tables.listed = LISTED_BOUND;
	if (!EXPECT(tap_temp_dir(d.conf.state_dir, "parts"), "a directory"))
		return false;
	ruling_state_dir(&d.conf, dir, sizeof(dir));
	d.contact.listings = listings_new();
	if (!EXPECT(d.contact.listings && loop_new(&d.loop) == 0 &&
			    recording_open(&d.contact.recording, &d) == 0,
		    "parts"))
		return false;
	loaded = setup_load(&ruling);
	d.gate = ruling.gate;
	if (!loaded)
		return false;
	atexit(bench_remove);
	return store_use();
}

#endif
