/* SPDX-License-Identifier: BSD-2-Clause */
/* What the audit says: findings, each of which answers a point of the checklists, with its evidence and what to do. */
#ifndef AUDIT_FINDING_H
#define AUDIT_FINDING_H

#include <stdint.h>

#include "audit/words.h"
#include "base/addr.h"

#define FINDING_ID_MAX	     48
#define FINDING_TEXT_MAX     512
#define FINDING_EVIDENCE_MAX 40 /* lines of one finding */

struct check;
struct seen_address;

/* Texts are printable ASCII or our own words: what is foreign was escaped by who wrote it. */
struct finding {
	const struct check *check;
	char id[FINDING_ID_MAX]; /* stable: the check's id, or "id.part": "banner.version" */
	enum audit_status status;
	enum severity severity;	       /* info where nothing is wrong */
	char target[FINDING_TEXT_MAX]; /* the domain, or the host */
	struct addr addr;
	bool has_addr;
	uint16_t port; /* 0 none */
	enum vantage vantage;
	bool by_namespace;
	enum ladder ladder;	     /* relay only */
	char text[FINDING_TEXT_MAX]; /* one sentence, no final stop */
	char **evidence;
	unsigned evidence_count;
	const char *const *fix;		/* lines to paste, NULL-terminated, static; NULL none */
	enum server_kind server;	/* whose fix that is */
	char enforce[FINDING_TEXT_MAX]; /* the postern command that enforces this now; "" none */
};

struct findings {
	struct finding **row; /* in order */
	unsigned count;
	size_t room;
	bool is_short; /* of memory: something is missing */
};

void findings_free(struct findings *f); /* what it holds */

/*
 * Add one. part may be NULL. The severity is the check's where the status is fail or warn (a warning at most medium), else info; change
 * it afterwards where the finding knows better. Target, address and vantage are those of a, which may be NULL (then set target). Never NULL: when memory
 * is short a finding that nobody will see is returned, and is_short is set.
 */
struct finding *finding_add(struct findings *f, const struct check *c, const char *part,
			    enum audit_status status, const struct seen_address *a);
__attribute__((format(printf, 2, 3))) void finding_say(struct finding *f, const char *format, ...);
/* One line more, as far as there is room. */
__attribute__((format(printf, 2, 3))) void finding_prove(struct finding *f, const char *format,
							 ...);
/* The transcript of the exchange: "> what was sent" and "< each line", escaped; long responses cut in the middle. */
struct exchange;
void finding_prove_exchange(struct finding *f, const struct exchange *x);
/* The fix for this server, by the finding's id (fix.h); SERVER_UNKNOWN: none. */
void finding_fix(struct finding *f, enum server_kind server);

/* Is it a finding against the host: fail or warn, of at least this severity? */
bool finding_counts(const struct finding *f, enum severity least);

#endif
