/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench the programs stand on: see rig.h. */
#include "rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bpf/postern.skel.h"
#include "tap.h"

#define CELLS	 (PN_CLASSES * PN_REASONS)
#define NS_PER_S 1000000000ULL

#define LOG_TAIL 2000 /* bytes of libbpf's last words: where the verifier says why */

static struct {
	struct bpf_object *object;
	int xdp_fd, why_fd;
	bool failed;
	int block_fd;
	int cpus;
	struct pn_tally before[CELLS], after[CELLS];
	struct pn_tally *per_cpu;
	uint64_t *fault_per_cpu;
	uint64_t faults[PN_FAULTS];
	char words[2 * LOG_TAIL];
} rig;

/* libbpf's messages, of which only the last are kept: a log of the verifier has megabytes. */
__attribute__((format(printf, 2, 0))) static int keep_words(enum libbpf_print_level level,
							    const char *format, va_list arguments)
{
	char *text = NULL;
	size_t had = strlen(rig.words), length;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, arguments) < 0)
		return 0;
	length = strlen(text);
	if (length > LOG_TAIL) {
		memmove(text, text + length - LOG_TAIL, LOG_TAIL + 1);
		length = LOG_TAIL;
	}
	if (had + length >= sizeof(rig.words)) {
		memmove(rig.words, rig.words + had - (LOG_TAIL - 1), LOG_TAIL);
		had = LOG_TAIL - 1;
	}
	memcpy(rig.words + had, text, length + 1);
	free(text);
	return 0;
}

static void print_words(void)
{
	size_t length = strlen(rig.words);
	char *rest = rig.words + (length > LOG_TAIL ? length - LOG_TAIL : 0), *line;

	while ((line = strsep(&rest, "\n")))
		printf("# %s\n", line);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t rig_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t rig_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

int rig_map_fd(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(rig.object, name);

	if (fd < 0) {
		fprintf(stderr, "the programs have no map %s\n", name);
		abort();
	}
	return fd;
}

/*
 * The counters after one frame are those before the next: nothing else moves them, and if pn_why
 * did, it would show as a frame that counts twice.
 */
static bool read_tally(struct pn_tally *sums)
{
	__u32 keys[CELLS], batch, count = CELLS;
	int fd = rig_map_fd("pn_tally");

	if (bpf_map_lookup_batch(fd, NULL, &batch, keys, rig.per_cpu, &count, NULL) &&
	    !EXPECT(errno == ENOENT, "pn_tally is read: %s", strerror(errno)))
		return false;
	if (!EXPECT(count == CELLS, "pn_tally has a cell for each class and reason, not %u", count))
		return false;
	memset(sums, 0, sizeof(*sums) * CELLS);
	for (unsigned i = 0; i < CELLS; i++) {
		for (int cpu = 0; cpu < rig.cpus; cpu++) {
			const struct pn_tally *t = &rig.per_cpu[i * (unsigned)rig.cpus + cpu];

			sums[keys[i]].packets += t->packets;
			sums[keys[i]].bytes += t->bytes;
			sums[keys[i]].would += t->would;
		}
	}
	return true;
}

static bool read_faults(uint64_t sums[PN_FAULTS])
{
	__u32 keys[PN_FAULTS], batch, count = PN_FAULTS;

	if (bpf_map_lookup_batch(rig_map_fd("pn_fault"), NULL, &batch, keys, rig.fault_per_cpu,
				 &count, NULL) &&
	    !EXPECT(errno == ENOENT, "pn_fault is read: %s", strerror(errno)))
		return false;
	memset(sums, 0, sizeof(*sums) * PN_FAULTS);
	for (unsigned i = 0; i < count; i++)
		for (int cpu = 0; cpu < rig.cpus; cpu++)
			sums[keys[i]] += rig.fault_per_cpu[i * (unsigned)rig.cpus + cpu];
	return true;
}

/* The trie in pn_block's slot. It stays there: replacing it waits for an RCU grace period each
 * time. */
static int open_block_trie(void)
{
	__u32 slot = 0, id;

	if (bpf_map_lookup_elem(rig_map_fd("pn_block"), &slot, &id))
		return -errno;
	rig.block_fd = bpf_map_get_fd_by_id(id);
	return rig.block_fd < 0 ? -errno : 0;
}

int rig_block_fd(void)
{
	return rig.block_fd;
}

static int program_fd(const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(rig.object, name);

	if (!program) {
		fprintf(stderr, "there is no program %s\n", name);
		abort();
	}
	return bpf_program__fd(program);
}

/*
 * A network namespace of our own, where lo is up, no port is taken, and nothing is forwarded: programs look up sockets
 * and routes where the test runs.
 */
static bool make_room(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK};
	bool is_made;
	int fd;

	if (unshare(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	is_made = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &request) && rig_forward(false);
	if (fd >= 0)
		close(fd);
	return is_made;
}

bool rig_forward(bool on)
{
	int fd = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, on ? "1" : "0", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

struct bpf_object *rig_object(void)
{
	return rig.object;
}

bool rig_open(void)
{
	const void *bytes;
	size_t size;
	int error;

	if (rig.object || rig.failed)
		return EXPECT(!rig.failed, "the programs are not loaded");
	rig.failed = true;
	libbpf_set_print(keep_words);
	bytes = postern_bpf__elf_bytes(&size);
	rig.object = bpf_object__open_mem(bytes, size, NULL);
	if (!EXPECT(rig.object, "the programs are read: %s", strerror(errno)))
		return false;
	if (!EXPECT(make_room(), "a network namespace: %s", strerror(errno)))
		return false;
	bpf_map__set_map_flags(bpf_object__find_map_by_name(rig.object, "pn_wait"), BPF_F_MMAPABLE);
	error = bpf_object__load(rig.object);
	if (!EXPECT(!error, "the programs load: %s", strerror(-error))) {
		print_words();
		return false;
	}
	rig.xdp_fd = program_fd("pn_xdp");
	rig.why_fd = program_fd("pn_why");
	rig.cpus = libbpf_num_possible_cpus();
	if (!EXPECT(rig.cpus > 0, "the number of CPUs is known"))
		return false;
	rig.per_cpu = calloc((size_t)CELLS * (size_t)rig.cpus, sizeof(*rig.per_cpu));
	rig.fault_per_cpu = calloc((size_t)PN_FAULTS * (size_t)rig.cpus, sizeof(uint64_t));
	if (!EXPECT(rig.per_cpu && rig.fault_per_cpu, "there is memory for counters"))
		return false;
	error = open_block_trie();
	if (!EXPECT(!error, "pn_block has a trie: %s", strerror(-error)))
		return false;
	rig.failed = !rig_map_wait() || !read_tally(rig.after) || !read_faults(rig.faults);
	return !rig.failed;
}

static void compare_tally(struct result *r)
{
	r->reason = REASON_NONE;
	r->counters = 0;
	for (unsigned i = 0; i < CELLS; i++) {
		uint64_t packets = rig.after[i].packets - rig.before[i].packets;
		uint64_t would = rig.after[i].would - rig.before[i].would;

		if (!packets && !would)
			continue;
		r->counters += (unsigned)(packets + would);
		r->reason = (int)(i % PN_REASONS);
		r->class_ = (enum pn_class)(i / PN_REASONS);
		r->would = would != 0;
		r->bytes = rig.after[i].bytes - rig.before[i].bytes;
	}
}

bool rig_run(const uint8_t *bytes, size_t length, struct result *r)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = (__u32)length,
		    .data_out = r->out.bytes, .data_size_out = FRAME_MAX, .repeat = 1);
	uint64_t faults[PN_FAULTS];

	r->bytes = 0;
	r->would = false;
	r->class_ = PN_CLASS_MX;
	memcpy(rig.before, rig.after, sizeof(rig.before));
	memcpy(faults, rig.faults, sizeof(faults));
	if (!EXPECT(!bpf_prog_test_run_opts(rig.xdp_fd, &opts), "a frame of %zu bytes is run: %s",
		    length, strerror(errno)))
		return false;
	r->verdict = (int)opts.retval;
	r->out.length = opts.data_size_out;
	if (!read_tally(rig.after) || !read_faults(rig.faults))
		return false;
	compare_tally(r);
	if (r->reason == PN_REASON_HELD)
		rig_held();
	for (unsigned i = 0; i < PN_FAULTS; i++)
		r->faults[i] = rig.faults[i] - faults[i];
	return true;
}

bool rig_why(struct pn_why *w)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = w, .data_size_in = sizeof(*w),
		    .data_out = w, .data_size_out = sizeof(*w), .repeat = 1);

	return EXPECT(!bpf_prog_test_run_opts(rig.why_fd, &opts) &&
			      opts.data_size_out == sizeof(*w),
		      "pn_why answers: %s", strerror(errno));
}
