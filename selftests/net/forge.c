/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends forged SYNs, as anybody can who has no way to see the answers, and counts those answers.
 *
 *	forge --on IFACE --mac MAC --to ADDR --from ADDR [--from ADDR...] [--port N]
 *	      [--count N] [--rate PER_S] [--life-s N] [--listen-ms N]
 *	      [--span N [--stride N] [--random]] [--twice] [--shake]
 *
 * MAC is the next hop's. Ports and sequence numbers change with each SYN; several sources take
 * turns. With a span they are N addresses from the one --from on, a stride apart, in order or at random, and
 * answers are not counted. --twice sends the same SYNs again, in the same order, REPEAT_NS after the
 * first at the soonest, as a real host repeats a SYN. --shake completes the handshake of whoever
 * answers, and resets it at the first data; it remembers nothing for that. Ends after --count, at SIGINT, or after --life-s whatever happens, and listens for
 * --listen-ms more. Prints one line of JSON: sent, in what time, answers by kind, and how many frames the
 * listening socket missed (an answer might have been among them).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOURCES_MAX  256
#define BATCH	     64 /* frames given to the kernel in one call */
#define FRAME_BYTES  (14 + 40 + 24)
#define BUFFER_BYTES (64 << 20)
#define MSS_ETHERNET 1460
#define TTL	     64
#define NS_PER_S     1000000000ULL
#define NS_PER_MS    1000000ULL
#define REPEAT_NS    (1020 * NS_PER_MS) /* Linux repeats a SYN after so long */

struct tcp_syn {
	struct tcphdr head;
	uint8_t mss[4];
};

static struct {
	int family, ifindex;
	uint8_t mac_to[6], mac_from[6];
	struct in6_addr to, from[SOURCES_MAX]; /* IPv4: in the first 4 bytes */
	unsigned sources;
	uint16_t port;
	unsigned long count;
	double rate;
	uint64_t life_ns, listen_ns;
	uint32_t span, stride;
	int random, twice, shake;
} option = {.port = 25, .count = 1, .life_ns = 30 * NS_PER_S, .stride = 1};

static struct {
	unsigned long sent, synack, rst, other, shaken;
	uint64_t sending_ns; /* from the first to the last, without the pause in between */
} seen;

static volatile sig_atomic_t stopped;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void stop(int signal_)
{
	(void)signal_;
	stopped = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* What belongs to a SYN by its number (splitmix64): sent again, it is the same. */
static uint64_t random_of(uint64_t number)
{
	uint64_t x = (number + 1) * 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint32_t sum_add(uint32_t sum, const void *bytes, size_t length)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(b[i] << 8 | b[i + 1]);
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static size_t address_bytes(void)
{
	return option.family == AF_INET ? 4 : 16;
}

static size_t ip_fill(uint8_t *at, const struct in6_addr *from)
{
	if (option.family == AF_INET) {
		struct iphdr ip = {.version = 4,
				   .ihl = 5,
				   .tot_len = htons(sizeof(ip) + sizeof(struct tcp_syn)),
				   .ttl = TTL,
				   .protocol = IPPROTO_TCP};

		memcpy(&ip.saddr, from, 4);
		memcpy(&ip.daddr, &option.to, 4);
		ip.check = sum_fold(sum_add(0, &ip, sizeof(ip)));
		memcpy(at, &ip, sizeof(ip));
		return sizeof(ip);
	}
	struct ip6_hdr ip = {.ip6_src = *from, .ip6_dst = option.to};

	ip.ip6_flow = htonl(6U << 28);
	ip.ip6_plen = htons(sizeof(struct tcp_syn));
	ip.ip6_nxt = IPPROTO_TCP;
	ip.ip6_hlim = TTL;
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

/* Ports, numbers and flags are given. */
static size_t frame_fill(uint8_t frame[FRAME_BYTES], const struct in6_addr *from,
			 const struct tcphdr *given)
{
	struct ether_header eth = {
		.ether_type = htons(option.family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6)};
	struct tcp_syn tcp = {.head = *given,
			      .mss = {TCPOPT_MAXSEG, 4, MSS_ETHERNET >> 8, MSS_ETHERNET & 0xff}};
	uint32_t sum = IPPROTO_TCP + sizeof(tcp);
	size_t at = sizeof(eth);

	tcp.head.dest = htons(option.port);
	tcp.head.doff = sizeof(tcp) / 4;
	tcp.head.window = htons(65535);

	memcpy(eth.ether_dhost, option.mac_to, 6);
	memcpy(eth.ether_shost, option.mac_from, 6);
	memcpy(frame, &eth, sizeof(eth));
	at += ip_fill(frame + at, from);
	sum = sum_add(sum, from, address_bytes());
	sum = sum_add(sum, &option.to, address_bytes());
	tcp.head.check = sum_fold(sum_add(sum, &tcp, sizeof(tcp)));
	memcpy(frame + at, &tcp, sizeof(tcp));
	return at + sizeof(tcp);
}

/* The next packet of a handshake, or its end, by what came alone; it came to this address. */
static void answer_shake(int out, const uint8_t *to, const struct tcphdr *came, bool has_data)
{
	struct sockaddr_ll where = {
		.sll_family = AF_PACKET, .sll_ifindex = option.ifindex, .sll_halen = 6};
	struct tcphdr tcp = {.source = came->dest, .seq = came->ack_seq};
	struct in6_addr from = {0};
	uint8_t frame[FRAME_BYTES];

	if (came->syn && came->ack) {
		tcp.ack = 1;
		tcp.ack_seq = htonl(ntohl(came->seq) + 1);
		seen.shaken++;
	} else if (has_data && !came->rst) {
		tcp.rst = 1;
	} else {
		return;
	}
	memcpy(&from, to, address_bytes());
	memcpy(where.sll_addr, option.mac_to, 6);
	if (sendto(out, frame, frame_fill(frame, &from, &tcp), 0, (struct sockaddr *)&where,
		   sizeof(where)) < 0 &&
	    errno != ENOBUFS)
		die("sendto");
}

/* Is this frame a TCP packet of the server's port to one of the forged names? */
static void answer_count(int out, const uint8_t *frame, size_t length)
{
	size_t at = sizeof(struct ether_header), ip = address_bytes() == 4 ? 20 : 40;
	const uint8_t *to = frame + at + (ip == 20 ? 16 : 24);
	const uint8_t protocol = ip == 20 ? frame[at + 9] : frame[at + 6];
	struct tcphdr tcp;

	if (length < at + ip + sizeof(tcp) || protocol != IPPROTO_TCP ||
	    frame[at] >> 4 != (ip == 20 ? 4 : 6))
		return;
	memcpy(&tcp, frame + at + ip, sizeof(tcp));
	if (tcp.source != htons(option.port))
		return;
	if (option.shake)
		answer_shake(out, to, &tcp, length > at + ip + tcp.doff * 4U || tcp.fin);
	for (unsigned i = 0; i < option.sources && !option.span; i++) {
		if (memcmp(to, &option.from[i], address_bytes()) != 0)
			continue;
		if (tcp.rst)
			seen.rst++;
		else if (tcp.syn)
			seen.synack++;
		else
			seen.other++;
	}
}

static void listen_once(int out, int fd)
{
	uint8_t frame[2048];
	ssize_t length;

	while ((length = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0)
		answer_count(out, frame, (size_t)length);
}

static int open_listener(void)
{
	struct sockaddr_ll where = {.sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = option.ifindex};
	int on = 1, bytes = BUFFER_BYTES, fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(fd, (struct sockaddr *)&where, sizeof(where)))
		die("listening");
	return fd;
}

static struct in6_addr source_of(uint64_t number)
{
	uint64_t place = option.random ? random_of(~number) : number;
	struct in6_addr from = option.from[option.span ? 0 : number % option.sources];
	uint8_t *last = from.s6_addr + address_bytes() - sizeof(uint32_t);
	uint32_t value;

	if (option.span) {
		memcpy(&value, last, sizeof(value));
		value = htonl(ntohl(value) + (uint32_t)(place % option.span) * option.stride);
		memcpy(last, &value, sizeof(value));
	}
	return from;
}

static size_t syn_fill(uint8_t frame[FRAME_BYTES], uint64_t number)
{
	uint64_t dice = random_of(number);
	struct tcphdr tcp = {.source = htons((uint16_t)(1024 + dice % 60000)),
			     .seq = htonl((uint32_t)(dice >> 32)),
			     .syn = 1};
	struct in6_addr from = source_of(number);

	return frame_fill(frame, &from, &tcp);
}

/* The SYNs from this number on. How many went. */
static unsigned batch_send(int fd, uint64_t number, unsigned wanted)
{
	static uint8_t frames[BATCH][FRAME_BYTES];
	struct sockaddr_ll where = {
		.sll_family = AF_PACKET, .sll_ifindex = option.ifindex, .sll_halen = 6};
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];
	int sent;

	memcpy(where.sll_addr, option.mac_to, 6);
	for (unsigned i = 0; i < wanted; i++) {
		parts[i].iov_base = frames[i];
		parts[i].iov_len = syn_fill(frames[i], number + i);
		messages[i].msg_hdr.msg_name = &where;
		messages[i].msg_hdr.msg_namelen = sizeof(where);
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, messages, wanted, 0);
	if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ENETDOWN && errno != ENXIO)
		die("sendmmsg");
	return sent < 0 ? 0 : (unsigned)sent;
}

/* SIGINT ends the sending alone. */
static void listen_until(int out, int in, uint64_t end_ns)
{
	for (uint64_t now = now_ns(); now < end_ns; now = now_ns()) {
		poll(&(struct pollfd){.fd = in, .events = POLLIN}, 1,
		     (int)((end_ns - now) / NS_PER_MS) + 1);
		listen_once(out, in);
	}
}

/* Each SYN once. */
static void forge_all(int out, int in, uint64_t until_ns)
{
	uint64_t begin = now_ns(), now = begin, number = 0;

	while (!stopped && number < option.count && now < until_ns) {
		double due = option.rate > 0 ? (double)(now - begin) / NS_PER_S * option.rate -
						       (double)number
					     : BATCH;
		uint64_t left = option.count - number;
		unsigned wanted = due > BATCH ? BATCH : due > 0 ? (unsigned)due : 0;

		if (wanted > left)
			wanted = (unsigned)left;
		if (!wanted || !(wanted = batch_send(out, number, wanted)))
			poll(&(struct pollfd){.fd = in, .events = POLLIN}, 1, 1);
		number += wanted;
		listen_once(out, in);
		now = now_ns();
	}
	seen.sent += number;
	seen.sending_ns += now - begin;
}

static void forge(int out, int in)
{
	uint64_t begin = now_ns(), until = begin + option.life_ns;

	forge_all(out, in, until);
	if (option.twice) {
		listen_until(out, in, begin + REPEAT_NS);
		forge_all(out, in, until);
	}
	listen_until(out, in, now_ns() + option.listen_ns);
}

static void address(const char *text, struct in6_addr *out)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	memset(out, 0, sizeof(*out));
	if (inet_pton(family, text, out) != 1 || (option.family && option.family != family)) {
		fprintf(stderr, "forge: not an address of the family: %s\n", text);
		exit(2);
	}
	option.family = family;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {{"on", 1, NULL, 'o'},
						{"mac", 1, NULL, 'm'},
						{"to", 1, NULL, 't'},
						{"from", 1, NULL, 'f'},
						{"port", 1, NULL, 'p'},
						{"count", 1, NULL, 'c'},
						{"rate", 1, NULL, 'r'},
						{"life-s", 1, NULL, 'e'},
						{"listen-ms", 1, NULL, 'l'},
						{"span", 1, NULL, 's'},
						{"stride", 1, NULL, 'd'},
						{"random", 0, &option.random, 1},
						{"twice", 0, &option.twice, 1},
						{"shake", 0, &option.shake, 1},
						{0}};
	uint8_t *m = option.mac_to;
	int c, got = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			option.ifindex = (int)if_nametoindex(optarg);
			break;
		case 'm':
			got = sscanf(optarg, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2,
				     m + 3, m + 4, m + 5);
			break;
		case 't':
			address(optarg, &option.to);
			break;
		case 'f':
			if (option.sources < SOURCES_MAX)
				address(optarg, &option.from[option.sources++]);
			break;
		case 'p':
			option.port = (uint16_t)atoi(optarg);
			break;
		case 'c':
			option.count = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			option.rate = atof(optarg);
			break;
		case 'e':
			option.life_ns = strtoull(optarg, NULL, 10) * NS_PER_S;
			break;
		case 'l':
			option.listen_ns = strtoull(optarg, NULL, 10) * NS_PER_MS;
			break;
		case 's':
			option.span = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'd':
			option.stride = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 0:
			break;
		default:
			exit(2);
		}
	}
	if (!option.ifindex || got != 6 || !option.sources ||
	    (option.span && option.sources != 1)) {
		fprintf(stderr,
			"forge: --on, --mac, --to and --from are needed, one --from with a span\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct tpacket_stats stats = {0};
	socklen_t size = sizeof(stats);
	int out, in;

	parse(argc, argv);
	out = socket(AF_PACKET, SOCK_RAW, 0); /* protocol 0: this one receives nothing */
	if (out < 0)
		die("socket");
	memcpy(option.mac_from, option.mac_to, 6);
	option.mac_from[5] ^= 1;
	in = open_listener();
	signal(SIGINT, stop);
	printf("ready\n");
	fflush(stdout);
	forge(out, in);
	getsockopt(in, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	printf("{\"sent\":%lu,\"ms\":%lu,\"synack\":%lu,\"rst\":%lu,\"other\":%lu,"
	       "\"shaken\":%lu,\"missed\":%u}\n",
	       seen.sent, (unsigned long)(seen.sending_ns / NS_PER_MS), seen.synack, seen.rst,
	       seen.other, seen.shaken, stats.tp_drops);
	return 0;
}
