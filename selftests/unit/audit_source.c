/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose address the server sees: by its answer to EHLO, and by its log. */
#include "audit_local_rig.h"

#define TOKEN "q7x@mx.example.org"

struct source_row {
	const char *sentence, *said;
	const char *local;    /* our end; NULL: 198.51.100.9 */
	const char *ehlo;     /* the answer */
	const char *log;      /* what came since; NULL: --local was not asked for */
	const char *networks; /* that the server relays for */
	const char *other;    /* our end of a visit to another address of this run */
};

static struct seen_local *local_with(const struct source_row *row)
{
	char text[512];
	struct row pieces = {.piece = {{LOCAL_POSTCONF, text}}};
	struct seen_local *local;

	snprintf(text, sizeof(text), "mynetworks = %s\n", row->networks ? row->networks : "");
	local = local_of(&pieces);
	local->log_count = 1;
	local->log[0] = (struct local_log){
		.fd = -1, .after = strdup(row->log), .after_size = strlen(row->log)};
	return local;
}

TEST(the_source_is_seen_or_hidden)
{
	static const struct source_row rows[] = {
		{"Exim names us", "source pass", NULL,
		 "250-mx.example.org Hello probe.example.net [198.51.100.9]\n250 HELP", NULL, NULL,
		 NULL},
		{"OpenSMTPD names us in IPv6", "source pass", "2001:db8:a0d1::7",
		 "250-mx.example.org Hello probe.example.net [IPv6:2001:db8:a0d1::7], pleased to "
		 "meet "
		 "you\n250 HELP",
		 NULL, NULL, NULL},
		{"Sendmail repeats our literal first", "source pass", NULL,
		 "250-mx.example.org Hello [192.0.2.200] [198.51.100.9], pleased to meet you\n250 "
		 "HELP",
		 NULL, NULL, NULL},
		{"Exim names the bridge", "source fail high", NULL,
		 "250-mx.example.org Hello probe.example.net [172.17.0.1]\n250 HELP", NULL, NULL,
		 NULL},
		{"for which it relays", "source fail critical", NULL,
		 "250-mx.example.org Hello probe.example.net [172.17.0.1]\n250 HELP", "",
		 "172.16.0.0/12", NULL},
		{"it is our own address that is translated", "source inconclusive", "192.168.1.7",
		 "250-mx.example.org Hello probe.example.net [203.0.113.5]\n250 HELP", NULL, NULL,
		 NULL},
		{"Postfix names nobody", "source skipped", NULL, "250-mx.example.org\n250 SIZE",
		 NULL, NULL, NULL},
		{"but its log does", "source.log pass", NULL, "250-mx.example.org\n250 SIZE",
		 "NOQUEUE: reject: RCPT from unknown[198.51.100.9]: 550 <" TOKEN ">\n", NULL, NULL},
		{"and names another", "source.log fail high", NULL, "250-mx.example.org\n250 SIZE",
		 "NOQUEUE: reject: RCPT from unknown[172.17.0.1]: 550 <" TOKEN ">\n", NULL, NULL},
		{"an open relay", "source.log fail critical", NULL, "250-mx.example.org\n250 SIZE",
		 "NOQUEUE: reject: RCPT from unknown[172.17.0.1]: 550 <" TOKEN ">\n",
		 "172.16.0.0/12", NULL},
		{"the same token was asked for at another address too", "source.log pass", NULL,
		 "250-mx.example.org\n250 SIZE",
		 "RCPT from x[203.0.113.8]: <" TOKEN ">\nRCPT from unknown[198.51.100.9]: <" TOKEN
		 ">\n",
		 NULL, "203.0.113.8"},
		{"and only there", "source inconclusive", NULL, "250-mx.example.org\n250 SIZE",
		 "RCPT from x[203.0.113.8]: <" TOKEN ">\n", NULL, "203.0.113.8"},
		{"and here by way of a bridge", "source.log fail high", NULL,
		 "250-mx.example.org\n250 SIZE",
		 "RCPT from x[203.0.113.8]: <" TOKEN ">\nRCPT from y[172.17.0.1]: <" TOKEN ">\n",
		 NULL, "203.0.113.8"},
		{"a log in which somebody else stands as often as we came",
		 "source.log fail critical", NULL, "250-mx.example.org\n250 SIZE",
		 "smtpd[1]: connect from a[172.17.0.1]\nsmtpd[1]: disconnect from a[172.17.0.1]\n"
		 "smtpd[1]: connect from b[192.0.2.77]\nsmtpd[2]: connect from a[172.17.0.1]\n"
		 "smtpd[2]: connect from a[172.17.0.1]\n",
		 "172.16.0.0/12", NULL},
		{"nobody else came as often", "source inconclusive", NULL,
		 "250-mx.example.org\n250 SIZE",
		 "smtpd[1]: connect from a[172.17.0.1]\nsmtpd[1]: disconnect from a[172.17.0.1]\n"
		 "smtpd[2]: connect from a[172.17.0.1]\nsmtpd[2]: disconnect from a[172.17.0.1]\n",
		 "172.16.0.0/12", NULL},
		{"we stand there ourselves", "source.log pass", NULL,
		 "250-mx.example.org\n250 SIZE",
		 "smtpd[1]: connect from a[172.17.0.1]\nsmtpd[2]: connect from a[172.17.0.1]\n"
		 "smtpd[2]: connect from a[172.17.0.1]\nsmtpd[1]: connect from x[198.51.100.9]\n",
		 "172.16.0.0/12", NULL},
		{"the log knows nothing of us", "source inconclusive", NULL,
		 "250-mx.example.org\n250 SIZE", "daemon started\n", NULL, NULL},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct seen_local *local = rows[i].log ? local_with(&rows[i]) : NULL;
		struct visit_log other = {.has_local = true};
		struct seen_address two[2];
		struct visit_log *v;
		char said[SAID_MAX];
		struct rig r;

		rig_open(&r);
		v = rig_visit(&r, PURPOSE_RECIPIENTS, PROTOCOL_SMTP, 25);
		if (rows[i].local)
			addr_parse(rows[i].local, &v->local, NULL);
		rig_say(v, WHAT_EHLO, 0, "EHLO probe.example.net", rows[i].ehlo);
		rig_say(v, WHAT_RCPT_UNKNOWN, 0, "RCPT TO:<" TOKEN ">", "550 5.1.1 no");
		for (unsigned n = 0; n < 3; n++)
			rig_say(rig_visit(&r, PURPOSE_HELLO, PROTOCOL_SMTP, 25), WHAT_GREETING, 0,
				NULL, "220 mx.example.org ESMTP");
		r.seen.local = local;
		r.seen.host = &r.host;
		r.seen.host_count = 1;
		two[0] = r.address;
		two[1] = (struct seen_address){.visits = &other};
		r.host.address = two;
		if (rows[i].other) {
			addr_parse(rows[i].other, &other.local, NULL);
			r.host.address_count = 2;
		}
		rig_check(&r, "source");
		rig_said(&r, said, sizeof(said));
		EXPECT(strcmp(said, rows[i].said) == 0, "%s: %s", rows[i].sentence, said);
		seen_local_free(local);
		rig_close(&r);
	}
}
