/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of mail servers as they really are, and lines in which a client plays somebody else: what is read of each. */
#include <time.h>

#include "base/addr.h"
#include "maillog/maillog.h"
#include "tap.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define NOW_S	    1795329000 /* 2026-11-22T06:30:00Z */
#define TOLD_MAX    4096

static char told[TOLD_MAX];
static struct maillog_event last;

static void tell(void *context, const struct maillog_event *e)
{
	static const char *const words[] = {"connect", "delivery", "reject"};
	char text[ADDR_TEXT_MAX], count[16] = "";
	size_t n = strlen(told);

	(void)context;
	last = *e;
	if (e->what == MAILLOG_DELIVERY)
		snprintf(count, sizeof(count), " %u", e->recipients);
	snprintf(told + n, sizeof(told) - n, "%s%s %s%s%s%s%s%s", n ? "; " : "", words[e->what],
		 addr_format(&e->addr, text), *e->host ? " " : "", e->host, *e->from ? " <" : "",
		 e->from, *e->from ? ">" : "");
	n = strlen(told);
	snprintf(told + n, sizeof(told) - n, "%s", count);
}

static struct maillog *m_new(void)
{
	struct maillog *m = NULL;

	setenv("TZ", "UTC", 1);
	maillog_prepare();
	told[0] = '\0';
	memset(&last, 0, sizeof(last));
	return maillog_open(&m, NOW_S, tell, NULL) == 0 ? m : NULL;
}

struct row {
	const char *sentence, *text, *told;
};

#define PF(service, said) "Nov 22 06:27:11 mx postfix/" service ": " said "\n"
#define IN(service, said) "Nov 22 06:27:11 mx postfix-in/" service ": " said "\n"

static const struct row postfix[] = {
	{"a connection", PF("smtpd[7]", "connect from mail.example.org[192.0.2.7]"),
	 "connect 192.0.2.7 mail.example.org"},
	{"one without a name", PF("smtpd[7]", "connect from unknown[192.0.2.7]"),
	 "connect 192.0.2.7"},
	{"of IPv6", PF("smtpd[7]", "connect from mail.example.org[2001:db8::7]"),
	 "connect 2001:db8::7 mail.example.org"},
	{"with a port (smtpd_client_port_logging)",
	 PF("smtpd[7]", "connect from unknown[192.0.2.7]:40312"), "connect 192.0.2.7"},
	{"its end", PF("smtpd[7]", "disconnect from unknown[192.0.2.7] ehlo=1 quit=1 commands=2"),
	 ""},
	{"a message",
	 PF("smtpd[7]", "4AF8F3B: client=mail.example.org[192.0.2.7]") PF(
		 "cleanup[8]", "4AF8F3B: message-id=<x@example.org>")
		 PF("qmgr[9]", "4AF8F3B: from=<a@example.org>, size=512, nrcpt=3 (queue active)"),
	 "delivery 192.0.2.7 mail.example.org <a@example.org> 3"},
	{"with a long id, of a user, by another instance's port",
	 PF("submission/smtpd[7]", "4bXk2N1zzzz3Kq: client=unknown[192.0.2.7], "
				   "sasl_method=PLAIN, sasl_username=alice")
		 PF("qmgr[9]", "4bXk2N1zzzz3Kq: from=<>, size=1, nrcpt=1 (queue active)"),
	 "delivery 192.0.2.7 1"},
	{"of an instance (multi_instance_name)",
	 "Nov 22 06:27:11 mx postfix-in/smtpd[7]: 4AF8F3B: client=unknown[192.0.2.7]\n"
	 "Nov 22 06:27:11 mx postfix-in/qmgr[9]: 4AF8F3B: from=<>, size=1, nrcpt=2 (queue "
	 "active)\n",
	 "delivery 192.0.2.7 2"},
	{"counts once, however often it is tried",
	 PF("smtpd[7]", "4AF8F3B: client=unknown[192.0.2.7]")
		 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)")
			 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 "delivery 192.0.2.7 <a@b> 1"},
	{"that a milter turns down is none",
	 PF("smtpd[7]", "4AF8F3B: client=unknown[192.0.2.7]")
		 PF("cleanup[8]", "4AF8F3B: milter-reject: END-OF-MESSAGE from unknown[192.0.2.7]: "
				  "5.7.1 Spam; from=<a@b> to=<c@d> proto=ESMTP helo=<x>")
			 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 "reject 192.0.2.7"},
	{"that a header check discards is none",
	 PF("smtpd[7]", "4AF8F3B: client=unknown[192.0.2.7]")
		 PF("cleanup[8]", "4AF8F3B: discard: header Subject: x from unknown[192.0.2.7]; "
				  "from=<a@b> to=<c@d>")
			 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 ""},
	{"whose id is used again on this host is not his",
	 PF("smtpd[7]", "4AF8F3B: client=unknown[192.0.2.7]")
		 PF("pickup[8]", "4AF8F3B: uid=0 from=<root>")
			 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 ""},
	{"behind a filter in front of the queue is the client's",
	 PF("smtpd[7]", "NOQUEUE: client=mail.example.org[192.0.2.7]")
		 PF("smtpd[8]", "4AF8F3B: client=localhost[127.0.0.1], "
				"orig_client=mail.example.org[192.0.2.7]")
			 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 "delivery 192.0.2.7 mail.example.org <a@b> 1"},
	{"behind such a filter, with ports (smtpd_client_port_logging)",
	 PF("smtpd[8]", "4AF8F3B: client=localhost[127.0.0.1]:40312, "
			"orig_client=mail.example.org[192.0.2.7]:25000")
		 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 "delivery 192.0.2.7 mail.example.org <a@b> 1"},
	{"that a filter behind the queue hands back is this host's",
	 PF("smtpd[8]", "4AF8F3B: client=localhost[127.0.0.1], orig_queue_id=4AF8F00, "
			"orig_client=mail.example.org[192.0.2.7]")
		 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 "delivery 127.0.0.1 localhost <a@b> 1"},
	{"a refusal",
	 PF("smtpd[7]", "NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 <c@d>: Relay "
			"access denied; from=<a@b> to=<c@d> proto=ESMTP helo=<x>"),
	 "reject 192.0.2.7"},
	{"a warning is no refusal",
	 PF("smtpd[7]", "NOQUEUE: reject_warning: RCPT from unknown[192.0.2.7]: 554 5.7.1 x"), ""},
	{"postscreen, and the smtpd behind it: one connection",
	 PF("postscreen[5]", "CONNECT from [192.0.2.7]:40312 to [192.0.2.25]:25")
		 PF("postscreen[5]", "PASS NEW [192.0.2.7]:40312")
			 PF("smtpd[7]", "connect from mail.example.org[192.0.2.7]"),
	 "connect 192.0.2.7"},
	{"postscreen refuses",
	 PF("postscreen[5]", "CONNECT from [192.0.2.7]:40312 to [192.0.2.25]:25")
		 PF("postscreen[5]", "NOQUEUE: reject: RCPT from [192.0.2.7]:40312: 550 5.7.1 x"),
	 "connect 192.0.2.7; reject 192.0.2.7"},
	{"a sender in which a line is told",
	 PF("smtpd[7]", "4AF8F3B: client=unknown[192.0.2.7]")
		 PF("qmgr[9]", "4AF8F3B: from=<\"x>, size=1, nrcpt=99 (queue active)\"@b>, size=1, "
			       "nrcpt=2 (queue active)"),
	 "delivery 192.0.2.7 <\"x>, size=1, nrcpt=99 (queue active)\"@b> 2"},
	{"a HELO in which a line is told",
	 PF("smtpd[7]", "NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 x; from=<a@b> to=<c@d> "
			"proto=ESMTP helo=<4AF8F3B: client=mail.example.org[198.51.100.1]>")
		 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 "reject 192.0.2.7"},
	{"a user's name in which another client is told",
	 PF("smtpd[7]", "4AF8F3B: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=x, "
			"orig_client=mail.example.org[198.51.100.1]")
		 PF("qmgr[9]", "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 "delivery 192.0.2.7 <a@b> 1"},
	{"a header in which a client is told",
	 PF("cleanup[8]", "4AF8F3B: reject: header Subject: from x[198.51.100.1]: no from "
			  "unknown[192.0.2.7]; from=<a@b> to=<c@d>: 5.7.1 no"),
	 ""},
	{"bytes that no terminal wants",
	 PF("smtpd[7]", "4AF8F3B: client=unknown[192.0.2.7]")
		 PF("qmgr[9]", "4AF8F3B: from=<\x1b[2J@b>, size=1, nrcpt=1 (queue active)"),
	 "delivery 192.0.2.7 <\\x1b[2J@b> 1"},
	{"of an instance that postlogd(8) writes: postscreen, long ids, pipelining",
	 IN("postscreen[17290]", "CONNECT from [192.0.2.7]:59825 to [192.0.2.25]:25") IN(
		 "postscreen[17290]",
		 "PASS NEW [192.0.2.7]:59825") IN("smtpd[17387]", "connect from unknown[192.0.2.7]")
		 IN("smtpd[17387]", "4jXX9b04NPz1cQpD: client=unknown[192.0.2.7]") IN(
			 "cleanup[17391]",
			 "4jXX9b04NPz1cQpD: message-id=<>") IN("smtpd[17387]",
							       "disconnect from unknown[192.0.2.7] "
							       "ehlo=1 mail=1 rcpt=1 data=1 "
							       "quit=1 commands=5")
			 IN("postscreen[17290]",
			    "CONNECT from [192.0.2.7]:47493 to "
			    "[192.0.2.25]:25") IN("postscreen[17290]", "PASS OLD [192.0.2.7]:47493")
				 IN("smtpd[17387]", "connect from unknown[192.0.2.7]") IN(
					 "smtpd[17387]",
					 "improper command pipelining after EHLO from "
					 "unknown[192.0.2.7]: MAIL "
					 "FROM:<a@b.example>\\r\\nRCPT "
					 "TO:<inbox@example.net>\\r\\n") IN("qmgr[17153]",
									    "4jXX9b04NPz1cQpD: "
									    "from=<a@b.example>, "
									    "size=213, nrcpt=1 "
									    "(queue active)")
					 IN("smtpd[17387]",
					    "4jXX9b0808z1cQYX: client=unknown[192.0.2.7]")
						 IN("discard[17393]",
						    "4jXX9b04NPz1cQpD: to=<inbox@example.net>, "
						    "relay=none, delay=0.02, "
						    "delays=0.02/0.01/0/0, dsn=2.0.0, status=sent "
						    "(example.net)") IN("qmgr[17153]",
									"4jXX9b04NPz1cQpD: removed")
							 IN("smtpd[17387]",
							    "lost connection after DATA (0 bytes) "
							    "from unknown[192.0.2.7]"),
	 "connect 192.0.2.7; connect 192.0.2.7; delivery 192.0.2.7 <a@b.example> 1"},
	{"commands in which a client is told",
	 PF("smtpd[7]", "warning: Illegal address syntax from unknown[192.0.2.7] in VRFY command: "
			"4AF8F3B: client=mail.example.org[198.51.100.1]")
		 PF("smtpd[7]", "warning: non-SMTP command from unknown[192.0.2.7]: foo: "
				"client=a[198.51.100.1]")
			 PF("smtpd[7]", "warning: Illegal address syntax from unknown[192.0.2.7] "
					"in MAIL command: <4AF8F3B: client=a[198.51.100.1]>")
				 PF("qmgr[9]",
				    "4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue active)"),
	 ""},
	{"what rsyslog writes on a Debian 12, and what journalctl has it from",
	 "2026-11-22T06:27:11.123456+00:00 mx postfix/smtpd[7]: 4AF8F3B: "
	 "client=unknown[192.0.2.7]\n"
	 "2026-11-22T06:27:11.123999+00:00 mx postfix/qmgr[9]: 4AF8F3B: from=<a@b>, size=1, "
	 "nrcpt=1 "
	 "(queue active)\n"
	 "1795328831.123456 mx postfix/smtpd[7]: 4AF8F3C: client=unknown[192.0.2.8]\n"
	 "1795328831.123999 mx postfix/qmgr[9]: 4AF8F3C: from=<a@b>, size=1, nrcpt=1 (queue "
	 "active)\n",
	 "delivery 192.0.2.7 <a@b> 1; delivery 192.0.2.8 <a@b> 1"},
	{"of a container's or a service's own name",
	 "Nov 22 06:27:11 mx postfix/submission/smtpd[7]: 4AF8F3B: client=unknown[192.0.2.7]\n"
	 "Nov 22 06:27:11 mx postfix/qmgr[9]: 4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue "
	 "active)\n",
	 "delivery 192.0.2.7 <a@b> 1"},
	{"another program's line",
	 "Nov 22 06:27:11 mx kernel: postfix/smtpd[7]: connect from unknown[192.0.2.7]\n"
	 "Nov 22 06:27:11 mx postern[7]: NOQUEUE: reject: RCPT from [192.0.2.7]:5: 550 x\n",
	 ""},
	{"no address", PF("smtpd[7]", "connect from unknown[unknown]"), ""},
};

#define EXIM(said) "2026-11-22 06:27:11 " said "\n"
#define EXIM_ID	   "1wGhQk-0001Xy-2Z "
#define EXIM_DONE  EXIM(EXIM_ID "Completed")
#define EXIM_FROM  EXIM_ID "<= a@example.org "
#define EXIM_TO	   EXIM(EXIM_ID "=> b@example.net R=local T=maildir")
#define EXIM_RCPT2 EXIM(EXIM_ID "-> c@example.net R=local T=maildir")

static const struct row exim[] = {
	{"a message",
	 EXIM(EXIM_FROM "H=mail.example.org [192.0.2.7]:40312 P=esmtps "
			"X=TLS1.3:ECDHE_X25519:256 CV=no S=512 id=x@example.org")
		 EXIM_TO EXIM_RCPT2 EXIM_DONE,
	 "delivery 192.0.2.7 mail.example.org <a@example.org> 2"},
	{"with a HELO of its own",
	 EXIM(EXIM_FROM "H=mail.example.org (x) [192.0.2.7] P=smtp S=5") EXIM_TO EXIM_DONE,
	 "delivery 192.0.2.7 mail.example.org <a@example.org> 1"},
	{"without a name",
	 EXIM(EXIM_FROM "H=(x.example) [2001:db8::7]:9 P=smtp S=5") EXIM_TO EXIM_DONE,
	 "delivery 2001:db8::7 <a@example.org> 1"},
	{"without HELO and name", EXIM(EXIM_FROM "H=[192.0.2.7] P=smtp S=5") EXIM_TO EXIM_DONE,
	 "delivery 192.0.2.7 <a@example.org> 1"},
	{"with a new id, a process and a fraction",
	 "2026-11-22 06:27:11.123 +0000 [99] 1wGhQk-00000001Xyz-2ZaB <= <> H=([10.0.0.1]) "
	 "[192.0.2.7] P=smtp S=5\n"
	 "2026-11-22 06:27:11.123 +0000 [99] 1wGhQk-00000001Xyz-2ZaB Completed\n",
	 "delivery 192.0.2.7 1"},
	{"by syslog",
	 "Nov 22 06:27:11 mx exim[9]: 2026-11-22 06:27:11 " EXIM_FROM "H=[192.0.2.7] P=smtp S=5\n"
	 "Nov 22 06:27:11 mx exim[9]: 2026-11-22 06:27:11 " EXIM_ID "Completed\n",
	 "delivery 192.0.2.7 <a@example.org> 1"},
	{"of this host", EXIM(EXIM_ID "<= root@x U=root P=local S=5") EXIM_DONE, ""},
	{"whose recipients are deferred is told after a while",
	 EXIM(EXIM_FROM "H=[192.0.2.7] P=smtp S=5")
		 EXIM(EXIM_ID "== b@example.net R=dns T=smtp "
			      "defer (-1): x") "2026-11-22 06:28:11 exim 4.96 daemon started\n",
	 "delivery 192.0.2.7 <a@example.org> 1"},
	{"a refusal", EXIM("H=(x) [192.0.2.7]:5 F=<a@b> rejected RCPT <c@d>: relay not permitted"),
	 "reject 192.0.2.7"},
	{"a refusal for now, and one after DATA",
	 EXIM("H=(x) [192.0.2.7]:5 F=<a@b> temporarily rejected RCPT <c@d>: later")
		 EXIM(EXIM_ID "H=(x) [192.0.2.7]:5 F=<a@b> rejected after DATA: spam"),
	 "reject 192.0.2.7; reject 192.0.2.7"},
	{"a connection (+smtp_connection)",
	 EXIM("SMTP connection from [192.0.2.7]:40312 I=[192.0.2.25]:25 (TCP/IP connection count "
	      "= 1)") EXIM("SMTP connection from (x) [192.0.2.7]:40312 closed by QUIT"),
	 "connect 192.0.2.7"},
	{"a HELO in which another client is told (helo_accept_junk_hosts)",
	 EXIM(EXIM_FROM "H=(x) [198.51.100.1]:5 P=esmtp y) [192.0.2.7]:5 P=esmtp S=5") EXIM_DONE,
	 ""},
	{"a HELO with a blank",
	 EXIM(EXIM_FROM "H=(x [198.51.100.1] y) [192.0.2.7]:5 P=esmtp") EXIM_DONE, ""},
	{"a sender in which another client is told",
	 EXIM(EXIM_ID
	      "<= \"a H=mail.example.org [198.51.100.1] P=esmtp\"@b H=[192.0.2.7]:5 P=esmtp "
	      "S=5") EXIM_DONE,
	 "delivery 192.0.2.7 <\"a H=mail.example.org [198.51.100.1] P=esmtp\"@b> 1"},
	{"with all that log_selector = +all adds (+pid, +incoming_port, +tls_sni, +millisec ...)",
	 "2026-11-22 06:27:11.286 [47] SMTP connection from [192.0.2.7]:40027 I=[192.0.2.25]:25 "
	 "(TCP/IP connection count = 1)\n"
	 "2026-11-22 06:27:11.369 [61] 1xV8uy-00000z-1B <= \"b H=evil [198.51.100.1]:25 "
	 "P=x\"@b.example "
	 "H=mail.example.org (x.example) [192.0.2.7]:40027 I=[192.0.2.25]:25 P=esmtps L.- "
	 "X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=no SNI=sni.example.org "
	 "S=572 "
	 "M8S=0 RT=0.000s id=20261122145148.015022@vm T=\"x (y)\" from <\"b H=evil "
	 "[198.51.100.1]:25 P=x\"@b.example> for inbox@example.net abuse@example.net\n"
	 "2026-11-22 06:27:11.377 [62] cwd=/var/spool/exim4 3 args: /usr/sbin/exim4 -Mc "
	 "1xV8uy-00000z-1B\n"
	 "2026-11-22 06:27:11.379 [62] 1xV8uy-00000z-1B => inbox <inbox@example.net> F=<\"b H=evil "
	 "[198.51.100.1]:25 P=x\"@b.example> P=<a@b.example> R=account T=mailbox S=647 QT=0.010s "
	 "DT=0.001s\n"
	 "2026-11-22 06:27:11.379 [62] 1xV8uy-00000z-1B Completed QT=0.011s\n"
	 "2026-11-22 06:27:11.453 [61] SMTP connection from (x.example) [192.0.2.7]:40027 "
	 "I=[192.0.2.25]:25 closed by QUIT\n",
	 "connect 192.0.2.7; delivery 192.0.2.7 mail.example.org <\"b H=evil [198.51.100.1]:25 "
	 "P=x\"@b.example> 1"},
	{"a refusal with all of that",
	 "2026-11-22 06:27:11.289 [51] H=(x.example) [192.0.2.7]:38065 I=[192.0.2.25]:25 sender "
	 "verify "
	 "defer for <a@b.example>: host lookup did not complete\n"
	 "2026-11-22 06:27:11.289 [51] H=(x.example) [192.0.2.7]:38065 I=[192.0.2.25]:25 "
	 "X=TLS1.3:x "
	 "CV=no SNI=x F=<\"a) [198.51.100.1]:25 P=esmtp\"@b.example> temporarily rejected RCPT "
	 "<inbox@example.net>: Could not complete sender verify\n"
	 "2026-11-22 06:27:11.289 [51] H=(x.example) [192.0.2.7]:38065 I=[192.0.2.25]:25 F=<a@b> "
	 "temporarily rejected RCPT <inbox@example.net>: Could not complete sender verify\n"
	 "2026-11-22 06:27:11.289 [51] H=(x.example) [192.0.2.7]:38065 I=[192.0.2.25]:25 "
	 "incomplete "
	 "transaction (RSET) from <a@b.example>\n"
	 "2026-11-22 06:27:11.899 [54] rejected EHLO from [192.0.2.7]:35355 I=[192.0.2.25]:25: "
	 "syntactically invalid argument(s): (x) [198.51.100.1] y\n",
	 "reject 192.0.2.7"},
	{"HELOs in which a line is told, as helo_accept_junk_hosts lets them through",
	 "2026-11-22 06:27:11.369 [61] 1xV8uy-00000z-1B <= a@b H=((x) [198.51.100.1] y) "
	 "[192.0.2.7]:40027 I=[192.0.2.25]:25 P=esmtps S=572\n"
	 "2026-11-22 06:27:11.453 [65] 1xV8uy-000013-1S <= c@b H=(x) [198.51.100.1]:77 P=esmtp S=1 "
	 "id=1 () [192.0.2.7]:58033 I=[192.0.2.25]:25 P=esmtp S=489\n",
	 ""},
	{"a subject in which a message is told",
	 EXIM(EXIM_FROM "H=[192.0.2.7]:5 P=esmtp S=5 T=\"" EXIM_ID "<= a@b H=[198.51.100.1] P=x\"")
		 EXIM_DONE,
	 "delivery 192.0.2.7 <a@example.org> 1"},
};

#define OS(said)    "Nov 22 06:27:11 mx smtpd[7]: 8a1bc2d3e4f50617 smtp " said "\n"
#define OS_CONNECT  OS("connected address=192.0.2.7 host=mail.example.org")
#define OS_MESSAGE  OS("message msgid=1a2b3c4d size=512 nrcpt=2 proto=ESMTP")
#define OS_ENVELOPE OS("envelope evpid=1a2b3c4d5e6f7788 from=<a@example.org> to=<b@example.net>")

static const struct row opensmtpd[] = {
	{"a connection and a message",
	 OS_CONNECT OS_MESSAGE OS_ENVELOPE OS("disconnected reason=quit"),
	 "connect 192.0.2.7; delivery 192.0.2.7 <a@example.org> 2"},
	{"two messages in one connection",
	 OS_CONNECT OS_MESSAGE OS_ENVELOPE OS_MESSAGE OS("disconnected reason=quit"),
	 "connect 192.0.2.7; delivery 192.0.2.7 <a@example.org> 2; delivery 192.0.2.7 2"},
	{"IPv6 in brackets", OS("connected address=[2001:db8::7] host=<unknown>"),
	 "connect 2001:db8::7"},
	{"a message of this host", OS("connected address=local host=mx") OS_MESSAGE OS_ENVELOPE,
	 ""},
	{"a refusal",
	 OS_CONNECT OS("failed-command command=\"RCPT TO:<c@d>\" result=\"550 Invalid recipient\""),
	 "connect 192.0.2.7; reject 192.0.2.7"},
	{"a message that is delivered before its envelope is told, by another session",
	 OS_CONNECT OS_MESSAGE
	 "Nov 22 06:27:11 mx smtpd[7]: 294949e580243277 mda delivery evpid=1a2b3c4d6fdfaa4a "
	 "from=<x@example.org> to=<b@example.net> rcpt=<b@example.net> user=inbox delay=0s "
	 "result=Ok stat=Delivered\n" OS_ENVELOPE OS("disconnected reason=quit"),
	 "connect 192.0.2.7; delivery 192.0.2.7 <a@example.org> 2"},
	{"commands that are none",
	 OS_CONNECT OS("bad-input result=\"500 5.5.1 Invalid command: Pipelining not supported\"")
		 OS("failed-command command=\"MAIL FROM:<\"a> to=<b\"@b.example>\" result=\"553 "
		    "5.1.0 Sender address syntax error\"")
			 OS("failed-command command=\"\" result=\"500 5.5.1 Invalid command: "
			    "Command unrecognized\"") OS("disconnected reason=disconnect"),
	 "connect 192.0.2.7; reject 192.0.2.7; reject 192.0.2.7"},
	{"a command in which a session is told",
	 OS_CONNECT OS("failed-command command=\"8a1bc2d3e4f50618 smtp connected "
		       "address=198.51.100.1 host=x\" result=\"500 x\""),
	 "connect 192.0.2.7; reject 192.0.2.7"},
};

static void rows_try(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct maillog *m = m_new();

		ENSURE(m, "no reader");
		maillog_bytes(m, rows[i].text, strlen(rows[i].text));
		maillog_flush(m);
		EXPECT(!strcmp(told, rows[i].told), "%s: '%s', not '%s'", rows[i].sentence, told,
		       rows[i].told);
		maillog_close(m);
		/* And in single bytes. */
		m = m_new();
		ENSURE(m, "no reader");
		for (const char *at = rows[i].text; *at; at++)
			maillog_bytes(m, at, 1);
		maillog_flush(m);
		EXPECT(!strcmp(told, rows[i].told), "%s, in bytes: '%s'", rows[i].sentence, told);
		maillog_close(m);
	}
}

TEST(lines_of_postfix)
{
	rows_try(postfix, COUNT(postfix));
}

TEST(lines_of_exim)
{
	rows_try(exim, COUNT(exim));
}

TEST(lines_of_opensmtpd)
{
	rows_try(opensmtpd, COUNT(opensmtpd));
}

TEST(times_of_lines)
{
	static const struct {
		const char *sentence, *zone, *stamp;
		int64_t wall_s;
	} rows[] = {
		{"traditional", "UTC", "Nov 22 06:27:11", 1795328831},
		{"in a zone", "CET-1", "Nov 22 07:27:11", 1795328831},
		{"a day of one digit", "UTC", "Nov  2 06:27:11", 1793600831},
		{"last year's", "UTC", "Dec 31 23:59:59", 1767225599},
		{"a clock that is a little ahead", "UTC", "Nov 22 23:00:00", 1795388400},
		{"RFC 3339", "CET-1", "2026-11-22T06:27:11Z", 1795328831},
		{"with a fraction and an offset", "UTC", "2026-11-22T07:27:11.123456+01:00",
		 1795328831},
		{"west of Greenwich", "UTC", "2026-11-22T01:27:11-05:00", 1795328831},
		{"short-unix", "CET-1", "1795328831.123456", 1795328831},
		{"in summer", "CET-1CEST,M3.5.0,M10.5.0/3", "Jul 15 12:00:00", 1784109600},
		{"a leap day", "UTC", "Feb 29 00:00:00", 1709164800},
		{"no day", "UTC", "Feb 30 00:00:00", 0},
		{"no month", "UTC", "Fub 20 00:00:00", 0},
		{"no hour", "UTC", "Nov 22 24:00:00", 0},
		{"no zone", "UTC", "2026-11-22T06:27:11", 0},
		{"nothing", "UTC", "", 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct maillog *m = m_new();
		char line[256];

		ENSURE(m, "no reader");
		setenv("TZ", rows[i].zone, 1);
		tzset();
		snprintf(line, sizeof(line),
			 "%s mx postfix/smtpd[7]: connect from unknown[192.0.2.7]", rows[i].stamp);
		maillog_line(m, line, strlen(line));
		EXPECT(last.wall_s == rows[i].wall_s, "%s: %lld, not %lld", rows[i].sentence,
		       (long long)last.wall_s, (long long)rows[i].wall_s);
		EXPECT(maillog_span(m).first_wall_s == rows[i].wall_s &&
			       maillog_span(m).last_wall_s == rows[i].wall_s &&
			       maillog_span(m).lines == 1 &&
			       maillog_span(m).understood == (rows[i].wall_s != 0),
		       "%s: the span", rows[i].sentence);
		maillog_close(m);
	}
	setenv("TZ", "UTC", 1);
	tzset();
}

TEST(who_follows_for_long_has_the_right_year)
{
	static const char later[] =
		"Nov 25 06:27:11 mx postfix/smtpd[7]: connect from unknown[192.0.2.7]";
	struct maillog *m = m_new();

	ENSURE(m, "no reader");
	maillog_line(m, "Nov 22 06:27:11 mx postfix/smtpd[7]: connect from unknown[192.0.2.7]", 69);
	maillog_now(m, NOW_S + 3 * 86400);
	maillog_line(m, later, strlen(later));
	EXPECT(last.wall_s == 1795328831 + 3 * 86400, "%lld", (long long)last.wall_s);
	maillog_close(m);
}

TEST(a_delivery_knows_when_its_connection_was_made)
{
	static const char text[] =
		"Nov 22 06:20:00 mx postfix/smtpd[7]: connect from unknown[192.0.2.7]\n"
		"Nov 22 06:21:00 mx postfix/smtpd[7]: 4AF8F3B: client=unknown[192.0.2.7]\n"
		"Nov 22 06:22:00 mx postfix/qmgr[9]: 4AF8F3B: from=<a@b>, size=1, nrcpt=1 (queue "
		"active)\n";
	struct maillog *m = m_new();

	ENSURE(m, "no reader");
	maillog_bytes(m, text, strlen(text));
	EXPECT(last.wall_s - last.connected_wall_s == 120, "%lld s apart",
	       (long long)(last.wall_s - last.connected_wall_s));
	maillog_close(m);
}

TEST(what_is_remembered_is_bounded_and_the_latest_is_known)
{
	struct maillog *m = m_new();
	char line[256];

	ENSURE(m, "no reader");
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(line, sizeof(line),
			 "Nov 22 06:20:00 mx postfix/smtpd[%u]: %06X: client=unknown[192.0.2.7]", i,
			 0x100000 + i);
		maillog_line(m, line, strlen(line));
	}
	snprintf(
		line, sizeof(line),
		"Nov 22 06:20:00 mx postfix/qmgr[9]: %06X: from=<>, size=1, nrcpt=1 (queue active)",
		0x100000);
	maillog_line(m, line, strlen(line));
	EXPECT(!told[0], "forgotten: %s", told);
	snprintf(
		line, sizeof(line),
		"Nov 22 06:20:00 mx postfix/qmgr[9]: %06X: from=<>, size=1, nrcpt=1 (queue active)",
		0x100000 + 19999);
	maillog_line(m, line, strlen(line));
	EXPECT(!strcmp(told, "delivery 192.0.2.7 1"), "%s", told);
	maillog_close(m);
}

TEST(a_line_that_is_too_long_is_cut_and_the_next_is_read)
{
	static const char next[] =
		"\nNov 22 06:20:00 mx postfix/smtpd[7]: connect from unknown[192.0.2.7]\n";
	struct maillog *m = m_new();
	char part[1000];

	ENSURE(m, "no reader");
	memset(part, 'x', sizeof(part));
	for (unsigned i = 0; i < 20; i++)
		maillog_bytes(m, part, sizeof(part));
	maillog_bytes(m, next, strlen(next));
	EXPECT(!strcmp(told, "connect 192.0.2.7"), "%s", told);
	EXPECT(maillog_span(m).lines == 2, "%llu lines", (unsigned long long)maillog_span(m).lines);
	maillog_close(m);
	maillog_close(NULL);
}
