/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames for the program table, written down as what they are: a struct packet says in words what
 * is unusual about a frame, and frame_build makes the bytes with all lengths and checksums right,
 * unless the packet asks for a lie. Nothing here is shared with the programs under test, not even a
 * header of the kernel's layouts: offsets are written out, so that a mistake there cannot hide
 * here.
 */
#ifndef PROG_PACKETS_H
#define PROG_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX                                                                                  \
	9216 /* a jumbo frame: what lies behind the first page reaches XDP as fragments  \
			*/
#define FRAME_MIN      14 /* the kernel takes no shorter test frame */
#define FRAME_TAGS_MAX 4

#define TPID_8021Q  0x8100
#define TPID_8021AD 0x88a8
#define TYPE_IPV4   0x0800
#define TYPE_IPV6   0x86dd
#define TYPE_ARP    0x0806

#define PROTO_ICMP   1
#define PROTO_TCP    6
#define PROTO_UDP    17
#define PROTO_ICMPV6 58

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_ECE 0x40
#define TCP_CWR 0x80

#define LIE_ZERO 0x10000 /* for ihl and doff, where 0 means honest: claim 0 */

struct packet {
	uint16_t tags[FRAME_TAGS_MAX]; /* TPIDs from the outside in; 0 ends */
	unsigned priority_tags; /* and so many of 802.1Q with VLAN 0, which Linux strips unasked */
	uint16_t type;		/* EtherType; 0: by the family of `from` */
	const char *from, *to;	/* default to: 203.0.113.25 or 2001:db8:25::25 */
	uint8_t protocol;	/* 0: TCP */
	uint16_t sport;		/* 0: 40000 */
	uint16_t dport;		/* 0: 25 */
	uint8_t flags;		/* TCP; 0: SYN */
	uint32_t seq, ack;
	uint16_t ip_options;  /* bytes of IPv4 options, a multiple of 4, up to 40 */
	uint16_t tcp_options; /* bytes of TCP options, a multiple of 4, up to 40 */
	uint16_t payload;
	/*
	 * IPv6 extension headers (of them AH goes with IPv4 too), one letter each: h hop-by-hop, r
	 * routing, d destination options (8 bytes each), D destination options of 2048 bytes, a AH,
	 * f fragment (offset and more from the fields below), A atomic fragment, e ESP, n no next
	 * header, m mobility.
	 */
	const char *chain;
	unsigned chain_times; /* the chain so many times; 0: once */
	uint16_t offset;      /* fragment offset in units of 8 bytes */
	bool more;	      /* more fragments follow */
	uint16_t l4_cut; /* only so many bytes of transport header and payload, lengths honest; 0:
			    all */
	/* Lies. */
	unsigned ihl, doff; /* in words; 0: honest */
	int length_lie;	    /* added to IPv4 total length or IPv6 payload length */
	bool length_zero;   /* that length is 0 */
	uint8_t version;    /* 0: honest */
	uint16_t cut;	    /* the frame ends after so many bytes; 0: whole */
	uint16_t pad;	    /* bytes of Ethernet padding behind the IP packet */
};

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t length;
	size_t ip; /* offset of the IP header */
	size_t l4; /* offset of the transport header */
};

/* Builds p into f. Aborts on an address that does not parse: the tables are ours. */
void frame_build(struct frame *f, const struct packet *p);

/*
 * The RST that answers the SYN in f by RFC 9293, 3.10.7.1, with the frame's own tags. data: bytes
 * of payload, which the frame alone does not tell where it is padded or cut.
 */
void frame_build_reset(struct frame *out, const struct frame *f, unsigned data);

/* Where two frames first differ, or -1. */
int frame_differ(const struct frame *a, const struct frame *b);

/* A hexdump as comments of the test output. */
void frame_print(const char *title, const uint8_t *bytes, size_t length);

/* "192.0.2.0/24", "2001:db8::1": 16 bytes, IPv4 mapped, and the length of that form. True: IPv4. */
bool prefix_read(const char *text, uint8_t addr[static 16], unsigned *bits);

uint16_t get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);
void put16(uint8_t *at, uint16_t value);
void put32(uint8_t *at, uint32_t value);

/* RFC 1071 over bytes, beginning with sum: not complemented, not in network order. */
uint32_t sum_add(uint32_t sum, const uint8_t *bytes, size_t length);
uint16_t sum_fold(uint32_t sum);

#endif
