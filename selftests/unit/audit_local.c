/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host's own tools and files say, from real outputs of theirs (Postfix 3.7, Exim 4.96, Dovecot 2.3, OpenSMTPD 6.8, apt 2.6), and
 * what the checks make of it.
 */
#include "audit_local_rig.h"

static const char postconf_stock[] =
	"mailbox_command = \nmailbox_size_limit = 51200000\nmailbox_transport = \n"
	"mydestination = mx.example.net, localhost\n"
	"mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\npostscreen_dnsbl_sites = \n"
	"smtpd_recipient_restrictions = \n"
	"smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated "
	"defer_unauth_destination\nsmtpd_milters = \nvirtual_transport = virtual\n";

static const char exim_config[] =
	"# Exim Configuration (4.96)\n# 1 \"/etc/exim4/exim.conf\"\nprimary_hostname = "
	"mx.example.org\n"
	"domainlist local_domains = example.org\ndomainlist relay_to_domains =\n"
	"hostlist relay_from_hosts = <; 127.0.0.1 ; ::1 ; 172.16.0.0/12\n"
	"acl_smtp_rcpt = acl_check_rcpt\n\nbegin acl\n\n  acl_check_rcpt:\n    accept hosts = :\n"
	"    deny dnslists = zen.spamhaus.org=127.0.0.2,127.0.0.4 : "
	"bl.spamcop.net/$sender_address_domain\n"
	"    message = listed\n    warn dnslists = dbl.spamhaus.org/$sender_address_domain\n"
	"    accept hosts = +relay_from_hosts\n";

static const char doveconf_plain[] =
	"# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\n"
	"mail_location = mbox:~/mail:INBOX=/var/mail/%u\nnamespace inbox {\n  inbox = yes\n"
	"  mailbox \"Sent Messages\" {\n    special_use = \\Sent\n  }\n  prefix = \n}\n"
	"protocols = \" imap pop3\"\n";

static const char doveconf_quota[] =
	"mail_plugins = quota\nplugin {\n  quota = maildir:User quota\n"
	"  quota_rule = *:storage=1G\n}\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n";

TEST(relaying_by_address_is_judged_by_its_breadth)
{
	static const struct row rows[] = {
		{"stock Postfix",
		 "relay",
		 "relay.networks pass",
		 {{LOCAL_POSTCONF, postconf_stock}}},
		{"the world", "relay", "relay.networks fail critical", NETWORKS("0.0.0.0/0")},
		{"in IPv6", "relay", "relay.networks fail critical",
		 NETWORKS("127.0.0.0/8, [::]/0")},
		{"all private addresses", "relay", "relay.networks fail medium",
		 NETWORKS("127.0.0.0/8 10.0.0.0/8")},
		{"those that containers have", "relay", "relay.networks fail medium",
		 NETWORKS("172.16.0.0/12")},
		{"a /16 of them is a whole range too", "relay", "relay.networks fail medium",
		 NETWORKS("192.168.0.0/16")},
		{"one network of the site", "relay", "relay.networks pass",
		 NETWORKS("192.168.7.0/24")},
		{"all unique local addresses", "relay", "relay.networks fail medium",
		 NETWORKS("[fc00::]/7")},
		{"a site of them", "relay", "relay.networks pass",
		 NETWORKS("[fd12:3456:789a::]/48")},
		{"every link", "relay", "relay.networks fail medium", NETWORKS("[fe80::]/10")},
		{"more public addresses than a site has", "relay", "relay.networks fail high",
		 NETWORKS("203.0.112.0/20")},
		{"a public network of one site", "relay", "relay.networks pass",
		 NETWORKS("203.0.113.0/24")},
		{"half of the world, twice", "relay",
		 "relay.networks fail critical, relay.networks fail critical",
		 NETWORKS("0.0.0.0/1 128.0.0.0/1")},
		{"an exception is none", "relay", "relay.networks pass", NETWORKS("!10.0.0.0/8")},
		{"a table is elsewhere", "relay",
		 "relay.networks inconclusive, relay.networks pass",
		 NETWORKS("127.0.0.0/8 cidr:/etc/postfix/nets")},
		{"a service that master.cf sets otherwise",
		 "relay",
		 "relay.networks fail critical",
		 {{LOCAL_POSTCONF, postconf_stock},
		  {LOCAL_POSTCONF_SERVICES, "submission/inet/mynetworks = 0.0.0.0/0\n"}}},
		{"no restriction of recipients",
		 "relay",
		 "relay.restrictions fail critical",
		 {{LOCAL_POSTCONF, "mynetworks = 127.0.0.0/8\nsmtpd_recipient_restrictions = "
				   "permit_mynetworks, reject_unknown_recipient_domain\n"
				   "smtpd_relay_restrictions = \n"}}},
		{"in the older list",
		 "relay",
		 "relay.networks pass",
		 {{LOCAL_POSTCONF, "mynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = \n"
				   "smtpd_recipient_restrictions = permit_mynetworks,reject\n"}}},
		{"Exim with the addresses of containers",
		 "relay",
		 "relay.networks fail medium",
		 {{LOCAL_EXIM_CONFIG, exim_config}}},
		{"Exim's other way to write IPv6",
		 "relay",
		 "relay.networks pass",
		 {{LOCAL_EXIM_CONFIG, "hostlist relay_from_hosts = 127.0.0.1 : ::::1\n"}}},
		{"Exim for everybody",
		 "relay",
		 "relay.networks fail critical, relay.networks fail critical",
		 {{LOCAL_EXIM_CONFIG, "hostlist relay_from_hosts = *\n"}}},
		{"OpenSMTPD as it comes",
		 "relay",
		 "relay.networks pass",
		 {{LOCAL_SMTPD_CONF,
		   "table aliases file:/etc/aliases\nlisten on localhost\n"
		   "action \"local\" maildir alias <aliases>\naction \"relay\" relay\n"
		   "match for local action \"local\"\nmatch from local for any action "
		   "\"relay\"\n"}}},
		{"OpenSMTPD for everybody",
		 "relay",
		 "relay.networks fail critical, relay.networks fail critical",
		 {{LOCAL_SMTPD_CONF, "match from any for any action \"relay\"\n"}}},
		{"OpenSMTPD for everybody with a password",
		 "relay",
		 "relay.networks pass",
		 {{LOCAL_SMTPD_CONF, "match auth from any for any action \"relay\"\n"}}},
		{"OpenSMTPD for a table",
		 "relay",
		 "relay.networks fail medium",
		 {{LOCAL_SMTPD_CONF, "table nets { 192.168.7.0/24, # ours\n 10.0.0.0/8 }\n"
				     "match from src <nets> for any \\\n action \"relay\"\n"}}},
		{"OpenSMTPD for a list",
		 "relay",
		 "relay.networks fail medium",
		 {{LOCAL_SMTPD_CONF,
		   "match from src { 192.168.7.0/24 10.0.0.0/8 } for any action \"relay\"\n"}}},
		{"what could not be read decides nothing",
		 "relay",
		 "relay.networks inconclusive",
		 {{LOCAL_POSTCONF, unreadable}}},
		{"nothing is installed",
		 "relay",
		 "relay.networks not applicable",
		 {{LOCAL_POSTCONF, absent}, {LOCAL_SMTPD_CONF, absent}}},
	};

	rows_run(rows, RIG_COUNT(rows));
}

TEST(mailboxes_have_a_limit_or_not)
{
	static const struct row rows[] = {
		{"stock Postfix",
		 "mailbox-quota",
		 "mailbox-quota pass",
		 {{LOCAL_POSTCONF, postconf_stock}}},
		{"as Debian sets it up",
		 "mailbox-quota",
		 "mailbox-quota fail low",
		 {{LOCAL_POSTCONF, "mailbox_size_limit = 0\nmydestination = a\n"}}},
		{"virtual mailboxes have another",
		 "mailbox-quota",
		 "mailbox-quota fail low",
		 {{LOCAL_POSTCONF,
		   "mailbox_size_limit = 9\nvirtual_mailbox_limit = 0\nvirtual_transport = "
		   "virtual\n"
		   "virtual_mailbox_domains = example.org\nmydestination = localhost\n"}}},
		{"others deliver",
		 "mailbox-quota",
		 "mailbox-quota not applicable",
		 {{LOCAL_POSTCONF, "mailbox_size_limit = 0\nmydestination = a\n"
				   "mailbox_command = /usr/bin/procmail\n"}}},
		{"Dovecot as it comes",
		 "mailbox-quota",
		 "mailbox-quota fail low",
		 {{LOCAL_DOVECONF, doveconf_plain}, {LOCAL_POSTCONF, postconf_stock}}},
		{"Dovecot with quota",
		 "mailbox-quota",
		 "mailbox-quota pass",
		 {{LOCAL_DOVECONF, doveconf_quota}}},
		{"Exim's transport",
		 "mailbox-quota",
		 "mailbox-quota pass",
		 {{LOCAL_EXIM_CONFIG, exim_config},
		  {LOCAL_EXIM_TRANSPORTS, "mbox transport:\nquota = 200M\nquota_directory = \n"}}},
		{"Exim's transport without",
		 "mailbox-quota",
		 "mailbox-quota fail low",
		 {{LOCAL_EXIM_CONFIG, exim_config},
		  {LOCAL_EXIM_TRANSPORTS, "mbox transport:\nquota = \n"}}},
		{"Dovecot could not be read",
		 "mailbox-quota",
		 "mailbox-quota inconclusive",
		 {{LOCAL_DOVECONF, unreadable}}},
	};

	rows_run(rows, RIG_COUNT(rows));
}

TEST(people_are_counted)
{
	static const char passwd[] =
		"root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n"
		"postgres:x:110:118::/var/lib/postgresql:/bin/bash\n"
		"nobody:x:65534:65534::/nonexistent:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/"
		"bash\n"
		"vmail:x:1001:1001::/var/vmail:/usr/sbin/nologin\n";
	static const struct row rows[] = {
		{"an administrator by the group",
		 "users",
		 "users pass",
		 {{LOCAL_PASSWD, passwd}, {LOCAL_GROUP, "sudo:x:27:alice\n"}}},
		{"somebody else", "users", "users.interactive fail low", {{LOCAL_PASSWD, passwd}}},
		{"a second root",
		 "users",
		 "users.root fail high, users pass",
		 {{LOCAL_PASSWD, "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:\n"}}},
		{"too many administrators",
		 "users",
		 "users.administrators warn low, users pass",
		 {{LOCAL_PASSWD, "a:x:1001:1::/:/bin/sh\nb:x:1002:1::/:/bin/sh\n"
				 "c:x:1003:1::/:/bin/sh\nd:x:1004:1::/:/bin/sh\n"},
		  {LOCAL_GROUP, "wheel:*:10:a,b,c,d\n"}}},
		{"nobody could look", "users", "users inconclusive", {{LOCAL_PASSWD, unreadable}}},
		{"lines that are none",
		 "users",
		 "users pass",
		 {{LOCAL_PASSWD, "::\nx\n\n:::::::\n"}}},
	};

	rows_run(rows, RIG_COUNT(rows));
}

TEST(packages_of_mail_are_looked_at)
{
	static const struct row rows[] = {
		{"a library of TLS lags behind",
		 "patches",
		 "patches.packages fail medium",
		 {{LOCAL_APT,
		   "Listing...\nlibssl3/oldstable-security 3.0.22-1~deb12u2 amd64 "
		   "[upgradable from: 3.0.19-1~deb12u2]\n"
		   "zip/oldstable-security 3.0-13+deb12u1 amd64 [upgradable from: 3.0-13]\n"}}},
		{"only others do, and the lists are old",
		 "patches",
		 "patches.packages inconclusive",
		 {{LOCAL_APT,
		   "Listing...\nzip/x 3.0-13+deb12u1 amd64 [upgradable from: 3.0-13]\n"}}},
		{"there is no apt",
		 "patches",
		 "patches.packages inconclusive",
		 {{LOCAL_APT, absent}}},
	};

	rows_run(rows, RIG_COUNT(rows));
}

TEST(logs_go_elsewhere_or_stay)
{
	static const struct row rows[] = {
		{"they stay",
		 "logging",
		 "logging.remote fail low, logging.clock inconclusive",
		 {{LOCAL_RSYSLOG, "mail.* -/var/log/mail.log\n#*.* @@loghost\n"}}},
		{"by TCP",
		 "logging",
		 "logging.remote pass, logging.clock inconclusive",
		 {{LOCAL_RSYSLOG, "mail.*\t@@loghost.example.org:514\n"}}},
		{"by UDP",
		 "logging",
		 "logging.remote pass, logging.clock inconclusive",
		 {{LOCAL_RSYSLOG, "*.* @192.0.2.9\n"}}},
		{"by a module",
		 "logging",
		 "logging.remote pass, logging.clock inconclusive",
		 {{LOCAL_RSYSLOG, "action(\n  type=\"omfwd\" target=\"192.0.2.9\")\n"}}},
		{"syslog-ng",
		 "logging",
		 "logging.remote pass, logging.clock inconclusive",
		 {{LOCAL_SYSLOG_NG, "destination d_net { network(\"192.0.2.9\" port(514)); };\n"}}},
		{"nothing was found",
		 "logging",
		 "logging.remote inconclusive, logging.clock inconclusive",
		 {{LOCAL_RSYSLOG, absent}}},
	};

	rows_run(rows, RIG_COUNT(rows));
}

struct zones {
	char text[SAID_MAX];
};

static void zone_came(void *context, const char *zone, const char *where, bool is_names)
{
	struct zones *z = context;
	size_t used = strlen(z->text);

	snprintf(z->text + used, sizeof(z->text) - used, "%s%s%s (%s)", used ? "; " : "", zone,
		 is_names ? " names" : "", where);
}

TEST(lists_that_servers_ask_are_found)
{
	static const struct row rows[] = {
		{"Postfix",
		 NULL,
		 "zen.spamhaus.org (main.cf: postscreen_dnsbl_sites); bl.spamcop.net (main.cf: "
		 "postscreen_dnsbl_sites); dbl.spamhaus.org names (main.cf: "
		 "smtpd_recipient_restrictions)",
		 {{LOCAL_POSTCONF,
		   "postscreen_dnsbl_sites = zen.spamhaus.org*3 bl.spamcop.net*2 "
		   "list.dnswl.org=127.0.[0..255].[1..3]*-2\n"
		   "smtpd_recipient_restrictions = reject_unauth_destination, reject_rbl_client "
		   "zen.spamhaus.org=127.0.0.[2..11], reject_rhsbl_helo dbl.spamhaus.org\n"}}},
		{"Exim",
		 NULL,
		 "zen.spamhaus.org (exim: dnslists); bl.spamcop.net names (exim: dnslists); "
		 "dbl.spamhaus.org names (exim: dnslists)",
		 {{LOCAL_EXIM_CONFIG, exim_config}}},
		{"an escape code in a name",
		 NULL,
		 "a\\x1b[2Jb.c (main.cf: postscreen_dnsbl_sites)",
		 {{LOCAL_POSTCONF, "postscreen_dnsbl_sites = a\x1b[2Jb.c\n"}}},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct seen_local *local = local_of(&rows[i]);
		struct zones z = {{0}};

		seen_local_zones(local, zone_came, &z);
		EXPECT(strcmp(z.text, rows[i].said) == 0, "%s: %s", rows[i].sentence, z.text);
		seen_local_free(local);
	}
}

TEST(the_first_entry_that_fits_decides)
{
	static const struct row row = {
		.piece = NETWORKS("127.0.0.0/8 !172.17.0.5 172.16.0.0/12 [2001:db8:1::]/48")};
	static const struct {
		const char *address, *entry;
	} rows[] = {
		{"172.17.0.1", "mynetworks: 172.16.0.0/12"},
		{"172.17.0.5", NULL},
		{"203.0.113.9", NULL},
		{"2001:db8:1::9", "mynetworks: [2001:db8:1::]/48"},
		{"::1", NULL},
	};
	struct seen_local *local = local_of(&row);

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		char entry[LOCAL_ENTRY_MAX] = "";
		struct addr a;
		bool trusts;

		addr_parse(rows[i].address, &a, NULL);
		trusts = seen_local_trusts(local, &a, entry, sizeof(entry));
		EXPECT(trusts == (rows[i].entry != NULL) &&
			       (!trusts || strcmp(entry, rows[i].entry) == 0),
		       "%s: %s", rows[i].address, entry);
	}
	seen_local_free(local);
}
