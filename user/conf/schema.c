/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of keys, and finding in it: see schema.h. */
#include "conf/schema.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf.h"

/* A rate of events that a person could still want to read; each is a line in a log. */
#define EVENTS_MOST 100000
/* One RST each; more in a second is more than a 1 Gb/s link carries. */
#define REFUSE_MOST 1000000
/* An interval in which no event of a source is told again: past a day it is never. */
#define EVENT_INTERVAL_MOST_S 86400
/* Each takes some 20 KB with TLS and a descriptor. */
#define CONNECTIONS_MOST 20000
/* More connections than a host has ports and memory for. */
#define OPEN_MOST 1000000
/* Fewer saves nothing, and the allow list must hold the own addresses. */
#define TABLE_LEAST 1024
/* LRU maps reserve 128 entries for each CPU and list: with fewer, big machines forget at once. */
#define TABLE_LRU_LEAST 8192
/* 16 million entries are over 1 GB of kernel memory. */
#define TABLE_MOST 16777216

/* Beyond this a score is no longer a score. */
#define SCORE_MOST 1000000
/* postscreen waits as long for its answers at the most. */
#define DNS_TIMEOUT_MOST_S 60
/* RFC 2308, section 5, thinks of 1 to 3 hours for negative answers and calls a day problematic. */
#define TTL_MOST_S 86400
/* A list that is tested once a day may have been mad for a day. */
#define PROBE_MOST_S 86400
/* More questions than one process can ask. */
#define BUDGET_MOST_PER_S   100000
#define BUDGET_MOST_PER_DAY 100000000

/* Beyond a month a ban belongs to the operator's own rules. */
#define BAN_MOST_S (30 * 86400)
/* So many offences of one source within the time are a flood, which the limits end. */
#define OFFENCES_MOST 1000
/* Of a /24. */
#define NEIGHBOURS_MOST 256

/* A list that may change by more may change by anything. */
#define FEED_FACTOR_MOST 1000

#define PORT_LEAST 1
#define PORT_MOST  65535

static const char *const mode_words[] = {"monitor", "enforce", NULL};
static const char *const attach_words[] = {"auto", "native", "generic", NULL};
static const char *const class_words[] = {"mx", "submission", NULL};
static const char *const charge_words[] = {"handshake", "syn", NULL};
static const char *const action_words[] = {"drop", "refuse", "reply", NULL};
static const char *const contact_words[] = {"hold", "watch", "pass", NULL};
static const char *const speak_words[] = {"rcpt", "greeting", NULL};
static const char *const mail_log_words[] = {"auto", "journal", "none", NULL};
static const char *const log_words[] = {"info", "debug", NULL};

#define AT(member)                                                                                 \
	.offset = offsetof(struct conf, member), .size = sizeof(((struct conf *)0)->member)
#define LIST(member, count, max)                                                                   \
	AT(member), .count_offset = offsetof(struct conf, count), .most = (max)
#define TABLE(member, default_, least_)                                                            \
	AT(tables.member), .fallback = (default_), .least = (least_), .most = TABLE_MOST,          \
			   .effect = SCHEMA_NEW_MAPS

static int metrics_check(const char *text, struct err *e)
{
	struct conf_metrics at;

	return metrics_parse(text, &at, e);
}

const struct schema_key schema_keys[] = {
	{"instance", SCHEMA_NAME, AT(instance), .fallback = CONF_INSTANCE_DEFAULT,
	 .effect = SCHEMA_AT_START, .sentence = "Names this gate where several run side by side."},
	{"state_dir", SCHEMA_PATH, AT(state_dir), .fallback = CONF_STATE_DIR,
	 .effect = SCHEMA_AT_START,
	 .sentence = "The rules are kept in a directory of the instance's name in here."},
	{"mode", SCHEMA_WORD, AT(mode), .fallback = "monitor", .words = mode_words,
	 .sentence = "monitor judges and counts, and obeys the operator's own rules alone."},
	{"interfaces", SCHEMA_INTERFACES, LIST(interfaces, interface_count, CONF_INTERFACES_MAX),
	 .fallback = "[]",
	 .sentence = "Where strangers come in. None: those of the default routes."},
	{"attach", SCHEMA_WORD, AT(attach), .fallback = "auto", .words = attach_words,
	 .effect = SCHEMA_NEXT_ATTACH,
	 .sentence = "auto takes the driver's fast path, else the slow one with a warning."},
	{"guard", SCHEMA_PREFIXES, LIST(guard, guard_count, CONF_GUARD_MAX), .fallback = "[]",
	 .sentence = "Destinations that are policed. None: all; on a gateway name the mail hosts."},
	{"ports", SCHEMA_GROUPS, LIST(ports, port_count, CONF_PORTS_MAX), .least = 1,
	 .fallback = "( { port = 25; class = \"mx\"; } )",
	 .takes = "groups such as ( { port = 25; class = \"mx\"; } )", .members = schema_port_keys,
	 .sentence = "The policed ports, each with class, local_port and only if they differ."},
	{"namespaces", SCHEMA_PATHS, LIST(namespaces, namespace_count, CONF_NAMESPACES_MAX),
	 .fallback = "[]",
	 .sentence = "Network namespaces of containers whose connections count, as files."},
	{"never_block", SCHEMA_PREFIXES, LIST(never_block, never_block_count, CONF_NEVER_MAX),
	 .fallback = "[]",
	 .sentence = "Never judged, and refused as a block: your own networks elsewhere."},
	{"trust_spf", SCHEMA_TEXTS, LIST(trust_spf, trust_spf_count, CONF_PROVIDERS_MAX),
	 .fallback = "[]", .takes = "domains such as [\"gmail.com\"]",
	 .sentence = "Providers: what their SPF records name is trusted; limits still hold."},
	{"local_networks", SCHEMA_BOOL, AT(local_networks), .fallback = "true",
	 .sentence = "Private networks that the interfaces stand in are never judged."},
	{"charge", SCHEMA_WORD, AT(charge), .fallback = "handshake", .words = charge_words,
	 .sentence = "What a rate counts. syn, for gateways without sockets, can be forged."},

	{"limits.rate", SCHEMA_RATE, AT(limits.rate), .fallback = "120/1m burst 120",
	 .sentence = "New connections of one source (IPv4 address, IPv6 /64)."},
	{"limits.network_rate", SCHEMA_RATE, AT(limits.network_rate), .fallback = "",
	 .sentence = "New connections of one network (IPv4 /24, IPv6 /48)."},
	{"limits.total_rate", SCHEMA_RATE, AT(limits.total_rate), .fallback = "",
	 .sentence = "New connections of all sources together."},
	{"limits.open", SCHEMA_NUMBER, AT(limits.open), .fallback = "50", .most = OPEN_MOST,
	 .sentence = "Open connections of one source. 0: no limit."},
	{"limits.total_open", SCHEMA_NUMBER, AT(limits.total_open), .fallback = "0",
	 .most = OPEN_MOST,
	 .sentence = "Open connections of all; they stop at four fifths, a fifth is kept. 0: no "
		     "limit."},

	{"first_contact", SCHEMA_WORD, AT(first_contact), .fallback = "hold",
	 .words = contact_words,
	 .sentence =
		 "What strangers meet while lists are asked: a second's wait, a watch, nothing."},
	{"actions.dnsbl", SCHEMA_WORD, AT(actions.dnsbl), .fallback = "reply",
	 .words = action_words,
	 .sentence = "Listed. reply: the responder tells the sender why, three times."},
	{"actions.rate", SCHEMA_WORD, AT(actions.rate), .fallback = "drop", .words = action_words,
	 .sentence = "Over a rate. drop: the repeated SYN comes when the rate allows it again."},
	{"actions.open", SCHEMA_WORD, AT(actions.open), .fallback = "refuse", .words = action_words,
	 .sentence = "Too many open connections. refuse: the sender hears it at once."},

	{"responder.contact", SCHEMA_TEXT, AT(responder.contact), .fallback = "",
	 .sentence = "Told at the end of each refusal: a page or address where one can complain."},
	{"responder.name", SCHEMA_TEXT, AT(responder.name), .fallback = "",
	 .sentence = "Its name in the greeting. None: that of this host."},
	{"responder.certificate", SCHEMA_PATH, AT(responder.certificate), .fallback = "",
	 .sentence = "A certificate (PEM) for STARTTLS. None: plain text only."},
	{"responder.key", SCHEMA_PATH, AT(responder.key), .fallback = "",
	 .sentence = "The certificate's private key (PEM)."},
	{"responder.speak_at", SCHEMA_WORD, AT(responder.speak_at), .fallback = "rcpt",
	 .words = speak_words,
	 .sentence = "When it refuses: rcpt logs sender and recipient, greeting is short."},
	{"responder.connections", SCHEMA_NUMBER, AT(responder.connections), .fallback = "1000",
	 .least = 16, .most = CONNECTIONS_MOST,
	 .sentence = "Of refused senders at once; more wait, and then meet silence."},

	{"budgets.refuse", SCHEMA_NUMBER, AT(budgets.refuse), .fallback = "1000", .least = 1,
	 .most = REFUSE_MOST,
	 .sentence = "Refusals sent per second; beyond it a refused packet is dropped."},
	{"budgets.events", SCHEMA_NUMBER, AT(budgets.events), .fallback = "1000", .least = 1,
	 .most = EVENTS_MOST, .sentence = "Events told per second; all are counted anyhow."},
	{"budgets.event_interval", SCHEMA_DURATION, AT(budgets.event_interval_s), .fallback = "10s",
	 .least = 1, .most = EVENT_INTERVAL_MOST_S,
	 .sentence = "A source's events of one reason are told once in this time."},

	{"resolver", SCHEMA_TEXTS, LIST(resolvers, resolver_count, CONF_RESOLVERS_MAX),
	 .fallback = "[]", .takes = "resolvers such as [\"127.0.0.1:53\"]",
	 .sentence =
		 "Who is asked. None: those of /etc/resolv.conf. Many lists refuse public ones."},

	{"dnsbl.sites", SCHEMA_TEXTS, LIST(dnsbl.sites, dnsbl.site_count, CONF_SITES_MAX),
	 .is_secret = true, .fallback = "[]",
	 .takes = "entries DOMAIN=FILTER*WEIGHT such as [\"zen.spamhaus.org=127.0.0.[2..11]*3\"]",
	 .sentence = "Lists that are asked about strangers, as postscreen_dnsbl_sites has them."},
	{"dnsbl.threshold", SCHEMA_NUMBER, AT(dnsbl.threshold), .fallback = "3", .least = 1,
	 .most = SCORE_MOST, .sentence = "The score at which a stranger is listed."},
	{"dnsbl.timeout", SCHEMA_DURATION, AT(dnsbl.timeout_s), .fallback = "5s", .least = 1,
	 .most = DNS_TIMEOUT_MOST_S, .sentence = "What has not answered by then says nothing."},
	{"dnsbl.listed_min_ttl", SCHEMA_DURATION, AT(dnsbl.listed_min_ttl_s), .fallback = "60s",
	 .least = 1, .most = TTL_MOST_S, .sentence = "A listing is believed at least as long."},
	{"dnsbl.listed_max_ttl", SCHEMA_DURATION, AT(dnsbl.listed_max_ttl_s), .fallback = "1h",
	 .least = 1, .most = TTL_MOST_S, .sentence = "A listing is believed at most as long."},
	{"dnsbl.clean_min_ttl", SCHEMA_DURATION, AT(dnsbl.clean_min_ttl_s), .fallback = "60s",
	 .least = 1, .most = TTL_MOST_S,
	 .sentence = "Who was clean is asked about again after it."},
	{"dnsbl.clean_max_ttl", SCHEMA_DURATION, AT(dnsbl.clean_max_ttl_s), .fallback = "1h",
	 .least = 1, .most = TTL_MOST_S, .sentence = "And after this at the latest."},
	{"dnsbl.probe_every", SCHEMA_DURATION, AT(dnsbl.probe_every_s), .fallback = "5m",
	 .least = 1, .most = PROBE_MOST_S,
	 .sentence = "How often each list is tested: whether it is there, and not mad."},
	{"dnsbl.budget_per_s", SCHEMA_NUMBER, AT(dnsbl.budget_per_s), .fallback = "500", .least = 1,
	 .most = BUDGET_MOST_PER_S,
	 .sentence = "Questions to one zone per second; beyond it strangers pass unasked."},
	{"dnsbl.budget_per_day", SCHEMA_NUMBER, AT(dnsbl.budget_per_day), .fallback = "250000",
	 .least = 1, .most = BUDGET_MOST_PER_DAY,
	 .sentence = "Questions to one zone per day. Free lists allow no more than so many."},
	{"dnsbl.unproven_per_s", SCHEMA_NUMBER, AT(dnsbl.unproven_per_s), .fallback = "50",
	 .least = 1, .most = BUDGET_MOST_PER_S,
	 .sentence = "Of them for SYNs that are held and may be forged; beyond it strangers are "
		     "watched."},
	{"dnsbl.reply_names", SCHEMA_TEXTS,
	 LIST(dnsbl.reply_names, dnsbl.reply_name_count, CONF_SITES_MAX), .is_secret = true,
	 .fallback = "[]",
	 .takes = "pairs DOMAIN=NAME such as [\"key.zen.example.net=zen.example.net\"]",
	 .sentence = "What people see instead of a domain that has a key in it."},
	{"dnsbl.untested", SCHEMA_TEXTS, LIST(dnsbl.untested, dnsbl.untested_count, CONF_SITES_MAX),
	 .is_secret = true, .fallback = "[]", .takes = "domains such as [\"local.example.net\"]",
	 .sentence = "Lists without the test entries 127.0.0.2 and 127.0.0.1 of RFC 5782."},
	{"dnsbl.data", SCHEMA_PATHS, LIST(dnsbl.data, dnsbl.data_count, CONF_DATA_MAX),
	 .fallback = "[]", .takes = "/usr/share/postern/zones.conf",
	 .sentence = "What is known of lists: dead ones, error codes. None: the file that ships."},
	{"dnsbl.abuse_contacts", SCHEMA_TEXT, AT(dnsbl.abuse_contacts),
	 .fallback = "abuse-contacts.abusix.zone",
	 .sentence = "Says whom to complain to, for `postern evidence`. Empty: nobody is asked."},
	{"dnsbl.ask_nonglobal", SCHEMA_BOOL, AT(dnsbl.ask_nonglobal), .fallback = "false",
	 .sentence = "For tests: ask about private and documentation addresses too."},

	{"rdns.none", SCHEMA_NUMBER, AT(rdns.none), .fallback = "0", .most = SCORE_MOST,
	 .sentence = "Added to the score of an address that has no name."},
	{"rdns.mismatch", SCHEMA_NUMBER, AT(rdns.mismatch), .fallback = "0", .most = SCORE_MOST,
	 .sentence = "Added where the name does not lead back to the address."},
	{"rdns.generic", SCHEMA_NUMBER, AT(rdns.generic), .fallback = "0", .most = SCORE_MOST,
	 .sentence = "Added where the name is one that providers give to whole ranges."},
	{"rdns.alone", SCHEMA_BOOL, AT(rdns.alone), .fallback = "false",
	 .sentence = "Whether names alone can make a stranger listed, without any list."},

	{"bans.after", SCHEMA_NUMBER, AT(bans.after), .fallback = "5", .most = OFFENCES_MOST,
	 .sentence = "Offences after which a source is banned. 0: nobody is."},
	{"bans.within", SCHEMA_DURATION, AT(bans.within_s), .fallback = "1h", .least = 1,
	 .most = BAN_MOST_S, .sentence = "In this time they must fall."},
	{"bans.first", SCHEMA_DURATION, AT(bans.first_s), .fallback = "10m", .least = 1,
	 .most = BAN_MOST_S, .sentence = "The first ban; each further one is twice as long."},
	{"bans.longest", SCHEMA_DURATION, AT(bans.longest_s), .fallback = "7d", .least = 1,
	 .most = BAN_MOST_S,
	 .sentence = "No ban is longer; lowered, it ends those in force earlier."},
	{"bans.forget", SCHEMA_DURATION, AT(bans.forget_s), .fallback = "7d", .least = 1,
	 .most = BAN_MOST_S, .sentence = "After so long without an offence all is forgotten."},
	{"bans.neighbours", SCHEMA_NUMBER, AT(bans.neighbours), .fallback = "8",
	 .most = NEIGHBOURS_MOST,
	 .sentence = "Banned sources of one /24 or /48 that make a ban of all of it. 0: never."},

	{"feeds", SCHEMA_GROUPS, LIST(feeds, feed_count, CONF_FEEDS_MAX), .fallback = "( )",
	 .takes = "groups such as ( { name = \"drop\"; file = \"/var/lib/postern/drop_v4.json\"; } "
		  ")",
	 .members = schema_feed_keys,
	 .sentence = "Files of addresses and prefixes, read again whenever they are written."},
	{"feed_shrink", SCHEMA_NUMBER, AT(feed_shrink), .fallback = "2", .most = FEED_FACTOR_MOST,
	 .sentence =
		 "A file with less than a half, a third ... of the entries is held back. 0: none "
		 "is."},
	{"feed_grow", SCHEMA_NUMBER, AT(feed_grow), .fallback = "10", .most = FEED_FACTOR_MOST,
	 .sentence = "A file with more than so many times the entries is held back. 0: none is."},

	{"mail_log", SCHEMA_PATH, AT(mail_log), .fallback = "auto", .words = mail_log_words,
	 .sentence = "Where the mail server says who delivered: auto, journal, none, or a file."},
	{"metrics", SCHEMA_TEXT, AT(metrics), .fallback = "", .check = metrics_check,
	 .sentence = "Where Prometheus may read: 127.0.0.1:PORT, [::1]:PORT or a socket's path."},

	{"tables.rules", SCHEMA_NUMBER, TABLE(rules, "262144", TABLE_LEAST),
	 .sentence = "Room for single addresses that are blocked."},
	{"tables.blocks", SCHEMA_NUMBER, TABLE(blocks, "262144", TABLE_LEAST),
	 .sentence = "Room for blocked prefixes."},
	{"tables.allow", SCHEMA_NUMBER, TABLE(allow, "4096", TABLE_LEAST),
	 .sentence = "Room for allowed and trusted prefixes and for this host's own addresses."},
	{"tables.open", SCHEMA_NUMBER, TABLE(open, "65536", TABLE_LEAST),
	 .sentence = "Room for sources with open connections."},
	{"tables.rates", SCHEMA_NUMBER, TABLE(rates, "131072", TABLE_LRU_LEAST),
	 .sentence = "Room for sources and networks whose rate is measured."},
	{"tables.listed", SCHEMA_NUMBER, TABLE(listed, "65536", TABLE_LEAST),
	 .sentence = "Room for sources found listed."},
	{"tables.known", SCHEMA_NUMBER, TABLE(known, "131072", TABLE_LRU_LEAST),
	 .sentence = "Room for sources found clean."},

	{"log", SCHEMA_WORD, AT(debug), .fallback = "info", .words = log_words,
	 .sentence = "debug tells each step of the controller."},
	{.name = NULL},
};

#define PORT(member)                                                                               \
	.offset = offsetof(struct conf_port, member),                                              \
	.size = sizeof(((struct conf_port *)0)->member)

const struct schema_key schema_port_keys[] = {
	{"port", SCHEMA_NUMBER, PORT(port), .least = PORT_LEAST, .most = PORT_MOST,
	 .sentence = "As it is on the wire. Must be given."},
	{"class", SCHEMA_WORD, PORT(class_), .words = class_words,
	 .sentence = "Default: submission for 465 and 587, mx for others."},
	{"local_port", SCHEMA_NUMBER, PORT(local_port), .least = PORT_LEAST, .most = PORT_MOST,
	 .sentence = "Of the mail server's socket, where a container engine translates."},
	{"only", SCHEMA_PREFIXES, PORT(only),
	 .count_offset = offsetof(struct conf_port, only_count), .most = CONF_ONLY_MAX,
	 .sentence = "Who may connect to it at all. None: everybody."},
	{.name = NULL},
};

#define FEED(member)                                                                               \
	.offset = offsetof(struct conf_feed, member),                                              \
	.size = sizeof(((struct conf_feed *)0)->member)

const struct schema_key schema_feed_keys[] = {
	{"name", SCHEMA_NAME, FEED(name), .sentence = "What it is called here. Must be given."},
	{"file", SCHEMA_PATH, FEED(file), .fallback = "/var/lib/postern/drop_v4.json",
	 .sentence = "Must be given; neither it nor its directory may be writable by others."},
	{"action", SCHEMA_WORD, FEED(action), .words = action_words,
	 .sentence = "What its entries meet. Default: drop."},
	{"always", SCHEMA_BOOL, FEED(always),
	 .sentence = "Obeyed in monitor mode too. Default: false."},
	{.name = NULL},
};

const struct schema_key *schema_find(const struct schema_key *keys, const char *name)
{
	for (const struct schema_key *k = keys; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

const char *schema_effect_name(enum schema_effect effect)
{
	static const char *const names[] = {
		[SCHEMA_AT_RELOAD] = "live",
		[SCHEMA_NEW_MAPS] = "new maps",
		[SCHEMA_NEXT_ATTACH] = "next attach",
		[SCHEMA_AT_START] = "restart",
	};

	return names[effect];
}

size_t schema_group_length(const struct schema_key *k)
{
	const char *dot = strchr(k->name, '.');

	return dot ? (size_t)(dot - k->name) : 0;
}

bool schema_is_group(const char *name)
{
	size_t length = strlen(name);

	for (const struct schema_key *k = schema_keys; k->name; k++)
		if (length && schema_group_length(k) == length &&
		    strncmp(k->name, name, length) == 0)
			return true;
	return false;
}

#define NEAR_MAX 40 /* bytes: longer than any key and a few typing errors */

static unsigned least_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insertions, deletions and substitutions that make b of a. Both are <
 * NEAR_MAX long. */
static unsigned edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned d[NEAR_MAX][NEAR_MAX], differs;

	for (size_t i = 0; i <= a_length; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= b_length; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		for (size_t j = 1; j <= b_length; j++) {
			differs = a[i - 1] != b[j - 1];
			d[i][j] = least_of(d[i - 1][j - 1] + differs,
					   1 + least_of(d[i - 1][j], d[i][j - 1]));
		}
	}
	return d[a_length][b_length];
}

struct nearest {
	const char *unknown;
	size_t length; /* of unknown */
	const char *name;
	size_t name_length;
	unsigned distance;
};

/* Compare with the first length bytes of text; it stands for the first name_length bytes of name.
 */
static void nearest_try(struct nearest *n, const char *text, size_t length, const char *name,
			size_t name_length)
{
	unsigned distance;

	if (length >= NEAR_MAX)
		return;
	distance = edit_distance(n->unknown, n->length, text, length);
	if (distance >= n->distance)
		return;
	n->distance = distance;
	n->name = name;
	n->name_length = name_length;
}

const char *schema_nearest(const struct schema_key *keys, const char *unknown, char *buffer,
			   size_t size)
{
	/* One typing error for each three letters and one more: mx is not near ports. */
	struct nearest n = {.unknown = unknown, .length = strlen(unknown)};
	const char *leaf = strrchr(unknown, '.');

	buffer[0] = '\0';
	if (n.length >= NEAR_MAX)
		return buffer;
	n.distance = (unsigned)(strlen(leaf ? leaf + 1 : unknown) / 3) + 2;
	for (const struct schema_key *k = keys; k->name; k++) {
		size_t group = schema_group_length(k), length = strlen(k->name);

		nearest_try(&n, k->name, length, k->name, length);
		if (group)
			nearest_try(&n, k->name, group, k->name, group);
	}
	/* The right key in the wrong place is nearer than two typing errors. */
	for (const struct schema_key *k = keys; k->name && n.distance > 1; k++) {
		const char *own = k->name + schema_group_length(k);

		own += *own == '.';
		if (strcmp(own, leaf ? leaf + 1 : unknown) == 0)
			n = (struct nearest){.name = k->name, .name_length = strlen(k->name)};
	}
	if (n.name)
		snprintf(buffer, size, "%.*s", (int)n.name_length, n.name);
	return buffer;
}
