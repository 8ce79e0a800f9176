/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verdict as the store keeps it: on which lists it rests, by their public names, since numbers change with the configuration, and all that
 * was answered, for those who ask why.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/when.h"
#include "daemon/contact.h"
#include "daemon/state.h"

#define MX_BIT	  (1U << PN_CLASS_MX) /* a verdict of the DNS holds for no other class */
#define CODE_TEXT 16		      /* "127.255.255.255" */

uint64_t evidence_zones(const struct message_verdict *m)
{
	bool listed = m->verdict == VERDICT_LISTED;
	uint64_t zones = 0;

	for (unsigned i = 0; i < m->result_count; i++)
		if (listed ? m->result[i].added > 0 : m->result[i].added < 0)
			zones |= 1ULL << m->result[i].zone;
	return zones;
}

static void zones_text(const struct daemon *d, uint64_t zones, char buffer[static STORE_ZONES_MAX])
{
	size_t at = 0;

	buffer[0] = '\0';
	for (unsigned i = 0; i < d->contact.settings->sites.zone_count; i++)
		if (zones >> i & 1 && at < STORE_ZONES_MAX - SITE_DOMAIN_MAX - 2)
			at += (size_t)snprintf(buffer + at, STORE_ZONES_MAX - at, "%s%s ",
					       at ? "" : " ", contact_zone_name(d, i));
}

static json_t *result_json(const struct daemon *d, const struct message_zone_result *z)
{
	json_t *codes = json_array();
	char text[CODE_TEXT];

	for (unsigned i = 0; i < z->code_count; i++) {
		uint32_t code = z->code[i];

		snprintf(text, sizeof(text), "%u.%u.%u.%u", code >> 24, code >> 16 & 0xff,
			 code >> 8 & 0xff, code & 0xff);
		json_array_append_new(codes, json_string(text));
	}
	return json_pack("{s:s, s:s, s:o, s:I, s:I}", "zone", contact_zone_name(d, z->zone),
			 "outcome", outcome_name(z->outcome), "codes", codes, "added",
			 (json_int_t)z->added, "ttl_s", (json_int_t)z->ttl_s);
}

/* malloc'd; NULL when out of memory. */
static char *evidence_text(const struct daemon *d, const struct message_verdict *m)
{
	json_t *zones = json_array(), *all;
	char *text;

	for (unsigned i = 0; i < m->result_count; i++)
		json_array_append_new(zones, result_json(d, &m->result[i]));
	all = json_pack("{s:o, s:I, s:{s:s, s:s, s:b, s:I}, s:b}", "zones", zones, "asked",
			(json_int_t)m->asked, "rdns", "result", rdns_name(m->rdns), "host",
			m->rdns_host, "generic", (int)m->rdns_generic, "added",
			(json_int_t)m->rdns_added, "partial", (int)m->partial);
	text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	json_decref(all);
	return text;
}

void evidence_record(struct daemon *d, const struct message_verdict *m, const struct prefix *prefix,
		     uint64_t on, uint64_t expires_ns)
{
	char zones[STORE_ZONES_MAX], *evidence = evidence_text(d, m);
	struct store_verdict v = {.prefix = *prefix,
				  .addr = m->addr,
				  .listed = m->verdict == VERDICT_LISTED,
				  .partial = m->partial,
				  .classes = MX_BIT,
				  .score = m->score,
				  .threshold = m->threshold,
				  .zones = zones,
				  .by = "",
				  .reason = m->text,
				  .evidence = evidence ? evidence : "{}",
				  .decided_wall_s = now_wall_s(),
				  .expires_boot_ns = expires_ns};

	zones_text(d, on, zones);
	if (m->named < SITE_ZONES_MAX)
		v.by = contact_zone_name(d, m->named);
	recording_verdict(d->contact.recording, &v);
	free(evidence);
}
