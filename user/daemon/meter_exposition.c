/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Measures as Prometheus reads them: see meter_exposition.h. One table of families, each with a function that puts its samples; the text and the
 * rows are two ways of taking what is put. A family whose value is not known has no sample: 0 would be a lie that alerts believe.
 */
#include "daemon/meter_exposition.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/version.h"
#include "base/when.h"

#define LABELS_MAX	 2
#define LABEL_MAX	 (2 * MEASURE_NAME_MAX) /* each byte may need a backslash */
#define WHOLE_MOST	 9007199254740992.0 /* 2^53: up to here a double holds every whole number */
#define VERSION_TEXT_MAX 16

struct label {
	const char *name, *value;
};

struct family;

/* Where samples go. */
struct sink {
	const struct family *family;
	FILE *out; /* text; NULL: rows */
	int (*fn)(void *c, json_t *row);
	void *c;
	int ret; /* of the first that failed */
};

struct family {
	const char *name, *type, *help;
	void (*put)(const struct measure *m, struct sink *s);
};

/* ---- samples ---- */

/* Within quotes a backslash, a quote and a line feed are escaped (exposition formats, "Text format details"). */
static const char *label_escape(const char *text, char buffer[static LABEL_MAX])
{
	size_t at = 0;

	for (; *text && at + 2 < LABEL_MAX; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			buffer[at++] = '\\';
		buffer[at++] = *text == '\n' ? 'n' : *text;
	}
	buffer[at] = '\0';
	return buffer;
}

static bool is_whole(double value)
{
	return value >= 0 && value <= WHOLE_MOST && (double)(uint64_t)value == value;
}

static void value_write(FILE *out, double value)
{
	if (is_whole(value))
		fprintf(out, " %" PRIu64 "\n", (uint64_t)value);
	else
		fprintf(out, " %.9g\n", value);
}

static void sample_write(struct sink *s, const struct label *labels, double value)
{
	char text[LABEL_MAX];

	fputs(s->family->name, s->out);
	for (unsigned i = 0; i < LABELS_MAX && labels[i].name; i++)
		fprintf(s->out, "%c%s=\"%s\"", i ? ',' : '{', labels[i].name,
			label_escape(labels[i].value, text));
	if (labels[0].name)
		fputc('}', s->out);
	value_write(s->out, value);
}

static int sample_row(struct sink *s, const struct label *labels, double value)
{
	json_t *row = json_object(), *set = json_object();

	for (unsigned i = 0; i < LABELS_MAX && labels[i].name; i++)
		json_object_set_new(set, labels[i].name, json_string(labels[i].value));
	json_object_set_new(row, "metric", json_string(s->family->name));
	json_object_set_new(row, "type", json_string(s->family->type));
	json_object_set_new(row, "labels", set);
	json_object_set_new(row, "value",
			    is_whole(value) ? json_integer((json_int_t)value) : json_real(value));
	return row ? s->fn(s->c, row) : -ENOMEM;
}

static void put_labelled(struct sink *s, double value, struct label first, struct label second)
{
	const struct label labels[LABELS_MAX] = {first, second};

	if (s->ret)
		return;
	if (s->out)
		sample_write(s, labels, value);
	else
		s->ret = sample_row(s, labels, value);
}

#define NO_LABEL ((struct label){NULL, NULL})

static void put(struct sink *s, double value)
{
	put_labelled(s, value, NO_LABEL, NO_LABEL);
}

static void put_one(struct sink *s, double value, const char *name, const char *label)
{
	put_labelled(s, value, (struct label){name, label}, NO_LABEL);
}

/* ---- families: the gate ---- */

static void put_build(const struct measure *m, struct sink *s)
{
	char abi[VERSION_TEXT_MAX];

	(void)m;
	snprintf(abi, sizeof(abi), "%d", PN_ABI_VERSION);
	put_labelled(s, 1, (struct label){"version", POSTERN_VERSION}, (struct label){"abi", abi});
}

static void put_loaded(const struct measure *m, struct sink *s)
{
	put(s, m->loaded);
}

static void put_interfaces(const struct measure *m, struct sink *s)
{
	for (unsigned i = 0; i < m->link_count; i++)
		put_labelled(s, m->link[i].present, (struct label){"interface", m->link[i].name},
			     (struct label){"mode", m->link[i].native ? "native" : "generic"});
}

static bool is_enforcing(const struct measure *m)
{
	return m->enforce_until > m->now_boot_ns;
}

static void put_enforcing(const struct measure *m, struct sink *s)
{
	if (m->loaded)
		put(s, is_enforcing(m));
}

static void put_enforcing_until(const struct measure *m, struct sink *s)
{
	if (m->loaded && is_enforcing(m) && m->enforce_until != PN_FOREVER)
		put(s, (double)when_of_boot(m->enforce_until));
}

static void put_counter(const struct measure *m, struct sink *s, size_t offset)
{
	for (unsigned i = 0; i < m->counter_count; i++) {
		const struct counter *k = &m->counter[i];
		const uint64_t *value = (const uint64_t *)((const char *)&k->sum + offset);

		put_labelled(s, (double)*value, (struct label){"reason", k->name},
			     (struct label){"class", class_name_of(k->class_)});
	}
}

static void put_packets(const struct measure *m, struct sink *s)
{
	put_counter(m, s, offsetof(struct pn_tally, packets));
}

static void put_bytes(const struct measure *m, struct sink *s)
{
	put_counter(m, s, offsetof(struct pn_tally, bytes));
}

static void put_would(const struct measure *m, struct sink *s)
{
	put_counter(m, s, offsetof(struct pn_tally, would));
}

static void put_faults(const struct measure *m, struct sink *s)
{
	for (unsigned i = 0; i < m->fault_count; i++)
		put_one(s, (double)m->fault[i].count, "fault", m->fault[i].name);
}

static void put_open(const struct measure *m, struct sink *s)
{
	if (m->loaded)
		put(s, (double)m->open);
}

static void put_entries(const struct measure *m, struct sink *s)
{
	for (enum gate_table t = 0; t < GATE_TABLES; t++)
		if (m->counted[t])
			put_one(s, (double)m->entries[t], "table", tables_name(t));
}

static void put_limits(const struct measure *m, struct sink *s)
{
	for (enum gate_table t = 0; t < GATE_TABLES; t++)
		if (m->limit[t])
			put_one(s, (double)m->limit[t], "table", tables_name(t));
}

static void put_bans(const struct measure *m, struct sink *s)
{
	if (m->has_bans)
		put(s, (double)m->bans);
}

/* ---- families: the controller ---- */

static void put_controller(const struct measure *m, struct sink *s)
{
	put(s, m->controller && (!m->loaded || m->alive_until > m->now_boot_ns));
}

static void put_started(const struct measure *m, struct sink *s)
{
	if (m->has_told && m->started_wall_s)
		put(s, (double)m->started_wall_s);
}

static void put_reloads(const struct measure *m, struct sink *s)
{
	if (!m->loaded)
		return;
	put_one(s, m->reloads_done, "result", "done");
	put_one(s, m->reloads_failed, "result", "failed");
}

static void put_reload_good(const struct measure *m, struct sink *s)
{
	if (m->has_told)
		put(s, !m->reload_failed);
}

static void put_reloaded(const struct measure *m, struct sink *s)
{
	if (m->has_told && m->reloaded_wall_s)
		put(s, (double)m->reloaded_wall_s);
}

static void put_child_up(const struct measure *m, struct sink *s)
{
	for (unsigned i = 0; i < MEASURE_CHILDREN; i++)
		if (m->has_told && m->child[i].state != MEASURE_OFF)
			put_one(s, m->child[i].state == MEASURE_UP, "child", measure_child_name(i));
}

static void put_child_deaths(const struct measure *m, struct sink *s)
{
	for (unsigned i = 0; i < MEASURE_CHILDREN; i++)
		if (m->has_told && m->child[i].state != MEASURE_OFF)
			put_one(s, (double)m->child[i].deaths, "child", measure_child_name(i));
}

static bool has_responder(const struct measure *m)
{
	return m->has_told && m->child[MEASURE_RESPONDER].state != MEASURE_OFF;
}

static void put_responder_taken(const struct measure *m, struct sink *s)
{
	if (has_responder(m))
		put(s, (double)m->responder.accepted);
}

static void put_responder_refused(const struct measure *m, struct sink *s)
{
	if (has_responder(m))
		put(s, (double)m->responder.refused);
}

static void put_responder_turned(const struct measure *m, struct sink *s)
{
	if (has_responder(m))
		put(s, (double)m->responder.turned_away);
}

static void put_responder_open(const struct measure *m, struct sink *s)
{
	if (has_responder(m))
		put(s, (double)m->responder.open);
}

static void put_log_followed(const struct measure *m, struct sink *s)
{
	if (m->has_told && m->log_wanted)
		put(s, m->log_followed);
}

static void put_log_deliveries(const struct measure *m, struct sink *s)
{
	if (m->has_told && m->log_wanted)
		put(s, (double)m->log_deliveries);
}

/* ---- families: zones and feeds ---- */

#define EACH_ZONE(function, value)                                                                 \
	static void function(const struct measure *m, struct sink *s)                              \
	{                                                                                          \
		for (unsigned i = 0; i < m->zone_count; i++) {                                     \
			const struct measure_zone *z = &m->zone[i];                                \
                                                                                                   \
			put_one(s, (double)(value), "zone", z->name);                              \
		}                                                                                  \
	}
EACH_ZONE(put_zone_asked, z->asked)
EACH_ZONE(put_zone_listed, z->listed)
EACH_ZONE(put_zone_errors, z->errors)
EACH_ZONE(put_zone_over, z->over_budget)
EACH_ZONE(put_zone_latency, (double)z->latency_ms / MS_PER_S)

/* A state set, as OpenMetrics calls it: one of them is 1. */
static void put_zone_state(const struct measure *m, struct sink *s)
{
	for (unsigned i = 0; i < m->zone_count; i++)
		for (unsigned state = 0; state <= DNS_ZONE_UNREACHABLE; state++)
			put_labelled(s, m->zone[i].state == state,
				     (struct label){"zone", m->zone[i].name},
				     (struct label){"state", dns_zone_state_name(
								     (enum dns_zone_state)state)});
}

#define EACH_FEED(function, condition, value)                                                      \
	static void function(const struct measure *m, struct sink *s)                              \
	{                                                                                          \
		for (unsigned i = 0; i < m->feed_count; i++) {                                     \
			const struct measure_feed *f = &m->feed[i];                                \
                                                                                                   \
			if (condition)                                                             \
				put_one(s, (double)(value), "feed", f->name);                      \
		}                                                                                  \
	}
EACH_FEED(put_feed_entries, true, f->entries)
EACH_FEED(put_feed_hits, true, f->hits)
EACH_FEED(put_feed_loaded, f->loaded_wall_s, f->loaded_wall_s)
EACH_FEED(put_feed_held, true, f->held_back)

/* ---- all of them ---- */

static const struct family families[] = {
	{"postern_build_info", "gauge", "Version of the program and of its maps; always 1.",
	 put_build},
	{"postern_gate_loaded", "gauge", "Whether the gate is in the kernel.", put_loaded},
	{"postern_interface_guarded", "gauge",
	 "Whether an interface that the gate is attached to is there.", put_interfaces},
	{"postern_enforcing", "gauge", "1: what is judged is done; 0: it is only counted.",
	 put_enforcing},
	{"postern_enforcing_until_timestamp_seconds", "gauge",
	 "When enforcing ends by itself; absent when it does not.", put_enforcing_until},
	{"postern_packets_total", "counter", "Packets to policed ports, by what decided.",
	 put_packets},
	{"postern_bytes_total", "counter", "Bytes of these packets.", put_bytes},
	{"postern_would_packets_total", "counter",
	 "Packets that monitor mode let pass and enforce mode would not have.", put_would},
	{"postern_faults_total", "counter",
	 "What went wrong inside the kernel side; events that were lost among it.", put_faults},
	{"postern_open_connections", "gauge", "Open connections to policed ports.", put_open},
	{"postern_table_entries", "gauge",
	 "Entries of a table, those that have expired and wait for their place to be needed too.",
	 put_entries},
	{"postern_table_limit", "gauge", "Entries that a table has room for.", put_limits},
	{"postern_bans", "gauge", "Sources and networks that are banned now.", put_bans},
	{"postern_controller_up", "gauge",
	 "Whether a controller lives: without one strangers get in unasked.", put_controller},
	{"postern_controller_start_timestamp_seconds", "gauge", "When the controller began.",
	 put_started},
	{"postern_config_reloads_total", "counter",
	 "Reloads since the gate was loaded, by their result.", put_reloads},
	{"postern_config_last_reload_successful", "gauge",
	 "Whether the last reload, or else the start, took the configuration.", put_reload_good},
	{"postern_config_last_reload_success_timestamp_seconds", "gauge",
	 "When a configuration was last taken.", put_reloaded},
	{"postern_child_up", "gauge", "Whether a child of the controller is there.", put_child_up},
	{"postern_child_deaths_total", "counter", "How often a child died, and was started again.",
	 put_child_deaths},
	{"postern_responder_connections_total", "counter",
	 "Refused connections that the responder took.", put_responder_taken},
	{"postern_responder_refusals_total", "counter", "Senders it told why.",
	 put_responder_refused},
	{"postern_responder_turned_away_total", "counter", "Connections for which it had no place.",
	 put_responder_turned},
	{"postern_responder_open_connections", "gauge", "Connections it has now.",
	 put_responder_open},
	{"postern_mail_log_followed", "gauge",
	 "Whether the mail server's log is read for who delivers.", put_log_followed},
	{"postern_mail_log_deliveries_total", "counter",
	 "Messages that the mail server took, as its log says.", put_log_deliveries},
	{"postern_zone_state", "gauge", "State of a DNS list: 1 for the one it is in.",
	 put_zone_state},
	{"postern_zone_queries_total", "counter", "Questions to a DNS list.", put_zone_asked},
	{"postern_zone_listed_total", "counter", "Answers that listed the source.",
	 put_zone_listed},
	{"postern_zone_errors_total", "counter", "Questions without an answer that can be used.",
	 put_zone_errors},
	{"postern_zone_over_budget_total", "counter",
	 "Sources that were not asked about, since the list's budget was spent.", put_zone_over},
	{"postern_zone_latency_seconds", "gauge", "Time to an answer, on average of late.",
	 put_zone_latency},
	{"postern_feed_entries", "gauge", "Addresses and prefixes of a feed that are in force.",
	 put_feed_entries},
	{"postern_feed_hits_total", "counter", "Packets that a feed decided, since it was loaded.",
	 put_feed_hits},
	{"postern_feed_loaded_timestamp_seconds", "gauge", "When the feed was loaded.",
	 put_feed_loaded},
	{"postern_feed_held_back", "gauge",
	 "Whether a newer file is there and was not taken: it shrank or grew too much, or is bad.",
	 put_feed_held},
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

int exposition_write(const struct measure *m, FILE *out)
{
	struct sink s = {.out = out};

	for (size_t i = 0; i < FAMILIES; i++) {
		s.family = &families[i];
		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", families[i].name, families[i].help,
			families[i].name, families[i].type);
		families[i].put(m, &s);
	}
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int exposition_each(const struct measure *m, int (*fn)(void *c, json_t *row), void *c)
{
	struct sink s = {.fn = fn, .c = c};

	for (size_t i = 0; i < FAMILIES && !s.ret; i++) {
		s.family = &families[i];
		families[i].put(m, &s);
	}
	return s.ret;
}
