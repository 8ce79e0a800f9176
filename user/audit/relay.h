/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The relay matrix: every form in which a recipient elsewhere has ever been written, from every sender that has ever been let through. A form is
 * never tied to one sender: where a sender is refused for what it is, the next one is tried.
 */
#ifndef AUDIT_RELAY_H
#define AUDIT_RELAY_H

#include "audit/script.h"

#define RELAY_PATH_MAX 320

/* V: the server's name, IP: its address literal, L: a domain it hosts, D: a foreign one, t: a local part that nobody has. */
struct relay_names {
	const char *server, *literal, *hosted, *foreign, *token,
		*own; /* own: the domain of our own name */
};

extern const unsigned relay_form_count, relay_sender_count;
#define RELAY_INDEX_SENDERS	  32 /* room for them in an index; no fewer than RELAY_SENDERS_MAX */
#define RELAY_INDEX(form, sender) ((form)*RELAY_INDEX_SENDERS + (sender))
#define RELAY_FORM(index)	  ((index) / RELAY_INDEX_SENDERS)
#define RELAY_SENDER(index)	  ((index) % RELAY_INDEX_SENDERS)

/*
 * The domain that a form ends in, which is the one a server goes by. Where it is the server's own, an accepted form may be a mailbox like
 * any other: only one whose neighbour (the probe: a plain name nobody has, in the same domain) is refused says something.
 */
enum relay_outer {
	RELAY_OUTER_FOREIGN, /* it can only be relayed */
	RELAY_OUTER_HOSTED,
	RELAY_OUTER_SERVER,
	RELAY_OUTER_LITERAL,
	RELAY_OUTER_NONE,
	RELAY_OUTER_LOCALHOST,
};
#define RELAY_OUTERS (RELAY_OUTER_LOCALHOST + 1)
#define RELAY_PLAIN  0 /* the form of an ordinary recipient elsewhere */
/* Behind the forms: the probes, one for each outer domain of the server's own. They are no forms of relaying. */
#define RELAY_PROBE(outer) (relay_form_count + (unsigned)(outer)-1)
#define RELAY_FORMS_MAX	   29 /* with the probes */
#define RELAY_SENDERS_MAX  10

/* The path with its angle brackets: "<t%D@V>". Returns buffer; "" where the form needs a name that is not known. */
const char *relay_form(unsigned form, const struct relay_names *names,
		       char buffer[static RELAY_PATH_MAX]);
const char *relay_sender(unsigned sender, const struct relay_names *names,
			 char buffer[static RELAY_PATH_MAX]);
const char *relay_form_name(unsigned form); /* "percent hack through its literal" */
const char *relay_sender_name(unsigned sender);
bool relay_form_is_odd(
	unsigned form); /* may count as a syntax error: few of these in one connection */
bool relay_sender_is_odd(unsigned sender);
enum relay_outer relay_form_outer(unsigned form);
/* Does whoever writes it claim to be of the server's own house? Others are strangers. */
bool relay_sender_is_inside(unsigned sender);

enum relay_sender_of_note {
	RELAY_FROM_OWN,
	RELAY_FROM_NOBODY,
	RELAY_FROM_FOREIGN,
	RELAY_FROM_POSTMASTER_HOSTED = 8
};

/* The names that a run uses, with room for them. */
struct relay_names_room {
	struct relay_names names;
	char server[NAME_TEXT_MAX], literal[ADDR_TEXT_MAX + sizeof("[IPv6:]")];
};
/* The server's name as its greeting has it, if there is one. */
bool relay_greeting_name(const struct seen_address *a, char out[static NAME_TEXT_MAX]);
void relay_names_take(const struct script_facts *facts, struct relay_names_room *out);

/* What one refusal or acceptance of a recipient says. */
enum relay_word {
	RELAY_ACCEPTED,
	RELAY_DENIED,	 /* for a relay reason: by code and text */
	RELAY_OTHERWISE, /* refused for another reason, which decides nothing: greylisting, lists */
	RELAY_SENDER_WORD, /* refused for the sender */
	RELAY_DOMAIN_WORD, /* refused for the foreign domain: it takes no mail, or does not exist */
	RELAY_NO_WORD,	   /* no answer */
	RELAY_SYNTAX,	   /* the server takes no path of this form, whoever asks */
	RELAY_UNKNOWN,	   /* read as a mailbox of its own, which nobody has */
};
enum relay_word relay_judge(const struct response *r);
#define RELAY_WHY_UNKNOWN   "unknown user"
#define RELAY_WHY_TEMPORARY "a temporary local problem"
/* The same, and the reason in a few words: "greylisted". Never NULL. */
enum relay_word relay_judge_why(const struct response *r, const char **why);

/* ---- the matrix: what all relay visits of an address have said ---- */

struct relay_cell {
	enum relay_word word;
	bool is_asked;	  /* RCPT was said */
	unsigned tries;	  /* visits in which it was */
	unsigned domains; /* foreign domains that were refused for themselves */
	bool is_unsure;	  /* more answers came than were asked for: which one is its own? */
	bool is_data;	  /* DATA was said for it alone */
	bool is_taken;	  /* 354 */
	bool is_sent;	  /* the whole message */
	bool is_returned;
	const struct visit_log *visit;
	const struct exchange *rcpt, *data, *sent;
};

struct relay_matrix {
	struct relay_cell cell[RELAY_FORMS_MAX][RELAY_SENDERS_MAX];
	/* At MAIL; RELAY_NO_WORD: not asked yet, or no answer. RELAY_SENDER_WORD: refused for good. */
	enum relay_word sender[RELAY_SENDERS_MAX];
	unsigned sender_tries[RELAY_SENDERS_MAX];
	bool wants_tls;	 /* MAIL was refused until STARTTLS */
	bool wants_auth; /* MAIL was refused until AUTH: no stranger relays here */
	const struct exchange *mail_refused; /* the last */
	unsigned domains;	    /* foreign domains that were refused for themselves anywhere */
	unsigned taken, taken_back; /* DATA: gone on, refused */
	unsigned floods;	    /* visits that it ended so: what it says may answer anything */
	unsigned visits;
	const struct visit_log *last;
};

void relay_matrix_take(const struct seen_address *a, struct relay_matrix *out);
bool relay_cell_is_temporary(const struct relay_cell *c);
/* What an accepted cell is worth: is it a relay (then true), or would the server take any name in that domain? */
enum relay_local {
	RELAY_LOCAL_NO,	     /* a relay, as far as RCPT tells */
	RELAY_LOCAL_MAYBE,   /* the probe is accepted too: a catch-all */
	RELAY_LOCAL_UNKNOWN, /* the probe has not been answered */
};
enum relay_local relay_matrix_local(const struct relay_matrix *m, unsigned form, unsigned sender);

/* The verdict of all relay visits of an address; *worst is the exchange that it rests on, or NULL. */
enum ladder relay_ladder(const struct seen_address *a, const struct exchange **worst);

/* ---- tokens that come back ---- */

/* An exchange without words that is put into the visit whose message came back; its index is that of the message. */
#define WHAT_RELAY_RETURNED (WHAT_SMUGGLED + 64)
#define RELAY_TOKEN_LEAST   12 /* characters of a token */

/* How many messages were sent whose token has not come back: as long as it is not 0, waiting for the collector is worth while. */
unsigned relay_awaited(const struct seen *seen);
/* For the collector's function: the token of a message that was sent marks it. Whether it was one of ours. */
bool relay_returned(struct seen *seen, const char *token);

/* ---- the script ---- */

/* The script of one relay visit (round: which); NULL when the matrix is done. For script_new(). */
struct relay_script;
struct relay_script *relay_script_new(unsigned round, const struct script_facts *facts);
bool relay_script_next(struct relay_script *s, const struct visit_log *log,
		       const struct exchange *last, struct step *out);
void relay_script_free(struct relay_script *s);

#endif
