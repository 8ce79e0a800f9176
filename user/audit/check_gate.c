/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of the gate's own part. A host without a gate is no failure of its mail server: the point is skipped, and the finding names
 * the command that would see to it now. What postern cannot do yet is said to be so, and never passes.
 */
#include "audit/check.h"

#include "audit/gate.h"

#define COMMAND_RUN	 "postern run"
#define COMMAND_ENFORCE	 "postern enforce"
#define COMMAND_BLOCK	 "postern block PREFIX"
#define COMMAND_EVIDENCE "postern evidence ADDR"

static void enforce_by(struct finding *f, const char *command)
{
	snprintf(f->enforce, sizeof(f->enforce), "%s", command);
}

/* Is there a gate that could be looked at? Else says why not, and what would see to it. */
static bool is_guarded(const struct look *l, const struct seen_gate *gate, const char *lacking,
		       const char *command)
{
	struct finding *f;

	if (gate && gate->why[0]) {
		f = LOOK_ADD(l, "gate", AUDIT_INCONCLUSIVE, NULL);
		finding_say(f, "the gate could not be read: %s", gate->why);
		return false;
	}
	if (gate && gate->is_attached)
		return true;
	f = LOOK_ADD(l, "gate", AUDIT_SKIPPED, NULL);
	finding_say(f, "no gate is attached here: %s", lacking);
	enforce_by(f, command);
	return false;
}

static void self_test_say(const struct look *l, const struct seen_gate *gate)
{
	struct finding *f =
		LOOK_ADD(l, "counters", gate->counters_move ? AUDIT_PASS : AUDIT_FAIL, NULL);

	if (gate->counters_move)
		finding_say(f, "the gate counts: packets of a self-test moved its counters");
	else
		finding_say(f, "the gate does not count: %s", gate->self_test);
}

/* In front of the mail server there is nothing that stops who is over a limit. */
static void mode_say(const struct look *l, const struct seen_gate *gate)
{
	struct finding *f;

	if (!gate->enforces) {
		f = LOOK_ADD(l, "mode", AUDIT_WARN, NULL);
		finding_say(f, "the gate is in monitor mode: it judges, and lets pass");
		enforce_by(f, COMMAND_ENFORCE);
	}
	if (!gate->controller_runs) {
		f = LOOK_ADD(l, "controller", AUDIT_WARN, NULL);
		finding_say(f, "no controller runs: open connections are not judged");
		enforce_by(f, COMMAND_RUN);
	}
}

CHECK_GATE(check_limits)
{
	struct finding *f;
	bool is_limited;

	if (!is_guarded(l, gate, "connections are not limited in front of the server", COMMAND_RUN))
		return;
	is_limited = gate->has_rate && gate->has_open;
	f = LOOK_ADD(l, "gate", is_limited ? AUDIT_PASS : AUDIT_WARN, NULL);
	if (is_limited)
		finding_say(f, "the gate limits connections by time and at once");
	else
		finding_say(f, "the gate has no limit on %s%s%s",
			    gate->has_rate ? "" : "connections by time (limits.rate)",
			    gate->has_rate || gate->has_open ? "" : " and on ",
			    gate->has_open ? "" : "connections at once (limits.open)");
	finding_prove(f, "attached: %s", gate->links);
	if (gate->limits[0])
		finding_prove(f, "limits: %s", gate->limits);
	if (!gate->has_total)
		finding_prove(f, "all sources together are not limited (limits.total_rate, "
				 "limits.total_open)");
	mode_say(l, gate);
	self_test_say(l, gate);
}

static void rules_say(const struct look *l, const struct seen_gate *gate, const char *part,
		      const char *some, const char *none)
{
	struct finding *f = LOOK_ADD(l, part, gate->rules ? AUDIT_PASS : AUDIT_WARN, NULL);

	if (gate->rules) {
		finding_say(f, "%s: %u", some, gate->rules);
		return;
	}
	finding_say(f, "%s", none);
	enforce_by(f, COMMAND_BLOCK);
}

CHECK_GATE(check_blocklist)
{
	if (is_guarded(l, gate, "nobody keeps a blacklist in front of the server", COMMAND_RUN))
		rules_say(l, gate, "rules", "blocks of the operator in force",
			  "the operator has blocked nobody");
}

/* Hosts are refused by rules; senders would be by a policy service in the mail server's dialogue. */
CHECK_GATE(check_kill_file)
{
	if (!is_guarded(l, gate, "no host is refused by name", COMMAND_RUN))
		return;
	rules_say(l, gate, "hosts", "hosts and networks that are refused",
		  "no host is refused by name");
	finding_say(LOOK_ADD(l, "senders", AUDIT_SKIPPED, NULL),
		    "postern does not refuse senders yet: the mail server's own lists do (Postfix: "
		    "check_sender_access)");
}

CHECK_GATE(check_dnsbl_gate)
{
	struct finding *f;

	if (!is_guarded(l, gate,
			"lists are asked by the mail server at most, after it has "
			"taken the connection",
			COMMAND_RUN))
		return;
	f = LOOK_ADD(l, "gate", gate->asks_lists && gate->controller_runs ? AUDIT_PASS : AUDIT_WARN,
		     NULL);
	if (!gate->asks_lists) {
		finding_say(f, "the gate asks no list (dnsbl.sites in postern.conf)");
		return;
	}
	if (gate->controller_runs) {
		finding_say(f, "the gate asks lists about strangers");
		return;
	}
	finding_say(f, "lists are configured, and no controller runs to ask them");
	enforce_by(f, COMMAND_RUN);
}

CHECK_GATE(check_long_line_gate)
{
	(void)gate;
	finding_say(LOOK_ADD(l, "gate", AUDIT_SKIPPED, NULL),
		    "postern does not test the protocol itself: only the mail server sees "
		    "command lines");
}

/* Whether somebody really writes to the owner no program can see: that he can, in one command, is what is checked. */
CHECK_GATE(check_report_abuse)
{
	struct finding *f;

	if (!is_guarded(l, gate, "nobody keeps evidence about attackers", COMMAND_RUN))
		return;
	f = LOOK_ADD(l, "evidence", AUDIT_PASS, NULL);
	finding_say(f, "the evidence about a source, and whom to send it to: " COMMAND_EVIDENCE);
	if (!gate->controller_runs)
		finding_prove(f, "no controller runs: nothing new is recorded");
}
