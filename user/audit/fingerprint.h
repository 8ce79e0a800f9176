/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which mail server this is, and what it gives away: by data, from what it said. A masked banner is often recognisable by the words of
 * its replies; then `by_replies` is set.
 */
#ifndef AUDIT_FINGERPRINT_H
#define AUDIT_FINGERPRINT_H

#include "audit/visit.h"

#define FINGERPRINT_TEXT_MAX 96

/* What said so: both are the visits' own and live as long as they do; NULL where nothing did. */
struct fingerprint_source {
	const struct visit_log *visit;
	const struct exchange *exchange;
};

struct fingerprint {
	enum server_kind kind;
	char product[FINGERPRINT_TEXT_MAX]; /* "Exim", as found; "" none */
	char version[FINGERPRINT_TEXT_MAX]; /* "4.96"; "" none */
	char os[FINGERPRINT_TEXT_MAX];	    /* "Debian/GNU"; "" none */
	char inside
		[FINGERPRINT_TEXT_MAX]; /* an internal name or private address that leaked; "" none */
	char where[FINGERPRINT_TEXT_MAX]; /* of the product: "greeting", "HELP" */
	bool by_replies; /* nothing names it, but its replies are like no other's */
	struct fingerprint_source product_by, version_by, os_by, inside_by;
};

/* From all visits of an address that speak this protocol (list by next). own: the audited host's name, which is no leak. */
void fingerprint_take(const struct visit_log *visits, enum protocol protocol, const char *own,
		      struct fingerprint *out);

#endif
