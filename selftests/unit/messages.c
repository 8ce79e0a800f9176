/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of the children: one good message of each type passes, and each way to break one is refused. A row changes one
 * field of the good message.
 */
#include "daemon/messages.h"
#include "feed/image.h"

#include <errno.h>
#include <stddef.h>

#include "conf/conf.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ALL	     ((1U << MESSAGE_TYPES) - 2)

static union message good(enum message_type type)
{
	union message m;

	memset(&m, 0, sizeof(m));
	m.head = message_head(type);
	switch (type) {
	case MESSAGE_ASK:
		m.ask.addr = (struct addr){{0x20, 0x01}};
		m.ask.known = 1;
		break;
	case MESSAGE_VERDICT:
		m.verdict.addr = (struct addr){{0x20, 0x01}};
		m.verdict.score = 5;
		m.verdict.threshold = 3;
		m.verdict.verdict = VERDICT_LISTED;
		m.verdict.classes = DNS_CLASS_MX;
		m.verdict.bits = 64;
		m.verdict.ttl_s = MESSAGE_TTL_MAX_S;
		m.verdict.named = 1;
		m.verdict.asked = 3;
		m.verdict.result_count = 2;
		m.verdict.rdns = RDNS_PERMERROR;
		m.verdict.result[0] = (struct message_zone_result){.zone = 1,
								   .outcome = OUTCOME_LISTED,
								   .added = 5,
								   .code_count = 1,
								   .code = {0x7f000002}};
		m.verdict.result[1] = (struct message_zone_result){
			.zone = 2, .outcome = OUTCOME_TIMEOUT, .ttl_s = MESSAGE_TTL_MAX_S};
		snprintf(m.verdict.text, sizeof(m.verdict.text), "see ~ there");
		snprintf(m.verdict.rdns_host, sizeof(m.verdict.rdns_host), "host.example");
		break;
	case MESSAGE_ZONE:
		m.zone.zone = SITE_ZONES_MAX - 1;
		m.zone.state = DNS_ZONE_UNREACHABLE;
		m.zone.news = 1;
		m.zone.asked = UINT64_MAX;
		snprintf(m.zone.why, sizeof(m.zone.why), "no answer");
		break;
	case MESSAGE_WHY:
		m.why.id = UINT32_MAX;
		m.why.port = 25;
		break;
	case MESSAGE_BECAUSE:
		m.because.because.kind = REPLY_NOTHING;
		snprintf(m.because.because.by, sizeof(m.because.because.by), "list.example");
		break;
	case MESSAGE_REJECT:
		m.reject.said.esmtp = 1;
		snprintf(m.reject.said.reply, sizeof(m.reject.said.reply), "550 5.7.1 no");
		break;
	case MESSAGE_PROVIDER:
		m.provider.provider = CONF_PROVIDERS_MAX - 1;
		m.provider.state = SPF_FINE;
		m.provider.part = 1;
		m.provider.parts = 2;
		m.provider.total = MESSAGE_NETWORKS_MAX + 2;
		m.provider.count = 2;
		m.provider.ttl_s = MESSAGE_TTL_MAX_S;
		m.provider.network[0] = (struct prefix){{{0x20, 0x01}}, 16};
		m.provider.network[1] = (struct prefix){{{0x20, 0x02}}, 16};
		snprintf(m.provider.note, sizeof(m.provider.note), "left out: ptr");
		break;
	case MESSAGE_DELIVERY:
		m.delivery.wall_s = 1700000000;
		m.delivery.recipients = 1;
		snprintf(m.delivery.host, sizeof(m.delivery.host), "mx.example");
		break;
	case MESSAGE_FEED:
		m.feed.length = IMAGE_BYTES_MAX;
		break;
	case MESSAGE_PAGE:
		m.page.total = MESSAGE_PAGE_MAX;
		m.page.offset = MESSAGE_PAGE_MAX - 3;
		m.page.length = 3;
		memcpy(m.page.text, "a 1", 3);
		break;
	default:
		break;
	}
	return m;
}

/* One field of one type, and what it must not be. The values fill the field byte by byte, or as a number of its size. */
struct row {
	enum message_type type;
	const char *sentence;
	size_t at, size;
	int64_t value;
};
#define FIELD(member) offsetof(union message, member), sizeof(((union message *)0)->member)
#define UNENDED	      INT64_MIN /* the whole text is 'x' */
#define ALPHA_TEXT(t, m)                                                                           \
	{                                                                                          \
		t, #m " is not ended", FIELD(m), UNENDED                                           \
	}
#define SIGN_TEXT(t, m)                                                                            \
	{                                                                                          \
		t, #m " has a byte that is not printable", FIELD(m[0]), 0x1b                       \
	}
#define HIGH_TEXT(t, m)                                                                            \
	{                                                                                          \
		t, #m " has a byte that is not ASCII", FIELD(m[0]), 0xe4                           \
	}
#define TEXT(t, m) ALPHA_TEXT(t, m), SIGN_TEXT(t, m), HIGH_TEXT(t, m)
#define BOOLEAN(t, m)                                                                              \
	{                                                                                          \
		t, #m " is no boolean", FIELD(m), 2                                                \
	}
#define SCORE_OVER (((int64_t)1 << 40) + 1)
#define SCORE(t, m)                                                                                \
	{t, #m " is too large", FIELD(m), SCORE_OVER},                                             \
	{                                                                                          \
		t, #m " is too small", FIELD(m), -SCORE_OVER                                       \
	}

static const struct row bad[] = {
	BOOLEAN(MESSAGE_ASK, ask.known),
	BOOLEAN(MESSAGE_ASK, ask.unproven),

	{MESSAGE_VERDICT, "a verdict that is pending", FIELD(verdict.verdict), VERDICT_PENDING},
	{MESSAGE_VERDICT, "a verdict that is none", FIELD(verdict.verdict), VERDICT_UNKNOWN + 1},
	{MESSAGE_VERDICT, "clean, and yet with a class", FIELD(verdict.verdict), VERDICT_CLEAN},
	{MESSAGE_VERDICT, "listed for no class", FIELD(verdict.classes), 0},
	{MESSAGE_VERDICT, "a class that is none", FIELD(verdict.classes), 5},
	{MESSAGE_VERDICT, "for a /24", FIELD(verdict.bits), 120},
	{MESSAGE_VERDICT, "for everybody", FIELD(verdict.bits), 0},
	{MESSAGE_VERDICT, "bits beyond an address", FIELD(verdict.bits), 64 + (1LL << 16)},
	{MESSAGE_VERDICT, "too long a life", FIELD(verdict.ttl_s), MESSAGE_TTL_MAX_S + 1},
	{MESSAGE_VERDICT, "an endless life", FIELD(verdict.ttl_s), UINT32_MAX},
	BOOLEAN(MESSAGE_VERDICT, verdict.partial),
	BOOLEAN(MESSAGE_VERDICT, verdict.spent),
	BOOLEAN(MESSAGE_VERDICT, verdict.rdns_generic),
	{MESSAGE_VERDICT, "names a zone that was not asked", FIELD(verdict.named), 3},
	{MESSAGE_VERDICT, "names one far away", FIELD(verdict.named), UINT32_MAX},
	{MESSAGE_VERDICT, "asked too many", FIELD(verdict.asked), SITE_ZONES_MAX + 1},
	{MESSAGE_VERDICT, "asked fewer than answered", FIELD(verdict.asked), 1},
	{MESSAGE_VERDICT, "too many results", FIELD(verdict.result_count), 4},
	{MESSAGE_VERDICT, "results without bounds", FIELD(verdict.result_count), UINT32_MAX},
	{MESSAGE_VERDICT, "a result of no zone", FIELD(verdict.result[1].zone), 3},
	{MESSAGE_VERDICT, "two results of a zone", FIELD(verdict.result[1].zone), 1},
	{MESSAGE_VERDICT, "out of order", FIELD(verdict.result[1].zone), 0},
	{MESSAGE_VERDICT, "an outcome that is none", FIELD(verdict.result[1].outcome), OUTCOMES},
	{MESSAGE_VERDICT, "a result that lives too long", FIELD(verdict.result[0].ttl_s),
	 MESSAGE_TTL_MAX_S + 1},
	{MESSAGE_VERDICT, "too many codes", FIELD(verdict.result[1].code_count),
	 MESSAGE_CODES_MAX + 1},
	SCORE(MESSAGE_VERDICT, verdict.score),
	SCORE(MESSAGE_VERDICT, verdict.threshold),
	SCORE(MESSAGE_VERDICT, verdict.rdns_added),
	SCORE(MESSAGE_VERDICT, verdict.result[0].added),
	{MESSAGE_VERDICT, "reverse DNS that is none", FIELD(verdict.rdns), RDNS_PERMERROR + 1},
	TEXT(MESSAGE_VERDICT, verdict.text),
	TEXT(MESSAGE_VERDICT, verdict.rdns_host),

	{MESSAGE_ZONE, "a zone that is none", FIELD(zone.zone), SITE_ZONES_MAX},
	{MESSAGE_ZONE, "a state that is none", FIELD(zone.state), DNS_ZONE_UNREACHABLE + 1},
	BOOLEAN(MESSAGE_ZONE, zone.news),
	BOOLEAN(MESSAGE_ZONE, zone.limit),
	TEXT(MESSAGE_ZONE, zone.why),

	{MESSAGE_WHY, "no port", FIELD(why.port), 0},

	{MESSAGE_BECAUSE, "a kind that is none", FIELD(because.because.kind), REPLY_KINDS},
	TEXT(MESSAGE_BECAUSE, because.because.by),
	TEXT(MESSAGE_BECAUSE, because.because.text),

	BOOLEAN(MESSAGE_REJECT, reject.said.esmtp),
	BOOLEAN(MESSAGE_REJECT, reject.said.tls),
	BOOLEAN(MESSAGE_REJECT, reject.said.at_greeting),
	TEXT(MESSAGE_REJECT, reject.said.reply),
	TEXT(MESSAGE_REJECT, reject.said.helo),
	TEXT(MESSAGE_REJECT, reject.said.sender),
	TEXT(MESSAGE_REJECT, reject.said.recipient),

	{MESSAGE_PROVIDER, "a provider that is none", FIELD(provider.provider), CONF_PROVIDERS_MAX},
	{MESSAGE_PROVIDER, "a state that is none", FIELD(provider.state), SPF_TEMPERROR + 1},
	{MESSAGE_PROVIDER, "networks of a broken record", FIELD(provider.state), SPF_BROKEN},
	{MESSAGE_PROVIDER, "a part behind the last", FIELD(provider.part), 2},
	{MESSAGE_PROVIDER, "a part that is full", FIELD(provider.part), 0},
	{MESSAGE_PROVIDER, "too few parts", FIELD(provider.parts), 1},
	{MESSAGE_PROVIDER, "too many parts", FIELD(provider.parts), 3},
	{MESSAGE_PROVIDER, "too many networks in all", FIELD(provider.total), SPF_NETWORKS_MAX + 1},
	{MESSAGE_PROVIDER, "more in all than in the parts", FIELD(provider.total),
	 MESSAGE_NETWORKS_MAX + 3},
	{MESSAGE_PROVIDER, "none in all", FIELD(provider.total), 0},
	{MESSAGE_PROVIDER, "more than there is room for", FIELD(provider.count),
	 MESSAGE_NETWORKS_MAX + 1},
	{MESSAGE_PROVIDER, "a lifetime that is too long", FIELD(provider.ttl_s),
	 MESSAGE_TTL_MAX_S + 1},
	{MESSAGE_PROVIDER, "a length that is none", FIELD(provider.network[1].bits), ADDR_BITS + 1},
	{MESSAGE_PROVIDER, "bits behind a length", FIELD(provider.network[1].bits), 8},
	{MESSAGE_PROVIDER, "networks out of order", FIELD(provider.network[1].addr.byte[0]), 0x10},
	{MESSAGE_PROVIDER, "one network twice", FIELD(provider.network[1].addr.byte[1]), 1},
	TEXT(MESSAGE_PROVIDER, provider.why),
	TEXT(MESSAGE_PROVIDER, provider.note),
	{MESSAGE_DELIVERY, "a time before all times", FIELD(delivery.wall_s), -1},
	{MESSAGE_DELIVERY, "a time behind all times", FIELD(delivery.wall_s), INT64_MAX},
	{MESSAGE_DELIVERY, "for nobody", FIELD(delivery.recipients), 0},
	{MESSAGE_DELIVERY, "for everybody", FIELD(delivery.recipients), UINT32_MAX},
	TEXT(MESSAGE_DELIVERY, delivery.host),
	{MESSAGE_FOLLOWED, "neither lost nor not", FIELD(followed.is_lost), 2},
	{MESSAGE_FEED, "a result that is none", FIELD(feed.result), 1},
	{MESSAGE_FEED, "a result beyond all errors", FIELD(feed.result), -4096},
	{MESSAGE_FEED, "a failure with a list", FIELD(feed.result), -22},
	{MESSAGE_FEED, "a success without one", FIELD(feed.length), 0},
	{MESSAGE_FEED, "a list that has no room", FIELD(feed.length), IMAGE_BYTES_MAX + 1},
	TEXT(MESSAGE_FEED, feed.why),
	{MESSAGE_PAGE, "a page of nothing", FIELD(page.total), 0},
	{MESSAGE_PAGE, "no page, of which something comes", FIELD(page.total), 0},
	{MESSAGE_PAGE, "a page without bounds", FIELD(page.total), MESSAGE_PAGE_MAX + 1},
	{MESSAGE_PAGE, "a piece of nothing", FIELD(page.length), 0},
	{MESSAGE_PAGE, "a piece longer than the message", FIELD(page.length),
	 MESSAGE_PIECE_MAX + 1},
	{MESSAGE_PAGE, "a piece that ends behind the page", FIELD(page.length), 4},
	{MESSAGE_PAGE, "a piece behind the page", FIELD(page.offset), MESSAGE_PAGE_MAX + 1},
	{MESSAGE_PAGE, "a place that would overflow", FIELD(page.offset), UINT32_MAX},
	{MESSAGE_PAGE, "a byte that is not printable", FIELD(page.text[2]), 0x1b},
};

static bool passes(const union message *m, uint32_t types)
{
	struct err e = {0};
	const union message *out = message_check(m, message_size(m->head.type), types, &e);

	return EXPECT(!out == !!e.code && (out || e.text[0]), "an error says why: '%s'", e.text) &&
	       out;
}

TEST(a_good_message_of_each_type_passes)
{
	for (enum message_type type = MESSAGE_READY; type < MESSAGE_TYPES; type++) {
		union message m = good(type);

		EXPECT(message_size(type) >= sizeof(m.head) && message_size(type) <= sizeof(m),
		       "size of type %u", type);
		EXPECT(passes(&m, ALL), "type %u", type);
		EXPECT(passes(&m, 1U << type), "type %u alone", type);
	}
}

TEST(each_field_that_is_out_of_bounds_is_refused)
{
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct row *row = &bad[i];
		union message m = good(row->type);

		if (row->value == UNENDED)
			memset((char *)&m + row->at, 'x', row->size);
		else
			memcpy((char *)&m + row->at, &row->value, row->size);
		EXPECT(!passes(&m, ALL), "type %u: %s", row->type, row->sentence);
	}
}

TEST(a_verdict_for_a_network_is_of_ipv6_and_a_listing)
{
	union message m = good(MESSAGE_VERDICT);

	m.verdict.addr = (struct addr){{[10] = 0xff, 0xff, 192, 0, 2, 1}};
	EXPECT(!passes(&m, ALL), "an IPv4 address has no /64");
	m.verdict.bits = ADDR_BITS;
	EXPECT(passes(&m, ALL), "it stands for itself");

	m = good(MESSAGE_VERDICT);
	m.verdict.verdict = VERDICT_CLEAN;
	m.verdict.classes = 0;
	m.verdict.named = SITE_ZONES_MAX;
	EXPECT(!passes(&m, ALL), "clean is one address");
	m.verdict.bits = ADDR_BITS;
	EXPECT(passes(&m, ALL), "clean");
	m.verdict.named = 1;
	EXPECT(!passes(&m, ALL), "nobody is named for a clean one");
}

TEST(what_lies_behind_a_count_or_an_end_does_not_matter)
{
	union message m = good(MESSAGE_VERDICT);

	memset(&m.verdict.result[2], 0xff, sizeof(m.verdict.result[2]));
	m.verdict.text[sizeof(m.verdict.text) - 1] = 0x1b;
	EXPECT(passes(&m, ALL), "it is not looked at");
}

TEST(a_message_is_of_a_type_that_is_expected_and_of_its_size)
{
	union message m = good(MESSAGE_READY);

	EXPECT(!passes(&m, ALL & ~(1U << MESSAGE_READY)), "a type that has no place there");
	for (size_t length = 0; length < sizeof(m.head); length++)
		EXPECT(!message_check(&m, length, ALL, NULL), "%zu bytes", length);
	EXPECT(!message_check(&m, sizeof(m.head) + 8, ALL, NULL), "longer than its type");
	m.head.size++;
	EXPECT(!passes(&m, ALL), "says another size than it has");
	m = good(MESSAGE_ASK);
	EXPECT(!message_check(&m, sizeof(m.ask) - 1, ALL, NULL), "cut");
	m.head.size--;
	EXPECT(!message_check(&m, sizeof(m.ask) - 1, ALL, NULL), "cut, and says so");
	for (uint32_t type = 0; type < 200; type++) {
		if (type >= MESSAGE_READY && type < MESSAGE_TYPES)
			continue;
		m.head = (struct message_head){.type = type, .size = sizeof(m.head)};
		EXPECT(!message_check(&m, sizeof(m.head), UINT32_MAX, NULL), "type %u", type);
	}
	EXPECT(!message_size(0) && !message_size(MESSAGE_TYPES), "no type, no size");
}
