/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which recipients a stranger may write to: nobody who does not exist (else the bounce goes to a forged sender), no internal alias, and
 * postmaster and abuse always.
 */
#include <string.h>

#include "audit/look.h"

#define ELSEWHERE                                                                                  \
	"the server takes no mail for the domain that was tried: name one that it does, before "   \
	"--host or by --mailbox"

/*
 * An unknown user must be refused at RCPT (RFC 5321, 3.3 and 6.2). Where even postmaster is refused by the same words the refusal is
 * not about the user.
 */
CHECK_ADDRESS(check_backscatter)
{
	const struct exchange *unknown, *postmaster;

	if (!look_may(l, a))
		return;
	unknown = look_find(a, PURPOSE_RECIPIENTS, WHAT_RCPT_UNKNOWN, LOOK_ANY_INDEX);
	postmaster = look_find(a, PURPOSE_RECIPIENTS, WHAT_RCPT_POSTMASTER, LOOK_ANY_INDEX);
	if (!unknown)
		look_missing(l, NULL, a, PURPOSE_RECIPIENTS);
	else if (look_is_helo_word(&unknown->response))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, unknown, NULL),
			    LOOK_HELO_REFUSED);
	else if (unknown->response.kind == RESPONSE_POSITIVE)
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, unknown, NULL),
			    "mail to a user who does not exist is taken: it will be bounced to "
			    "whomever the sender was forged to be, or there is a catch-all");
	else if (unknown->response.kind != RESPONSE_NEGATIVE)
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, unknown, NULL),
			    "mail to a user who does not exist is put off for now, as greylisting "
			    "does it");
	else if (look_is_elsewhere(l, a))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, unknown, postmaster),
			    ELSEWHERE);
	else if (look_is(postmaster, RESPONSE_NEGATIVE) &&
		 (look_is_same(&unknown->response, &postmaster->response) ||
		  look_is_relay_word(&unknown->response)))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, unknown, postmaster),
			    "every recipient is refused in the same way, so nothing is learnt of "
			    "unknown users");
	else
		finding_say(look_add(l, NULL, AUDIT_PASS, a, unknown, NULL),
			    "mail to a user who does not exist is refused at RCPT");
}

static void alias_judge(const struct look *l, const struct seen_address *a, unsigned i)
{
	const char *alias = l->request->aliases.word[i];
	const struct exchange *x = look_find(a, PURPOSE_RECIPIENTS, WHAT_RCPT_ALIAS, i);

	if (!x)
		look_missing(l, NULL, a, PURPOSE_RECIPIENTS);
	else if (look_is_helo_word(&x->response))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, x, NULL), LOOK_HELO_REFUSED);
	else if (x->response.kind == RESPONSE_POSITIVE)
		finding_say(look_add(l, NULL, AUDIT_FAIL, a, x, NULL),
			    "anybody may write to the alias %s", alias);
	else if (x->response.kind == RESPONSE_NEGATIVE && look_is_elsewhere(l, a))
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, x, NULL), ELSEWHERE);
	else if (x->response.kind == RESPONSE_NEGATIVE)
		finding_say(look_add(l, NULL, AUDIT_PASS, a, x, NULL),
			    "the alias %s is closed to strangers", alias);
	else
		finding_say(look_add(l, NULL, AUDIT_INCONCLUSIVE, a, x, NULL),
			    "the alias %s is put off for now", alias);
}

CHECK_ADDRESS(check_aliases)
{
	if (!l->request->aliases.count) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, a),
			    "no internal aliases were named: --alias");
		return;
	}
	if (!look_may(l, a))
		return;
	for (unsigned i = 0; i < l->request->aliases.count; i++)
		alias_judge(l, a, i);
}

struct role {
	const char *part, *why;
	enum what what;
};

static void role_judge(const struct look *l, const struct seen_address *a, const struct role *role)
{
	const struct exchange *x = look_find(a, PURPOSE_RECIPIENTS, role->what, LOOK_ANY_INDEX);

	if (!x)
		look_missing(l, role->part, a, PURPOSE_RECIPIENTS);
	else if (look_is_helo_word(&x->response))
		finding_say(look_add(l, role->part, AUDIT_INCONCLUSIVE, a, x, NULL),
			    LOOK_HELO_REFUSED);
	else if (x->response.kind == RESPONSE_POSITIVE)
		finding_say(look_add(l, role->part, AUDIT_PASS, a, x, NULL), "%s can be reached",
			    role->part);
	else if (x->response.kind == RESPONSE_TRANSIENT)
		finding_say(look_add(l, role->part, AUDIT_INCONCLUSIVE, a, x, NULL),
			    "%s is put off for now, as greylisting does it", role->part);
	else if (look_is_elsewhere(l, a))
		finding_say(look_add(l, role->part, AUDIT_INCONCLUSIVE, a, x, NULL), ELSEWHERE);
	else
		finding_say(look_add(l, role->part, AUDIT_FAIL, a, x, NULL),
			    "%s cannot be reached (%s)", role->part, role->why);
}

CHECK_ADDRESS(check_roles)
{
	static const struct role postmaster = {"postmaster", "RFC 5321, 4.5.1",
					       WHAT_RCPT_POSTMASTER};
	static const struct role abuse = {"abuse", "RFC 2142, 4", WHAT_RCPT_ABUSE};

	if (!look_may(l, a))
		return;
	role_judge(l, a, &postmaster);
	role_judge(l, a, &abuse);
}
