/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said at a visit. A script is a state of its own and a script_fn (visit.h); most are rows of a table that one function walks. Each
 * purpose has one.
 */
#ifndef AUDIT_SCRIPT_H
#define AUDIT_SCRIPT_H

#include "audit/request.h"
#include "audit/seen.h"

/*
 * Servers count errors and slow down or hang up: stock Postfix slows after 10 and closes at 20 (smtpd_soft_error_limit,
 * smtpd_hard_error_limit), stock Exim closes after 3 syntax errors and 10 commands that are not about mail (smtp_max_synprot_errors,
 * smtp_accept_max_nonmail). No SMTP visit costs more than this.
 */
#define SCRIPT_REFUSED_MAX 8
#define SCRIPT_SYNTAX_MAX  2 /* of them: what Exim takes for a syntax or protocol error */
#define SCRIPT_RANDOM_MAX  24

/* What a script may put into its texts. */
struct script_facts {
	const struct audit_request *request;
	const struct seen *seen;
	const struct seen_address *address;
	const char *helo;	  /* our name; "": we greet by the address of our end */
	const char *domain;	  /* one that the server hosts, or is taken to */
	const char *foreign;	  /* one that it does not */
	const char *foreign_next; /* another, where the first is refused for itself; NULL none */
	char random
		[SCRIPT_RANDOM_MAX]; /* letters and digits; new in each run: nobody has this name */
	bool may_intrude;
	bool implicit_tls; /* the visit is inside TLS from its start */
};

struct script;

/*
 * NULL when there is nothing (more) to say for this purpose: then no visit is made. round: 0 and up, for purposes of several visits; it
 * may ask for what the visits of earlier rounds and purposes have brought. The facts must outlive the script.
 */
struct script *script_new(enum purpose purpose, unsigned round, const struct script_facts *facts);
bool script_next(void *script, const struct visit_log *log, const struct exchange *last,
		 struct step *out); /* a script_fn */
void script_free(struct script *s); /* NULL is fine */

/*
 * May this stand between the brackets of a path? One @, and of all others only what needs no quotes anywhere (a part of RFC 5321, 4.1.2):
 * what an operator gives us must not become a command.
 */
bool script_is_mailbox(const char *text);

#define SCRIPT_HELO_MAX (NAME_TEXT_MAX + sizeof("[IPv6:]"))
/* What stands behind HELO: our name, or the address of our end of this visit (RFC 5321, 4.1.3 and 4.1.4). Returns out. */
const char *script_helo(const struct script_facts *facts, const struct visit_log *log,
			char out[static SCRIPT_HELO_MAX]);

/*
 * Is it inside TLS with a server whose certificate is trusted, in time, and has the name? RFC 8314, 3: to nobody else does a password go.
 */
bool script_is_proved(const struct visit_log *log);

/* A random name for script_facts, of length SCRIPT_RANDOM_MAX with the final 0. 0 or -errno. */
int script_random(char out[static SCRIPT_RANDOM_MAX]);

#endif
