/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How full the tables of a gate are, and what stands in them, read a piece at a time: whoever looks each second, or from the
 * controller's loop, must not walk over a million entries at once.
 */
#ifndef KERN_TABLES_H
#define KERN_TABLES_H

#include "kern/gate.h"

enum gate_table {
	GATE_TABLE_RULES,
	GATE_TABLE_BLOCKS,
	GATE_TABLE_ALLOW,
	GATE_TABLE_OPEN,
	GATE_TABLE_LISTED,
	GATE_TABLE_KNOWN,
	GATE_TABLE_RATES,
	GATE_TABLES,
};

/* As the configuration calls it under `tables`: "rules", "blocks" ... */
const char *tables_name(enum gate_table t);

struct table_entry {
	enum gate_table table;
	struct prefix prefix;
	enum pn_action action; /* PASS where the table has none */
	enum pn_origin origin;
	uint64_t expires; /* boot ns, 0 never or none */
	uint32_t open;	  /* GATE_TABLE_OPEN */
};

/* Does it hold at that time, and not only wait for its place to be taken? */
bool tables_is_live(const struct table_entry *e, uint64_t now_boot_ns);
/* Is it a ban that holds? */
bool tables_is_ban(const struct table_entry *e, uint64_t now_boot_ns);

#define TABLES_CURSOR_BYTES 32 /* the longest key */

/* A walk that goes on where it stopped; begins as {0}. */
struct tables_walk {
	enum gate_table at;
	bool begun;
	unsigned char cursor[TABLES_CURSOR_BYTES];
	uint64_t seen; /* in the table it stands in */
	uint64_t entries
		[GATE_TABLES]; /* of each, when it was last walked to its end; expired ones too */
	bool counted[GATE_TABLES];
};

/*
 * Go on for about so many entries, expired ones too, and no further than the end of the last table. fn (may be NULL) is called for each.
 * What is put in or taken out meanwhile may be missed or seen twice. 1: the last table has ended, the next step begins anew; 0: there is
 * more; -errno.
 */
int tables_step(struct gate *g, struct tables_walk *w, unsigned budget,
		void (*fn)(void *c, const struct table_entry *e), void *c, struct err *e);
/* Room for so many entries; 0 when it cannot be told. */
uint64_t tables_limit(struct gate *g, enum gate_table t);

#endif
