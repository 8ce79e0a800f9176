/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A visit: one connection to a server, from the SYN to the end, with all that was said. What to say next is asked of a script
 * after each response; what went wrong is a result, never an error. A visit is a state machine in the event loop: one
 * enum of states, one table of names, one transition function.
 */
#ifndef AUDIT_VISIT_H
#define AUDIT_VISIT_H

#include "audit/response.h"
#include "audit/words.h"
#include "base/addr.h"
#include "base/loop.h"
#include "base/tls.h"

#define VISIT_WHY_MAX 160
#define VISIT_GREETING_MS                                                                          \
	35000 /* servers make strangers wait: postscreen 6 s, greet pauses up to 30 s */
#define VISIT_ANSWER_MS 20000 /* of one response; Postfix slows by 1 s each error */
#define VISIT_CONNECT_MS                                                                           \
	8000 /* three SYNs (1, 2 and 4 s): a gate that holds strangers drops the first */
#define VISIT_WHOLE_MS	    90000 /* of a visit */
#define VISIT_EXCHANGES_MAX 128

/* ---- what a script wants ---- */

enum step_kind {
	STEP_READ, /* read a response; nothing is sent (the greeting, or one more) */
	STEP_SAY,  /* send text and CRLF, read a response */
	STEP_RAW,  /* send bytes as they are, read a response */
	STEP_MUTE, /* send bytes as they are, read nothing */
	STEP_TLS, /* send text and CRLF (STARTTLS, STLS, "a STARTTLS"), and after a positive response shake hands */
	STEP_CUT,  /* close without another word */
	STEP_QUIT, /* say goodbye in the protocol's way, read the response, close */
};

struct step {
	enum step_kind kind;
	unsigned
		what; /* enum what of seen.h, or any number of the script's own: by it the exchange is found again */
	unsigned index; /* the same: which form, which user */
	enum response_shape shape;
	const char *text; /* SAY, TLS: without CRLF; RAW, MUTE: bytes; copied */
	size_t length;	  /* RAW, MUTE */
	const char *
		shown; /* what the log has instead of a text with a secret in it; static; NULL: the text */
	/*
	 * READ: for so long a further response may come, and if none does the exchange has none and the visit goes on. 0: one must
	 * come, as to all other steps.
	 */
	unsigned patience_ms;
};

/* ---- what was seen ---- */

struct exchange {
	unsigned what, index;
	char *sent; /* escaped, without CRLF; NULL nothing */
	struct response response;
	unsigned latency_ms;
	bool in_tls;
};

enum visit_end {
	VISIT_DONE,	   /* the script came to its end */
	VISIT_REFUSED,	   /* a RST to our SYN */
	VISIT_UNREACHABLE, /* an ICMP error, or no route */
	VISIT_SILENT,	   /* no answer to our SYN */
	VISIT_TIMEOUT,	   /* connected, and then nothing in time */
	VISIT_CLOSED,	   /* the server closed before we were done */
	VISIT_TURNED_AWAY, /* 421, or a greeting of 4xx or 5xx */
	VISIT_FLOODED,	   /* past the bounds of response.h */
	VISIT_ALIEN,	   /* what answers does not speak the protocol */
	VISIT_TLS_FAILED,  /* the handshake */
	VISIT_FAILED,	   /* ours: no socket, no memory */
};
#define VISIT_ENDS (VISIT_FAILED + 1)
const char *visit_end_name(enum visit_end e);

struct visit_log {
	struct visit_log *next; /* of the same place, in the order they were made */
	unsigned purpose;	/* enum purpose of seen.h */
	enum protocol protocol;
	uint16_t port;
	bool implicit_tls;
	struct addr local; /* our end of the connection */
	bool has_local;
	enum visit_end end;
	char why[VISIT_WHY_MAX]; /* one sentence, escaped; "" with VISIT_DONE */
	struct exchange *exchange;
	unsigned count;
	struct tls_facts tls;
	bool has_tls;
	size_t discarded; /* bytes that came before TLS and would have been taken for after */
	unsigned elapsed_ms;
};

/* The exchange, or NULL. It may have a response of RESPONSE_NONE: asked, and no answer came. */
const struct exchange *visit_find(const struct visit_log *v, unsigned what);
const struct exchange *visit_find_index(const struct visit_log *v, unsigned what, unsigned index);
void visit_log_free(struct visit_log *v); /* this one; NULL is fine */

/* ---- visiting ---- */

/*
 * How it goes: states, and what moves it from one to another.
 *
 * What lies there before something is said was not asked for: it is thrown away, and the exchange before has ODD_EARLY. But not
 * behind a STEP_MUTE, whose responses are still to be read.
 */
enum visit_state {
	VISIT_CONNECTING,
	VISIT_SHAKING, /* hands, for TLS */
	VISIT_ASKING,  /* the script */
	VISIT_SENDING,
	VISIT_AWAITING, /* a response */
	VISIT_QUITTING, /* best effort: all that can happen to it now ends it well */
	VISIT_ENDED,
};
#define VISIT_STATES (VISIT_ENDED + 1)
const char *visit_state_name(enum visit_state s);

enum visit_event {
	VISIT_UP,     /* the connection */
	VISIT_TO_TLS, /* and now TLS; or after a positive response to STARTTLS */
	VISIT_SECURE, /* the handshake is done */
	VISIT_TO_SAY, /* the script has something to be said */
	VISIT_TO_READ,
	VISIT_TO_QUIT,
	VISIT_SAID,
	VISIT_SAID_MUTE,
	VISIT_ANSWERED,
	VISIT_OVER,
};
#define VISIT_EVENTS (VISIT_OVER + 1)
const char *visit_event_name(enum visit_event e);
/* What follows on what; VISIT_ENDED for what never happens. */
enum visit_state visit_state_after(enum visit_state s, enum visit_event e);

/*
 * What next? last is the exchange just made (NULL at the very first, and after an implicit TLS handshake), log all so far. Fill *out
 * and return true, or false for the end. The text of *out is copied before the next call. The first step is
 * STEP_READ for the greeting.
 */
typedef bool (*script_fn)(void *context, const struct visit_log *log, const struct exchange *last,
			  struct step *out);
/* Each move, before it is made. */
typedef void (*visit_trace_fn)(void *context, enum visit_state from, enum visit_event event,
			       enum visit_state to);
/* Called once, from the loop. The log is the callee's (visit_log_free). */
typedef void (*visit_fn)(void *context, struct visit_log *log);
/* A socket (SOCK_STREAM, non-blocking) of the family to connect from, or -errno; the visit closes it. NULL: an ordinary one. */
typedef int (*visit_socket_fn)(void *context, int family);

struct visit_order {
	unsigned purpose;
	enum protocol protocol;
	struct addr addr;
	uint16_t port;
	bool implicit_tls;
	struct tls_client *tls;
	struct tls_wish wish; /* the name that the certificate must have, and versions */
	visit_socket_fn socket;
	void *socket_context;
	script_fn script;
	void *script_context;
	/* Made unreadable in whatever the server says after a step that was not shown; kept by the caller; NULL none. */
	const char *secret;
	/* 0: the defaults above */
	unsigned greeting_ms, answer_ms, connect_ms, whole_ms;
	visit_trace_fn trace; /* NULL: nobody looks */
	void *trace_context;
};

struct visit;

/* 0 or -errno: then fn is not called. *out is valid until fn is called. */
int visit_start(struct visit **out, struct loop *loop, const struct visit_order *order, visit_fn fn,
		void *context);
/* fn will not be called. NULL is fine. Not from within the script. */
void visit_stop(struct visit *v);

#endif
