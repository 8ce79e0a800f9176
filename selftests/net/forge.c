/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends forged SYNs, as anybody can who has no way to see the answers, and counts those answers.
 *
 *	forge --on IFACE --mac MAC --to ADDR --from ADDR [--from ADDR...] [--port N]
 *	      [--count N] [--rate PER_S] [--life-s N] [--listen-ms N]
 *
 * MAC is the next hop's. Ports and sequence numbers change with each SYN; several sources take
 * turns. Ends after --count, at SIGINT, or after --life-s whatever happens, and listens for
 * --listen-ms more. Prints one line of JSON: sent, answers by kind, and how many frames the
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
#include <sys/ioctl.h>
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
} option = {.port = 25, .count = 1, .life_ns = 30 * NS_PER_S};

static struct {
	unsigned long sent, synack, rst, other;
} seen;

static volatile sig_atomic_t stopped;

static uint64_t random_state = 0x9e3779b97f4a7c15ULL;

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

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
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

static size_t frame_fill(uint8_t frame[FRAME_BYTES], const struct in6_addr *from)
{
	struct ether_header eth = {
		.ether_type = htons(option.family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6)};
	uint64_t dice = random_next();
	struct tcp_syn tcp = {.head = {.source = htons((uint16_t)(1024 + dice % 60000)),
				       .dest = htons(option.port),
				       .seq = htonl((uint32_t)(dice >> 32)),
				       .doff = sizeof(tcp) / 4,
				       .syn = 1,
				       .window = htons(65535)},
			      .mss = {TCPOPT_MAXSEG, 4, MSS_ETHERNET >> 8, MSS_ETHERNET & 0xff}};
	uint32_t sum = IPPROTO_TCP + sizeof(tcp);
	size_t at = sizeof(eth);

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

/* Is this frame a TCP packet of the server's port to one of the forged names? */
static void answer_count(const uint8_t *frame, size_t length)
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
	for (unsigned i = 0; i < option.sources; i++) {
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

static void listen_once(int fd)
{
	uint8_t frame[2048];
	ssize_t length;

	while ((length = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0)
		answer_count(frame, (size_t)length);
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

static const struct in6_addr *source_next(void)
{
	static unsigned turn;

	if (++turn >= option.sources)
		turn = 0;
	return &option.from[turn];
}

static unsigned batch_send(int fd, unsigned wanted)
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
		parts[i].iov_len = frame_fill(frames[i], source_next());
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

static void forge(int out, int in)
{
	uint64_t begin = now_ns(), now = begin;

	while (!stopped && seen.sent < option.count && now - begin < option.life_ns) {
		double due = option.rate > 0 ? (double)(now - begin) / NS_PER_S * option.rate -
						       (double)seen.sent
					     : BATCH;
		unsigned long left = option.count - seen.sent;
		unsigned wanted = due > BATCH ? BATCH : due > 0 ? (unsigned)due : 0;

		if (wanted > left)
			wanted = (unsigned)left;
		if (!wanted || !(wanted = batch_send(out, wanted)))
			poll(&(struct pollfd){.fd = in, .events = POLLIN}, 1, 1);
		seen.sent += wanted;
		listen_once(in);
		now = now_ns();
	}
	for (uint64_t end = now + option.listen_ns; now < end; now = now_ns()) {
		poll(&(struct pollfd){.fd = in, .events = POLLIN}, 1,
		     (int)((end - now) / NS_PER_MS) + 1);
		listen_once(in);
	}
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
	static const struct option options[] = {
		{"on", 1, NULL, 'o'},	     {"mac", 1, NULL, 'm'},
		{"to", 1, NULL, 't'},	     {"from", 1, NULL, 'f'},
		{"port", 1, NULL, 'p'},	     {"count", 1, NULL, 'c'},
		{"rate", 1, NULL, 'r'},	     {"life-s", 1, NULL, 'e'},
		{"listen-ms", 1, NULL, 'l'}, {0}};
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
		default:
			exit(2);
		}
	}
	if (!option.ifindex || got != 6 || !option.sources) {
		fprintf(stderr, "forge: --on, --mac, --to and --from are needed\n");
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
	printf("{\"sent\":%lu,\"synack\":%lu,\"rst\":%lu,\"other\":%lu,\"missed\":%u}\n", seen.sent,
	       seen.synack, seen.rst, seen.other, stats.tp_drops);
	return 0;
}
