/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps that change while one walks over them or writes: walking, putting in, taking out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>

#include <bpf/bpf.h>

#include "kern/kern.h"

#define KEY_BYTES_MAX	32
#define VALUE_BYTES_MAX 64
#define KEYS_GROW	1024
/* A hash walk that meets a key deleted under it starts again: bounded, or it might never end. */
#define KEYS_MAX       (64u << 20)
#define BUSY_TRIES_MAX 100

struct keys {
	unsigned char *bytes;
	size_t count, room;
};

/*
 * Keys are collected first: kernels before 6.13 lose their place in an LPM trie when an entry is
 * deleted during a walk.
 */
static int keys_collect(int fd, size_t key_size, struct keys *k)
{
	unsigned char key[KEY_BYTES_MAX];
	void *previous = NULL;

	while (bpf_map_get_next_key(fd, previous, key) == 0) {
		if (k->count >= KEYS_MAX)
			return -EOVERFLOW;
		if (k->count == k->room) {
			size_t room = k->room ? k->room * 2 : KEYS_GROW;
			void *more = realloc(k->bytes, room * key_size);

			if (!more)
				return -ENOMEM;
			k->bytes = more;
			k->room = room;
		}
		memcpy(k->bytes + k->count++ * key_size, key, key_size);
		previous = key;
	}
	return errno == ENOENT ? 0 : -errno;
}

int map_walk(int fd, size_t key_size, size_t value_size,
	     int (*fn)(void *c, const void *key, const void *value), void *c)
{
	unsigned char value[VALUE_BYTES_MAX];
	struct keys keys = {0};
	int r;

	if (key_size > KEY_BYTES_MAX || value_size > VALUE_BYTES_MAX)
		return -EINVAL;
	r = keys_collect(fd, key_size, &keys);
	for (size_t i = 0; !r && i < keys.count; i++) {
		const void *key = keys.bytes + i * key_size;

		if (bpf_map_lookup_elem(fd, key, value) == 0)
			r = fn(c, key, value);
		else if (errno != ENOENT) /* deleted meanwhile is no fault */
			r = -errno;
	}
	free(keys.bytes);
	return r;
}

int map_is_empty(int fd)
{
	unsigned char key[KEY_BYTES_MAX];

	if (bpf_map_get_next_key(fd, NULL, key) == 0)
		return 0;
	return errno == ENOENT ? 1 : -errno;
}

int map_put(int fd, const void *key, const void *value, uint64_t flags)
{
	for (int i = 0; i < BUSY_TRIES_MAX; i++) {
		if (bpf_map_update_elem(fd, key, value, flags) == 0)
			return 0;
		if (errno != EBUSY)
			return -errno;
		sched_yield();
	}
	return -EBUSY;
}

/* A full hash says E2BIG, a full trie ENOSPC: to people both are a full map. */
int map_put_entry(int fd, const void *key, const void *value, const char *map,
		  const char *config_key, struct err *e)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int r = map_put(fd, key, value, BPF_ANY);

	if (r == 0)
		return 0;
	if (r != -E2BIG && r != -ENOSPC)
		return err_set(e, r, "the kernel refused the entry in %s: %s", map, strerror(-r));
	bpf_obj_get_info_by_fd(fd, &info, &size);
	return err_set(e, -ENOSPC, "%s is full (%u of %u entries): raise %s in the configuration",
		       map, info.max_entries, info.max_entries, config_key);
}

int map_take_entry(int fd, const void *key, struct err *e)
{
	if (bpf_map_delete_elem(fd, key) == 0)
		return 0;
	if (errno == ENOENT)
		return -ENOENT;
	return err_set(e, -errno, "the kernel refused to take the entry out: %s", strerror(errno));
}

struct keep {
	int fd;
	size_t key_size;
	const unsigned char *keys;
	unsigned count;
};

static int drop_stray(void *c, const void *key, const void *value)
{
	struct keep *k = c;

	(void)value;
	for (unsigned i = 0; i < k->count; i++)
		if (memcmp(k->keys + i * k->key_size, key, k->key_size) == 0)
			return 0;
	bpf_map_delete_elem(k->fd, key);
	return 0;
}

int map_replace(int fd, const void *keys, size_t key_size, unsigned count, const char *map,
		struct err *e)
{
	struct keep keep = {fd, key_size, keys, count};
	__u32 present = 1;
	int r;

	for (unsigned i = 0; i < count; i++) {
		r = map_put(fd, keep.keys + i * key_size, &present, BPF_ANY);
		if (r)
			return err_set(e, r, "cannot fill %s: %s", map, strerror(-r));
	}
	r = map_walk(fd, key_size, sizeof(present), drop_stray, &keep);
	return r < 0 ? err_set(e, r, "cannot read %s: %s", map, strerror(-r)) : r;
}
