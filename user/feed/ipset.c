/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `ipset save` writes (ipset(8)): "create SET TYPE ...", "add SET ENTRY ...". Sets of addresses and of networks are read, several in one
 * file as one; "nomatch" takes an entry out. What is more than an address (ports, interfaces, marks) is refused by its type, since
 * half of such an entry would block more than it says. Timeouts are not kept: the file is read again when it is written.
 */
#include "feed/reader.h"

#include <string.h>

static bool ipset_fits(struct piece line)
{
	struct piece rest = line, verb = piece_word(&rest);

	if (piece_is(verb, "create"))
		return true;
	/* nftables has an "add" too, of a kind of object. */
	return piece_is(verb, "add") && !piece_starts(rest, "element ") &&
	       !piece_starts(rest, "table ") && !piece_starts(rest, "set ");
}

static int create_read(struct feed_reader *r, struct piece rest)
{
	static const char *const taken[] = {"hash:ip", "hash:net", "bitmap:ip"};
	char shown[PIECE_SHOWN_MAX];
	struct piece type, word;

	(void)piece_word(&rest);
	type = piece_word(&rest);
	/* Its entries stand for networks that they do not name. */
	while ((word = piece_word(&rest)).length)
		if (piece_is(word, "netmask") || piece_is(word, "bitmask"))
			return feed_refuse(r,
					   "makes a set with a %s, whose entries are more than "
					   "they say",
					   piece_is(word, "netmask") ? "netmask" : "bitmask");
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (piece_is(type, taken[i]))
			return 0;
	return feed_refuse(r,
			   "makes a set of the type '%s': hash:ip, hash:net and bitmap:ip are "
			   "read",
			   piece_shown(type, shown));
}

static int ipset_line(struct feed_reader *r, struct piece line)
{
	struct piece rest = line, verb = piece_word(&rest), entry, word;
	bool excluded = false;

	if (piece_is(verb, "create"))
		return create_read(r, rest);
	if (!piece_is(verb, "add"))
		return feed_fault(r, line, "is neither create nor add");
	(void)piece_word(&rest);
	entry = piece_word(&rest);
	if (!entry.length)
		return feed_fault(r, line, "adds nothing");
	if (memchr(entry.at, ',', entry.length))
		return feed_refuse(r, "adds more than an address: hash:ip, hash:net and bitmap:ip "
				      "are read");
	while ((word = piece_word(&rest)).length && !piece_is(word, "comment"))
		excluded = excluded || piece_is(word, "nomatch");
	return excluded ? feed_exclude(r, entry) : feed_take(r, entry);
}

const struct feed_reading ipset_reading = {
	.name = "ipset",
	.title = "ipset save",
	.fits = ipset_fits,
	.line = ipset_line,
};
