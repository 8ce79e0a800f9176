/* SPDX-License-Identifier: BSD-2-Clause */
/* What is visited and when it is worth it: the data of the plan, and its judgements. Within plan*.c only. */
#ifndef AUDIT_PLAN_ROWS_H
#define AUDIT_PLAN_ROWS_H

#include "audit/plan.h"

struct plan_row {
	enum purpose purpose;
	const char *name; /* in the progress */
	uint16_t port;
	enum protocol protocol;
	bool implicit_tls;
	enum tls_version version; /* the only one; TLS_ANY */
	bool may_close;		  /* that the server closes is an answer */
	bool is_delicate;	  /* is not said twice */
	const char *checks;	  /* that live by it, with a blank behind each */
};

extern const struct plan_row plan_rows[];
extern const unsigned plan_row_count;

/* What is known of the manners of one address. */
struct place {
	struct seen_address *address;
	bool is_dead;		     /* nothing more */
	bool is_mute;		     /* nothing more on port 25 */
	unsigned timeouts, failures; /* on port 25; failures: one after the other */
	unsigned other_timeouts;     /* on other ports */
};

/* Does the request want any of these checks? ids: as in plan_row.checks. */
bool plan_is_wanted(const struct audit_request *request, const char *ids);
/* Is this visit to be made there? Where a scan says that nobody would answer, *end says how it would have ended. */
enum plan_worth { WORTH_VISIT, WORTH_NOTHING, WORTH_NOTE };
enum plan_worth plan_worth(const struct plan_row *row, const struct place *place,
			   const struct audit_request *request, enum visit_end *end);
/* Is it worth a second try? */
bool plan_is_worth_retry(const struct plan_row *row, const struct visit_log *log);
/* What the visit says of the place. */
void plan_place_judge(struct place *place, const struct plan_row *row, const struct visit_log *log);
/* Which ports are looked at: fills, and returns how many. */
unsigned plan_ports(const struct seen_address *a, const struct audit_request *request,
		    uint16_t out[static SEEN_PORTS_MAX]);

#endif
