/* SPDX-License-Identifier: BSD-2-Clause */
/* What somebody wants audited, and how far the audit may go. */
#ifndef AUDIT_REQUEST_H
#define AUDIT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/name.h"

#define AUDIT_LIST_MAX	 32
#define AUDIT_WORD_MAX	 NAME_TEXT_MAX
#define AUDIT_SECRET_MAX 256 /* bytes of a name or a password, with the final 0 */

struct audit_list {
	char word[AUDIT_LIST_MAX][AUDIT_WORD_MAX];
	unsigned count;
};

struct audit_request {
	char domain[NAME_TEXT_MAX];   /* "" with a host alone */
	char host[NAME_TEXT_MAX];     /* a name or an address; "" all MX hosts of the domain */
	struct audit_list only, skip; /* ids of checks; only empty: all */
	bool own;		      /* the operator says that the servers are his */
	bool local;		      /* read on this host too */
	bool active;		      /* what changes something: O */
	bool namespace_vantage;	  /* an outside vantage for addresses of this host; the default */
	char helo[NAME_TEXT_MAX]; /* our own name; "": the host's */
	char foreign
		[NAME_TEXT_MAX]; /* D: a domain of one's own that the server does not host; "": example.com */
	char send_to[NAME_TEXT_MAX +
		     64]; /* where a token may really be sent: a mailbox of one's own; "" never */
	bool collects;	  /* and where it comes back to us */
	struct addr collector;
	uint16_t collector_port;
	char mailbox[NAME_TEXT_MAX + 64]; /* of the audited server: where samples go; "" none */
	/* A mailbox that may be logged in to by IMAP; "" none. The password is in no report. */
	char imap_user[AUDIT_SECRET_MAX], imap_password[AUDIT_SECRET_MAX];
	char mail_log[NAME_TEXT_MAX]; /* a file; "": found by itself */
	/* Which instance is read with local: a directory (postconf -c), files; "": the usual. */
	char postfix_config[NAME_TEXT_MAX], exim_config[NAME_TEXT_MAX],
		dovecot_config[NAME_TEXT_MAX], smtpd_config[NAME_TEXT_MAX];
	char trust_file[NAME_TEXT_MAX]; /* certificates to trust as well (PEM); "" none */
	struct audit_list aliases, backends, selectors, zones;
	unsigned spacing_ms;   /* between connections to one server */
	unsigned time_limit_s; /* of the whole */
};

#endif
