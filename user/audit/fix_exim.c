/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixes for Exim 4.90 and up, by its specification. An access list is only ever added to at its head, so that the rest stands as it
 * was. Options of TLS depend on the library that Exim was built with, which it says itself by its macros.
 */
#include "audit/fix_data.h"

#include <stddef.h>

#define MAIN "# exim4.conf, main section"
#define RCPT "# exim4.conf, at the head of acl_check_rcpt"
#define HELO "# exim4.conf, at the head of acl_check_helo"
#define CERTIFICATE                                                                                \
	"tls_certificate = /etc/exim4/tls/cert.pem", "tls_privatekey = /etc/exim4/tls/key.pem"
#define VERSIONS                                                                                   \
	".ifdef _HAVE_GNUTLS", "tls_require_ciphers = NORMAL:-VERS-TLS1.0:-VERS-TLS1.1", ".endif", \
		".ifdef _HAVE_OPENSSL",                                                            \
		"openssl_options = +no_sslv2 +no_sslv3 +no_tlsv1 +no_tlsv1_1", ".endif"
/* Those of the host itself may say so. */
#define OWN_HELO                                                                                   \
	HELO, "  deny    message    = that is my own name", "          ! hosts    = : @[]",        \
		"          condition  = ${if or{ {eqi{$sender_helo_name}{$primary_hostname}} \\",  \
		"                                {eqi{$sender_helo_name}{$smtp_active_hostname}} " \
		"}}"
#define BARE_HELO                                                                                  \
	HELO, "  deny    message    = an address stands in brackets",                              \
		"          ! hosts    = : @[]",                                                    \
		"          condition  = ${if isip{$sender_helo_name}}"
#define NOT_TOO_LONG                                                                               \
	"  deny    message    = the line is too long",                                             \
		"          condition  = ${if >{${strlen:$smtp_command}}{510}}"

const struct fix_row fix_exim[] = {
	{"banner", {MAIN, "smtp_banner = $smtp_active_hostname ESMTP"}},
	{"banner.inside", {NULL}},
	/* Lists are asked about these commands alone; NOOP and RSET have none. */
	{"long-line",
	 {HELO, NOT_TOO_LONG, "# exim4.conf, at the head of acl_check_mail", NOT_TOO_LONG, RCPT,
	  NOT_TOO_LONG}},
	/* A list without a name, in the option itself. */
	{"vrfy", {MAIN, "acl_smtp_vrfy = deny"}},
	{"expn", {MAIN, "acl_smtp_expn = deny"}},
	{"helo.forged", {OWN_HELO}},
	{"helo.address", {BARE_HELO}},
	{"sender.domain",
	 {RCPT, "  deny    message         = your domain does not exist",
	  "          ! authenticated = *", "          ! verify        = sender"}},
	{"size", {MAIN, "message_size_limit = 50M"}},
	{"backscatter",
	 {RCPT, "  deny    message    = nobody has that name here",
	  "          domains    = +local_domains", "          ! verify   = recipient"}},
	{"roles", {"# /etc/aliases", "postmaster: root", "abuse: postmaster"}},
	{"starttls", {MAIN, "tls_advertise_hosts = *", CERTIFICATE}},
	{"starttls.old", {MAIN, VERSIONS}},
	{"starttls.version", {MAIN, VERSIONS}},
	{"starttls.cipher", {MAIN, VERSIONS}},
	{"starttls.injection", {NULL}},
	/* Before TLS nothing is offered, and what is not offered is not taken. */
	{"auth-tls",
	 {MAIN, "auth_advertise_hosts = ${if def:tls_in_cipher {*}}", "tls_advertise_hosts = *",
	  CERTIFICATE}},
	{"auth-required",
	 {RCPT, "  deny    message         = authenticate first",
	  "          condition       = ${if inlist{$received_port}{465:587}}",
	  "          ! authenticated = *"}},
	{"relay",
	 {RCPT, "  deny    message         = relaying is not permitted",
	  "          ! hosts         = : 127.0.0.1 : ::1", "          ! authenticated = *",
	  "          ! domains       = +local_domains",
	  "  deny    message         = no such address",
	  "          local_parts     = ^[./|] : ^.*[@%!/|]"}},
	{"smuggling", {NULL}},
	{"limits",
	 {MAIN, "smtp_accept_max = 100", "smtp_accept_max_per_host = 20",
	  "smtp_accept_queue_per_connection = 50"}},
	{NULL, {NULL}},
};
