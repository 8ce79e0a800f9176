/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A name server in the test's own event loop that answers from rows of text, for what asks several questions one after the other. A
 * name that is in no row does not exist; one that is there under another type has no data. Rows "!servfail" and "!silent" fail.
 */
#ifndef SELFTESTS_UNIT_DNS_RIG_H
#define SELFTESTS_UNIT_DNS_RIG_H

#include <arpa/inet.h>
#include <stdint.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "dns/resolver.h"
#include "tap.h"

#define RIG_MESSAGE_MAX 4096
#define RIG_TOO_LONG_MS 10000
#define RIG_TTL_S	300
#define RIG_SERVFAIL	2
#define RIG_NXDOMAIN	3
#define RIG_STRING_MAX	255 /* RFC 1035, 3.3 */

struct rig_row {
	const char *name;
	enum record record;
	const char *data; /* "192.0.2.1", "10 mx.test", a text, "3 1 1 <hex>", a name */
};

struct rig {
	struct loop *loop;
	struct resolver_server at;
	const struct rig_row *rows;
	unsigned row_count, asked;
	bool signs; /* answers who asks for AD that all is authentic */
	int fd;
};

struct rig_message {
	uint8_t byte[RIG_MESSAGE_MAX];
	size_t length;
};

static void rig_put(struct rig_message *m, const void *bytes, size_t length)
{
	memcpy(m->byte + m->length, bytes, length);
	m->length += length;
}

static void rig_put16(struct rig_message *m, unsigned value)
{
	const uint8_t wire[] = {(uint8_t)(value >> 8), (uint8_t)value};

	rig_put(m, wire, sizeof(wire));
}

static void rig_put_name(struct rig_message *m, const char *name)
{
	while (*name && strcmp(name, ".") != 0) {
		const size_t length = strcspn(name, ".");
		const uint8_t byte = (uint8_t)length;

		rig_put(m, &byte, 1);
		rig_put(m, name, length);
		name += length + (name[length] == '.');
	}
	rig_put(m, "", 1);
}

static void rig_put_strings(struct rig_message *m, const char *text)
{
	size_t left = strlen(text);

	do {
		const uint8_t length = (uint8_t)(left < RIG_STRING_MAX ? left : RIG_STRING_MAX);

		rig_put(m, &length, 1);
		rig_put(m, text, length);
		text += length;
		left -= length;
	} while (left);
}

static void rig_put_tlsa(struct rig_message *m, const char *data)
{
	unsigned usage, selector, matching, byte;
	int used = 0;

	if (sscanf(data, "%u %u %u %n", &usage, &selector, &matching, &used) < 3)
		return;
	rig_put(m, (const uint8_t[]){(uint8_t)usage, (uint8_t)selector, (uint8_t)matching}, 3);
	for (data += used; sscanf(data, "%2x", &byte) == 1; data += 2)
		rig_put(m, (const uint8_t[]){(uint8_t)byte}, 1);
}

static void rig_put_data(struct rig_message *m, const struct rig_row *row)
{
	uint8_t addr[16];

	switch (row->record) {
	case RECORD_A:
		inet_pton(AF_INET, row->data, addr);
		rig_put(m, addr, 4);
		break;
	case RECORD_AAAA:
		inet_pton(AF_INET6, row->data, addr);
		rig_put(m, addr, 16);
		break;
	case RECORD_MX:
		rig_put16(m, (unsigned)strtoul(row->data, NULL, 10));
		rig_put_name(m, strchr(row->data, ' ') + 1);
		break;
	case RECORD_TXT:
		rig_put_strings(m, row->data);
		break;
	case RECORD_TLSA:
		rig_put_tlsa(m, row->data);
		break;
	default:
		rig_put_name(m, row->data);
	}
}

static void rig_put_row(struct rig_message *m, const struct rig_row *row)
{
	size_t at;

	rig_put_name(m, row->name);
	rig_put16(m, row->record);
	rig_put16(m, 1);
	rig_put16(m, 0);
	rig_put16(m, RIG_TTL_S);
	at = m->length;
	rig_put16(m, 0);
	rig_put_data(m, row);
	m->byte[at] = (uint8_t)((m->length - at - 2) >> 8);
	m->byte[at + 1] = (uint8_t)(m->length - at - 2);
}

static const struct rig_row *rig_alias(const struct rig *r, const char *name)
{
	for (unsigned i = 0; i < r->row_count; i++)
		if (r->rows[i].record == RECORD_CNAME && strcasecmp(r->rows[i].name, name) == 0)
			return &r->rows[i];
	return NULL;
}

/* false: nothing is said. */
static bool rig_answer(const struct rig *r, const char *name, unsigned record,
		       struct rig_message *m)
{
	const struct rig_row *alias = rig_alias(r, name);
	unsigned answers = 0, rcode = RIG_NXDOMAIN;

	if (alias) {
		rig_put_row(m, alias);
		answers++;
		name = alias->data;
	}
	for (unsigned i = 0; i < r->row_count; i++) {
		const struct rig_row *row = &r->rows[i];

		if (strcasecmp(row->name, name) != 0)
			continue;
		if (strcmp(row->data, "!silent") == 0)
			return false;
		if (strcmp(row->data, "!servfail") == 0) {
			rcode = RIG_SERVFAIL;
			break;
		}
		rcode = 0;
		if (row->record != record)
			continue;
		rig_put_row(m, row);
		answers++;
	}
	m->byte[7] = (uint8_t)answers;
	m->byte[3] |= (uint8_t)rcode;
	return true;
}

static void rig_asked(void *context, int fd, uint32_t events)
{
	struct rig *r = context;
	struct rig_message m;
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	ssize_t n =
		recvfrom(fd, m.byte, sizeof(m.byte), MSG_DONTWAIT, (struct sockaddr *)&peer, &size);
	char name[NAME_TEXT_MAX] = "";
	size_t at = 12, used = 0;
	bool wants_ad;

	(void)events;
	if (n < 17)
		return;
	r->asked++;
	wants_ad = m.byte[3] & 0x20;
	for (; m.byte[at]; at += m.byte[at] + 1U)
		used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%.*s",
					 used ? "." : "", m.byte[at], (char *)m.byte + at + 1);
	/* What stands behind the question is the EDNS record: it goes, with its count. */
	m.length = at + 5;
	memset(m.byte + 6, 0, 6);
	m.byte[2] |= 0x80;
	m.byte[3] = r->signs && wants_ad ? 0xa0 : 0x80;
	if (rig_answer(r, name, (unsigned)(m.byte[at + 1] << 8 | m.byte[at + 2]), &m))
		(void)sendto(fd, m.byte, m.length, 0, (struct sockaddr *)&peer, size);
}

static void rig_too_long(void *context)
{
	struct rig *r = context;

	EXPECT(false, "nothing has happened for %d ms", RIG_TOO_LONG_MS);
	loop_stop(r->loop);
}

static bool rig_open(struct rig *r, const struct rig_row *rows, unsigned count)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);

	*r = (struct rig){.rows = rows, .row_count = count};
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0 || bind(r->fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    getsockname(r->fd, (struct sockaddr *)&at, &size) < 0)
		return false;
	r->at.addr = addr_from_v4(at.sin_addr);
	r->at.port = ntohs(at.sin_port);
	return loop_new(&r->loop) == 0 &&
	       loop_add_fd(r->loop, r->fd, EPOLLIN, rig_asked, r, NULL) == 0 &&
	       loop_add_timer(r->loop, RIG_TOO_LONG_MS, 0, rig_too_long, r, NULL) == 0;
}

static void rig_close(struct rig *r)
{
	close(r->fd);
	loop_free(r->loop);
}

#endif
