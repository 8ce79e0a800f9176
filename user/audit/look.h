/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the checks of what was said on the wire have in common: no verdict without an answer, and a sentence that says why there is none. Each
 * function that says something adds exactly one finding.
 */
#ifndef AUDIT_LOOK_H
#define AUDIT_LOOK_H

#include "audit/check.h"

#define LOOK_WHY_MAX 320 /* the end of a visit, and its sentence */

/* Does the address speak SMTP on port 25? If not, says so: inconclusive. */
bool look_answers(const struct look *l, const struct seen_address *a);
/* May more be asked than greeting, EHLO and STARTTLS? If not, says so: skipped. */
bool look_may_intrude(const struct look *l, const struct seen_address *a);
/* Both. */
bool look_may(const struct look *l, const struct seen_address *a);

/* Has it an answer? NULL has none. */
bool look_answered(const struct exchange *x);
bool look_is(const struct exchange *x, enum response_kind kind); /* answered so */

/* The answered exchange of the visits for this purpose, whichever has it; NULL. index ANY: whichever. */
#define LOOK_ANY_INDEX UINT32_MAX
const struct exchange *look_find(const struct seen_address *a, enum purpose purpose, enum what what,
				 unsigned index);
/* Which visit it was made at, or NULL. */
const struct visit_log *look_visit(const struct seen_address *a, const struct exchange *x);

/* A finding with its proofs: port of the first exchange, transcripts of both (each may be NULL), the fix for the server. */
struct finding *look_add(const struct look *l, const char *part, enum audit_status status,
			 const struct seen_address *a, const struct exchange *x,
			 const struct exchange *y);
/* Inconclusive, because what would tell was not said: why visits for this purpose ended. */
void look_missing(const struct look *l, const char *part, const struct seen_address *a,
		  enum purpose purpose);

/* The same of one visit. */
void look_missing_at(const struct look *l, const char *part, const struct seen_address *a,
		     const struct visit_log *v);
/* A visit may have been made again: of those for its purpose to its port, is it the one to be judged? */
bool look_is_chosen(const struct seen_address *a, const struct visit_log *v);

/* Which server it is for a fix: by this visit's protocol; POP3 and IMAP servers are others than those of SMTP. */
enum server_kind look_server(const struct seen_address *a, enum protocol protocol);

/* What one recipient gets from a sender of whom nothing is wrong; NULL not known. Is this refusal the same, and so about the recipient? */
const struct exchange *look_ordinary(const struct seen_address *a);
bool look_is_for_all(const struct seen_address *a, const struct exchange *x);

/* Is it one of "relay access denied" and its kin: the domain is none of this server's? */
bool look_is_relay_word(const struct response *r);
/*
 * Does it take no mail for the domain that recipients were tried of? Where that was only guessed any refusal of postmaster may mean so, but for
 * one that says that the user is unknown.
 */
bool look_is_elsewhere(const struct look *l, const struct seen_address *a);
/* Was it said of postmaster or abuse? Some servers let everybody write to them, whoever he is: what they take says nothing of others. */
bool look_is_role(const struct exchange *x);
/* Does it ask for a login? */
bool look_is_auth_word(const struct response *r);
/* Is it about our own HELO ("helo command rejected", "503 HELO first")? Then it says nothing of what was asked, and the sentence says so. */
bool look_is_helo_word(const struct response *r);
#define LOOK_HELO_REFUSED "our own name in HELO is refused, so nothing else is learnt: --helo"
/* The same refusal: code, enhanced code. */
bool look_is_same(const struct response *a, const struct response *b);

#endif
