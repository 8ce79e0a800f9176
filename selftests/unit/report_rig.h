/* SPDX-License-Identifier: BSD-2-Clause */
/* A proof that is filled by hand: refusals, deliveries and hours in a line each. */
#ifndef SELFTESTS_REPORT_RIG_H
#define SELFTESTS_REPORT_RIG_H

#include "base/when.h"
#include "report/proof.h"
#include "tap.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define NOW_S	    1800000000
#define NOON_S	    (NOW_S - 6 * 3600)
#define SINCE_S	    (NOW_S - 7 * 86400)
#define INTERVAL_S  10
#define WHO	    "192.0.2.7"

static inline struct addr addr_of(const char *text)
{
	struct addr a = {{0}};

	EXPECT(addr_parse(text, &a, NULL) == 0, "%s", text);
	return a;
}

static inline struct proof *proof_of(bool enforcing)
{
	const struct proof_facts facts = {.since_wall_s = SINCE_S,
					  .now_wall_s = NOW_S,
					  .enforcing = enforcing,
					  .event_interval_s = INTERVAL_S};
	struct proof *p = NULL;

	EXPECT(proof_new(&p, &facts) == 0, "no memory");
	p->span = (struct maillog_span){SINCE_S, NOW_S, 1000, 1000};
	snprintf(p->log_name, sizeof(p->log_name), "/var/log/mail.log");
	return p;
}

static inline void refuse_by(struct proof *p, const char *addr, const char *reason,
			     const char *detail, bool acted, int64_t at_s, uint64_t connections)
{
	bool list = strcmp(reason, "listed") == 0, rate = strcmp(reason, "rate") == 0;
	struct store_refusal r = {.addr = addr_of(addr),
				  .acted = acted,
				  .first_wall_s = at_s,
				  .last_wall_s = at_s + 60,
				  .connections = connections};

	snprintf(r.reason, sizeof(r.reason), "%s", reason);
	snprintf(r.action, sizeof(r.action), rate ? "drop" : "reply");
	snprintf(r.detail, sizeof(r.detail), "%s", detail);
	snprintf(r.says, sizeof(r.says), list ? "Listed" : "");
	EXPECT(proof_add_refusal(p, &r) == 0, "no memory");
}

static inline void refuse(struct proof *p, const char *addr, const char *reason, bool acted,
			  int64_t at_s, uint64_t connections)
{
	refuse_by(p, addr, reason,
		  !strcmp(reason, "listed") ? "bl.example second.example"
		  : !strcmp(reason, "rate") ? "120/1m burst 120"
					    : "",
		  acted, at_s, connections);
}

static inline void watched(struct proof *p, uint64_t seconds, uint64_t clean, uint64_t listed)
{
	const struct store_hour hours[] = {
		{.wall_s = NOON_S - NOON_S % 3600,
		 .reason = "watched",
		 .packets = seconds,
		 .would = seconds},
		{.wall_s = NOON_S - NOON_S % 3600, .reason = "flow", .packets = 100000},
		{.wall_s = NOON_S - NOON_S % 3600, .reason = "clean", .packets = clean},
		{.wall_s = NOON_S - NOON_S % 3600, .reason = "listed", .would = listed}};

	for (size_t i = 0; i < COUNT(hours); i++)
		EXPECT(proof_add_hour(p, &hours[i]) == 0, "no memory");
}

static inline void deliver(struct proof *p, const char *addr, int64_t connected_s, int64_t at_s,
			   const char *from)
{
	struct maillog_event e = {.what = MAILLOG_DELIVERY,
				  .wall_s = at_s,
				  .connected_wall_s = connected_s,
				  .addr = addr_of(addr),
				  .host = "mail.example.org",
				  .recipients = 2};

	snprintf(e.from, sizeof(e.from), "%s", from);
	proof_hear(p, &e);
}

static inline void heard(struct proof *p, enum maillog_what what, const char *addr,
			 const char *host, int64_t at_s)
{
	struct maillog_event e = {.what = what,
				  .wall_s = at_s,
				  .connected_wall_s = at_s,
				  .addr = addr_of(addr),
				  .recipients = 1};

	snprintf(e.host, sizeof(e.host), "%s", host);
	proof_hear(p, &e);
}

#endif
