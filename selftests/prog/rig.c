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
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bpf/postern.skel.h"
#include "tap.h"

#define CELLS	      (PN_CLASSES * PN_REASONS)
#define KEYS_MAX      128 /* entries that one state can make */
#define KEY_BYTES_MAX sizeof(struct pn_prefix)
#define HOUR_NS	      (3600ULL * 1000000000)
#define NS_PER_S      1000000000ULL
#define EVENT_EVERY   (10 * NS_PER_S)
#define CLEAR_PAST    1 /* ended one ns after boot */

#define WAIT_BYTES (PN_WAIT_CELLS * sizeof(struct pn_wait))

#define LOG_TAIL 2000 /* bytes of libbpf's last words: where the verifier says why */

struct made {
	int fd;
	uint8_t key[KEY_BYTES_MAX];
};

static struct {
	struct bpf_object *object;
	int xdp_fd, why_fd;
	bool failed;
	int block_fd;
	int cpus;
	struct made made[KEYS_MAX];
	unsigned made_count;
	struct pn_conf conf;
	uint64_t later; /* when entries of this state end */
	struct pn_wait *wait;
	bool wait_dirty; /* a SYN of this state may stand in it */
	enum wait wait_filled;
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

/* The tests write all its cells between two frames, which takes a mapping. */
static bool map_wait(void)
{
	void *at = mmap(NULL, WAIT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, rig_map_fd("pn_wait"),
			0);

	rig.wait = at == MAP_FAILED ? NULL : at;
	return EXPECT(rig.wait, "pn_wait is mapped: %s", strerror(errno));
}

struct pn_wait *rig_wait(void)
{
	return rig.wait;
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
	rig.failed = !map_wait() || !read_tally(rig.after) || !read_faults(rig.faults);
	return !rig.failed;
}

static bool put(int fd, const void *key, size_t key_size, const void *value)
{
	struct made *m = &rig.made[rig.made_count];

	if (rig.made_count == KEYS_MAX)
		abort();
	if (!EXPECT(!bpf_map_update_elem(fd, key, value, BPF_ANY), "an entry of the state: %s",
		    strerror(errno)))
		return false;
	m->fd = fd;
	memcpy(m->key, key, key_size);
	rig.made_count++;
	return true;
}

static void clear_made(void)
{
	while (rig.made_count > 0) {
		struct made *m = &rig.made[--rig.made_count];

		bpf_map_delete_elem(m->fd, m->key); /* an LRU may have lost it */
	}
}

static struct pn_key key_of(const char *text)
{
	struct pn_key key = {.bits = 0};
	unsigned bits;

	prefix_read(text, key.addr, &bits);
	key.bits = (__u8)bits;
	return key;
}

static struct pn_prefix prefix_of(const char *text)
{
	struct pn_prefix key = {.bits = 0};
	unsigned bits;

	key.family = prefix_read(text, key.addr, &bits) ? 4 : 6;
	key.bits = PN_PREFIX_LEAD_BITS + bits;
	return key;
}

static uint64_t end_of(enum life life)
{
	return life == LIFE_FOREVER ? 0 : life == LIFE_LIVE ? rig.later : CLEAR_PAST;
}

static bool put_rules(int fd, bool is_trie, const struct entry *list)
{
	for (const struct entry *e = list; e < list + STATE_ENTRIES_MAX && e->prefix; e++) {
		struct pn_prefix trie_key = prefix_of(e->prefix);
		struct pn_key hash_key = key_of(e->prefix);
		struct pn_rule rule = {.action = e->action,
				       .origin = PN_ORIGIN_OPERATOR,
				       .expires = end_of(e->life),
				       .bits = hash_key.bits,
				       .always = e->always};

		if (!put(fd, is_trie ? (void *)&trie_key : (void *)&hash_key,
			 is_trie ? sizeof(trie_key) : sizeof(hash_key), &rule))
			return false;
	}
	return true;
}

static bool put_sources(const struct state *s)
{
	for (const struct entry *e = s->listed; e < s->listed + STATE_ENTRIES_MAX && e->prefix;
	     e++) {
		struct pn_key key = key_of(e->prefix);
		struct pn_listed value = {.action = e->action,
					  .origin = PN_ORIGIN_DNSBL,
					  .expires = end_of(e->life),
					  .classes = e->classes ? e->classes : ~0U};

		if (!put(rig_map_fd("pn_listed"), &key, sizeof(key), &value))
			return false;
	}
	for (const struct entry *e = s->known; e < s->known + STATE_ENTRIES_MAX && e->prefix; e++) {
		struct pn_key key = key_of(e->prefix);
		struct pn_known value = {.since = CLEAR_PAST,
					 .until = e->life ? end_of(e->life) : PN_FOREVER,
					 .origin = PN_ORIGIN_SEEN};

		if (!put(rig_map_fd("pn_known"), &key, sizeof(key), &value))
			return false;
	}
	return true;
}

static struct pn_limit limit_of(bool on, unsigned burst)
{
	struct pn_limit l = {.interval_ns = RATE_INTERVAL_NS,
			     .burst_ns = (burst - 1) * RATE_INTERVAL_NS};

	return on ? l : (struct pn_limit){.interval_ns = 0};
}

static uint64_t arrival_of(enum fill fill, unsigned burst)
{
	uint64_t edge = rig_now_ns() + (burst - 1) * RATE_INTERVAL_NS;

	switch (fill) {
	case FILL_NONE:
		return 0;
	case FILL_SOME:
		return edge - RATE_MARGIN_NS;
	case FILL_SPENT:
		return edge + RATE_MARGIN_NS;
	case FILL_BEYOND:
		return edge + RATE_BEYOND_NS;
	}
	abort();
}

static bool is_source(const struct pn_key *key)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = !memcmp(key->addr, mapped, sizeof(mapped));

	return key->bits == (v4 ? PN_SOURCE_BITS_V4 : PN_SOURCE_BITS_V6);
}

/* Answers of the responder; those of a verdict that is none of the state's were told under another one. */
static bool put_answers(const struct state *s)
{
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->answered[i].source; i++) {
		struct pn_key key = key_of(s->answered[i].source);
		struct pn_answered value = {.expires = end_of(s->answered[i].life),
					    .first_ns = s->answered[i].stale ? CLEAR_PAST
									     : rig_boot_ns(),
					    .count = s->answered[i].count};

		if (!put(rig_map_fd("pn_answered"), &key, sizeof(key), &value))
			return false;
	}
	return true;
}

static void fill_wait(enum wait wait)
{
	static const uint64_t ages[] = {[WAIT_YOUNG] = 1,
					[WAIT_DUE] = 2 * PN_WAIT_LEAST_NS,
					[WAIT_OLD] = PN_WAIT_MOST_NS + NS_PER_S};
	uint64_t held = wait == WAIT_EMPTY   ? 0
			: wait == WAIT_YOUNG ? rig_now_ns() + HOUR_NS
					     : rig_now_ns() - ages[wait];

	for (unsigned i = 0; i < PN_WAIT_CELLS; i++)
		rig.wait[i].held_ns = held;
	rig.wait_filled = wait;
	rig.wait_dirty = false;
}

static bool put_counts(const struct state *s)
{
	struct pn_total total = {.open = s->total_open,
				 .rate_arrival_ns = arrival_of(s->total_fill, TOTAL_RATE_BURST),
				 .pressed_until_ns = s->pressed ? rig_now_ns() + HOUR_NS : 0,
				 .unproven_arrival_ns = arrival_of(
					 s->hold_spent ? FILL_SPENT : FILL_NONE, s->hold_budget)};
	__u32 zero = 0;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->open[i].source; i++) {
		struct pn_key key = key_of(s->open[i].source);
		struct pn_open value = {.open = s->open[i].open};

		if (!put(rig_map_fd("pn_open"), &key, sizeof(key), &value))
			return false;
	}
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->rates[i].source; i++) {
		struct pn_key key = key_of(s->rates[i].source);
		struct pn_rate value = {arrival_of(
			s->rates[i].fill, is_source(&key) ? RATE_BURST : NETWORK_RATE_BURST)};

		if (!put(rig_map_fd("pn_rate"), &key, sizeof(key), &value))
			return false;
	}
	return EXPECT(!bpf_map_update_elem(rig_map_fd("pn_total"), &zero, &total, BPF_ANY),
		      "pn_total is written: %s", strerror(errno));
}

static bool put_prefixes(const struct state *s)
{
	__u32 yes = 1;

	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->guard[i]; i++) {
		struct pn_prefix key = prefix_of(s->guard[i]);

		if (!put(rig_map_fd("pn_guard"), &key, sizeof(key), &yes))
			return false;
	}
	for (unsigned i = 0; i < STATE_ENTRIES_MAX && s->only[i].prefix; i++) {
		struct pn_prefix p = prefix_of(s->only[i].prefix);
		struct pn_only_key key = {.bits = p.bits - PN_PREFIX_LEAD_BITS + PN_ONLY_LEAD_BITS,
					  .port = s->only[i].port,
					  .family = p.family};

		memcpy(key.addr, p.addr, sizeof(key.addr));
		if (!put(rig_map_fd("pn_only"), &key, sizeof(key), &yes))
			return false;
	}
	return true;
}

static void set_ports(struct pn_conf *c, const struct state *s)
{
	if (!s->ports[0].port)
		c->ports[0] = (struct pn_port){.port = 25, .local_port = 25, .can_reply = 1};
	for (unsigned i = 0; i < STATE_PORTS_MAX && s->ports[i].port; i++)
		c->ports[i] = (struct pn_port){.port = s->ports[i].port,
					       .local_port = s->ports[i].port,
					       .class_ = (__u8)s->ports[i].class_,
					       .only = s->ports[i].only,
					       .can_reply = !s->ports[i].mute};
}

static bool write_conf(void)
{
	__u32 zero = 0;

	return EXPECT(!bpf_map_update_elem(rig_map_fd("pn_conf"), &zero, &rig.conf, BPF_ANY),
		      "pn_conf is written: %s", strerror(errno));
}

static bool put_conf(const struct state *s)
{
	struct pn_conf *c = &rig.conf;
	uint64_t later = rig.later;

	memset(c, 0, sizeof(*c));
	c->abi = PN_ABI_VERSION;
	c->open_max = s->open_max;
	c->total_open_max = s->total_open_max;
	c->charge_syn = s->charge_syn;
	c->enforce_until = s->monitor ? CLEAR_PAST : later;
	c->alive_until = s->orphaned ? CLEAR_PAST : later;
	set_ports(c, s);
	c->rate = limit_of(s->rate, RATE_BURST);
	c->network_rate = limit_of(s->network_rate, NETWORK_RATE_BURST);
	c->total_rate = limit_of(s->total_rate, TOTAL_RATE_BURST);
	c->refuse_budget = limit_of(s->refuse_budget, s->refuse_budget);
	c->event_interval_ns = EVENT_EVERY;
	c->rate_action = s->rate_action ? s->rate_action : PN_DROP;
	c->open_action = s->open_action ? s->open_action : PN_DROP;
	c->only_action = s->only_action ? s->only_action : PN_DROP;
	c->guarded = s->guarded;
	c->contact = s->contact;
	c->replying = !s->unanswering;
	c->unproven_budget = limit_of(s->hold_budget, s->hold_budget);
	c->has_rules = s->rule[0].prefix != NULL;
	c->has_blocks = s->block[0].prefix != NULL;
	c->has_listed = s->listed[0].prefix != NULL;
	c->has_known = s->known[0].prefix != NULL;
	return write_conf();
}

bool rig_tune(void (*change)(struct pn_conf *conf))
{
	change(&rig.conf);
	return write_conf();
}

bool rig_apply(const struct state *s)
{
	clear_made();
	rig.later = rig_boot_ns() + HOUR_NS;
	if (s->wait != rig.wait_filled || rig.wait_dirty)
		fill_wait(s->wait);
	return put_rules(rig_map_fd("pn_allow"), true, s->allow) &&
	       put_rules(rig_map_fd("pn_rule"), false, s->rule) &&
	       put_rules(rig.block_fd, true, s->block) && put_sources(s) && put_counts(s) &&
	       put_answers(s) && put_prefixes(s) && put_conf(s);
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
	rig.wait_dirty |= r->reason == PN_REASON_HELD;
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

uint64_t rig_rate_of(const char *prefix)
{
	struct pn_key key = key_of(prefix);
	struct pn_rate value;

	return bpf_map_lookup_elem(rig_map_fd("pn_rate"), &key, &value) ? 0 : value.arrival_ns;
}

uint64_t rig_total_arrival(void)
{
	struct pn_total total = {.open = 0};
	__u32 zero = 0;

	bpf_map_lookup_elem(rig_map_fd("pn_total"), &zero, &total);
	return total.rate_arrival_ns;
}
