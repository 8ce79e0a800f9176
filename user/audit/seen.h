/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was observed, before anybody judges it: the domain's names in the DNS, its hosts, each address of each host with every visit made
 * to it, what was read on this host, the gate's state. Checks are small functions over this, so that they can be tested by tables
 * without a network. Foreign text in here is raw only inside responses; all other texts are escaped.
 */
#ifndef AUDIT_SEEN_H
#define AUDIT_SEEN_H

#include "audit/fingerprint.h"
#include "audit/visit.h"
#include "dns/dane.h"
#include "dns/dns.h"
#include "dns/dmarc.h"
#include "dns/spf.h"

#define SEEN_HOSTS_MAX	   16 /* MX hosts of a domain */
#define SEEN_ADDRESSES_MAX 16 /* of a host */
#define SEEN_TEXT_MAX	   512
#define PORT_SMTP	   25  /* RFC 5321, 4.5.4.2 */
#define PORT_SUBMISSION	   587 /* RFC 6409, 3.1 */
#define SEEN_FOREIGN_MAX   2   /* our own, and one that nobody has */

/* ---- what was said to a server: the `what` of exchanges ---- */

enum what {
	WHAT_GREETING,
	WHAT_EHLO,
	WHAT_HELO,     /* after EHLO was refused */
	WHAT_STARTTLS, /* STLS and STARTTLS of POP3 and IMAP too */
	WHAT_TLS_EHLO, /* EHLO or CAPA again, inside TLS */
	WHAT_HELP,
	WHAT_UNKNOWN, /* a command that nobody knows */
	WHAT_NOOP,
	WHAT_RSET,
	WHAT_QUIT,
	WHAT_VRFY_RANDOM,     /* a user who does not exist */
	WHAT_VRFY_POSTMASTER, /* one who does */
	WHAT_EXPN,
	WHAT_NTLM,	       /* AUTH NTLM */
	WHAT_NTLM_TYPE1,       /* the server's type 2 message is in the response */
	WHAT_AUTH_PLAIN_EARLY, /* AUTH LOGIN or PLAIN before TLS: 334 or 5xx; cancelled with "*" */
	WHAT_AUTH_CANCEL,
	WHAT_MAIL_BEFORE_AUTH,	       /* on submission ports */
	WHAT_RCPT_BEFORE_AUTH,	       /* a local one */
	WHAT_RCPT_FOREIGN_BEFORE_AUTH, /* one elsewhere */
	WHAT_INJECTED, /* the response to the command that stood behind STARTTLS in the same packet */
	WHAT_HELO_FORGED,	   /* HELO with the server's own name */
	WHAT_HELO_ADDRESS,	   /* HELO with a bare address */
	WHAT_MAIL_NO_DOMAIN,	   /* MAIL from a domain that does not exist */
	WHAT_MAIL_NULL,		   /* MAIL FROM:<> */
	WHAT_MAIL,		   /* an ordinary one */
	WHAT_MAIL_SPOOFED,	   /* from a domain whose SPF ends in -all */
	WHAT_RCPT_EARLY,	   /* before MAIL */
	WHAT_DATA_EARLY,	   /* before MAIL */
	WHAT_RCPT_AFTER_NO_DOMAIN, /* a real recipient: some servers judge the sender only here */
	WHAT_RCPT_AFTER_NULL,
	WHAT_RCPT_AFTER_SPOOFED,
	WHAT_RCPT_AFTER_FORGED, /* and the HELO */
	WHAT_RCPT_UNKNOWN,	/* a local user who does not exist */
	WHAT_RCPT_POSTMASTER,
	WHAT_RCPT_ABUSE,
	WHAT_RCPT_ALIAS, /* index: which of the request's aliases */
	WHAT_LONG,	 /* index: how many octets */
	WHAT_LONG_SHORT, /* the same command, short: is it the length that is refused? */
	WHAT_MAIL_SIZE,	 /* MAIL with SIZE= one more than the limit */
	WHAT_POP_USER,	 /* USER before TLS */
	WHAT_IMAP_LOGIN, /* LOGIN before TLS, of a random user */
	WHAT_CAPA,	 /* CAPA, CAPABILITY */
	WHAT_IMAP_ID,
	/* The relay matrix: index is RELAY_INDEX(form, sender). */
	WHAT_RELAY_MAIL,
	WHAT_RELAY_RCPT,
	WHAT_RELAY_LATE, /* one more answer than was asked for, behind a RCPT that was accepted */
	WHAT_RELAY_DATA,
	WHAT_RELAY_SENT, /* after the final dot, only with a collector */
	/* Only when asked for. */
	WHAT_ACTIVE_MAIL,
	WHAT_ACTIVE_RCPT,
	WHAT_ACTIVE_DATA,
	WHAT_ACTIVE_SENT, /* index: which sample */
	WHAT_SMUGGLED, /* index: which line ending; a second response says that it was taken for the end */
	/* With a name and a password that were given. */
	WHAT_QUOTA_LOGIN,
	WHAT_QUOTA_CAPA, /* CAPABILITY of who is logged in */
	WHAT_QUOTA,	 /* GETQUOTAROOT INBOX */
};

/* Why a visit was made. */
enum purpose {
	PURPOSE_HELLO, /* greeting, EHLO, disclosure commands */
	PURPOSE_STARTTLS,
	PURPOSE_INJECTION, /* a command behind STARTTLS */
	PURPOSE_TLS_1_0,   /* one version only: is it taken? */
	PURPOSE_TLS_1_1,
	PURPOSE_SENDERS, /* forged HELO, senders, order of commands */
	PURPOSE_RECIPIENTS,
	PURPOSE_LONG_LINE, /* one visit for each length */
	PURPOSE_SIZE,
	PURPOSE_RELAY,
	PURPOSE_SUBMISSION, /* ports 587 and 465 */
	PURPOSE_POP3,
	PURPOSE_IMAP,
	PURPOSE_ACTIVE,
	PURPOSE_QUOTA, /* a mailbox of one's own, by IMAP */
};

/* ---- ports ---- */

enum port_state { PORT_UNKNOWN, PORT_OPEN, PORT_CLOSED, PORT_FILTERED };

struct seen_port {
	uint16_t port;
	enum port_state state;
};
#define SEEN_PORTS_MAX 64

/* ---- the DNS ---- */

struct seen_host;

/* What lists say about one address. */
struct seen_listing {
	char zone[SITE_DOMAIN_MAX]; /* the reply name */
	enum outcome outcome; /* OUTCOME_LISTED, clean, or an error, which is never a listing */
	char why[SEEN_TEXT_MAX], text[DNS_TEXT_MAX];
	char codes[SEEN_TEXT_MAX];   /* "127.0.0.2 127.0.0.4" */
	char removal[SEEN_TEXT_MAX]; /* the list's page, "" not known */
};

struct seen_address {
	struct addr addr;
	struct seen_host *host;
	enum vantage vantage;
	bool by_namespace; /* the vantage is a namespace of our own */
	bool is_walled;	   /* it was to be, but only from where we stand did an answer come */
	/* Our end, as the routes have it, of what does not go through a namespace. */
	struct addr from;
	bool has_from;
	char helo[NAME_TEXT_MAX]; /* our name; "": only the address of our end is known */
	char foreign[SEEN_FOREIGN_MAX]
		    [NAME_TEXT_MAX]; /* domains that it does not host, the best first; "" none */
	bool may_intrude;
	char consent[SEEN_TEXT_MAX]; /* why, or why not: "--own", "an address of this host" */
	struct visit_log *visits;    /* in the order they were made */
	struct seen_port port[SEEN_PORTS_MAX];
	unsigned port_count;
	struct fingerprint fingerprint; /* of what speaks SMTP */
	/* Reverse DNS */
	enum rdns_result rdns;
	bool rdns_generic;
	char rdns_host[NAME_TEXT_MAX];
	struct seen_listing *listing;
	unsigned listing_count;
	bool is_answering; /* SMTP on port 25 */
};

struct seen_host {
	char name[NAME_TEXT_MAX]; /* "" when an address was audited */
	unsigned preference;
	bool is_mx;
	bool is_alias;		      /* the name is a CNAME (RFC 5321, 5.1; RFC 2181, 10.3) */
	enum answer_status a, aaaa;   /* how the questions for addresses ended */
	struct seen_address *address; /* count of them */
	unsigned address_count;
	struct dane_set dane;
	bool is_backend; /* named as a store behind the front end: must be closed on 25 */
};

struct seen_domain {
	char name[NAME_TEXT_MAX]; /* "": only a host was audited */
	enum answer_status mx;
	unsigned mx_count; /* records; hosts of them are below */
	bool null_mx;	   /* RFC 7505 */
	bool is_mixed_null; /* a null MX beside others, which it must not stand beside (RFC 7505, 3) */
	bool implicit_mx; /* none, but an address: RFC 5321, 5.1 */
	struct spf_finding spf;
	struct dmarc_finding dmarc;
	struct {
		char selector[NAME_TEXT_MAX];
		enum answer_status status;
		char record[SEEN_TEXT_MAX];
		bool is_broken;	 /* a record stands there, but is no key */
		bool is_revoked; /* an empty p= (RFC 6376, 3.6.1) */
		bool is_rsa;
		unsigned key_bits; /* RSA; 0 not known */
	} dkim[8];
	unsigned dkim_count;
	enum answer_status mta_sts, tls_rpt; /* the TXT records (RFC 8461, 3.1; RFC 8460, 3) */
	char mta_sts_text[SEEN_TEXT_MAX], tls_rpt_text[SEEN_TEXT_MAX];
	bool consents; /* _postern-audit TXT "ok" */
};

/* A list that this host's own mail server asks, and whether it works through this host's resolver. */
struct seen_zone {
	char zone[SITE_DOMAIN_MAX];
	bool is_names;		   /* of domains (SURBL), not of addresses */
	char where[SEEN_TEXT_MAX]; /* "main.cf: postscreen_dnsbl_sites" */
	bool works;
	char why[SEEN_TEXT_MAX]; /* not */
};

struct seen_local; /* local.h */
struct seen_gate;  /* gate.h of this folder: the gate's own state */

struct seen {
	struct seen_domain domain;
	struct seen_host *host; /* count of them; addresses point back at them */
	unsigned host_count;
	struct seen_zone *zone;
	unsigned zone_count;
	struct seen_local *local; /* NULL without --local */
	struct seen_gate *gate;	  /* NULL: not asked for, or there is none */
	int64_t at_s;		  /* wall clock */
};

void seen_free(struct seen *s); /* what it holds */

/* The first visit made for this purpose that got as far as an answer, else the first of them, else NULL. */
const struct visit_log *seen_visit(const struct seen_address *a, enum purpose purpose);
/* The exchange of the first visit for this purpose that has it, or NULL. */
const struct exchange *seen_exchange(const struct seen_address *a, enum purpose purpose,
				     enum what what);
void seen_add_visit(struct seen_address *a, struct visit_log *v); /* takes it; at the end */

#endif
