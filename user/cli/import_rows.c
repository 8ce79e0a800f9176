/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of an import. Nothing is carried that the configuration's own reader would refuse: each value is put into a configuration
 * as it comes, by the functions that read the file, and each list is held to what `config check` asks of it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/grow.h"
#include "base/json.h"
#include "cli/import.h"
#include "conf/schema.h"

#define NUMBER_MAX 24 /* as a text */

int import_rows_new(struct import_rows *r, const struct zonedata *data)
{
	*r = (struct import_rows){.data = data};
	r->conf = calloc(1, sizeof(*r->conf));
	r->sites = calloc(1, sizeof(*r->sites));
	if (!r->conf || !r->sites) {
		import_rows_free(r);
		return -ENOMEM;
	}
	conf_defaults(r->conf);
	return 0;
}

void import_rows_free(struct import_rows *r)
{
	free(r->row);
	free(r->conf);
	free(r->sites);
	*r = (struct import_rows){0};
}

bool import_is_full(const struct import_rows *r)
{
	return r->count >= IMPORT_ROWS_MAX;
}

/* value and from are shown: printable, whatever they were. */
static struct import_row *row_append(struct import_rows *r, enum import_fate fate, const char *key,
				     const char *value, const char *from)
{
	struct import_row *list = grow(r->row, r->count, &r->room, sizeof(*r->row)), *row;

	if (!list) {
		r->is_short = true;
		return NULL;
	}
	r->row = list;
	row = &list[r->count++];
	*row = (struct import_row){.fate = fate};
	snprintf(row->key, sizeof(row->key), "%s", key);
	text_escape(value, strlen(value), row->value, sizeof(row->value));
	text_escape(from, strlen(from), row->from, sizeof(row->from));
	return row;
}

static struct import_row *row_add(struct import_rows *r, enum import_fate fate, const char *key,
				  const char *value, const char *from)
{
	if (import_is_full(r)) {
		r->more++;
		return NULL;
	}
	return row_append(r, fate, key, value, from);
}

void import_rows_end(struct import_rows *r)
{
	char value[NUMBER_MAX];
	struct import_row *row = NULL;

	snprintf(value, sizeof(value), "%zu", r->more);
	if (r->more)
		row = row_append(r, IMPORT_LEFT, "", value, "all of it");
	if (row)
		snprintf(row->why, sizeof(row->why),
			 "so many more things are not here: it ends after %d", IMPORT_ROWS_MAX);
}

/* ---- what the configuration takes ---- */

static int number_put(const struct schema_key *k, const char *value, struct conf *c, struct err *e)
{
	char *end = NULL;
	long long number = strtoll(value, &end, 10);

	if (k->type == SCHEMA_BOOL)
		return schema_put_number(k, strcmp(value, "true") == 0, c, e);
	if (!*value || *end)
		return err_set(e, -EINVAL, "it is no number");
	return schema_put_number(k, number, c, e);
}

static int site_put(struct import_rows *r, const char *value, struct err *e)
{
	unsigned before = r->sites->zone_count, entries = r->sites->entry_count;
	const char *dead = NULL;

	if (sites_add(r->sites, value, e) < 0)
		return -EINVAL;
	if (r->sites->zone_count > before && r->data)
		dead = zonedata_dead(r->data, r->sites->zone[before]);
	if (!dead)
		return 0;
	r->sites->zone_count = before;
	r->sites->entry_count = entries;
	return err_set(e, -EINVAL, "this list must not be asked any more: %s", dead);
}

/* DOMAIN=NAME, as `config check` holds it to be. */
static int name_check(const struct import_rows *r, const char *value, struct err *e)
{
	const char *name = strchr(value, '=');

	if (!name)
		return err_set(e, -EINVAL, "the '=' is missing");
	for (unsigned i = 0; i < r->sites->zone_count; i++)
		if (strncasecmp(r->sites->zone[i], value, (size_t)(name - value)) == 0 &&
		    !r->sites->zone[i][name - value])
			return site_domain_check(name + 1, e);
	return err_set(e, -EINVAL, "its list is not carried over");
}

static int value_put(struct import_rows *r, const struct schema_key *k, const char *value,
		     struct err *e)
{
	int ret = 0;

	/* Rows are escaped: what that would change is no value of ours. */
	for (const char *c = value; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '\\' || *c == '"')
			return err_set(e, -EINVAL, "it is more than plain printable ASCII");
	if (strlen(value) >= CONF_TEXT_MAX)
		return err_set(e, -EINVAL, "it is longer than %d bytes", CONF_TEXT_MAX - 1);
	if (strcmp(k->name, "dnsbl.reply_names") == 0)
		ret = name_check(r, value, e);
	if (ret < 0)
		return ret;
	if (k->type == SCHEMA_NUMBER || k->type == SCHEMA_BOOL)
		return number_put(k, value, r->conf, e);
	if (strcmp(k->name, "dnsbl.sites") == 0 && *schema_count(k, r->conf) < k->most)
		ret = site_put(r, value, e);
	return ret < 0 ? ret : schema_put_text(k, value, r->conf, e);
}

bool import_carry(struct import_rows *r, const char *key, const char *value, const char *from,
		  const char *note)
{
	const struct schema_key *k = schema_find(schema_keys, key);
	struct err e = {0};
	struct import_row *row;

	if (import_is_full(r)) {
		r->more++;
		return false;
	}
	if (!k) {
		import_leave(r, "", value, from, "this version has no key %s", key);
		return false;
	}
	/* Sites alone may be there twice, and mean it: each adds its weight. */
	for (size_t i = 0; i < r->count && k->type != SCHEMA_TEXTS; i++)
		if (r->row[i].fate == IMPORT_CARRIED && strcmp(r->row[i].key, key) == 0 &&
		    (!schema_is_list(k) || strcmp(r->row[i].value, value) == 0))
			return true;
	if (value_put(r, k, value, &e) < 0) {
		import_leave(r, key, value, from, "%s", e.text);
		return false;
	}
	row = row_add(r, IMPORT_CARRIED, key, value, from);
	if (row)
		text_escape(note, strlen(note), row->why, sizeof(row->why));
	return row;
}

void import_rule(struct import_rows *r, const char *verb, const char *line, const char *from)
{
	(void)row_add(r, IMPORT_CARRIED, verb, line, from);
}

void import_leave(struct import_rows *r, const char *key, const char *value, const char *from,
		  const char *why, ...)
{
	struct import_row *row = row_add(r, IMPORT_LEFT, key, value, from);
	char text[IMPORT_WHY_MAX];
	va_list ap;

	if (!row)
		return;
	va_start(ap, why);
	vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	text_escape(text, strlen(text), row->why, sizeof(row->why));
}

void import_advise(struct import_rows *r, const char *command, const char *why)
{
	struct import_row *row = row_add(r, IMPORT_ADVICE, "", command, "");

	if (row)
		snprintf(row->why, sizeof(row->why), "%s", why);
}

unsigned import_count(const struct import_rows *r, enum import_fate fate)
{
	unsigned count = 0;

	for (size_t i = 0; i < r->count; i++)
		count += r->row[i].fate == fate;
	return count;
}

const struct import_row *import_find(const struct import_rows *r, const char *key)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->row[i].fate == IMPORT_CARRIED && strcmp(r->row[i].key, key) == 0)
			return &r->row[i];
	return NULL;
}
