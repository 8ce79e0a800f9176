/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference's judgement: see model.h. Lists are walked from end to end; the longest live match
 * wins. */
#include "model.h"

#include <linux/bpf.h>
#include <string.h>

#define RESERVED_SHARE 5 /* one in so many of total_open is for known sources alone */

/* An address, and the family of the packet that bears it. */
struct source {
	uint8_t addr[16];
	bool v4;
};

static struct source source_of(const uint8_t addr[16], bool v4)
{
	struct source a = {.v4 = v4};

	memcpy(a.addr, addr, sizeof(a.addr));
	return a;
}

static bool is_mapped(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

/*
 * Tries lead their keys with the family of the packet, so an IPv6 packet from a mapped address is
 * not of the IPv4 prefix that its address spells.
 */
static bool covers(const char *prefix, const struct source *a, unsigned *length)
{
	uint8_t network[16];
	unsigned bits;
	bool v4 = prefix_read(prefix, network, &bits);

	*length = bits;
	if (v4 != a->v4)
		return false;
	for (unsigned i = 0; i < bits; i++)
		if ((network[i / 8] ^ a->addr[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

/* The longest live entry over addr whose length is one of least..most. */
static const struct entry *find(const struct entry *list, const struct source *a, unsigned least,
				unsigned most)
{
	const struct entry *best = NULL;
	unsigned best_bits = 0, bits;

	for (const struct entry *e = list; e < list + STATE_ENTRIES_MAX && e->prefix; e++) {
		if (e->life == LIFE_EXPIRED || !covers(e->prefix, a, &bits) || bits < least ||
		    bits > most)
			continue;
		if (!best || bits > best_bits) {
			best = e;
			best_bits = bits;
		}
	}
	return best;
}

static unsigned source_bits(const struct source *a)
{
	return a->v4 ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6;
}

static unsigned network_bits(const struct source *a)
{
	return a->v4 ? PN_NETWORK_BITS_V4 : PN_NETWORK_BITS_V6;
}

static const struct entry *find_exact(const struct entry *list, const struct source *a,
				      unsigned bits)
{
	return find(list, a, bits, bits);
}

static const struct entry *find_known(const struct state *s, const struct source *a)
{
	return find_exact(s->known, a, source_bits(a));
}

/* The host, its source, its network: the nearest wins, and who is known answers for no neighbour. */
static const struct entry *find_listed(const struct state *s, const struct source *a,
				       enum pn_class class_)
{
	struct source keyed = source_of(a->addr, is_mapped(a->addr)); /* hashes know no family */
	unsigned lengths[] = {128, source_bits(a), network_bits(a)};

	for (unsigned i = 0; i < 3; i++) {
		const struct entry *e = find_exact(s->listed, i ? a : &keyed, lengths[i]);

		if (e && i == 2 && find_known(s, a))
			continue;
		if (e && (!e->classes || e->classes & 1U << class_))
			return e;
	}
	return NULL;
}

static bool is_spent(const struct state *s, const struct source *a, unsigned bits)
{
	unsigned length;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->rates[i].source; i++)
		if (covers(s->rates[i].source, a, &length) && length == bits)
			return s->rates[i].fill >= FILL_SPENT;
	return false;
}

static uint32_t count_open(const struct state *s, const struct source *a)
{
	unsigned length;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->open[i].source; i++)
		if (covers(s->open[i].source, a, &length) && length == source_bits(a))
			return s->open[i].open;
	return 0;
}

static enum pn_action or_drop(enum pn_action action)
{
	return action ? action : PN_DROP;
}

/* Everything that stands against a source by itself: not limits. Returns the reason or REASON_NONE.
 */
static int find_guilt(const struct state *s, const struct source *a, enum pn_class class_,
		      bool is_trusted, const struct entry **entry)
{
	struct source keyed = source_of(a->addr, is_mapped(a->addr)); /* hashes know no family */

	*entry = find_exact(s->rule, &keyed, 128);
	if (*entry)
		return PN_REASON_RULE;
	*entry = find(s->block, a, 0, 128);
	if (*entry)
		return PN_REASON_BLOCK;
	*entry = find(s->feed, a, 0, 128);
	if (*entry)
		return PN_REASON_FEED;
	*entry = is_trusted ? NULL : find_listed(s, a, class_);
	if (!*entry)
		return REASON_NONE;
	return (*entry)->banned ? PN_REASON_BANNED : PN_REASON_LISTED;
}

static int find_open_excess(const struct state *s, const struct source *a, bool is_known)
{
	uint64_t most = s->total_open_max;

	if (s->orphaned)
		return REASON_NONE;
	if (s->open_max && count_open(s, a) >= s->open_max)
		return PN_REASON_OPEN;
	if (!is_known)
		most -= most / RESERVED_SHARE;
	if (s->total_open_max && s->total_open >= most)
		return PN_REASON_TOTAL_OPEN;
	return REASON_NONE;
}

static int find_rate_excess(const struct state *s, const struct source *a, bool is_known)
{
	if (s->rate && is_spent(s, a, source_bits(a)))
		return PN_REASON_RATE;
	if (s->network_rate && !is_known && is_spent(s, a, network_bits(a)))
		return PN_REASON_NETWORK_RATE;
	if (s->total_rate && s->total_fill >= FILL_SPENT)
		return PN_REASON_TOTAL_RATE;
	return REASON_NONE;
}

static bool may_reach(const struct state *s, const struct source *a, uint16_t port)
{
	unsigned length;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->only[i].prefix; i++)
		if (s->only[i].port == port && covers(s->only[i].prefix, a, &length))
			return true;
	return false;
}

struct port_found {
	bool found, only, mute;
	uint16_t port;
	enum pn_class class_;
};

static struct port_found find_port(const struct state *s, uint16_t port)
{
	struct port_found none = {.found = false};

	if (!s->ports[0].port && port == 25)
		return (struct port_found){.found = true, .port = 25, .class_ = PN_CLASS_MX};
	for (unsigned i = 0; i < STATE_PORTS_MAX && s->ports[i].port; i++)
		if (s->ports[i].port == port)
			return (struct port_found){true, s->ports[i].only, s->ports[i].mute, port,
						   s->ports[i].class_};
	return none;
}

/* What is done with what is wanted: nothing by itself in monitor mode. */
static struct outcome settle(const struct state *s, int reason, enum pn_action wanted, bool always,
			     const struct entry *entry, enum pn_class class_)
{
	struct outcome o = {.reason = reason, .wanted = wanted, .entry = entry, .class_ = class_};

	o.action = s->monitor && !always ? PN_PASS : wanted;
	o.would = o.action != wanted;
	o.verdict = o.action == PN_DROP || o.action == PN_HOLD ? XDP_DROP
		    : o.action == PN_REFUSE		       ? XDP_TX
							       : XDP_PASS;
	return o;
}

static struct outcome pass(int reason, const struct entry *entry, enum pn_class class_)
{
	return (struct outcome){
		.verdict = XDP_PASS, .reason = reason, .entry = entry, .class_ = class_};
}

/* How often the responder has told a source what stands against it. */
static uint32_t count_answers(const struct state *s, const struct source *a, enum life life)
{
	unsigned length;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->answered[i].source; i++)
		if (covers(s->answered[i].source, a, &length) && length == source_bits(a))
			return s->answered[i].life != life ||
					       (life == LIFE_FOREVER && s->answered[i].stale)
				       ? 0
				       : s->answered[i].count;
	return 0;
}

/* What a verdict's action comes to at this port: `reply` needs a responder, and an end. */
static struct outcome settle_syn(const struct state *s, const struct source *a,
				 const struct port_found *port, int reason, enum pn_action action,
				 bool always, const struct entry *entry)
{
	bool is_operators =
		reason == PN_REASON_ONLY || reason == PN_REASON_RULE || reason == PN_REASON_BLOCK;
	struct outcome o;
	uint32_t answers;

	if (action != PN_REPLY)
		return settle(s, reason, action, always, entry, port->class_);
	answers = count_answers(s, a, entry ? entry->life : LIFE_FOREVER);
	if (answers >= 3)
		action = PN_DROP;
	else if (port->mute)
		action = PN_REFUSE;
	else if (s->unanswering || s->orphaned)
		action = is_operators ? PN_REFUSE : PN_PASS;
	o = settle(s, reason, action, always, entry, port->class_);
	o.answers = answers;
	return o;
}

/* Nothing stands against a source. Strangers are asked about, at ports where mail comes in from anywhere. */
static struct outcome judge_contact(const struct state *s, const struct source *a, bool is_trusted,
				    const struct port_found *port)
{
	if (find_known(s, a))
		return pass(PN_REASON_KNOWN, NULL, port->class_);
	if (s->contact == PN_CONTACT_OFF || s->orphaned || is_trusted ||
	    port->class_ != PN_CLASS_MX)
		return pass(PN_REASON_CLEAN, NULL, port->class_);
	if (s->contact != PN_CONTACT_HOLD)
		return pass(PN_REASON_STRANGER, NULL, port->class_);
	return settle(s, PN_REASON_HELD, PN_HOLD, false, NULL, port->class_);
}

static struct outcome judge_syn(const struct state *s, const struct source *a,
				const struct port_found *port)
{
	const struct entry *allow = find(s->allow, a, 0, 128), *entry;
	bool is_trusted = allow && allow->action == PN_TRUST;
	int reason;

	if (allow && !is_trusted)
		return pass(PN_REASON_ALLOWED, allow, port->class_);
	if (port->only && !may_reach(s, a, port->port))
		return settle_syn(s, a, port, PN_REASON_ONLY, or_drop(s->only_action), false, NULL);
	reason = find_guilt(s, a, port->class_, is_trusted, &entry);
	if (reason != REASON_NONE)
		return settle_syn(s, a, port, reason, entry->action, entry->always, entry);
	reason = find_open_excess(s, a, find_known(s, a));
	if (reason != REASON_NONE)
		return settle_syn(s, a, port, reason, or_drop(s->open_action), false, NULL);
	reason = find_rate_excess(s, a, find_known(s, a));
	if (reason != REASON_NONE)
		return settle_syn(s, a, port, reason, or_drop(s->rate_action), false, NULL);
	return judge_contact(s, a, is_trusted, port);
}

/* A SYN on the wire, which may be a repeat, or one too many to be held. */
static struct outcome meet_syn(const struct state *s, const struct source *a,
			       const struct port_found *port)
{
	struct outcome o = judge_syn(s, a, port);
	bool is_first = s->wait == WAIT_EMPTY || s->wait == WAIT_OLD;

	if (o.action == PN_HOLD &&
	    (s->wait == WAIT_DUE || (is_first && s->hold_budget && s->hold_spent)))
		return pass(PN_REASON_STRANGER, NULL, port->class_);
	return o;
}

/*
 * A packet that is judged by its source alone, or continues a connection. Whether an allow lets it
 * pass or nothing stands against it, it is one of many: `allowed` counts connections.
 */
static struct outcome judge_source(const struct state *s, const struct source *a,
				   enum pn_class class_)
{
	const struct entry *allow = find(s->allow, a, 0, 128), *entry;
	bool is_trusted = allow && allow->action == PN_TRUST;
	int reason;

	if (allow && !is_trusted)
		return pass(PN_REASON_FLOW, NULL, class_);
	reason = find_guilt(s, a, class_, is_trusted, &entry);
	if (reason != REASON_NONE && entry->action == PN_DROP)
		return settle(s, reason, PN_DROP, entry->always, entry, class_);
	return pass(PN_REASON_FLOW, NULL, class_);
}

/* Nobody knows that it is for a policed port: nothing counts it as mail. */
static struct outcome uncounted(struct outcome o)
{
	if (o.verdict == XDP_PASS && !o.would)
		o.reason = REASON_NONE;
	return o;
}

/* What no honest host sends: dropped for its own reason, unless the source decides already. */
static struct outcome judge_crooked(const struct state *s, const struct source *a, int own_reason,
				    enum pn_class class_)
{
	const struct entry *allow = find(s->allow, a, 0, 128), *entry;
	int reason;

	if (allow && allow->action != PN_TRUST)
		return pass(PN_REASON_ALLOWED, allow, class_);
	reason = find_guilt(s, a, class_, allow != NULL, &entry);
	if (reason != REASON_NONE)
		return settle(s, reason, PN_DROP, entry->always, entry, class_);
	return settle(s, own_reason, PN_DROP, false, NULL, class_);
}

static bool is_guarded(const struct state *s, const struct seen *seen)
{
	struct source target = source_of(seen->target, seen->v4);
	unsigned length;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->guard[i]; i++)
		if (covers(s->guard[i], &target, &length))
			return true;
	return !s->guarded;
}

static struct outcome judge(const struct state *s, const struct seen *seen)
{
	struct port_found port = {.class_ = PN_CLASS_MX};
	struct source source = source_of(seen->source, seen->v4);

	if (seen->shape == SHAPE_OTHER || !is_guarded(s, seen))
		return pass(REASON_NONE, NULL, PN_CLASS_MX);
	if (seen->port_read) {
		port = find_port(s, seen->port);
		if (!port.found)
			return pass(REASON_NONE, NULL, PN_CLASS_MX);
	}
	if (!seen->v4 && is_mapped(seen->source))
		return uncounted(judge_crooked(s, &source, PN_REASON_MAPPED, port.class_));
	switch (seen->shape) {
	case SHAPE_SYN:
		return meet_syn(s, &source, &port);
	case SHAPE_CHAIN:
		return uncounted(judge_crooked(s, &source, PN_REASON_CHAIN, port.class_));
	case SHAPE_TAGS:
		return uncounted(judge_crooked(s, &source, PN_REASON_TAGS, port.class_));
	case SHAPE_TINY:
	case SHAPE_OFFSET_ONE:
		return uncounted(judge_crooked(s, &source, PN_REASON_FRAGMENT, port.class_));
	case SHAPE_UNREADABLE:
		return uncounted(judge_source(s, &source, port.class_));
	default:
		return judge_source(s, &source, port.class_);
	}
}

struct outcome model_judge(const struct state *s, const struct seen *seen)
{
	struct outcome o = judge(s, seen);

	o.bytes = o.reason == REASON_NONE || o.would ? 0 : seen->bytes;
	return o;
}

struct outcome model_why(const struct state *s, const uint8_t source[16], uint16_t port)
{
	struct port_found found = find_port(s, port);
	struct source a = source_of(source, is_mapped(source));

	return judge_syn(s, &a, &found);
}

const char *reason_text(int reason)
{
	static const char *const names[] = {
#define PN_REASON_NAME(ID, name, sentence) #name,
		PN_REASONS_TABLE(PN_REASON_NAME)
#undef PN_REASON_NAME
	};

	return reason >= 0 && reason < PN_REASONS ? names[reason] : "none";
}

const char *verdict_text(int verdict)
{
	return verdict == XDP_PASS   ? "PASS"
	       : verdict == XDP_DROP ? "DROP"
	       : verdict == XDP_TX   ? "TX"
				     : "neither PASS, DROP nor TX";
}
