/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xdp-filter's own object of Debian's xdp-tools, the leanest that blocks source addresses (policy
 * "allow", features IPv4 and IPv6), with its list filled as its command line would fill it. Its
 * loader holds at most 10 000 addresses, and so does this.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define OBJECT_PATTERN "/usr/lib/*/bpf/xdpfilt_alw_ip.o"
#define FLAG_SOURCE    1 /* MAP_FLAG_SRC of its common_kern_user.h */

static struct bpf_object *object;

static int object_open(struct err *e)
{
	struct bpf_map *map;
	glob_t found;
	int r;

	if (glob(OBJECT_PATTERN, 0, NULL, &found))
		return err_set(e, -ENOENT, "no " OBJECT_PATTERN " (package xdp-tools)");
	object = bpf_object__open_file(found.gl_pathv[0], NULL);
	globfree(&found);
	if (!object)
		return err_set(e, -errno, "cannot open xdp-filter's program: %s", strerror(errno));
	/* It would pin its maps where a real xdp-filter has them. */
	for (map = bpf_object__next_map(object, NULL); map; map = bpf_object__next_map(object, map))
		bpf_map__set_pin_path(map, NULL);
	r = bpf_object__load(object);
	return r ? err_set(e, r, "cannot load xdp-filter's program: %s", strerror(-r)) : 0;
}

static int list_fill(struct err *e)
{
	int fd = bpf_object__find_map_fd_by_name(object, "filter_ipv4");
	int cpus = libbpf_num_possible_cpus(), r = 0;
	__u64 *values;

	if (fd < 0 || cpus < 1)
		return err_set(e, -ENOTSUP, "xdp-filter's program is not the one known here");
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return err_set(e, -ENOMEM, "no memory for a list");
	for (int i = 0; i < cpus; i++)
		values[i] = FLAG_SOURCE;
	for (uint32_t i = 0; !r && i < FEW; i++) {
		__u32 key = htonl(spread_v4(i));

		if (bpf_map_update_elem(fd, &key, values, BPF_ANY))
			r = err_set(e, -errno, "cannot fill xdp-filter's list: %s",
				    strerror(errno));
	}
	free(values);
	return r;
}

int xdpfilter_open(struct err *e)
{
	struct bpf_program *p;
	int r;

	if (!object) {
		r = object_open(e);
		if (!r)
			r = list_fill(e);
		if (r) {
			xdpfilter_close();
			return r;
		}
	}
	p = bpf_object__next_program(object, NULL);
	return p ? bpf_program__fd(p) : err_set(e, -ENOENT, "xdp-filter's object is empty");
}

void xdpfilter_close(void)
{
	bpf_object__close(object);
	object = NULL;
}
