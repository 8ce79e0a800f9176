/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixes for Postfix 3.4 and up, by postconf(5). Own programs (mynetworks) and people who have authenticated are let by where a restriction is
 * about strangers.
 */
#include "audit/fix_data.h"

#include <stddef.h>

#define MAIN "# main.cf"
#define CERTIFICATE                                                                                \
	"smtpd_tls_cert_file = /etc/postfix/cert.pem", "smtpd_tls_key_file = /etc/postfix/key.pem"
#define VERSIONS                                                                                   \
	"smtpd_tls_protocols = !SSLv2, !SSLv3, !TLSv1, !TLSv1.1",                                  \
		"smtpd_tls_mandatory_protocols = !SSLv2, !SSLv3, !TLSv1, !TLSv1.1"
#define HELO                                                                                       \
	"smtpd_helo_required = yes",                                                               \
		"smtpd_helo_restrictions = permit_mynetworks, permit_sasl_authenticated,",         \
		"  check_helo_access inline:{ { $myhostname = REJECT that is my own name },",      \
		"    { $mydomain = REJECT that is my own name } },",                               \
		"  reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname"

const struct fix_row fix_postfix[] = {
	{"banner", {MAIN, "smtpd_banner = $myhostname ESMTP"}},
	/* The name is only the operator's to give. */
	{"banner.inside", {NULL}},
	/* RFC 5321, 4.5.3.1.4: with CR LF 512. The maps in one line are of Postfix 3.7; before, the pattern stands in a file. */
	{"long-line", {MAIN, "smtpd_command_filter = regexp:{ {/^.{511,}/ LINE_TOO_LONG} }"}},
	{"vrfy", {MAIN, "disable_vrfy_command = yes"}},
	{"helo", {MAIN, HELO}},
	{"sender.domain",
	 {MAIN, "smtpd_sender_restrictions = permit_mynetworks, permit_sasl_authenticated,",
	  "  reject_non_fqdn_sender, reject_unknown_sender_domain"}},
	{"null-sender",
	 {MAIN, "smtpd_sender_restrictions = permit_mynetworks, permit_sasl_authenticated,",
	  "  reject_non_fqdn_sender, reject_unknown_sender_domain"}},
	{"size", {MAIN, "message_size_limit = 52428800"}},
	{"backscatter",
	 {MAIN, "smtpd_reject_unlisted_recipient = yes",
	  "luser_relay =", "local_recipient_maps = proxy:unix:passwd.byname $alias_maps"}},
	{"roles", {"# /etc/aliases", "postmaster: root", "abuse: postmaster"}},
	{"starttls", {MAIN, "smtpd_tls_security_level = may", CERTIFICATE}},
	{"starttls.offered", {MAIN, "smtpd_tls_security_level = may", CERTIFICATE}},
	{"starttls.old", {MAIN, VERSIONS}},
	{"starttls.version", {MAIN, VERSIONS}},
	{"starttls.cipher",
	 {MAIN, "smtpd_tls_ciphers = medium", "smtpd_tls_mandatory_ciphers = medium",
	  "tls_medium_cipherlist = HIGH:!aNULL:!eNULL:!RC4:!3DES:!MD5:!EXPORT"}},
	/* Only an update mends it. */
	{"starttls.injection", {NULL}},
	{"auth-tls",
	 {MAIN, "smtpd_tls_auth_only = yes", "smtpd_tls_security_level = may", CERTIFICATE}},
	{"auth-required",
	 {"# master.cf, options of submission and submissions",
	  "  -o smtpd_sender_restrictions=permit_sasl_authenticated,reject"}},
	{"relay",
	 {MAIN, "mynetworks = 127.0.0.0/8 [::1]/128", "relay_domains =",
	  "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated,",
	  "  reject_unauth_destination", "allow_untrusted_routing = no"}},
	{"smuggling",
	 {MAIN, "smtpd_forbid_bare_newline = yes", "smtpd_forbid_unauth_pipelining = yes",
	  "smtpd_data_restrictions = reject_unauth_pipelining"}},
	{"limits",
	 {MAIN, "smtpd_client_connection_count_limit = 20",
	  "smtpd_client_connection_rate_limit = 60", "smtpd_error_sleep_time = 1s"}},
	{"attachments",
	 {MAIN, "mime_header_checks = regexp:{",
	  "  {/name=\"?[^\"]*\\.(exe|scr|pif|vbs|com|bat|cmd|js)\"?\\s*($|;)/ REJECT no programs}",
	  "  }"}},
	{"mailbox-quota", {MAIN, "mailbox_size_limit = 1073741824"}},
	{NULL, {NULL}},
};
