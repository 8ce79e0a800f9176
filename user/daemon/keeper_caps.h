/* SPDX-License-Identifier: BSD-2-Clause */
/* What the keeper may do once all is set up. */
#ifndef DAEMON_KEEPER_CAPS_H
#define DAEMON_KEEPER_CAPS_H

#include "conf/conf.h"

/*
 * Give up every capability but those that the work goes on with: BPF, NET_ADMIN and PERFMON, and SYS_ADMIN where the configuration
 * names network namespaces, which cannot be entered without it. For good: what a reload adds in this needs a restart. 0 or -errno.
 */
int keeper_drop(const struct conf *c, struct err *e);
/* Can network namespaces still be entered? */
bool keeper_may_enter(void);

#endif
