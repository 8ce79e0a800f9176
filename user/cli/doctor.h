/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: one line per check, with what to do about it. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/cli.h"
#include "net/net.h"

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_FAIL };

struct doctor {
	const struct cli *cli;
	struct gate *gate; /* NULL: not loaded, or may not be opened */
	unsigned warned, failed;
};

__attribute__((format(printf, 4, 5))) void doctor_say(struct doctor *d, enum health health,
						      const char *check, const char *format, ...);

/* doctor_link.c: everything about the interfaces that are or would be guarded. */
void doctor_links(struct doctor *d);

/* doctor_xdp.c: the XDP program on an interface, by rtnetlink(7): its id, 0 none, or -errno. */
int doctor_xdp_program(int ifindex);

#endif
