/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of the audit: how a check ends, how bad that is, from where it was seen, how it was found out, which server it was. Each
 * enum has its names, which are those of the JSON.
 */
#ifndef AUDIT_WORDS_H
#define AUDIT_WORDS_H

#include <stdbool.h>

/* Apart from severity: a check that could not be made says nothing about how bad things are. */
enum audit_status {
	AUDIT_PASS,
	AUDIT_FAIL,
	AUDIT_WARN,
	AUDIT_INCONCLUSIVE,   /* tried, and what came back decides nothing */
	AUDIT_NOT_APPLICABLE, /* there is nothing here that it is about */
	AUDIT_NOT_CHECKABLE,  /* no tool at this layer can tell */
	AUDIT_SKIPPED,	      /* could be made, but was not asked for or not allowed */
};
#define AUDIT_STATUSES (AUDIT_SKIPPED + 1)

enum severity {
	SEVERITY_INFO,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL,
};
#define SEVERITIES (SEVERITY_CRITICAL + 1)

/* Where the questions came from, as the server sees it. What is refused to an outsider may be open to an insider. */
enum vantage {
	VANTAGE_NONE, /* the finding rests on the DNS or on files */
	VANTAGE_LOOPBACK,
	VANTAGE_OWN,	/* from one of the server's own addresses */
	VANTAGE_INSIDE, /* from a neighbour: a private address, or one on the same link */
	VANTAGE_OUTSIDE, /* from elsewhere, or from a network namespace with a documentation address */
};
#define VANTAGES (VANTAGE_OUTSIDE + 1)

/* How a check finds out; the letters are those of the table in `postern audit`'s manual. */
enum kind {
	KIND_WIRE = 1,	  /* X: on the wire */
	KIND_DNS = 2,	  /* D: in the DNS */
	KIND_HOST = 4,	  /* H: read on the host */
	KIND_POSTERN = 8, /* P: postern's own state */
	KIND_ACTIVE = 16, /* O: active, only when asked for */
};

/* The mail servers that fixes are known for, and others that can be told apart. */
enum server_kind {
	SERVER_UNKNOWN,
	SERVER_POSTFIX,
	SERVER_EXIM,
	SERVER_SENDMAIL,
	SERVER_OPENSMTPD,
	SERVER_EXCHANGE,
	SERVER_DOVECOT,
	SERVER_COURIER,
	SERVER_CYRUS,
	SERVER_QMAIL,
	SERVER_HARAKA,
	SERVER_POSTERN, /* our own responder: the gate has refused the audit */
	SERVER_OTHER,	/* known by name; no fixes */
};
#define SERVER_KINDS (SERVER_OTHER + 1)

/* How far a relay was proved. In this order: the worst that any form reached counts. */
enum ladder {
	LADDER_NONE,	     /* not about relaying */
	LADDER_CLOSED,	     /* every form was refused for a relay reason */
	LADDER_INCONCLUSIVE, /* refused for another reason */
	LADDER_SUSPECT,	     /* 2xx at RCPT */
	LADDER_ACCEPTS,	     /* 354 after DATA */
	LADDER_CONFIRMED,    /* a token came back to our own collector */
};
#define LADDERS (LADDER_CONFIRMED + 1)

const char *audit_status_name(enum audit_status s); /* "pass", "not applicable", ... */
const char *severity_name(enum severity s);
const char *vantage_name(enum vantage v);	  /* "" for VANTAGE_NONE */
const char *server_kind_name(enum server_kind k); /* "Postfix"; "" unknown */
const char *ladder_name(enum ladder l);		  /* "" for LADDER_NONE */

/* The same back. 0 or -EINVAL. */
int audit_status_parse(const char *name, enum audit_status *out);
int severity_parse(const char *name, enum severity *out);

#endif
