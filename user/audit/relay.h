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
#define RELAY_INDEX(form, sender) ((form)*32 + (sender))
#define RELAY_FORM(index)	  ((index) / 32)
#define RELAY_SENDER(index)	  ((index) % 32)

/* The path with its angle brackets: "<t%D@V>". Returns buffer; "" where the form needs a name that is not known. */
const char *relay_form(unsigned form, const struct relay_names *names,
		       char buffer[static RELAY_PATH_MAX]);
const char *relay_sender(unsigned sender, const struct relay_names *names,
			 char buffer[static RELAY_PATH_MAX]);
const char *relay_form_name(unsigned form); /* "percent hack through its literal" */
bool relay_form_is_odd(
	unsigned form); /* may count as a syntax error: few of these in one connection */

/* What one refusal or acceptance of a recipient says. */
enum relay_word {
	RELAY_ACCEPTED,
	RELAY_DENIED,	   /* for a relay reason: by code and text */
	RELAY_OTHERWISE,   /* refused for another reason: syntax, unknown user, greylisting */
	RELAY_SENDER_WORD, /* refused for the sender */
	RELAY_NO_WORD,	   /* no answer */
};
enum relay_word relay_judge(const struct response *r);

/* The verdict of all relay visits of an address; *worst is the exchange that it rests on, or NULL. */
enum ladder relay_ladder(const struct seen_address *a, const struct exchange **worst);

/* The script of one relay visit (round: which); NULL when the matrix is done. For script_new(). */
struct relay_script;
struct relay_script *relay_script_new(unsigned round, const struct script_facts *facts);
bool relay_script_next(struct relay_script *s, const struct visit_log *log,
		       const struct exchange *last, struct step *out);
void relay_script_free(struct relay_script *s);

#endif
