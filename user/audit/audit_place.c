/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vantage and consent. What is this host's own may be tried, and is seen from outside through the sockets of the namespace; all
 * else is seen from where the kernel would send from. The loopback is everybody's: that the MX of a domain leads there does not make
 * the server on it one of that domain.
 */
#include "audit/audit_place.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DISCARD_PORT 9 /* RFC 863; nothing is sent */

/* Our end of a connection to it: connect(2) of a datagram socket asks the routes and sends nothing. */
static bool source_of(const struct addr *to, struct addr *out)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(DISCARD_PORT)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(DISCARD_PORT)};
	bool is_v4 = addr_is_v4(to);
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	bool is_found;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	memcpy(&v4.sin_addr, to->byte + ADDR_V4_LEAD_BITS / 8, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, to->byte, sizeof(v6.sin6_addr));
	is_found = connect(fd, is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
			   is_v4 ? sizeof(v4) : sizeof(v6)) == 0 &&
		   getsockname(fd, (struct sockaddr *)&from, &length) == 0 &&
		   addr_from_sockaddr(&from, out) == 0;
	close(fd);
	return is_found;
}

static void consent_set(struct seen_address *a, const char *why)
{
	a->may_intrude = true;
	snprintf(a->consent, sizeof(a->consent), "%s", why);
}

void audit_place(struct seen_address *a, const struct audit_place_facts *facts)
{
	bool is_own = vantage_is_own(facts->own, &a->addr);

	a->by_namespace =
		is_own && facts->sockets && vantage_is_reached(facts->own, &a->addr) &&
		vantage_sockets_has(facts->sockets, addr_is_v4(&a->addr) ? AF_INET : AF_INET6);
	a->has_from = source_of(&a->addr, &a->from);
	if (a->by_namespace)
		a->vantage = VANTAGE_OUTSIDE;
	else if (a->has_from)
		a->vantage = vantage_judge(facts->own, &a->from, &a->addr);
	else
		a->vantage = VANTAGE_NONE;
	if (facts->request->own)
		consent_set(a, "--own");
	else if (is_own && (vantage_is_reached(facts->own, &a->addr) || facts->request->host[0]))
		consent_set(a, "an address of this host");
	else if (!a->may_intrude && !a->consent[0])
		snprintf(a->consent, sizeof(a->consent),
			 "nobody has allowed more: --own, or _postern-audit TXT \"ok\"");
}
