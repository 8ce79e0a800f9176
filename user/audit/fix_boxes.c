/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixes for POP3 and IMAP servers: Dovecot 2.3, Courier, Cyrus. Whatever a later file says of the same name counts. */
#include "audit/fix_data.h"

#include <stddef.h>

#define DOVECOT	 "# dovecot.conf"
#define IMAPD	 "# imapd.conf"
#define VERSIONS "ssl_min_protocol = TLSv1.2"
#define CIPHERS	 "ssl_cipher_list = HIGH:!aNULL:!eNULL:!RC4:!3DES:!MD5:!EXPORT"

const struct fix_row fix_dovecot[] = {
	/* An empty list sends NIL (RFC 2971, 3.2). */
	{"banner", {DOVECOT, "login_greeting = ready", "imap_id_send ="}},
	{"auth-tls", {DOVECOT, "disable_plaintext_auth = yes", "ssl = yes"}},
	{"starttls.offered", {DOVECOT, "ssl = yes"}},
	{"starttls.handshake", {DOVECOT, "ssl = yes"}},
	{"starttls.old", {DOVECOT, VERSIONS}},
	{"starttls.version", {DOVECOT, VERSIONS}},
	{"starttls.cipher", {DOVECOT, VERSIONS, CIPHERS}},
	{"starttls.injection", {NULL}},
	{"starttls",
	 {DOVECOT, "ssl = yes", "ssl_cert = </etc/dovecot/private/dovecot.pem",
	  "ssl_key = </etc/dovecot/private/dovecot.key"}},
	{"mailbox-quota",
	 {DOVECOT, "mail_plugins = $mail_plugins quota", "plugin {", "  quota = count:User quota",
	  "  quota_rule = *:storage=1G", "  quota_vsizes = yes", "}"}},
	{"mailbox-quota.imap",
	 {DOVECOT, "mail_plugins = $mail_plugins quota", "protocol imap {",
	  "  mail_plugins = $mail_plugins imap_quota", "}", "plugin {",
	  "  quota = count:User quota", "  quota_rule = *:storage=1G", "  quota_vsizes = yes",
	  "}"}},
	{NULL, {NULL}},
};

const struct fix_row fix_courier[] = {
	{"banner.inside", {NULL}},
	{"vrfy", {"# /etc/courier/esmtpd", "BOFHNOVRFY=1"}},
	{"expn", {"# /etc/courier/esmtpd", "BOFHNOEXPN=1"}},
	{"sender.domain", {"# /etc/courier/esmtpd", "BOFHCHECKDNS=1"}},
	/* makesmtpaccess makes the database of it. */
	{"relay",
	 {"# /etc/courier/smtpaccess/default, in place of each line with RELAYCLIENT",
	  "127.0.0.1\tallow,RELAYCLIENT",
	  ":0000:0000:0000:0000:0000:0000:0000:0001\tallow,RELAYCLIENT", "*\tallow"}},
	{"starttls",
	 {"# /etc/courier/imapd-ssl", "IMAPDSTARTTLS=YES", "TLS_CERTFILE=/etc/courier/imapd.pem",
	  "# /etc/courier/pop3d-ssl", "POP3_STARTTLS=YES", "TLS_CERTFILE=/etc/courier/pop3d.pem",
	  "# /etc/courier/esmtpd", "COURIERTLS=/usr/bin/couriertls",
	  "TLS_CERTFILE=/etc/courier/esmtpd.pem"}},
	/* A tab stands between (makesmtpaccess(8)), which no report can show. */
	{"starttls.injection", {NULL}},
	{"auth-tls",
	 {"# /etc/courier/imapd-ssl", "IMAP_TLS_REQUIRED=1", "# /etc/courier/pop3d-ssl",
	  "POP3_TLS_REQUIRED=1", "# /etc/courier/esmtpd", "ESMTPAUTH=\"\"",
	  "ESMTPAUTH_TLS=\"PLAIN LOGIN\""}},
	{NULL, {NULL}},
};

const struct fix_row fix_cyrus[] = {
	{"banner", {IMAPD, "serverinfo: off"}},
	{"auth-tls", {IMAPD, "allowplaintext: no"}},
	{"starttls",
	 {IMAPD, "tls_server_cert: /etc/ssl/certs/mail.pem",
	  "tls_server_key: /etc/ssl/private/mail.key"}},
	{"starttls.old", {IMAPD, "tls_versions: tls1_2 tls1_3"}},
	{"starttls.version", {IMAPD, "tls_versions: tls1_2 tls1_3"}},
	{"starttls.injection", {NULL}},
	{NULL, {NULL}},
};
