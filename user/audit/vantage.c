/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vantage: see vantage.h. Sockets are made in a thread of its own, which leaves for a new network namespace, lays a cable (net/cable.h)
 * and ends: nobody has to find the way back, and after it only the sockets hold the namespace. Whatever ends the process takes
 * them, the namespace and the cable.
 */
#include "audit/vantage.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/grow.h"
#include "net/cable.h"
#include "net/net.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24 /* Linux 4.2 */
#endif

#define DRAWS 8 /* of an address in one network: audits that run side by side draw differently */

struct vantage_own {
	struct net_address *row;
	size_t count, room;
};

struct vantage_sockets {
	struct cable cable;
	struct {
		int *fd;
		unsigned left;
	} v4, v6;
};

/* ---- this host ---- */

static int own_came(void *context, const struct net_address *a)
{
	struct vantage_own *o = context;
	struct net_address *rows = grow(o->row, o->count, &o->room, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	o->row = rows;
	o->row[o->count++] = *a;
	return 0;
}

int vantage_own_read(struct vantage_own **out, struct err *e)
{
	struct vantage_own *o = calloc(1, sizeof(*o));
	int code;

	*out = NULL;
	if (!o)
		return err_set(e, -ENOMEM, "no memory for the addresses of this host");
	code = net_each_address(own_came, o, e);
	if (code < 0) {
		vantage_own_free(o);
		return code;
	}
	*out = o;
	return 0;
}

void vantage_own_free(struct vantage_own *o)
{
	if (!o)
		return;
	free(o->row);
	free(o);
}

static bool is_in(const struct addr *a, const char *network)
{
	struct prefix p;

	return prefix_parse(network, &p, NULL) == 0 && prefix_has(&p, a);
}

static bool is_loopback(const struct addr *a)
{
	return is_in(a, "127.0.0.0/8") || is_in(a, "::1");
}

static bool is_link_local(const struct addr *a)
{
	return is_in(a, "169.254.0.0/16") || is_in(a, "fe80::/10");
}

static bool is_private(const struct addr *a)
{
	const struct prefix p = prefix_of(a, ADDR_BITS);

	return prefix_is_private(&p) || is_link_local(a);
}

bool vantage_is_own(const struct vantage_own *o, const struct addr *a)
{
	if (is_loopback(a))
		return true;
	for (size_t i = 0; i < o->count; i++)
		if (addr_equal(&o->row[i].addr, a))
			return true;
	return false;
}

bool vantage_is_reached(const struct vantage_own *o, const struct addr *a)
{
	return vantage_is_own(o, a) && !is_loopback(a) && !is_link_local(a);
}

/* Do both stand in one network that this host is on? */
static bool are_neighbours(const struct vantage_own *o, const struct addr *a, const struct addr *b)
{
	for (size_t i = 0; i < o->count; i++)
		if (prefix_has(&o->row[i].network, a) && prefix_has(&o->row[i].network, b))
			return true;
	return false;
}

enum vantage vantage_judge(const struct vantage_own *o, const struct addr *from,
			   const struct addr *to)
{
	if (is_loopback(from) || is_loopback(to))
		return VANTAGE_LOOPBACK;
	if (addr_equal(from, to) || (vantage_is_own(o, from) && vantage_is_own(o, to)))
		return VANTAGE_OWN;
	/* A private address that speaks to a public one is translated on the way, and comes from outside. */
	if (are_neighbours(o, from, to) || (is_private(from) && is_private(to)))
		return VANTAGE_INSIDE;
	return VANTAGE_OUTSIDE;
}

/* ---- a documentation address that nobody here has to do with ---- */

/*
 * RFC 5737; RFC 3849. With subnet-style settings a mail server trusts the networks that the host stands in (Postfix: mynetworks_style),
 * and with class-style ones what these were in old times; so no own address may stand in the same.
 */
static bool is_network_used(const struct vantage_own *o, const struct prefix *network)
{
	for (size_t i = 0; i < o->count; i++)
		if (prefix_has(network, &o->row[i].addr) ||
		    (o->row[i].network.bits != ADDR_V4_LEAD_BITS &&
		     prefix_covers(&o->row[i].network, network)))
			return true;
	return false;
}

/* The bytes behind the network's are drawn; the last is neither the first nor the last of a network. */
static int draw(const struct prefix *network, struct addr *out)
{
	uint8_t bytes[sizeof(out->byte)];
	unsigned from = network->bits / 8;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	*out = network->addr;
	memcpy(out->byte + from, bytes + from, sizeof(bytes) - from);
	out->byte[sizeof(bytes) - 1] = (uint8_t)(2 + bytes[sizeof(bytes) - 1] % 250);
	return 0;
}

static int address_find(const struct vantage_own *o, const char *const *networks, struct addr *out)
{
	for (; *networks; networks++) {
		struct prefix network;

		if (prefix_parse(*networks, &network, NULL) < 0 || is_network_used(o, &network))
			continue;
		for (unsigned i = 0; i < DRAWS; i++) {
			int code = draw(&network, out);

			if (code == 0)
				code = cable_is_free(out);
			if (code)
				return code < 0 ? code : 0;
		}
	}
	return -EADDRNOTAVAIL;
}

static int addresses_find(struct cable *wanted, struct err *e)
{
	static const char *const v4[] = {"203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", NULL};
	/* Parts of 2001:db8::/32, since hosts of a laboratory stand in others. */
	static const char *const v6[] = {"2001:db8:a0d1::/48", "2001:db8:706f::/48",
					 "2001:db8:7465::/48", NULL};
	struct vantage_own *own;
	int code = vantage_own_read(&own, e);

	if (code < 0)
		return code;
	wanted->has_v4 = address_find(own, v4, &wanted->v4) == 0;
	wanted->has_v6 = address_find(own, v6, &wanted->v6) == 0;
	vantage_own_free(own);
	if (!wanted->has_v4 && !wanted->has_v6)
		return err_set(e, -EADDRNOTAVAIL,
			       "this host has routes of its own to all documentation addresses, "
			       "so that none is left to come from outside with");
	return 0;
}

/* ---- the sockets ---- */

struct errand {
	struct vantage_sockets *sockets;
	struct cable wanted;
	unsigned count;
	int code;
	struct err *e;
};

static int socket_bind(int fd, const struct addr *a)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	const int yes = 1;

	if (!addr_is_v4(a)) {
		memcpy(&six.sin6_addr, a->byte, sizeof(six.sin6_addr));
		return bind(fd, (const struct sockaddr *)&six, sizeof(six));
	}
	memcpy(&four.sin_addr, a->byte + sizeof(a->byte) - sizeof(four.sin_addr),
	       sizeof(four.sin_addr));
	/* The port is chosen at connect(2): until then none is taken. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	return bind(fd, (const struct sockaddr *)&four, sizeof(four));
}

static int sockets_make(int *fd, unsigned *left, unsigned count, const struct addr *a)
{
	int family = addr_is_v4(a) ? AF_INET : AF_INET6;

	while (*left < count) {
		int one = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (one < 0)
			return -errno;
		fd[(*left)++] = one;
		if (socket_bind(one, a) < 0)
			return -errno;
	}
	return 0;
}

static void *errand_run(void *context)
{
	struct errand *x = context;
	struct vantage_sockets *s = x->sockets;

	x->code = cable_lay(&x->wanted, &s->cable, x->e);
	if (x->code < 0)
		return NULL;
	if (s->cable.has_v4)
		x->code = sockets_make(s->v4.fd, &s->v4.left, x->count, &s->cable.v4);
	if (s->cable.has_v6 && x->code == 0)
		x->code = sockets_make(s->v6.fd, &s->v6.left, x->count, &s->cable.v6);
	if (x->code < 0)
		(void)err_set(x->e, x->code, "cannot make sockets in a network namespace: %s",
			      strerror(-x->code));
	return NULL;
}

static int errand_do(struct errand *x)
{
	pthread_t thread;
	int code = pthread_create(&thread, NULL, errand_run, x);

	if (code)
		return err_set(x->e, -code, "cannot start a thread for a network namespace: %s",
			       strerror(code));
	pthread_join(thread, NULL);
	return x->code;
}

int vantage_sockets_open(struct vantage_sockets **out, unsigned count, struct err *e)
{
	struct err unwanted;
	struct errand x = {.count = count, .e = e ? e : &unwanted};
	struct vantage_sockets *s;
	int code;

	*out = NULL;
	if (!count)
		return 0;
	x.sockets = s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "no memory for sockets in a network namespace");
	s->v4.fd = calloc(count, sizeof(*s->v4.fd));
	s->v6.fd = calloc(count, sizeof(*s->v6.fd));
	if (!s->v4.fd || !s->v6.fd)
		code = err_set(e, -ENOMEM, "no memory for sockets in a network namespace");
	else
		code = addresses_find(&x.wanted, x.e);
	if (code == 0)
		code = errand_do(&x);
	if (code < 0) {
		vantage_sockets_close(s);
		return code;
	}
	*out = s;
	return 0;
}

bool vantage_sockets_has(const struct vantage_sockets *s, int family)
{
	return s && (family == AF_INET ? s->cable.has_v4 : s->cable.has_v6);
}

int vantage_sockets_take(void *sockets, int family)
{
	struct vantage_sockets *s = sockets;

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	if (!vantage_sockets_has(s, family))
		return -EAFNOSUPPORT;
	if (family == AF_INET)
		return s->v4.left ? s->v4.fd[--s->v4.left] : -EMFILE;
	return s->v6.left ? s->v6.fd[--s->v6.left] : -EMFILE;
}

struct addr vantage_sockets_source(const struct vantage_sockets *s, int family)
{
	return family == AF_INET ? s->cable.v4 : s->cable.v6;
}

unsigned vantage_sockets_count(const struct vantage_sockets *s)
{
	return s ? s->v4.left + s->v6.left : 0;
}

void vantage_sockets_close(struct vantage_sockets *s)
{
	if (!s)
		return;
	while (s->v4.left)
		close(s->v4.fd[--s->v4.left]);
	while (s->v6.left)
		close(s->v6.fd[--s->v6.left]);
	free(s->v4.fd);
	free(s->v6.fd);
	free(s);
}
