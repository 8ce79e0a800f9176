/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spamhaus DROP as JSON Lines: {"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"ripencc"} a line, and a last one of "type":"metadata" that says
 * how many "records" there are. That line is the only sign that a download came to its end, so Spamhaus' records (they alone have an
 * "sblid") are not taken without it. Others' lines need none. Two such lists may stand one behind the other, for IPv4 and IPv6.
 */
#include <string.h>

#include "base/json.h"
#include "feed/reader.h"

static bool ndjson_fits(struct excerpt line)
{
	return *line.at == '{';
}

static int metadata_read(struct feed_reader *r, const json_t *object)
{
	const json_t *records = json_object_get(object, "records");
	uint64_t seen = r->seen - r->seen_before;

	r->seen_before = r->seen;
	r->lacks_end = false;
	if (records && (uint64_t)json_integer_value(records) != seen)
		return feed_refuse(
			r,
			"says that there are %lld records, but before it stand %llu: the "
			"file is not whole",
			(long long)json_integer_value(records), (unsigned long long)seen);
	return 0;
}

static int object_read(struct feed_reader *r, struct excerpt line, const json_t *object)
{
	const json_t *cidr = json_object_get(object, "cidr");
	const char *type = json_string_value(json_object_get(object, "type"));

	if (json_object_get(object, "sblid"))
		r->lacks_end = true;
	if (json_is_string(cidr))
		return feed_take(r, (struct excerpt){.at = json_string_value(cidr),
						     .length = json_string_length(cidr)});
	if (type && strcmp(type, "metadata") == 0)
		return metadata_read(r, object);
	if (json_object_get(object, "asn"))
		return feed_refuse(r, "has the number of an autonomous system: this is a list of "
				      "networks' owners, not of addresses");
	if (json_object_get(object, "nftables"))
		return feed_refuse(r, "is nftables' JSON: write the set with `nft list set` "
				      "without -j");
	return feed_fault(r, line, "has no \"cidr\"");
}

static int ndjson_line(struct feed_reader *r, struct excerpt line)
{
	json_t *object = json_loadb(line.at, line.length, JSON_REJECT_DUPLICATES, NULL);
	int ret = json_is_object(object) ? object_read(r, line, object)
					 : feed_fault(r, line, "is no JSON object");

	json_decref(object);
	return ret;
}

static int ndjson_end(struct feed_reader *r)
{
	if (r->lacks_end)
		return feed_refuse(r,
				   "is the last, and Spamhaus' lists end with one of metadata: the "
				   "file is not whole");
	return 0;
}

const struct feed_reading ndjson_reading = {
	.name = "ndjson",
	.title = "JSON Lines",
	.fits = ndjson_fits,
	.line = ndjson_line,
	.end = ndjson_end,
};
