/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixes for servers that need few of them, or have few to turn: by smtpd.conf(5), Sendmail's cf/README, the Exchange cmdlets. */
#include "audit/fix_data.h"

#include <stddef.h>

#define SMTPD	   "# smtpd.conf"
#define LISTEN	   "# smtpd.conf, in place of the listen line"
#define LISTEN_TLS "listen on 0.0.0.0 port 25 tls pki mail", "listen on :: port 25 tls pki mail"
#define CERTIFICATE                                                                                \
	"pki mail cert \"/etc/opensmtpd-tls/cert.pem\"",                                           \
		"pki mail key \"/etc/opensmtpd-tls/key.pem\""
#define MC    "# sendmail.mc"
#define SHELL "# Exchange Management Shell"

/* It has no banner of one's own to set, never answers VRFY, and takes passwords inside TLS alone. */
const struct fix_row fix_opensmtpd[] = {
	/* The names are the operator's to give; a filter does for all that is said at HELO. */
	{"helo",
	 {SMTPD, "table own_names { \"mx.example.org\", \"example.org\" }",
	  "table bare_addresses { \"^[0-9.]+$\", \"^[0-9a-fA-F]*:[0-9a-fA-F:.]*$\" }",
	  "filter \"own1\" phase helo match helo <own_names> reject \"550 5.7.1 that is my own "
	  "name\"",
	  "filter \"own2\" phase ehlo match helo <own_names> reject \"550 5.7.1 that is my own "
	  "name\"",
	  "filter \"bare1\" phase helo match helo regex <bare_addresses> reject \"550 5.7.1 an "
	  "address stands in brackets\"",
	  "filter \"bare2\" phase ehlo match helo regex <bare_addresses> reject \"550 5.7.1 an "
	  "address stands in brackets\"",
	  "filter \"helo\" chain { \"own1\", \"own2\", \"bare1\", \"bare2\" }", LISTEN,
	  "listen on 0.0.0.0 port 25 filter \"helo\"", "listen on :: port 25 filter \"helo\""}},
	/* By the names of actions of the manual page's example (smtpd.conf(5)). */
	/* It looks at the size when the message has come. */
	{"size.over", {NULL}},
	{"size", {SMTPD, "smtp max-message-size 50M"}},
	{"roles", {"# /etc/aliases", "postmaster: root", "abuse: postmaster"}},
	{"starttls", {SMTPD, CERTIFICATE, LISTEN, LISTEN_TLS}},
	/* 6.8 cannot use its key by OpenSSL 3. */
	{"starttls.handshake",
	 {SMTPD, "# no setting mends it: 6.8 with OpenSSL 3 (Debian 12) fails every handshake; "
		 "upgrade to OpenSMTPD 7"}},
	{"starttls.old", {SMTPD, "smtp ciphers \"HIGH:!aNULL:!MD5\""}},
	{"starttls.version", {SMTPD, "smtp ciphers \"HIGH:!aNULL:!MD5\""}},
	{"starttls.injection", {NULL}},
	{"auth-required",
	 {LISTEN, LISTEN_TLS, "listen on 0.0.0.0 port 587 tls-require pki mail auth",
	  "listen on :: port 587 tls-require pki mail auth"}},
	{"relay",
	 {"# smtpd.conf, in place of each line that begins with match from any for any",
	  "match from local for any action \"outbound\"",
	  "match from auth for any action \"outbound\""}},
	{NULL, {NULL}},
};

const struct fix_row fix_sendmail[] = {
	{"banner", {MC, "define(`confSMTP_LOGIN_MSG', `$j')dnl"}},
	{"banner.inside", {NULL}},
	{"help", {MC, "define(`HELP_FILE', `')dnl"}},
	{"vrfy",
	 {MC, "define(`confPRIVACY_FLAGS', "
	      "`authwarnings,novrfy,noexpn,noverb,restrictqrun,needmailhelo')dnl"}},
	{"expn",
	 {MC, "define(`confPRIVACY_FLAGS', "
	      "`authwarnings,novrfy,noexpn,noverb,restrictqrun,needmailhelo')dnl"}},
	{"size", {MC, "define(`confMAX_MESSAGE_SIZE', `52428800')dnl"}},
	{"helo", {MC, "FEATURE(`block_bad_helo')dnl"}},
	{"sender.domain", {MC, "undefine(`_ACCEPT_UNRESOLVABLE_DOMAINS_')dnl"}},
	{"roles", {"# /etc/mail/aliases", "postmaster: root", "abuse: postmaster"}},
	{"starttls",
	 {MC, "define(`confSERVER_CERT', `/etc/mail/tls/cert.pem')dnl",
	  "define(`confSERVER_KEY', `/etc/mail/tls/key.pem')dnl"}},
	{"starttls.old",
	 {MC, "LOCAL_CONFIG",
	  "O ServerSSLOptions=+SSL_OP_NO_SSLv2 +SSL_OP_NO_SSLv3 +SSL_OP_NO_TLSv1 "
	  "+SSL_OP_NO_TLSv1_1"}},
	{"starttls.version",
	 {MC, "LOCAL_CONFIG",
	  "O ServerSSLOptions=+SSL_OP_NO_SSLv2 +SSL_OP_NO_SSLv3 +SSL_OP_NO_TLSv1 "
	  "+SSL_OP_NO_TLSv1_1"}},
	{"starttls.cipher", {MC, "LOCAL_CONFIG", "O CipherList=HIGH:!aNULL:!RC4:!3DES:!MD5"}},
	{"starttls.injection", {NULL}},
	/* p: no plain text without TLS. */
	{"auth-tls", {MC, "define(`confAUTH_OPTIONS', `A p y')dnl"}},
	{"auth-required",
	 {MC, "FEATURE(`no_default_msa')dnl", "DAEMON_OPTIONS(`Name=MTA, Port=smtp')dnl",
	  "DAEMON_OPTIONS(`Name=MSA, Port=submission, M=Ea')dnl"}},
	{"relay", {MC, "undefine(`_PROMISCUOUS_RELAY_')dnl"}},
	{"limits",
	 {MC, "define(`confCONNECTION_RATE_THROTTLE', `20')dnl",
	  "define(`confMAX_DAEMON_CHILDREN', `100')dnl",
	  "FEATURE(`conncontrol', `nodelay', `terminate')dnl"}},
	{NULL, {NULL}},
};

const struct fix_row fix_exchange[] = {
	{"banner", {SHELL, "Get-ReceiveConnector | Set-ReceiveConnector -Banner \"220 ESMTP\""}},
	/* It stands in EHLO and in NTLM: the connector's name, and no NTLM for strangers. */
	{"banner.inside",
	 {SHELL, "Get-ReceiveConnector \"*Default Frontend*\" | Set-ReceiveConnector "
		 "-AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS"}},
	{"size", {SHELL, "Get-ReceiveConnector | Set-ReceiveConnector -MaxMessageSize 50MB"}},
	{"backscatter",
	 {SHELL, "Set-RecipientFilterConfig -Enabled $true -RecipientValidationEnabled $true"}},
	{"starttls", {SHELL, "Enable-ExchangeCertificate -Services SMTP,IMAP,POP"}},
	{"starttls.injection", {NULL}},
	{"auth-tls",
	 {SHELL,
	  "Get-ReceiveConnector | Set-ReceiveConnector -AuthMechanism "
	  "Tls,BasicAuth,BasicAuthRequireTLS",
	  "Set-PopSettings -LoginType SecureLogin", "Set-ImapSettings -LoginType SecureLogin"}},
	{"relay",
	 {SHELL,
	  "Get-ReceiveConnector | Get-ADPermission -User \"NT AUTHORITY\\ANONYMOUS LOGON\" |",
	  "  Where-Object {$_.ExtendedRights -like \"ms-Exch-SMTP-Accept-Any-Recipient\"} |",
	  "  Remove-ADPermission"}},
	{NULL, {NULL}},
};
