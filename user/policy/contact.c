/* SPDX-License-Identifier: BSD-2-Clause */
/* First contact: see contact.h. */
#include "policy/contact.h"

#include "base/when.h"

/* What an answer that is missing could turn is asked again after this at the latest. */
#define PARTIAL_S 60ULL
/* SMTP needs some seconds to greet and to name a recipient; the mail itself comes behind. */
#define CUT_WITHIN_NS (10 * NS_PER_S)
/* Of 256 addresses of an IPv4 /24, and of the 65536 /64 of an IPv6 /48, which one customer can use up in no time. */
#define NETWORK_LISTED_V4 192
#define NETWORK_LISTED_V6 256
/*
 * The entry of a network is a guess about whoever in it was not asked about, and forged SYNs can bring his neighbours up. So it is
 * made for want of room alone, when no more than this part of the table is free: no day's share of forged questions uses up so much.
 */
#define TABLE_FREE_PART 4

static uint64_t least_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct contact_decision contact_decide(const struct contact_evidence *e)
{
	struct contact_decision d = {0};

	if (e->finding == CONTACT_LISTED) {
		d.list = true;
		d.listed_s = e->ttl_s;
		return d;
	}
	/* It is asked about when it completes a handshake. Were it known until then, a forged flood would let anybody in. */
	if (e->unasked)
		return d;
	d.know = true;
	d.fresh_s = e->ttl_s;
	if (e->finding == CONTACT_CLEAN && !e->partial) {
		d.known_s = CONTACT_KNOWN_S;
		d.unlist = e->listed;
		return d;
	}
	/* An old listing is not taken back for want of answers: it ends by itself. */
	d.fresh_s = least_of(e->ttl_s, PARTIAL_S);
	d.known_s = e->known ? 0 : d.fresh_s;
	return d;
}

bool contact_may_cut(uint64_t established_ns, uint64_t now_ns)
{
	return now_ns < established_ns || now_ns - established_ns < CUT_WITHIN_NS;
}

bool contact_may_widen(unsigned listed, bool is_v4, unsigned all, unsigned room)
{
	return all >= room - room / TABLE_FREE_PART &&
	       listed >= (is_v4 ? NETWORK_LISTED_V4 : NETWORK_LISTED_V6);
}
