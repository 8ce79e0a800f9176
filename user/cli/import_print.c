/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An import as a file that can be used as it stands: the keys in the order of the schema, each with where it came from; then, as
 * comments, the rules, which go into the gate by commands, what could not be carried over, and what can be turned off in Postfix.
 */
#include <string.h>

#include "base/json.h"
#include "base/when.h"
#include "base/words.h"
#include "cli/import.h"
#include "conf/schema.h"

#define SHOWN_MAX 200

/* Verbs whose rows are lines for standard input. */
static const struct {
	const char *verb, *sentence;
} verbs[] = {
	{"trust", "let in by Postfix: the lists are not asked about them, limits still hold"},
	{"allow", "let in by Postfix although what lies around them is turned away"},
	{"block", "turned away by Postfix"},
};

static bool has_rows(const struct import_rows *r, const char *key)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->row[i].fate != IMPORT_ADVICE && strcmp(r->row[i].key, key) == 0)
			return true;
	return false;
}

/* "# from: why" */
static void origin_print(const struct import_row *row, FILE *out)
{
	const char *parted = row->from[0] && row->why[0] ? ": " : "";

	fprintf(out, "# %s%s%s", row->from, parted, row->why);
}

static void left_print(const struct import_row *row, const char *indent, FILE *out)
{
	fprintf(out, "%s# not carried over: %s = %s\n%s#   %s\n", indent, row->from, row->value,
		indent, row->why);
}

static void scalar_print(const struct import_rows *r, const struct schema_key *k,
			 const char *indent, FILE *out)
{
	const char *quote = schema_is_text(k) ? "\"" : "", *name = strrchr(k->name, '.');

	for (size_t i = 0; i < r->count; i++) {
		const struct import_row *row = &r->row[i];

		if (strcmp(row->key, k->name) != 0)
			continue;
		if (row->fate == IMPORT_LEFT) {
			left_print(row, indent, out);
			continue;
		}
		fputs(indent, out);
		origin_print(row, out);
		fprintf(out, "\n%s%s = %s%s%s;\n", indent, name ? name + 1 : k->name, quote,
			row->value, quote);
	}
}

static void list_print(const struct import_rows *r, const struct schema_key *k, const char *indent,
		       FILE *out)
{
	const char *name = strrchr(k->name, '.');
	unsigned more = 0;

	for (size_t i = 0; i < r->count; i++)
		more += r->row[i].fate == IMPORT_CARRIED && strcmp(r->row[i].key, k->name) == 0;
	fprintf(out, "%s%s = [\n", indent, name ? name + 1 : k->name);
	for (size_t i = 0; i < r->count; i++) {
		const struct import_row *row = &r->row[i];

		if (strcmp(row->key, k->name) != 0)
			continue;
		if (row->fate == IMPORT_LEFT) {
			left_print(row, "\t\t", out);
			continue;
		}
		fprintf(out, "%s\t\"%s\"%s  ", indent, row->value, --more ? "," : "");
		origin_print(row, out);
		fputc('\n', out);
	}
	fprintf(out, "%s];\n", indent);
}

static void keys_print(const struct import_rows *r, FILE *out)
{
	const struct schema_key *last = NULL;

	for (const struct schema_key *k = schema_keys; k->name; k++) {
		size_t group = schema_group_length(k),
		       before = last ? schema_group_length(last) : 0;
		const char *indent = group ? "\t" : "";
		bool same;

		if (!has_rows(r, k->name))
			continue;
		same = group == before && (!group || !strncmp(k->name, last->name, group));
		if (before && !same)
			fputs("};\n", out);
		if (!group || !same)
			fputc('\n', out);
		if (group && !same)
			fprintf(out, "%.*s: {\n", (int)group, k->name);
		if (schema_is_list(k))
			list_print(r, k, indent, out);
		else
			scalar_print(r, k, indent, out);
		last = k;
	}
	if (last && schema_group_length(last))
		fputs("};\n", out);
}

static void rules_print(const struct import_rows *r, FILE *out)
{
	for (size_t v = 0; v < sizeof(verbs) / sizeof(verbs[0]); v++) {
		const char *verb = verbs[v].verb;

		if (!has_rows(r, verb))
			continue;
		fprintf(out,
			"\n# Clients %s.\n# To put it in force: sed -n 's/^#%s //p' THIS_FILE | "
			"postern %s -\n",
			verbs[v].sentence, verb, verb);
		for (size_t i = 0; i < r->count; i++)
			if (strcmp(r->row[i].key, verb) == 0)
				fprintf(out, "#%s %s\n", verb, r->row[i].value);
	}
}

static void rest_print(const struct import_rows *r, FILE *out)
{
	bool has_head = false;

	for (size_t i = 0; i < r->count; i++) {
		const struct import_row *row = &r->row[i];

		if (row->fate != IMPORT_LEFT || row->key[0])
			continue;
		if (!has_head)
			fputs("\n# Nothing here is like these; Postfix goes on doing them:\n#\n",
			      out);
		has_head = true;
		left_print(row, "", out);
	}
	has_head = false;
	for (size_t i = 0; i < r->count; i++) {
		const struct import_row *row = &r->row[i];

		if (row->fate != IMPORT_ADVICE)
			continue;
		if (!has_head)
			fputs("\n# What can go in Postfix then:\n#\n", out);
		has_head = true;
		fprintf(out, "#   %s\n#     %s\n", row->value, row->why);
	}
}

void import_print(const struct import_source *s, const struct import_rows *r, FILE *out)
{
	unsigned carried = import_count(r, IMPORT_CARRIED), left = import_count(r, IMPORT_LEFT);
	char when[WHEN_TEXT_MAX], shown[SHOWN_MAX];

	fprintf(out,
		"# postern.conf, made by `postern import postfix` of what Postfix%s%s does, %s.\n"
		"# %u thing%s carried over, %u left, each with its reason. Look at it, then: "
		"postern config check THIS_FILE\n",
		s->directory[0] ? " in " : "",
		text_escape(s->directory, strlen(s->directory), shown, sizeof(shown)),
		when_format(s->at_s, when), carried, plural(carried), left);
	if (import_find(r, "dnsbl.reply_names"))
		fputs("# Domains of lists in here have a key in them: let nobody else read it.\n",
		      out);
	keys_print(r, out);
	rules_print(r, out);
	rest_print(r, out);
}

int import_print_json(const struct import_rows *r, FILE *out)
{
	static const char *const keys[] = {NULL, NULL, "advice"};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < r->count; i++) {
		const struct import_row *row = &r->row[i];
		const char *key = row->key[0] ? row->key : keys[row->fate];

		ret = json_line(out, json_pack("{s:s?, s:s, s:s?, s:b, s:s?}", "key", key, "value",
					       row->value, "from", row->from[0] ? row->from : NULL,
					       "carried", row->fate == IMPORT_CARRIED, "why",
					       row->why[0] ? row->why : NULL));
	}
	return ret;
}
