/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open ports, as they look from outside: on a mail host only what mail needs, and a store that is kept behind a front end closed on 25. Only
 * ports that were found open or shut are judged; one that was not looked at is no pass.
 */
#include <stdio.h>

#include "audit/check.h"
#include "audit/ports.h"

static const char *state_name(enum port_state s)
{
	static const char *const names[] = {
		[PORT_UNKNOWN] = "not known",
		[PORT_OPEN] = "open",
		[PORT_CLOSED] = "closed",
		[PORT_FILTERED] = "filtered",
	};

	return names[s];
}

/* All that was looked at, by state, in one line each. */
static void prove_ports(struct finding *f, const struct seen_address *a)
{
	for (enum port_state state = PORT_OPEN; state <= PORT_FILTERED; state++) {
		char line[FINDING_TEXT_MAX] = "";
		size_t at = 0;

		for (unsigned i = 0; i < a->port_count && at < sizeof(line); i++)
			if (a->port[i].state == state)
				at += (size_t)snprintf(line + at, sizeof(line) - at, " %u",
						       a->port[i].port);
		if (line[0])
			finding_prove(f, "%s:%s", state_name(state), line);
	}
}

/* "ports.445": one finding for each, so that a baseline can tell which is new. */
static void needless(const struct look *l, const struct seen_address *a, const struct port_row *row)
{
	char part[sizeof("65535")];
	struct finding *f;

	snprintf(part, sizeof(part), "%u", row->port);
	f = LOOK_ADD(l, part, row->severity >= SEVERITY_MEDIUM ? AUDIT_FAIL : AUDIT_WARN, a);
	f->port = row->port;
	f->severity = row->severity;
	finding_say(f, "port %u (%s) is open: %s", row->port, row->name, row->why);
	finding_prove(f, "connecting to port %u succeeded", row->port);
}

/* Where nothing answered at all there may be nobody: silence of every port is no proof that they are shut. */
static bool is_there(const struct seen_address *a)
{
	for (unsigned i = 0; i < a->port_count; i++)
		if (a->port[i].state == PORT_OPEN || a->port[i].state == PORT_CLOSED)
			return true;
	return a->is_answering;
}

CHECK_ADDRESS(check_ports)
{
	unsigned looked_at = 0, open = 0;
	struct finding *f;

	if (a->host->is_backend)
		return;
	for (unsigned i = 0; i < a->port_count; i++) {
		const struct port_row *row = port_find(a->port[i].port);

		if (!row || row->use != PORT_NEEDLESS || a->port[i].state == PORT_UNKNOWN)
			continue;
		looked_at++;
		if (a->port[i].state != PORT_OPEN)
			continue;
		open++;
		needless(l, a, row);
	}
	if (open)
		return;
	if (looked_at && !is_there(a)) {
		f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, a);
		finding_say(f, "no port answered from here, neither open nor closed: whether "
			       "anybody is there is not known");
		prove_ports(f, a);
	} else if (looked_at) {
		f = LOOK_ADD(l, NULL, AUDIT_PASS, a);
		finding_say(f, "none of %u ports that a mail host does not need is open",
			    looked_at);
		prove_ports(f, a);
	} else if (!a->may_intrude) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_SKIPPED, a),
			    "ports are looked at on one's own hosts only: --own, or _postern-audit "
			    "TXT \"ok\"");
	} else {
		finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, a),
			    "the ports could not be looked at");
	}
}

static void backend_judge(const struct look *l, const struct seen_address *a)
{
	enum port_state state = port_state_of(a, PORT_SMTP);
	struct finding *f;

	if (state == PORT_UNKNOWN) {
		f = LOOK_ADD(l, "backend", AUDIT_INCONCLUSIVE, a);
		finding_say(f, "whether port 25 of the store behind the front end is closed could "
			       "not be found out");
	} else if (state == PORT_OPEN) {
		f = LOOK_ADD(l, "backend", AUDIT_FAIL, a);
		finding_say(f, "port 25 of the store behind the front end is open: whoever finds "
			       "it goes round the front end and all its filters");
		finding_prove(f, "connecting to port %u succeeded", PORT_SMTP);
	} else {
		f = LOOK_ADD(l, "backend", AUDIT_PASS, a);
		finding_say(f, "port 25 of the store behind the front end is %s",
			    state_name(state));
	}
	f->port = PORT_SMTP;
}

CHECK_HOST(check_backend)
{
	if (!h->is_backend)
		return;
	for (unsigned i = 0; i < h->address_count; i++)
		backend_judge(l, &h->address[i]);
	if (h->address_count == 0)
		finding_say(LOOK_ADD(l, "backend", AUDIT_INCONCLUSIVE, NULL),
			    "the store behind the front end has no address in the DNS");
}
