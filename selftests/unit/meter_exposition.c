/* SPDX-License-Identifier: BSD-2-Clause */
/* Measures as Prometheus reads them: names and labels by its conventions, no sample for what is not known, and foreign names kept in their quotes. */
#include "daemon/meter_exposition.h"

#include <errno.h>

#include "base/when.h"
#include "tap.h"

static char text[1 << 18];

static void render(const struct measure *m)
{
	FILE *out = fmemopen(text, sizeof(text), "w");

	memset(text, 0, sizeof(text));
	EXPECT(out && exposition_write(m, out) == 0 && fclose(out) == 0, "it is written");
}

static bool has(const char *line)
{
	size_t length = strlen(line);

	for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
	return false;
}

/* Is there a sample of this family? */
static bool has_sample(const char *family)
{
	size_t length = strlen(family);

	for (const char *at = strstr(text, family); at; at = strstr(at + 1, family))
		if (at > text && at[-1] == '\n' && (at[length] == ' ' || at[length] == '{'))
			return true;
	return false;
}

static struct measure whole(void)
{
	struct measure m = {.loaded = true,
			    .now_boot_ns = now_boot_ns(),
			    .controller = true,
			    .has_told = true,
			    .open = 7};

	m.enforce_until = m.now_boot_ns + 600 * NS_PER_S;
	m.alive_until = m.now_boot_ns + NS_PER_S;
	m.counter[m.counter_count++] =
		(struct counter){.name = "rate", .class_ = PN_CLASS_MX, .sum = {3, 180, 12}};
	m.fault[m.fault_count++] = (struct fault){.name = "event_lost", .count = 5};
	m.counted[GATE_TABLE_LISTED] = true;
	m.entries[GATE_TABLE_LISTED] = 11;
	m.limit[GATE_TABLE_LISTED] = 65536;
	m.child[MEASURE_RESPONDER].state = MEASURE_UP;
	m.child[MEASURE_RESPONDER].deaths = 2;
	m.responder.accepted = 9;
	m.zone_count = 1;
	snprintf(m.zone[0].name, sizeof(m.zone[0].name), "bl.example");
	m.zone[0].state = DNS_ZONE_SUSPENDED;
	m.zone[0].latency_ms = 23;
	return m;
}

TEST(what_is_known_has_its_sample)
{
	static const char *const lines[] = {
		"postern_packets_total{reason=\"rate\",class=\"mx\"} 3",
		"postern_bytes_total{reason=\"rate\",class=\"mx\"} 180",
		"postern_would_packets_total{reason=\"rate\",class=\"mx\"} 12",
		"postern_faults_total{fault=\"event_lost\"} 5",
		"postern_open_connections 7",
		"postern_enforcing 1",
		"postern_controller_up 1",
		"postern_table_entries{table=\"listed\"} 11",
		"postern_table_limit{table=\"listed\"} 65536",
		"postern_child_up{child=\"responder\"} 1",
		"postern_child_deaths_total{child=\"responder\"} 2",
		"postern_responder_connections_total 9",
		"postern_zone_state{zone=\"bl.example\",state=\"good\"} 0",
		"postern_zone_state{zone=\"bl.example\",state=\"suspended\"} 1",
		"postern_zone_latency_seconds{zone=\"bl.example\"} 0.023",
	};
	struct measure m = whole();

	render(&m);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		EXPECT(has(lines[i]), "%s", lines[i]);
	EXPECT(has_sample("postern_enforcing_until_timestamp_seconds"), "it ends");
}

TEST(what_is_not_known_has_none)
{
	static const char *const families[] = {
		"postern_enforcing",	 "postern_open_connections",
		"postern_packets_total", "postern_table_entries",
		"postern_bans",		 "postern_child_up",
		"postern_zone_state",	 "postern_config_last_reload_successful",
	};
	struct measure nothing = {0};

	render(&nothing);
	EXPECT(has("postern_gate_loaded 0") && has("postern_controller_up 0"),
	       "that it is not there");
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		EXPECT(!has_sample(families[i]), "%s", families[i]);
}

TEST(enforcing_without_an_end_has_no_end)
{
	struct measure m = whole();

	m.enforce_until = PN_FOREVER;
	render(&m);
	EXPECT(has("postern_enforcing 1"), "it enforces");
	EXPECT(!has_sample("postern_enforcing_until_timestamp_seconds"), "no end");
	m.enforce_until = m.now_boot_ns;
	render(&m);
	EXPECT(has("postern_enforcing 0"), "it is over");
	m.alive_until = m.now_boot_ns;
	render(&m);
	EXPECT(has("postern_controller_up 0"), "one that does not answer is none");
}

TEST(a_name_cannot_leave_its_quotes)
{
	struct measure m = whole();

	snprintf(m.zone[0].name, sizeof(m.zone[0].name), "a\"} 1\nb\\c");
	render(&m);
	EXPECT(has("postern_zone_queries_total{zone=\"a\\\"} 1\\nb\\\\c\"} 0"), "escaped");
	memset(m.zone[0].name, '"', sizeof(m.zone[0].name) - 1);
	render(&m);
	EXPECT(has_sample("postern_zone_queries_total"), "as long as a name can be");
}

TEST(counters_keep_every_digit_that_a_double_has)
{
	struct measure m = whole();

	m.counter[0].sum.bytes = (1ULL << 53) - 1;
	render(&m);
	EXPECT(has("postern_bytes_total{reason=\"rate\",class=\"mx\"} 9007199254740991"),
	       "2^53 - 1");
}

/* https://prometheus.io/docs/practices/naming: a counter ends in _total, units are base units, and each family has a HELP and a TYPE. */
TEST(names_follow_the_conventions)
{
	struct measure m = whole();
	char *line, *rest = text;
	unsigned families = 0;

	render(&m);
	while ((line = strsep(&rest, "\n")) && *line) {
		char name[80], type[16];
		size_t length;

		if (sscanf(line, "# TYPE %79s %15s", name, type) != 2)
			continue;
		families++;
		length = strlen(name);
		EXPECT(strncmp(name, "postern_", 8) == 0, "%s", name);
		EXPECT((strcmp(type, "counter") == 0) ==
			       (length > 6 && strcmp(name + length - 6, "_total") == 0),
		       "%s is a %s", name, type);
		EXPECT(!strstr(name, "_ms") && !strstr(name, "_millis"), "%s: base units", name);
	}
	EXPECT(families > 25, "%u families", families);
}

static int count_row(void *context, json_t *row)
{
	unsigned *count = context;

	EXPECT(json_is_string(json_object_get(row, "metric")) &&
		       json_is_object(json_object_get(row, "labels")) &&
		       json_is_number(json_object_get(row, "value")),
	       "a row");
	json_decref(row);
	++*count;
	return *count == 5 ? -EPIPE : 0;
}

TEST(rows_are_the_same_samples_and_end_when_nobody_takes_them)
{
	struct measure m = whole();
	unsigned count = 0;

	EXPECT(exposition_each(&m, count_row, &count) == -EPIPE && count == 5, "%u rows", count);
}

TEST(metrics_that_cannot_be_written_whole_are_said_to_be)
{
	FILE *full = fopen("/dev/full", "w");
	struct measure m = whole();

	/* Nothing leaves this buffer by itself. */
	ENSURE(full && setvbuf(full, text, _IOFBF, sizeof(text)) == 0, "/dev/full");
	EXPECT(exposition_write(&m, full) == -EIO, "and not kept for the end of the program");
	fclose(full);
}

TEST(metrics_of_zones_that_share_a_name_are_told_apart)
{
	struct measure m = {0};
	struct measure_zone *z = NULL;

	for (unsigned i = 0; i < SITE_ZONES_MAX; i++) {
		z = measure_add_zone(&m, i < 2 ? "zen.example" : "zen.example.org");
		ENSURE(z, "zone %u", i);
		z->asked = i;
	}
	EXPECT(!measure_add_zone(&m, "more.example"), "there is no room for more");
	m.zone_count = 4;
	render(&m);
	EXPECT(has("postern_zone_queries_total{zone=\"zen.example\"} 0") &&
		       has("postern_zone_queries_total{zone=\"zen.example (2)\"} 1") &&
		       has("postern_zone_queries_total{zone=\"zen.example.org\"} 2") &&
		       has("postern_zone_queries_total{zone=\"zen.example.org (2)\"} 3"),
	       "%s", text);
}
