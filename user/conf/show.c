/* SPDX-License-Identifier: BSD-2-Clause */
/* What the schema table says to people: the defaults, the values in force, the sample file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/schema.h"

#define EFFECTS_WIDTH	80  /* of lines, as the least terminal has */
#define VALUE_SHOWN_MAX 200 /* of one value in a line about a change */
#define PORT_SMTP	25  /* RFC 5321, section 4.5.4.2 */

void conf_defaults(struct conf *c)
{
	memset(c, 0, sizeof(*c));
	/* Each of these is within its own bounds: the tests hold the table to that. */
	for (const struct schema_key *k = schema_keys; k->name; k++) {
		if (schema_is_text(k))
			schema_put_text(k, k->fallback, c, NULL);
		else if (k->type == SCHEMA_NUMBER)
			schema_put_number(k, strtoll(k->fallback, NULL, 10), c, NULL);
		else if (k->type == SCHEMA_BOOL)
			schema_put_number(k, strcmp(k->fallback, "true") == 0, c, NULL);
	}
	c->ports[0].port = PORT_SMTP;
	c->ports[0].local_port = PORT_SMTP;
	c->ports[0].class_ = CONF_CLASS_MX;
	c->port_count = 1;
}

int conf_each(const struct conf *c, int (*fn)(void *context, json_t *row), void *context)
{
	struct conf *defaults = malloc(sizeof(*defaults));
	json_t *value, *fallback, *row;
	int ret = 0;

	if (!defaults)
		return -ENOMEM;
	conf_defaults(defaults);
	for (const struct schema_key *k = schema_keys; k->name && ret == 0; k++) {
		value = schema_get(k, c);
		fallback = schema_get(k, defaults);
		/* "o" takes the references, of a failed pack too. */
		row = json_pack("{s:s, s:o, s:o, s:b}", "key", k->name, "value", value, "default",
				fallback, "is_default", json_equal(value, fallback));
		ret = row ? fn(context, row) : -ENOMEM;
	}
	free(defaults);
	return ret;
}

/* Lists can be long: what they begin with tells them apart, as a rule. */
static json_t *value_text(json_t *value)
{
	char shown[VALUE_SHOWN_MAX];
	char *dump =
		json_is_string(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *text = dump ? dump : json_string_value(value);

	text = text ? text_escape(text, strlen(text), shown, sizeof(shown)) : "";
	value = json_string(text);
	free(dump);
	return value;
}

int conf_each_change(const struct conf *before, const struct conf *now,
		     int (*fn)(void *context, json_t *row, bool is_secret), void *context)
{
	int ret = 0;

	for (const struct schema_key *k = schema_keys; k->name && ret == 0; k++) {
		json_t *was = schema_get(k, before), *is = schema_get(k, now), *row;

		if (!json_equal(was, is)) {
			row = json_pack("{s:s, s:o, s:o, s:s}", "key", k->name, "was",
					value_text(was), "now", value_text(is), "effect",
					schema_effect_name(k->effect));
			ret = row ? fn(context, row, k->is_secret) : -ENOMEM;
		}
		json_decref(was);
		json_decref(is);
	}
	return ret;
}

void conf_print_effects(FILE *out)
{
	static const char *const meanings[] = {
		[SCHEMA_NEW_MAPS] = "at the reload too, but what rates had measured starts anew",
		[SCHEMA_NEXT_ATTACH] = "for interfaces that are attached from then on",
		[SCHEMA_AT_START] = "a reload that changes it is turned down",
	};

	fputs("    In force with the reload, without a packet unguarded: every key but these.\n",
	      out);
	for (unsigned effect = SCHEMA_NEW_MAPS; effect <= SCHEMA_AT_START; effect++) {
		size_t column = EFFECTS_WIDTH;

		fprintf(out, "    %s (%s):", schema_effect_name(effect), meanings[effect]);
		for (const struct schema_key *k = schema_keys; k->name; k++) {
			if (k->effect != effect)
				continue;
			if (column + 1 + strlen(k->name) > EFFECTS_WIDTH)
				column = (size_t)fprintf(out, "\n       ") - 1;
			column += (size_t)fprintf(out, " %s", k->name);
		}
		fputc('\n', out);
	}
}

static void members_write(FILE *out, const struct schema_key *members)
{
	char takes[SCHEMA_TAKES_MAX];

	for (const struct schema_key *k = members; k->name; k++)
		fprintf(out, "#   %s: %s\n#      Takes %s.\n", k->name, k->sentence,
			schema_takes(k, takes, sizeof(takes)));
}

static void key_write(FILE *out, const struct schema_key *k, const char *indent)
{
	const char *quote = schema_is_text(k) ? "\"" : "";
	size_t group = schema_group_length(k);
	char takes[SCHEMA_TAKES_MAX];

	fprintf(out, "\n%s# %s\n%s# Takes %s.\n", indent, k->sentence, indent,
		schema_takes(k, takes, sizeof(takes)));
	if (k->type == SCHEMA_GROUPS)
		members_write(out, k->members);
	fprintf(out, "%s#%s = %s%s%s;\n", indent, k->name + group + (group ? 1 : 0), quote,
		k->fallback, quote);
}

/*
 * Every default is commented out: a file that spelled them out would keep today's values when a
 * later version has better ones.
 */
int conf_write_sample(FILE *out)
{
	const struct schema_key *last = NULL;

	fputs("# postern.conf: every key with its default. What you change, take the # away from.\n"
	      "# Times are 90s, 10m, 2h, 7d. Check a change with: postern config check\n",
	      out);
	for (const struct schema_key *k = schema_keys; k->name; last = k++) {
		size_t group = schema_group_length(k),
		       before = last ? schema_group_length(last) : 0;
		bool same = group == before && (!group || !strncmp(k->name, last->name, group));

		if (before && !same)
			fputs("};\n", out);
		if (group && !same)
			fprintf(out, "\n%.*s: {", (int)group, k->name);
		key_write(out, k, group ? "\t" : "");
	}
	if (last && schema_group_length(last))
		fputs("};\n", out);
	return ferror(out) ? -EIO : 0;
}
