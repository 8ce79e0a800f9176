/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The forms of recipients and the senders, as data. In a template an upper-case letter stands for a name: T the token, D the foreign domain, V the
 * server's name, I its address literal, L a domain it hosts, O our own; all else is itself. The forms are those that mail servers have
 * taken for routes at one time or other: source routes (RFC 5321, appendix C), the percent hack, UUCP's bang paths, quotes that hide an
 * at sign, and addresses with two of them.
 */
#include "audit/relay.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct form {
	const char *path, *name;
	enum relay_outer outer;
	bool is_odd;
};

#define FOREIGN	  RELAY_OUTER_FOREIGN
#define HOSTED	  RELAY_OUTER_HOSTED
#define SERVER	  RELAY_OUTER_SERVER
#define LITERAL	  RELAY_OUTER_LITERAL
#define NONE	  RELAY_OUTER_NONE
#define LOCALHOST RELAY_OUTER_LOCALHOST

/* Odd are those that real servers answer with a syntax error: no domain, two domains, an address literal. */
static const struct form forms[] = {
	{"<T@D>", "plain", FOREIGN, false},
	{"<T%D@I>", "percent hack through its address", LITERAL, true},
	{"<T%D@V>", "percent hack through its name", SERVER, false},
	{"<\"T@D\">", "quoted, without a domain", NONE, true},
	{"<\"T%D\">", "quoted percent hack, without a domain", NONE, true},
	{"<T@D@I>", "two at signs, through its address", LITERAL, true},
	{"<\"T@D\"@I>", "quoted, through its address", LITERAL, true},
	{"<T@D@V>", "two at signs, through its name", SERVER, true},
	{"<@I:T@D>", "source route through its address", FOREIGN, true},
	{"<@V:T@D>", "source route through its name", FOREIGN, false},
	{"<D!T>", "bang path, without a domain", NONE, true},
	{"<D!T@I>", "bang path through its address", LITERAL, true},
	{"<D!T@V>", "bang path through its name", SERVER, false},
	{"<\"T@D\"@V>", "quoted, through its name", SERVER, false},
	{"<T@D@>", "an at sign at the end", NONE, true},
	{"<T%D>", "percent hack, without a domain", NONE, true},
	{"<T%D@L>", "percent hack through its domain", HOSTED, false},
	{"<\"T@D\"@L>", "quoted, through its domain", HOSTED, false},
	{"<D!T@L>", "bang path through its domain", HOSTED, false},
	{"<T@D@L>", "two at signs, through its domain", HOSTED, true},
	{"<@L:T@D>", "source route through its domain", FOREIGN, false},
	{"<T%D@localhost>", "percent hack through localhost", LOCALHOST, false},
	{"<V!D!T>", "bang path of two hops", NONE, true},
	{"<@a.D,@b.D:T@D>", "source route of two hops", FOREIGN, false},
	/* The probes, in the order of enum relay_outer. */
	{"<T@L>", "nobody of its domain", HOSTED, false},
	{"<T@V>", "nobody of its name", SERVER, false},
	{"<T@I>", "nobody of its address", LITERAL, true},
	{"<T>", "nobody, without a domain", NONE, true},
	{"<T@localhost>", "nobody of localhost", LOCALHOST, false},
};
#define ROWS   (sizeof(forms) / sizeof(forms[0]))
#define PROBES (RELAY_OUTERS - 1)
_Static_assert(ROWS == RELAY_FORMS_MAX, "forms and probes");
const unsigned relay_form_count = ROWS - PROBES;

static const struct {
	const char *path, *name;
	bool is_odd, is_inside;
} senders[] = {
	{"<audit@O>", "ourselves", false, false},
	{"<>", "nobody", false, false},
	{"<audit@D>", "the recipient's domain", false, false},
	{"<audit@V>", "the server's name", false, true},
	{"<audit@I>", "the server's address", true, true},
	{"<audit@localhost>", "localhost", false, true},
	{"<audit>", "no domain", true, true},
	{"<postmaster@V>", "postmaster of the server's name", false, true},
	{"<postmaster@L>", "postmaster of its domain", false, true},
	{"<audit@T.D>", "a subdomain that nobody has", false, false},
};
_Static_assert(sizeof(senders) / sizeof(senders[0]) == RELAY_SENDERS_MAX, "senders");
const unsigned relay_sender_count = RELAY_SENDERS_MAX;

static const char *name_of(char letter, const struct relay_names *n)
{
	switch (letter) {
	case 'T':
		return n->token;
	case 'D':
		return n->foreign;
	case 'V':
		return n->server;
	case 'I':
		return n->literal;
	case 'L':
		return n->hosted;
	default:
		return n->own;
	}
}

static const char *expand(const char *template, const struct relay_names *names, char *buffer)
{
	size_t length = 0;

	for (const char *c = template; *c; c++) {
		const char one[2] = {*c, 0};
		const char *text = isupper((unsigned char)*c) ? name_of(*c, names) : one;
		size_t size = text ? strlen(text) : 0;

		if (!size || length + size >= RELAY_PATH_MAX) {
			length = 0;
			break;
		}
		memcpy(buffer + length, text, size);
		length += size;
	}
	buffer[length] = 0;
	return buffer;
}

const char *relay_form(unsigned form, const struct relay_names *names,
		       char buffer[static RELAY_PATH_MAX])
{
	return expand(form < ROWS ? forms[form].path : "", names, buffer);
}

const char *relay_sender(unsigned sender, const struct relay_names *names,
			 char buffer[static RELAY_PATH_MAX])
{
	return expand(sender < RELAY_SENDERS_MAX ? senders[sender].path : "", names, buffer);
}

const char *relay_form_name(unsigned form)
{
	return form < ROWS ? forms[form].name : "";
}

const char *relay_sender_name(unsigned sender)
{
	return sender < RELAY_SENDERS_MAX ? senders[sender].name : "";
}

bool relay_form_is_odd(unsigned form)
{
	return form < ROWS && forms[form].is_odd;
}

bool relay_sender_is_odd(unsigned sender)
{
	return sender < RELAY_SENDERS_MAX && senders[sender].is_odd;
}

enum relay_outer relay_form_outer(unsigned form)
{
	return form < ROWS ? forms[form].outer : RELAY_OUTER_FOREIGN;
}

bool relay_sender_is_inside(unsigned sender)
{
	return sender < RELAY_SENDERS_MAX && senders[sender].is_inside;
}

/* ---- the names of a run ---- */

/* The first word of the greeting (RFC 5321, 4.2: its domain), where it is a name with a dot and nothing else. */
bool relay_greeting_name(const struct seen_address *a, char out[static NAME_TEXT_MAX])
{
	const struct exchange *x = seen_exchange(a, PURPOSE_HELLO, WHAT_GREETING);
	const char *text = x ? x->response.text : NULL;
	size_t length = 0;
	bool has_dot = false, has_letter = false;

	for (; text && text[length] && !isspace((unsigned char)text[length]); length++) {
		unsigned char c = (unsigned char)text[length];

		if (length + 1 >= NAME_TEXT_MAX || !(isalnum(c) || c == '-' || c == '.'))
			return false;
		has_dot |= c == '.';
		has_letter |= isalpha(c) != 0;
	}
	if (!has_dot || !has_letter || text[0] == '.' || text[length - 1] == '.')
		return false;
	memcpy(out, text, length);
	out[length] = 0;
	return true;
}

void relay_names_take(const struct script_facts *facts, struct relay_names_room *out)
{
	const struct seen_address *a = facts->address;
	char text[ADDR_TEXT_MAX];

	addr_format(&a->addr, text);
	snprintf(out->literal, sizeof(out->literal), addr_is_v4(&a->addr) ? "[%s]" : "[IPv6:%s]",
		 text);
	if (!relay_greeting_name(a, out->server))
		snprintf(out->server, sizeof(out->server), "%s", a->host ? a->host->name : "");
	out->names = (struct relay_names){
		.server = out->server,
		.literal = out->literal,
		.hosted = facts->domain,
		.foreign = facts->foreign,
		.token = facts->random,
		.own = facts->helo && strchr(facts->helo, '.') && facts->helo[0] != '['
			       ? facts->helo
			       : "",
	};
}
