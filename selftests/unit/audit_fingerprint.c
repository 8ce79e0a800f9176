/* SPDX-License-Identifier: BSD-2-Clause */
/* Which server it is, and what it gives away: real greetings, masked servers by their replies, names of the inside, NTLM. */
#include "audit/fingerprint.h"
#include "audit/fingerprint_inside.h"
#include "unit/audit_rig.h"

#define DIALOGUE_MAX 8

struct saying {
	enum protocol protocol;
	unsigned what;
	const char *line;
	enum server_kind kind;
	const char *product, *version, *os, *inside;
};

static void take(struct rig *r, enum protocol protocol, struct fingerprint *out)
{
	fingerprint_take(r->address.visits, protocol, "mx.example.org", out);
}

static void expect_saying(const struct saying *row)
{
	struct fingerprint f;
	struct rig r;

	rig_open(&r);
	rig_say(rig_visit(&r, PURPOSE_HELLO, row->protocol, 25), row->what, 0, NULL, row->line);
	take(&r, row->protocol, &f);
	EXPECT(f.kind == row->kind && !strcmp(f.product, row->product) &&
		       !strcmp(f.version, row->version) && !strcmp(f.os, row->os) &&
		       !strcmp(f.inside, row->inside),
	       "%s: %s '%s' '%s' '%s' '%s'", row->line, server_kind_name(f.kind), f.product,
	       f.version, f.os, f.inside);
	EXPECT(!f.by_replies, "%s: by what it says", row->line);
	EXPECT(!f.product[0] == !f.product_by.exchange && !f.version[0] == !f.version_by.exchange &&
		       !f.os[0] == !f.os_by.exchange && !f.inside[0] == !f.inside_by.exchange,
	       "%s: each has its proof", row->line);
	rig_close(&r);
}

/* clang-format off */
#define SMTP PROTOCOL_SMTP, WHAT_GREETING
#define POP3 PROTOCOL_POP3, WHAT_GREETING
#define IMAP PROTOCOL_IMAP, WHAT_GREETING

static const struct saying greetings[] = {
	{SMTP, "220 mail.example.com ESMTP Postfix (Debian/GNU)", SERVER_POSTFIX, "Postfix", "", "Debian/GNU", ""},
	{SMTP, "220 mail.example.com ESMTP Postfix (Ubuntu)", SERVER_POSTFIX, "Postfix", "", "Ubuntu", ""},
	{SMTP, "220 mail.example.com ESMTP Postfix", SERVER_POSTFIX, "Postfix", "", "", ""},
	{SMTP, "220 mail.example.com ESMTP Postfix (2.11.0)", SERVER_POSTFIX, "Postfix", "2.11.0", "", ""},
	{SMTP, "220 mail.example.com ESMTP Postfix (2.3.2) (Mandriva Linux)", SERVER_POSTFIX, "Postfix", "2.3.2", "Mandriva", ""},
	{SMTP, "220 mail.example.com ESMTP Postfix 3.5.9", SERVER_POSTFIX, "Postfix", "3.5.9", "", ""},
	{SMTP, "220 localhost.localdomain ESMTP Postfix", SERVER_POSTFIX, "Postfix", "", "", "localhost.localdomain"},
	{SMTP, "220 f3a1b2c4d5e6 ESMTP Postfix (Debian/GNU)", SERVER_POSTFIX, "Postfix", "", "Debian/GNU", "f3a1b2c4d5e6"},
	{SMTP, "220-mail.example.com ESMTP Postfix\n220 mail.example.com ESMTP Postfix", SERVER_POSTFIX, "Postfix", "", "", ""},
	{SMTP, "220 mail.example.com ESMTP Exim 4.96 Sun, 22 Nov 2026 08:00:00 +0000", SERVER_EXIM, "Exim", "4.96", "", ""},
	{SMTP, "220 mail.example.com ESMTP Exim 4.94.2 Sun, 22 Nov 2026 08:00:00 +0000", SERVER_EXIM, "Exim", "4.94.2", "", ""},
	{SMTP, "220 mail.example.com ESMTP Exim 4.82 Ubuntu Sun, 22 Nov 2026 08:00:00 +0000", SERVER_EXIM, "Exim", "4.82", "Ubuntu", ""},
	{SMTP, "220 mail.example.com ESMTP Exim 4.84_2 Sun, 22 Nov 2026 08:00:00 +0000", SERVER_EXIM, "Exim", "4.84_2", "", ""},
	{SMTP, "220-server.example.com ESMTP Exim 4.95 #2 Sun, 22 Nov 2026 08:00:00 +0000 \n"
	       "220-We do not authorize the use of this system to transport unsolicited, \n220 and/or bulk e-mail.",
	 SERVER_EXIM, "Exim", "4.95", "", ""},
	{SMTP, "220 mail.example.com ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2+deb12u2; Sun, 22 Nov 2026 08:00:00 GMT; (No UCE/UBE) logging access from: c(OK)-c [198.51.100.9]",
	 SERVER_SENDMAIL, "Sendmail", "8.17.1.9", "Debian", ""},
	{SMTP, "220 mail.example.com ESMTP Sendmail 8.14.4/8.14.4; Sun, 22 Nov 2026 08:00:00 +0000", SERVER_SENDMAIL, "Sendmail", "8.14.4", "", ""},
	{SMTP, "220 mail.example.com ESMTP Sendmail 8.13.8+Sun/8.13.8; Sun, 22 Nov 2026", SERVER_SENDMAIL, "Sendmail", "8.13.8+Sun", "", ""},
	{SMTP, "220 mail.example.com Sendmail SMI-8.6/SMI-SVR4 ready at Sun, 22 Nov 2026", SERVER_SENDMAIL, "Sendmail", "8.6", "", ""},
	{SMTP, "220 mail.example.com ESMTP Sendmail AIX7.1/8.14.4; Sun, 22 Nov 2026", SERVER_SENDMAIL, "Sendmail", "8.14.4", "AIX", ""},
	{SMTP, "220 mail.example.com ESMTP OpenSMTPD", SERVER_OPENSMTPD, "OpenSMTPD", "", "", ""},
	{SMTP, "220 EX01.corp.local Microsoft ESMTP MAIL Service ready at Sun, 22 Nov 2026 08:00:00 +0000",
	 SERVER_EXCHANGE, "Microsoft Exchange", "", "", "EX01.corp.local"},
	{SMTP, "220 mail.example.com Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready at  Sun, 22 Nov 2026 08:00:00 +0000",
	 SERVER_EXCHANGE, "Microsoft Exchange", "6.0.3790.4675", "", ""},
	{SMTP, "220 AM7EUR.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Sun, 22 Nov 2026 08:00:00 +0000",
	 SERVER_EXCHANGE, "Microsoft Exchange", "", "", ""},
	{SMTP, "220 mail.example.com ESMTP Haraka/2.8.28 ready (7C6F9B2A)", SERVER_HARAKA, "Haraka", "2.8.28", "", ""},
	{SMTP, "220 mail.example.com ESMTP Haraka 2.8.14 ready", SERVER_HARAKA, "Haraka", "2.8.14", "", ""},
	{SMTP, "220 mail.example.com ESMTP MDaemon 21.5.2; Sun, 22 Nov 2026 08:00:00 +0000", SERVER_OTHER, "MDaemon", "21.5.2", "", ""},
	{SMTP, "220 HMAILSERVER hMailServer ESMTP 5.6.7-B2425", SERVER_OTHER, "hMailServer", "", "", "HMAILSERVER"},
	{SMTP, "220 mail.example.com Kerio Connect 9.2.5 ESMTP ready", SERVER_OTHER, "Kerio Connect", "9.2.5", "", ""},
	{SMTP, "220 mail.example.com ESMTP IceWarp 12.0.3.1; Sun, 22 Nov 2026", SERVER_OTHER, "IceWarp", "12.0.3.1", "", ""},
	{SMTP, "220 mail.example.com ESMTP Service (IBM Domino Release 9.0.1FP10) ready at Sun, 22 Nov 2026", SERVER_OTHER, "Domino", "9.0.1FP10", "", ""},
	{SMTP, "220 mail.example.com ESMTP CommuniGate Pro 6.2.14", SERVER_OTHER, "CommuniGate Pro", "6.2.14", "", ""},
	{SMTP, "220 mail.example.com ESMTP MailEnable Service, Version: 10.35-- ready at 11/22/26 08:00:00", SERVER_OTHER, "MailEnable", "10.35", "", ""},
	{SMTP, "220 mail.example.com ESMTP MailEnable Service, Version: 0-10.44- ready at 11/22/26", SERVER_OTHER, "MailEnable", "0-10.44", "", ""},
	{SMTP, "220 mail.example.com Stalwart ESMTP at your service", SERVER_OTHER, "Stalwart", "", "", ""},
	{SMTP, "220 mx.google.com ESMTP 4fb4d7f45d1cf-5d2f1a2b3c4si123456a12.5 - gsmtp", SERVER_OTHER, "Gmail", "", "", ""},
	{SMTP, "220 mail.example.com PowerMTA(TM) v4.5r10 ESMTP service ready", SERVER_OTHER, "PowerMTA", "4.5r10", "", ""},
	{SMTP, "220 mail.example.com Python SMTP 1.4.4", SERVER_OTHER, "aiosmtpd", "1.4.4", "", ""},
	{SMTP, "220 mail.example.com (IMail 9.23 123-1) NT-ESMTP Server X1", SERVER_OTHER, "IMail", "9.23", "Windows", ""},
	{SMTP, "220 mx.example.org ESMTP", SERVER_UNKNOWN, "", "", "", ""},
	{SMTP, "220 mx.example.org ESMTP ready at 10.1.2.3", SERVER_UNKNOWN, "", "", "", "10.1.2.3"},
	{SMTP, "220 mx.example.org ESMTP; you are 198.51.100.9, thanks", SERVER_UNKNOWN, "", "", "", ""},
	{SMTP, "220 postfix.example.com ESMTP", SERVER_UNKNOWN, "", "", "", ""},
	{SMTP, "220 ubuntu.example.com ESMTP", SERVER_UNKNOWN, "", "", "", ""},
	{SMTP, "220 ", SERVER_UNKNOWN, "", "", "", ""},
	{SMTP, "220 \x1b[31mExim\x1b[0m 4.1\x1b", SERVER_UNKNOWN, "", "", "", ""},
	{PROTOCOL_SMTP, WHAT_HELP, "214-2.0.0 This is sendmail version 8.14.4\n214 2.0.0 End of HELP info", SERVER_SENDMAIL, "Sendmail", "8.14.4", "", ""},
	{PROTOCOL_SMTP, WHAT_HELP, "214-2.0.0 This is OpenSMTPD\n214 2.0.0 End of HELP info", SERVER_OPENSMTPD, "OpenSMTPD", "", "", ""},
	{PROTOCOL_SMTP, WHAT_HELP, "214-2.0.0 This is OpenSMTPD\n214-2.0.0 please contact bugs@openbsd.org\n214 2.0.0 End", SERVER_OPENSMTPD, "OpenSMTPD", "", "", ""},
	{PROTOCOL_SMTP, WHAT_HELP, "214 qmail home page: http://pobox.com/~djb/qmail.html", SERVER_QMAIL, "qmail", "", "", ""},
	{PROTOCOL_SMTP, WHAT_HELP, "214 netqmail home page: http://qmail.org/netqmail", SERVER_QMAIL, "qmail", "", "", ""},
	{PROTOCOL_SMTP, WHAT_EHLO, "250-mail.example.com Ok.\n250-XVERP=Courier\n250 DSN", SERVER_COURIER, "Courier", "", "", ""},
	{PROTOCOL_SMTP, WHAT_EHLO, "250-mail.lan\n250 SIZE 10240000", SERVER_UNKNOWN, "", "", "", "mail.lan"},
	{PROTOCOL_SMTP, WHAT_EHLO, "250-mail.example.com Hello [192.168.7.7]\n250 SIZE 10240000", SERVER_UNKNOWN, "", "", "", ""},

	{POP3, "+OK Dovecot ready.", SERVER_DOVECOT, "Dovecot", "", "", ""},
	{POP3, "+OK Dovecot (Debian) ready.", SERVER_DOVECOT, "Dovecot", "", "Debian", ""},
	{POP3, "+OK Dovecot (Ubuntu) ready. <1234.1.abc@mail>", SERVER_DOVECOT, "Dovecot", "", "Ubuntu", ""},
	{POP3, "+OK mail.example.com Cyrus POP3 v2.4.17-Fedora-RPM-2.4.17-13.el7 server ready <1@mail>", SERVER_CYRUS, "Cyrus", "2.4.17-Fedora-RPM-2.4.17-13.el7", "Fedora", ""},
	{POP3, "+OK mail Cyrus POP3 3.6.1-4+deb12u1 server ready", SERVER_CYRUS, "Cyrus", "3.6.1-4+deb12u1", "Debian", ""},
	{POP3, "+OK The Microsoft Exchange POP3 service is ready.", SERVER_EXCHANGE, "Microsoft Exchange", "", "", ""},
	{POP3, "+OK Microsoft Exchange Server 2003 POP3 server version 6.5.7638.1 (mail.corp.local) ready.", SERVER_EXCHANGE, "Microsoft Exchange", "6.5.7638.1", "", "mail.corp.local"},
	{POP3, "+OK POP3 mail.example.com 2007e.104 server ready", SERVER_OTHER, "UW IMAP", "2007e.104", "", ""},
	{POP3, "+OK Qpopper (version 4.0.5) at mail starting.  ", SERVER_OTHER, "Qpopper", "4.0.5", "", ""},
	{POP3, "+OK mail.example.com Zimbra 8.8.15_GA_4177 POP3 server ready", SERVER_OTHER, "Zimbra", "8.8.15_GA_4177", "", ""},
	{POP3, "+OK Dovecot (Debian) ready on mail1.internal.example.net.", SERVER_DOVECOT, "Dovecot", "", "Debian", "mail1.internal.example.net"},
	{POP3, "+OK POP3 ready", SERVER_UNKNOWN, "", "", "", ""},
	{PROTOCOL_POP3, WHAT_CAPA, "+OK Here's what I can do:\nUIDL\nIMPLEMENTATION Courier Mail Server\n.", SERVER_COURIER, "Courier", "", "", ""},
	{PROTOCOL_POP3, WHAT_CAPA, "+OK\nIMPLEMENTATION Cyrus POP3 server v2.5.10-Debian-2.5.10-3\n.", SERVER_CYRUS, "Cyrus", "2.5.10-Debian-2.5.10-3", "Debian", ""},

	{IMAP, "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED] Dovecot (Debian) ready.", SERVER_DOVECOT, "Dovecot", "", "Debian", ""},
	{IMAP, "* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT IDLE ACL] Courier-IMAP ready. Copyright 1998-2019 Double Precision, Inc.  See COPYING for distribution information.",
	 SERVER_COURIER, "Courier", "", "", ""},
	{IMAP, "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE STARTTLS] mail Cyrus IMAP 3.6.1-4+deb12u1 server ready", SERVER_CYRUS, "Cyrus", "3.6.1-4+deb12u1", "Debian", ""},
	{IMAP, "* OK [CAPABILITY IMAP4rev1] mail.example.com Cyrus IMAP v2.3.16-Fedora-RPM-2.3.16-6.el6_2.5 server ready", SERVER_CYRUS, "Cyrus", "2.3.16-Fedora-RPM-2.3.16-6.el6_2.5", "Fedora", ""},
	{IMAP, "* OK The Microsoft Exchange IMAP4 service is ready.", SERVER_EXCHANGE, "Microsoft Exchange", "", "", ""},
	{IMAP, "* OK [CAPABILITY IMAP4REV1 LOGIN-REFERRALS AUTH=LOGIN] mail.example.com IMAP4rev1 2007e.404 at Sun, 22 Nov 2026", SERVER_OTHER, "UW IMAP", "2007e.404", "", ""},
	{IMAP, "* OK Gimap ready for requests from 198.51.100.9 a1mb2", SERVER_OTHER, "Gmail", "", "", ""},
	{IMAP, "* OK IMAP4 ready", SERVER_UNKNOWN, "", "", "", ""},
	{PROTOCOL_IMAP, WHAT_IMAP_ID, "* ID (\"name\" \"Dovecot\" \"version\" \"2.3.19.1\" \"os\" \"Linux\")\na2 OK ID completed.", SERVER_DOVECOT, "Dovecot", "2.3.19.1", "Linux", ""},
	{PROTOCOL_IMAP, WHAT_IMAP_ID, "* ID NIL\na2 OK ID completed.", SERVER_UNKNOWN, "", "", "", ""},
	{PROTOCOL_IMAP, WHAT_IMAP_ID, "* ID (\"name\" \"Dovecot\")\na2 OK ID completed.", SERVER_DOVECOT, "Dovecot", "", "", ""},
	{PROTOCOL_IMAP, WHAT_IMAP_ID, "* ID (\"name\" \"Cyrus IMAPD\" \"version\" \"2.4.17 d1df8aff 2012-12-01\" \"os\" \"Linux\")\na2 OK Completed", SERVER_CYRUS, "Cyrus", "2.4.17", "Linux", ""},
};
/* clang-format on */

TEST(fingerprint_reads_real_greetings)
{
	for (size_t i = 0; i < RIG_COUNT(greetings); i++)
		expect_saying(&greetings[i]);
}

TEST(fingerprint_recognises_the_masked_by_their_replies)
{
	static const struct {
		enum server_kind kind;
		struct rig_line line[DIALOGUE_MAX];
	} rows[] = {
		{SERVER_POSTFIX,
		 {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "502 5.5.2 Error: command not recognized"},
		  {WHAT_QUIT, 0, "QUIT", "221 2.0.0 Bye"}}},
		{SERVER_POSTFIX,
		 {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "500 5.5.2 Error: command not recognized"},
		  {WHAT_QUIT, 0, "QUIT", "221 2.0.0 Bye"}}},
		{SERVER_POSTFIX,
		 {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"},
		  {WHAT_VRFY_POSTMASTER, 0, "VRFY postmaster", "252 2.0.0 postmaster"}}},
		{SERVER_POSTFIX,
		 {{WHAT_EHLO, 0, "EHLO a", "250-mx.example.org\n250-PIPELINING\n250-ETRN\n250 DSN"},
		  {WHAT_QUIT, 0, "QUIT", "221 2.0.0 Bye"}}},
		{SERVER_EXIM,
		 {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "500 unrecognized command"},
		  {WHAT_QUIT, 0, "QUIT", "221 mx.example.org closing connection"}}},
		{SERVER_EXIM,
		 {{WHAT_EHLO, 0, "EHLO a", "250-mx.example.org Hello a [198.51.100.9]\n250 HELP"}}},
		{SERVER_SENDMAIL,
		 {{WHAT_EHLO, 0, "EHLO a",
		   "250-mx.example.org Hello a [198.51.100.9], pleased to meet you\n"
		   "250-DELIVERBY\n250 HELP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "500 5.5.1 Command unrecognized: \"XYZZY\""},
		  {WHAT_QUIT, 0, "QUIT", "221 2.0.0 mx.example.org closing connection"}}},
		{SERVER_OPENSMTPD,
		 {{WHAT_EHLO, 0, "EHLO a",
		   "250-mx.example.org Hello a [198.51.100.9], pleased to meet you\n250 HELP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "500 5.5.1 Invalid command: Command unrecognized"},
		  {WHAT_QUIT, 0, "QUIT", "221 2.0.0 Bye"}}},
		{SERVER_OPENSMTPD,
		 {{WHAT_EHLO, 0, "EHLO a",
		   "250-mx.example.org Hello a [198.51.100.9], pleased to meet you\n250 HELP"},
		  {WHAT_QUIT, 0, "QUIT", "221 2.0.0 Bye"}}},
		{SERVER_EXCHANGE,
		 {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "500 5.3.3 Unrecognized command 'XYZZY'"},
		  {WHAT_QUIT, 0, "QUIT", "221 2.0.0 Service closing transmission channel"}}},
		{SERVER_QMAIL,
		 {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "502 unimplemented (#5.5.1)"}}},
		{SERVER_COURIER,
		 {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "502 ESMTP command error"}}},
		{SERVER_HARAKA,
		 {{WHAT_QUIT, 0, "QUIT",
		   "221 mx.example.org closing connection. Have a jolly good day."}}},
		{SERVER_POSTERN,
		 {{WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP"},
		  {WHAT_UNKNOWN, 0, "XYZZY", "502 5.5.2 Error: command not recognized"},
		  {WHAT_RSET, 0, "RSET", "250 2.0.0 Ok"},
		  {WHAT_VRFY_RANDOM, 0, "VRFY a", "252 2.0.0 Cannot verify: try to send"},
		  {WHAT_QUIT, 0, "QUIT", "221 2.0.0 Bye"}}},
		{SERVER_UNKNOWN, {{WHAT_QUIT, 0, "QUIT", "221 2.0.0 Bye"}}},
		{SERVER_UNKNOWN,
		 {{WHAT_UNKNOWN, 0, "XYZZY", "500 what?"}, {WHAT_QUIT, 0, "QUIT", "221 so long"}}},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct fingerprint f;
		struct rig r;

		rig_open(&r);
		rig_talk(rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25), rows[i].line,
			 DIALOGUE_MAX);
		take(&r, PROTOCOL_SMTP, &f);
		EXPECT(f.kind == rows[i].kind, "row %zu: '%s' for '%s'", i,
		       server_kind_name(f.kind), server_kind_name(rows[i].kind));
		EXPECT(f.by_replies == (f.kind != SERVER_UNKNOWN) && !f.product[0], "row %zu", i);
		rig_close(&r);
	}
}

TEST(fingerprint_looks_at_one_protocol)
{
	struct fingerprint f;
	struct rig r;

	rig_open(&r);
	rig_say(rig_visit(&r, PURPOSE_POP3, PROTOCOL_POP3, 110), WHAT_GREETING, 0, NULL,
		"+OK Dovecot ready.");
	rig_say(rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25), WHAT_GREETING, 0, NULL,
		"220 mx.example.org ESMTP Exim 4.96");
	take(&r, PROTOCOL_SMTP, &f);
	EXPECT(f.kind == SERVER_EXIM && f.version_by.visit->port == 25, "SMTP");
	take(&r, PROTOCOL_POP3, &f);
	EXPECT(f.kind == SERVER_DOVECOT && f.product_by.visit->port == 110, "POP3");
	take(&r, PROTOCOL_IMAP, &f);
	EXPECT(f.kind == SERVER_UNKNOWN && !f.product[0], "IMAP");
	rig_close(&r);
}

TEST(inside_knows_names_without_a_meaning_outside)
{
	static const struct {
		const char *name;
		bool is_inside;
	} rows[] = {
		{"localhost", true},
		{"localhost.localdomain", true},
		{"mail", true},
		{"4f2a9c11d0b7", true},
		{"ex01.corp.local", true},
		{"EX01.CORP.LOCAL", true},
		{"mail.lan", true},
		{"mx.internal", true},
		{"mail.home.arpa", true},
		{"mail1.internal.example.com", true},
		{"internal.example.com", false},
		{"mail.example.com", false},
		{"mail.example.com.", false},
		{"local.example.com", false},
		{"mx.example.org", false}, /* its own */
		{"192.0.2.1", false},
		{"[10.0.0.1]", false},
		{"", false},
		{"***", false},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++)
		EXPECT(inside_is_name(rows[i].name, strlen(rows[i].name), "mx.example.org") ==
			       rows[i].is_inside,
		       "'%s'", rows[i].name);
	EXPECT(!inside_is_name("mail.lan", 8, "mail.lan"), "one's own name is no leak");
}

/* A type 2 message as Exchange sends it: MAIL01.corp.local of Windows 10.0.17763. */
#define NTLM_HEAD                                                                                  \
	"TlRMTVNTUAACAAAACAAIADgAAAAFgokCESIzRFVmd4gAAAAAAAAAAFwAXABAAAAACgBjRQAAAA9DAE8AUgBQAA"

TEST(ntlm_tells_what_windows_tells)
{
	static const char message[] = NTLM_HEAD "IACABDAE8AUgBQAAEADABNAEEASQBMADAAMQAEABQAYwBvAHIA"
						"cAAuAGwAbwBjAGEAbAADACIATQBBAEkATAAw"
						"ADEALgBjAG8AcgBwAC4AbABvAGMAYQBsAAAAAAA=";
	struct ntlm_target t;

	ENSURE(ntlm_read(message, strlen(message), &t), "a type 2 message");
	EXPECT(!strcmp(t.computer, "MAIL01.corp.local"), "%s", t.computer);
	EXPECT(!strcmp(t.domain, "corp.local"), "%s", t.domain);
	EXPECT(!strcmp(t.version, "10.0.17763"), "%s", t.version);
	for (size_t cut = 0; cut < strlen(message); cut++)
		ntlm_read(message, cut, &t); /* a sanitizer looks on */
	EXPECT(!ntlm_read("", 0, &t), "nothing");
	EXPECT(!ntlm_read("VXNlcm5hbWU6", 12, &t), "334 VXNlcm5hbWU6 is AUTH LOGIN's");
	EXPECT(!ntlm_read(message, 40, &t), "a head cut short");
}

TEST(ntlm_follows_nothing_out_of_the_message)
{
	static const char *const messages[] = {
		/* a list longer than the message */
		"TlRMTVNTUAACAAAACAAIADgAAAAFgokCESIzRFVmd4gAAAAAAAAAAP//XABAAAAACgBjRQAAAA9DAE8A"
		"UgBQAAIACABDAE8AUgBQAAEADABNAEEASQBMADAAMQAEABQAYwBvAHIAcAAuAGwAbwBjAGEAbAADACIA"
		"TQBBAEkATAAwADEALgBjAG8AcgBwAC4AbABvAGMAYQBsAAAAAAA=",
		/* one that lies behind it */
		"TlRMTVNTUAACAAAACAAIADgAAAAFgokCESIzRFVmd4gAAAAAAAAAAFwAXADw////CgBjRQAAAA9DAE8A"
		"UgBQAAIACABDAE8AUgBQAAEADABNAEEASQBMADAAMQAEABQAYwBvAHIAcAAuAGwAbwBjAGEAbAADACIA"
		"TQBBAEkATAAwADEALgBjAG8AcgBwAC4AbABvAGMAYQBsAAAAAAA=",
		/* a pair longer than the list */
		"TlRMTVNTUAACAAAACAAIADgAAAAFgokCESIzRFVmd4gAAAAAAAAAAFwAXABAAAAACgBjRQAAAA9DAE8A"
		"UgBQAAIA8P9DAE8AUgBQAAEADABNAEEASQBMADAAMQAEABQAYwBvAHIAcAAuAGwAbwBjAGEAbAADACIA"
		"TQBBAEkATAAwADEALgBjAG8AcgBwAC4AbABvAGMAYQBsAAAAAAA=",
	};

	for (size_t i = 0; i < RIG_COUNT(messages); i++) {
		struct ntlm_target t;

		EXPECT(ntlm_read(messages[i], strlen(messages[i]), &t), "message %zu is one", i);
		EXPECT(!t.computer[0] && !t.domain[0], "message %zu: '%s' '%s'", i, t.computer,
		       t.domain);
	}
}

TEST(inside_is_not_our_own_address)
{
	struct fingerprint f;
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	v = rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25);
	addr_parse("10.1.2.3", &v->local, NULL);
	rig_say(v, WHAT_GREETING, 0, NULL, "220 mx.example.org ESMTP; you are [10.1.2.3]");
	take(&r, PROTOCOL_SMTP, &f);
	EXPECT(!f.inside[0], "%s", f.inside);
	rig_say(v, WHAT_HELP, 0, "HELP", "214 ask 10.1.2.4");
	take(&r, PROTOCOL_SMTP, &f);
	EXPECT(!strcmp(f.inside, "10.1.2.4"), "%s", f.inside);
	rig_close(&r);
}

TEST(fingerprint_reads_ntlm)
{
	struct fingerprint f;
	struct visit_log *v;
	struct rig r;

	rig_open(&r);
	v = rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25);
	rig_say(v, WHAT_NTLM_TYPE1, 0, "TlRMTVNTUAABAAAA",
		"334 " NTLM_HEAD "IACABDAE8AUgBQAAEADABNAEEASQBMADAAMQAEABQAYwBvAHIAcAAuAGwAbwBjAG"
		"EAbAADACIATQBBAEkATAAwADEALgBjAG8AcgBwAC4AbABvAGMAYQBsAAAAAAA=");
	take(&r, PROTOCOL_SMTP, &f);
	EXPECT(!strcmp(f.inside, "MAIL01.corp.local"), "%s", f.inside);
	EXPECT(!strcmp(f.os, "Windows 10.0.17763"), "%s", f.os);
	rig_close(&r);
}
