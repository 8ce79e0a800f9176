/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel side and the controller share: keys, values, enums, names.
 *
 * This header includes nothing. The includer supplies __u8, __u16, __u32, __u64 (vmlinux.h or
 * <linux/types.h>). Every struct is padded explicitly and its size is asserted, so that both
 * compilers agree on it; change anything here and PN_ABI_VERSION must grow, so that a
 * new controller builds new maps beside the old ones instead of misreading them.
 *
 * Addresses are 16 bytes in network order, IPv4 mapped into IPv6 (::ffff:a.b.c.d). Lengths count
 * the bits of that form: an IPv4 host is 128, an IPv4 /24 is 120, an IPv6 /64 is 64.
 * Times named *_until and expires are nanoseconds of CLOCK_BOOTTIME, 0 meaning never (expires)
 * or not at all (until).
 */
#ifndef POSTERN_ABI_H
#define POSTERN_ABI_H

#ifndef PN_ABI_VERSION
#define PN_ABI_VERSION 4
#endif

#define PN_FOREVER (~0ULL) /* a *_until that never passes */

/* Policed ports: a mail host has 25, 465 and 587, and a few spare ones. */
#define PN_PORTS_MAX 8
/* Network namespaces whose sockets count: the gate's own and some containers'. */
#define PN_NETNS_MAX 8

/* What a source is counted as: IPv4 by address, IPv6 by /64, since one customer owns that much. */
#define PN_SOURCE_BITS_V4 128
#define PN_SOURCE_BITS_V6 64
/* What a network is counted as: an IPv4 /24, an IPv6 /48. */
#define PN_NETWORK_BITS_V4 120
#define PN_NETWORK_BITS_V6 48

/* Feeds: files of addresses that the configuration names. */
#define PN_FEEDS_MAX	 16
#define PN_FEED_NAME_MAX 32 /* bytes, with the final 0 */

enum pn_class {
	PN_CLASS_MX = 0,	 /* port 25: everything applies */
	PN_CLASS_SUBMISSION = 1, /* 465, 587: rules, limits; never DNSBL verdicts */
	PN_CLASSES = 2,
};

enum pn_action {
	PN_PASS = 0,
	PN_DROP = 1,   /* silence, every packet */
	PN_REFUSE = 2, /* a TCP RST */
	PN_ALLOW = 3,  /* pn_allow only: never judged */
	PN_TRUST = 4,  /* pn_allow only: limits hold, verdicts of the DNS do not */
	PN_REPLY = 5,  /* the connection is handed to the responder, which says why */
	PN_HOLD = 6,   /* verdicts only: a stranger's first SYN is dropped, its repeat gets in */
};

/* What happens to strangers at ports of class mx: first contact. */
enum pn_contact {
	PN_CONTACT_OFF = 0,  /* nobody is asked about */
	PN_CONTACT_PASS = 1, /* let in, and asked about when the handshake is complete */
	PN_CONTACT_WATCH =
		2, /* likewise, and cut by the controller if the verdict is bad and soon */
	PN_CONTACT_HOLD = 3, /* asked about at the first SYN, which is dropped */
};

enum pn_origin {
	PN_ORIGIN_NONE = 0,
	PN_ORIGIN_OPERATOR = 1, /* block, allow, trust on the command line */
	PN_ORIGIN_OWN = 2,	/* an address of this host */
	PN_ORIGIN_LOCAL = 3,	/* a private network a guarded interface stands in */
	PN_ORIGIN_GATEWAY = 4,
	PN_ORIGIN_RESOLVER = 5,
	PN_ORIGIN_DNSBL = 6,   /* found listed by DNS zones */
	PN_ORIGIN_SEEN = 7,    /* seen delivering mail */
	PN_ORIGIN_FEED = 8,    /* in a file of addresses that the configuration names */
	PN_ORIGIN_BAN = 9,     /* offended again and again */
	PN_ORIGIN_SPF = 10,    /* in the SPF record of a provider that the configuration trusts */
	PN_ORIGIN_CONFIG = 11, /* in `never_block` of the configuration */
};

/*
 * Reasons, in the order in which they are judged. One row makes the enum, the printed name,
 * the counter and the sentence.   PN_REASON(ID, name, sentence)
 */
#define PN_REASONS_TABLE(PN_REASON)                                                                \
	PN_REASON(FLOW, flow, "a later packet of a connection; nothing drops its source")          \
	PN_REASON(MAPPED, mapped, "an IPv6 packet from ::ffff:0:0/96, which no honest host sends") \
	PN_REASON(TAGS, tags, "an IP packet behind more VLAN tags than any network uses")          \
	PN_REASON(CHAIN, chain, "a chain of IPv6 headers too long to follow to its end")           \
	PN_REASON(FRAGMENT, fragment,                                                              \
		  "a first TCP fragment too short for its header, or one at offset 1 "             \
		  "(RFC 1858, RFC 3128)")                                                          \
	PN_REASON(ALLOWED, allowed, "the source is never judged")                                  \
	PN_REASON(ONLY, only, "the port is open to the networks in its 'only' list alone")         \
	PN_REASON(RULE, rule, "the operator's rule for this address")                              \
	PN_REASON(BLOCK, block, "the operator's rule for a prefix that covers this address")       \
	PN_REASON(FEED, feed, "a feed, a file of addresses of the configuration, has the source")  \
	PN_REASON(BANNED, banned, "the source, or its network, has offended again and again")      \
	PN_REASON(LISTED, listed, "DNS lists name the source, with enough weight to refuse it")    \
	PN_REASON(OPEN, open, "the source has as many open connections as one source may have")    \
	PN_REASON(TOTAL_OPEN, total_open, "all sources together have too many open connections")   \
	PN_REASON(RATE, rate, "the source connects faster than one source may")                    \
	PN_REASON(NETWORK_RATE, network_rate, "the source's network connects faster than it may")  \
	PN_REASON(TOTAL_RATE, total_rate, "all sources together connect too fast")                 \
	PN_REASON(KNOWN, known, "the source is known and nothing stands against it")               \
	PN_REASON(HELD, held,                                                                      \
		  "a stranger's first SYN, dropped once while DNS lists are asked about it")       \
	PN_REASON(STRANGER, stranger, "nothing is known of the source yet: DNS lists are asked")   \
	PN_REASON(CLEAN, clean, "nothing stands against the source")

enum pn_reason {
#define PN_REASON_ENUM(ID, name, sentence) PN_REASON_##ID,
	PN_REASONS_TABLE(PN_REASON_ENUM)
#undef PN_REASON_ENUM
		PN_REASONS,
};

/*
 * What went wrong inside the kernel side. Each lets mail in, and each is counted.
 *   PN_FAULT(ID, name, sentence)
 */
#define PN_FAULTS_TABLE(PN_FAULT)                                                                  \
	PN_FAULT(OPEN_FULL, open_full, "pn_open had no room: a connection was not counted")        \
	PN_FAULT(MARK_FAILED, mark_failed, "a socket could not be marked: not counted")            \
	PN_FAULT(RATE_FULL, rate_full, "pn_rate had no room: a connection was not charged")        \
	PN_FAULT(CAS_LOST, cas_lost, "a rate was contended for too long: not charged")             \
	PN_FAULT(EVENT_CAPPED, event_capped, "an event was not told: the global cap")              \
	PN_FAULT(EVENT_LOST, event_lost, "an event was not told: pn_events was full")              \
	PN_FAULT(REFUSE_CAPPED, refuse_capped, "a refusal was dropped instead: the budget")        \
	PN_FAULT(REFUSE_FAILED, refuse_failed, "a refusal was dropped instead: no RST fits")       \
	PN_FAULT(ASK_LOST, ask_lost,                                                               \
		 "a question was not told to the controller: pn_asks was full")                    \
	PN_FAULT(STEER_FAILED, steer_failed, "a connection could not be handed to the responder")  \
	PN_FAULT(EXPIRED_DEEP, expired_deep, "too many expired prefixes stood over a live one")

enum pn_fault {
#define PN_FAULT_ENUM(ID, name, sentence) PN_FAULT_##ID,
	PN_FAULTS_TABLE(PN_FAULT_ENUM)
#undef PN_FAULT_ENUM
		PN_FAULTS,
};

/* Key of everything kept per source: pn_rule, pn_listed, pn_known, pn_rate, pn_open. */
struct pn_key {
	__u8 addr[16];
	__u32 bits; /* length of the mapped form; the address alone cannot tell /128 from /64 */
};

/*
 * Key of the LPM tries. The family leads, so that a short IPv6 prefix such as ::/8 never
 * matches mapped IPv4 addresses; bits counts it too: 32 + length of the mapped form. Addresses stand at multiples
 * of 8, or the kernel side would copy them byte by byte.
 */
struct pn_prefix {
	__u32 bits;
	__u8 family; /* 4 or 6 */
	__u8 pad[3];
	__u8 addr[16];
};
#define PN_PREFIX_LEAD_BITS 32

/* Key of pn_only: a prefix that may reach one port. bits counts port and family too: 32 + length. */
struct pn_only_key {
	__u32 bits;
	__u16 port; /* host order */
	__u8 family;
	__u8 pad;
	__u8 addr[16];
};
#define PN_ONLY_LEAD_BITS 32

/* pn_allow, pn_rule and the tries of pn_block. */
struct pn_rule {
	enum pn_action action;
	enum pn_origin origin;
	__u64 expires;
	__u8 bits; /* length of the mapped form, to look for a shorter one when this has expired */
	__u8 always; /* obeyed in monitor mode too */
	__u8 pad[6];
};

/* pn_listed: a stranger found guilty, by DNS zones or by what it did (PN_ORIGIN_BAN). */
struct pn_listed {
	enum pn_action action;
	enum pn_origin origin;
	__u64 expires;
	__u32 classes; /* bit per enum pn_class the verdict holds for */
	__u32 zone;    /* number of the zone that weighed most, from 1; 0 none */
};

/*
 * Feeds. A whole set of them is a bank: an entry of pn_feed_bank, and the tables in the slots of pn_feed_lines and pn_feed_tries
 * with the same number. The bank that is not in force is filled, and one store to pn_conf puts it in force: who reads
 * that word once sees all of one set.
 *
 * Single IPv4 addresses lie in lines of the size of a cache line. pn_feed_mix() makes one number of another, each from one address
 * only: its leading line_bits are the number of the line, and the rest, in a cell, tells the address apart from all others of
 * that line. So there is room in 32 bits for the feed too, and a look is at one line. Who finds no room lies in one of the next
 * lines; they are looked at only behind a line that is full. Cells are filled from the first on; 0 is an empty one.
 */
#define PN_FEED_BANKS	      2
#define PN_FEED_CELLS	      16
#define PN_FEED_CELL_USED     1U
#define PN_FEED_CELL_FEED(c)  ((c) >> 1 & 15)
#define PN_FEED_FEED_BITS     (15U << 1)
#define PN_FEED_STEP_SHIFT    5 /* how many lines behind its own it lies */
#define PN_FEED_STEPS	      4
#define PN_FEED_REST_SHIFT    7
#define PN_FEED_LINE_BITS_MIN PN_FEED_REST_SHIFT /* fewer, and the rest has no room */
#define PN_FEED_LINE_BITS_MAX 24		 /* 1 GiB */

struct pn_feed_line {
	__u32 cell[PN_FEED_CELLS];
};

/*
 * Who has which number, and of what it was made: for user space, since another configuration may number the feeds otherwise. A list has
 * a number of its own, and another with what was left out of it.
 */
struct pn_feed {
	char name[PN_FEED_NAME_MAX];
	__u64 list;
	__u64 made;
};

struct pn_feed_bank {
	__u32 key[4]; /* a secret of this table, or who makes addresses could fill one line */
	__u32 line_bits;
	__u32 hosts;	/* in the lines */
	__u32 prefixes; /* in the trie */
	__u32 feeds;
	__u8 action[PN_FEEDS_MAX]; /* enum pn_action, by the number of the feed */
	__u8 always[PN_FEEDS_MAX]; /* obeyed in monitor mode too */
	struct pn_feed feed[PN_FEEDS_MAX];
};

/* A prefix of the trie in a slot of pn_feed_tries. */
struct pn_feed_prefix {
	__u32 feed;
	__u32 bits; /* length of the mapped form */
};

/* One-to-one for any key: each step can be undone. addr in host order. */
static inline __attribute__((always_inline)) __u32 pn_feed_mix(const struct pn_feed_bank *b,
							       __u32 addr)
{
	__u32 x = (addr ^ b->key[0]) * (b->key[1] | 1);

	x = (x ^ x >> 16) * (b->key[2] | 1);
	x = (x ^ x >> 15) * (b->key[3] | 1);
	return x ^ x >> 16;
}

/* What stands in a cell of an address, less the feed's number. */
static inline __attribute__((always_inline)) __u32 pn_feed_cell(const struct pn_feed_bank *b,
								__u32 mixed, __u32 step)
{
	return (mixed & ((1U << (32 - b->line_bits)) - 1)) << PN_FEED_REST_SHIFT |
	       step << PN_FEED_STEP_SHIFT | PN_FEED_CELL_USED;
}

/* pn_known: a stranger found clean, or seen delivering. Boot time. */
struct pn_known {
	__u64 since;
	__u64 until;	   /* after it a stranger again */
	__u64 fresh_until; /* after it asked about again, while it goes on being known */
	enum pn_origin origin;
	__u32 pad;
};

/*
 * pn_wait: when a stranger's first SYN was held, CLOCK_MONOTONIC ns (coarse). Array of cells by hash of addresses, ports
 * and sequence number. A cell is written only when it is older than PN_WAIT_MOST_NS, so that nobody can wash out
 * another's; one that is taken means pass.
 */
struct pn_wait {
	__u64 held_ns;
};
#define PN_WAIT_CELLS 65536
#define PN_WAIT_LEAST_NS                                                                           \
	700000000ULL /* TCP repeats a SYN after 1 s (RFC 6298, 2.1); sooner is a copy */
#define PN_WAIT_MOST_NS 60000000000ULL /* and gives up after a minute or two */

/* pn_answered: connections of a source that the responder has taken, under one verdict. */
struct pn_answered {
	__u64 expires;	/* of that verdict: another one counts anew */
	__u64 first_ns; /* boot time of the first, so that a verdict without end is answered again */
	__u32 count;
	__u32 pad;
};
#define PN_ANSWERS_MAX	  3			 /* then silence */
#define PN_ANSWERS_FOR_NS (3600 * 1000000000ULL) /* an hour: what has no end is told thrice in it */

/* pn_ours: the mark of the responder's sockets. A connection inherits the first, and bears the second once it is counted. */
#define PN_OURS_FRESH	1
#define PN_OURS_COUNTED 2

/* pn_asks: a stranger, or a known source whose verdict is old, is to be asked about. */
struct pn_ask {
	__u64 time; /* CLOCK_BOOTTIME ns: of the SYN, or of the completed handshake */
	__u8 src[16];
	__u8 dst[16];
	__u16 sport;  /* host order */
	__u16 dport;  /* of the local socket, host order */
	__u32 flags;  /* enum pn_ask_flag */
	__u64 netns;  /* cookie of the socket's namespace; 0: not established */
	__u64 socket; /* cookie of the socket; 0: not established */
};
enum pn_ask_flag {
	PN_ASK_PROVEN = 1, /* its handshake is complete: not forged */
	PN_ASK_KNOWN = 2,  /* it is in pn_known */
};

/* pn_rate: GCRA. The theoretical arrival time, CLOCK_MONOTONIC ns; moved by compare-and-swap. */
struct pn_rate {
	__u64 arrival_ns;
};

/* pn_open: open connections of a source. */
struct pn_open {
	__u32 open;
	__u32 pad;
};

/* pn_sock: the mark of a counted socket; what was counted when it was made. */
struct pn_sock {
	struct pn_key source;
	__u32 class_;
};

/* pn_total: what all sources share. One entry. */
struct pn_total {
	__u64 open;
	__u64 rate_arrival_ns;
	__u64 refuse_arrival_ns;
	__u64 event_arrival_ns;
	__u64 pressed_until_ns; /* CLOCK_MONOTONIC: a source is near a limit, look at handshakes */
	__u64 unproven_arrival_ns;
};

struct pn_tally {
	__u64 packets; /* for which this reason decided, and was acted on */
	__u64 bytes;
	__u64 would; /* packets that monitor mode let pass and enforce mode would not have */
};

/* A GCRA limit: one connection per interval_ns, and burst_ns of credit. interval_ns 0: off. */
struct pn_limit {
	__u64 interval_ns;
	__u64 burst_ns; /* (burst - 1) * interval_ns */
};

struct pn_port {
	__u16 port;	  /* on the wire, host order; 0 ends the list */
	__u16 local_port; /* of the socket, where a container engine translates; else the same */
	__u8 class_;	  /* enum pn_class */
	__u8 only;	  /* pn_only is asked */
	__u8 can_reply;	  /* the responder can speak here; else `reply` is `refuse` */
	__u8 pad;
};

/* pn_conf: live knobs. One entry, mmapable: single words are written in place. */
struct pn_conf {
	__u32 abi;
	__u32 open_max;	      /* connections of one source, 0 off */
	__u32 total_open_max; /* connections of all, 0 off */
	__u32 charge_syn;     /* no local sockets here: charge in XDP */
	__u64 enforce_until;  /* before this: act; after: count what would have been */
	__u64 alive_until;    /* before this: a controller lives and open counts are judged */
	struct pn_port ports[PN_PORTS_MAX];
	__u64 netns[PN_NETNS_MAX]; /* cookies; sockets elsewhere are not counted; 0 ends the list */
	struct pn_limit rate;
	struct pn_limit network_rate;
	struct pn_limit total_rate;
	struct pn_limit refuse_budget; /* RSTs */
	struct pn_limit event_budget;
	__u64 event_interval_ns; /* one event per source and reason in this time */
	enum pn_action rate_action;
	enum pn_action open_action;
	enum pn_action only_action;
	__u32 guarded; /* pn_guard is asked; else every destination is policed */
	/* Which lists may have entries: an empty one is not asked. Never 0 while one has. */
	__u32 has_rules;
	__u32 has_blocks;
	__u32 has_listed;
	__u32 has_known;
	enum pn_contact contact; /* ends with the controller: past alive_until it is off */
	__u32 replying;		 /* a responder listens; likewise */
	/* SYNs that are held, and so asked about, though they may be forged. Beyond it strangers are watched. */
	struct pn_limit unproven_budget;
	/* Answers of a controller to `reload`: how many it did and how many it turned down. */
	__u32 reloads_done;
	__u32 reloads_failed;
	__u32 feeds_bank; /* which bank of feeds is in force, from 1; 0: none, and none is asked */
	__u32 braked; /* monitor mode was ordered where no store could be told: what is stored waits */
};

/* pn_events */
struct pn_event {
	__u64 time; /* CLOCK_BOOTTIME ns */
	__u8 src[16];
	__u8 dst[16];
	__u16 sport; /* host order; 0 when unreadable */
	__u16 dport;
	enum pn_reason reason;
	enum pn_action action; /* what was done */
	enum pn_action would;  /* what enforce mode does */
	enum pn_class class_;
	__u32 ifindex;
	__u32 suppressed; /* events of this source and reason not told since the last */
	__u32 feed;	  /* its number in the configuration, from 0, where the reason is `feed` */
};

/* pn_told: when a source's reason was last told. Array of cells, by hash. */
struct pn_told {
	__u64 next_ns;
	__u32 tag;
	__u32 suppressed;
};
#define PN_TOLD_CELLS                                                                              \
	16384	       /* 256 KiB: more sources than the event budget can tell in its interval */
#define PN_TOLD_WAYS 4 /* cells that a source can have: 64 bytes, one line of the cache */

/*
 * pn_why: asked through BPF_PROG_TEST_RUN with this as the packet, it judges a SYN from src to
 * port by the same code as pn_xdp and writes the answer back. Nothing is counted or charged.
 */
struct pn_why {
	__u8 src[16];
	__u16 port;
	__u8 pad[2];
	enum pn_reason reason;
	enum pn_action action; /* what the kernel does now */
	enum pn_action would;  /* what enforce mode does */
	enum pn_origin origin; /* of the entry that decided */
	__u32 bits;	       /* its length, mapped form; 0 none */
	__u64 expires;
	__u32 answers; /* of the responder, under this verdict */
	__u32 feed;    /* its number in the configuration, from 0, where the reason is `feed` */
};

/* pn_adjust: a correction of the open count of one source, by BPF_PROG_TEST_RUN of a syscall
 * program. */
struct pn_adjust {
	struct pn_key source;
	__s32 delta;
	__u64 total_delta; /* two's complement */
};

/* One line of the reconciling iterator over pn_sock, and of the adopting one over TCP sockets. */
struct pn_counted {
	struct pn_key source;
	__u32 class_;
};

#define PN_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type " size")
PN_ASSERT_SIZE(pn_key, 20);
PN_ASSERT_SIZE(pn_prefix, 24);
PN_ASSERT_SIZE(pn_only_key, 24);
PN_ASSERT_SIZE(pn_rule, 24);
PN_ASSERT_SIZE(pn_listed, 24);
PN_ASSERT_SIZE(pn_known, 32);
PN_ASSERT_SIZE(pn_wait, 8);
PN_ASSERT_SIZE(pn_answered, 24);
PN_ASSERT_SIZE(pn_ask, 64);
PN_ASSERT_SIZE(pn_rate, 8);
PN_ASSERT_SIZE(pn_open, 8);
PN_ASSERT_SIZE(pn_sock, 24);
PN_ASSERT_SIZE(pn_total, 48);
PN_ASSERT_SIZE(pn_tally, 24);
PN_ASSERT_SIZE(pn_limit, 16);
PN_ASSERT_SIZE(pn_port, 8);
PN_ASSERT_SIZE(pn_feed_line, 64);
PN_ASSERT_SIZE(pn_feed_bank, 832);
PN_ASSERT_SIZE(pn_feed_prefix, 8);
PN_ASSERT_SIZE(pn_conf, 320);
PN_ASSERT_SIZE(pn_event, 72);
PN_ASSERT_SIZE(pn_told, 16);
PN_ASSERT_SIZE(pn_why, 56);
PN_ASSERT_SIZE(pn_adjust, 32);
PN_ASSERT_SIZE(pn_counted, 24);

#endif
