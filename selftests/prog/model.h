/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference: what the gate must do with a frame, in plain C without a thought for the verifier
 * or for speed. Written from the design's words, and apart from the programs: that the two agree is
 * the test.
 */
#ifndef PROG_MODEL_H
#define PROG_MODEL_H

#include "packets.h"
#include "state.h"

#define REASON_NONE (-1) /* not policed: nothing is counted */

enum shape {
	SHAPE_OTHER = 0,  /* not ours, whatever it is */
	SHAPE_SYN,	  /* a TCP SYN with a readable header */
	SHAPE_FLOW,	  /* any other TCP segment with a readable header */
	SHAPE_UNREADABLE, /* TCP, or a protocol out of reach, whose port or flags cannot be read */
	SHAPE_TINY,	  /* a first fragment too short for the TCP header */
	SHAPE_OFFSET_ONE, /* a TCP fragment at offset 1 */
	SHAPE_CHAIN,	  /* too many extension headers */
	SHAPE_TAGS,	  /* perhaps any of these, behind too many VLAN tags */
};

struct seen {
	enum shape shape;
	uint8_t source[16], target[16];
	bool v4;	/* the header's family, which a mapped source does not change */
	bool port_read; /* port holds the destination port */
	bool fragment;	/* the first of several */
	uint16_t port;
	uint64_t bytes; /* of the IP packet, as far as they are in the frame */
	/* Of a SYN: where its headers begin, and what it carries, as its lengths say. */
	size_t ip, l4;
	unsigned data;
};

struct outcome {
	int verdict; /* XDP_PASS, XDP_DROP, XDP_TX */
	int reason;  /* enum pn_reason or REASON_NONE */
	bool would;  /* counted as what enforce mode would not have let pass */
	enum pn_class class_;
	enum pn_action action;	   /* what is done, as pn_why says it */
	enum pn_action wanted;	   /* what enforce mode does */
	const struct entry *entry; /* that decided; NULL: none */
	uint32_t answers;	   /* that the responder has given under this verdict */
	uint64_t bytes;
};

struct seen model_parse(const uint8_t *bytes, size_t length);
struct outcome model_judge(const struct state *s, const struct seen *seen);
/* A SYN from source to a policed port, as pn_why is asked. */
struct outcome model_why(const struct state *s, const uint8_t source[16], uint16_t port);

const char *reason_text(int reason);
const char *verdict_text(int verdict);

#endif
