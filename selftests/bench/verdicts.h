/* SPDX-License-Identifier: BSD-2-Clause */
/* What the DNS side and first contact are measured with. */
#ifndef BENCH_VERDICTS_H
#define BENCH_VERDICTS_H

#include <sys/types.h>

#include "command.h"

#define VERDICTS_ZONE "bench.example"
#define VERDICTS_PORT 5301 /* of rbldnsd */

/* A directory with a zone of so many listed addresses, and rbldnsd that serves it in this thread's namespace. */
struct lists {
	char folder[32];
	pid_t server;
};

/* Number of an address: even ones are listed, as far as the zone goes. */
struct addr lists_source(uint32_t number);
/* 0, -ENOENT when rbldnsd is not installed, or -errno. lists_close() in any case. */
int lists_open(struct lists *l, uint32_t listed, struct err *e);
void lists_close(struct lists *l);

#endif
