/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSMTPD's smtpd.conf(5), of which the rules for relaying are read, and Dovecot's settings as doveconf(1) prints them, nested, with
 * slashes between the levels: "plugin/quota_rule".
 */
#include "audit/local_inside.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MAX  64 /* of one rule */
#define TABLES_MAX 32
#define DEPTH_MAX  8
#define NAME_MAX_  256

/* ---- smtpd.conf ---- */

struct smtpd_table {
	const char *name, *words; /* "" of one that is elsewhere */
};

struct smtpd_tables {
	struct smtpd_table row[TABLES_MAX];
	unsigned count;
};

/* Lines that end in a backslash go on; so does a list in braces. */
static void lines_join(char *text)
{
	bool in_braces = false, in_comment = false;

	for (char *at = text; *at; at++) {
		if (*at == '#')
			in_comment = true;
		if (*at == '\n') {
			if (in_braces || (at > text && at[-1] == '\\'))
				*at = ' ';
			if (at > text && at[-1] == '\\')
				at[-1] = ' ';
			in_comment = false;
		}
		if (in_comment)
			*at = ' ';
		else if (*at == '{' || *at == '}')
			in_braces = *at == '{';
	}
}

static unsigned words_cut(char *line, char **words)
{
	unsigned count = 0;
	char *word;

	while (count < WORDS_MAX && (word = local_word(&line, " \t,")))
		words[count++] = word;
	return count;
}

static void table_read(struct smtpd_tables *tables, char *line)
{
	char *name, *open = strchr(line, '{');

	if (open)
		*open = '\0';
	name = local_word(&line, " \t");
	if (!name || tables->count == TABLES_MAX)
		return;
	if (open)
		open[1 + strcspn(open + 1, "}")] = '\0';
	tables->row[tables->count++] = (struct smtpd_table){name, open ? open + 1 : NULL};
}

static void trust_words(struct seen_local *l, const char *words)
{
	char copy[4096], *at = copy, *word;

	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = local_word(&at, " \t,{}\"'")))
		local_trust_add(l, SERVER_OPENSMTPD, "smtpd.conf", word);
}

static void trust_source(struct seen_local *l, const struct smtpd_tables *tables, char *word)
{
	char name[NAME_MAX_];

	if (word[0] != '<') {
		trust_words(l, word);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 1, ">"), word + 1);
	for (unsigned i = 0; i < tables->count; i++)
		if (strcmp(tables->row[i].name, name) == 0 && tables->row[i].words) {
			trust_words(l, tables->row[i].words);
			return;
		}
	local_trust_add(l, SERVER_OPENSMTPD, "smtpd.conf", word);
}

/*
 * smtpd.conf(5), "match": without `from` it is for local clients, without `for` for local domains; `auth` asks for a password.
 * Whoever it lets send to anywhere by his address alone is trusted.
 */
static void match_read(struct seen_local *l, const struct smtpd_tables *tables, char *line)
{
	char *words[WORDS_MAX], *source = NULL;
	unsigned count = words_cut(line, words);
	bool from_any = false, for_any = false, asks = false, refuses = false;

	for (unsigned i = 0; i < count; i++) {
		const char *next = i + 1 < count ? words[i + 1] : "";
		bool is_not = i && strcmp(words[i - 1], "!") == 0;

		if (strcmp(words[i], "auth") == 0 && !is_not)
			asks = true;
		else if (strcmp(words[i], "from") == 0 && strcmp(next, "any") == 0)
			from_any = true;
		else if (strcmp(words[i], "from") == 0 && strcmp(next, "src") == 0 && i + 2 < count)
			source = words[i + 2];
		else if (strcmp(words[i], "for") == 0 && strcmp(next, "any") == 0)
			for_any = true;
		else if (strcmp(words[i], "reject") == 0)
			refuses = true;
	}
	if (asks || refuses || !for_any)
		return;
	if (from_any)
		local_trust_add(l, SERVER_OPENSMTPD, "smtpd.conf: match from any for any", "any");
	if (!source)
		return;
	/* "src { a, b }": the words up to the closing brace. */
	for (unsigned i = 0; i < count; i++) {
		bool is_last = source[0] != '{' || strchr(words[i], '}');

		if (words[i] < source)
			continue;
		trust_source(l, tables, words[i]);
		if (is_last)
			return;
	}
}

void local_read_smtpd(struct seen_local *l, const struct local_raw *raw)
{
	const struct local_piece *piece = local_piece_find(raw, LOCAL_SMTPD_CONF);
	char *text = local_keep(l, piece), *line;
	struct smtpd_tables tables = {0};

	local_state_set(&l->smtpd, piece);
	if (text)
		lines_join(text);
	while (text && (line = local_line(&text))) {
		line = local_trim(line);
		if (strncmp(line, "table ", 6) == 0)
			table_read(&tables, line + 6);
		else if (strncmp(line, "match ", 6) == 0)
			match_read(l, &tables, line + 6);
	}
}

/* ---- doveconf ---- */

struct levels {
	const char *name[DEPTH_MAX];
	unsigned depth, beyond; /* beyond: deeper ones, whose names are not kept */
};

/* The name with its levels, written into the room of a text that lives as long as l. */
static void setting_nested(struct seen_local *l, const struct levels *at, const char *name,
			   const char *value)
{
	struct local_piece full = {0};
	char path[NAME_MAX_ * 2];
	size_t used = 0;

	if (!at->depth) {
		local_setting_add(l, SERVER_DOVECOT, name, value);
		return;
	}
	for (unsigned i = 0; i < at->depth && used < NAME_MAX_; i++)
		used += (size_t)snprintf(path + used, NAME_MAX_ - used, "%.32s/", at->name[i]);
	snprintf(path + used, sizeof(path) - used, "%.200s", name);
	full.bytes = path;
	full.length = strlen(path);
	name = local_keep(l, &full);
	if (name)
		local_setting_add(l, SERVER_DOVECOT, name, value);
}

static void level_open(struct levels *at, char *line)
{
	line[strlen(line) - 1] = '\0';
	if (at->depth == DEPTH_MAX)
		at->beyond++;
	else
		at->name[at->depth++] = local_trim(line);
}

static void level_close(struct levels *at)
{
	if (at->beyond)
		at->beyond--;
	else if (at->depth)
		at->depth--;
}

void local_read_dovecot(struct seen_local *l, const struct local_raw *raw)
{
	const struct local_piece *piece = local_piece_find(raw, LOCAL_DOVECONF);
	char *text = local_keep(l, piece), *line;
	struct levels at = {0};

	local_state_set(&l->dovecot, piece);
	while (text && (line = local_line(&text))) {
		char *value;

		line = local_trim(line);
		value = strchr(line, '=');
		if (!line[0] || line[0] == '#')
			continue;
		if (line[0] == '}') {
			level_close(&at);
		} else if (line[strlen(line) - 1] == '{' && !value) {
			level_open(&at, line);
		} else if (value && !at.beyond) {
			*value = '\0';
			setting_nested(l, &at, local_trim(line), local_trim(value + 1));
		}
	}
}
