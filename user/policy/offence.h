/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offences, and the bans that follow: a source that offends so often within a time is banned, each time twice as long up to a bound, and
 * after a quiet time all is forgotten. Times are seconds of one clock that only goes forward, and may lie before its beginning.
 */
#ifndef POLICY_OFFENCE_H
#define POLICY_OFFENCE_H

#include <stdbool.h>
#include <stdint.h>

/* An offence is counted once in so long: who is over a limit for an hour has not offended a thousand times. */
#define OFFENCE_EVERY_S 60
/* Who delivered longer ago is none that does so as a rule. A newsletter comes once a month. */
#define OFFENCE_REGULAR_WITHIN_S (31 * 86400)
/* The time in which offences must fall is counted in so many parts, the oldest of which drops out as a whole. */
#define OFFENCE_PARTS 8

enum offence_kind {
	OFFENCE_RATE,	  /* over its rate */
	OFFENCE_OPEN,	  /* over its open connections */
	OFFENCE_ANSWERED, /* listed, was told so, and came again */
	OFFENCE_CUT,	  /* listed, and in when it was found out: its connection was cut */
	OFFENCE_KINDS,
};

struct offence_rules {
	uint32_t after;	   /* offences; 0: nobody is banned */
	int64_t within_s;  /* in this time */
	int64_t first_s;   /* the first ban */
	int64_t longest_s; /* the longest */
	int64_t forget_s;
	uint32_t
		neighbours; /* banned sources of one network that make a ban of all of it; 0: never */
};

/* Of one source or network. All zeros: it has done nothing. */
struct offence_history {
	int64_t part; /* number of the newest, in time */
	uint32_t count[OFFENCE_PARTS];
	int64_t last_s;	   /* the last offence */
	int64_t until_s;   /* the end of the last ban */
	uint32_t level;	   /* bans so far */
	uint32_t offences; /* so far; 0: last_s says nothing */
};

enum offence_added {
	OFFENCE_UNCOUNTED, /* it comes too soon behind the last one, or while a ban is in force */
	OFFENCE_COUNTED,
	OFFENCE_ENOUGH, /* counted, and it has offended often enough for a ban */
};

/* One more offence. */
enum offence_added offence_add(struct offence_history *h, const struct offence_rules *r,
			       int64_t now_s);
/* It is banned from now on: for how long, in seconds. */
int64_t offence_ban(struct offence_history *h, const struct offence_rules *r, int64_t now_s);
/* It has offended often enough, but may not be banned: its offences are counted from the beginning. */
void offence_spare(struct offence_history *h);
bool offence_is_banned(const struct offence_history *h, int64_t now_s);
/* Other rules than at the ban: what is left of it is no longer than the longest. True: it ends earlier now. */
bool offence_shorten(struct offence_history *h, const struct offence_rules *r, int64_t now_s);
/* Nothing of it will count any more. */
bool offence_is_forgotten(const struct offence_history *h, const struct offence_rules *r,
			  int64_t now_s);
/* How long the ban of that level is; from 1 on. */
int64_t offence_ban_s(const struct offence_rules *r, uint32_t level);
/* So many sources of a network are banned: is all of it? */
bool offence_is_network(const struct offence_rules *r, uint32_t banned);

/*
 * Does it deliver mail as a rule? It has delivered some messages, not all on one day, and not too long ago. Who got a wave of spam in has
 * delivered too, but in an hour; who writes here as a rule comes again on another day.
 */
bool offence_is_regular(uint64_t messages, int64_t first_s, int64_t last_s, int64_t now_s);

/* "over its rate": the end of a sentence. "rate": one word. */
const char *offence_sentence(enum offence_kind kind);
const char *offence_name(enum offence_kind kind);

#endif
