/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An abuse report as a text: ASCII, short lines, each fact with its time in UTC, so that it can be pasted into a mail and read by
 * somebody who has never heard of postern.
 */
#include <string.h>

#include "cli/evidence.h"

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void contact_print(FILE *out, const json_t *report)
{
	const json_t *contacts = json_object_get(report, "contacts");
	const char *why = json_text_of(report, "contact_why"),
		   *zone = json_text_of(report, "contact_zone");

	fputs("Abuse contact: ", out);
	for (size_t i = 0; i < json_array_size(contacts); i++)
		fprintf(out, "%s%s", i ? ", " : "", json_string_value(json_array_get(contacts, i)));
	if (!json_array_size(contacts))
		fputs("not known", out);
	if (*zone)
		fprintf(out, " (%s)", zone);
	fprintf(out, "%s%s\n", *why ? "; " : "", why);
}

static void head_print(FILE *out, const json_t *report)
{
	fprintf(out, "Abuse report about %s\n\n", json_text_of(report, "addr"));
	fprintf(out, "Source:        %s\n", json_text_of(report, "addr"));
	contact_print(out, report);
	if (*json_text_of(report, "first"))
		fprintf(out, "Period:        %s to %s\n", json_text_of(report, "first"),
			json_text_of(report, "last"));
	fprintf(out, "Reported by:   %s\n", json_text_of(report, "reporter"));
	fprintf(out, "Report made:   %s (all times are UTC; clock %s)\n",
		json_text_of(report, "time"), json_text_of(report, "clock"));
}

/* What an entry of the journal is, for strangers. Others stand as they are. */
static const char *what_describe(const char *what)
{
	static const struct {
		const char *what, *sentence;
	} rows[] = {
		{"listed", "judged by DNS lists, and to be refused"},
		{"cut", "open connections were ended"},
		{"taken back", "a judgement was taken back"},
		{"widened", "judged together with its network"},
		{"banned", "kept out for a time, after repeated offences"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].what, what) == 0)
			return rows[i].sentence;
	return "";
}

static void counts_print(FILE *out, const json_t *report)
{
	const json_t *counts = json_object_get(report, "counts");

	fputs("\nWhat was done, and how often:\n", out);
	for (size_t i = 0; i < json_array_size(counts); i++) {
		const json_t *row = json_array_get(counts, i);
		const char *what = json_text_of(row, "what"), *sentence = what_describe(what);
		long long count = number_of(row, "count");

		fprintf(out, "  %s: %lld time%s, %s", what, count, plural((uint64_t)count),
			json_text_of(row, "first"));
		if (count > 1)
			fprintf(out, " to %s", json_text_of(row, "last"));
		fprintf(out, "%s%s\n", *sentence ? ": " : "", sentence);
	}
	if (!json_array_size(counts))
		fputs("  nothing is recorded\n", out);
	if (json_is_true(json_object_get(report, "counts_cut")))
		fputs("  (and more, earlier)\n", out);
	fputs("  Judgements and actions are counted, not packets or attempts to connect.\n", out);
}

static void lists_print(FILE *out, const json_t *v)
{
	const json_t *zones = json_object_get(v, "zones");

	if (!json_is_object(v))
		return;
	fprintf(out, "\nWhat DNS lists said on %s, about %s: %s (score %lld, threshold %lld)\n",
		json_text_of(v, "decided"), json_text_of(v, "addr"), json_text_of(v, "verdict"),
		number_of(v, "score"), number_of(v, "threshold"));
	for (size_t i = 0; i < json_array_size(zones); i++) {
		const json_t *zone = json_array_get(zones, i),
			     *codes = json_object_get(zone, "codes");

		fprintf(out, "  %s: %s", json_text_of(zone, "zone"), json_text_of(zone, "outcome"));
		for (size_t j = 0; j < json_array_size(codes); j++)
			fprintf(out, "%s %s", j ? "," : "",
				json_string_value(json_array_get(codes, j)));
		fputc('\n', out);
	}
	if (*json_text_of(v, "text"))
		fprintf(out, "  %s says: %s\n", json_text_of(v, "zone"), json_text_of(v, "text"));
}

static void ban_print(FILE *out, const json_t *ban)
{
	const char *until = json_text_of(ban, "until");

	if (!json_is_object(ban))
		return;
	fprintf(out, "\nKept out for repeated offences: %s, %lld time%s, after %lld offence%s\n",
		json_text_of(ban, "prefix"), number_of(ban, "level"),
		plural((uint64_t)number_of(ban, "level")), number_of(ban, "offences"),
		plural((uint64_t)number_of(ban, "offences")));
	fprintf(out, "  the last offence (%s) on %s; %s%s\n", json_text_of(ban, "reason"),
		json_text_of(ban, "last"), *until ? "kept out until " : "not kept out now", until);
}

static void delivered_print(FILE *out, const json_t *mail)
{
	if (!json_is_object(mail))
		return;
	fprintf(out, "\nMail that was taken from it: %lld message%s, %s to %s\n",
		number_of(mail, "messages"), plural((uint64_t)number_of(mail, "messages")),
		json_text_of(mail, "first"), json_text_of(mail, "last"));
}

static void rule_print(FILE *out, const json_t *rule)
{
	const char *expires = json_text_of(rule, "expires");

	if (!json_is_object(rule))
		return;
	fprintf(out, "\nBlocked by the operator: %s, since %s, %s%s\n",
		json_text_of(rule, "prefix"), json_text_of(rule, "created"),
		*expires ? "until " : "without an end", expires);
}

static const char *action_describe(const char *action)
{
	if (strcmp(action, "pass") == 0)
		return "is let in";
	return strcmp(action, "hold") == 0 ? "has to wait" : "is not let in";
}

static void gate_print(FILE *out, const json_t *report)
{
	const json_t *gate = json_object_get(report, "gate");

	fputs("\nWhen the report was made:\n", out);
	if (!json_is_object(gate)) {
		fputs("  no gate is loaded, so nothing is counted\n", out);
		return;
	}
	fprintf(out, "  a connection to port %lld %s (%s%s%s)\n", number_of(gate, "port"),
		action_describe(json_text_of(gate, "action")), json_text_of(gate, "reason"),
		*json_text_of(gate, "feed") ? ": " : "", json_text_of(gate, "feed"));
	fprintf(out, "  open connections: %lld\n", number_of(gate, "open"));
	if (number_of(gate, "limit"))
		fprintf(out, "  connections of late, towards the limit: %lld of %lld\n",
			number_of(gate, "used"), number_of(gate, "limit"));
	if (number_of(gate, "answers"))
		fprintf(out, "  refusals told: %lld\n", number_of(gate, "answers"));
}

static void journal_print(FILE *out, const json_t *report)
{
	const json_t *journal = json_object_get(report, "journal");

	if (!json_array_size(journal))
		return;
	fputs("\nThe latest entries:\n", out);
	for (size_t i = 0; i < json_array_size(journal); i++) {
		const json_t *entry = json_array_get(journal, i);

		fprintf(out, "  %s %s %s: %s\n", json_text_of(entry, "time"),
			json_text_of(entry, "what"), json_text_of(entry, "prefix"),
			json_text_of(entry, "text"));
	}
}

void evidence_print(FILE *out, const json_t *report)
{
	head_print(out, report);
	counts_print(out, report);
	lists_print(out, json_object_get(report, "dnsbl"));
	ban_print(out, json_object_get(report, "ban"));
	delivered_print(out, json_object_get(report, "delivered"));
	rule_print(out, json_object_get(report, "rule"));
	gate_print(out, report);
	journal_print(out, report);
}
