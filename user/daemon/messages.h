/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the keeper and its children say to each other: messages of fixed size. The children read foreign bytes, so the keeper takes
 * nothing from them on trust: message_check() holds a message to its type, size and bounds, to ended and printable texts, before anybody
 * looks into it. Children check what the keeper sends in the same way.
 *
 *   keeper -> resolver     ASK
 *   resolver -> keeper     READY (all zones were tested once), VERDICT, ZONE (one by one: each second, and when a state changes)
 *   keeper -> responder    BECAUSE
 *   responder -> keeper    READY (it listens), WHY, REJECT, BUSY (each second)
 *   follower -> keeper     READY, DELIVERY, FOLLOWED (all deliveries up to there were told)
 *   meter -> keeper        READY, SCRAPE (somebody wants the page)
 *   keeper -> meter        PAGE (a piece of it, or that there is none)
 *   feed reader -> keeper  FEED, once; the order is two descriptors (feeding_child.h)
 *   SPF reader -> keeper   READY, PROVIDER (the networks of one, in numbered parts)
 *
 * Settings go to a child at its birth, as a sealed memory file (nursery.h).
 */
#ifndef DAEMON_MESSAGES_H
#define DAEMON_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/dns.h"
#include "dns/spf_networks.h"
#include "policy/contact.h"
#include "reply/reply.h"

#define MESSAGE_ZONES_MAX 16  /* of a verdict: zones that said something else than clean */
#define MESSAGE_CODES_MAX 4   /* of a zone: codes that are kept as evidence */
#define MESSAGE_HOST_MAX  256 /* a name of RFC 1035, 2.3.4, with the final 0 */
#define MESSAGE_TTL_MAX_S CONTACT_KNOWN_S /* nothing is believed for longer */

enum message_type {
	MESSAGE_READY = 1,
	MESSAGE_ASK,
	MESSAGE_VERDICT,
	MESSAGE_ZONE,
	MESSAGE_WHY,
	MESSAGE_BECAUSE,
	MESSAGE_REJECT,
	MESSAGE_BUSY,
	MESSAGE_DELIVERY,
	MESSAGE_FOLLOWED,
	MESSAGE_SCRAPE,
	MESSAGE_PAGE,
	MESSAGE_FEED,
	MESSAGE_PROVIDER,
	MESSAGE_TYPES,
};

struct message_head {
	uint32_t type; /* enum message_type */
	uint32_t size; /* of the whole message, as its type has it */
};

struct message_ready {
	struct message_head head;
};

struct message_ask {
	struct message_head head;
	struct addr addr;
	uint8_t known, unproven;
	uint8_t pad[6];
};

struct message_zone_result {
	uint32_t zone;	  /* number in the configuration */
	uint32_t outcome; /* enum outcome */
	int64_t added;
	uint32_t ttl_s;
	uint32_t code_count;
	uint32_t code[MESSAGE_CODES_MAX]; /* host order */
};

struct message_verdict {
	struct message_head head;
	struct addr addr;
	int64_t score, threshold;
	uint32_t verdict; /* enum verdict, never PENDING */
	uint32_t classes; /* enum dns_class bits */
	uint32_t bits;	  /* it holds for: 128, or 64 */
	uint32_t ttl_s;
	uint32_t partial, spent; /* booleans */
	uint32_t named;		 /* number of the zone that weighed most; SITE_ZONES_MAX: none */
	uint32_t asked;		 /* zones of the configuration */
	uint32_t result_count;
	uint32_t rdns; /* enum rdns_result */
	uint32_t rdns_generic;
	uint32_t unproven; /* boolean: it was asked about as one who may be forged */
	int64_t rdns_added;
	struct message_zone_result result[MESSAGE_ZONES_MAX];
	char text[DNS_TEXT_MAX]; /* the reason of the zone that weighed most, printable; "" none */
	char rdns_host[256];	 /* printable; "" none */
};

struct message_zone {
	struct message_head head;
	uint32_t zone;
	uint32_t state; /* enum dns_zone_state */
	uint32_t news;	/* the state has just changed, or limit */
	uint32_t limit; /* near the operator's published limit: why says it */
	uint64_t asked, listed, errors, over_budget;
	uint32_t latency_ms;
	uint32_t pad;
	char why[160]; /* printable */
};

struct message_why {
	struct message_head head;
	uint32_t id; /* comes back in BECAUSE */
	uint16_t port;
	uint16_t pad;
	struct addr addr;
};

struct message_because {
	struct message_head head;
	uint32_t id;
	uint32_t pad;
	struct reply_because because;
};

struct message_reject {
	struct message_head head;
	struct reply_said said;
};

struct message_busy {
	struct message_head head;
	struct reply_status status;
};

#define MESSAGE_RECIPIENTS_MAX 10000000 /* of one message: mail servers stop at thousands */
#define MESSAGE_WALL_MAX_S     ((int64_t)1 << 40)

struct message_delivery {
	struct message_head head;
	struct addr addr;
	int64_t wall_s;
	uint32_t recipients;
	uint32_t pad;
	char host[MESSAGE_HOST_MAX]; /* printable; "" none */
};

/* What was told before it is all that the log has up to here. */
struct message_followed {
	struct message_head head;
	uint64_t bytes;	   /* of what came through the pipe, up to the end of a line */
	uint64_t stamp_us; /* of the journal: that line's time, and a sum of its bytes */
	uint64_t sum;
	uint64_t lines, understood; /* since it was born */
	uint32_t is_lost; /* lines before it were gone before they could be read; told once */
	uint32_t pad;
};

#define MESSAGE_PAGE_MAX                                                                           \
	(1U << 20)	       /* bytes: with all zones and feeds there can be it has some 60 KB */
#define MESSAGE_PIECE_MAX 1024 /* of it in one message */

/* Each is answered, by all pieces of a page or by one that says that there is none; before that none may come again. */
struct message_scrape {
	struct message_head head;
};

struct message_page {
	struct message_head head;
	uint32_t total, offset,
		length; /* bytes: of the page, before this piece, of this piece; all 0: there is none */
	char text[MESSAGE_PIECE_MAX]; /* lines of printable characters */
};

/* A feed was read. */
struct message_feed {
	struct message_head head;
	int32_t result; /* 0, or -errno and why */
	uint32_t pad;
	uint64_t length;	/* of the list in the memory file that came with the order */
	char why[ERR_TEXT_MAX]; /* printable; "" for 0 */
};

#define MESSAGE_NETWORKS_MAX 64 /* of one part */
#define MESSAGE_NOTE_MAX     256

/* The networks that a provider's SPF record names: parts 0 to parts - 1, one behind the other; all but the last are full. */
struct message_provider {
	struct message_head head;
	uint32_t provider; /* number in the settings */
	uint32_t state;	   /* enum spf_state; only FINE has networks */
	uint32_t part, parts;
	uint32_t total;				     /* networks of all parts */
	uint32_t count;				     /* of this one */
	uint32_t ttl_s;				     /* until it is asked about again */
	char why[MESSAGE_NOTE_MAX];		     /* printable; "" when all is well */
	char note[MESSAGE_NOTE_MAX];		     /* printable: what was left out */
	struct prefix network[MESSAGE_NETWORKS_MAX]; /* sorted */
};

union message {
	struct message_head head;
	struct message_ready ready;
	struct message_ask ask;
	struct message_verdict verdict;
	struct message_zone zone;
	struct message_why why;
	struct message_because because;
	struct message_reject reject;
	struct message_busy busy;
	struct message_feed feed;
	struct message_provider provider;
	struct message_delivery delivery;
	struct message_followed followed;
	struct message_scrape scrape;
	struct message_page page;
};

/* The size of a message of this type; 0 for none. */
size_t message_size(enum message_type type);
/* The head of a message. */
struct message_head message_head(enum message_type type);
/*
 * Is it one of these types (a bit 1 << type each), whole, with every enum, index and count in bounds, booleans 0 or 1, and texts
 * ended and printable? NULL when not; why (ERR_TEXT_MAX, in e) says what was wrong, without showing its bytes.
 */
const union message *message_check(const void *bytes, size_t length, uint32_t types, struct err *e);

#endif
