/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The networks of trusted providers, the last that were good: they outlast restarts, and days on which the DNS does not answer. Written
 * by the controller alone, some times a day.
 */
#ifndef STORE_PROVIDERS_H
#define STORE_PROVIDERS_H

#include "store/store.h"

#define STORE_DOMAIN_MAX   256 /* bytes of a name, with the final 0 (RFC 1035, 2.3.4) */
#define STORE_NETWORKS_MAX 512 /* of one provider */

struct store_provider {
	char domain[STORE_DOMAIN_MAX];
	int64_t read_wall_s; /* when the networks were last confirmed */
	int64_t held_wall_s; /* since when others are held back; 0: none are */
	unsigned count, held_count;
	struct prefix network[STORE_NETWORKS_MAX]; /* sorted */
	struct prefix held[STORE_NETWORKS_MAX];
};

/* In the place of what there was of this domain. 0 or -errno. */
int store_put_provider(struct store *s, const struct store_provider *p, struct err *e);
/* 0, or -ENOENT: nothing is known of it. */
int store_get_provider(struct store *s, const char *domain, struct store_provider *out,
		       struct err *e);
/* Those that are not among the domains go, with their networks. */
int store_keep_providers(struct store *s, const char *const *domains, size_t count, struct err *e);
/*
 * The networks in force that have an address, the longest first: fn gets domain and network and returns 0 to go on. Returns 0, fn's
 * value, or -errno.
 */
int store_each_provider_of(struct store *s, const struct addr *a,
			   int (*fn)(void *context, const char *domain, const struct prefix *p),
			   void *context, struct err *e);

#endif
