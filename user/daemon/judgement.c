/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the store still owes to a decision. Verdicts in it must be of today's lists, weights and threshold, and must not rest on a list that
 * was suspended; but when that is decided the store may be away, or locked by a long import. Then it is owed: nothing is
 * taken out of the store into force before it is paid, and it is paid by the clock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "daemon/contact.h"
#include "daemon/state.h"

#define JUDGEMENT_VALUE                                                                            \
	"judgement" /* by which lists, weights and threshold the listings in the store were judged */
#define JUDGEMENT_TEXT 24

/* Who could choose the settings to fit a hash could choose them anyway. They lie in memory that was zeroed before it was filled. Another build may lay them out anew: then strangers are asked about again. */
static const char *judgement_text(const struct dns_settings *s, char buffer[static JUDGEMENT_TEXT])
{
	uint64_t hash = HASH_START;

	if (s) {
		hash = hash_add(hash, &s->threshold, sizeof(s->threshold));
		hash = hash_add(hash, &s->sites, sizeof(s->sites));
		hash = hash_add(hash, &s->rdns, sizeof(s->rdns));
	}
	snprintf(buffer, JUDGEMENT_TEXT, "%016" PRIx64, hash);
	return buffer;
}

static int judgement_read(struct daemon *d, struct err *e)
{
	char now[JUDGEMENT_TEXT], last[JUDGEMENT_TEXT] = "";
	int r = store_get_value(d->store, JUDGEMENT_VALUE, last, sizeof(last), e);

	if (r && r != -ENOENT)
		return r;
	d->contact.judged = strcmp(judgement_text(d->contact.settings, now), last) == 0;
	return 0;
}

/* Listings by another judgement go. Who is known stays so, and is asked about afresh. */
static int judgement_settle(struct daemon *d, struct err *e)
{
	char now[JUDGEMENT_TEXT];
	unsigned count = 0;
	int r = store_delete_verdicts(d->store, NULL, true, &count, e);

	if (!r)
		r = store_put_value(d->store, JUDGEMENT_VALUE,
				    judgement_text(d->contact.settings, now), e);
	if (r)
		return r;
	d->contact.judged = true;
	if (count)
		log_info("%u listings by other lists, weights or another threshold are dropped",
			 count);
	return 0;
}

int judgement_pay(struct daemon *d, struct err *e)
{
	struct contact *c = &d->contact;
	int r = c->judged ? 0 : judgement_read(d, e);

	if (r || (c->judged && !c->owed))
		return r;
	/* Asked first, since what follows reads all verdicts. */
	r = store_lock(d->store, e);
	if (r)
		return r;
	if (!c->judged)
		r = judgement_settle(d, e);
	for (unsigned zone = 0; !r && c->owed; zone++) {
		if (!(c->owed >> zone & 1))
			continue;
		pulse_beat(d);
		r = verdicts_known_take_back(d, zone, NULL, e);
		if (!r)
			c->owed &= ~(1ULL << zone);
	}
	store_unlock(d->store);
	return r;
}
