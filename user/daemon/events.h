/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel told, for people (one sentence) and for programs (one JSON object). Pure but for
 * names. */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include "base/json.h"
#include "conf/conf.h"
#include "kern/maps.h"

#define EVENT_TEXT_MAX                                                                             \
	(256 +                                                                                     \
	 CONF_INSTANCE_MAX) /* an IPv6 address, names of ours, two 10-digit numbers, and the name of a feed */

/*
 * "refused: 203.0.113.7 port 25 rate: the source connects faster than one source may, on eth0 (12
 * more not told)". In monitor mode it starts with "would refuse". ifname "" when unknown. Returns
 * buffer. feed: its name, from feeds_get_name(), or NULL.
 */
const char *event_format(const struct pn_event *e, const char *ifname, const char *feed,
			 char buffer[static EVENT_TEXT_MAX]);
/* The same into the log, with its fields. */
void event_log(const struct pn_event *e, const char *ifname, const char *feed);
/*
 * {"time","kind":"packet","source","destination","port","reason","action","would","class","interface","feed","suppressed"};
 * port is null where it was unreadable, interface where it is unknown, feed where the reason is another. NULL when out of memory.
 */
json_t *event_row(const struct pn_event *e, const char *ifname, const char *feed);

#endif
