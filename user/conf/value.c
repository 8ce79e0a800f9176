/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of the schema's types: checking a text or number and putting it into its place, and back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/when.h"
#include "conf/conf.h"
#include "conf/schema.h"

#define SHOWN_MAX     80  /* bytes of a foreign text in a sentence */
#define PATH_SPARE    128 /* bytes kept for the instance and a file name behind a directory */
#define WORDS_MAX     64  /* of a path that may be a word: three short ones */
#define TEXT_BLANKS   ", \t\r\n" /* what alone is no text */
#define RATE_TEXT_MAX 64	 /* two counts, a time and the word between */

bool schema_is_list(const struct schema_key *k)
{
	return k->type >= SCHEMA_INTERFACES;
}

bool schema_is_text(const struct schema_key *k)
{
	return k->type != SCHEMA_BOOL && k->type != SCHEMA_NUMBER && !schema_is_list(k);
}

unsigned *schema_count(const struct schema_key *k, void *into)
{
	return (unsigned *)((char *)into + k->count_offset);
}

static const char *words_list(const struct schema_key *k, char *buffer, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; k->words[i] && at < size; i++)
		at += (size_t)snprintf(buffer + at, size - at, "%s\"%s\"",
				       !i		 ? ""
				       : k->words[i + 1] ? ", "
							 : " or ",
				       k->words[i]);
	return buffer;
}

static void path_takes(const struct schema_key *k, char *buffer, size_t size)
{
	char words[WORDS_MAX];

	if (k->words)
		snprintf(buffer, size, "%s, or an absolute path in quotes",
			 words_list(k, words, sizeof(words)));
	else
		snprintf(buffer, size, "an absolute path in quotes%s",
			 *k->fallback ? "" : ", or \"\" for none");
}

const char *schema_takes(const struct schema_key *k, char *buffer, size_t size)
{
	char least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];

	switch (k->type) {
	case SCHEMA_NAME:
		snprintf(buffer, size, "1 to %d letters, digits, '-' and '_' in quotes",
			 CONF_INSTANCE_MAX - 1);
		break;
	case SCHEMA_PATH:
		path_takes(k, buffer, size);
		break;
	case SCHEMA_TEXT:
		snprintf(buffer, size, "up to %zu printable ASCII characters in quotes",
			 k->size - 1);
		break;
	case SCHEMA_WORD:
		words_list(k, buffer, size);
		break;
	case SCHEMA_BOOL:
		snprintf(buffer, size, "true or false");
		break;
	case SCHEMA_NUMBER:
		snprintf(buffer, size, "a number from %" PRIu64 " to %" PRIu64, k->least, k->most);
		break;
	case SCHEMA_RATE:
		snprintf(buffer, size, "a rate such as \"120/1m burst 120\", or \"\" for no limit");
		break;
	case SCHEMA_DURATION:
		snprintf(buffer, size, "a time from \"%s\" to \"%s\"",
			 duration_format(k->least, least), duration_format(k->most, most));
		break;
	case SCHEMA_INTERFACES:
		snprintf(buffer, size, "up to %" PRIu64 " interface names such as [\"eth0\"]",
			 k->most);
		break;
	case SCHEMA_PREFIXES:
		snprintf(buffer, size,
			 "up to %" PRIu64 " prefixes such as [\"192.0.2.0/24\", \"2001:db8::/32\"]",
			 k->most);
		break;
	case SCHEMA_PATHS:
		snprintf(buffer, size, "up to %" PRIu64 " files such as [\"%s\"]", k->most,
			 k->takes ? k->takes : "/run/netns/mail");
		break;
	case SCHEMA_TEXTS:
		snprintf(buffer, size, "up to %" PRIu64 " %s", k->most, k->takes);
		break;
	case SCHEMA_GROUPS:
		if (k->least)
			snprintf(buffer, size, "%" PRIu64 " to %" PRIu64 " %s", k->least, k->most,
				 k->takes);
		else
			snprintf(buffer, size, "up to %" PRIu64 " %s", k->most, k->takes);
		break;
	}
	return buffer;
}

void *schema_entry(const struct schema_key *k, void *into, unsigned number)
{
	return (char *)into + k->offset + number * (k->size / k->most);
}

/* Enums, bools and numbers: little-endian or not, the width decides. */
static void scalar_store(const struct schema_key *k, void *into, uint64_t value)
{
	void *at = (char *)into + k->offset;

	switch (k->size) {
	case sizeof(uint8_t):
		*(uint8_t *)at = (uint8_t)value;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)at = (uint16_t)value;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(uint64_t *)at = value;
	}
}

static uint64_t scalar_load(const struct schema_key *k, const void *from)
{
	const void *at = (const char *)from + k->offset;

	switch (k->size) {
	case sizeof(uint8_t):
		return *(const uint8_t *)at;
	case sizeof(uint16_t):
		return *(const uint16_t *)at;
	case sizeof(uint32_t):
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static int refuse(const struct schema_key *k, const char *text, struct err *e)
{
	char shown[SHOWN_MAX], takes[SCHEMA_TAKES_MAX];

	return err_set(e, -EINVAL, "'%s' will not do: it takes %s",
		       text_escape(text, strlen(text), shown, sizeof(shown)),
		       schema_takes(k, takes, sizeof(takes)));
}

static bool is_word(const struct schema_key *k, const char *text)
{
	for (size_t i = 0; k->words && k->words[i]; i++)
		if (strcmp(k->words[i], text) == 0)
			return true;
	return false;
}

bool instance_is_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_";
	size_t length = strlen(name);

	return length && length < CONF_INSTANCE_MAX && strspn(name, allowed) == length;
}

/* What is set is printed and is JSON: nothing that a terminal could obey, and no half of a UTF-8 character. */
static bool is_printable_or(const char *text, const char *others)
{
	for (; *text; text++)
		if ((*text < ' ' || *text > '~') && !strchr(others, *text))
			return false;
	return true;
}

static bool is_printable(const char *text)
{
	return is_printable_or(text, "");
}

static bool path_is_valid(const char *text)
{
	return text[0] == '/' && strlen(text) < PATH_MAX - PATH_SPARE && is_printable(text);
}

/*
 * What the kernel takes for a name (dev_valid_name() in net/core/dev.c), less what is not printable
 * and '%', which it takes for a pattern.
 */
static bool interface_is_valid(const char *text)
{
	return *text && strlen(text) < IFNAMSIZ && strcmp(text, ".") != 0 &&
	       strcmp(text, "..") != 0 && !strpbrk(text, "/: %") && is_printable(text);
}

/* Bytes of an entry of a list of texts; the text comes first in it. */
static size_t entry_size(const struct schema_key *k)
{
	switch (k->type) {
	case SCHEMA_PATHS:
		return PATH_MAX;
	case SCHEMA_TEXTS:
		return sizeof(struct conf_text);
	default:
		return IFNAMSIZ;
	}
}

static bool entry_is_valid(const struct schema_key *k, const char *text)
{
	switch (k->type) {
	case SCHEMA_PATHS:
		return path_is_valid(text);
	case SCHEMA_TEXTS:
		/* Commas and blanks may divide it: a list is often broken over lines. */
		return *text && strlen(text) < CONF_TEXT_MAX &&
		       text[strspn(text, TEXT_BLANKS)] != '\0' &&
		       is_printable_or(text, TEXT_BLANKS);
	default:
		return interface_is_valid(text);
	}
}

static bool list_has(const struct schema_key *k, const void *list, unsigned count,
		     const void *entry)
{
	for (unsigned i = 0; i < count; i++) {
		if (k->type == SCHEMA_PREFIXES) {
			if (prefix_equal((const struct prefix *)list + i, entry))
				return true;
		} else if (strcmp((const char *)list + i * entry_size(k), entry) == 0) {
			return true;
		}
	}
	return false;
}

static int list_append(const struct schema_key *k, const char *text, void *into, struct err *e)
{
	unsigned *count = schema_count(k, into);
	char *list = (char *)into + k->offset;
	struct prefix p;
	const void *entry = k->type == SCHEMA_PREFIXES ? (const void *)&p : text;
	char shown[SHOWN_MAX];
	int ret;

	if (k->type == SCHEMA_PREFIXES) {
		ret = prefix_parse(text, &p, e);
		if (ret < 0)
			return ret;
	}
	text_escape(text, strlen(text), shown, sizeof(shown));
	if (k->type == SCHEMA_INTERFACES && strlen(text) >= IFNAMSIZ)
		return err_set(e, -EINVAL,
			       "'%s' is too long: an interface's name has at most %d characters",
			       shown, IFNAMSIZ - 1);
	if (k->type != SCHEMA_PREFIXES && !entry_is_valid(k, text))
		return refuse(k, text, e);
	/* A list of sites may say the same twice, and mean it: each adds its weight. */
	if (k->type != SCHEMA_TEXTS && list_has(k, list, *count, entry))
		return err_set(e, -EINVAL, "'%s' is there twice", shown);
	if (*count >= k->most)
		return err_set(e, -EINVAL, "'%s' is one too many: at most %" PRIu64, shown,
			       k->most);
	if (k->type == SCHEMA_PREFIXES)
		((struct prefix *)list)[*count] = p;
	else
		strcpy(list + *count * entry_size(k), text);
	(*count)++;
	return 0;
}

static int duration_put(const struct schema_key *k, const char *text, void *into, struct err *e)
{
	uint64_t s;
	int ret = duration_parse(text, &s, e);

	if (ret < 0)
		return ret;
	if (s < k->least || s > k->most)
		return refuse(k, text, e);
	scalar_store(k, into, s);
	return 0;
}

int schema_put_text(const struct schema_key *k, const char *text, void *into, struct err *e)
{
	char *at = (char *)into + k->offset;

	switch (k->type) {
	case SCHEMA_NAME:
		if (!instance_is_valid(text))
			return refuse(k, text, e);
		strcpy(at, text);
		return 0;
	case SCHEMA_PATH:
		if (!path_is_valid(text) && (*text || *k->fallback) && !is_word(k, text))
			return refuse(k, text, e);
		strcpy(at, text);
		return 0;
	case SCHEMA_TEXT:
		if (strlen(text) >= k->size || !is_printable(text))
			return refuse(k, text, e);
		if (k->check && k->check(text, e))
			return -EINVAL;
		strcpy(at, text);
		return 0;
	case SCHEMA_WORD:
		for (size_t i = 0; k->words[i]; i++) {
			if (strcmp(k->words[i], text) == 0) {
				scalar_store(k, into, i);
				return 0;
			}
		}
		return refuse(k, text, e);
	case SCHEMA_RATE:
		return rate_parse(text, (struct conf_rate *)at, e);
	case SCHEMA_DURATION:
		return duration_put(k, text, into, e);
	case SCHEMA_INTERFACES:
	case SCHEMA_PREFIXES:
	case SCHEMA_PATHS:
	case SCHEMA_TEXTS:
		return list_append(k, text, into, e);
	default:
		return refuse(k, text, e);
	}
}

void schema_set_line(const struct schema_key *k, void *into, unsigned line)
{
	unsigned count = *schema_count(k, into);

	if (k->type == SCHEMA_TEXTS && count)
		((struct conf_text *)((char *)into + k->offset))[count - 1].line = line;
}

int schema_put_number(const struct schema_key *k, long long value, void *into, struct err *e)
{
	char takes[SCHEMA_TAKES_MAX];

	if (k->type != SCHEMA_BOOL &&
	    (value < 0 || (uint64_t)value < k->least || (uint64_t)value > k->most))
		return err_set(e, -EINVAL, "%lld is out of bounds: it takes %s", value,
			       schema_takes(k, takes, sizeof(takes)));
	scalar_store(k, into, (uint64_t)value);
	return 0;
}

static json_t *group_get(const struct schema_key *members, const void *entry)
{
	json_t *object = json_object();

	for (const struct schema_key *k = members; object && k->name; k++) {
		if (json_object_set_new(object, k->name, schema_get(k, entry)) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *list_entry_get(const struct schema_key *k, const char *list, unsigned i)
{
	char text[PREFIX_TEXT_MAX];

	switch (k->type) {
	case SCHEMA_PREFIXES:
		return json_string(prefix_format((const struct prefix *)list + i, text));
	case SCHEMA_GROUPS:
		return group_get(k->members, list + i * (k->size / k->most));
	default:
		return json_string(list + i * entry_size(k));
	}
}

static json_t *list_get(const struct schema_key *k, const void *from)
{
	unsigned count = *(const unsigned *)((const char *)from + k->count_offset);
	json_t *array = json_array();

	for (unsigned i = 0; array && i < count; i++) {
		if (json_array_append_new(
			    array, list_entry_get(k, (const char *)from + k->offset, i)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *schema_get(const struct schema_key *k, const void *from)
{
	const char *at = (const char *)from + k->offset;
	char text[RATE_TEXT_MAX];

	switch (k->type) {
	case SCHEMA_NAME:
	case SCHEMA_PATH:
	case SCHEMA_TEXT:
		return json_string(at);
	case SCHEMA_WORD:
		return json_string(k->words[scalar_load(k, from)]);
	case SCHEMA_BOOL:
		return json_boolean(scalar_load(k, from));
	case SCHEMA_NUMBER:
		return json_integer((json_int_t)scalar_load(k, from));
	case SCHEMA_RATE:
		return json_string(rate_format((const struct conf_rate *)at, text, sizeof(text)));
	case SCHEMA_DURATION:
		return json_string(duration_format(scalar_load(k, from), text));
	default:
		return list_get(k, from);
	}
}
