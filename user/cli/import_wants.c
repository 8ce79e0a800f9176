/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which tables of Postfix must be read before its configuration can be understood. The list is made by who has no rights any more, of
 * foreign bytes, and carried out by who has them: so it is held to a few types, absolute paths and names of the DNS.
 */
#include <string.h>

#include "cli/import.h"

/* proxymap(8): the same table, opened by another process of Postfix. */
#define PROXY "proxy:"

/* Texts that Postfix, or postmap(1) for it, reads line by line (DATABASE_README). */
static const char *const texts[] = {"cidr", "texthash", "hash", "btree", "lmdb", "cdb", "dbm"};
/* Of those: what Postfix reads itself as a text. */
static const char *const unindexed[] = {"cidr", "texthash"};
/* Beside those: what can be asked about a name, though not listed. */
static const char *const patterns[] = {"pcre", "regexp"};

const char *import_spec(const char *spec)
{
	return strncmp(spec, PROXY, strlen(PROXY)) == 0 ? spec + strlen(PROXY) : spec;
}

static bool is_among(const char *const *types, size_t count, const char *spec)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(types[i]);

		if (strncmp(spec, types[i], length) == 0 && spec[length] == ':')
			return true;
	}
	return false;
}

static bool path_check(const char *path)
{
	if (path[0] != '/' || strstr(path, "/../"))
		return false;
	for (; *path; path++)
		if (*path <= ' ' || *path > '~')
			return false;
	return true;
}

const char *access_path(const char *spec)
{
	const char *colon;

	spec = import_spec(spec);
	colon = strchr(spec, ':');
	if (!colon || !is_among(texts, sizeof(texts) / sizeof(texts[0]), spec) ||
	    !path_check(colon + 1))
		return NULL;
	return colon + 1;
}

bool access_is_indexed(const char *spec)
{
	return access_path(spec) &&
	       !is_among(unindexed, sizeof(unindexed) / sizeof(unindexed[0]), import_spec(spec));
}

bool import_want_check(const struct import_want *w)
{
	const char *spec = import_spec(w->spec), *colon = strchr(spec, ':');

	if (!w->is_question)
		return access_path(w->spec) != NULL;
	if (!colon || !path_check(colon + 1) || site_domain_check(w->key, NULL) < 0)
		return false;
	return is_among(texts, sizeof(texts) / sizeof(texts[0]), spec) ||
	       is_among(patterns, sizeof(patterns) / sizeof(patterns[0]), spec);
}

struct wants {
	struct import_want *list;
	unsigned count;
};

static void want_add(struct wants *w, bool is_question, const char *spec, const char *key)
{
	struct import_want one = {.is_question = is_question};

	if (strlen(spec) >= sizeof(one.spec) || strlen(key) >= sizeof(one.key) ||
	    w->count == IMPORT_WANTS_MAX)
		return;
	memcpy(one.spec, spec, strlen(spec));
	memcpy(one.key, key, strlen(key));
	for (unsigned i = 0; i < w->count; i++)
		if (memcmp(&w->list[i], &one, sizeof(one)) == 0)
			return;
	if (import_want_check(&one))
		w->list[w->count++] = one;
}

static void table_add(void *context, const struct access_table *table)
{
	want_add(context, false, table->spec, "");
}

static void questions_add(struct wants *w, const struct postfix *p)
{
	struct postfix_value map, sites;
	char word[CONF_TEXT_MAX];

	if (!postfix_get(p, POSTFIX_SCREEN, "postscreen_dnsbl_reply_map", &map) || !*map.text ||
	    !postfix_get(p, POSTFIX_SCREEN, "postscreen_dnsbl_sites", &sites))
		return;
	for (const char *at = sites.text; postfix_word(&at, word, sizeof(word));) {
		word[strcspn(word, "=*")] = '\0';
		want_add(w, true, map.text, word);
	}
}

unsigned import_wants(const struct import_source *s, struct import_want *list)
{
	struct wants w = {.list = list};
	struct postfix_value v;
	struct postfix p;
	char word[CONF_TEXT_MAX];

	if (postfix_read(s, &p) == 0) {
		if (p.screens && postfix_get(&p, POSTFIX_SCREEN, "postscreen_access_list", &v))
			for (const char *at = v.text; postfix_word(&at, word, sizeof(word));)
				want_add(&w, false, word, "");
		import_smtpd_tables(&p, table_add, &w);
		if (p.screens)
			questions_add(&w, &p);
	}
	postfix_free(&p);
	return w.count;
}
