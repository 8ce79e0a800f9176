/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the configuration to the settings of the DNS engine: the one place where both are known. Faults are told as the reader of
 * the configuration tells them, with file and line.
 */
#ifndef DAEMON_ASKING_H
#define DAEMON_ASKING_H

#include "conf/conf.h"
#include "dns/dns.h"

/*
 * path names the configuration in sentences. *out is malloc'd for the caller. *data, unless data is NULL, is what is
 * known of zones, for the caller to free (zonedata_free). 0 or -errno: a fault in a site, a dead zone, no data file.
 */
int asking_settings(const struct conf *c, const char *path, struct dns_settings **out,
		    struct zonedata **data, struct err *e);

/*
 * Where the configuration names no resolver, those of /etc/resolv.conf: for a child that cannot read it. 0, or -errno when it
 * names none that can be asked.
 */
int asking_servers_fill(struct dns_settings *s, struct err *e);

/*
 * Both at once for who asks no list: the resolvers of the configuration, or else those of /etc/resolv.conf. 0 or -errno, and then
 * *count and out are of no use.
 */
int asking_servers(const struct conf *c, const char *path,
		   struct resolver_server out[static RESOLVER_SERVERS_MAX], unsigned *count,
		   struct err *e);
unsigned asking_timeout_ms(const struct conf *c); /* of a question */

/*
 * Where the configuration names no list: those that are asked about one's own addresses all the same (zonedata.h, audit). data may be
 * NULL, and then there are none. 0 or -errno.
 */
int asking_audit_sites(struct dns_settings *s, const struct zonedata *data, struct err *e);

/* Can the zones list anybody at all: do the weights reach the threshold? And what is said if not, with the threshold. */
#define ASKING_LISTS_NOBODY                                                                        \
	"nobody can be listed: all weights together do not reach the threshold %lld"
bool asking_can_list(const struct dns_settings *s);

#endif
