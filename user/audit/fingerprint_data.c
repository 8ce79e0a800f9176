/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of mail servers, from their sources and from greetings seen in the wild. Rows that tell more stand before those that tell less:
 * of one line the first that fits counts. Servers without fixes of ours are here so that nobody takes them for another.
 */
#include "audit/fingerprint_data.h"

#include <stddef.h>

#define G PLACE_GREETING
#define E PLACE_EHLO
#define L PLACE_HELP
#define U PLACE_UNKNOWN
#define V PLACE_VRFY
#define N PLACE_EXPN
#define R PLACE_ORDER
#define S PLACE_RSET
#define Q PLACE_QUIT
#define P PLACE_POP3
#define C PLACE_IMPLEMENTATION
#define M PLACE_IMAP
#define D PLACE_ID
#define W PLACE_USER

#define NAMED(kind, product, where, pattern)                                                       \
	{                                                                                          \
		kind, product, where, 0, 0, pattern                                                \
	}
#define OTHER(product, where, pattern) NAMED(SERVER_OTHER, product, where, pattern)
/* Like no other's, and like that of a few. */
#define OWN(kind, where, code, pattern)                                                            \
	{                                                                                          \
		kind, NULL, where, code, FINGERPRINT_ENOUGH, pattern                               \
	}
#define SHARED(kind, where, code, pattern)                                                         \
	{                                                                                          \
		kind, NULL, where, code, 1, pattern                                                \
	}

/* Outweighs all that it shares with another on purpose. */
#define ALONE_POINTS 64
#define ALONE(kind, where, code, pattern)                                                          \
	{                                                                                          \
		kind, NULL, where, code, ALONE_POINTS, pattern                                     \
	}

const struct fingerprint_row fingerprint_rows[] = {
	/* ---- SMTP: those that name themselves ---- */
	NAMED(SERVER_POSTFIX, "Postfix", G, "Postfix (%v"),
	NAMED(SERVER_POSTFIX, "Postfix", G, "Postfix %v"),
	NAMED(SERVER_POSTFIX, "Postfix", G | L, "Postfix"),
	NAMED(SERVER_EXIM, "Exim", G | L, "Exim %v"),
	NAMED(SERVER_EXIM, "Exim", G | L, " Exim"),
	NAMED(SERVER_SENDMAIL, "Sendmail", G, "Sendmail %v"),
	NAMED(SERVER_SENDMAIL, "Sendmail", G, "Sendmail AIX%v/%v"),
	NAMED(SERVER_SENDMAIL, "Sendmail", G, "Sendmail *%v/"),
	NAMED(SERVER_SENDMAIL, "Sendmail", L, "sendmail version %v"),
	NAMED(SERVER_SENDMAIL, "Sendmail", G | L, "sendmail"),
	NAMED(SERVER_OPENSMTPD, "OpenSMTPD", G | L, "OpenSMTPD %v"),
	NAMED(SERVER_OPENSMTPD, "OpenSMTPD", G | L, "OpenSMTPD"),
	NAMED(SERVER_EXCHANGE, "Microsoft Exchange", G,
	      "Microsoft ESMTP MAIL Service, Version: %v"),
	NAMED(SERVER_EXCHANGE, "Microsoft Exchange", G, "Microsoft ESMTP MAIL Service"),
	NAMED(SERVER_EXCHANGE, "Microsoft Exchange", G,
	      "Microsoft Exchange Internet Mail Service %v"),
	NAMED(SERVER_EXCHANGE, "Microsoft Exchange", G, "Microsoft Exchange"),
	NAMED(SERVER_COURIER, "Courier", G | L, "Courier %v"),
	NAMED(SERVER_COURIER, "Courier", G | L, "Courier"),
	NAMED(SERVER_COURIER, "Courier", E, "^XVERP=Courier"),
	NAMED(SERVER_QMAIL, "qmail", G | L, "qmail %v"),
	NAMED(SERVER_QMAIL, "qmail", G | L, "qmail"),
	NAMED(SERVER_HARAKA, "Haraka", G | L, "Haraka/%v"),
	NAMED(SERVER_HARAKA, "Haraka", G | L, "Haraka %v"),
	NAMED(SERVER_HARAKA, "Haraka", G | L, "Haraka"),
	NAMED(SERVER_DOVECOT, "Dovecot", G, "Dovecot"),
	OTHER("MDaemon", G, "MDaemon %v"),
	OTHER("MDaemon", G, "MDaemon*%v"),
	OTHER("hMailServer", G, "hMailServer %v"),
	OTHER("hMailServer", G, "hMailServer"),
	OTHER("Kerio Connect", G, "Kerio Connect %v"),
	OTHER("Kerio MailServer", G, "Kerio MailServer %v"),
	OTHER("IceWarp", G, "IceWarp %v"),
	OTHER("Merak", G, "Merak %v"),
	OTHER("SmarterMail", G, "SmarterMail %v"),
	OTHER("SmarterMail", G, "SmarterMail"),
	OTHER("Domino", G, "Domino Release %v"),
	OTHER("CommuniGate Pro", G, "CommuniGate Pro %v"),
	OTHER("MailEnable", G, "MailEnable Service, Version: *%v"),
	OTHER("MailEnable", G, "MailEnable"),
	OTHER("Axigen", G, "Axigen"),
	OTHER("Stalwart", G, "Stalwart"),
	OTHER("Apache James", G, "JAMES SMTP Server %v"),
	OTHER("Apache James", G, "JAMES"),
	OTHER("XMail", G, "XMail %v"),
	OTHER("IMail", G, "IMail %v"),
	OTHER("GroupWise", G, "GroupWise Internet Agent %v"),
	OTHER("PowerMTA", G, "PowerMTA(TM) %v"),
	OTHER("PowerMTA", G, "PowerMTA(TM) v%v"),
	OTHER("Momentum", G, "ecelerity %v"),
	OTHER("Symantec Messaging Gateway", G, "Symantec Messaging Gateway"),
	OTHER("Barracuda", G, "Barracuda"),
	OTHER("aiosmtpd", G, "Python SMTP %v"),
	OTHER("MailHog", G, "MailHog"),
	OTHER("Mailpit", G, "Mailpit"),
	OTHER("Sun Java System Messaging Server", G, "Sun Java System Messaging Server %v"),
	OTHER("Oracle Communications Messaging", G, "Oracle Communications Messaging*%v"),
	OTHER("Mercury", G, "Mercury %v"),
	OTHER("Argo", G, "ArGoSoft Mail Server*(%v"),
	OTHER("SurgeMail", G, "SurgeSMTP (Version %v"),
	OTHER("Gmail", G, " - gsmtp$"),

	/* ---- SMTP: those that are known by their replies ---- */
	/* Our own responder speaks like Postfix on purpose; these it has alone, and they come first. */
	ALONE(SERVER_POSTERN, V, 252, "2.0.0 Cannot verify: try to send"),
	ALONE(SERVER_POSTERN, R | V | N | L | S, 503,
	      "5.5.1 Error: refused; only QUIT is possible"),
	/* smtpd(8) of Postfix */
	SHARED(SERVER_POSTFIX, U, 502, "^5.5.2 Error: command not recognized$"),
	SHARED(SERVER_POSTFIX, U, 500, "^5.5.2 Error: bad syntax$"),
	OWN(SERVER_POSTFIX, V, 252, "^2.0.0 postmaster"),
	SHARED(SERVER_POSTFIX, V | N, 502, "^5.5.1 VRFY command is disabled$"),
	SHARED(SERVER_POSTFIX, V, 550, "^5.1.1 <*>: Recipient address rejected"),
	SHARED(SERVER_POSTFIX, R, 503, "^5.5.1 Error: need %w command$"),
	SHARED(SERVER_POSTFIX, Q, 221, "^2.0.0 Bye$"),
	SHARED(SERVER_POSTFIX, S, 250, "^2.0.0 Ok$"),
	OWN(SERVER_POSTFIX, E, 250, "^XVERP$"),
	SHARED(SERVER_POSTFIX, E, 250, "^ETRN$"),
	/* smtp_in.c of Exim */
	OWN(SERVER_EXIM, U, 500, "^unrecognized command$"),
	SHARED(SERVER_EXIM, Q, 221, "^%w closing connection$"),
	OWN(SERVER_EXIM, V | N, 252, "^Administrative prohibition$"),
	OWN(SERVER_EXIM, V | N, 550, "^Administrative prohibition$"),
	OWN(SERVER_EXIM, R, 503, "^sender not yet given$"),
	OWN(SERVER_EXIM, R, 503, "^valid RCPT command must precede %w$"),
	OWN(SERVER_EXIM, L, 214, "^Commands supported:$"),
	OWN(SERVER_EXIM, E, 250, "^%w Hello %w [*]$"),
	OWN(SERVER_EXIM, E, 250, "^X_PIPE_CONNECT$"),
	SHARED(SERVER_EXIM, S, 250, "^Reset OK$"),
	/* srvrsmtp.c of Sendmail; OpenSMTPD has its EHLO */
	OWN(SERVER_SENDMAIL, U, 500, "^5.5.1 Command unrecognized: \""),
	SHARED(SERVER_SENDMAIL, E, 250, "^%w Hello *, pleased to meet you$"),
	OWN(SERVER_SENDMAIL, Q, 221, "^2.0.0 %w closing connection$"),
	OWN(SERVER_SENDMAIL, V, 252, "^2.5.2 Cannot VRFY user; try RCPT"),
	OWN(SERVER_SENDMAIL, N, 502, "^5.7.0 Sorry, we do not allow this operation$"),
	OWN(SERVER_SENDMAIL, R, 503, "^5.0.0 Need %w before "),
	SHARED(SERVER_SENDMAIL, S, 250, "^2.0.0 Reset state$"),
	SHARED(SERVER_SENDMAIL, E, 250, "^DELIVERBY$"),
	/* smtp_session.c of OpenSMTPD */
	OWN(SERVER_OPENSMTPD, U, 500, "^5.5.1 Invalid command: Command unrecognized$"),
	OWN(SERVER_OPENSMTPD, V, 252, "^5.5.1 Cannot VRFY; try RCPT to attempt delivery$"),
	OWN(SERVER_OPENSMTPD, R, 503, "^5.5.1 Invalid command: "),
	SHARED(SERVER_OPENSMTPD, E, 250, "^%w Hello *, pleased to meet you$"),
	SHARED(SERVER_OPENSMTPD, Q, 221, "^2.0.0 Bye$"),
	/* Exchange's receive connectors */
	OWN(SERVER_EXCHANGE, U, 500, "^5.3.3 Unrecognized command"),
	OWN(SERVER_EXCHANGE, Q, 221, "^2.0.0 Service closing transmission channel$"),
	OWN(SERVER_EXCHANGE, V, 252, "^2.1.5 Cannot VRFY user$"),
	OWN(SERVER_EXCHANGE, L, 214, "This server supports the following commands:"),
	OWN(SERVER_EXCHANGE, E, 250, "^X-EXPS"),
	OWN(SERVER_EXCHANGE, E, 250, "^X-ANONYMOUSTLS$"),
	OWN(SERVER_EXCHANGE, E, 250, "^XEXCH50$"),
	SHARED(SERVER_EXCHANGE, E, 250, "^%w Hello [*]$"),
	SHARED(SERVER_EXCHANGE, E, 250, "^XRDST$"),
	/* qmail-smtpd.c */
	OWN(SERVER_QMAIL, U, 502, "^unimplemented (#5.5.1)$"),
	OWN(SERVER_QMAIL, V, 252, "^send some mail, i'll try my best$"),
	OWN(SERVER_QMAIL, R, 503, "^MAIL first (#5.5.1)$"),
	/* Courier's esmtpd */
	OWN(SERVER_COURIER, U, 502, "^ESMTP command error$"),
	OWN(SERVER_COURIER, E, 250, "^XSECURITY="),
	OWN(SERVER_COURIER, E, 250, "^XEXDATA$"),
	SHARED(SERVER_COURIER, Q, 221, "^Bye.$"),
	/* Haraka's connection.js */
	OWN(SERVER_HARAKA, Q, 221, "closing connection. Have a jolly good day.$"),
	OWN(SERVER_HARAKA, V, 252, "Just try sending a mail and we'll see how it turns out"),

	/* ---- POP3 and IMAP ---- */
	NAMED(SERVER_DOVECOT, "Dovecot", D, "\"name\" \"Dovecot*\"version\" \"%v"),
	NAMED(SERVER_DOVECOT, "Dovecot", P | C | M | D, "Dovecot"),
	NAMED(SERVER_COURIER, "Courier", P | C | M, "Courier-IMAP %v"),
	NAMED(SERVER_COURIER, "Courier", P | C | M | D, "Courier"),
	NAMED(SERVER_CYRUS, "Cyrus", P | C | M, "Cyrus %w v%v"),
	NAMED(SERVER_CYRUS, "Cyrus", P | C | M, "Cyrus %w %v"),
	NAMED(SERVER_CYRUS, "Cyrus", C, "Cyrus POP3 server v%v"),
	NAMED(SERVER_CYRUS, "Cyrus", D, "\"name\" \"Cyrus*\"version\" \"v%v"),
	NAMED(SERVER_CYRUS, "Cyrus", D, "\"name\" \"Cyrus*\"version\" \"%v"),
	NAMED(SERVER_CYRUS, "Cyrus", P | C | M | D, "Cyrus"),
	NAMED(SERVER_EXCHANGE, "Microsoft Exchange", P | M,
	      "Microsoft Exchange Server %w %w server version %v"),
	NAMED(SERVER_EXCHANGE, "Microsoft Exchange", P | M | D, "Microsoft Exchange"),
	NAMED(SERVER_EXCHANGE, "Microsoft Exchange", P | M, "Microsoft Windows POP3 Service"),
	OTHER("UW IMAP", P, "^+OK POP3 %w v%v server ready"),
	OTHER("UW IMAP", P, "^+OK POP3 %w %v server ready"),
	OTHER("UW IMAP", M, "IMAP4rev1 v%v at "),
	OTHER("UW IMAP", M, "IMAP4rev1 %v at "),
	OTHER("Qpopper", P, "Qpopper (version %v"),
	OTHER("Zimbra", P | M, "Zimbra %v"),
	OTHER("Zimbra", P | C | M | D, "Zimbra"),
	OTHER("MDaemon", P | C | M, "MDaemon %v"),
	OTHER("MDaemon", P | C | M | D, "MDaemon"),
	OTHER("Gmail", P | M, "Gpop"),
	OTHER("Gmail", P | M, "Gimap"),
	OTHER("DBMail", P | M, "dbmail %v"),
	OTHER("Domino", P | M, "Domino Release %v"),
	OTHER("Kerio Connect", P | C | M, "Kerio Connect %v"),
	OTHER("CommuniGate Pro", P | C | M, "CommuniGate Pro*%v"),
	OTHER("hMailServer", P | C | M | D, "hMailServer"),
	OTHER("IceWarp", P | C | M, "IceWarp %v"),
	OTHER("Stalwart", P | C | M | D, "Stalwart"),
	OTHER("MailEnable", P | M, "MailEnable"),
	OTHER("Perdition", P | M, "perdition"),
	OWN(SERVER_COURIER, P, 0, "^+OK Hello there.$"),
	OWN(SERVER_DOVECOT, W, 0, "[PRIVACYREQUIRED] Plaintext authentication disallowed"),
	OWN(SERVER_DOVECOT, W, 0, "Plaintext authentication disallowed on non-secure"),
	OWN(SERVER_DOVECOT, M, 0, "SASL-IR LOGIN-REFERRALS ID ENABLE IDLE"),
};
const unsigned fingerprint_row_count = sizeof(fingerprint_rows) / sizeof(fingerprint_rows[0]);

const struct fingerprint_os fingerprint_systems[] = {
	{"Debian/GNU", "Debian/GNU"}, {"Debian", "Debian"},	 {"+deb", "Debian"},
	{"Raspbian", "Raspbian"},     {"Ubuntu", "Ubuntu"},	 {"CentOS", "CentOS"},
	{"Red Hat", "Red Hat"},	      {"RedHat", "Red Hat"},	 {"Fedora", "Fedora"},
	{".el6", "Red Hat (el6)"},    {".el7", "Red Hat (el7)"}, {".el8", "Red Hat (el8)"},
	{".el9", "Red Hat (el9)"},    {"openSUSE", "openSUSE"},	 {"SuSE", "SUSE"},
	{"Gentoo", "Gentoo"},	      {"Mandriva", "Mandriva"},	 {"Mandrake", "Mandrake"},
	{"Slackware", "Slackware"},   {"Alpine", "Alpine"},	 {"FreeBSD", "FreeBSD"},
	{"OpenBSD", "OpenBSD"},	      {"NetBSD", "NetBSD"},	 {"SunOS", "SunOS"},
	{"Solaris", "Solaris"},	      {"HP-UX", "HP-UX"},	 {"AIX", "AIX"},
	{"Mac OS X", "Mac OS X"},     {"Darwin", "Darwin"},	 {"Windows", "Windows"},
	{"Win32", "Windows"},	      {"Win64", "Windows"},	 {"NT-ESMTP", "Windows"},
	{"NT_X86", "Windows"},	      {"Linux", "Linux"},
};
const unsigned fingerprint_system_count =
	sizeof(fingerprint_systems) / sizeof(fingerprint_systems[0]);
