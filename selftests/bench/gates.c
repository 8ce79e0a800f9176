/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gates to measure: the real programs and maps, filled by the controller's own functions, but
 * neither pinned nor attached, so that nothing is left behind whatever ends the bench. For that a
 * struct gate is put together here instead of by gate_load().
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/when.h"
#include "bench.h"
#include "bpf/postern.skel.h"
#include "conf/conf.h"
#include "daemon/setup.h"
#include "feed/feed.h"
#include "kern/feeds.h"
#include "kern/kern.h"
#include "kern/maps.h"

#define FAMILIES 2
/* Half of the sources that are measured have a connection open. */
#define OPEN_OF_MEASURED 2
/* So far ahead that a source stays over its rate for the whole run. */
#define ARRIVAL_AHEAD_NS (3600 * NS_PER_S)

struct made {
	struct gate *gate;
	struct events *events;
	struct list_cost imported;
};
static struct made made[WORLDS][FAMILIES];

/* What a host of one interface has in pn_allow: loopback, link-local, own addresses, gateways. */
static const char *const own[] = {"127.0.0.0/8", "::1",		  "169.254.0.0/16",
				  "fe80::/10",	 "203.0.113.25",  "2001:db8:25::25",
				  "203.0.113.1", "2001:db8:25::1"};

static int gate_fill_fds(struct gate *g, struct err *e)
{
	struct postern_bpf *s = g->skeleton;
	int r = 0;

#define KEEP(name)                                                                                 \
	if (!r && (g->map.name = dup(bpf_map__fd(s->maps.name))) < 0)                              \
		r = -errno;
	KERN_MAPS(KEEP)
	KEEP(pn_prefixes)
#undef KEEP
#define KEEP(name)                                                                                 \
	if (!r && (g->program.name = dup(bpf_program__fd(s->progs.name))) < 0)                     \
		r = -errno;
	KERN_PROGRAMS(KEEP)
#undef KEEP
	if (r)
		return err_set(e, r, "cannot keep the descriptors: %s", strerror(-r));
	g->conf =
		mmap(NULL, sizeof(*g->conf), PROT_READ | PROT_WRITE, MAP_SHARED, g->map.pn_conf, 0);
	if (g->conf == MAP_FAILED) {
		g->conf = NULL;
		return err_set(e, -errno, "cannot map pn_conf: %s", strerror(errno));
	}
	return 0;
}

static int gate_set_up(struct gate *g, const struct conf *c, struct err *e)
{
	int r = setup_conf(g, c, e);

	for (size_t i = 0; !r && i < sizeof(own) / sizeof(own[0]); i++) {
		struct prefix p;

		r = prefix_parse(own[i], &p, e);
		if (!r)
			r = rules_allow(g, &p, PN_ALLOW, PN_ORIGIN_OWN, 0, e);
	}
	g->conf->enforce_until = PN_FOREVER;
	g->conf->alive_until = PN_FOREVER;
	return r;
}

/* The default configuration in enforce mode, with room for MANY rules. */
static int gate_make(struct gate **out, struct err *e)
{
	struct gate *g = calloc(1, sizeof(*g));
	struct gate_sizes sizes;
	struct conf c;
	int r;

	if (!g)
		return err_set(e, -ENOMEM, "no memory for a gate");
	*out = g;
	conf_defaults(&c);
	c.tables.rules = MANY;
	sizes = setup_sizes(&c);
	g->skeleton = postern_bpf__open();
	if (!g->skeleton)
		return err_set(e, -errno, "cannot open the programs: %s", strerror(errno));
	bpf_map__set_max_entries(g->skeleton->maps.pn_allow, sizes.allow);
	bpf_map__set_max_entries(g->skeleton->maps.pn_rule, sizes.rules);
	bpf_map__set_max_entries(g->skeleton->maps.pn_prefixes, sizes.blocks);
	bpf_map__set_max_entries(g->skeleton->maps.pn_listed, sizes.listed);
	bpf_map__set_max_entries(g->skeleton->maps.pn_known, sizes.known);
	bpf_map__set_max_entries(g->skeleton->maps.pn_rate, sizes.rates);
	bpf_map__set_max_entries(g->skeleton->maps.pn_open, sizes.open);
	r = postern_bpf__load(g->skeleton);
	if (r)
		return err_set(e, r, "cannot load the programs: %s (BENCH_LOG=1 shows the log)",
			       strerror(-r));
	r = gate_fill_fds(g, e);
	return r ? r : gate_set_up(g, &c, e);
}

/* Lines of addresses, or prefixes, as a file of them would be. For free(). */
static char *list_text(uint32_t count, int family, const char *length)
{
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		char buffer[ADDR_TEXT_MAX];
		__u32 v4 = spread_v4(i);

		if (!*length)
			fprintf(out, "%s\n", source_text(i, family, buffer));
		else if (family == 4)
			fprintf(out, "%u.%u.%u.0%s\n", v4 >> 24, v4 >> 16 & 255, v4 >> 8 & 255,
				length);
		else
			fprintf(out, "2001:%x:%x::%s\n", v4 >> 16, v4 & 0xffff, length);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static int list_block(struct gate *g, char *text, struct err *e)
{
	int r = 0;

	for (char *line = text, *end; !r && *line; line = end + 1) {
		struct prefix p;

		end = strchrnul(line, '\n');
		*end = 0;
		r = prefix_parse(line, &p, e);
		if (!r)
			r = rules_block(g, &p, PN_DROP, 0, e);
	}
	return r;
}

static int64_t memlock_of(int fd)
{
	char path[64], line[128];
	long long bytes = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = fopen(path, "re");
	if (!in)
		return 0;
	while (fgets(line, sizeof(line), in))
		sscanf(line, "memlock: %lld", &bytes);
	fclose(in);
	return bytes;
}

static int fill_rules(struct made *m, uint32_t count, int family, const char *length, struct err *e)
{
	char *text = list_text(count, family, length);
	int64_t memory = kernel_memory_bytes();
	struct clocks begin, end;
	int r;

	if (!text)
		return err_set(e, -ENOMEM, "no memory for a list");
	begin = clocks_now();
	r = list_block(m->gate, text, e);
	end = clocks_now();
	free(text);
	m->imported = (struct list_cost){
		.what = *length ? "pn_block, 100k prefixes" : "pn_rule, 1M addresses",
		.spent = {end.wall_ns - begin.wall_ns, end.cpu_ns - begin.cpu_ns},
		.told = memlock_of(*length ? m->gate->map.pn_prefixes : m->gate->map.pn_rule),
		.grown = kernel_memory_bytes() - memory,
		.entries = count};
	return r;
}

/* As the controller does it: the text of a file is read, its addresses are numbered, and the whole is swapped in. */
static int feed_load(struct gate *g, const char *text, struct list_cost *cost, struct err *e)
{
	struct feeds_image image = {
		.set = {.part = {{.name = "bench", .action = PN_DROP}}, .count = 1}};
	struct feeds_host *hosts = NULL;
	struct feed_list list = {.hosts = NULL};
	int r = feed_read(text, strlen(text), &list, e);

	if (!r && !(hosts = calloc(list.host_count, sizeof(*hosts))))
		r = err_set(e, -ENOMEM, "no memory for a list");
	for (size_t i = 0; !r && i < list.host_count; i++)
		hosts[i].addr = list.hosts[i];
	image.hosts = hosts;
	image.host_count = list.host_count;
	if (!r)
		r = feeds_replace(g, &image, e);
	cost->entries = (uint32_t)list.host_count;
	/* What it holds at the end: the text, what was read of it, and the image. */
	cost->tool_mb =
		(double)(strlen(text) + list.host_count * (sizeof(*list.hosts) + sizeof(*hosts))) /
		1e6;
	free(hosts);
	feed_list_free(&list);
	return r;
}

static int fill_feed(struct made *m, uint32_t count, struct err *e)
{
	struct list_cost cost = {.what = "feed, 1M addresses"};
	char *text = list_text(count, 4, "");
	int64_t memory = kernel_memory_bytes();
	struct feeds_size size = {0};
	struct clocks begin, end;
	int r;

	if (!text)
		return err_set(e, -ENOMEM, "no memory for a list");
	begin = clocks_now();
	r = feed_load(m->gate, text, &cost, e);
	end = clocks_now();
	free(text);
	if (!r)
		r = feeds_get_size(m->gate, &size, e);
	cost.spent = (struct clocks){end.wall_ns - begin.wall_ns, end.cpu_ns - begin.cpu_ns};
	cost.told = (int64_t)size.bytes;
	cost.grown = kernel_memory_bytes() - memory;
	m->imported = cost;
	return r;
}

static int fill_rates(struct gate *g, int family, struct err *e)
{
	struct pn_rate rate = {.arrival_ns = now_monotonic_ns() + ARRIVAL_AHEAD_NS};
	struct pn_open open = {.open = 1};

	for (uint32_t i = 0; i < MEASURED; i++) {
		char text[ADDR_TEXT_MAX];
		struct pn_key key;
		struct addr a;
		int r = addr_parse(source_text(i, family, text), &a, e);

		if (r)
			return r;
		key = key_of_source(&a);
		if (bpf_map_update_elem(g->map.pn_rate, &key, &rate, BPF_ANY) ||
		    (i % OPEN_OF_MEASURED == 0 &&
		     bpf_map_update_elem(g->map.pn_open, &key, &open, BPF_ANY)))
			return err_set(e, -errno, "cannot fill pn_rate: %s", strerror(errno));
	}
	return 0;
}

static void event_ignore(void *c, const struct pn_event *event)
{
	(void)c;
	(void)event;
}

static int world_make(struct made *m, enum world w, int family, struct err *e)
{
	int r = gate_make(&m->gate, e);

	if (!r)
		r = events_open(&m->events, m->gate, event_ignore, NULL, e);
	if (r)
		return r;
	switch (w) {
	case WORLD_FEW:
		return fill_rules(m, FEW, family, "", e);
	case WORLD_MANY:
		return fill_rules(m, MANY, family, "", e);
	case WORLD_PREFIXES:
		return fill_rules(m, PREFIXES, family, family == 4 ? "/24" : "/48", e);
	case WORLD_FEED:
		return fill_feed(m, MANY, e);
	case WORLD_RATES:
		return fill_rates(m->gate, family, e);
	default:
		return 0;
	}
}

int world_program(enum world w, int family, struct err *e)
{
	struct made *m = &made[w][family == 6];

	if (!m->gate) {
		int r = world_make(m, w, family, e);

		if (r)
			return r;
	}
	return m->gate->program.pn_xdp;
}

int world_imported(enum world w, struct list_cost *out, struct err *e)
{
	int r = world_program(w, 4, e);

	if (r < 0)
		return r;
	*out = made[w][0].imported;
	return 0;
}

void worlds_drain(void)
{
	for (unsigned w = 0; w < WORLDS; w++)
		for (unsigned f = 0; f < FAMILIES; f++)
			if (made[w][f].events)
				events_read(made[w][f].events);
}

void worlds_close(void)
{
	for (unsigned w = 0; w < WORLDS; w++) {
		for (unsigned f = 0; f < FAMILIES; f++) {
			events_close(made[w][f].events);
			gate_close(made[w][f].gate);
			made[w][f] = (struct made){0};
		}
	}
}
