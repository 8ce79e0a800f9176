/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions of the kernel side, from their ring buffer. Unlike events they may be left in it: whoever answers them takes
 * as many as it can bear, and what is behind waits where it is counted when it no longer fits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "kern/kern.h"
#include "kern/maps.h"

/* libbpf stops when a callback returns less than 0, and then the record it was given is taken. */
#define STOPPED (-ECANCELED)

struct asks {
	struct ring_buffer *ring;
	int (*fn)(void *c, const struct pn_ask *a);
	void *c;
	int given; /* in this round */
};

static int on_ask(void *context, void *data, size_t size)
{
	struct asks *a = context;

	if (size < sizeof(struct pn_ask))
		return 0;
	a->given++;
	return a->fn(a->c, data) ? STOPPED : 0;
}

int asks_open(struct asks **out, struct gate *g, int (*fn)(void *c, const struct pn_ask *a),
	      void *c, struct err *e)
{
	struct asks *a = calloc(1, sizeof(*a));

	if (!a)
		return err_set(e, -ENOMEM, "no memory for questions");
	a->fn = fn;
	a->c = c;
	a->ring = ring_buffer__new(g->map.pn_asks, on_ask, a, NULL);
	if (!a->ring) {
		int r = -errno;

		free(a);
		return err_set(e, r, "cannot read pn_asks: %s", strerror(-r));
	}
	*out = a;
	return 0;
}

int asks_fd(const struct asks *a)
{
	return ring_buffer__epoll_fd(a->ring);
}

int asks_read(struct asks *a)
{
	int r;

	a->given = 0;
	r = ring_buffer__consume(a->ring);
	return r < 0 && r != STOPPED ? r : a->given;
}

void asks_close(struct asks *a)
{
	if (!a)
		return;
	ring_buffer__free(a->ring);
	free(a);
}
