/* SPDX-License-Identifier: BSD-2-Clause */
/* A real gate as a configuration has it, attached to nothing, for the tests of parts of the controller. It needs root and a kernel with BTF. */
#ifndef SELFTESTS_SETUP_RIG_H
#define SELFTESTS_SETUP_RIG_H

#include "tap.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/ruling.h"
#include "daemon/setup.h"

/* The defaults, under a name by which the gates of two programs are told apart. */
static void setup_conf_reset(struct conf *conf)
{
	conf_defaults(conf);
	snprintf(conf->instance, sizeof(conf->instance), "unit-%.16s-%d",
		 program_invocation_short_name, (int)getpid());
	conf->local_networks = false;
}

/* Loads the gate of r->conf into r. True: it is there, and new. */
static bool setup_load(struct ruling *r)
{
	enum gate_origin origin;
	struct err e = {0};
	int lock = gate_lock(&e), code;

	if (!EXPECT(lock >= 0, "%s", e.text))
		return false;
	code = setup_gate(r, &origin, &e);
	gate_unlock(lock);
	return EXPECT(code == 0, "%s", e.text) && EXPECT(origin == GATE_NEW, "the gate is new");
}

static void setup_remove(struct gate *g, const char *instance)
{
	int lock = gate_lock(NULL);

	gate_close(g);
	gate_remove(instance, NULL);
	gate_unlock(lock);
}

#endif
