/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The open sockets are few and the freshly blocked prefixes may be many, so the sockets are listed once and each
 * remote address is held against the prefixes. Whether an allow entry saves it, the kernel's own judge
 * is asked: nobody else knows better what it will do.
 */
#include "daemon/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kern/maps.h"
#include "net/net.h"

struct remotes {
	struct addr *addr;
	uint16_t *port; /* on the wire, to ask the judge about */
	size_t count, room;
	const struct conf *conf;
	const struct prefix *prefixes;
	size_t prefix_count;
};

static unsigned local_ports(const struct conf *c, uint16_t *ports)
{
	for (unsigned i = 0; i < c->port_count; i++)
		ports[i] = c->ports[i].local_port ? c->ports[i].local_port : c->ports[i].port;
	return c->port_count;
}

static uint16_t wire_port(const struct conf *c, uint16_t local_port)
{
	for (unsigned i = 0; i < c->port_count; i++)
		if (c->ports[i].local_port == local_port)
			return c->ports[i].port;
	return local_port;
}

static bool is_covered(const struct remotes *list, const struct addr *a)
{
	for (size_t i = 0; i < list->prefix_count; i++)
		if (prefix_has(&list->prefixes[i], a))
			return true;
	return false;
}

static bool is_collected(const struct remotes *list, const struct addr *a)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_equal(&list->addr[i], a))
			return true;
	return false;
}

static int remote_collect(void *context, const struct net_socket *s)
{
	struct remotes *list = context;

	if (!is_covered(list, &s->remote) || is_collected(list, &s->remote))
		return 0;
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		void *addrs = reallocarray(list->addr, room, sizeof(*list->addr));
		void *ports;

		if (!addrs)
			return -ENOMEM;
		list->addr = addrs;
		ports = reallocarray(list->port, room, sizeof(*list->port));
		if (!ports)
			return -ENOMEM;
		list->port = ports;
		list->room = room;
	}
	list->addr[list->count] = s->remote;
	list->port[list->count++] = wire_port(list->conf, s->local_port);
	return 0;
}

static bool is_allowed(struct gate *g, const struct addr *a, uint16_t port)
{
	struct pn_why why;

	return why_ask(g, a, port, &why, NULL) == 0 && why.reason == PN_REASON_ALLOWED;
}

/* In the network namespace the process is in. */
static int destroy_here(struct gate *g, struct remotes *list, unsigned *killed, struct err *e)
{
	uint16_t ports[CONF_PORTS_MAX];
	unsigned port_count = local_ports(list->conf, ports);
	/* One prefix narrows what the kernel sends; many are compared here. */
	const struct prefix *narrow = list->prefix_count == 1 ? list->prefixes : NULL;
	int rc;

	list->count = 0;
	rc = net_each_socket(ports, port_count, narrow, remote_collect, list, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < list->count; i++) {
		struct prefix host = prefix_of(&list->addr[i], ADDR_BITS);
		int died;

		if (is_allowed(g, &list->addr[i], list->port[i]))
			continue;
		died = net_destroy_sockets(ports, port_count, &host, e);
		if (died < 0)
			return died;
		*killed += (unsigned)died;
	}
	return 0;
}

static int enter(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		rc = err_set(e, -errno, "cannot enter the network namespace %s: %s", path,
			     strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Do it in a named namespace, and come back. */
static int elsewhere(const char *path, int (*fn)(void *context, struct err *e), void *context,
		     struct err *e)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int rc;

	if (own < 0)
		return err_set(e, -errno, "cannot open /proc/self/ns/net: %s", strerror(errno));
	rc = enter(path, e);
	if (rc == 0)
		rc = fn(context, e);
	/* In a foreign namespace nothing that follows would be right. */
	if (setns(own, CLONE_NEWNET))
		abort();
	close(own);
	return rc;
}

struct destroying {
	struct gate *gate;
	struct remotes *list;
	unsigned *killed;
};

static int destroy_there(void *context, struct err *e)
{
	struct destroying *d = context;

	return destroy_here(d->gate, d->list, d->killed, e);
}

static int destroy_elsewhere(struct gate *g, struct remotes *list, unsigned *killed, struct err *e)
{
	struct destroying d = {g, list, killed};
	int first = 0;

	for (unsigned i = 0; i < list->conf->namespace_count; i++) {
		int rc = elsewhere(list->conf->namespaces[i], destroy_there, &d, first ? NULL : e);

		if (rc && !first)
			first = rc;
	}
	return first;
}

int sockets_destroy(const struct conf *c, struct gate *g, const struct prefix *prefixes,
		    size_t count, unsigned *killed, struct err *e)
{
	struct remotes list = {.conf = c, .prefixes = prefixes, .prefix_count = count};
	int rc;

	*killed = 0;
	rc = destroy_here(g, &list, killed, e);
	if (rc == 0 && c->namespace_count)
		rc = destroy_elsewhere(g, &list, killed, e);
	if (rc == -ENOMEM)
		err_set(e, rc, "cannot list open connections: out of memory");
	free(list.addr);
	free(list.port);
	return rc;
}

/* By the same code as a SYN: the operator's trust, the mode and a responder that is gone let it be. */
static bool is_let_in(const struct conf *c, struct gate *g, const struct net_socket *s)
{
	struct pn_why why;

	return why_ask(g, &s->remote, wire_port(c, s->local_port), &why, NULL) ||
	       why.action == PN_PASS;
}

struct cutting {
	const struct net_socket *socket;
	uint64_t cookie;
};

static int cut_here(void *context, struct err *e)
{
	const struct cutting *c = context;

	return net_destroy_socket(c->socket, c->cookie, e);
}

int sockets_cut(const struct conf *c, struct gate *g, const struct net_socket *s, uint64_t cookie,
		uint64_t netns, struct err *e)
{
	struct cutting cutting = {s, cookie};
	uint64_t here = 0, there;
	int rc = is_let_in(c, g, s) ? 0 : net_cookie(&here, e);

	if (rc || !here)
		return rc;
	if (netns == here)
		return cut_here(&cutting, e);
	for (unsigned i = 0; i < c->namespace_count; i++)
		if (net_cookie_of(c->namespaces[i], &there, NULL) == 0 && there == netns)
			return elsewhere(c->namespaces[i], cut_here, &cutting, e);
	return 0; /* that namespace is gone, and its connections with it */
}
