/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper stays root, since maps, store and sockets belong to root, but root without capabilities: it opens no file that root does
 * not own and may not write by its permissions, mounts nothing, signals nobody, loads no module.
 */
#include "daemon/keeper_caps.h"

#include <errno.h>
#include <linux/capability.h>

#include "base/drop.h"
#include "base/log.h"
#include "net/net.h"

#define BIT(capability) (1ULL << (capability))

static int socket_see(void *context, const struct net_socket *s)
{
	(void)context;
	(void)s;
	return 0;
}

/* Asking once loads what speaks about sockets, where that is a module: later it may not be loaded any more. */
static void modules_load(const struct conf *c)
{
	struct err e = {0};

	if (net_each_socket(&c->ports[0].port, 1, NULL, socket_see, NULL, &e) < 0)
		log_warning("open connections cannot be listed, and so not be ended: %s", e.text);
}

int keeper_drop(const struct conf *c, struct err *e)
{
	uint64_t kept = BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_PERFMON);

	if (c->namespace_count)
		kept |= BIT(CAP_SYS_ADMIN);
	modules_load(c);
	return drop_capabilities(kept, e);
}
