/* SPDX-License-Identifier: BSD-2-Clause */
/* Random states and frames: see random.h. */
#include "random.h"

#include <stdio.h>
#include <string.h>

#define HOLD_PLENTY 1000 /* more than the frames of a state */

#define COUNT(rows)   (sizeof(rows) / sizeof((rows)[0]))
#define PICK(r, list) ((list)[random_below((r), COUNT(list))])

static const char *const hosts[] = {
	"192.0.2.7",	   "192.0.2.8",	      "192.0.2.200",	 "192.0.3.1",	  "10.1.2.3",
	"2001:db8:1:2::7", "2001:db8:1:2::8", "2001:db8:1:3::1", "2001:db8:2::1", "fd00:1::5",
};
static const char *const mapped[] = {"::ffff:192.0.2.7", "::ffff:10.1.2.3"};
static const char *const nets[] = {
	"192.0.2.4/30",
	"192.0.2.0/28",
	"192.0.2.0/24",
	"192.0.0.0/16",
	"128.0.0.0/1",
	"0.0.0.0/0",
	"10.0.0.0/8",
	"192.0.3.0/24",
	"2001:db8:1:2::/64",
	"2001:db8:1::/48",
	"2001:db8::/32",
	"2000::/3",
	"::/0",
	"::/16",
	"2001:db8:1:2::/127",
};
/* What is counted: IPv4 addresses and IPv6 /64s, /24s and /48s. */
static const char *const sources[] = {
	"192.0.2.7", "192.0.2.8",	  "192.0.2.200",       "192.0.3.1",
	"10.1.2.3",  "2001:db8:1:2::/64", "2001:db8:1:3::/64", "2001:db8:2::/64",
};
static const char *const networks[] = {
	"192.0.2.0/24", "192.0.3.0/24", "10.1.2.0/24", "2001:db8:1::/48", "2001:db8:2::/48",
};
/* What is listed besides sources: networks, and hosts of IPv6. */
static const char *const wholes[] = {
	"192.0.2.0/24",	   "192.0.3.0/24",    "10.1.2.0/24",	 "2001:db8:1::/48",
	"2001:db8:2::/48", "2001:db8:1:2::7", "2001:db8:1:3::1",
};
static const char *const targets[] = {"203.0.113.25", "203.0.113.26", "2001:db8:25::25",
				      "2001:db8:25::26"};
static const char *const guards[] = {"203.0.113.25", "203.0.113.0/24", "2001:db8:25::25",
				     "2001:db8:25::/64"};
static const uint16_t ports[] = {25, 465, 587, 2525};

/* SplitMix64: small, and good enough to reach every corner. */
uint32_t random_below(struct random *r, uint32_t bound)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (uint32_t)(((z ^ z >> 31) >> 32) * bound >> 32);
}

static bool one_in(struct random *r, uint32_t n)
{
	return random_below(r, n) == 0;
}

static const enum pn_action actions[] = {PN_DROP, PN_REFUSE, PN_REPLY};

static bool is_in(const struct entry *list, unsigned count, const char *prefix)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(list[i].prefix, prefix))
			return true;
	return false;
}

/* Up to most entries from a pool or two, no prefix twice: a map has one entry for a key. */
static void entries_random(struct entry *list, struct random *r, const char *const *pool,
			   size_t pool_count, const char *const *more, size_t more_count)
{
	static const enum life lives[] = {LIFE_FOREVER, LIFE_FOREVER, LIFE_LIVE, LIFE_EXPIRED};
	unsigned want = one_in(r, 2) ? 0 : random_below(r, STATE_ENTRIES_MAX + 1), count = 0;

	for (unsigned i = 0; i < want; i++) {
		uint32_t k = random_below(r, (uint32_t)(pool_count + more_count));
		const char *prefix = k < pool_count || !more ? pool[k] : more[k - pool_count];

		if (is_in(list, count, prefix))
			continue;
		list[count++] = (struct entry){.prefix = prefix,
					       .action = PICK(r, actions),
					       .life = PICK(r, lives),
					       .always = one_in(r, 2),
					       .classes = random_below(r, 4)};
	}
}

static void counts_random(struct state *s, struct random *r)
{
	static const enum fill fills[] = {FILL_NONE, FILL_SOME, FILL_SPENT, FILL_BEYOND};
	unsigned opens = 0, rates = 0;

	for (size_t i = 0; i < COUNT(sources) && opens < STATE_ENTRIES_MAX; i++) {
		if (one_in(r, 4)) {
			s->open[opens].source = sources[i];
			s->open[opens++].open = random_below(r, 6);
		}
		if (one_in(r, 4) && rates < STATE_ENTRIES_MAX) {
			s->rates[rates].source = sources[i];
			s->rates[rates++].fill = PICK(r, fills);
		}
	}
	for (size_t i = 0; i < COUNT(networks) && rates < STATE_ENTRIES_MAX; i++) {
		if (one_in(r, 4)) {
			s->rates[rates].source = networks[i];
			s->rates[rates++].fill = PICK(r, fills);
		}
	}
	s->open_max = one_in(r, 2) ? 0 : 1 + random_below(r, 5);
	s->total_open_max = one_in(r, 2) ? 0 : 100;
	s->total_open = random_below(r, 120);
	s->rate = one_in(r, 2);
	s->network_rate = one_in(r, 3);
	s->total_rate = one_in(r, 4);
	s->total_fill = PICK(r, fills);
}

static void ports_random(struct state *s, struct random *r)
{
	unsigned only = 0;

	if (one_in(r, 2))
		return;
	for (unsigned i = 0; i < COUNT(ports) - 1 && !(i && one_in(r, 3)); i++) {
		s->ports[i].port = ports[i];
		s->ports[i].class_ = i || one_in(r, 8) ? PN_CLASS_SUBMISSION : PN_CLASS_MX;
		s->ports[i].only = one_in(r, 4);
		s->ports[i].mute = one_in(r, 4);
		if (!s->ports[i].only)
			continue;
		for (unsigned k = random_below(r, 3); k > 0 && only < STATE_ENTRIES_MAX; k--) {
			s->only[only].port = ports[i];
			s->only[only++].prefix = PICK(r, nets);
		}
	}
}

/* A budget is plenty for the frames of a state or spent, or a frame would change the state for the next. */
static void contact_random(struct state *s, struct random *r)
{
	static const enum pn_contact contacts[] = {PN_CONTACT_OFF, PN_CONTACT_PASS,
						   PN_CONTACT_WATCH, PN_CONTACT_HOLD,
						   PN_CONTACT_HOLD};
	static const enum wait waits[] = {WAIT_EMPTY, WAIT_YOUNG, WAIT_DUE, WAIT_OLD};
	static const enum life lives[] = {LIFE_FOREVER, LIFE_LIVE, LIFE_EXPIRED};
	unsigned answered = 0;

	s->contact = PICK(r, contacts);
	s->wait = PICK(r, waits);
	s->hold_budget = one_in(r, 2) ? 0 : HOLD_PLENTY;
	s->hold_spent = one_in(r, 3);
	s->unanswering = one_in(r, 4);
	for (size_t i = 0; i < COUNT(sources); i++) {
		if (!one_in(r, 3))
			continue;
		s->answered[answered].source = sources[i];
		s->answered[answered].count = 1 + random_below(r, 4);
		s->answered[answered].life = PICK(r, lives);
		s->answered[answered++].stale = one_in(r, 4);
	}
}

void state_random(struct state *s, struct random *r)
{
	unsigned guard = 0;

	memset(s, 0, sizeof(*s));
	s->monitor = one_in(r, 3);
	s->orphaned = one_in(r, 5);
	entries_random(s->allow, r, nets, COUNT(nets) - 6, hosts, COUNT(hosts));
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->allow[i].prefix; i++)
		s->allow[i].action = one_in(r, 2) ? PN_ALLOW : PN_TRUST;
	entries_random(s->rule, r, hosts, COUNT(hosts), NULL, 0);
	entries_random(s->block, r, nets, COUNT(nets), NULL, 0);
	entries_random(s->feed, r, nets, COUNT(nets), hosts, COUNT(hosts));
	s->feed_crowded = one_in(r, 4);
	entries_random(s->listed, r, sources, COUNT(sources), wholes, COUNT(wholes));
	entries_random(s->known, r, sources, COUNT(sources), NULL, 0);
	for (unsigned i = 0; i < STATE_ENTRIES_MAX; i++)
		s->listed[i].always = false; /* verdicts are never the operator's */
	for (unsigned i = 0; i < STATE_ENTRIES_MAX; i++)
		s->listed[i].banned = one_in(r, 2);
	for (unsigned i = 0; i < STATE_ENTRIES_MAX; i++)
		s->feed[i].life = LIFE_FOREVER;
	counts_random(s, r);
	contact_random(s, r);
	ports_random(s, r);
	s->guarded = one_in(r, 5);
	for (size_t i = 0; s->guarded && i < COUNT(guards); i++)
		if (one_in(r, 2))
			s->guard[guard++] = guards[i];
	s->rate_action = PICK(r, actions);
	s->open_action = PICK(r, actions);
	s->only_action = PICK(r, actions);
}

const char *source_random(struct random *r)
{
	return PICK(r, hosts);
}

uint16_t port_policed_random(const struct state *s, struct random *r)
{
	unsigned count = 0;

	while (count < STATE_PORTS_MAX && s->ports[count].port)
		count++;
	return count ? s->ports[random_below(r, count)].port : 25;
}

/* ---- frames ---- */

static void chain_random(struct packet *p, struct random *r)
{
	static const char *const chains[] = {
		"h",  "d", "r",	 "a", "A", "f", "hd", "hdrAad", "fd",	"df",  "AA",  "Af",
		"ff", "D", "DD", "e", "n", "m", "dh", "hfd",	"hrdf", "dar", "arD", "ddddd"};

	p->chain = PICK(r, chains);
	if (one_in(r, 10) && strlen(p->chain) < 3 && !strchr(p->chain, 'D'))
		p->chain_times = 1 + random_below(r, 60);
}

static void lies_random(struct packet *p, struct random *r)
{
	switch (random_below(r, 8)) {
	case 0:
		p->ihl = 1 + random_below(r, 16); /* 16 claims 0 */
		break;
	case 1:
		p->doff = 1 + random_below(r, 16);
		break;
	case 2:
		p->length_lie = (int)random_below(r, 120) - 60;
		break;
	case 3:
		p->length_zero = true;
		break;
	case 4:
		p->version = (uint8_t)(1 + random_below(r, 15));
		break;
	case 5:
		p->cut = (uint16_t)(FRAME_MIN + random_below(r, 120));
		break;
	case 6:
		p->pad = (uint16_t)random_below(r, 40);
		break;
	default:
		p->l4_cut = (uint16_t)(1 + random_below(r, 24));
	}
}

static void packet_random(struct packet *p, struct random *r)
{
	static const uint8_t flags[] = {TCP_SYN,
					TCP_SYN,
					TCP_SYN,
					TCP_ACK,
					TCP_SYN | TCP_ACK,
					TCP_RST,
					TCP_SYN | TCP_FIN | TCP_ECE,
					TCP_FIN | TCP_ACK};
	static const uint8_t others[] = {PROTO_UDP, PROTO_ICMP, PROTO_ICMPV6, 41, 47, 132, 253};
	static const uint16_t tags[] = {TPID_8021Q, TPID_8021AD, TPID_8021Q, 0x9100};
	bool v4;

	memset(p, 0, sizeof(*p));
	p->from = one_in(r, 40) ? PICK(r, mapped) : PICK(r, hosts);
	v4 = !strchr(p->from, ':');
	p->to = targets[random_below(r, 2) + (v4 ? 0 : 2)];
	for (unsigned i = 0; i < FRAME_TAGS_MAX && one_in(r, 4); i++)
		p->tags[i] = PICK(r, tags);
	if (one_in(r, 20))
		p->priority_tags = 1 + random_below(r, 12);
	if (one_in(r, 10))
		p->protocol = PICK(r, others);
	p->dport = one_in(r, 3) ? PICK(r, ports) : 25;
	p->flags = PICK(r, flags);
	p->seq = random_below(r, UINT32_MAX);
	p->tcp_options = (uint16_t)(one_in(r, 2) ? 0 : 4 * random_below(r, 11));
	p->payload = (uint16_t)(one_in(r, 2) ? 0 : random_below(r, one_in(r, 20) ? 2500 : 60));
	p->more = one_in(r, 12);
	p->offset = (uint16_t)(one_in(r, 16) ? 1 + random_below(r, 4) : 0);
	if (v4 && one_in(r, 10))
		p->chain = one_in(r, 4) ? "aa" : one_in(r, 4) ? "ad" : "a";
	if (v4)
		p->ip_options = (uint16_t)(one_in(r, 4) ? 4 * random_below(r, 11) : 0);
	else if (one_in(r, 2))
		chain_random(p, r);
	if (one_in(r, 5))
		lies_random(p, r);
}

/* A few bytes of the headers replaced, by any value or by one that means something there. */
static void mutate(struct frame *f, struct random *r)
{
	static const uint8_t telling[] = {0,  6,    43,	  44,	51,   58,  59,
					  60, 0x45, 0x60, 0x81, 0x88, 0xff};

	for (unsigned times = 1 + random_below(r, 3); times > 0; times--) {
		uint32_t at =
			12 + random_below(r, (uint32_t)(f->length < 112 ? f->length - 12 : 100));

		f->bytes[at] = one_in(r, 2) ? PICK(r, telling) : (uint8_t)random_below(r, 256);
	}
}

void frame_random(struct frame *f, struct random *r)
{
	struct packet p;

	packet_random(&p, r);
	frame_build(f, &p);
	if (one_in(r, 3) && f->length > 14)
		mutate(f, r);
}

/* ---- telling ---- */

static const char *const lives[] = {"", " live", " expired"};

static void entries_print(const char *name, const struct entry *list)
{
	static const char *const names[] = {"pass", "drop", "refuse", "allow", "trust", "reply"};

	for (const struct entry *e = list; e < list + STATE_ENTRIES_MAX && e->prefix; e++)
		printf("#   %s %s %s%s%s classes %u\n", name, e->prefix, names[e->action],
		       lives[e->life], e->always ? " always" : "", e->classes);
}

void state_print(const struct state *s)
{
	printf("#   %s%s, actions rate %d open %d only %d%s\n", s->monitor ? "monitor" : "enforce",
	       s->orphaned ? ", orphaned" : "", s->rate_action, s->open_action, s->only_action,
	       s->guarded ? ", guarded" : "");
	for (unsigned i = 0; i < STATE_PORTS_MAX && s->ports[i].port; i++)
		printf("#   port %u class %d%s%s\n", s->ports[i].port, s->ports[i].class_,
		       s->ports[i].only ? " only" : "", s->ports[i].mute ? " mute" : "");
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->only[i].prefix; i++)
		printf("#   only %u %s\n", s->only[i].port, s->only[i].prefix);
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->guard[i]; i++)
		printf("#   guard %s\n", s->guard[i]);
	entries_print("allow", s->allow);
	entries_print("rule", s->rule);
	entries_print("block", s->block);
	entries_print(s->feed_crowded ? "feed, crowded," : "feed", s->feed);
	entries_print("listed", s->listed);
	entries_print("known", s->known);
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->open[i].source; i++)
		printf("#   open %s %u of %u\n", s->open[i].source, s->open[i].open, s->open_max);
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->rates[i].source; i++)
		printf("#   rate %s fill %d\n", s->rates[i].source, s->rates[i].fill);
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->answered[i].source; i++)
		printf("#   answered %s %u%s%s\n", s->answered[i].source, s->answered[i].count,
		       lives[s->answered[i].life], s->answered[i].stale ? " stale" : "");
	printf("#   contact %d wait %d budget %u%s%s\n", s->contact, s->wait, s->hold_budget,
	       s->hold_spent ? " spent" : "", s->unanswering ? ", no responder" : "");
	printf("#   open_max %u, total_open %llu of %u, rates%s%s%s, total fill %d\n", s->open_max,
	       (unsigned long long)s->total_open, s->total_open_max, s->rate ? " source" : "",
	       s->network_rate ? " network" : "", s->total_rate ? " total" : "", s->total_fill);
}
