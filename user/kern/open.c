/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open connections: reading the counts, adopting sockets that were there before the gate, and
 * reconciling. The kernel skips a tracing program that would run inside itself on one CPU, so a
 * count can drift; the marks on the sockets tell the truth. Only differences that stood still while
 * the sockets were listed are corrected, and by adding, so that what happens meanwhile is not
 * overwritten.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kern/kern.h"
#include "kern/maps.h"

#define COUNTS_GROW 256

struct count {
	struct pn_key source;
	uint32_t open;
};

struct counts {
	struct count *list;
	size_t length, room;
};

static int counts_add(struct counts *k, const struct pn_key *source, uint32_t open)
{
	if (k->length == k->room) {
		size_t room = k->room ? k->room * 2 : COUNTS_GROW;
		struct count *more = realloc(k->list, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		k->list = more;
		k->room = room;
	}
	k->list[k->length].source = *source;
	k->list[k->length++].open = open;
	return 0;
}

static int count_order(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return memcmp(&x->source, &y->source, sizeof(x->source));
}

static void counts_sort(struct counts *k)
{
	if (k->length)
		qsort(k->list, k->length, sizeof(*k->list), count_order);
}

/* Sorted, one entry per source. */
static void counts_merge(struct counts *k)
{
	size_t n = 0;

	counts_sort(k);
	for (size_t i = 0; i < k->length; i++) {
		if (n && count_order(&k->list[n - 1], &k->list[i]) == 0)
			k->list[n - 1].open += k->list[i].open;
		else
			k->list[n++] = k->list[i];
	}
	k->length = n;
}

/* NULL: the source has no entry. */
static const struct count *counts_entry(const struct counts *k, const struct pn_key *source)
{
	struct count want = {.source = *source};

	return k->length ? bsearch(&want, k->list, k->length, sizeof(*k->list), count_order) : NULL;
}

static uint32_t counts_find(const struct counts *k, const struct pn_key *source)
{
	const struct count *found = counts_entry(k, source);

	return found ? found->open : 0;
}

static int visit_open(void *c, const void *key, const void *value)
{
	struct pn_open open;

	memcpy(&open, value, sizeof(open));
	return counts_add(c, key, open.open);
}

static int counts_read(struct gate *g, struct counts *k)
{
	int r = map_walk(g->map.pn_open, sizeof(struct pn_key), sizeof(struct pn_open), visit_open,
			 k);

	counts_sort(k);
	return r;
}

/* Run an iterator program to its end. Each record is a socket; how many, or -errno. counts may be
 * NULL. */
static int iterate(int program, int map, struct counts *counts)
{
	union bpf_iter_link_info info = {.map.map_fd = (__u32)map};
	LIBBPF_OPTS(bpf_link_create_opts, o, .iter_info = &info, .iter_info_len = sizeof(info));
	struct pn_counted batch[64];
	size_t have = 0;
	int link, iter, total = 0, r = 0;

	link = bpf_link_create(program, 0, BPF_TRACE_ITER, map >= 0 ? &o : NULL);
	if (link < 0)
		return -errno;
	iter = bpf_iter_create(link);
	if (iter < 0)
		r = -errno;
	while (!r) {
		ssize_t n = read(iter, (char *)batch + have, sizeof(batch) - have);
		size_t records;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue; /* bpf_iter(7): a record too long for the rest of the buffer */
		if (n <= 0) {
			r = n < 0 ? -errno : 0;
			break;
		}
		have += (size_t)n;
		records = have / sizeof(batch[0]);
		for (size_t i = 0; !r && counts && i < records; i++)
			r = counts_add(counts, &batch[i].source, 1);
		total += (int)records;
		have %= sizeof(batch[0]);
		memmove(batch, batch + records, have);
	}
	if (iter >= 0)
		close(iter);
	close(link);
	return r ? r : total;
}

static int adjust(struct gate *g, const struct pn_key *source, int64_t delta, int64_t total_delta)
{
	struct pn_adjust a = {
		.source = *source,
		.delta = (__s32)delta,
		.total_delta = (__u64)total_delta,
	};
	LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &a, .ctx_size_in = sizeof(a));

	return bpf_prog_test_run_opts(g->program.pn_adjust, &o) ? -errno : 0;
}

/*
 * An entry of 0 is taken out. The kernel may have raised it in between: then what was taken out is
 * put back.
 */
static int reap_zero(struct gate *g, const struct pn_key *source)
{
	struct pn_open taken = {0}, none = {0};

	if (bpf_map_lookup_and_delete_elem(g->map.pn_open, source, &taken))
		return errno == ENOENT ? 0 : -errno;
	if (!taken.open)
		return 0;
	map_put(g->map.pn_open, source, &none, BPF_NOEXIST);
	return adjust(g, source, taken.open, 0);
}

/* Correct one source whose count stood still at `was` while its marks were `marked`. How much, or
 * -errno. */
static int correct(struct gate *g, const struct pn_key *source, uint32_t was, uint32_t marked)
{
	int64_t delta = (int64_t)marked - was;
	int r;

	if (!delta)
		return was ? 0 : reap_zero(g, source);
	if (!was) {
		struct pn_open none = {0};

		map_put(g->map.pn_open, source, &none, BPF_NOEXIST);
	}
	r = adjust(g, source, delta, delta);
	return r ? r : (int)(delta < 0 ? -delta : delta);
}

static int reconcile(struct gate *g, struct counts *before, struct counts *marks,
		     struct counts *after)
{
	int r = counts_read(g, before), drift = 0;

	if (!r) {
		r = iterate(g->program.pn_marks, g->map.pn_sock, marks);
		counts_merge(marks);
	}
	if (r >= 0)
		r = counts_read(g, after);
	for (size_t i = 0; r >= 0 && i < after->length; i++) {
		const struct count *k = &after->list[i];

		if (counts_find(before, &k->source) != k->open)
			continue;
		r = correct(g, &k->source, k->open, counts_find(marks, &k->source));
		drift += r > 0 ? r : 0;
	}
	/* Marked sockets of a source that has no entry at all, before and after. */
	for (size_t i = 0; r >= 0 && i < marks->length; i++) {
		const struct count *k = &marks->list[i];

		if (counts_entry(before, &k->source) || counts_entry(after, &k->source))
			continue;
		r = correct(g, &k->source, 0, k->open);
		drift += r > 0 ? r : 0;
	}
	return r < 0 ? r : drift;
}

int open_reconcile(struct gate *g, struct err *e)
{
	struct counts before = {0}, marks = {0}, after = {0};
	int r = reconcile(g, &before, &marks, &after);

	free(before.list);
	free(marks.list);
	free(after.list);
	return r < 0 ? err_set(e, r, "cannot reconcile open connections: %s", strerror(-r)) : r;
}

int open_adopt(struct gate *g, struct err *e)
{
	int r = iterate(g->program.pn_adopt, -1, NULL);

	return r < 0 ? err_set(e, r, "cannot adopt open connections: %s", strerror(-r)) : r;
}

struct open_walk {
	int (*fn)(void *c, const struct open_entry *o);
	void *c;
};

static int visit_entry(void *c, const void *key, const void *value)
{
	struct open_walk *w = c;
	struct open_entry o = {.source = prefix_of_key(key)};
	struct pn_open open;

	memcpy(&open, value, sizeof(open));
	o.open = open.open;
	return open.open ? w->fn(w->c, &o) : 0;
}

int open_each(struct gate *g, int (*fn)(void *c, const struct open_entry *o), void *c,
	      struct err *e)
{
	struct open_walk w = {fn, c};
	int r = map_walk(g->map.pn_open, sizeof(struct pn_key), sizeof(struct pn_open), visit_entry,
			 &w);

	return r < 0 ? err_set(e, r, "cannot read pn_open: %s", strerror(-r)) : r;
}

uint32_t open_get(struct gate *g, const struct addr *a)
{
	struct pn_key key = key_of_source(a);
	struct pn_open open = {0};

	bpf_map_lookup_elem(g->map.pn_open, &key, &open);
	return open.open;
}

uint64_t open_total(struct gate *g)
{
	struct pn_total total = {0};
	__u32 zero = 0;

	bpf_map_lookup_elem(g->map.pn_total, &zero, &total);
	return total.open;
}
