/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The self-test of the counters: see selftest.h. The packet is RST and ACK: as part of a flow it is judged by the rules alone and by no
 * limit, and no socket is looked for. A SYN would be a connection of somebody: it would be charged to his rate where SYNs are, and asked
 * about in the DNS. BPF_PROG_TEST_RUN throws the packet away, whatever the program says.
 */
#include "kern/selftest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>

#include <bpf/bpf.h>

#include "kern/kern.h"
#include "kern/maps.h"

/* More than real packets add by chance between two readings that lie a few microseconds apart. */
#define REPEATS	    16
#define SOURCE	    0xcb007101 /* 203.0.113.1 (RFC 5737): nobody's */
#define DESTINATION 0xcb0071fe
#define PORT_CLIENT 1024
#define TTL	    64
#define TCP_WORDS   5

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static int packets_add(void *context, const struct counter *k)
{
	*(uint64_t *)context += k->sum.packets + k->sum.would;
	return 0;
}

static int packets_count(struct gate *g, uint64_t *out, struct err *e)
{
	*out = 0;
	return counters_each(g, packets_add, out, e);
}

/* A gate that polices some destinations only passes what goes elsewhere uncounted. */
static in_addr_t destination(struct gate *g)
{
	struct pn_prefix key = {0}, *last = NULL;

	while (g->conf->guarded && bpf_map_get_next_key(g->map.pn_guard, last, &key) == 0) {
		in_addr_t four;

		last = &key;
		if (key.family != 4)
			continue;
		memcpy(&four, key.addr + sizeof(key.addr) - sizeof(four), sizeof(four));
		return four;
	}
	return htonl(DESTINATION);
}

static void frame_fill(struct frame *f, in_addr_t to, uint16_t port)
{
	*f = (struct frame){
		.ethernet.h_proto = htons(ETH_P_IP),
		.ip = {.version = IPVERSION,
		       .ihl = sizeof(f->ip) / 4,
		       .tot_len = htons(sizeof(f->ip) + sizeof(f->tcp)),
		       .ttl = TTL,
		       .protocol = IPPROTO_TCP,
		       .saddr = htonl(SOURCE),
		       .daddr = to},
		.tcp = {.source = htons(PORT_CLIENT),
			.dest = htons(port),
			.doff = TCP_WORDS,
			.rst = 1,
			.ack = 1},
	};
}

int selftest_count(struct gate *g, struct err *e)
{
	uint64_t before, after;
	struct frame f;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = &f, .data_size_in = sizeof(f),
		    .repeat = REPEATS);
	int code;

	if (!g->conf->ports[0].port)
		return err_set(e, -ENODATA, "no port is policed");
	frame_fill(&f, destination(g), g->conf->ports[0].port);
	code = packets_count(g, &before, e);
	if (code)
		return code;
	if (bpf_prog_test_run_opts(g->program.pn_xdp, &o))
		return err_set(e, -errno, "pn_xdp cannot be run on a packet of ours: %s",
			       strerror(errno));
	code = packets_count(g, &after, e);
	if (code)
		return code;
	if (after - before < REPEATS)
		return err_set(e, -ENODATA, "pn_xdp ran %u times and counted %llu", REPEATS,
			       (unsigned long long)(after - before));
	return 0;
}
