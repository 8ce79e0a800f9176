/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event, as a line of the log and as a line of JSON. The kernel has bounded them already (once
 * per source and interval, and a budget for all), so each is told; what was held back is a number
 * in the next.
 */
#include "daemon/events.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"

#define PORT_TEXT_MAX 16 /* " port 65535" */
#define MORE_TEXT_MAX 32 /* " (4294967295 more not told)" */

static const char *event_deed(const struct pn_event *e)
{
	static const char *const done[] = {
		[PN_PASS] = "passed",  [PN_DROP] = "dropped", [PN_REFUSE] = "refused",
		[PN_ALLOW] = "passed", [PN_TRUST] = "passed", [PN_REPLY] = "answered",
		[PN_HOLD] = "held",
	};
	static const char *const would[] = {
		[PN_PASS] = "passed",	  [PN_DROP] = "would drop", [PN_REFUSE] = "would refuse",
		[PN_ALLOW] = "passed",	  [PN_TRUST] = "passed",    [PN_REPLY] = "would answer",
		[PN_HOLD] = "would hold",
	};
	const char *const *table = e->action == PN_PASS ? would : done;
	unsigned deed = e->action == PN_PASS ? e->would : e->action;

	/* The ring is the kernel's, yet an index is checked before it is used. */
	return deed < sizeof(done) / sizeof(done[0]) ? table[deed] : "judged";
}

static struct addr event_addr(const __u8 bytes[16])
{
	struct addr a;

	memcpy(a.byte, bytes, sizeof(a.byte));
	return a;
}

const char *event_format(const struct pn_event *e, const char *ifname, const char *feed,
			 char buffer[static EVENT_TEXT_MAX])
{
	struct addr source = event_addr(e->src);
	char text[ADDR_TEXT_MAX], port[PORT_TEXT_MAX] = "", more[MORE_TEXT_MAX] = "";

	if (e->dport)
		snprintf(port, sizeof(port), " port %u", e->dport);
	if (e->suppressed)
		snprintf(more, sizeof(more), " (%u more not told)", e->suppressed);
	snprintf(buffer, EVENT_TEXT_MAX, "%s: %s%s %s: %s%s%s%s%s%s", event_deed(e),
		 addr_format(&source, text), port, reason_name(e->reason),
		 reason_sentence(e->reason), feed ? ": " : "", feed ? feed : "",
		 ifname[0] ? ", on " : "", ifname, more);
	return buffer;
}

void event_log(const struct pn_event *e, const char *ifname, const char *feed)
{
	char text[EVENT_TEXT_MAX], from[ADDR_TEXT_MAX];
	struct addr source = event_addr(e->src);

	log_decision(
		&(struct log_fields){.kind = LOG_EVENT,
				     .source = addr_format(&source, from),
				     .port = e->dport,
				     .reason = reason_name(e->reason),
				     .action = action_name(e->action),
				     .would = e->would != e->action ? action_name(e->would) : NULL,
				     .zone = feed,
				     .interface = ifname[0] ? ifname : NULL,
				     .suppressed = e->suppressed},
		"%s", event_format(e, ifname, feed, text));
}

json_t *event_row(const struct pn_event *e, const char *ifname, const char *feed)
{
	struct addr source = event_addr(e->src), destination = event_addr(e->dst);
	char when[WHEN_TEXT_MAX], from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s?, s:s?, s:I}", "time",
			 when_format(when_of_boot(e->time), when), "kind", "packet", "source",
			 addr_format(&source, from), "destination", addr_format(&destination, to),
			 "port", e->dport ? json_integer(e->dport) : json_null(), "reason",
			 reason_name(e->reason), "action", action_name(e->action), "would",
			 action_name(e->would), "class", class_name_of(e->class_), "interface",
			 ifname[0] ? ifname : NULL, "feed", feed, "suppressed",
			 (json_int_t)e->suppressed);
}
