/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of the audit: see words.h. */
#include "audit/words.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const statuses[AUDIT_STATUSES] = {
	[AUDIT_PASS] = "pass",
	[AUDIT_FAIL] = "fail",
	[AUDIT_WARN] = "warn",
	[AUDIT_INCONCLUSIVE] = "inconclusive",
	[AUDIT_NOT_APPLICABLE] = "not applicable",
	[AUDIT_NOT_CHECKABLE] = "not checkable",
	[AUDIT_SKIPPED] = "skipped",
};

static const char *const severities[SEVERITIES] = {
	[SEVERITY_INFO] = "info", [SEVERITY_LOW] = "low",	    [SEVERITY_MEDIUM] = "medium",
	[SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "critical",
};

static const char *const vantages[VANTAGES] = {
	[VANTAGE_NONE] = "",	     [VANTAGE_LOOPBACK] = "loopback", [VANTAGE_OWN] = "own address",
	[VANTAGE_INSIDE] = "inside", [VANTAGE_OUTSIDE] = "outside",
};

static const char *const servers[SERVER_KINDS] = {
	[SERVER_UNKNOWN] = "",
	[SERVER_POSTFIX] = "Postfix",
	[SERVER_EXIM] = "Exim",
	[SERVER_SENDMAIL] = "Sendmail",
	[SERVER_OPENSMTPD] = "OpenSMTPD",
	[SERVER_EXCHANGE] = "Exchange",
	[SERVER_DOVECOT] = "Dovecot",
	[SERVER_COURIER] = "Courier",
	[SERVER_CYRUS] = "Cyrus",
	[SERVER_QMAIL] = "qmail",
	[SERVER_HARAKA] = "Haraka",
	[SERVER_POSTERN] = "postern",
	[SERVER_OTHER] = "another server",
};

static const char *const ladders[LADDERS] = {
	[LADDER_NONE] = "",
	[LADDER_CLOSED] = "closed",
	[LADDER_INCONCLUSIVE] = "inconclusive",
	[LADDER_SUSPECT] = "suspect",
	[LADDER_ACCEPTS] = "accepts",
	[LADDER_CONFIRMED] = "confirmed",
};

const char *audit_status_name(enum audit_status s)
{
	return statuses[s];
}

const char *severity_name(enum severity s)
{
	return severities[s];
}

const char *vantage_name(enum vantage v)
{
	return vantages[v];
}

const char *server_kind_name(enum server_kind k)
{
	return servers[k];
}

const char *ladder_name(enum ladder l)
{
	return ladders[l];
}

static int index_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -EINVAL;
}

int audit_status_parse(const char *name, enum audit_status *out)
{
	int found = index_of(statuses, AUDIT_STATUSES, name);

	if (found < 0)
		return found;
	*out = (enum audit_status)found;
	return 0;
}

int severity_parse(const char *name, enum severity *out)
{
	int found = index_of(severities, SEVERITIES, name);

	if (found < 0)
		return found;
	*out = (enum severity)found;
	return 0;
}
