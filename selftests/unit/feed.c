/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds: what each format says, line by line; what is refused and by what name; and what comes out of all of it. */
#include "feed/feed.h"
#include "base/when.h"
#include "tap.h"

#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SHOWN_MAX    512

/* The list as one line: "1.2.3.4 10.0.0.0/8". Returns buffer. */
static const char *list_shown(const struct feed_list *l, char buffer[static SHOWN_MAX])
{
	char text[PREFIX_TEXT_MAX];
	size_t at = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < l->host_count && at < SHOWN_MAX; i++)
		at += (size_t)snprintf(buffer + at, SHOWN_MAX - at, "%s%u.%u.%u.%u", at ? " " : "",
				       l->hosts[i] >> 24, l->hosts[i] >> 16 & 255,
				       l->hosts[i] >> 8 & 255, l->hosts[i] & 255);
	for (size_t i = 0; i < l->prefix_count && at < SHOWN_MAX; i++)
		at += (size_t)snprintf(buffer + at, SHOWN_MAX - at, "%s%s", at ? " " : "",
				       prefix_format(&l->prefixes[i], text));
	return buffer;
}

static const struct {
	const char *sentence, *text;
	enum feed_format format;
	const char *list;
	unsigned faults, refused;
} good[] = {
	{"an address a line", "192.0.2.1\n192.0.2.3\n2001:db8::1\n", FEED_LIST,
	 "192.0.2.1 192.0.2.3 2001:db8::1", 0, 0},
	{"without an end of the last line, with carriage returns", "192.0.2.3\r\n192.0.2.1",
	 FEED_LIST, "192.0.2.1 192.0.2.3", 0, 0},
	{"an empty file", "", FEED_LIST, "", 0, 0},
	{"comments alone", "# none\n\n ; today\n// at all\n", FEED_LIST, "", 0, 0},
	{"comments of all kinds behind entries",
	 "192.0.2.1#a\n192.0.2.3 ; SBL1\n192.0.2.5//b\n192.0.2.0/28;x\n192.0.2.64/26 // y\n",
	 FEED_LIST, "192.0.2.0/28 192.0.2.64/26", 0, 0},
	{"more columns, by commas, tabs, bars and blanks",
	 "192.0.2.1,2026,x\n192.0.2.3\t7\n192.0.2.5|x\n192.0.2.7 spam 5\n\"192.0.2.9\",\"x\"\n",
	 FEED_LIST, "192.0.2.1 192.0.2.3 192.0.2.5 192.0.2.7 192.0.2.9", 0, 0},
	{"a heading of columns is one fault", "ip,score\n192.0.2.1,3\n192.0.2.3,4\n", FEED_LIST,
	 "192.0.2.1 192.0.2.3", 1, 0},
	{"ranges become the fewest prefixes", "192.0.2.1-192.0.2.8\n2001:db8::-2001:db8::ff\n",
	 FEED_LIST, "192.0.2.1 192.0.2.8 192.0.2.2/31 192.0.2.4/30 2001:db8::/120", 0, 0},
	{"a range by its last number", "192.0.2.4-7\n", FEED_LIST, "192.0.2.4/30", 0, 0},
	{"a range of one", "192.0.2.4-192.0.2.4\n", FEED_LIST, "192.0.2.4", 0, 0},
	{"what another covers goes, before it and behind it",
	 "192.0.2.7\n192.0.2.0/24\n192.0.2.9\n192.0.2.0/25\n192.0.3.0\n192.0.3.0\n", FEED_LIST,
	 "192.0.3.0 192.0.2.0/24", 0, 0},
	{"neighbours stay as they are", "192.0.2.0\n192.0.2.1\n192.0.2.2/31\n", FEED_LIST,
	 "192.0.2.0 192.0.2.1 192.0.2.2/31", 0, 0},
	{"overlapping ranges are one", "192.0.2.0-192.0.2.5\n192.0.2.4-192.0.2.7\n", FEED_LIST,
	 "192.0.2.0/29", 0, 0},
	{"and never make a prefix that is too short",
	 "2.0.0.0-2.255.255.255\n2.128.0.0-3.255.255.255\n", FEED_LIST, "2.0.0.0/8 3.0.0.0/8", 0,
	 0},
	{"the last address of all", "ffe0::-ffe0::1\nfeff:ffff::/32\n", FEED_LIST, "feff:ffff::/32",
	 0, 1},
	{"one bad line does not lose the list", "192.0.2.1\n192.0.2.256\n", FEED_LIST, "192.0.2.1",
	 1, 0},
	{"nor does one in ten",
	 "192.0.2.1\n192.0.2.3\n192.0.2.5\n192.0.2.7\n192.0.2.9\n192.0.2.11\n192.0.2.13\n"
	 "192.0.2.15\n192.0.2.17\nx\n192.0.2.0/33\n192.0.2.19\n192.0.2.21\n192.0.2.23\n"
	 "192.0.2.25\n192.0.2.27\n192.0.2.29\n192.0.2.31\n192.0.2.33\n192.0.2.35\n",
	 FEED_LIST,
	 "192.0.2.1 192.0.2.3 192.0.2.5 192.0.2.7 192.0.2.9 192.0.2.11 192.0.2.13 192.0.2.15 "
	 "192.0.2.17 192.0.2.19 192.0.2.21 192.0.2.23 192.0.2.25 192.0.2.27 192.0.2.29 192.0.2.31 "
	 "192.0.2.33 192.0.2.35",
	 2, 0},
	{"bits behind the length", "192.0.2.1\n192.0.2.1/24\n", FEED_LIST, "192.0.2.1", 1, 0},
	{"a network and its mask", "192.0.2.1\n192.0.3.0 255.255.255.0\n", FEED_LIST, "192.0.2.1",
	 1, 0},
	{"the two ends of a range as columns", "192.0.2.1\n192.0.3.0\t192.0.3.255\t24\n", FEED_LIST,
	 "192.0.2.1", 1, 0},
	{"a range that ends before it begins", "192.0.2.1\n192.0.2.9-192.0.2.3\n", FEED_LIST,
	 "192.0.2.1", 1, 0},
	{"a range across the families", "192.0.2.1\n192.0.2.9-2001:db8::1\n", FEED_LIST,
	 "192.0.2.1", 1, 0},
	{"octal is none", "192.0.2.1\n192.0.02.3\n", FEED_LIST, "192.0.2.1", 1, 0},
	{"what is too wide is refused", "2.0.0.0/7\n::/15\n2000::/15\n1.0.0.0/8\n2000::/16\n",
	 FEED_LIST, "1.0.0.0/8 2000::/16", 0, 3},
	{"a range that is too wide too", "1.0.0.0-255.255.255.255\n1.0.0.1-5.0.0.0\n192.0.2.1\n",
	 FEED_LIST, "192.0.2.1", 0, 2},
	{"what nobody can be",
	 "0.0.0.0\n0.1.0.0/16\n127.0.0.1\n169.254.0.0/16\n224.0.0.1\n255.255.255.255\n::1\n::/16\n"
	 "fe80::/64\nff02::1\n::ffff:192.0.2.1\n::192.0.2.1\n192.0.2.1\n",
	 FEED_LIST, "192.0.2.1", 0, 12},
	{"private networks may be", "10.0.0.0/8\n192.168.0.0/16\nfc00::/16\n", FEED_LIST,
	 "10.0.0.0/8 192.168.0.0/16 fc00::/16", 0, 0},

	{"Spamhaus",
	 "{\"cidr\":\"192.0.2.0/24\",\"sblid\":\"SBL1\",\"rir\":\"arin\"}\n"
	 "{\"cidr\":\"2001:db8::/32\",\"sblid\":\"SBL2\",\"rir\":\"arin\"}\n"
	 "{\"type\":\"metadata\",\"timestamp\":1,\"size\":99,\"records\":2}\n",
	 FEED_NDJSON, "192.0.2.0/24 2001:db8::/32", 0, 0},
	{"Spamhaus, both families behind one another",
	 "{\"cidr\":\"192.0.2.0/24\",\"sblid\":\"SBL1\"}\n{\"type\":\"metadata\",\"records\":1}\n"
	 "{\"cidr\":\"2001:db8::/32\",\"sblid\":\"SBL2\"}\n{\"type\":\"metadata\",\"records\":1}\n",
	 FEED_NDJSON, "192.0.2.0/24 2001:db8::/32", 0, 0},
	{"another's, which has no last line", "{\"cidr\":\"192.0.2.0/24\"}\n", FEED_NDJSON,
	 "192.0.2.0/24", 0, 0},
	{"a line that was cut", "{\"cidr\":\"192.0.2.0/24\"}\n{\"cidr\":\"19", FEED_NDJSON,
	 "192.0.2.0/24", 1, 0},

	{"ipset save",
	 "create a hash:ip family inet hashsize 1024 maxelem 65536 timeout 300\n"
	 "add a 192.0.2.1 timeout 288\nadd a 192.0.2.3 comment \"nomatch, for now\"\n"
	 "create b hash:net family inet6\nadd b 2001:db8::/32\nadd b 2001:db8:1::/48 nomatch\n",
	 FEED_IPSET,
	 "192.0.2.1 192.0.2.3 2001:db8::/48 2001:db8:2::/47 2001:db8:4::/46 2001:db8:8::/45 "
	 "2001:db8:10::/44 2001:db8:20::/43 2001:db8:40::/42 2001:db8:80::/41 2001:db8:100::/40 "
	 "2001:db8:200::/39 2001:db8:400::/38 2001:db8:800::/37 2001:db8:1000::/36 "
	 "2001:db8:2000::/35 2001:db8:4000::/34 2001:db8:8000::/33",
	 0, 0},
	{"ipset's additions alone", "add a 192.0.2.1\nadd a 192.0.2.4-192.0.2.7\n", FEED_IPSET,
	 "192.0.2.1 192.0.2.4/30", 0, 0},

	{"nft list set",
	 "table inet filter {\n\tset bad {\n\t\ttype ipv4_addr\n\t\tflags interval,timeout\n"
	 "\t\telements = { 192.0.2.1, 192.0.2.4-192.0.2.7 timeout 1h expires 59m,\n"
	 "\t\t\t     198.51.100.0/24 comment \"a, b } c\", 203.0.113.9 counter packets 0 bytes 0 "
	 "}\n\t}\n}\n",
	 FEED_NFT, "192.0.2.1 203.0.113.9 192.0.2.4/30 198.51.100.0/24", 0, 0},
	{"a ruleset with a set of ports, a map and a chain",
	 "table ip a {\n set p {\n type inet_service\n elements = { 25, 587 }\n }\n"
	 " map m {\n type ipv4_addr : verdict\n elements = { 192.0.2.9 : drop }\n }\n"
	 " set s { type ipv4_addr; elements = { 192.0.2.1 } }\n"
	 " chain c {\n ip saddr 192.0.2.77 drop\n ip daddr { 192.0.2.78, 192.0.2.79 } drop\n "
	 "}\n}\n",
	 FEED_NFT, "192.0.2.1", 0, 0},
	{"a script of nft's, all on one line",
	 "#!/usr/sbin/nft -f\nflush set inet f s\nadd element inet f s { 2001:db8::1, 192.0.2.1 "
	 "}\n",
	 FEED_NFT, "192.0.2.1 2001:db8::1", 0, 0},
	{"our own export, with its exceptions",
	 "table inet postern {\n set allowed4 {\n type ipv4_addr\n }\n}\nflush set inet postern "
	 "allowed4\nadd element inet postern blocked4 {\n 192.0.2.0/31 timeout 60s comment \"drop, "
	 "origin operator\",\n 192.0.2.8\n}\nadd element inet postern allowed4 {\n 192.0.2.1 "
	 "comment "
	 "\"allow\"\n}\nadd element inet postern blocked6 {\n 2001:db8::/127\n}\nadd element inet "
	 "postern allowed6 { 2001:db8::1 }\n",
	 FEED_NFT, "192.0.2.0 192.0.2.8 2001:db8::", 0, 0},
	{"our own export, as nft list ruleset prints it when it is loaded",
	 "table inet postern {\n"
	 "\tset blocked4 {\n"
	 "\t\ttype ipv4_addr\n"
	 "\t\tflags interval,timeout\n"
	 "\t\telements = { 192.0.2.0/30 timeout 1m expires 59s976ms comment \"drop, origin "
	 "operator\", 192.0.2.8 }\n"
	 "\t}\n"
	 "\n"
	 "\tset blocked6 {\n"
	 "\t\ttype ipv6_addr\n"
	 "\t\tflags interval,timeout\n"
	 "\t\telements = { 2001:db8::/127 }\n"
	 "\t}\n"
	 "\n"
	 "\tset allowed4 {\n"
	 "\t\ttype ipv4_addr\n"
	 "\t\tflags interval,timeout\n"
	 "\t\telements = { 192.0.2.1 comment \"allow\" }\n"
	 "\t}\n"
	 "\n"
	 "\tset allowed6 {\n"
	 "\t\ttype ipv6_addr\n"
	 "\t\tflags interval,timeout\n"
	 "\t\telements = { 2001:db8::1 }\n"
	 "\t}\n"
	 "}\n"
	 "table inet mine {\n"
	 "\tset allowed4 {\n"
	 "\t\ttype ipv4_addr\n"
	 "\t\telements = { 198.51.100.1 }\n"
	 "\t}\n"
	 "}\n",
	 FEED_NFT, "192.0.2.0 192.0.2.8 198.51.100.1 192.0.2.2/31 2001:db8::", 0, 0},
	{"a set of that name of somebody else", "add element inet mine allowed4 { 192.0.2.1 }\n",
	 FEED_NFT, "192.0.2.1", 0, 0},
	{"elements added behind a set of ports",
	 "table ip t {\n set p {\n type inet_service\n }\n chain c {\n type filter hook input "
	 "priority 0\n }\n}\nadd element ip t s { 192.0.2.1 }\n",
	 FEED_NFT, "192.0.2.1", 0, 0},
	{"a table that is made anew",
	 "delete table ip t\ntable ip t {\n set s {\n type ipv4_addr\n elements = { 192.0.2.1 "
	 "}\n }\n}\n",
	 FEED_NFT, "192.0.2.1", 0, 0},
	{"an empty set", "table inet f {\n set s {\n type ipv4_addr\n }\n}\n", FEED_NFT, "", 0, 0},
	{"a concatenation is a fault",
	 "table inet f {\n set s {\n typeof ip saddr . tcp dport\n"
	 " elements = { 192.0.2.1 . 25 }\n }\n}\n",
	 FEED_NFT, "", 1, 0},

	{"a zone file",
	 "$TTL 3600\n$SOA 3600 ns.example. a.example. 1 1 1 1 1\n$NS 3600 ns.example.\n"
	 ":127.0.0.2:Listed, see http://x/$\n192.0.2.1\n192.0.2.4-7\n198.51.100\n"
	 "203.0.113/25 :3:text\n!198.51.100.128/25\n! 192.0.2.5\n",
	 FEED_RBLDNSD, "192.0.2.1 192.0.2.4 192.0.2.6/31 198.51.100.0/25 203.0.113.0/25", 0, 0},
	{"a zone file with its test entries",
	 "$DATASET ip4trie @\n:127.0.0.2:Listed\n127.0.0.2 :127.0.0.2:Test\n!127.0.0.1\n192.0.2.1\n"
	 "$DATASET ip6trie @\n::ffff:7f00:2 :127.0.0.2:Test\n::FFFF:127.0.0.1\n127.0.0.3\n",
	 FEED_RBLDNSD, "192.0.2.1", 0, 1},
	{"a zone file that begins like a list", "192.0.2.1\n192.0.2.3 text\n!192.0.2.3\n",
	 FEED_RBLDNSD, "192.0.2.1", 0, 0},
	{"short ranges", "$NS 1 a\n10.1.2-3\n10.2-10.3\n10.4/16\n", FEED_RBLDNSD,
	 "10.1.2.0/23 10.2.0.0/15 10.4.0.0/16", 0, 0},
	{"short faults", "$NS 1 a\n10.1.300\n", FEED_RBLDNSD, "", 1, 0},
	{"IPv6",
	 "$NS 1 a\n2001:db8::/32\n!2001:db8:0:0:8000::/65\n!2001:db8:1::/48\n"
	 "!2001:db8:2::/47\n!2001:db8:4::/46\n!2001:db8:8::/45\n!2001:db8:10::/44\n"
	 "!2001:db8:20::/43\n!2001:db8:40::/42\n!2001:db8:80::/41\n!2001:db8:100::/40\n"
	 "!2001:db8:200::/39\n!2001:db8:400::/38\n!2001:db8:800::/37\n!2001:db8:1000::/36\n"
	 "!2001:db8:2000::/35\n!2001:db8:4000::/34\n!2001:db8:8000::/33\n",
	 FEED_RBLDNSD,
	 "2001:db8::/65 2001:db8:0:1::/64 2001:db8:0:2::/63 2001:db8:0:4::/62 2001:db8:0:8::/61 "
	 "2001:db8:0:10::/60 2001:db8:0:20::/59 2001:db8:0:40::/58 2001:db8:0:80::/57 "
	 "2001:db8:0:100::/56 2001:db8:0:200::/55 2001:db8:0:400::/54 2001:db8:0:800::/53 "
	 "2001:db8:0:1000::/52 2001:db8:0:2000::/51 2001:db8:0:4000::/50 2001:db8:0:8000::/49",
	 0, 0},
	{"a combined file", "$DATASET ip4set:bl a\n192.0.2.1\n", FEED_RBLDNSD, "192.0.2.1", 0, 0},
};

TEST(feeds_are_read_by_their_form)
{
	for (size_t i = 0; i < COUNT(good); i++) {
		struct feed_list l = {0};
		char shown[SHOWN_MAX];
		struct err e = {0};

		if (!EXPECT(feed_read(good[i].text, strlen(good[i].text), &l, &e) == 0, "%s: %s",
			    good[i].sentence, e.text))
			continue;
		EXPECT(strcmp(list_shown(&l, shown), good[i].list) == 0, "%s: %s", good[i].sentence,
		       shown);
		EXPECT(l.report.format == good[i].format, "%s: it was taken for %s",
		       good[i].sentence, feed_format_name(l.report.format));
		EXPECT(l.report.faults == good[i].faults && l.report.refused == good[i].refused,
		       "%s: %u faults, %u refused", good[i].sentence, l.report.faults,
		       l.report.refused);
		feed_list_free(&l);
	}
}

TEST(feeds_that_are_none_are_refused_by_name)
{
	static const struct {
		const char *sentence, *text, *says;
	} rows[] = {
		{"an error page", "<!DOCTYPE html>\n<p>429",
		 "line 1 begins with '<': this is a web"},
		{"a text", "\nHello.\nThis is\nno list\nof anything\n",
		 "line 2 begins no list of addresses that is known: 'Hello.'"},
		{"what a terminal would obey", "\x1b[2Jx\n", "'\\x1b[2Jx'"},
		{"domain names", "$NS 1 a\n.example.com\n", "line 2 is a domain name: a dnset"},
		{"a set of domain names", "$DATASET dnset:bl a\n", "no addresses: 'dnset:bl a'"},
		{"two in five lines", "192.0.2.1\nx\n192.0.2.1\ny\n192.0.2.3\n",
		 "2 of 5 lines cannot be read, which is too many for a plain list: line 2, 'x'"},
		{"an ipset behind a list", "192.0.2.1\nadd a 192.0.2.3\n",
		 "line 2 is of ipset save, but the file began as a plain list"},
		{"JSON behind a list", "192.0.2.1\n{\"cidr\":\"192.0.2.3\"}\n",
		 "line 2 is of JSON Lines"},
		{"a list behind JSON", "{\"cidr\":\"192.0.2.3\"}\n192.0.2.1\n",
		 "line 2 is of a plain list, but the file began as JSON Lines"},
		{"a list behind an ipset", "add a 192.0.2.1\n192.0.2.3\n",
		 "line 2 is of a plain list"},
		{"fewer records than it says",
		 "{\"cidr\":\"192.0.2.3\"}\n{\"type\":\"metadata\",\"records\":2}\n",
		 "line 2 says that there are 2 records"},
		{"Spamhaus', without its last line",
		 "{\"cidr\":\"192.0.2.0/24\",\"sblid\":\"SBL1\"}\n{\"cidr\":\"19",
		 "line 2 is the last, and Spamhaus' lists end with one of metadata"},
		{"two of Spamhaus', of which the second was cut",
		 "{\"cidr\":\"192.0.2.0/"
		 "24\",\"sblid\":\"SBL1\"}\n{\"type\":\"metadata\",\"records\":1}\n"
		 "{\"cidr\":\"2001:db8::/32\",\"sblid\":\"SBL2\"}\n",
		 "line 3 is the last"},
		{"autonomous systems", "{\"asn\":64496}\n", "an autonomous system"},
		{"nftables' JSON", "{\"nftables\":[]}\n", "without -j"},
		{"a set of ports", "create a bitmap:port range 0-10\n", "type 'bitmap:port'"},
		{"a set of addresses and ports", "add a 192.0.2.1,tcp:25\n",
		 "more than an address"},
		{"a set with a netmask", "create a hash:ip netmask 24\nadd a 192.0.2.0\n",
		 "line 1 makes a set with a netmask"},
		{"elements taken out",
		 "add element ip t s { 192.0.2.1 }\ndelete element ip t s { 192.0.2.1 }\n",
		 "line 2 takes elements out"},
		{"half of a ruleset", "table ip a {\n set s {\n", "the file is not whole"},
		{"half of a set",
		 "table ip a {\n set s {\n type ipv4_addr\n elements = { 192.0.2.1,",
		 "the file is not whole"},
		{"a brace too many", "table ip a { } }\n", "nobody opened"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct feed_list l = {0};
		struct err e = {0};

		EXPECT(feed_read(rows[i].text, strlen(rows[i].text), &l, &e) == -EBADMSG &&
			       strstr(e.text, rows[i].says),
		       "%s: %s", rows[i].sentence, e.text);
		feed_list_free(&l);
	}
}

TEST(feeds_with_hostile_bytes)
{
	static char text[200 << 10];
	struct feed_list l = {0};
	struct err e = {0};

	EXPECT(feed_read("192.0.2.1\n192.0\0.2.2\n", 21, &l, &e) == -EBADMSG &&
		       strstr(e.text, "line 2 has a zero byte"),
	       "%s", e.text);
	memset(text, 'a', sizeof(text));
	memcpy(text, "192.0.2.1\n", 10);
	ENSURE(feed_read(text, sizeof(text), &l, &e) == 0, "an endless line: %s", e.text);
	EXPECT(l.host_count == 1 && l.report.faults == 1 &&
		       strlen(l.report.note[0].text) < FEED_NOTE_TEXT_MAX,
	       "is one fault");
	feed_list_free(&l);
	memset(text, '{', sizeof(text));
	EXPECT(feed_read(text, sizeof(text), &l, &e) == 0 && !l.host_count, "an endless nesting");
	feed_list_free(&l);
	memset(text, '\n', sizeof(text));
	EXPECT(feed_read(text, sizeof(text), &l, &e) == 0, "nothing but lines");
	feed_list_free(&l);
}

TEST(feeds_tell_the_first_lines_that_will_not_do)
{
	struct feed_list l = {0};
	struct err e = {0};
	char text[1024] = "";

	for (int i = 0; i < 20; i++)
		strcat(text, "127.0.0.1\n");
	strcat(text, "192.0.2.1\n192.0.2.\n");
	ENSURE(feed_read(text, strlen(text), &l, &e) == 0, "%s", e.text);
	EXPECT(l.report.note_count == FEED_NOTES_MAX && l.report.refused == 20 &&
		       l.report.faults == 1 && l.report.entries == 1,
	       "counted are all");
	EXPECT(l.report.note[3].line == 4 &&
		       !strcmp(l.report.note[3].text, "'127.0.0.1' is loopback"),
	       "%s", l.report.note[3].text);
	feed_list_free(&l);
}

/* Numbers that are spread, and the same in each run. */
static uint32_t spread(uint32_t n)
{
	return (n * 2654435761U) % 0xb0000000U + 0x0b000000U;
}

TEST(feeds_of_a_million_are_read_in_order)
{
	enum { MANY = 1000000, LINE = 17 };
	char *text = malloc(MANY * LINE);
	struct feed_list l = {0};
	struct err e = {0};
	bool sorted = true;
	uint64_t start;
	size_t at = 0;

	ENSURE(text, "memory");
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t a = spread(i);

		if (a >> 24 == 127 || a >> 16 == 0xa9fe)
			a = 0x0a000000U + i;
		at += (size_t)sprintf(text + at, "%u.%u.%u.%u\n", a >> 24, a >> 16 & 255,
				      a >> 8 & 255, a & 255);
	}
	start = now_monotonic_ns();
	ENSURE(feed_read(text, at, &l, &e) == 0, "%s", e.text);
	printf("# %u lines in %llu ms\n", MANY,
	       (unsigned long long)((now_monotonic_ns() - start) / 1000000));
	for (size_t i = 1; i < l.host_count; i++)
		sorted = sorted && l.hosts[i - 1] < l.hosts[i];
	EXPECT(sorted && l.host_count + l.report.doubles == MANY && !l.prefix_count,
	       "%zu hosts, %u doubles", l.host_count, l.report.doubles);
	feed_list_free(&l);
	free(text);
}
