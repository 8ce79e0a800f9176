/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `ipset save` writes (ipset(8)): "create SET TYPE ...", "add SET ENTRY ...". Sets of addresses and of networks are read, several in one
 * file as one; "nomatch" takes an entry out. What is more than an address (ports, interfaces, marks) is refused by its type, since
 * half of such an entry would block more than it says. Timeouts are not kept: the file is read again when it is written.
 */
#include "feed/reader.h"

#include <string.h>

static bool ipset_fits(struct excerpt line)
{
	struct excerpt rest = line, verb = excerpt_word(&rest);

	if (excerpt_is(verb, "create"))
		return true;
	/* nftables has an "add" too, of a kind of object. */
	return excerpt_is(verb, "add") && !excerpt_starts(rest, "element ") &&
	       !excerpt_starts(rest, "table ") && !excerpt_starts(rest, "set ");
}

static int create_read(struct feed_reader *r, struct excerpt rest)
{
	static const char *const taken[] = {"hash:ip", "hash:net", "bitmap:ip"};
	char shown[EXCERPT_SHOWN_MAX];
	struct excerpt type, word;

	(void)excerpt_word(&rest);
	type = excerpt_word(&rest);
	/* Its entries stand for networks that they do not name. */
	while ((word = excerpt_word(&rest)).length)
		if (excerpt_is(word, "netmask") || excerpt_is(word, "bitmask"))
			return feed_refuse(r,
					   "makes a set with a %s, whose entries are more than "
					   "they say",
					   excerpt_is(word, "netmask") ? "netmask" : "bitmask");
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (excerpt_is(type, taken[i]))
			return 0;
	return feed_refuse(r,
			   "makes a set of the type '%s': hash:ip, hash:net and bitmap:ip are "
			   "read",
			   excerpt_shown(type, shown));
}

static int ipset_line(struct feed_reader *r, struct excerpt line)
{
	struct excerpt rest = line, verb = excerpt_word(&rest), entry, word;
	bool excluded = false;

	if (excerpt_is(verb, "create"))
		return create_read(r, rest);
	if (!excerpt_is(verb, "add"))
		return feed_fault(r, line, "is neither create nor add");
	(void)excerpt_word(&rest);
	entry = excerpt_word(&rest);
	if (!entry.length)
		return feed_fault(r, line, "adds nothing");
	if (memchr(entry.at, ',', entry.length))
		return feed_refuse(r, "adds more than an address: hash:ip, hash:net and bitmap:ip "
				      "are read");
	while ((word = excerpt_word(&rest)).length && !excerpt_is(word, "comment"))
		excluded = excluded || excerpt_is(word, "nomatch");
	return excluded ? feed_exclude(r, entry) : feed_take(r, entry);
}

const struct feed_reading ipset_reading = {
	.name = "ipset",
	.title = "ipset save",
	.fits = ipset_fits,
	.line = ipset_line,
};
