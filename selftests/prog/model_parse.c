/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference's reading of a frame: see model.h. Bytes behind `end` do not exist, and TCP has
 * none behind where the IP header says that the packet ends. A length of 0 means "to the end of the
 * frame": so the kernel itself writes packets above 64 KiB (BIG TCP), and it answers a SYN behind a
 * hop-by-hop header whose payload length is 0.
 */
#include "model.h"

#include <string.h>

#define TAGS_READ	4  /* VLAN tags behind which a packet is judged as usual */
#define HEADERS_READ	48 /* extension headers that it follows */
#define TCP_HEADER	20
#define TCP_PORTS	4 /* bytes that hold both ports */
#define IPV4_HEADER	20
#define IPV6_HEADER	40
#define OFFSET_MASK_V4	0x1fff
#define MORE_V4		0x2000
#define EXT_HOP_BY_HOP	0
#define EXT_ROUTING	43
#define EXT_FRAGMENT	44
#define EXT_AH		51
#define EXT_DESTINATION 60

struct view {
	const uint8_t *bytes;
	size_t at, end;
	size_t said; /* where the IP packet ends by its own word, which a cut frame does not keep */
	bool is_unsaid;
};

static bool is_tag(uint16_t type)
{
	return type == TPID_8021Q || type == TPID_8021AD;
}

static size_t left(const struct view *v)
{
	return v->at < v->end ? v->end - v->at : 0;
}

/* At the TCP header. */
static void read_tcp(struct seen *seen, struct view *v)
{
	const uint8_t *h = v->bytes + v->at;
	size_t length;

	if (v->said < v->end)
		v->end = v->said;
	if (left(v) >= TCP_PORTS) {
		seen->port_read = true;
		seen->port = get16(h + 2);
	}
	if (left(v) < TCP_HEADER) {
		seen->shape = seen->fragment ? SHAPE_TINY : SHAPE_UNREADABLE;
		return;
	}
	length = (size_t)(h[12] >> 4) * 4;
	if (length < TCP_HEADER) {
		seen->shape = SHAPE_UNREADABLE;
		return;
	}
	seen->shape = (h[13] & TCP_SYN) && !(h[13] & TCP_ACK) ? SHAPE_SYN : SHAPE_FLOW;
	seen->l4 = v->at;
	seen->data = (unsigned)(v->said > v->at + length ? v->said - v->at - length : 0);
	if (v->is_unsaid)
		seen->data = 0; /* padding cannot be told from data */
}

static bool is_extension(uint8_t next)
{
	return next == EXT_HOP_BY_HOP || next == EXT_ROUTING || next == EXT_FRAGMENT ||
	       next == EXT_AH || next == EXT_DESTINATION;
}

/* At a fragment header. True: what follows can be read on. */
static bool read_fragment(struct seen *seen, const uint8_t *h)
{
	unsigned offset = get16(h + 2) >> 3;
	bool more = h[3] & 1;

	if (offset == 0) {
		seen->fragment |= more;
		return true;
	}
	if (h[0] == PROTO_TCP)
		seen->shape = offset == 1 ? SHAPE_OFFSET_ONE : SHAPE_UNREADABLE;
	else if (is_extension(h[0]))
		seen->shape = SHAPE_UNREADABLE;
	return false;
}

/* From the fixed header on, next the number of what comes. IPv4 comes here with AH. */
static void read_chain(struct seen *seen, struct view *v, uint8_t next)
{
	for (unsigned headers = 0;; headers++) {
		const uint8_t *h = v->bytes + v->at;
		size_t length = 8;

		if (next == PROTO_TCP) {
			read_tcp(seen, v);
			return;
		}
		if (!is_extension(next))
			return;
		if (headers == HEADERS_READ) {
			seen->shape = SHAPE_CHAIN;
			return;
		}
		/* A first fragment that ends here is put together with the rest by Linux all the same. */
		if (left(v) < 8) {
			seen->shape = seen->fragment ? SHAPE_TINY : SHAPE_UNREADABLE;
			return;
		}
		if (next == EXT_FRAGMENT) {
			if (!read_fragment(seen, h))
				return;
		} else if (next == EXT_AH) {
			length = ((size_t)h[1] + 2) * 4;
		} else {
			length = ((size_t)h[1] + 1) * 8;
		}
		next = h[0];
		v->at += length;
	}
}

/* Behind too many tags: TCP, or what TCP may hide behind. Nothing more of it is read. */
static void read_buried(struct seen *seen, const struct view *v, uint8_t protocol)
{
	if (protocol != PROTO_TCP && !is_extension(protocol))
		return;
	seen->shape = SHAPE_TAGS;
	seen->bytes = left(v);
}

static void read_ipv4(struct seen *seen, struct view *v, bool is_buried)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *h = v->bytes + v->at;
	size_t header, total;
	unsigned offset;

	if (left(v) < IPV4_HEADER)
		return;
	memcpy(seen->source, mapped, 12);
	memcpy(seen->source + 12, h + 12, 4);
	memcpy(seen->target, mapped, 12);
	memcpy(seen->target + 12, h + 16, 4);
	seen->v4 = true;
	if (is_buried) {
		read_buried(seen, v, h[9]);
		return;
	}
	if (h[9] != PROTO_TCP && h[9] != EXT_AH)
		return;
	header = (size_t)(h[0] & 15) * 4;
	v->is_unsaid = get16(h + 2) == 0;
	total = v->is_unsaid ? left(v) : get16(h + 2);
	seen->bytes = total < left(v) ? total : left(v);
	offset = get16(h + 6) & OFFSET_MASK_V4;
	seen->shape = SHAPE_UNREADABLE;
	if (header < IPV4_HEADER)
		return;
	if (offset == 1 && h[9] == PROTO_TCP)
		seen->shape = SHAPE_OFFSET_ONE;
	if (offset)
		return;
	seen->fragment = get16(h + 6) & MORE_V4;
	v->said = v->at + total;
	v->at += header;
	seen->shape = SHAPE_OTHER;
	read_chain(seen, v, h[9]);
}

static void read_ipv6(struct seen *seen, struct view *v, bool is_buried)
{
	const uint8_t *h = v->bytes + v->at;
	size_t total;

	if (left(v) < IPV6_HEADER)
		return;
	memcpy(seen->source, h + 8, 16);
	memcpy(seen->target, h + 24, 16);
	if (is_buried) {
		read_buried(seen, v, h[6]);
		return;
	}
	v->is_unsaid = get16(h + 4) == 0;
	total = v->is_unsaid ? left(v) : IPV6_HEADER + (size_t)get16(h + 4);
	seen->bytes = total < left(v) ? total : left(v);
	v->said = v->at + total;
	v->at += IPV6_HEADER;
	read_chain(seen, v, h[6]);
}

struct seen model_parse(const uint8_t *bytes, size_t length)
{
	struct seen seen = {.shape = SHAPE_OTHER};
	struct view v = {.bytes = bytes, .at = 12, .end = length};
	unsigned tags = 0;
	uint16_t type;

	while (left(&v) >= 2 && is_tag(get16(bytes + v.at))) {
		v.at += 4;
		tags++;
	}
	if (left(&v) < 2)
		return seen;
	type = get16(bytes + v.at);
	v.at += 2;
	seen.ip = v.at;
	if (type == TYPE_IPV4)
		read_ipv4(&seen, &v, tags > TAGS_READ);
	else if (type == TYPE_IPV6)
		read_ipv6(&seen, &v, tags > TAGS_READ);
	return seen;
}
