/* SPDX-License-Identifier: BSD-2-Clause */
/* Events from the ring buffer. One reader at a time gets each of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "kern/kern.h"
#include "kern/maps.h"

struct events {
	struct ring_buffer *ring;
	void (*fn)(void *c, const struct pn_event *e);
	void *c;
};

static int on_event(void *context, void *data, size_t size)
{
	struct events *ev = context;

	if (size >= sizeof(struct pn_event))
		ev->fn(ev->c, data);
	return 0;
}

int events_open(struct events **out, struct gate *g, void (*fn)(void *c, const struct pn_event *e),
		void *c, struct err *e)
{
	struct events *ev = calloc(1, sizeof(*ev));

	if (!ev)
		return err_set(e, -ENOMEM, "no memory for events");
	ev->fn = fn;
	ev->c = c;
	ev->ring = ring_buffer__new(g->map.pn_events, on_event, ev, NULL);
	if (!ev->ring) {
		int r = -errno;

		free(ev);
		return err_set(e, r, "cannot read pn_events: %s", strerror(-r));
	}
	*out = ev;
	return 0;
}

int events_fd(const struct events *ev)
{
	return ring_buffer__epoll_fd(ev->ring);
}

int events_read(struct events *ev)
{
	return ring_buffer__consume(ev->ring);
}

void events_close(struct events *ev)
{
	if (!ev)
		return;
	ring_buffer__free(ev->ring);
	free(ev);
}
