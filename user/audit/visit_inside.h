/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of a visit share; nobody else includes it. */
#ifndef AUDIT_VISIT_INSIDE_H
#define AUDIT_VISIT_INSIDE_H

#include <sys/types.h>

#include "audit/visit.h"
#include "base/when.h"

#define VISIT_TAG_MAX 32 /* bytes */

/* ---- the log ---- */

/* NULL: no memory. */
struct visit_log *visit_log_new(const struct visit_order *o);
/* One more exchange, without a response yet. sent may be NULL. 0, -ENOMEM, or -E2BIG when there are too many. */
int visit_log_add(struct visit_log *v, const struct step *s, const void *sent, size_t length,
		  bool in_tls);
struct exchange *visit_log_last(const struct visit_log *v); /* NULL: none yet */

/* ---- the wire ---- */

struct visit_wire {
	int fd; /* -1: none */
	struct tls *tls;
	bool in_tls;	   /* the handshake is done */
	unsigned wait_for; /* EPOLLIN or EPOLLOUT, after -EAGAIN */
};

/* A socket, on its way to the server. 0, also when it is not there yet, or -errno; *is_ours: it never came to a SYN. */
int visit_wire_connect(struct visit_wire *w, const struct visit_order *o, bool *is_ours);
int visit_wire_error(const struct visit_wire *w); /* how connecting ended: 0 or -errno */
bool visit_wire_local(const struct visit_wire *w, struct addr *out);
/* 0 done, -EAGAIN, other -errno failed. */
int visit_wire_secure(struct visit_wire *w, const struct visit_order *o);
/* Bytes; 0 the end; -EAGAIN; other -errno. */
ssize_t visit_wire_read(struct visit_wire *w, void *buffer, size_t size);
ssize_t visit_wire_write(struct visit_wire *w, const void *bytes, size_t length);
void visit_wire_close(struct visit_wire *w);

/* ---- the visit ---- */

/* Whether a visit can go on at once, has to wait, or is gone. */
enum go { GO_ON, GO_WAIT, GO_OVER };

struct visit {
	struct visit_order order; /* with its limits filled in */
	struct loop *loop;
	visit_fn fn;
	void *context;
	enum visit_state state;
	struct visit_log *log;
	struct visit_wire wire;
	struct loop_source *source, *timer;
	unsigned waits_for; /* what the source is set to */
	struct response_reader *reader;
	struct step step; /* without its text */
	char tag[VISIT_TAG_MAX];
	char *out; /* what is being sent */
	size_t out_length, out_at;
	uint64_t begun_ns, asked_ns; /* the visit; the last exchange */
	uint64_t deadline_ns;	     /* of this state */
	uint64_t armed_ns;	     /* what the timer is set to */
	bool greeted;
	bool has_told; /* the secret */
	bool owes; /* half of something unasked came before the last command: the rest is not its answer */
	size_t early_bytes;
	enum visit_end doom; /* how it ended before it began, and why */
	char doom_why[VISIT_WHY_MAX];
};

/* The one way from state to state. */
enum go visit_move(struct visit *v, enum visit_event event);
/* It ends so, with a sentence of our own words and escaped texts; the visit is gone afterwards. */
__attribute__((format(printf, 3, 4))) enum go visit_over(struct visit *v, enum visit_end end,
							 const char *format, ...);
enum go visit_over_well(struct visit *v);
enum go visit_over_closed(struct visit *v, ssize_t n); /* n: what reading came to */

/* Ask the script what next, and begin with it. */
enum go visit_ask(struct visit *v);
/* A response, if one is there or comes. */
enum go visit_await(struct visit *v);
/* No more will come, or not in time: keep what lies there. GO_WAIT: it does not say by itself how the visit ended. */
enum go visit_take_rest(struct visit *v);

#endif
