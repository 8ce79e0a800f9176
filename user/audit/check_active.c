/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of the samples. A server can only be seen to refuse one at the end of DATA: what it accepts it may still bounce, throw away or deliver,
 * and none of that can be told from here.
 */
#include "audit/active.h"
#include "audit/check.h"

#define SAY_MAX 256

static const struct exchange *find(const struct seen_address *a, enum what what, unsigned index)
{
	for (const struct visit_log *v = a->visits; v; v = v->next) {
		const struct exchange *x =
			v->purpose == PURPOSE_ACTIVE ? visit_find_index(v, what, index) : NULL;

		if (x && x->response.kind != RESPONSE_NONE)
			return x;
	}
	return NULL;
}

/* What was asked for and may be done; else says why not, once it was asked for. */
static bool is_tried(const struct look *l, const struct seen_address *a, const char *part)
{
	if (!l->request->active)
		return false;
	if (a->may_intrude && l->request->mailbox[0])
		return true;
	finding_say(LOOK_ADD(l, part, AUDIT_SKIPPED, a),
		    a->may_intrude ? "no mailbox of the server was named to send samples to: "
				     "--mailbox"
				   : "not tried without leave: --own, if the server is yours");
	return false;
}

/* How far the visit came. */
static const struct exchange *furthest(const struct seen_address *a, unsigned round)
{
	static const enum what steps[] = {WHAT_ACTIVE_SENT, WHAT_ACTIVE_DATA, WHAT_ACTIVE_RCPT,
					  WHAT_ACTIVE_MAIL};
	const struct exchange *x = NULL;

	for (unsigned i = 0; !x && i < sizeof(steps) / sizeof(steps[0]); i++)
		x = find(a, steps[i], round);
	return x;
}

static void say_undecided(const struct look *l, const struct seen_address *a, const char *part,
			  const char *name, const struct exchange *x)
{
	struct finding *f = LOOK_ADD(l, part, AUDIT_INCONCLUSIVE, a);
	char shown[SAY_MAX];

	finding_say(f, "%s could not be tried: %s", name,
		    x ? response_format(&x->response, shown, sizeof(shown)) : "no answer");
	finding_prove_exchange(f, x);
}

/* The message itself is known: only its answer is evidence. */
static void prove_sent(struct finding *f, const char *name, const struct exchange *x)
{
	char shown[SAY_MAX];

	finding_prove(f, "> (%s)", name);
	finding_prove(f, "< %s", response_format(&x->response, shown, sizeof(shown)));
}

static void sample_check(const struct look *l, const struct seen_address *a, const char *part,
			 enum active_sample sample)
{
	const char *name = active_sample_name(sample);
	const struct exchange *x;
	struct finding *f;
	bool is_refused;

	if (!is_tried(l, a, part))
		return;
	x = find(a, WHAT_ACTIVE_SENT, sample);
	if (!x || x->response.kind == RESPONSE_TRANSIENT) {
		say_undecided(l, a, part, name, furthest(a, sample));
		return;
	}
	is_refused = x->response.kind == RESPONSE_NEGATIVE;
	f = LOOK_ADD(l, part, is_refused ? AUDIT_PASS : AUDIT_FAIL, a);
	finding_say(f,
		    is_refused
			    ? "%s is refused at the end of DATA"
			    : "%s is accepted; whether it is then delivered, thrown away or "
			      "bounced cannot be seen from here, and a bounce would be backscatter",
		    name);
	prove_sent(f, name, x);
	if (!is_refused)
		finding_fix(f, a->fingerprint.kind);
}

CHECK_ADDRESS(check_antivirus_active)
{
	sample_check(l, a, "eicar", SAMPLE_EICAR);
}

CHECK_ADDRESS(check_antispam_active)
{
	sample_check(l, a, "gtube", SAMPLE_GTUBE);
}

CHECK_ADDRESS(check_attachments)
{
	for (unsigned i = SAMPLE_EXE; i <= SAMPLE_VBS; i++)
		sample_check(l, a, active_sample_name(i) + 1, i);
}

/* ---- smuggling ---- */

enum ending_word { ENDING_UNDECIDED, ENDING_SAFE, ENDING_TAKEN };

static enum ending_word ending_judge(const struct seen_address *a, unsigned ending)
{
	const struct exchange *sent = find(a, WHAT_ACTIVE_SENT, ACTIVE_SAMPLES + ending);
	const struct exchange *after = find(a, WHAT_SMUGGLED, ending);

	/* Refused as a whole is as good: nothing of it went on. */
	if (sent && sent->response.kind == RESPONSE_NEGATIVE &&
	    (!after || after->response.kind == RESPONSE_POSITIVE))
		return ENDING_SAFE;
	if (!sent || !after)
		return ENDING_UNDECIDED;
	if (after->response.kind == RESPONSE_NEGATIVE || after->response.oddities & ODD_EARLY)
		return ENDING_TAKEN;
	return after->response.kind == RESPONSE_POSITIVE && sent->response.kind == RESPONSE_POSITIVE
		       ? ENDING_SAFE
		       : ENDING_UNDECIDED;
}

static const char *ending_say(enum ending_word w)
{
	switch (w) {
	case ENDING_SAFE:
		return "not taken for the end of a message";
	case ENDING_TAKEN:
		return "taken for the end of a message";
	default:
		return "not decided";
	}
}

CHECK_ADDRESS(check_smuggling)
{
	enum audit_status status = AUDIT_PASS;
	const char *taken = NULL;
	struct finding *f;

	if (!is_tried(l, a, NULL))
		return;
	for (unsigned i = 0; i < active_ending_count; i++) {
		enum ending_word w = ending_judge(a, i);

		if (!active_endings[i].is_smuggling || w == ENDING_SAFE)
			continue;
		if (w == ENDING_TAKEN && !taken)
			taken = active_endings[i].name;
		if (status == AUDIT_PASS)
			status = AUDIT_INCONCLUSIVE;
	}
	f = LOOK_ADD(l, NULL, taken ? AUDIT_FAIL : status, a);
	if (taken)
		finding_say(
			f, "%s ends a message: what follows it is taken for commands of the sender",
			taken);
	else
		finding_say(f, status == AUDIT_PASS
				       ? "a message ends at CRLF.CRLF alone"
				       : "not every false end of a message could be tried");
	for (unsigned i = 0; i < active_ending_count; i++) {
		const struct exchange *sent = find(a, WHAT_ACTIVE_SENT, ACTIVE_SAMPLES + i);
		const struct exchange *after = find(a, WHAT_SMUGGLED, i);

		finding_prove(f, "%s: %s%s", active_endings[i].name, ending_say(ending_judge(a, i)),
			      active_endings[i].is_smuggling ? "" : " (harmless: CRLF leads it)");
		if (sent)
			prove_sent(f, "a message with it", sent);
		if (after)
			finding_prove_exchange(f, after);
	}
	if (taken)
		finding_fix(f, a->fingerprint.kind);
}

CHECK_ADDRESS(check_limits_active)
{
	if (!l->request->active)
		return;
	finding_say(LOOK_ADD(l, "ramp", AUDIT_SKIPPED, a),
		    "connections were not opened up to the limit: while they stand they keep mail "
		    "out");
}
