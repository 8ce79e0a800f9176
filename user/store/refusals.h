/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was refused, or in monitor mode would have been, by source and reason in rows of some minutes; and what the counters grew by in each hour.
 * Written in batches by the controller alone, read by the report. Kept for STORE_REFUSAL_DAYS, and at most STORE_REFUSALS_MAX rows.
 */
#ifndef STORE_REFUSALS_H
#define STORE_REFUSALS_H

#include "store/store.h"

#define STORE_REFUSAL_DAYS 30
#define STORE_REFUSALS_MAX 250000 /* rows: some 50 MB with their indexes; then the oldest go */
#define STORE_NAME_MAX	   24	  /* of a reason or an action, with the final 0 */
#define STORE_DETAIL_MAX   256
#define STORE_SAYS_MAX	   256

struct store_refusal {
	int64_t id; /* of the row: written again it replaces itself; 0 when read */
	struct addr addr;
	char reason[STORE_NAME_MAX]; /* "listed" */
	uint32_t class_;	     /* number of the port class */
	char action[STORE_NAME_MAX]; /* "reply" */
	bool acted;		     /* it was done; else it would have been */
	char detail
		[STORE_DETAIL_MAX]; /* which lists, the heaviest first: "zen.example list.example"; or which limit */
	char says[STORE_SAYS_MAX]; /* the heaviest list's reason, printable */
	int64_t first_wall_s, last_wall_s;
	uint64_t connections;
};

/* Insert or replace, as one transaction. 0 or -errno: then nothing of it was written. */
int store_put_refusals(struct store *s, const struct store_refusal *list, size_t count,
		       struct err *e);
/* The id behind the last row's. */
int store_next_refusal(struct store *s, int64_t *id, struct err *e);
/* Those that reach beyond since_wall_s, by source, the oldest first. fn returns 0 to go on. 0, fn's value, or -errno. */
int store_each_refusal(struct store *s, int64_t since_wall_s,
		       int (*fn)(void *context, const struct store_refusal *r), void *context,
		       struct err *e);

/*
 * How one counter grew in one hour. Beside those of the kernel there is "watched": packets are the seconds in which a controller looked,
 * would those of them in monitor mode; and "found": would are strangers who were found listed by a connection that monitor mode let in.
 */
#define STORE_HOUR_S	   3600
#define STORE_HOUR_WATCHED "watched"
#define STORE_HOUR_FOUND   "found"

struct store_hour {
	int64_t wall_s; /* its beginning */
	char reason[STORE_NAME_MAX];
	uint32_t class_;
	uint64_t packets, would;
};

/* Adds to what is there, as one transaction. 0 or -errno. */
int store_add_hours(struct store *s, const struct store_hour *list, size_t count, struct err *e);
/* From the hour in which since_wall_s lies, the oldest first. */
int store_each_hour(struct store *s, int64_t since_wall_s,
		    int (*fn)(void *context, const struct store_hour *h), void *context,
		    struct err *e);

/* Drops rows of both that are too old, and the oldest refusals while there are too many. How many. */
int store_trim_refusals(struct store *s, unsigned *count, struct err *e);

#endif
