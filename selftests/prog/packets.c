/* SPDX-License-Identifier: BSD-2-Clause */
/* Making frames: see packets.h. */
#include "packets.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_FROM     40000 /* an ephemeral port */
#define PORT_TO	      25
#define HOP_LIMIT     57 /* not 64, so that a copied one is told from a fresh one */
#define RESET_TTL     64
#define WINDOW	      0xfaf0
#define EXT_WORD      8	   /* extension header lengths count these */
#define EXT_LONG      2048 /* the longest extension header */
#define AH_LENGTH     24   /* with 12 bytes of integrity check value */
#define TEXT_MAX      64
#define PRINT_MOST    176  /* bytes of a hexdump: all headers but the longest chains */
#define CHAIN_BYTES   6000 /* what of a frame the chain may fill */
#define DEFAULT_TO_V4 "203.0.113.25"
#define DEFAULT_TO_V6 "2001:db8:25::25"

static const uint8_t mac_to[6] = {0x02, 0x25, 0, 0, 0, 0x01};
static const uint8_t mac_from[6] = {0x02, 0x25, 0, 0, 0, 0x02};

uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 0xff;
}

void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

uint32_t sum_add(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += get16(bytes + i);
	if (length % 2)
		sum += (uint32_t)bytes[length - 1] << 8;
	return sum;
}

uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

bool prefix_read(const char *text, uint8_t addr[static 16], unsigned *bits)
{
	char host[TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	bool v4 = !strchr(text, ':');
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (length >= sizeof(host))
		abort();
	memcpy(host, text, length);
	host[length] = 0;
	if (v4)
		memcpy(addr, mapped, sizeof(mapped));
	if (inet_pton(v4 ? AF_INET : AF_INET6, host, v4 ? addr + 12 : addr) != 1) {
		fprintf(stderr, "the table has an address that does not parse: %s\n", text);
		abort();
	}
	if (bits)
		*bits = !slash ? 128 : (unsigned)atoi(slash + 1) + (v4 ? 96 : 0);
	return v4;
}

static void put_bytes(struct frame *f, const void *bytes, size_t length)
{
	if (f->length + length > FRAME_MAX)
		abort();
	memcpy(f->bytes + f->length, bytes, length);
	f->length += length;
}

static void put_zeros(struct frame *f, size_t length)
{
	if (f->length + length > FRAME_MAX)
		abort();
	memset(f->bytes + f->length, 0, length);
	f->length += length;
}

static void put_ethernet(struct frame *f, const struct packet *p, bool v4)
{
	uint8_t two[2];

	f->length = 0;
	put_bytes(f, mac_to, sizeof(mac_to));
	put_bytes(f, mac_from, sizeof(mac_from));
	for (unsigned i = 0; i < FRAME_TAGS_MAX && p->tags[i]; i++) {
		put16(two, p->tags[i]);
		put_bytes(f, two, 2);
		put16(two, 0x6000 + 100 + i); /* priority 3, VLAN 100 and up */
		put_bytes(f, two, 2);
	}
	for (unsigned i = 0; i < p->priority_tags; i++)
		put_bytes(f, "\x81\x00\x00\x00", 4);
	put16(two, p->type ? p->type : v4 ? TYPE_IPV4 : TYPE_IPV6);
	put_bytes(f, two, 2);
	f->ip = f->length;
}

static uint8_t number_of_letter(char letter)
{
	switch (letter) {
	case 'h':
		return 0;
	case 'r':
		return 43;
	case 'd':
	case 'D':
		return 60;
	case 'f':
	case 'A':
		return 44;
	case 'a':
		return 51;
	case 'e':
		return 50;
	case 'n':
		return 59;
	case 'm':
		return 135;
	}
	abort();
}

/* One extension header, its next-header byte still 0. */
static void put_extension(struct frame *f, const struct packet *p, char letter)
{
	size_t at = f->length;

	switch (letter) {
	case 'a':
		put_zeros(f, AH_LENGTH);
		f->bytes[at + 1] = AH_LENGTH / 4 - 2;
		break;
	case 'D':
		put_zeros(f, EXT_LONG);
		f->bytes[at + 1] = EXT_LONG / EXT_WORD - 1;
		break;
	case 'f':
		put_zeros(f, EXT_WORD);
		put16(f->bytes + at + 2, (uint16_t)(p->offset << 3 | p->more));
		put32(f->bytes + at + 4, 0x25252525);
		break;
	case 'h':
	case 'd':
		put_zeros(f, EXT_WORD);
		f->bytes[at + 2] = 1; /* PadN over the other six bytes */
		f->bytes[at + 3] = 4;
		break;
	default:
		put_zeros(f, EXT_WORD);
	}
}

/* The chain, first named at next; returns where the last next-header byte stands. */
static size_t put_chain(struct frame *f, const struct packet *p, size_t next)
{
	size_t begin = f->length;

	for (unsigned i = 0; i < (p->chain_times ? p->chain_times : 1); i++) {
		for (const char *letter = p->chain; *letter; letter++) {
			f->bytes[next] = number_of_letter(*letter);
			next = f->length;
			put_extension(f, p, *letter);
			if (f->length - begin > CHAIN_BYTES)
				abort();
		}
	}
	return next;
}

static void put_ipv4(struct frame *f, const struct packet *p, const uint8_t *from,
		     const uint8_t *to)
{
	uint8_t *h = f->bytes + f->ip;
	size_t next = f->ip + 9;

	put_zeros(f, 20);
	h[0] = 0x40 | (5 + p->ip_options / 4);
	put16(h + 4, 0x2525);
	put16(h + 6, (uint16_t)((p->more ? 0x2000 : 0) | p->offset));
	h[8] = HOP_LIMIT;
	memcpy(h + 12, from + 12, 4);
	memcpy(h + 16, to + 12, 4);
	for (unsigned i = 0; i < p->ip_options; i++)
		put_bytes(f, "\x01", 1); /* no operation */
	if (p->chain)
		next = put_chain(f, p, next);
	f->bytes[next] = p->protocol ? p->protocol : PROTO_TCP;
}

static void put_ipv6(struct frame *f, const struct packet *p, const uint8_t *from,
		     const uint8_t *to)
{
	uint8_t *h = f->bytes + f->ip;
	size_t next = f->ip + 6;

	put_zeros(f, 40);
	h[0] = 0x60;
	h[7] = HOP_LIMIT;
	memcpy(h + 8, from, 16);
	memcpy(h + 24, to, 16);
	if (p->chain)
		next = put_chain(f, p, next);
	f->bytes[next] = p->protocol ? p->protocol : PROTO_TCP;
}

static void put_transport(struct frame *f, const struct packet *p)
{
	static const char greeting[] = "EHLO client.example\r\n";
	uint8_t *h = f->bytes + f->l4;
	uint16_t sport = p->sport ? p->sport : PORT_FROM, dport = p->dport ? p->dport : PORT_TO;

	switch (p->protocol) {
	case 0:
	case PROTO_TCP:
		put_zeros(f, 20);
		put32(h + 4, p->seq);
		put32(h + 8, p->ack);
		h[12] = (uint8_t)((5 + p->tcp_options / 4) << 4);
		h[13] = p->flags ? p->flags : TCP_SYN;
		put16(h + 14, WINDOW);
		for (unsigned i = 0; i < p->tcp_options; i++)
			put_bytes(f, "\x01", 1);
		break;
	default: /* eight bytes with ports where UDP has them: whoever reads ports there is wrong */
		put_zeros(f, 8);
		put16(h + 4, (uint16_t)(8 + p->payload));
	}
	put16(h, sport);
	put16(h + 2, dport);
	for (unsigned i = 0; i < p->payload; i++)
		put_bytes(f, &greeting[i % (sizeof(greeting) - 1)], 1);
	if (p->l4_cut && f->l4 + p->l4_cut < f->length)
		f->length = f->l4 + p->l4_cut;
}

/* The TCP checksum of what lies in the frame from l4 on, over a fresh pseudo header. */
static void set_tcp_sum(struct frame *f, bool v4)
{
	size_t length = f->length - f->l4;
	const uint8_t *ip = f->bytes + f->ip;
	uint32_t sum = PROTO_TCP + (uint32_t)length;

	if (length < 18)
		return;
	put16(f->bytes + f->l4 + 16, 0);
	sum = v4 ? sum_add(sum, ip + 12, 8) : sum_add(sum, ip + 8, 32);
	put16(f->bytes + f->l4 + 16, sum_fold(sum_add(sum, f->bytes + f->l4, length)));
}

static void set_ip_lengths(struct frame *f, const struct packet *p, bool v4)
{
	uint8_t *ip = f->bytes + f->ip;
	long length = (long)(f->length - f->ip) - (v4 ? 0 : 40) + p->length_lie;

	put16(ip + (v4 ? 2 : 4), p->length_zero ? 0 : (uint16_t)length);
	if (v4 && p->ihl)
		ip[0] = 0x40 | (p->ihl & 15);
	if (p->version)
		ip[0] = (uint8_t)(p->version << 4 | (ip[0] & 15));
	if (!v4)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, sum_fold(sum_add(0, ip, 20 + p->ip_options)));
}

void frame_build(struct frame *f, const struct packet *p)
{
	uint8_t from[16], to[16];
	bool v4 = prefix_read(p->from, from, NULL);

	if (p->to)
		prefix_read(p->to, to, NULL);
	else
		prefix_read(v4 ? DEFAULT_TO_V4 : DEFAULT_TO_V6, to, NULL);
	put_ethernet(f, p, v4);
	if (v4)
		put_ipv4(f, p, from, to);
	else
		put_ipv6(f, p, from, to);
	f->l4 = f->length;
	put_transport(f, p);
	if (p->doff && f->length >= f->l4 + 13)
		f->bytes[f->l4 + 12] = (uint8_t)((p->doff & 15) << 4);
	set_ip_lengths(f, p, v4);
	if (!p->protocol || p->protocol == PROTO_TCP)
		set_tcp_sum(f, v4);
	put_zeros(f, p->pad);
	if (p->cut && p->cut < f->length)
		f->length = p->cut;
}

void frame_build_reset(struct frame *out, const struct frame *f, unsigned data)
{
	bool v4 = get16(f->bytes + f->ip - 2) == TYPE_IPV4;
	const uint8_t *syn = f->bytes + f->l4;
	size_t ip_length = v4 ? 20 : 40;
	uint8_t *ip = out->bytes + f->ip, *tcp;

	out->length = 0;
	out->ip = f->ip;
	out->l4 = f->ip + ip_length;
	put_bytes(out, f->bytes + 6, 6);
	put_bytes(out, f->bytes, 6);
	put_bytes(out, f->bytes + 12, f->ip - 12); /* tags and EtherType as they came */
	put_zeros(out, ip_length + 20);
	if (v4) {
		ip[0] = 0x45;
		put16(ip + 2, 40);
		put16(ip + 6, 0x4000); /* nothing to fragment */
		ip[8] = RESET_TTL;
		ip[9] = PROTO_TCP;
		memcpy(ip + 12, f->bytes + f->ip + 16, 4);
		memcpy(ip + 16, f->bytes + f->ip + 12, 4);
		put16(ip + 10, sum_fold(sum_add(0, ip, 20)));
	} else {
		ip[0] = 0x60;
		put16(ip + 4, 20);
		ip[6] = PROTO_TCP;
		ip[7] = RESET_TTL;
		memcpy(ip + 8, f->bytes + f->ip + 24, 16);
		memcpy(ip + 24, f->bytes + f->ip + 8, 16);
	}
	tcp = out->bytes + out->l4;
	memcpy(tcp, syn + 2, 2);
	memcpy(tcp + 2, syn, 2);
	put32(tcp + 8, get32(syn + 4) + 1 + data + (syn[13] & TCP_FIN)); /* a FIN counts as one */
	tcp[12] = 5 << 4;
	tcp[13] = TCP_RST | TCP_ACK;
	set_tcp_sum(out, v4);
}

int frame_differ(const struct frame *a, const struct frame *b)
{
	size_t length = a->length < b->length ? a->length : b->length;

	for (size_t i = 0; i < length; i++)
		if (a->bytes[i] != b->bytes[i])
			return (int)i;
	return a->length == b->length ? -1 : (int)length;
}

void frame_print(const char *title, const uint8_t *bytes, size_t length)
{
	printf("# %s, %zu bytes:", title, length);
	for (size_t i = 0; i < length && i < PRINT_MOST; i++) {
		if (i % 16 == 0)
			printf("\n#   %04zx ", i);
		printf(" %02x", bytes[i]);
	}
	putchar('\n');
}
