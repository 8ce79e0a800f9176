/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper stays root, since maps, store and sockets belong to root, but root without capabilities: it opens no file that root does
 * not own and may not write by its permissions, mounts nothing, signals nobody, loads no module.
 */
#include "daemon/keeper_caps.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/drop.h"
#include "base/log.h"
#include "daemon/ruling.h"
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

/* What was opened before stays open; what must be opened again then cannot be. */
static void store_check(const struct conf *c)
{
	char directory[PATH_MAX];

	ruling_state_dir(c, directory, sizeof(directory));
	if (access(directory, W_OK | X_OK) < 0 && errno == EACCES)
		log_warning(
			"%s does not belong to root: without CAP_DAC_OVERRIDE, which is not kept, "
			"the store in it cannot be opened again if it has to be: chown it",
			directory);
}

bool keeper_may_enter(void)
{
	return prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) > 0;
}

int keeper_drop(const struct conf *c, struct err *e)
{
	uint64_t kept = BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_PERFMON);
	int ret;

	if (c->namespace_count)
		kept |= BIT(CAP_SYS_ADMIN);
	modules_load(c);
	ret = drop_capabilities(kept, e);
	if (ret == 0)
		store_check(c);
	return ret;
}
