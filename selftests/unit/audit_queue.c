/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue by sender, scanners, listeners and bridges: what the checks make of a host's state. */
#include "audit_local_rig.h"

#define HOURS_26 (26 * 3600)

/* ---- the queue ---- */

/* As postqueue -j prints it, many times. */
static char *queue_of(const char *sender, unsigned count)
{
	size_t room = (count + 1) * 512, used = 0;
	char *text = calloc(1, room);

	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(
			text + used, room - used,
			"{\"queue_name\": \"deferred\", \"queue_id\": \"4F0A%04X\", "
			"\"arrival_time\": 1690000000, \"message_size\": 350, \"forced_expire\": "
			"false, \"sender\": \"%s\", \"recipients\": [{\"address\": "
			"\"x%u@elsewhere.example\", \"delay_reason\": \"connection timed "
			"out\"}]}\n",
			i, sender, i);
	return text;
}

TEST(a_sender_who_fills_the_queue_is_named_and_traced)
{
	static const char log[] =
		"Nov 22 08:36:46 mx postfix/smtpd[6413]: 4F0A0000: client=unknown[203.0.113.9]\n"
		"Nov 22 08:36:46 mx postfix/cleanup[6414]: 4F0A0000: message-id=<x@y>\n";
	struct row row = {
		.piece = {{LOCAL_POSTQUEUE, queue_of("spam\\u001b[2J@bad.example", 150)}}};
	struct seen_local *local = local_of(&row);
	const struct finding *f;
	struct rig r;

	rig_open(&r);
	local->log_count = 1;
	local->log[0] =
		(struct local_log){.fd = -1, .before = strdup(log), .before_size = strlen(log)};
	local_check(&r, "queue", local);
	f = rig_found(&r, "queue");
	ENSURE(f && f->status == AUDIT_FAIL, "150 of one sender");
	EXPECT(strstr(f->text, "150 of 150") && strstr(f->text, "spam\\x1b[2J@bad.example"), "%s",
	       f->text);
	EXPECT(strcmp(f->enforce, "postern block 203.0.113.9 for 7d") == 0, "%s", f->enforce);
	/* Whoever bears a password is a user here. */
	free(local->log[0].before);
	local->log[0].before = strdup("x[1]: 4F0A0000: client=a[203.0.113.9], sasl_method=PLAIN, "
				      "sasl_username=alice\n");
	local->log[0].before_size = strlen(local->log[0].before);
	local_check(&r, "queue", local);
	f = rig_found(&r, "queue");
	EXPECT(f && !f->enforce[0] && f->evidence_count == 2 && strstr(f->evidence[1], "alice"),
	       "a user is not blocked");
	findings_free(&r.found);
	seen_local_free(local);
	free((char *)row.piece[0].text);
}

TEST(queues_are_read)
{
	char *bounces = queue_of("MAILER-DAEMON", 120), *few = queue_of("a@example.org", 3);
	const struct row rows[] = {
		{"few", "queue", "queue pass", {{LOCAL_POSTQUEUE, few}}},
		{"none", "queue", "queue pass", {{LOCAL_POSTQUEUE, ""}}},
		{"bounces", "queue", "queue.bounces warn medium", {{LOCAL_POSTQUEUE, bounces}}},
		{"no JSON",
		 "queue",
		 "queue pass",
		 {{LOCAL_POSTQUEUE, "{\"sender\": 5}\n[[[[\n\xff\n"}}},
		{"not read", "queue", "queue inconclusive", {{LOCAL_POSTQUEUE, unreadable}}},
		{"Exim's",
		 "queue",
		 "queue pass",
		 {{LOCAL_POSTQUEUE, absent},
		  {LOCAL_EXIM_QUEUE, " 0m   225 1xV33z-0001Qn-1Q <evil@bad.example>\n          "
				     "bob@example.org\n\n 3d  2.9K 1xV33z-0001R8-1U <> *** frozen "
				     "***\n          carl@x.example\n"}}},
		{"there is none",
		 "queue",
		 "queue not applicable",
		 {{LOCAL_POSTQUEUE, absent}, {LOCAL_EXIM_QUEUE, absent}}},
	};
	struct seen_local *local;

	rows_run(rows, RIG_COUNT(rows));
	local = local_of(&rows[5]);
	EXPECT(local->queued == 2 && local->sender_count == 2, "two messages of Exim");
	EXPECT(strcmp(local->sender[0].queue_id, "1xV33z-0001Qn-1Q") == 0 ||
		       strcmp(local->sender[1].queue_id, "1xV33z-0001Qn-1Q") == 0,
	       "with their numbers");
	seen_local_free(local);
	free(bounces);
	free(few);
}

/* ---- processes, ages, listeners ---- */

struct state_row {
	const char *sentence, *check, *said, *process, *filter;
	int64_t clamav_age_s, spamassassin_age_s;
};

TEST(scanners_run_and_are_fresh)
{
	static const struct state_row rows[] = {
		{"a fresh ClamAV", "antivirus", "antivirus pass", "clamd", "", HOURS_26, 0},
		{"an old one", "antivirus", "antivirus fail medium", "clamd", "", 9 * 86400, 0},
		{"one without signatures that could be found", "antivirus",
		 "antivirus inconclusive", "clamd", "", 0, 0},
		{"none", "antivirus", "antivirus fail medium", "master", "", HOURS_26, 0},
		{"one elsewhere, perhaps", "antivirus", "antivirus inconclusive", "master",
		 "inet:192.0.2.9:7357", 0, 0},
		{"amavis, as its process calls itself", "antivirus", "antivirus pass",
		 "/usr/sbin/amavi", "", HOURS_26, 0},
		{"rspamd", "antispam", "antispam pass", "rspamd", "", 0, 0},
		{"SpamAssassin", "antispam", "antispam pass", "spamd", "", 0, HOURS_26},
		{"with rules of last year", "antispam", "antispam fail medium", "spamd", "", 0,
		 300 * 86400},
		{"none", "antispam", "antispam fail medium", "master", "", 0, 0},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct seen_local *local = calloc(1, sizeof(*local));
		char said[SAID_MAX];
		struct rig r;

		rig_open(&r);
		local->at_s = 1800000000;
		local->process = calloc(1, sizeof(*local->process));
		snprintf(local->process[0], LOCAL_COMM_MAX, "%s", rows[i].process);
		local->process_count = 1;
		local_setting_add(local, SERVER_POSTFIX, "smtpd_milters", rows[i].filter);
		if (rows[i].clamav_age_s)
			local->age.clamav_s = local->at_s - rows[i].clamav_age_s;
		if (rows[i].spamassassin_age_s)
			local->age.spamassassin_s = local->at_s - rows[i].spamassassin_age_s;
		local_check(&r, rows[i].check, local);
		rig_said(&r, said, sizeof(said));
		EXPECT(strcmp(said, rows[i].said) == 0, "%s: %s", rows[i].sentence, said);
		findings_free(&r.found);
		seen_local_free(local);
	}
}

TEST(listeners_are_held_against_what_mail_needs)
{
	static const struct {
		const char *sentence, *said;
		struct {
			const char *addr;
			int port; /* UDP's are negative */
		} at[3];
	} rows[] = {
		{"mail and SSH",
		 "ports.listeners pass",
		 {{"0.0.0.0", 25}, {"::", 993}, {"::", 22}}},
		{"a database for itself",
		 "ports.listeners pass",
		 {{"127.0.0.1", 5432}, {"::1", 5432}}},
		{"a database for all",
		 "ports.listeners fail medium",
		 {{"0.0.0.0", 5432}, {"::", 5432}}},
		{"a web server", "ports.listeners warn low", {{"::", 80}}},
		{"something", "ports.listeners warn low", {{"192.0.2.1", 9999}}},
		{"a client's UDP port", "ports.listeners pass", {{"0.0.0.0", -43210}}},
		{"a name server",
		 "ports.listeners warn low, ports.listeners warn low",
		 {{"0.0.0.0", -53}, {"0.0.0.0", 53}}},
		{"its own resolver", "ports.listeners pass", {{"127.0.0.53", -53}}},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct seen_local *local = calloc(1, sizeof(*local));
		char said[SAID_MAX];
		struct rig r;

		rig_open(&r);
		local->listener = calloc(3, sizeof(*local->listener));
		for (unsigned j = 0; j < 3 && rows[i].at[j].addr; j++) {
			struct local_listener *one = &local->listener[local->listener_count++];

			addr_parse(rows[i].at[j].addr, &one->addr, NULL);
			one->port = (uint16_t)abs(rows[i].at[j].port);
			one->udp = rows[i].at[j].port < 0;
		}
		local_check(&r, "ports", local);
		rig_said(&r, said, sizeof(said));
		EXPECT(strcmp(said, rows[i].said) == 0, "%s: %s", rows[i].sentence, said);
		findings_free(&r.found);
		seen_local_free(local);
	}
}

TEST(a_bridge_of_containers_inside_mynetworks_is_told)
{
	static const struct row row = {.piece = NETWORKS("172.17.0.0/24")};
	struct seen_local *local = local_of(&row);
	char said[SAID_MAX];
	struct rig r;

	rig_open(&r);
	local_check(&r, "relay", local);
	EXPECT(strcmp(rig_said(&r, said, sizeof(said)), "relay.networks pass") == 0, "%s", said);
	local->network = calloc(1, sizeof(*local->network));
	local->network_count = 1;
	addr_parse("172.17.0.1", &local->network[0].addr, NULL);
	local->network[0].network = prefix_of(&local->network[0].addr, ADDR_V4_LEAD_BITS + 16);
	local->network[0].is_bridge = true;
	snprintf(local->network[0].link, sizeof(local->network[0].link), "docker0");
	local_check(&r, "relay", local);
	EXPECT(strcmp(rig_said(&r, said, sizeof(said)), "relay.networks warn medium") == 0, "%s",
	       said);
	findings_free(&r.found);
	seen_local_free(local);
}
