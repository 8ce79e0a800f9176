/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evidence: an abuse report about one source. What was judged and done comes from the store, what holds now from the kernel, the
 * contact from the DNS. The kernel counts packets by reason for all sources together, so the report does not pretend to have counted
 * those of one: it counts entries of the journal, each with its time.
 */
#include "cli/evidence.h"

#include <errno.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/when.h"
#include "cli/show.h"
#include "cli/story.h"
#include "kern/feeds.h"

#define ENTRIES_MAX                                                                                \
	10000 /* of the journal that are read; its 30 days have seldom ten of one source */
#define JOURNAL_ROWS 20	 /* that are shown: the latest, for a reader who greps his own logs */
#define HOST_MAX     256 /* RFC 1035, 2.3.4, and the final 0 */

struct gathering {
	struct cli *cli;
	struct addr addr;
	json_t *report;
	unsigned entries;
	bool is_known;
};

/* ---- the journal ---- */

static void first_set(json_t *row, const char *key, int64_t wall_s, bool earlier)
{
	const char *text = json_string_value(json_object_get(row, key));
	int64_t now = 0;

	if (!text || when_parse(text, &now) || (earlier ? wall_s < now : wall_s > now))
		json_object_set_new(row, key, json_time_wall(wall_s));
}

/* The period reaches to this time too. */
static void period_reach(json_t *report, int64_t wall_s)
{
	first_set(report, "first", wall_s, true);
	first_set(report, "last", wall_s, false);
}

static json_t *count_row(json_t *counts, const char *what)
{
	json_t *row;
	size_t i;

	json_array_foreach(counts, i,
			   row) if (strcmp(json_string_value(json_object_get(row, "what")), what) ==
				    0) return row;
	row = json_pack("{s:s, s:i, s:n, s:n}", "what", what, "count", 0, "first", "last");
	json_array_append_new(counts, row);
	return row;
}

void evidence_count(json_t *report, const struct store_entry *entry)
{
	json_t *shown = show_entry(entry), *journal = json_object_get(report, "journal");
	json_t *row = count_row(json_object_get(report, "counts"),
				json_string_value(json_object_get(shown, "what")));

	json_object_set_new(row, "count",
			    json_integer(json_integer_value(json_object_get(row, "count")) + 1));
	period_reach(row, entry->wall_s);
	period_reach(report, entry->wall_s);
	if (json_array_size(journal) < JOURNAL_ROWS)
		json_array_append(journal, shown);
	json_decref(shown);
}

static int entry_take(void *context, const struct store_entry *entry)
{
	struct gathering *g = context;

	evidence_count(g->report, entry);
	g->entries++;
	g->is_known = true;
	return 0;
}

/* ---- verdict and rule ---- */

static void verdict_take(struct gathering *g, struct store *store)
{
	struct story story;
	const char *decided;
	int64_t wall_s;

	story_read(g->cli, store, &g->addr, &story);
	decided = json_string_value(json_object_get(story.dnsbl, "decided"));
	if (decided && when_parse(decided, &wall_s) == 0)
		period_reach(g->report, wall_s);
	g->is_known = g->is_known || json_is_object(story.dnsbl) || json_is_object(story.ban) ||
		      json_is_object(story.delivered);
	json_object_set(g->report, "dnsbl", story.dnsbl);
	json_object_set(g->report, "ban", story.ban);
	json_object_set(g->report, "delivered", story.delivered);
	story_free(&story);
}

static int rule_take(struct gathering *g, struct store *store, struct err *e)
{
	uint8_t least = addr_is_v4(&g->addr) ? ADDR_V4_LEAD_BITS : 0;
	char text[PREFIX_TEXT_MAX];
	struct store_rule rule;
	int rc = -ENOENT;

	/* The longest is the one that the kernel obeys. */
	for (unsigned bits = ADDR_BITS + 1U; rc == -ENOENT && bits-- > least;) {
		struct prefix p = prefix_of(&g->addr, (uint8_t)bits);

		rc = store_get_rule(store, STORE_BLOCK, &p, &rule, e);
	}
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	g->is_known = true;
	period_reach(g->report, rule.created_wall_s);
	/* Its `because` is for the operator alone. */
	json_object_set_new(g->report, "rule",
			    json_pack("{s:s, s:s, s:o, s:o}", "prefix",
				      prefix_format(&rule.prefix, text), "action",
				      store_action_name(rule.action), "created",
				      json_time_wall(rule.created_wall_s), "expires",
				      json_time_boot(rule.expires_boot_ns)));
	return 0;
}

static int store_take(struct gathering *g, struct err *e)
{
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	CLI_STORE store = NULL;
	int rc = store_open(&store, ruling_state_dir(&g->cli->conf, dir, sizeof(dir)), STORE_READ,
			    e);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = store_each_entry(store, &g->addr, ENTRIES_MAX, entry_take, g, e);
	if (rc == 0)
		rc = rule_take(g, store, e);
	if (rc == 0)
		verdict_take(g, store);
	json_object_set_new(g->report, "counts_cut", json_boolean(g->entries == ENTRIES_MAX));
	return rc;
}

/* ---- the kernel ---- */

static bool is_against(enum pn_reason reason)
{
	return reason == PN_REASON_LISTED || reason == PN_REASON_RULE ||
	       reason == PN_REASON_BLOCK || reason == PN_REASON_FEED || reason == PN_REASON_BANNED;
}

static int gate_read(struct gathering *g, struct gate *gate, struct err *e)
{
	const struct pn_conf *knobs = gate_conf(gate);
	uint32_t open = open_get(gate, &g->addr);
	uint16_t port = why_port(gate);
	struct rate_entry rate;
	struct pn_why why;
	char name[PN_FEED_NAME_MAX];
	const char *feed = NULL;
	int rc = why_ask(gate, &g->addr, port, &why, e);

	if (rc == 0)
		rc = rates_get(gate, &g->addr, false, &rate, e);
	if (rc)
		return rc;
	if (open || rate.used || why.answers || is_against(why.reason))
		g->is_known = true;
	if (why.reason == PN_REASON_FEED)
		feed = feeds_get_name(gate, why.feed, name);
	json_object_set_new(g->report, "gate",
			    json_pack("{s:s, s:s, s:o, s:s, s:i, s:I, s:I, s:I, s:I}", "action",
				      action_name(why.action), "reason", reason_name(why.reason),
				      "feed", json_text_or_null(feed ? feed : ""), "mode",
				      knobs->enforce_until > now_boot_ns() ? "enforce" : "monitor",
				      "port", (int)port, "open", (json_int_t)open, "used",
				      (json_int_t)rate.used, "limit", (json_int_t)rate.limit,
				      "answers", (json_int_t)why.answers));
	return 0;
}

/* Without a gate the store alone is told of. */
static void gate_take(struct gathering *g)
{
	struct err e = {0};
	CLI_GATE gate = NULL;
	int rc = gate_open(&gate, g->cli->conf.instance, &e);

	if (rc == 0)
		rc = gate_read(g, gate, &e);
	if (rc && rc != -ENOENT)
		cli_warn(g->cli, "%s", e.text);
}

/* ---- who reports ---- */

/* adjtimex(2): whether something has disciplined the clock. Whoever compares logs must know. */
static const char *clock_describe(void)
{
	struct timex t = {0};
	int state = adjtimex(&t);

	if (state < 0)
		return "unknown";
	return state == TIME_ERROR || t.status & STA_UNSYNC ? "not synchronised" : "synchronised";
}

static json_t *report_new(const struct gathering *g)
{
	const char *name = g->cli->conf.responder.name;
	char addr[ADDR_TEXT_MAX], host[HOST_MAX] = "", shown[HOST_MAX];

	if (!*name && gethostname(host, sizeof(host) - 1) == 0)
		name = host;
	text_escape(name, strlen(name), shown, sizeof(shown));
	return json_pack("{s:s, s:s, s:o, s:s, s:n, s:n, s:[], s:b, s:n, s:n, s:n, s:n, s:n, s:[], "
			 "s:n, s:n, s:[]}",
			 "addr", addr_format(&g->addr, addr), "reporter", shown, "time",
			 json_time_wall(now_wall_s()), "clock", clock_describe(), "first", "last",
			 "counts", "counts_cut", 0, "dnsbl", "ban", "delivered", "rule", "gate",
			 "contacts", "contact_zone", "contact_why", "journal");
}

int verb_evidence(struct cli *cli, const struct sentence *s)
{
	struct gathering g = {.cli = cli};
	struct err e = {0};
	char addr[ADDR_TEXT_MAX];
	int status = CLI_DONE;

	if (addr_parse(s->word[0], &g.addr, &e))
		return cli_fail(cli, CLI_MISUSED, "evidence: %s", e.text);
	g.report = report_new(&g);
	if (!g.report)
		return cli_fail(cli, CLI_FAILED, "no memory for the report");
	if (store_take(&g, &e)) {
		status = cli_fail_err(cli, CLI_FAILED, &e);
		goto out;
	}
	gate_take(&g);
	if (!g.is_known) {
		status = cli_fail(cli, CLI_NO_ENTRY, "nothing is known of %s",
				  addr_format(&g.addr, addr));
		goto out;
	}
	if (sentence_get(s, "no"))
		evidence_ask_nobody(g.report, "it was not looked for");
	else
		evidence_ask(cli, &g.addr, g.report);
	if (cli->json)
		status = json_line(stdout, json_incref(g.report)) ? CLI_FAILED : CLI_DONE;
	else
		evidence_print(stdout, g.report);
out:
	json_decref(g.report);
	return status;
}
