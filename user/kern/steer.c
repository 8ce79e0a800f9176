/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder's socket, as pn_steer finds it, and the interfaces whose connections it may hand over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "kern/kern.h"
#include "kern/maps.h"

int steer_listen(struct gate *g, int fd, struct err *e)
{
	__u32 slot = 0, mark = PN_OURS_FRESH;
	__u64 listener = (__u64)fd;

	/* Marked first: a connection inherits the mark when it is made. */
	if (bpf_map_update_elem(g->map.pn_ours, &fd, &mark, BPF_ANY))
		return err_set(e, -errno, "cannot mark the responder's socket in pn_ours: %s",
			       strerror(errno));
	if (bpf_map_update_elem(g->map.pn_reply, &slot, &listener, BPF_ANY))
		return err_set(e, -errno, "cannot put the responder's socket into pn_reply: %s",
			       strerror(errno));
	return 0;
}

int steer_set_ingress(struct gate *g, const int *ifindexes, unsigned count, struct err *e)
{
	__u32 *keys = calloc(count ? count : 1, sizeof(*keys));
	int r;

	if (!keys)
		return err_set(e, -ENOMEM, "no memory for pn_ingress");
	for (unsigned i = 0; i < count; i++)
		keys[i] = (__u32)ifindexes[i];
	r = map_replace(g->map.pn_ingress, keys, sizeof(*keys), count, "pn_ingress", e);
	free(keys);
	return r;
}
