/* SPDX-License-Identifier: BSD-2-Clause */
/* Does the gate in the kernel count? */
#ifndef KERN_SELFTEST_H
#define KERN_SELFTEST_H

#include "kern/gate.h"

/*
 * Run pn_xdp on packets of our own, from a documentation address to the first policed port, and see its counters move. They are segments
 * that end a connection which nobody has, so nothing is charged, asked, told or answered; they are counted, and that is all. 0; -ENODATA:
 * the counters stand still; or -errno.
 */
int selftest_count(struct gate *g, struct err *e);

#endif
