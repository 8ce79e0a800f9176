/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connect scan. Every port has its socket and all share one limit; a port that waits for a socket gets it when another is
 * done. The list is of what is found open on mail hosts by mistake: what a panel, a distribution or an old habit leaves behind.
 */
#include "audit/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

const struct port_row port_rows[] = {
	{587, "submission", PORT_MAIL, SEVERITY_INFO, "people send by it (RFC 6409)"},
	{465, "submissions", PORT_MAIL, SEVERITY_INFO, "the same inside TLS (RFC 8314)"},
	{110, "POP3", PORT_MAIL, SEVERITY_INFO, "people read by it"},
	{995, "POP3S", PORT_MAIL, SEVERITY_INFO, "the same inside TLS"},
	{143, "IMAP", PORT_MAIL, SEVERITY_INFO, "people read by it"},
	{993, "IMAPS", PORT_MAIL, SEVERITY_INFO, "the same inside TLS"},
	{4190, "ManageSieve", PORT_MAIL, SEVERITY_INFO, "people sort their mail by it (RFC 5804)"},
	{22, "SSH", PORT_USUAL, SEVERITY_INFO, "who keeps the host comes in by it"},
	{21, "FTP", PORT_NEEDLESS, SEVERITY_MEDIUM, "passwords and files in clear text"},
	{23, "telnet", PORT_NEEDLESS, SEVERITY_HIGH, "a shell with its password in clear text"},
	{53, "DNS", PORT_NEEDLESS, SEVERITY_MEDIUM,
	 "name service belongs on a host of its own; a resolver that is open to all is a weapon"},
	{69, "TFTP", PORT_NEEDLESS, SEVERITY_MEDIUM, "files without a password"},
	{79, "finger", PORT_NEEDLESS, SEVERITY_MEDIUM, "it tells who the users are"},
	{80, "HTTP", PORT_NEEDLESS, SEVERITY_LOW,
	 "a web server is one more way in; fine where it only answers for certificates or "
	 "MTA-STS"},
	{111, "rpcbind", PORT_NEEDLESS, SEVERITY_MEDIUM, "file sharing, and a way to amplify"},
	{135, "MS-RPC", PORT_NEEDLESS, SEVERITY_MEDIUM, "Windows management, attacked by worms"},
	{139, "NetBIOS", PORT_NEEDLESS, SEVERITY_HIGH, "file sharing"},
	{389, "LDAP", PORT_NEEDLESS, SEVERITY_MEDIUM, "the directory of users, in clear text"},
	{443, "HTTPS", PORT_NEEDLESS, SEVERITY_LOW,
	 "a web server is one more way in; web mail belongs in front of the store"},
	{445, "SMB", PORT_NEEDLESS, SEVERITY_HIGH, "file sharing, attacked by worms"},
	{512, "rexec", PORT_NEEDLESS, SEVERITY_HIGH, "a shell with its password in clear text"},
	{513, "rlogin", PORT_NEEDLESS, SEVERITY_HIGH, "a shell that trusts names"},
	{514, "rsh", PORT_NEEDLESS, SEVERITY_HIGH, "a shell that trusts names"},
	{873, "rsync", PORT_NEEDLESS, SEVERITY_MEDIUM, "file sharing"},
	{1433, "SQL Server", PORT_NEEDLESS, SEVERITY_HIGH, "a database"},
	{2049, "NFS", PORT_NEEDLESS, SEVERITY_HIGH, "file sharing"},
	{2375, "Docker", PORT_NEEDLESS, SEVERITY_CRITICAL, "whoever reaches it is root"},
	{3306, "MySQL", PORT_NEEDLESS, SEVERITY_HIGH, "a database"},
	{3389, "RDP", PORT_NEEDLESS, SEVERITY_HIGH, "a desktop"},
	{5432, "PostgreSQL", PORT_NEEDLESS, SEVERITY_HIGH, "a database"},
	{5900, "VNC", PORT_NEEDLESS, SEVERITY_HIGH, "a desktop"},
	{6379, "Redis", PORT_NEEDLESS, SEVERITY_HIGH, "a database, by default without a password"},
	{8080, "HTTP", PORT_NEEDLESS, SEVERITY_LOW, "a web server or a proxy"},
	{10000, "Webmin", PORT_NEEDLESS, SEVERITY_MEDIUM, "a panel that administers the host"},
	{11211, "memcached", PORT_NEEDLESS, SEVERITY_HIGH, "a cache without a password"},
	{11334, "rspamd", PORT_NEEDLESS, SEVERITY_MEDIUM, "the spam filter's own panel"},
};
const unsigned port_row_count = sizeof(port_rows) / sizeof(port_rows[0]);
_Static_assert(sizeof(port_rows) / sizeof(port_rows[0]) <= SEEN_PORTS_MAX, "room for the list");

const struct port_row *port_find(uint16_t port)
{
	for (unsigned i = 0; i < port_row_count; i++)
		if (port_rows[i].port == port)
			return &port_rows[i];
	return NULL;
}

enum port_state port_state_of(const struct seen_address *a, uint16_t port)
{
	for (unsigned i = 0; i < a->port_count; i++)
		if (a->port[i].port == port)
			return a->port[i].state;
	return PORT_UNKNOWN;
}

/* ---- the scan ---- */

struct probe {
	struct ports_scan *scan;
	struct seen_port *port;
	struct loop_source *source;
	int fd;
};

struct ports_scan {
	struct loop *loop;
	struct seen_address *address;
	struct loop_source *limit; /* of the batch; and, before it, what starts the first */
	visit_socket_fn socket;
	void *socket_context;
	ports_fn fn;
	void *context;
	unsigned next, open; /* the port that is next; probes under way */
	struct probe probe[PORTS_AT_ONCE];
};

static void probe_end(struct probe *p, enum port_state state)
{
	p->port->state = state;
	loop_remove(p->scan->loop, p->source);
	p->source = NULL;
	close(p->fd);
	p->fd = -1;
	p->scan->open--;
}

static enum port_state state_of(int error)
{
	if (error == 0)
		return PORT_OPEN;
	return error == ECONNREFUSED ? PORT_CLOSED : PORT_FILTERED;
}

static void batch_start(struct ports_scan *s);

static void on_probe(void *context, int fd, uint32_t events)
{
	struct probe *p = context;
	struct ports_scan *s = p->scan;
	int error = 0;
	socklen_t length = sizeof(error);

	(void)events;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	probe_end(p, state_of(error));
	if (s->open == 0)
		batch_start(s);
}

/* What has not answered by now is filtered. */
static void on_limit(void *context)
{
	struct ports_scan *s = context;

	for (unsigned i = 0; i < PORTS_AT_ONCE; i++)
		if (s->probe[i].source)
			probe_end(&s->probe[i], PORT_FILTERED);
	batch_start(s);
}

static int target_connect(int fd, const struct addr *a, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_v4 = addr_is_v4(a);

	memcpy(&v4.sin_addr, a->byte + ADDR_V4_LEAD_BITS / 8, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->byte, sizeof(v6.sin6_addr));
	if (connect(fd, is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
		    is_v4 ? sizeof(v4) : sizeof(v6)) == 0)
		return 0;
	return -errno;
}

/* An error of ours leaves the port unknown. */
static void probe_start(struct ports_scan *s, struct probe *p, struct seen_port *port)
{
	int family = addr_is_v4(&s->address->addr) ? AF_INET : AF_INET6;
	int fd = s->socket ? s->socket(s->socket_context, family)
			   : socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int ret;

	if (fd < 0)
		return;
	ret = target_connect(fd, &s->address->addr, port->port);
	*p = (struct probe){.scan = s, .port = port, .fd = fd};
	if (ret == -EINPROGRESS &&
	    loop_add_fd(s->loop, fd, EPOLLOUT, on_probe, p, &p->source) == 0) {
		s->open++;
		return;
	}
	if (ret != -EINPROGRESS)
		port->state = state_of(-ret);
	close(fd);
}

static void scan_free(struct ports_scan *s)
{
	for (unsigned i = 0; i < PORTS_AT_ONCE; i++)
		if (s->probe[i].source)
			probe_end(&s->probe[i], PORT_UNKNOWN);
	loop_remove(s->loop, s->limit);
	free(s);
}

static void batch_start(struct ports_scan *s)
{
	const ports_fn fn = s->fn;
	void *context = s->context;
	int ret = 0;

	loop_remove(s->loop, s->limit);
	s->limit = NULL;
	/* Ports that are known at once may leave a batch with none to wait for. */
	while (s->open == 0 && s->next < s->address->port_count)
		for (unsigned i = 0; i < PORTS_AT_ONCE && s->next < s->address->port_count; i++)
			probe_start(s, &s->probe[i], &s->address->port[s->next++]);
	if (s->open)
		ret = loop_add_timer(s->loop, PORTS_WAIT_MS, 0, on_limit, s, &s->limit);
	if (s->open && ret == 0)
		return;
	scan_free(s);
	fn(context);
}

static void on_first(void *context)
{
	batch_start(context);
}

int ports_scan_start(struct ports_scan **out, struct loop *loop, struct seen_address *a,
		     const uint16_t *ports, unsigned count, visit_socket_fn socket,
		     void *socket_context, ports_fn fn, void *context)
{
	struct ports_scan *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->address = a;
	s->socket = socket;
	s->socket_context = socket_context;
	s->fn = fn;
	s->context = context;
	a->port_count = count < SEEN_PORTS_MAX ? count : SEEN_PORTS_MAX;
	for (unsigned i = 0; i < a->port_count; i++)
		a->port[i] = (struct seen_port){.port = ports[i]};
	/* From the loop, so that fn never comes before this returns. */
	ret = loop_add_timer(loop, 1, 0, on_first, s, &s->limit);
	if (ret < 0)
		free(s);
	else
		*out = s;
	return ret;
}

void ports_scan_stop(struct ports_scan *s)
{
	if (s)
		scan_free(s);
}
