/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feeds into the kernel: a whole set of tables is made beside the one in force, in the bank that is not (bpf/postern_abi.h), and put in
 * force by one store. A bank is cleared only when no program can still be reading it.
 *
 * By one process at a time: the controller's.
 */
#include "kern/feeds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kern/kern.h"

/* Half of the cells: a line in 250 is full, and hardly any three on end. */
#define HOSTS_PER_LINE (PN_FEED_CELLS / 2)
/* Another secret spreads the same addresses otherwise; after so many there must be more lines. */
#define SECRETS_TRIED 4
/* What an entry of a trie takes: a node of its own and one where it parts from others (kmalloc-96 and -64). */
#define PREFIX_BYTES 160

/* What is made, and not in force yet. */
struct making {
	struct pn_feed_bank bank;
	struct pn_feed_line *lines; /* mapped */
	size_t bytes;		    /* of that */
	int lines_fd, trie_fd;	    /* -1 none */
};

static void making_end(struct making *m)
{
	if (m->lines)
		munmap(m->lines, m->bytes);
	if (m->lines_fd >= 0)
		close(m->lines_fd);
	if (m->trie_fd >= 0)
		close(m->trie_fd);
}

/* Into the line of its number or one of the next. False: they are full. */
static bool line_put(struct making *m, const struct feeds_host *h)
{
	uint32_t mixed = pn_feed_mix(&m->bank, h->addr), most = (1U << m->bank.line_bits) - 1;

	for (uint32_t step = 0; step < PN_FEED_STEPS; step++) {
		uint32_t at = ((mixed >> (32 - m->bank.line_bits)) + step) & most;
		uint32_t *cell = m->lines[at].cell;

		for (unsigned i = 0; i < PN_FEED_CELLS; i++) {
			if (cell[i])
				continue;
			cell[i] = pn_feed_cell(&m->bank, mixed, step) | h->feed << 1;
			return true;
		}
	}
	return false;
}

static int lines_map(struct making *m, struct err *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	uint32_t count = 1U << m->bank.line_bits;

	m->lines_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "pn_feed_line", sizeof(__u32),
				     sizeof(struct pn_feed_line), count, &o);
	if (m->lines_fd < 0)
		return err_set(e, -errno, "cannot make a table of %u lines for feeds: %s", count,
			       strerror(errno));
	m->bytes = (size_t)count * sizeof(*m->lines);
	m->lines = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->lines_fd, 0);
	if (m->lines == MAP_FAILED) {
		m->lines = NULL;
		return err_set(e, -errno, "cannot map a table of feeds: %s", strerror(errno));
	}
	return 0;
}

/* 0, -EOVERFLOW when there must be more lines, or -errno. */
static int lines_fill(struct making *m, const struct feeds_image *image, struct err *e)
{
	for (unsigned i = 0; i < SECRETS_TRIED; i++) {
		size_t n = 0;

		if (getrandom(m->bank.key, sizeof(m->bank.key), 0) < 0)
			return err_set(e, -errno, "no random numbers: %s", strerror(errno));
		if (i)
			memset(m->lines, 0, m->bytes);
		while (n < image->host_count && line_put(m, &image->hosts[n]))
			n++;
		if (n == image->host_count)
			return 0;
	}
	return -EOVERFLOW;
}

static int lines_make(struct making *m, const struct feeds_image *image, struct err *e)
{
	uint32_t bits = PN_FEED_LINE_BITS_MIN;
	int r;

	while (((uint64_t)HOSTS_PER_LINE << bits) < image->host_count)
		bits++;
	for (; bits <= PN_FEED_LINE_BITS_MAX; bits++) {
		m->bank.line_bits = bits;
		r = lines_map(m, e);
		if (!r)
			r = lines_fill(m, image, e);
		if (r != -EOVERFLOW)
			return r;
		munmap(m->lines, m->bytes);
		m->lines = NULL;
		close(m->lines_fd);
		m->lines_fd = -1;
	}
	return err_set(e, -E2BIG, "%zu addresses are more than the table of feeds can hold",
		       image->host_count);
}

static int trie_make(struct making *m, const struct feeds_image *image, struct err *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = BPF_F_NO_PREALLOC);

	if (image->prefix_count > UINT32_MAX)
		return err_set(e, -E2BIG, "too many prefixes");
	m->trie_fd =
		bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "pn_feed_trie", sizeof(struct pn_prefix),
			       sizeof(struct pn_feed_prefix), (uint32_t)image->prefix_count, &o);
	if (m->trie_fd < 0)
		return err_set(e, -errno, "cannot make a trie for %zu prefixes of feeds: %s",
			       image->prefix_count, strerror(errno));
	for (size_t i = 0; i < image->prefix_count; i++) {
		const struct feeds_prefix *p = &image->prefixes[i];
		struct pn_feed_prefix value = {.feed = p->feed, .bits = p->prefix.bits};
		struct pn_prefix key = trie_key(&p->prefix);

		if (bpf_map_update_elem(m->trie_fd, &key, &value, BPF_ANY))
			return err_set(e, -errno, "the kernel refused a prefix of a feed: %s",
				       strerror(errno));
	}
	return 0;
}

static void bank_set_feeds(struct pn_feed_bank *b, const struct feeds_set *set)
{
	b->feeds = set->count;
	for (unsigned i = 0; i < PN_FEEDS_MAX; i++) {
		const struct feeds_part *p = i < set->count ? &set->part[i] : NULL;

		b->action[i] = p ? (__u8)p->action : PN_PASS;
		b->always[i] = p && p->always;
		if (!p)
			continue;
		memcpy(b->feed[i].name, p->name, sizeof(b->feed[i].name));
		b->feed[i].list = p->list;
		b->feed[i].made = p->made;
	}
}

static int slot_put(int map, __u32 slot, int fd, struct err *e)
{
	if (bpf_map_update_elem(map, &slot, &fd, BPF_ANY))
		return err_set(e, -errno, "cannot put a table of feeds into its slot: %s",
			       strerror(errno));
	return 0;
}

static int bank_put(struct gate *g, __u32 slot, const struct making *m, struct err *e)
{
	int r = 0;

	if (bpf_map_update_elem(g->map.pn_feed_bank, &slot, &m->bank, BPF_ANY))
		return err_set(e, -errno, "cannot write pn_feed_bank: %s", strerror(errno));
	r = slot_put(g->map.pn_feed_lines, slot, m->lines_fd, e);
	if (!r && m->trie_fd >= 0)
		r = slot_put(g->map.pn_feed_tries, slot, m->trie_fd, e);
	return r;
}

/* What is not there already is no fault, and there is nothing to do about another: it holds memory until the next set. */
static void bank_clear(struct gate *g, __u32 slot)
{
	bpf_map_delete_elem(g->map.pn_feed_lines, &slot);
	bpf_map_delete_elem(g->map.pn_feed_tries, &slot);
}

/*
 * Wait until no program reads the bank that was in force before: older kernels free what leaves a slot while one may. To
 * change a slot of such a map the kernel waits for all programs that run (maybe_wait_bpf_programs()), before the call returns, whatever
 * stands there: here the same table again, in the spare slot.
 */
static void programs_wait(struct gate *g, __u32 slot, const struct making *m)
{
	slot_put(g->map.pn_feed_lines, slot, m->lines_fd, NULL);
}

static int bank_get(struct gate *g, __u32 *slot, struct pn_feed_bank *out, struct err *e)
{
	__u32 bank = __atomic_load_n(&g->conf->feeds_bank, __ATOMIC_SEQ_CST);

	memset(out, 0, sizeof(*out));
	if (!bank)
		return -ENOENT;
	*slot = bank - 1;
	if (bpf_map_lookup_elem(g->map.pn_feed_bank, slot, out))
		return err_set(e, -errno, "cannot read pn_feed_bank: %s", strerror(errno));
	return 0;
}

int feeds_find(const struct feeds_set *set, const char *name)
{
	for (unsigned i = 0; i < set->count; i++)
		if (strcmp(set->part[i].name, name) == 0)
			return (int)i;
	return -1;
}

int feeds_get_set(struct gate *g, struct feeds_set *out, struct err *e)
{
	struct pn_feed_bank bank;
	__u32 slot = 0;
	int r = bank_get(g, &slot, &bank, e);

	*out = (struct feeds_set){0};
	if (r)
		return r == -ENOENT ? 0 : r;
	out->count = bank.feeds < PN_FEEDS_MAX ? bank.feeds : PN_FEEDS_MAX;
	for (unsigned i = 0; i < out->count; i++) {
		struct feeds_part *p = &out->part[i];

		memcpy(p->name, bank.feed[i].name, sizeof(p->name));
		p->name[sizeof(p->name) - 1] = '\0';
		p->action = bank.action[i];
		p->always = bank.always[i];
		p->list = bank.feed[i].list;
		p->made = bank.feed[i].made;
	}
	return 0;
}

const char *feeds_get_name(struct gate *g, unsigned number, char buffer[static PN_FEED_NAME_MAX])
{
	struct feeds_set set;

	if (feeds_get_set(g, &set, NULL) || number >= set.count)
		return NULL;
	memcpy(buffer, set.part[number].name, PN_FEED_NAME_MAX);
	return buffer;
}

/*
 * The hits go with the names. Between this and the swap what a program counts is counted for the number: a few packets, seldom. Whoever
 * was no feed in force begins with none.
 */
static int hits_carry(struct gate *g, const struct feeds_set *was, const struct feeds_set *next,
		      struct err *e)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	size_t row = cpus > 0 ? (size_t)cpus : 0;
	__u64 *hits = calloc((PN_FEEDS_MAX + 1) * row + 1, sizeof(*hits));
	const __u64 *none = hits ? hits + PN_FEEDS_MAX * row : NULL;

	if (!hits || !row)
		r = err_set(e, -ENOMEM, "no memory for the counters");
	for (__u32 i = 0; !r && i < PN_FEEDS_MAX; i++)
		if (bpf_map_lookup_elem(g->map.pn_feed_hits, &i, hits + i * row))
			r = err_set(e, -errno, "cannot read pn_feed_hits: %s", strerror(errno));
	for (__u32 i = 0; !r && i < PN_FEEDS_MAX; i++) {
		int from = i < next->count ? feeds_find(was, next->part[i].name) : -1;

		if (from == (int)i)
			continue;
		if (bpf_map_update_elem(g->map.pn_feed_hits, &i,
					from < 0 ? none : hits + (size_t)from * row, BPF_ANY))
			r = err_set(e, -errno, "cannot write pn_feed_hits: %s", strerror(errno));
	}
	free(hits);
	return r;
}

static int image_check(const struct feeds_image *image, struct err *e)
{
	bool is_sound = image->set.count <= PN_FEEDS_MAX;

	for (size_t i = 0; is_sound && i < image->host_count; i++)
		is_sound = image->hosts[i].feed < image->set.count;
	for (size_t i = 0; is_sound && i < image->prefix_count; i++)
		is_sound = image->prefixes[i].feed < image->set.count &&
			   image->prefixes[i].prefix.bits <= ADDR_BITS;
	return is_sound ? 0 : err_set(e, -EINVAL, "an entry is of a feed that there is not");
}

static int making_fill(struct making *m, const struct feeds_image *image, struct err *e)
{
	int r;

	m->bank.hosts = (__u32)image->host_count;
	m->bank.prefixes = (__u32)image->prefix_count;
	bank_set_feeds(&m->bank, &image->set);
	/* Without hosts too, 8 KiB: programs_wait() needs something to put. */
	r = lines_make(m, image, e);
	if (!r && image->prefix_count)
		r = trie_make(m, image, e);
	return r;
}

int feeds_replace(struct gate *g, const struct feeds_image *image, struct err *e)
{
	__u32 was = __atomic_load_n(&g->conf->feeds_bank, __ATOMIC_SEQ_CST);
	__u32 next = was == 1 ? 2 : 1, spare = next - 1;
	bool is_empty = !image->host_count && !image->prefix_count;
	struct making m = {.lines_fd = -1, .trie_fd = -1};
	struct feeds_set before;
	int r = image_check(image, e);

	if (!r)
		r = feeds_get_set(g, &before, e);

	/* Left there by one who was killed. */
	if (!r)
		bank_clear(g, spare);
	if (!r)
		r = making_fill(&m, image, e);
	if (!r)
		r = bank_put(g, spare, &m, e);
	if (!r)
		r = hits_carry(g, &before, &image->set, e);
	if (r) {
		bank_clear(g, spare);
	} else {
		__atomic_store_n(&g->conf->feeds_bank, is_empty ? 0 : next, __ATOMIC_SEQ_CST);
		programs_wait(g, spare, &m);
		if (was)
			bank_clear(g, was - 1);
		if (is_empty)
			bank_clear(g, spare);
	}
	making_end(&m);
	return r;
}

bool feeds_are_loaded(struct gate *g)
{
	return __atomic_load_n(&g->conf->feeds_bank, __ATOMIC_SEQ_CST) != 0;
}

int feeds_get_size(struct gate *g, struct feeds_size *out, struct err *e)
{
	struct pn_feed_bank bank;
	__u32 slot = 0;
	int r = bank_get(g, &slot, &bank, e);

	*out = (struct feeds_size){0};
	if (r)
		return r == -ENOENT ? 0 : r;
	out->hosts = bank.hosts;
	out->prefixes = bank.prefixes;
	out->bytes = (sizeof(struct pn_feed_line) << bank.line_bits) + out->prefixes * PREFIX_BYTES;
	return 0;
}

int feeds_get_hits(struct gate *g, struct feeds_hits *out, struct err *e)
{
	int cpus = libbpf_num_possible_cpus(), r = feeds_get_set(g, &out->set, e);
	__u64 *per_cpu = cpus > 0 ? calloc((size_t)cpus, sizeof(*per_cpu)) : NULL;

	if (!per_cpu)
		return err_set(e, -ENOMEM, "no memory for the counters");
	for (__u32 i = 0; !r && i < PN_FEEDS_MAX; i++) {
		out->packets[i] = 0;
		if (bpf_map_lookup_elem(g->map.pn_feed_hits, &i, per_cpu))
			r = err_set(e, -errno, "cannot read pn_feed_hits: %s", strerror(errno));
		for (int cpu = 0; !r && cpu < cpus; cpu++)
			out->packets[i] += per_cpu[cpu];
	}
	free(per_cpu);
	return r;
}

uint64_t feeds_hits_of(const struct feeds_hits *h, const char *name)
{
	int number = feeds_find(&h->set, name);

	return number < 0 ? 0 : h->packets[number];
}
