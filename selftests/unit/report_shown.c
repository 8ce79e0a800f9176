/* SPDX-License-Identifier: BSD-2-Clause */
/* The report that README.md and postern-report(8) show is what the program prints: a picture that nobody compares grows old. */
#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "report_rig.h"

#define SHOWN_NOW_S   1795348876 /* 2026-11-22T12:01:16Z */
#define SHOWN_SINCE_S (SHOWN_NOW_S - 7 * 86400)
#define BEGAN_S	      1794776400 /* 2026-11-15T21:00:00Z */
#define LAST_S	      1795341881 /* 2026-11-22T10:04:41Z */
#define WATCHED_S     572400
#define UNLUCKY	      "198.51.100.7"
#define LISTED	      33636 /* beside that one */
#define LISTED_BY     3209
#define FILE_MAX      200000

static struct proof *shown(void)
{
	const struct proof_facts facts = {
		.since_wall_s = SHOWN_SINCE_S, .now_wall_s = SHOWN_NOW_S, .event_interval_s = 10};
	static const int days_before[] = {0, 1, 1, 2, 4};
	const struct store_hour hours[] = {
		{BEGAN_S, STORE_HOUR_WATCHED, 0, WATCHED_S, WATCHED_S},
		{BEGAN_S, "clean", 0, 5668, 0},
	};
	struct proof *p = NULL;
	char who[ADDR_TEXT_MAX];

	EXPECT(proof_new(&p, &facts) == 0, "no memory");
	for (size_t i = COUNT(days_before); i-- > 0;)
		refuse_by(p, UNLUCKY, "listed", "bl.example", false,
			  LAST_S - days_before[i] * 86400 - (int64_t)i * 600, 2);
	for (unsigned i = 0; i < LISTED_BY; i++) {
		snprintf(who, sizeof(who), "203.0.%u.%u", i / 256, i % 256);
		refuse_by(p, who, "listed", "zen.spamhaus.org", false, BEGAN_S + 60,
			  i ? LISTED / LISTED_BY : LISTED - LISTED / LISTED_BY * (LISTED_BY - 1));
	}
	refuse(p, "203.1.0.1", "rate", false, BEGAN_S + 60, 400);
	refuse(p, "203.1.0.2", "rate", false, BEGAN_S + 60, 400);
	for (size_t i = 0; i < COUNT(hours); i++)
		EXPECT(proof_add_hour(p, &hours[i]) == 0, "no memory");
	p->all += p->reason[0].connections[0] + p->reason[1].connections[0];
	for (size_t i = 0; i < COUNT(days_before); i++) {
		struct maillog_event e = {.what = MAILLOG_DELIVERY,
					  .addr = addr_of(UNLUCKY),
					  .wall_s = LAST_S - days_before[i] * 86400 -
						    (int64_t)i * 600,
					  .host = "mail.honest.example",
					  .from = "news@honest.example",
					  .recipients = 2};

		e.connected_wall_s = e.wall_s;
		proof_hear(p, &e);
	}
	free(p->source[0].says);
	p->source[0].says = strdup("Listed, see http://bl.example/?" UNLUCKY);
	p->span = (struct maillog_span){1794700803, 1795348856, 51500, 51500};
	snprintf(p->log_name, sizeof(p->log_name), "/var/log/mail.log");
	EXPECT(proof_conclude(p) == 0, "no memory");
	return p;
}

/* A file of the tree, above BUILD/selftests/unit/NAME; without what mdoc(7) has for a hyphen, and without the margin of what is shown. */
static char *tree_read(const char *name)
{
	char path[4096] = "", *text = calloc(1, FILE_MAX + 1), *slash, *to = text;
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	FILE *in;

	EXPECT(length > 0, "readlink");
	do {
		slash = strrchr(path, '/');
		if (!EXPECT(slash && slash != path, "%s is nowhere above the program", name))
			return text;
		snprintf(slash, 64, "/%s", name);
		in = fopen(path, "r");
		*slash = '\0';
	} while (!in);
	EXPECT(fread(text, 1, FILE_MAX, in) > 0, "%s is empty", name);
	fclose(in);
	for (const char *from = text; *from; from++) {
		bool is_margin = (from == text || from[-1] == '\n') && !strncmp(from, "    ", 4);

		from += is_margin && !strncmp(name, "README", 6) ? 4 : 0;
		from += from[0] == '\\' && from[1] == '-';
		*to++ = *from;
	}
	*to = '\0';
	return text;
}

TEST(the_pages_show_what_the_program_prints)
{
	static const char *const pages[] = {"README.md", "tools/man/postern-report.8.in"};
	struct proof *p = shown();
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	ENSURE(out && proof_text(p, out) == 0 && fclose(out) == 0, "not written");
	for (size_t i = 0; i < COUNT(pages); i++) {
		char *page = tree_read(pages[i]);

		EXPECT(strstr(page, text), "%s does not show this:\n%s", pages[i], text);
		free(page);
	}
	free(text);
	proof_free(p);
}

static bool kind_is_reason(const char *key)
{
	return !strcmp(key, "listed") || !strcmp(key, "rate");
}

static bool is_named(const char *page, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = page; (at = strstr(at, key)); at += n)
		if (isspace((unsigned char)at[-1]) && isspace((unsigned char)at[n]))
			return true;
	return false;
}

/* At any depth, but for what is named by a reason. */
static unsigned keys_check(const char *page, json_t *value)
{
	unsigned checked = 0;
	const char *key;
	json_t *inside;
	size_t i;

	json_object_foreach(value, key, inside)
	{
		checked++;
		EXPECT(is_named(page, key) || kind_is_reason(key), "the page does not name %s",
		       key);
		checked += keys_check(page, inside);
	}
	if (json_is_array(value))
		json_array_foreach(value, i, inside) checked += keys_check(page, inside);
	return checked;
}

TEST(the_page_names_every_key_of_the_rows)
{
	char *page = tree_read("tools/man/postern-report.8.in"), *text = NULL, *line, *rest;
	char *section = strstr(page, ".Sh JSON");
	struct proof *p = shown();
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	unsigned checked = 0;

	ENSURE(section && out && proof_json(p, out) == 0 && fclose(out) == 0, "not written");
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *row = json_loads(line, 0, NULL);

		ENSURE(row, "no JSON: %s", line);
		checked += keys_check(section, row);
		json_decref(row);
	}
	EXPECT(checked > 80, "%u keys", checked);
	free(text);
	free(page);
	proof_free(p);
}
