/* SPDX-License-Identifier: BSD-2-Clause */
/* What postconf(1) prints: settings, whom Postfix relays for by address (mynetworks), which lists it asks. */
#include "audit/local_inside.h"

#include <stdio.h>
#include <string.h>

#define WORDS ", \t"

/* "zen.spamhaus.org=127.0.0.[2..11]*3": the domain alone. false: it weighs for the client, and is a list of the good. */
static bool site_cut(char *word)
{
	const char *weight = strrchr(word, '*');
	bool is_for = weight && weight[1] == '-';

	word[strcspn(word, "=*")] = '\0';
	return !is_for && word[0];
}

/* postconf(5), postscreen_dnsbl_sites. */
static void sites_read(struct seen_local *l, char *value, const char *where)
{
	char *word;

	while ((word = local_word(&value, WORDS)))
		if (site_cut(word))
			local_zone_add(l, word, where, false);
}

/* postconf(5), reject_rbl_client and reject_rhsbl_*: the list is the next word. */
static void restrictions_read(struct seen_local *l, char *value, const char *where)
{
	char *word;

	while ((word = local_word(&value, WORDS))) {
		bool is_names = strncmp(word, "reject_rhsbl_", strlen("reject_rhsbl_")) == 0;

		if (!is_names && strcmp(word, "reject_rbl_client") != 0 &&
		    strcmp(word, "reject_rbl") != 0)
			continue;
		word = local_word(&value, WORDS);
		if (word && site_cut(word))
			local_zone_add(l, word, where, is_names);
	}
}

/* postconf(5), mynetworks: the first that fits decides. */
static void networks_read(struct seen_local *l, char *value, const char *where)
{
	char *word;

	while ((word = local_word(&value, WORDS)))
		local_trust_add(l, SERVER_POSTFIX, where, word);
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* What is read out of a value cuts it, so it is done on a copy of the piece. */
static void value_read(struct seen_local *l, const char *name, char *value, const char *file)
{
	const char *parameter = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	char where[SEEN_TEXT_MAX];

	snprintf(where, sizeof(where), "%s: %.100s", file, name);
	if (strcmp(parameter, "mynetworks") == 0)
		networks_read(l, value, parameter == name ? name : where);
	else if (strcmp(parameter, "postscreen_dnsbl_sites") == 0)
		sites_read(l, value, where);
	else if (ends_in(parameter, "_restrictions"))
		restrictions_read(l, value, where);
}

/* "name = value" (postconf(1)). */
static char *setting_cut(char *line)
{
	char *value = strstr(line, " =");

	if (!value)
		return NULL;
	*value = '\0';
	return local_trim(value + 2);
}

static void settings_read(struct seen_local *l, const struct local_piece *piece, const char *file)
{
	char *kept = local_keep(l, piece), *cut = local_keep(l, piece), *line;

	while (kept && (line = local_line(&kept))) {
		char *value = setting_cut(line);

		if (value)
			local_setting_add(l, SERVER_POSTFIX, line, value);
	}
	while (cut && (line = local_line(&cut))) {
		char *value = setting_cut(line);

		if (value)
			value_read(l, line, value, file);
	}
}

void local_read_postfix(struct seen_local *l, const struct local_raw *raw)
{
	const struct local_piece *piece = local_piece_find(raw, LOCAL_POSTCONF);

	local_state_set(&l->postfix, piece);
	settings_read(l, piece, "main.cf");
	settings_read(l, local_piece_find(raw, LOCAL_POSTCONF_SERVICES), "master.cf");
}
