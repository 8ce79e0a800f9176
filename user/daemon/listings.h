/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The automatic listings in force, as the controller knows them: pn_listed has what the kernel needs, this table what people are told and what
 * must be known to take a listing back. No bound of its own: what pn_listed does not take does not come in here.
 */
#ifndef DAEMON_LISTINGS_H
#define DAEMON_LISTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct listing {
	struct prefix prefix;
	uint64_t zones; /* those it rests on: a bit 1 << number of the zone */
	unsigned
		by; /* number of the zone that weighed most; SITE_ZONES_MAX: none, but reverse DNS */
	uint64_t expires_boot_ns;
	const char *reason; /* the list's, printable; "" none */
};

struct listings;

struct listings *listings_new(void);	  /* NULL: out of memory */
void listings_free(struct listings *all); /* NULL is fine */
unsigned listings_count(const struct listings *all);

/* Insert or replace; copies. 0 or -ENOMEM. */
int listings_put(struct listings *all, const struct listing *l);
bool listings_take(struct listings *all, const struct prefix *p); /* was there one? */
const struct listing *listings_get(const struct listings *all, const struct prefix *p);
/* The longest that holds for an address: its own, that of its IPv6 /64, or that of its network. NULL: none. */
const struct listing *listings_find(const struct listings *all, const struct addr *a);
/* How many lie inside the network (IPv4 /24, IPv6 /48) of an address; one for the whole network is not among them. */
unsigned listings_of_network(const struct listings *all, const struct addr *a);
/* fn for each; true: it is taken out. fn may not change the table otherwise. How many were taken. */
unsigned listings_sweep(struct listings *all, bool (*fn)(void *context, const struct listing *l),
			void *context);
/* The network (IPv4 /24, IPv6 /48) of an address. */
struct prefix listings_network(const struct addr *a);

#endif
