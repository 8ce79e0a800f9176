/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one table of configuration keys. Reading, defaults, `show config`, the sample file and the
 * errors are made from it, so that none of them can know a key that another does not. Keys inside a
 * group are written "group.key".
 */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

enum schema_type {
	SCHEMA_NAME,	   /* char[CONF_INSTANCE_MAX] */
	SCHEMA_PATH,	   /* char[PATH_MAX]; may be empty where that is the default */
	SCHEMA_TEXT,	   /* char[size], printable ASCII; may be empty */
	SCHEMA_WORD,	   /* an enum or a bool: the index in words */
	SCHEMA_BOOL,	   /* bool */
	SCHEMA_NUMBER,	   /* an unsigned integer of `size` bytes */
	SCHEMA_RATE,	   /* struct conf_rate */
	SCHEMA_DURATION,   /* uint64_t, seconds */
	SCHEMA_INTERFACES, /* lists: an array of elements and an unsigned count */
	SCHEMA_PREFIXES,
	SCHEMA_PATHS,
	SCHEMA_TEXTS,  /* struct conf_text; read further by another part */
	SCHEMA_GROUPS, /* structs; what stands in each is a table of its own: members */
};

/* When a changed value comes into force. */
enum schema_effect {
	SCHEMA_AT_RELOAD,
	SCHEMA_NEW_MAPS,    /* at a reload, by maps of another size in the place of the old ones */
	SCHEMA_NEXT_ATTACH, /* for what is attached from then on */
	SCHEMA_AT_START,    /* a reload that changes it is turned down */
};

struct schema_key {
	const char *name;
	enum schema_type type;
	size_t offset, size;  /* of the value in struct conf, or in an entry of a list of groups */
	size_t count_offset;  /* lists: of the number of entries */
	const char *fallback; /* the default, as the file writes it (strings without quotes) */
	uint64_t least, most; /* numbers; seconds; entries of a list */
	const char *const *words; /* ends with NULL; of a path: what may stand in its place */
	const char *sentence;	  /* what it is for */
	const char *takes; /* texts and groups: what they are, with an example; paths: an example */
	const struct schema_key *members;	       /* of a group in a list */
	int (*check)(const char *text, struct err *e); /* of a text; NULL: any will do */
	enum schema_effect effect;
	bool is_secret; /* a key to a service may stand in it: no log tells it */
};

extern const struct schema_key schema_keys[];	   /* of struct conf; ends with a NULL name */
extern const struct schema_key schema_port_keys[]; /* of struct conf_port, in ports */
extern const struct schema_key schema_feed_keys[]; /* of struct conf_feed, in feeds */

/* NULL when there is none. */
const struct schema_key *schema_find(const struct schema_key *keys, const char *name);
/* Does a key stand inside a group of this name? */
bool schema_is_group(const char *name);
/* Length of "group" in "group.key", 0 outside of groups. */
size_t schema_group_length(const struct schema_key *k);
/*
 * The known key (or group) nearest to an unknown one by edit distance, or "" when none is near
 * enough to be what was meant. Returns buffer.
 */
const char *schema_nearest(const struct schema_key *keys, const char *unknown, char *buffer,
			   size_t size);

bool schema_is_list(const struct schema_key *k);
bool schema_is_text(const struct schema_key *k); /* the file writes it in quotes */
#define SCHEMA_TAKES_MAX 160			 /* the longest answer of schema_takes */
/* What the key takes, as the end of "it takes ...". Returns buffer. */
const char *schema_takes(const struct schema_key *k, char *buffer, size_t size);

/* "live", "new maps", "next attach", "restart" */
const char *schema_effect_name(enum schema_effect effect);

/* value.c: into and from are the struct conf, or the entry of a list of groups, that the key belongs to. */

/* Set a text, or append one entry to a list of texts. 0 or -EINVAL with a sentence that lacks the
 * key. */
int schema_put_text(const struct schema_key *k, const char *text, void *into, struct err *e);
/* Where the last entry of a list stands in the file: kept by SCHEMA_TEXTS alone. */
void schema_set_line(const struct schema_key *k, void *into, unsigned line);
/* Set a number within its bounds, or a bool. */
int schema_put_number(const struct schema_key *k, long long value, void *into, struct err *e);
/* The value as JSON; NULL when out of memory. */
json_t *schema_get(const struct schema_key *k, const void *from);
unsigned *schema_count(const struct schema_key *k, void *into); /* entries of a list */
/* The entry of a list of groups with this number. */
void *schema_entry(const struct schema_key *k, void *into, unsigned number);

#endif
