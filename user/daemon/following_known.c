/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who delivers mail is no stranger, so it is not held for a second when its verdict is old.
 *
 * To be known takes away little: limits hold, and the source is asked about at its next connection as if it were new; only who is not
 * listed is made known, and only for CONTACT_KNOWN_S from the delivery; bans spare who does so on several days (policy/offence.h). That
 * matters, since a line of the log can be forged by who may write to the log: root, and with logger(1) anybody who has an account on this
 * host.
 */
#include "daemon/following_known.h"

#include "base/log.h"
#include "base/when.h"
#include "policy/contact.h"

/* An entry is written anew when it gains so much. */
#define KNOWN_GAIN_NS (HOUR_S * NS_PER_S)

void known_add(struct daemon *d, const struct store_delivery *delivery, struct said *said)
{
	uint64_t now = now_boot_ns(), age_s;
	int64_t wall = now_wall_s();
	struct pn_known known = {.since = now, .fresh_until = now, .origin = PN_ORIGIN_SEEN},
			before;
	struct err e = {0};

	age_s = wall > delivery->wall_s ? (uint64_t)(wall - delivery->wall_s) : 0;
	if (age_s >= CONTACT_KNOWN_S ||
	    (d->contact.listings && listings_find(d->contact.listings, &delivery->addr)))
		return;
	if (sources_get_known(d->gate, &delivery->addr, &before, NULL) == 0 && before.until > now)
		known = before;
	if (known.until >= now + (CONTACT_KNOWN_S - age_s) * NS_PER_S - KNOWN_GAIN_NS)
		return;
	known.until = now + (CONTACT_KNOWN_S - age_s) * NS_PER_S;
	if (sources_put_known(d->gate, &delivery->addr, &known, &e) && said_anew(said, e.text))
		log_warning("a sender that delivers is not remembered: %s", e.text);
}

struct restoring {
	struct daemon *d;
	struct said *said;
};

static int restore_one(void *context, const struct store_sender *sender)
{
	const struct store_delivery last = {.addr = sender->addr, .wall_s = sender->last_wall_s};
	struct restoring *r = context;

	known_add(r->d, &last, r->said);
	return 0;
}

void known_restore(struct daemon *d, struct said *said)
{
	struct restoring all = {d, said};
	struct err e = {0};
	int r = d->store
			? store_each_sender(d->store, NULL, now_wall_s() - (int64_t)CONTACT_KNOWN_S,
					    restore_one, &all, &e)
			: 0;

	if (r)
		keep_fault(d, r, &e);
}
