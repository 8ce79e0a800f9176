/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to user/kern: what a gate consists of, and the paths of its pins. */
#ifndef KERN_KERN_H
#define KERN_KERN_H

#include <limits.h>
#include <stdio.h>

#include "kern/gate.h"

#define BPFFS_ROOT   "/sys/fs/bpf"
#define PIN_ROOT     BPFFS_ROOT "/postern"
#define PIN_LINKS    "links"
#define PIN_NEXT     "next"
#define PIN_MAPS     "maps_" /* and the ABI */
#define PIN_CONN     "%conn" /* no interface: '%' in a name is escaped */
#define PIN_STEER    "%steer"
#define PIN_PATH_MAX 512 /* root, instance, part and a name of at most 255 (NAME_MAX) */

/*
 * Every pinned map and program, in one list each. pn_prefixes is the trie in pn_block's slot: by its number there it could be
 * opened with CAP_SYS_ADMIN alone, which the controller does not keep.
 */
/* clang-format off */
#define KERN_MAPS(MAP)   \
	MAP(pn_allow)    \
	MAP(pn_rule)     \
	MAP(pn_block)    \
	MAP(pn_prefixes) \
	MAP(pn_feed_bank) \
	MAP(pn_feed_lines) \
	MAP(pn_feed_tries) \
	MAP(pn_feed_hits) \
	MAP(pn_listed)   \
	MAP(pn_known)    \
	MAP(pn_asks)     \
	MAP(pn_wait)     \
	MAP(pn_answered) \
	MAP(pn_ours)     \
	MAP(pn_reply)    \
	MAP(pn_ingress)  \
	MAP(pn_rate)     \
	MAP(pn_open)     \
	MAP(pn_sock)     \
	MAP(pn_total)    \
	MAP(pn_conf)     \
	MAP(pn_guard)    \
	MAP(pn_only)     \
	MAP(pn_tally)    \
	MAP(pn_fault)    \
	MAP(pn_events)   \
	MAP(pn_told)
#define KERN_PROGRAMS(PROGRAM) \
	PROGRAM(pn_xdp)        \
	PROGRAM(pn_conn)       \
	PROGRAM(pn_steer)      \
	PROGRAM(pn_why)        \
	PROGRAM(pn_adopt)      \
	PROGRAM(pn_marks)      \
	PROGRAM(pn_adjust)
/* clang-format on */

struct postern_bpf;

struct gate {
	char instance[64];
	struct postern_bpf *skeleton; /* of a gate that was loaded; NULL of one that was opened */
	bool is_next;		      /* its maps are in next/ and not yet in force */
	struct pn_conf *conf;	      /* mapped */
#define KERN_MAP_FIELD(name) int name;
	struct {
		KERN_MAPS(KERN_MAP_FIELD)
	} map; /* descriptors, -1 none */
	struct {
		KERN_PROGRAMS(KERN_MAP_FIELD)
	} program;
#undef KERN_MAP_FIELD
};

/* pins.c */
int pins_mount(struct err *e); /* bpffs at BPFFS_ROOT, mounted when missing */
/* "PIN_ROOT/INSTANCE" and up to two more parts ("" for none). Returns buffer. */
const char *pins_path(char buffer[static PIN_PATH_MAX], const char *instance, const char *part,
		      const char *name);
const char *pins_maps_dir(char buffer[static 32]); /* "maps_N" of this ABI */
void pins_escape(const char *ifname, char *out, size_t size);
void pins_unescape(const char *pin, char *out, size_t size);
int pins_make_dirs(const char *instance, const char *part, struct err *e);
/* Unlink every pin in a directory of the instance and the directory itself. 0, -ENOENT, -errno. */
int pins_remove_dir(const char *instance, const char *part);
/* Pin over whatever has that name, in one step. */
int pins_put(int fd, const char *path);
/*
 * What a kill within pins_put() left in a directory of the instance: a pin that lacks only its name gets it, one
 * whose name is taken goes. Called with the gate's lock held. 0 or -errno.
 */
int pins_heal(const char *instance, const char *part);
/* fn for each name in a directory of the instance ("" the instance's own). 0, fn's value; a missing
 * one is empty. */
int pins_each(const char *instance, const char *part, int (*fn)(void *c, const char *name),
	      void *c);
bool pins_is_interface(const char *pin); /* is the link of that name one of an interface? */

/* walk.c: every entry of a map; fn may delete the one it is given. */
int map_walk(int fd, size_t key_size, size_t value_size,
	     int (*fn)(void *c, const void *key, const void *value), void *c);
int map_is_empty(int fd); /* 1, 0 or -errno */
/* Insert or replace, trying again while the kernel says -EBUSY. */
int map_put(int fd, const void *key, const void *value, uint64_t flags);
/* The same for a list: a full map is -ENOSPC, said with its name, its size and the key that raises it. */
int map_put_entry(int fd, const void *key, const void *value, const char *map,
		  const char *config_key, struct err *e);
/* Take one out: 0, -ENOENT (without a sentence: whoever asked knows what it means), or -errno. */
int map_take_entry(int fd, const void *key, struct err *e);
/* Exactly these keys, with the value 1: put in, and then what is not among them is taken out. */
int map_replace(int fd, const void *keys, size_t key_size, unsigned count, const char *map,
		struct err *e);

struct prefix prefix_of_key(const struct pn_key *k);
struct pn_prefix trie_key(const struct prefix *p);
struct prefix prefix_of_trie(const struct pn_prefix *k);

#endif
