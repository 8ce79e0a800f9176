/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC records (RFC 7489, 6.3): parsed from the text of the TXT records at _dmarc.DOMAIN, and of the organizational domain if there is none. */
#ifndef DNS_DMARC_H
#define DNS_DMARC_H

#include <stdbool.h>

#include "dns/answer.h"

#define DMARC_TEXT_MAX 512

enum dmarc_policy {
	DMARC_NO_POLICY,
	DMARC_POLICY_NONE,
	DMARC_POLICY_QUARANTINE,
	DMARC_POLICY_REJECT
};

struct dmarc_finding {
	enum answer_status status;			  /* of the question */
	unsigned records;				  /* that begin with v=DMARC1 */
	char at[NAME_TEXT_MAX];				  /* where it was found */
	char record[DMARC_TEXT_MAX], why[DMARC_TEXT_MAX]; /* escaped; what is wrong, "" nothing */
	enum dmarc_policy policy;
	enum dmarc_policy subdomain_policy; /* of what lies under it; NO_POLICY: the same */
	unsigned percent;
	bool has_reports; /* rua */
};

/* One record's text (length bytes, foreign). Fills policy, percent, has_reports, why. 0, or -EINVAL when it is no DMARC record. */
int dmarc_parse(const char *text, size_t length, struct dmarc_finding *out);
/*
 * Among the TXT records at a name, the one that is a DMARC record: fills records, at, record and what dmarc_parse() fills. false: there
 * is none, and the organizational domain is asked (6.6.3). Several are as good as none, and why says so.
 */
bool dmarc_take(const struct answer_texts *texts, const char *at, struct dmarc_finding *out);
const char *dmarc_policy_name(enum dmarc_policy p);

#endif
