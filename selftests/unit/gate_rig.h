/* SPDX-License-Identifier: BSD-2-Clause */
/* A real gate that is attached to nothing: one for all tests of a file, since it takes long to load. It needs root and a kernel with BTF. */
#ifndef SELFTESTS_GATE_RIG_H
#define SELFTESTS_GATE_RIG_H

#include "tap.h"

#include <errno.h>
#include <unistd.h>

#include "kern/kern.h"
#include "kern/maps.h"

static struct gate_sizes sizes = {.rules = 8192,
				  .blocks = 1024,
				  .allow = 64,
				  .open = 64,
				  .rates = 4096,
				  .listed = 64,
				  .known = 4096};
static char instance[32];
static struct gate *gate;
static struct err e;

static void gate_end(void)
{
	int lock = gate_lock(NULL);

	gate_close(gate);
	gate_remove(instance, NULL);
	gate_unlock(lock);
}

/* Loads and switches, and polices port 25: what `postern run` does at its start. NULL: said. */
static struct gate *gate_make(enum gate_origin *origin)
{
	struct gate *g = NULL;
	int lock = gate_lock(&e), r;

	if (!EXPECT(lock >= 0, "%s", e.text))
		return NULL;
	r = gate_load(&g, instance, &sizes, origin, &e);
	if (r == 0)
		r = gate_switch(g, &e);
	gate_unlock(lock);
	if (!EXPECT(r == 0, "%s", e.text)) {
		gate_close(g);
		return NULL;
	}
	gate_conf(g)->ports[0] = (struct pn_port){.port = 25, .local_port = 25, .can_reply = 1};
	return g;
}

/* The one gate, which is told from others by the name of the program. True: it is there. */
static bool gate_begin(void)
{
	enum gate_origin origin;

	if (gate)
		return true;
	snprintf(instance, sizeof(instance), "unit-%.16s-%d", program_invocation_short_name,
		 (int)getpid());
	gate = gate_make(&origin);
	atexit(gate_end);
	return gate && EXPECT(origin == GATE_NEW, "the gate is new");
}

/* Another in its place, as after a restart, that has come by it in this way. */
static __attribute__((unused)) bool gate_replace(enum gate_origin want)
{
	enum gate_origin origin;
	struct gate *again = gate_make(&origin);

	if (!again)
		return false;
	gate_close(gate);
	gate = again;
	return EXPECT(origin == want, "the gate is of origin %d, not %d", origin, want);
}

static __attribute__((unused)) struct prefix prefix_at(const char *text)
{
	struct prefix p = {0};

	EXPECT(prefix_parse(text, &p, NULL) == 0, "%s", text);
	return p;
}

#define GATE_OR_SKIP()                                                                             \
	if (geteuid() != 0)                                                                        \
		SKIP("root");                                                                      \
	if (!gate_begin())                                                                         \
	return

#endif
