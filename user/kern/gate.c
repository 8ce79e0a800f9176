/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading, adopting, replacing and removing the gate. The old programs judge until the new ones
 * stand in their place: links of XDP and of pn_steer are updated in one step, and pn_conn, whose kind of link cannot
 * be, is attached a second time before the first goes (the mark on each socket keeps two of them
 * from counting twice).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/postern.skel.h"
#include "kern/kern.h"

#define VMLINUX_BTF "/sys/kernel/btf/vmlinux"
#define NETNS_SELF  "/proc/self/ns/net"

/* libbpf's last complaint, for the sentence of an error; it has no other way to say it. */
static char complaint[ERR_TEXT_MAX / 2];

__attribute__((format(printf, 2, 0))) static int complaint_keep(enum libbpf_print_level level,
								const char *format, va_list ap)
{
	if (level == LIBBPF_WARN) {
		vsnprintf(complaint, sizeof(complaint), format, ap);
		complaint[strcspn(complaint, "\n")] = 0;
	}
	return 0;
}

/* The lists of kern.h as tables: a name, and where in struct gate its descriptor stands. */
struct row {
	const char *name;
	size_t fd;
};
#define MAP_ROW(name)	  {#name, offsetof(struct gate, map.name)},
#define PROGRAM_ROW(name) {#name, offsetof(struct gate, program.name)},
static const struct row maps[] = {KERN_MAPS(MAP_ROW)};
static const struct row programs[] = {KERN_PROGRAMS(PROGRAM_ROW)};
#define ARRAY_SIZE(table) (sizeof(table) / sizeof((table)[0]))
#define FOR_EACH(row, table)                                                                       \
	for (const struct row *row = (table); row < (table) + ARRAY_SIZE(table); row++)

static int *row_fd(struct gate *g, const struct row *row)
{
	return (int *)(void *)((char *)g + row->fd);
}

static struct gate *gate_new(const char *instance)
{
	struct gate *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	snprintf(g->instance, sizeof(g->instance), "%s", instance);
	FOR_EACH (row, maps)
		*row_fd(g, row) = -1;
	FOR_EACH (row, programs)
		*row_fd(g, row) = -1;
	return g;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_maps(struct gate *g)
{
	FOR_EACH (row, maps)
		close_fd(row_fd(g, row));
}

void gate_close(struct gate *g)
{
	if (!g)
		return;
	if (g->conf)
		munmap(g->conf, sizeof(*g->conf));
	close_maps(g);
	FOR_EACH (row, programs)
		close_fd(row_fd(g, row));
	postern_bpf__destroy(g->skeleton);
	free(g);
}

static int map_conf(struct gate *g, struct err *e)
{
	void *p =
		mmap(NULL, sizeof(*g->conf), PROT_READ | PROT_WRITE, MAP_SHARED, g->map.pn_conf, 0);

	if (p == MAP_FAILED)
		return err_set(e, -errno, "cannot map pn_conf: %s", strerror(errno));
	g->conf = p;
	/* No process that is forked from here on, to read what is foreign, may have the knobs in its memory. */
	if (madvise(p, sizeof(*g->conf), MADV_DONTFORK))
		return err_set(e, -errno, "cannot keep pn_conf to this process: %s",
			       strerror(errno));
	return 0;
}

static struct bpf_map *row_map(struct gate *g, const struct row *row)
{
	return bpf_object__find_map_by_name(g->skeleton->obj, row->name);
}

static bool is_fit(struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return false;
	return info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

/* Open the pins of one table in a directory of the instance. 0, or the errno of the first that is not there. */
static int open_rows(struct gate *g, const struct row *table, size_t count)
{
	char dir[32], path[PIN_PATH_MAX];

	pins_maps_dir(dir);
	for (size_t i = 0; i < count; i++) {
		int fd = bpf_obj_get(pins_path(path, g->instance, dir, table[i].name));

		if (fd < 0)
			return -errno;
		*row_fd(g, &table[i]) = fd;
	}
	return 0;
}

/* Do the pinned maps fit what is to be loaded? Then load with them. */
static bool adopt_maps(struct gate *g)
{
	if (open_rows(g, maps, ARRAY_SIZE(maps)))
		return false;
	FOR_EACH (row, maps)
		if (!is_fit(row_map(g, row), *row_fd(g, row)))
			return false;
	FOR_EACH (row, maps)
		if (bpf_map__reuse_fd(row_map(g, row), *row_fd(g, row)))
			return false;
	return true;
}

/*
 * Maps of other sizes are made anew, but feeds have no size of their own: their tables go along, and are in force in the new gate as in
 * the old one. Nobody else has to read files again for it, and no packet meets a gate without them.
 */
#define FEED_MAPS "pn_feed_"

static bool is_of_feeds(const struct row *row)
{
	return strncmp(row->name, FEED_MAPS, strlen(FEED_MAPS)) == 0;
}

static bool adopt_feeds(struct gate *g)
{
	bool fit = true;

	FOR_EACH (row, maps)
		if (is_of_feeds(row))
			fit = fit && open_rows(g, row, 1) == 0 &&
			      is_fit(row_map(g, row), *row_fd(g, row));
	FOR_EACH (row, maps)
		if (is_of_feeds(row))
			fit = fit && bpf_map__reuse_fd(row_map(g, row), *row_fd(g, row)) == 0;
	/* From here on by the skeleton, as the rest: keep_fds(). */
	close_maps(g);
	return fit;
}

/* The bank in force, as the gate of this ABI that is there has it; 0: there is none. */
static __u32 feeds_bank_read(const struct gate *g)
{
	char dir[32], path[PIN_PATH_MAX];
	struct pn_conf conf = {0};
	__u32 zero = 0;
	int fd = bpf_obj_get(pins_path(path, g->instance, pins_maps_dir(dir), "pn_conf"));

	if (fd < 0)
		return 0;
	if (bpf_map_lookup_elem(fd, &zero, &conf))
		conf.feeds_bank = 0;
	close(fd);
	return conf.feeds_bank;
}

/* The slot of pn_block takes a trie of any size: its template needs none. */
static void set_sizes(struct postern_bpf *s, const struct gate_sizes *z)
{
	bpf_map__set_max_entries(s->maps.pn_allow, z->allow);
	bpf_map__set_max_entries(s->maps.pn_rule, z->rules);
	bpf_map__set_max_entries(s->maps.pn_prefixes, z->blocks);
	bpf_map__set_max_entries(s->maps.pn_listed, z->listed);
	bpf_map__set_max_entries(s->maps.pn_known, z->known);
	bpf_map__set_max_entries(s->maps.pn_rate, z->rates);
	bpf_map__set_max_entries(s->maps.pn_open, z->open);
}

static int load_fault(struct err *e, int r)
{
	if (r == -EPERM || r == -EACCES)
		return err_set(
			e, r,
			"the kernel refused to load the programs: %s; loading needs root, or "
			"CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON%s%s",
			strerror(-r), *complaint ? ": " : "", complaint);
	return err_set(e, r, "cannot load the programs: %s%s%s", strerror(-r),
		       *complaint ? ": " : "", complaint);
}

/* Open the skeleton with maps adopted or new. feeds: of the new ones, those of feeds are adopted. */
static int open_skeleton(struct gate *g, const struct gate_sizes *sizes, bool *adopted, bool *feeds,
			 struct err *e)
{
	*adopted = *feeds = false;
	for (int attempt = 0; attempt < 2; attempt++) {
		g->skeleton = postern_bpf__open();
		if (!g->skeleton)
			return load_fault(e, -errno);
		set_sizes(g->skeleton, sizes);
		/* A secret of this load. Without one the events of a source could be kept untold.
		 */
		if (getrandom(&g->skeleton->rodata->pn_seed, sizeof(g->skeleton->rodata->pn_seed),
			      0) < 0)
			return err_set(e, -errno, "no random numbers: %s", strerror(errno));
		if (attempt == 0 && (*adopted = adopt_maps(g)))
			return 0;
		if (attempt == 1) {
			*feeds = adopt_feeds(g);
			return 0;
		}
		/* They do not fit: some may be marked as reused already, so begin afresh. */
		postern_bpf__destroy(g->skeleton);
		g->skeleton = NULL;
		close_maps(g);
	}
	return 0;
}

/* Descriptors of our own, so that loaded and opened gates are one to the rest. */
static int keep_fds(struct gate *g, bool adopted, struct err *e)
{
	FOR_EACH (row, maps)
		if (!adopted && (*row_fd(g, row) = dup(bpf_map__fd(row_map(g, row)))) < 0)
			return err_set(e, -errno, "cannot keep %s: %s", row->name, strerror(errno));
	FOR_EACH (row, programs) {
		struct bpf_program *p =
			bpf_object__find_program_by_name(g->skeleton->obj, row->name);

		if ((*row_fd(g, row) = dup(bpf_program__fd(p))) < 0)
			return err_set(e, -errno, "cannot keep %s: %s", row->name, strerror(errno));
	}
	return 0;
}

static int pin_rows(struct gate *g, const char *dir, const struct row *table, size_t count,
		    struct err *e)
{
	char path[PIN_PATH_MAX];

	for (size_t i = 0; i < count; i++) {
		int r = pins_put(*row_fd(g, &table[i]),
				 pins_path(path, g->instance, dir, table[i].name));

		if (r)
			return err_set(e, r, "cannot pin %s: %s", table[i].name, strerror(-r));
	}
	return 0;
}

static int pin_new_maps(struct gate *g, struct err *e)
{
	int r;

	pins_remove_dir(g->instance, PIN_NEXT); /* left by a run that was killed here */
	r = pins_make_dirs(g->instance, PIN_NEXT, e);
	if (!r)
		r = pin_rows(g, PIN_NEXT, maps, ARRAY_SIZE(maps), e);
	g->is_next = !r;
	return r;
}

static int find_maps(void *c, const char *name)
{
	(void)c;
	return strncmp(name, PIN_MAPS, strlen(PIN_MAPS)) == 0;
}

bool gate_exists(const char *instance)
{
	return pins_each(instance, "", find_maps, NULL) != 0;
}

static int load(struct gate *g, const struct gate_sizes *sizes, enum gate_origin *origin,
		struct err *e)
{
	bool adopted, feeds;
	int r = open_skeleton(g, sizes, &adopted, &feeds, e);

	if (r)
		return r;
	r = postern_bpf__load(g->skeleton);
	if (r)
		return load_fault(e, r);
	*origin = adopted ? GATE_ADOPTED : gate_exists(g->instance) ? GATE_MIGRATED : GATE_NEW;
	r = keep_fds(g, adopted, e);
	if (!r && !adopted)
		r = pin_new_maps(g, e);
	if (!r)
		r = map_conf(g, e);
	if (!r)
		g->conf->abi = PN_ABI_VERSION;
	if (!r && feeds)
		g->conf->feeds_bank = feeds_bank_read(g);
	return r;
}

int gate_load(struct gate **out, const char *instance, const struct gate_sizes *sizes,
	      enum gate_origin *origin, struct err *e)
{
	struct gate *g;
	int r;

	if (access(VMLINUX_BTF, R_OK))
		return err_set(e, -ENOTSUP,
			       "this kernel offers no BTF (%s: %s); postern needs one built with "
			       "CONFIG_DEBUG_INFO_BTF, as Debian's are",
			       VMLINUX_BTF, strerror(errno));
	if (geteuid() != 0 && access(BPFFS_ROOT, W_OK))
		return err_set(e, -EPERM, "loading the gate needs root");
	r = pins_mount(e);
	if (r)
		return r;
	g = gate_new(instance);
	if (!g)
		return err_set(e, -ENOMEM, "no memory for the gate");
	complaint[0] = 0;
	libbpf_set_print(complaint_keep);
	r = load(g, sizes, origin, e);
	if (r) {
		if (g->is_next)
			pins_remove_dir(instance, PIN_NEXT);
		gate_close(g);
		return r;
	}
	*out = g;
	return 0;
}

/* ---- putting the new in the place of the old ---- */

static int switch_conn(struct gate *g, struct err *e)
{
	struct bpf_link *link = bpf_program__attach_trace(g->skeleton->progs.pn_conn);
	char path[PIN_PATH_MAX];
	int r;

	if (!link)
		return err_set(e, -errno, "cannot attach pn_conn to inet_sock_set_state: %s",
			       strerror(errno));
	r = pins_put(bpf_link__fd(link), pins_path(path, g->instance, PIN_LINKS, PIN_CONN));
	bpf_link__destroy(link); /* the pin holds it */
	return r ? err_set(e, r, "cannot pin the link of pn_conn: %s", strerror(-r)) : 0;
}

/* Is the pinned link of pn_steer in the network namespace we are in, and not dead? Then it runs the new program. */
static bool update_steer(struct gate *g, const char *path, int netns_fd)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);
	struct stat here;
	int fd = bpf_obj_get(path);
	bool updated;

	if (fd < 0)
		return false;
	updated = fstat(netns_fd, &here) == 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		  info.netns.netns_ino == here.st_ino &&
		  bpf_link_update(fd, g->program.pn_steer, NULL) == 0;
	close(fd);
	return updated;
}

/*
 * Where the sockets of the mail server are is not known here: the current network namespace, whose sockets pn_conn counts.
 * A link of another one goes when its pin is written over.
 */
static int switch_steer(struct gate *g, struct err *e)
{
	int netns_fd = open(NETNS_SELF, O_RDONLY | O_CLOEXEC), fd, r;
	char path[PIN_PATH_MAX];

	if (netns_fd < 0)
		return err_set(e, -errno, "cannot open %s: %s", NETNS_SELF, strerror(errno));
	pins_path(path, g->instance, PIN_LINKS, PIN_STEER);
	if (update_steer(g, path, netns_fd)) {
		close(netns_fd);
		return 0;
	}
	fd = bpf_link_create(g->program.pn_steer, netns_fd, BPF_SK_LOOKUP, NULL);
	r = fd < 0 ? -errno : 0;
	close(netns_fd);
	if (r)
		return err_set(e, r, "cannot attach pn_steer to this network namespace: %s",
			       strerror(-r));
	r = pins_put(fd, path);
	close(fd);
	return r ? err_set(e, r, "cannot pin the link of pn_steer: %s", strerror(-r)) : 0;
}

struct switching {
	struct gate *g;
	struct err *e;
};

static int switch_link(void *c, const char *name)
{
	struct switching *s = c;
	char path[PIN_PATH_MAX];
	int fd, r = 0;

	if (!pins_is_interface(name))
		return 0;
	fd = bpf_obj_get(pins_path(path, s->g->instance, PIN_LINKS, name));
	if (fd < 0)
		return err_set(s->e, -errno, "cannot open the link %s: %s", path, strerror(errno));
	if (bpf_link_update(fd, s->g->program.pn_xdp, NULL)) {
		r = -errno;
		if (r == -ENOLINK) { /* its interface is gone, and so is the link */
			unlink(path);
			r = 0;
		} else {
			err_set(s->e, r, "cannot replace the program of the link %s: %s", path,
				strerror(-r));
		}
	}
	close(fd);
	return r;
}

static int pin_programs(struct gate *g, struct err *e)
{
	char dir[32];

	if (g->is_next)
		snprintf(dir, sizeof(dir), "%s", PIN_NEXT);
	else
		pins_maps_dir(dir);
	return pin_rows(g, dir, programs, ARRAY_SIZE(programs), e);
}

static int remove_other_maps(void *c, const char *name)
{
	struct gate *g = c;
	char dir[32];

	if (find_maps(NULL, name) && strcmp(name, pins_maps_dir(dir)) != 0)
		pins_remove_dir(g->instance, name);
	return 0;
}

/* In one step, so that a command finds the old maps or the new ones, and a kill here leaves a whole gate. */
static int put_maps_in_force(struct gate *g, struct err *e)
{
	char dir[32], from[PIN_PATH_MAX], to[PIN_PATH_MAX];
	int r;

	if (!g->is_next)
		return 0;
	pins_path(from, g->instance, PIN_NEXT, "");
	pins_path(to, g->instance, pins_maps_dir(dir), "");
	r = rename(from, to);
	/* Maps of this ABI, of other sizes, are there: exchange, and what is in next/ then is the old. */
	if (r && (errno == ENOTEMPTY || errno == EEXIST))
		r = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
	if (r)
		return err_set(e, -errno, "cannot rename %s to %s: %s", from, to, strerror(errno));
	g->is_next = false;
	pins_remove_dir(g->instance, PIN_NEXT);
	pins_each(g->instance, "", remove_other_maps, g);
	return 0;
}

int gate_switch(struct gate *g, struct err *e)
{
	struct switching s = {g, e};
	int r;

	if (!g->skeleton)
		return err_set(e, -EINVAL, "the gate was opened, not loaded");
	/* Of a run that was killed while it filled maps of other sizes. */
	if (!g->is_next)
		pins_remove_dir(g->instance, PIN_NEXT);
	r = pins_make_dirs(g->instance, PIN_LINKS, e);
	if (!r && (r = pins_heal(g->instance, PIN_LINKS)))
		err_set(e, r, "cannot put the links of a killed run in order: %s", strerror(-r));
	if (!r)
		r = switch_conn(g, e);
	if (!r)
		r = switch_steer(g, e);
	if (!r)
		r = pins_each(g->instance, PIN_LINKS, switch_link, &s);
	if (!r)
		r = pin_programs(g, e);
	if (!r)
		r = put_maps_in_force(g, e);
	return r;
}

/* ---- opening what is pinned ---- */

int gate_open(struct gate **out, const char *instance, struct err *e)
{
	struct gate *g = gate_new(instance);
	int r;

	if (!g)
		return err_set(e, -ENOMEM, "no memory for the gate");
	libbpf_set_print(complaint_keep);
	r = open_rows(g, maps, ARRAY_SIZE(maps));
	if (!r)
		r = open_rows(g, programs, ARRAY_SIZE(programs));
	if (r == -EPERM || r == -EACCES)
		err_set(e, -EPERM,
			"reading the gate's maps needs root (CAP_BPF and CAP_NET_ADMIN)");
	else if (r && gate_exists(instance) && r == -ENOENT)
		r = err_set(e, -EPROTO,
			    "the gate of instance '%s' was loaded by another version of postern; "
			    "start this version's `postern run` to take it over",
			    instance);
	else if (r == -ENOENT)
		err_set(e, r, "no gate of instance '%s' is loaded", instance);
	else if (r)
		err_set(e, r, "cannot open the gate of instance '%s': %s", instance, strerror(-r));
	if (!r)
		r = map_conf(g, e);
	if (r) {
		gate_close(g);
		return r;
	}
	*out = g;
	return 0;
}

struct pn_conf *gate_conf(struct gate *g)
{
	return g->conf;
}
