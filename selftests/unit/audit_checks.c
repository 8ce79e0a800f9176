/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of checks: every row is whole, and every row has something to say in every report. And the checks of ports. */
#include <ctype.h>

#include "audit/ports.h"
#include "unit/audit_rig.h"

TEST(checks_rows_are_whole)
{
	for (unsigned i = 0; i < check_count; i++) {
		const struct check *c = &checks[i];
		bool has_function = c->domain || c->host || c->address || c->local || c->gate;

		ENSURE(c->id && c->id[0] && c->advice && c->advice[0], "row %u", i);
		for (const char *at = c->id; *at; at++)
			EXPECT(islower((unsigned char)*at) || *at == '-', "%s: letters and hyphens",
			       c->id);
		EXPECT(check_find(c->id) == c, "%s: once", c->id);
		EXPECT(has_function != (c->not_checkable != NULL), "%s: a function or a reason",
		       c->id);
		EXPECT(has_function == (c->kinds != 0), "%s: kinds", c->id);
		EXPECT(!c->not_checkable || c->not_checkable[0], "%s: why", c->id);
		EXPECT(strlen(c->id) < FINDING_ID_MAX / 2, "%s: room for a part", c->id);
		EXPECT(c->advice[strlen(c->advice) - 1] != '.', "%s: no stop", c->id);
	}
	EXPECT(!check_find("") && !check_find("relay."), "others are not found");
}

/* What each row says of where it looks must be what it has functions for. */
TEST(checks_kinds_fit_their_functions)
{
	for (unsigned i = 0; i < check_count; i++) {
		const struct check *c = &checks[i];

		if (c->not_checkable)
			continue;
		EXPECT(!c->local || c->kinds & (KIND_HOST | KIND_DNS), "%s: local", c->id);
		EXPECT(!c->gate || c->kinds & KIND_POSTERN, "%s: gate", c->id);
		EXPECT(!(c->kinds & KIND_HOST) || c->local, "%s: H", c->id);
		EXPECT(!(c->kinds & (KIND_WIRE | KIND_ACTIVE)) || c->address || c->host ||
			       c->domain,
		       "%s: X", c->id);
	}
}

static unsigned said_of(const struct findings *f, const struct check *c)
{
	unsigned count = 0;

	for (unsigned i = 0; i < f->count; i++)
		count += f->row[i]->check == c;
	return count;
}

/* Of a world in which nothing was seen at all: nothing passes, and nothing is left out. */
TEST(checks_all_say_something)
{
	struct findings found = {0};
	struct seen seen = {0};
	struct audit_request request = {.domain = "example.org"};

	snprintf(seen.domain.name, sizeof(seen.domain.name), "example.org");
	seen.domain.mx = seen.domain.mta_sts = seen.domain.tls_rpt = ANSWER_TIMEOUT;
	seen.domain.dmarc.status = ANSWER_TIMEOUT;
	seen.domain.spf.state = SPF_TEMPERROR;
	checks_run(&seen, &request, &found);
	for (unsigned i = 0; i < check_count; i++)
		EXPECT(said_of(&found, &checks[i]) > 0, "%s says something", checks[i].id);
	for (unsigned i = 0; i < found.count; i++) {
		const struct finding *f = found.row[i];

		EXPECT(f->text[0] && f->target[0], "%s: a sentence and a target", f->id);
		EXPECT(f->status != AUDIT_PASS, "%s passes without anything seen: %s", f->id,
		       f->text);
		EXPECT(strncmp(f->id, f->check->id, strlen(f->check->id)) == 0, "%s", f->id);
		EXPECT((f->status == AUDIT_NOT_CHECKABLE) == (f->check->not_checkable != NULL),
		       "%s is %s", f->id, audit_status_name(f->status));
	}
	findings_free(&found);
}

/* An address of which nothing is known but that somebody allowed everything. */
TEST(checks_pass_nothing_unseen)
{
	struct rig r;

	rig_open(&r);
	r.address.is_answering = false;
	for (unsigned i = 0; i < check_count; i++) {
		if (!checks[i].address)
			continue;
		rig_check(&r, checks[i].id);
		for (unsigned k = 0; k < r.found.count; k++)
			EXPECT(r.found.row[k]->status != AUDIT_PASS &&
				       r.found.row[k]->status != AUDIT_FAIL,
			       "%s: %s", r.found.row[k]->id, r.found.row[k]->text);
	}
	rig_close(&r);
}

TEST(checks_only_and_skip_choose)
{
	struct findings found = {0};
	struct seen seen = {0};
	struct audit_request request = {.domain = "example.org", .only = {.count = 2}};

	snprintf(request.only.word[0], AUDIT_WORD_MAX, "vpn");
	snprintf(request.only.word[1], AUDIT_WORD_MAX, "dmz");
	request.skip.count = 1;
	snprintf(request.skip.word[0], AUDIT_WORD_MAX, "dmz");
	checks_run(&seen, &request, &found);
	EXPECT(found.count == 1 && strcmp(found.row[0]->id, "vpn") == 0, "%u", found.count);
	findings_free(&found);
}

/* ---- ports ---- */

TEST(ports_are_judged)
{
	static const struct {
		const char *sentence;
		struct seen_port port[4];
		bool may_intrude, is_backend;
		const char *said;
	} rows[] = {
		{"what mail needs may be open",
		 {{22, PORT_OPEN}, {587, PORT_OPEN}, {445, PORT_CLOSED}},
		 true,
		 false,
		 "ports pass"},
		{"file sharing may not",
		 {{22, PORT_OPEN}, {445, PORT_OPEN}, {80, PORT_CLOSED}},
		 true,
		 false,
		 "ports.445 fail high"},
		{"a web server is worth a word",
		 {{80, PORT_OPEN}, {443, PORT_OPEN}},
		 true,
		 false,
		 "ports.80 warn low, ports.443 warn low"},
		{"filtered is as good as closed",
		 {{3306, PORT_FILTERED}},
		 true,
		 false,
		 "ports pass"},
		{"only a stranger's mail ports: nothing is known",
		 {{587, PORT_OPEN}, {110, PORT_CLOSED}},
		 false,
		 false,
		 "ports skipped"},
		{"what could not be found out is no pass",
		 {{445, PORT_UNKNOWN}},
		 true,
		 false,
		 "ports inconclusive"},
		{"nothing was looked at", {{0}}, true, false, "ports inconclusive"},
		{"a store behind its front end",
		 {{25, PORT_CLOSED}},
		 true,
		 true,
		 "ports.backend pass"},
		{"filtered", {{25, PORT_FILTERED}}, true, true, "ports.backend pass"},
		{"a store that anybody can reach",
		 {{25, PORT_OPEN}},
		 true,
		 true,
		 "ports.backend fail medium"},
		{"a store that was not reached by us",
		 {{25, PORT_UNKNOWN}},
		 true,
		 true,
		 "ports.backend inconclusive"},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		const struct check *c = check_find("ports");
		struct rig r;
		struct look look;
		char said[512];

		rig_open(&r);
		look = (struct look){
			.check = c, .seen = &r.seen, .request = &r.request, .out = &r.found};
		r.host.is_backend = rows[i].is_backend;
		r.address.may_intrude = rows[i].may_intrude;
		for (unsigned k = 0; k < RIG_COUNT(rows[i].port) && rows[i].port[k].port; k++)
			r.address.port[r.address.port_count++] = rows[i].port[k];
		c->host(&look, &r.host);
		c->address(&look, &r.address);
		EXPECT(strcmp(rig_said(&r, said, sizeof(said)), rows[i].said) == 0, "%s: %s",
		       rows[i].sentence, said);
		rig_close(&r);
	}
}
