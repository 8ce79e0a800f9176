/* SPDX-License-Identifier: BSD-2-Clause */
/* A list as bytes: see image.h. All walks over a list are linear or binary: a million entries are checked in a few milliseconds. */
#include "feed/image.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"

#define SITE_BITS 48 /* RFC 6177, 1: what a site with many networks has */

static const char magic[8] = "pnfeed1"; /* another layout is another number */

/* ---- writing ---- */

static int bytes_write(int fd, const void *bytes, size_t length, struct err *e)
{
	const char *at = bytes;
	ssize_t n;

	while (length) {
		n = write(fd, at, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n ? -errno : -EIO, "the list cannot be written: %s",
				       strerror(n ? errno : EIO));
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

int image_write(int fd, const struct feed_list *l, size_t *length, struct err *e)
{
	struct image_head head = {.host_count = (uint32_t)l->host_count,
				  .prefix_count = (uint32_t)l->prefix_count,
				  .report = l->report};
	size_t hosts = l->host_count * sizeof(*l->hosts);
	size_t prefixes = l->prefix_count * sizeof(*l->prefixes);
	int ret;

	memcpy(head.magic, magic, sizeof(magic));
	ret = bytes_write(fd, &head, sizeof(head), e);
	if (ret == 0)
		ret = bytes_write(fd, l->hosts, hosts, e);
	if (ret == 0)
		ret = bytes_write(fd, l->prefixes, prefixes, e);
	*length = sizeof(head) + hosts + prefixes;
	return ret;
}

/* ---- checking ---- */

static const char *check_report(const struct feed_report *r)
{
	if (r->format >= FEED_FORMATS || r->note_count > FEED_NOTES_MAX)
		return "its report is none";
	for (uint32_t i = 0; i < r->note_count; i++)
		if (!text_is_plain(r->note[i].text, sizeof(r->note[i].text)))
			return "a text of its report is not ended, or not printable";
	return NULL;
}

int image_compare_prefixes(const struct prefix *a, const struct prefix *b)
{
	int order = memcmp(a->addr.byte, b->addr.byte, sizeof(a->addr.byte));

	return order ? order : (int)a->bits - (int)b->bits;
}

static const char *check_prefix(const struct prefix *p)
{
	struct prefix cut = prefix_of(&p->addr, p->bits);
	bool is_v4 = addr_is_v4(&p->addr);

	if (p->bits > ADDR_BITS || !prefix_equal(&cut, p))
		return "a prefix has bits behind its length";
	if (p->bits < (is_v4 ? FEED_V4_BITS_LEAST : FEED_V6_BITS_LEAST))
		return "a prefix is too short";
	if (is_v4 && p->bits == ADDR_BITS)
		return "a single address stands among the prefixes";
	return NULL;
}

static const char *check_entries(const struct image *i)
{
	const char *wrong = NULL;

	for (size_t h = 1; h < i->host_count; h++)
		if (i->hosts[h] <= i->hosts[h - 1])
			return "its addresses are not in order";
	for (size_t p = 0; p < i->prefix_count && !wrong; p++) {
		wrong = check_prefix(&i->prefixes[p]);
		if (!wrong && p &&
		    (image_compare_prefixes(&i->prefixes[p - 1], &i->prefixes[p]) >= 0 ||
		     prefix_has(&i->prefixes[p - 1], &i->prefixes[p].addr)))
			wrong = "its prefixes are not in order, or one covers another";
	}
	return wrong;
}

int image_check(const void *bytes, size_t length, struct image *out, struct err *e)
{
	const struct image_head *head = bytes;
	const char *wrong = NULL;
	struct image i;

	if (length < sizeof(*head) || memcmp(head->magic, magic, sizeof(magic)) != 0)
		return err_set(e, -EBADMSG, "these bytes are no list");
	if (head->host_count > FEED_HOSTS_MAX || head->prefix_count > FEED_PREFIXES_MAX ||
	    length != sizeof(*head) + head->host_count * sizeof(uint32_t) +
			      head->prefix_count * sizeof(struct prefix))
		return err_set(e, -EBADMSG, "the list has another length than it says");
	i = (struct image){.report = &head->report,
			   .hosts = (const void *)(head + 1),
			   .host_count = head->host_count,
			   .prefix_count = head->prefix_count};
	i.prefixes = (const void *)(i.hosts + i.host_count);
	wrong = check_report(i.report);
	if (!wrong)
		wrong = check_entries(&i);
	if (wrong)
		return err_set(e, -EBADMSG, "the list will not do: %s", wrong);
	*out = i;
	return 0;
}

/* As FNV-1a, but a word at a time, since a list has megabytes. */
uint64_t image_number_add(uint64_t number, const void *bytes, size_t length)
{
	const char *at = bytes;
	uint64_t word = 0;

	for (; length; at += sizeof(word), word = 0) {
		size_t n = length < sizeof(word) ? length : sizeof(word);

		memcpy(&word, at, n);
		length -= n;
		number = (number ^ word) * HASH_PRIME;
		number ^= number >> 32;
	}
	return number;
}

uint64_t image_number(const struct image *i)
{
	const uint64_t counts[] = {i->host_count, i->prefix_count};
	uint64_t number = image_number_add(HASH_START, counts, sizeof(counts));

	number = image_number_add(number, i->hosts, i->host_count * sizeof(*i->hosts));
	return image_number_add(number, i->prefixes, i->prefix_count * sizeof(*i->prefixes));
}

/* ---- looking ---- */

size_t image_find_host(const struct image *i, uint32_t addr)
{
	size_t low = 0, high = i->host_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (i->hosts[middle] < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t image_find_prefix(const struct image *i, const struct prefix *p)
{
	size_t low = 0, high = i->prefix_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image_compare_prefixes(&i->prefixes[middle], p) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t v4_of(const struct addr *a)
{
	const uint8_t *b = a->byte + ADDR_V4_LEAD_BITS / 8;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

bool image_has(const struct image *i, const struct addr *a, struct prefix *which)
{
	const struct prefix host = {.addr = *a, .bits = ADDR_BITS};
	struct prefix unused;
	size_t at;

	which = which ? which : &unused;
	*which = host;
	if (addr_is_v4(a)) {
		at = image_find_host(i, v4_of(a));
		if (at < i->host_count && i->hosts[at] == v4_of(a))
			return true;
	}
	/* None covers another, so it can only be the last that begins at or before it. */
	at = image_find_prefix(i, &host);
	if (at < i->prefix_count && prefix_equal(&i->prefixes[at], &host))
		return true;
	if (!at || !prefix_has(&i->prefixes[at - 1], a))
		return false;
	*which = i->prefixes[at - 1];
	return true;
}

uint64_t image_count_v4(const struct image *i)
{
	uint64_t count = i->host_count;

	for (size_t p = 0; p < i->prefix_count; p++)
		if (prefix_is_v4(&i->prefixes[p]))
			count += 1ULL << (ADDR_BITS - i->prefixes[p].bits);
	return count;
}

uint64_t image_count_v6(const struct image *i)
{
	uint64_t count = 0;

	for (size_t p = 0; p < i->prefix_count; p++)
		if (!prefix_is_v4(&i->prefixes[p]) && i->prefixes[p].bits <= SITE_BITS)
			count += 1ULL << (SITE_BITS - i->prefixes[p].bits);
	return count;
}

uint64_t image_count_new(const struct image *a, const struct image *b)
{
	uint64_t count = 0;
	size_t at = 0;

	for (size_t i = 0; i < a->host_count; i++) {
		while (at < b->host_count && b->hosts[at] < a->hosts[i])
			at++;
		count += at == b->host_count || b->hosts[at] != a->hosts[i];
	}
	at = 0;
	for (size_t i = 0; i < a->prefix_count; i++) {
		int order = -1;

		while (at < b->prefix_count &&
		       (order = image_compare_prefixes(&b->prefixes[at], &a->prefixes[i])) < 0)
			at++;
		count += at == b->prefix_count || order != 0;
	}
	return count;
}
