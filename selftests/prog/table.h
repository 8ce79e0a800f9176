/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program table: rows of {sentence, packet, state before, verdict, what was counted}. An array
 * of rows with TABLE(its name) behind it is a test.
 */
#ifndef PROG_TABLE_H
#define PROG_TABLE_H

#include <linux/bpf.h>

#include "rig.h"
#include "tap.h"

#define WOULD true
struct row {
	const char *sentence;
	struct packet packet;
	struct state given;
	int verdict;
	int reason;
	bool would;
	enum pn_class class_;
	enum pn_fault fault; /* that rises; 0 is open_full, which XDP never counts: none */
};
void rows_check(const struct row *rows, size_t count);
/* The rows of that name are a test. */
#define TABLE(rows)                                                                                \
	TEST(rows)                                                                                 \
	{                                                                                          \
		rows_check(rows, sizeof(rows) / sizeof((rows)[0]));                                \
	}

/* Who is who in the tables. */
#define A4	"192.0.2.7"
#define A4_NET	"192.0.2.0/24"
#define A6	"2001:db8:1:2::7"
#define A6_HOST "2001:db8:1:2::/64" /* what A6 is counted as */
#define A6_NET	"2001:db8:1::/48"

/* clang-format off */
#define SYN4 {.from = A4}
#define SYN6 {.from = A6}
#define ACK4 {.from = A4, .flags = TCP_ACK}
#define ACK6 {.from = A6, .flags = TCP_ACK}
#define DROP_ALWAYS(prefix)   {{prefix, PN_DROP, .always = true}}
#define REFUSE_ALWAYS(prefix) {{prefix, PN_REFUSE, .always = true}}
#define ALL_ALWAYS(action)    {{"0.0.0.0/0", action, .always = true}, {"::/0", action, .always = true}}
/* clang-format on */

#endif
