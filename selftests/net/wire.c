/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A wire between two interfaces of one network namespace that takes its time, loses and reorders:
 * what netem does where the kernel has it. Frames are read by AF_PACKET on one end and sent on the
 * other when they are due.
 *
 *	wire --between IFACE,IFACE [--delay-ms N] [--loss-permille N] [--reorder-permille N]
 *	     [--seed N] [--life-s N]
 *
 * Offloads must be off on the ends that face hosts (ethtool -K ... tx off gso off tso off gro off),
 * so that frames carry whole checksums and none is larger than the MTU. A frame chosen for
 * reordering waits half as long again. Prints "ready" when it carries; ends after --life-s, or when
 * standard input ends.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 65536
#define FRAMES_WAITING_MAX                                                                         \
	65536 /* 200 ms at 300 000 frames/s: more than a namespace sends here                      \
	       */
#define BUFFER_BYTES                                                                               \
	(64 << 20) /* of a receiving socket: a burst must not be lost before it is read */
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL
#define PERMILLE  1000

struct frame {
	uint64_t due_ns;
	uint32_t length;
	uint8_t bytes[];
};

/* Frames to one end, a heap by due time: reordering makes due times leave the order of arrival. */
struct end {
	int fd;
	struct frame *heap[FRAMES_WAITING_MAX];
	unsigned waiting;
};

static struct end ends[2];
static uint64_t delay_ns, random_state = 1, life_ns = 60 * NS_PER_S;
static unsigned loss_permille, reorder_permille;
static unsigned long carried, lost;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static unsigned chance(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % PERMILLE;
}

static void swap(struct frame **a, struct frame **b)
{
	struct frame *t = *a;

	*a = *b;
	*b = t;
}

static void heap_push(struct end *e, struct frame *f)
{
	unsigned i = e->waiting++;

	e->heap[i] = f;
	while (i && e->heap[(i - 1) / 2]->due_ns > e->heap[i]->due_ns) {
		swap(&e->heap[(i - 1) / 2], &e->heap[i]);
		i = (i - 1) / 2;
	}
}

static struct frame *heap_pop(struct end *e)
{
	struct frame *top = e->heap[0];
	unsigned i = 0;

	e->heap[0] = e->heap[--e->waiting];
	for (;;) {
		unsigned least = i, left = 2 * i + 1;

		for (unsigned child = left; child <= left + 1; child++)
			if (child < e->waiting && e->heap[child]->due_ns < e->heap[least]->due_ns)
				least = child;
		if (least == i)
			return top;
		swap(&e->heap[least], &e->heap[i]);
		i = least;
	}
}

static int end_open(const char *name)
{
	struct sockaddr_ll where = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int on = 1, bytes = BUFFER_BYTES;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	where.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !where.sll_ifindex)
		die(name);
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)))
		die("PACKET_IGNORE_OUTGOING");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		die("SO_RCVBUFFORCE");
	if (bind(fd, (struct sockaddr *)&where, sizeof(where)))
		die(name);
	return fd;
}

static void take(int from_fd, struct end *to)
{
	static uint8_t bytes[FRAME_MAX];

	for (;;) {
		ssize_t length = recv(from_fd, bytes, sizeof(bytes), 0);
		uint64_t wait = delay_ns;
		struct frame *f;

		if (length <= 0)
			return;
		if (chance() < loss_permille || to->waiting == FRAMES_WAITING_MAX) {
			lost++;
			continue;
		}
		if (chance() < reorder_permille)
			wait += delay_ns / 2;
		f = malloc(sizeof(*f) + (size_t)length);
		if (!f)
			die("malloc");
		f->due_ns = now_ns() + wait;
		f->length = (uint32_t)length;
		memcpy(f->bytes, bytes, (size_t)length);
		heap_push(to, f);
	}
}

/* Send what is due; returns when the next one is. */
static uint64_t give(struct end *e, uint64_t next_ns)
{
	while (e->waiting) {
		struct frame *f;

		if (e->heap[0]->due_ns > now_ns())
			return e->heap[0]->due_ns < next_ns ? e->heap[0]->due_ns : next_ns;
		f = heap_pop(e);
		if (send(e->fd, f->bytes, f->length, 0) < 0)
			lost++;
		else
			carried++;
		free(f);
	}
	return next_ns;
}

static void carry(void)
{
	uint64_t end_ns = now_ns() + life_ns;
	struct pollfd polled[3] = {{.fd = ends[0].fd, .events = POLLIN},
				   {.fd = ends[1].fd, .events = POLLIN},
				   {.fd = STDIN_FILENO, .events = POLLIN}};

	while (now_ns() < end_ns) {
		uint64_t next = give(&ends[1], give(&ends[0], end_ns)), now = now_ns();
		struct timespec wait = {0};

		if (next > now) {
			wait.tv_sec = (time_t)((next - now) / NS_PER_S);
			wait.tv_nsec = (long)((next - now) % NS_PER_S);
		}
		if (ppoll(polled, 3, &wait, NULL) < 0)
			die("ppoll");
		if (polled[0].revents)
			take(ends[0].fd, &ends[1]);
		if (polled[1].revents)
			take(ends[1].fd, &ends[0]);
		if (polled[2].revents)
			break;
	}
	printf("{\"carried\":%lu,\"lost\":%lu}\n", carried, lost);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"between", 1, NULL, 'b'},
						{"delay-ms", 1, NULL, 'd'},
						{"loss-permille", 1, NULL, 'l'},
						{"reorder-permille", 1, NULL, 'r'},
						{"seed", 1, NULL, 's'},
						{"life-s", 1, NULL, 'e'},
						{0}};
	char *first = NULL, *second;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			first = optarg;
			break;
		case 'd':
			delay_ns = strtoull(optarg, NULL, 10) * NS_PER_MS;
			break;
		case 'l':
			loss_permille = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			reorder_permille = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			random_state = strtoull(optarg, NULL, 10) | 1;
			break;
		case 'e':
			life_ns = strtoull(optarg, NULL, 10) * NS_PER_S;
			break;
		default:
			return 2;
		}
	}
	second = first ? strchr(first, ',') : NULL;
	if (!second) {
		fprintf(stderr, "wire: --between IFACE,IFACE is missing\n");
		return 2;
	}
	*second++ = 0;
	ends[0].fd = end_open(first);
	ends[1].fd = end_open(second);
	printf("ready\n");
	fflush(stdout);
	carry();
	return 0;
}
