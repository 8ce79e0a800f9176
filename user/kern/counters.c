/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters: one per reason and port class, and the faults, summed over the CPUs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kern/kern.h"
#include "kern/maps.h"

int counters_each(struct gate *g, int (*fn)(void *c, const struct counter *k), void *c,
		  struct err *e)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	struct pn_tally *per_cpu = cpus > 0 ? calloc((size_t)cpus, sizeof(*per_cpu)) : NULL;

	if (!per_cpu)
		return err_set(e, -ENOMEM, "no memory for the counters");
	for (__u32 i = 0; !r && i < PN_CLASSES * PN_REASONS; i++) {
		struct counter k = {
			.name = reason_name(i % PN_REASONS),
			.sentence = reason_sentence(i % PN_REASONS),
			.class_ = i / PN_REASONS,
		};

		if (bpf_map_lookup_elem(g->map.pn_tally, &i, per_cpu)) {
			r = err_set(e, -errno, "cannot read pn_tally: %s", strerror(errno));
			break;
		}
		for (int cpu = 0; cpu < cpus; cpu++) {
			k.sum.packets += per_cpu[cpu].packets;
			k.sum.bytes += per_cpu[cpu].bytes;
			k.sum.would += per_cpu[cpu].would;
		}
		r = fn(c, &k);
	}
	free(per_cpu);
	return r;
}

static int entries_carry(int from, int to, __u32 count, void *per_cpu)
{
	for (__u32 i = 0; i < count; i++)
		if (bpf_map_lookup_elem(from, &i, per_cpu) ||
		    bpf_map_update_elem(to, &i, per_cpu, BPF_ANY))
			return -errno;
	return 0;
}

int counters_carry(struct gate *from, struct gate *to, struct err *e)
{
	int cpus = libbpf_num_possible_cpus(), r;
	struct pn_tally *per_cpu = cpus > 0 ? calloc((size_t)cpus, sizeof(*per_cpu)) : NULL;

	_Static_assert(sizeof(*per_cpu) >= sizeof(__u64), "room for a fault of each CPU");
	if (!per_cpu)
		return err_set(e, -ENOMEM, "no memory for the counters");
	r = entries_carry(from->map.pn_tally, to->map.pn_tally, PN_CLASSES * PN_REASONS, per_cpu);
	if (!r)
		r = entries_carry(from->map.pn_fault, to->map.pn_fault, PN_FAULTS, per_cpu);
	free(per_cpu);
	return r ? err_set(e, r, "the counters cannot be carried over: %s", strerror(-r)) : 0;
}

/* The kernel does not run a tracing program inside itself on one CPU, and counts what it left out. */
static uint64_t missed_runs(struct gate *g)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(g->program.pn_conn, &info, &size) ? 0 : info.recursion_misses;
}

int faults_each(struct gate *g, int (*fn)(void *c, const struct fault *f), void *c, struct err *e)
{
#define FAULT_ROW(ID, name, sentence) [PN_FAULT_##ID] = {#name, sentence, 0},
	static const struct fault rows[] = {PN_FAULTS_TABLE(FAULT_ROW)};
	int cpus = libbpf_num_possible_cpus(), r = 0;
	__u64 *per_cpu = cpus > 0 ? calloc((size_t)cpus, sizeof(*per_cpu)) : NULL;

	if (!per_cpu)
		return err_set(e, -ENOMEM, "no memory for the counters");
	for (__u32 i = 0; !r && i < PN_FAULTS; i++) {
		struct fault f = rows[i];

		if (bpf_map_lookup_elem(g->map.pn_fault, &i, per_cpu)) {
			r = err_set(e, -errno, "cannot read pn_fault: %s", strerror(errno));
			break;
		}
		for (int cpu = 0; cpu < cpus; cpu++)
			f.count += per_cpu[cpu];
		r = fn(c, &f);
	}
	free(per_cpu);
	if (!r) {
		struct fault missed = {"missed",
				       "pn_conn was not run inside itself; the open count it left "
				       "out is found within 30 s",
				       missed_runs(g)};

		r = fn(c, &missed);
	}
	return r;
}
