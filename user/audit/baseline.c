/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has changed since an earlier report. A baseline is a file that anybody may have written: it is bounded, each line is checked before it
 * is believed, and its texts are cleaned before they are shown. Findings that could not be decided this time are left out of the
 * comparison, so that a server that is down for an hour does not look mended.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/check.h"
#include "audit/report_inside.h"
#include "base/grow.h"

#define BASELINE_ROWS_MAX 20000 /* 50 checks of some 100 addresses are 5000 */
#define BASELINE_PORT_MAX 65535
/* A key is an id, a target, an address and a port; room for their escapes too. */
#define KEY_MAX	      2048
#define SKELETON_MAX  FINDING_TEXT_MAX
#define RANK_SEVERITY 2 /* between severities a warning and a failure have room */

struct entry {
	json_t *row; /* owned */
	char *key, *skeleton;
	unsigned rank;
	bool was_taken; /* while comparing: it has its finding */
};

struct baseline {
	struct entry *entry;
	unsigned count;
	size_t room;
};

/* ---- what findings are compared by ---- */

/* 0: nothing is wrong. Else the worse the higher. */
static unsigned rank_of(enum audit_status status, enum severity severity)
{
	if (status != AUDIT_FAIL && status != AUDIT_WARN)
		return 0;
	return 1 + RANK_SEVERITY * severity + (status == AUDIT_FAIL);
}

static bool is_undecided(enum audit_status status)
{
	return status == AUDIT_INCONCLUSIVE || status == AUDIT_SKIPPED;
}

static void key_write(char key[static KEY_MAX], const char *id, const char *target,
		      const char *address, unsigned port)
{
	snprintf(key, KEY_MAX, "%s\n%s\n%s\n%u", id, target, address, port);
}

static void key_of_finding(const struct finding *f, char key[static KEY_MAX])
{
	char address[ADDR_TEXT_MAX] = "", target[FINDING_TEXT_MAX];

	if (f->has_addr)
		addr_format(&f->addr, address);
	key_write(key, f->id, report_clean(f->target, target, sizeof(target)), address, f->port);
}

/* The sentence without its digits: days and counts go on, and the finding stays the same. */
static void skeleton_write(const char *text, char skeleton[static SKELETON_MAX])
{
	size_t at = 0;

	for (; *text && at + 1 < SKELETON_MAX; text++)
		if (!isdigit((unsigned char)*text))
			skeleton[at++] = *text;
	skeleton[at] = '\0';
}

/* Of this check ("banner" of "banner.version"), by the first line of a key. */
static bool is_of_check(const char *key, const char *check)
{
	size_t length = strlen(check);

	return strncmp(key, check, length) == 0 && (key[length] == '.' || key[length] == '\n');
}

/* ---- reading ---- */

static int text_check(const json_t *row, const char *key, bool may_be_null, const char **out)
{
	const json_t *value = json_object_get(row, key);
	const char *text = json_string_value(value);

	*out = text ? text : "";
	if (may_be_null && json_is_null(value))
		return 0;
	if (!text || strlen(text) >= FINDING_TEXT_MAX || strlen(text) != json_string_length(value))
		return -EINVAL;
	return 0;
}

/* What is used of a row is there and of its kind; the rest does not matter. */
static int entry_read(json_t *row, struct entry *out)
{
	const char *id, *target, *address, *finding, *status, *severity;
	const json_t *port = json_object_get(row, "port");
	char key[KEY_MAX], skeleton[SKELETON_MAX], clean[FINDING_TEXT_MAX];
	enum audit_status s;
	enum severity severe;
	struct addr a;

	if (json_integer_value(json_object_get(row, "schema")) != REPORT_SCHEMA ||
	    text_check(row, "id", false, &id) || text_check(row, "target", false, &target) ||
	    text_check(row, "address", true, &address) ||
	    text_check(row, "finding", false, &finding) ||
	    text_check(row, "status", false, &status) ||
	    text_check(row, "severity", false, &severity) || audit_status_parse(status, &s) ||
	    severity_parse(severity, &severe))
		return -EINVAL;
	if (!id[0] || strlen(id) >= FINDING_ID_MAX || (*address && addr_parse(address, &a, NULL)))
		return -EINVAL;
	if (!json_is_null(port) && (!json_is_integer(port) || json_integer_value(port) < 1 ||
				    json_integer_value(port) > BASELINE_PORT_MAX))
		return -EINVAL;
	key_write(key, id, report_clean(target, clean, sizeof(clean)), address,
		  (unsigned)json_integer_value(port));
	skeleton_write(report_clean(finding, clean, sizeof(clean)), skeleton);
	*out = (struct entry){
		.key = strdup(key), .skeleton = strdup(skeleton), .rank = rank_of(s, severe)};
	if (!out->key || !out->skeleton) {
		free(out->key);
		free(out->skeleton);
		return -ENOMEM;
	}
	out->row = json_incref(row);
	return 0;
}

static bool is_gone_row(const json_t *row)
{
	const char *change = json_string_value(json_object_get(row, "change"));

	return change && strcmp(change, change_name(CHANGE_GONE)) == 0;
}

static int line_read(struct baseline *b, const char *line, size_t length, unsigned number,
		     struct err *e)
{
	json_t *row = json_loadb(line, length, 0, NULL);
	const json_t *summary = json_object_get(row, "summary");
	struct entry *entry;
	int ret = 0;

	if (!json_is_object(row)) {
		ret = err_set(e, -EINVAL, "line %u of the baseline is no JSON object", number);
	} else if (summary) {
		if (json_is_true(json_object_get(summary, "only_changes")))
			ret = err_set(e, -EINVAL,
				      "the baseline is a report of changes alone: take a whole "
				      "one (without --changes)");
	} else if (b->count == BASELINE_ROWS_MAX) {
		ret = err_set(e, -E2BIG, "the baseline has more than %d findings",
			      BASELINE_ROWS_MAX);
	} else if (!is_gone_row(row)) {
		entry = grow(b->entry, b->count, &b->room, sizeof(*b->entry));
		if (entry)
			b->entry = entry;
		ret = entry ? entry_read(row, &b->entry[b->count]) : -ENOMEM;
		if (ret == 0)
			b->count++;
		else
			err_set(e, ret,
				ret == -ENOMEM ? "no memory for line %u of the baseline"
					       : "line %u of the baseline is no finding of "
						 "`postern audit --json`",
				number);
	}
	json_decref(row);
	return ret;
}

int baseline_read(struct baseline **out, const char *text, size_t length, struct err *e)
{
	struct baseline *b;
	unsigned number = 0;
	int ret = 0;

	if (length > BASELINE_BYTES_MAX)
		return err_set(e, -EFBIG, "the baseline is longer than %d bytes",
			       BASELINE_BYTES_MAX);
	b = calloc(1, sizeof(*b));
	if (!b)
		return err_set(e, -ENOMEM, "no memory for the baseline");
	for (size_t at = 0; at < length && ret == 0;) {
		const char *stop = memchr(text + at, '\n', length - at);
		size_t line = stop ? (size_t)(stop - text) - at : length - at;

		number++;
		if (line)
			ret = line_read(b, text + at, line, number, e);
		at += line + 1;
	}
	if (ret < 0) {
		baseline_free(b);
		return ret;
	}
	*out = b;
	return 0;
}

void baseline_free(struct baseline *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < b->count; i++) {
		json_decref(b->entry[i].row);
		free(b->entry[i].key);
		free(b->entry[i].skeleton);
	}
	free(b->entry);
	free(b);
}

unsigned baseline_count(const struct baseline *b)
{
	return b->count;
}

/* ---- comparing ---- */

/* The entry of this key that is not taken yet; the one with this skeleton, or NULL for any. */
static struct entry *entry_find(const struct baseline *b, const char *key, const char *skeleton)
{
	for (unsigned i = 0; i < b->count; i++) {
		struct entry *e = &b->entry[i];

		if (!e->was_taken && strcmp(e->key, key) == 0 &&
		    (!skeleton || strcmp(e->skeleton, skeleton) == 0))
			return e;
	}
	return NULL;
}

static enum change change_of(const struct finding *f, const struct entry *was)
{
	unsigned rank = rank_of(f->status, f->severity);

	if (is_undecided(f->status))
		return CHANGE_NONE;
	if (!was)
		return rank ? CHANGE_NEW : CHANGE_NONE;
	if (rank == was->rank)
		return CHANGE_NONE;
	return rank > was->rank ? CHANGE_WORSE : CHANGE_BETTER;
}

/* Was the entry's check undecided this time, there where the entry is about? Then nobody knows whether it is gone. */
static bool entry_is_undecided(const struct entry *e, const struct findings *f)
{
	const char *place = strchr(e->key, '\n');
	bool undecided = false;

	for (unsigned i = 0; i < f->count; i++) {
		char key[KEY_MAX], *end;

		if (!is_of_check(e->key, f->row[i]->check->id))
			continue;
		key_of_finding(f->row[i], key);
		/* Ports apart: who cannot be reached at all says so once. */
		end = strrchr(key, '\n');
		if (strncmp(strchr(key, '\n'), place, (size_t)(end - strchr(key, '\n')) + 1) != 0)
			continue;
		if (!is_undecided(f->row[i]->status))
			return false;
		undecided = true;
	}
	return undecided;
}

/* Each entry to one finding: first those whose sentences agree, then by what is left. */
static void entries_match(const struct baseline *b, const struct findings *f, struct entry **was)
{
	char key[KEY_MAX], skeleton[SKELETON_MAX], clean[FINDING_TEXT_MAX];

	for (unsigned i = 0; i < b->count; i++)
		b->entry[i].was_taken = false;
	for (int is_second = 0; is_second < 2; is_second++)
		for (unsigned i = 0; i < f->count; i++) {
			if (was[i])
				continue;
			key_of_finding(f->row[i], key);
			skeleton_write(report_clean(f->row[i]->text, clean, sizeof(clean)),
				       skeleton);
			was[i] = entry_find(b, key, is_second ? NULL : skeleton);
			if (was[i])
				was[i]->was_taken = true;
		}
}

int baseline_compare(const struct baseline *b, const struct findings *f, enum change *change,
		     const json_t **gone, unsigned *gone_count)
{
	struct entry **was = calloc(f->count + 1, sizeof(struct entry *));

	if (!was)
		return -ENOMEM;
	entries_match(b, f, was);
	*gone_count = 0;
	for (unsigned i = 0; i < f->count; i++)
		change[i] = change_of(f->row[i], was[i]);
	for (unsigned i = 0; i < b->count; i++) {
		const struct entry *e = &b->entry[i];

		if (!e->was_taken && e->rank && !entry_is_undecided(e, f))
			gone[(*gone_count)++] = e->row;
	}
	free(was);
	return 0;
}

/* ---- the next one ---- */

int baseline_write(const struct report *r, FILE *out)
{
	const struct findings *f = r->findings;
	struct entry **was = calloc(f->count + 1, sizeof(struct entry *));
	int ret = was ? 0 : -ENOMEM;

	if (was && r->baseline)
		entries_match(r->baseline, f, was);
	for (unsigned i = 0; ret == 0 && i < f->count; i++) {
		bool keeps = was[i] && is_undecided(f->row[i]->status);

		ret = json_line(out,
				keeps ? report_json_gone(was[i]->row) : report_json_row(f->row[i]));
	}
	for (unsigned i = 0; ret == 0 && r->baseline && i < r->baseline->count; i++) {
		const struct entry *e = &r->baseline->entry[i];

		if (!e->was_taken && e->rank && entry_is_undecided(e, f))
			ret = json_line(out, report_json_gone(e->row));
	}
	free(was);
	return report_flush(out, ret);
}
