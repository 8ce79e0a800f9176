/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench's own programs: see spray.bpf.c. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "bench.h"

#define STATE_START 0x2545f4914f6cdd1dULL /* the same draws in each sample */
#define IP4_BYTES   20

static struct bpf_object *object;
static int draws_fd, next_fd, next_plain_fd;

int spray_open(const char *path, struct err *e)
{
	int r;

	object = bpf_object__open_file(path, NULL);
	if (!object)
		return err_set(e, -errno, "cannot open %s: %s", path, strerror(errno));
	r = bpf_object__load(object);
	if (r)
		return err_set(e, r, "cannot load %s: %s", path, strerror(-r));
	draws_fd = bpf_object__find_map_fd_by_name(object, "draws");
	next_fd = bpf_object__find_map_fd_by_name(object, "next");
	next_plain_fd = bpf_object__find_map_fd_by_name(object, "next_plain");
	return 0;
}

void spray_close(void)
{
	bpf_object__close(object);
	object = NULL;
}

int spray_program(const char *name)
{
	struct bpf_program *p = bpf_object__find_program_by_name(object, name);

	if (!p)
		abort();
	return bpf_program__fd(p);
}

/* The words of the IPv4 header as the machine reads them, without checksum and source. */
static uint32_t header_sum(const struct frame *f)
{
	uint16_t words[IP4_BYTES / 2];
	uint32_t sum = 0;

	memcpy(words, f->bytes + f->ip, sizeof(words));
	for (unsigned i = 0; i < IP4_BYTES / 2; i++)
		if (i != 5 && i != 6 && i != 7)
			sum += words[i];
	return sum;
}

void spray_draw(const struct frame *f, uint32_t base, uint32_t count, uint32_t ifindex)
{
	struct draw d = {.state = STATE_START,
			 .base = base,
			 .count = count,
			 .sum = header_sum(f),
			 .ifindex = ifindex};
	__u32 zero = 0;

	if (bpf_map_update_elem(draws_fd, &zero, &d, BPF_ANY))
		abort();
}

void spray_next(int program, bool plain)
{
	__u32 zero = 0;

	/* Refused where the two do not match (frags, kind): the bench has put them together wrong.
	 */
	if (bpf_map_update_elem(plain ? next_plain_fd : next_fd, &zero, &program, BPF_ANY))
		abort();
}

const char *source_text(uint32_t index, int family, char buffer[static ADDR_TEXT_MAX])
{
	__u32 a = spread_v4(index);

	if (family == 4)
		snprintf(buffer, ADDR_TEXT_MAX, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255,
			 a & 255);
	else
		snprintf(buffer, ADDR_TEXT_MAX, "2001:%x:%x::1", a >> 16, a & 0xffff);
	return buffer;
}
