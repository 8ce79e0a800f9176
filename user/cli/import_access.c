/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of clients. In Postfix the first entry that fits decides; in the gate allow beats every block, every block beats trust, and
 * within one kind the order does not matter. So what lets in becomes trust (the lists are not asked, limits still hold, as in Postfix), or
 * allow where it stands before something wider that turns away.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/grow.h"
#include "base/json.h"
#include "cli/import.h"

#define ENTRIES_MAX    4096 /* each is compared with each; more belongs into a feed or `import list` */
#define TABLE_LINE_MAX 1024
#define LINES_LEFT     8 /* that could not be carried, of one table: told one by one up to here */
#define OCTETS	       4 /* of IPv4; IPv6 is written in groups of 16 bits */
#define GROUPS	       8

enum access_verdict { ACCESS_PERMIT, ACCESS_REJECT, ACCESS_DUNNO };

struct access_entry {
	struct prefix prefix;
	enum access_verdict verdict;
	bool is_hidden; /* one above it decides for all of it */
	char from[IMPORT_FROM_MAX];
};

struct table {
	struct access_list *list;
	struct import_rows *rows;
	const char *spec;
	bool is_screen, is_cidr;
	unsigned line, left;
	unsigned depth; /* of "if" */
};

static void entry_leave(struct table *t, const char *text, const char *why)
{
	char where[IMPORT_FROM_MAX];

	if (t->left++ >= LINES_LEFT)
		return;
	snprintf(where, sizeof(where), "%.120s line %u", t->spec, t->line);
	import_leave(t->rows, "", text, where, "%s", why);
}

/* ---- what an entry says ---- */

static bool is_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncasecmp(text, word, length) == 0 && !isalnum((unsigned char)text[length]) &&
	       text[length] != '_';
}

/* postscreen(8) knows three words; access(5) some more, numbers that let in and codes that turn away. */
static int verdict_of(const struct table *t, const char *text, enum access_verdict *out)
{
	static const struct {
		const char *word;
		enum access_verdict verdict;
		bool is_smtpds;
	} words[] = {
		{"permit", ACCESS_PERMIT, false}, {"reject", ACCESS_REJECT, false},
		{"dunno", ACCESS_DUNNO, false},	  {"ok", ACCESS_PERMIT, true},
		{"drop", ACCESS_REJECT, true},
	};
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(text, words[i].word) && !(t->is_screen && words[i].is_smtpds)) {
			*out = words[i].verdict;
			return 0;
		}
	if (t->is_screen || !digits || (text[digits] && (digits != 3 || text[0] != '5')))
		return -EINVAL;
	*out = text[digits] ? ACCESS_REJECT : ACCESS_PERMIT;
	return 0;
}

/* "192.0.2" in an indexed table is 192.0.2.0/24 (access(5), "HOST NAME/ADDRESS PATTERNS"); IPv6 likewise by ":". */
static int key_parse(const char *key, struct prefix *out)
{
	char text[PREFIX_TEXT_MAX];
	unsigned octets = 1; /* or groups */
	bool is_v6 = strchr(key, ':');

	if (prefix_parse(key, out, NULL) == 0)
		return 0;
	for (const char *c = key; *c; c++) {
		if (!isxdigit((unsigned char)*c) && *c != '.' && *c != ':')
			return -EINVAL;
		octets += *c == '.' || *c == ':';
	}
	if (octets >= (is_v6 ? GROUPS : OCTETS))
		return -EINVAL;
	if (is_v6)
		snprintf(text, sizeof(text), "%.40s::/%u", key, 16 * octets);
	else
		snprintf(text, sizeof(text), "%.20s%s/%u", key, &".0.0.0"[2 * (octets - 1)],
			 8 * octets);
	return prefix_parse(text, out, NULL);
}

static void entry_add(struct table *t, const struct prefix *p, enum access_verdict verdict)
{
	struct access_list *a = t->list;
	struct access_entry *list;

	if (a->count == ENTRIES_MAX) {
		a->is_cut = true;
		return;
	}
	list = grow(a->entry, a->count, &a->room, sizeof(*a->entry));
	if (!list) {
		t->rows->is_short = true;
		return;
	}
	a->entry = list;
	list[a->count] = (struct access_entry){.prefix = *p, .verdict = verdict};
	snprintf(list[a->count++].from, sizeof(list->from), "%.150s line %u", t->spec, t->line);
}

/* ---- lines ---- */

/* cidr_table(5): if PATTERN ... endif. */
static bool condition_take(struct table *t, const char *key)
{
	if (!t->is_cidr)
		return false;
	if (strcasecmp(key, "if") == 0)
		t->depth++;
	else if (strcasecmp(key, "endif") == 0)
		t->depth -= t->depth ? 1 : 0;
	else
		return false;
	return true;
}

static void line_take(struct table *t, char *line)
{
	char *key = line + strspn(line, " \t"), *value = key + strcspn(key, " \t");
	enum access_verdict verdict;
	struct prefix p;

	if (!*key || *key == '#')
		return;
	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t");
	if (condition_take(t, key))
		return;
	if (t->depth || key[0] == '!')
		entry_leave(t, key, "a condition: write out which networks it stands for");
	else if (key_parse(key, &p) < 0)
		entry_leave(t, key, "not an address or a network");
	else if (verdict_of(t, value, &verdict) < 0)
		entry_leave(t, value,
			    "neither lets in nor turns away for good: it goes on in Postfix");
	else if (p.bits == 0 || p.bits == ADDR_V4_LEAD_BITS)
		entry_leave(t, key, "this is everybody");
	else
		entry_add(t, &p, verdict);
}

/* Nothing but blanks, or a comment: also in the middle of what goes on behind it. */
static bool is_skipped(const char *line, size_t length)
{
	size_t blank = 0;

	while (blank < length && isspace((unsigned char)line[blank]))
		blank++;
	return blank == length || line[blank] == '#';
}

/* A line that starts with white space continues the one above it (cidr_table(5), postmap(1)). */
static void lines_read(struct table *t, const char *at, const char *end)
{
	char line[TABLE_LINE_MAX];
	size_t used = 0;
	unsigned number = 0;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop ? stop : end) - at), taken;
		bool goes_on = *at == ' ' || *at == '\t';

		number++;
		if (!is_skipped(at, length)) {
			if (!goes_on && used)
				line_take(t, line);
			if (!goes_on) {
				used = 0;
				t->line = number;
			}
			/* Of a long one the beginning says it all. */
			taken = length < sizeof(line) - 1 - used ? length : sizeof(line) - 1 - used;
			memcpy(line + used, at, taken);
			used += taken;
			line[used] = '\0';
		}
		at += length + 1;
	}
	if (used)
		line_take(t, line);
}

void access_read(struct access_list *a, const struct import_source *s, const char *spec,
		 const char *from, bool is_screen, struct import_rows *rows)
{
	struct table t = {.list = a,
			  .rows = rows,
			  .spec = spec,
			  .is_screen = is_screen,
			  .is_cidr = strncmp(import_spec(spec), "cidr:", 5) == 0};
	const struct import_piece *said = import_answer(s, spec, NULL);

	if (!said) {
		import_leave(rows, "", spec, from,
			     "a table of this type, or at this place, cannot be read as a text");
		return;
	}
	if (said->code || !said->bytes) {
		import_leave(rows, "", spec, from, "it could not be read: %s", said->why);
		return;
	}
	lines_read(&t, said->bytes, said->bytes + said->length);
	if (t.left > LINES_LEFT)
		import_leave(rows, "", spec, from, "%u more lines of it that cannot be carried",
			     t.left - LINES_LEFT);
	if (a->is_cut)
		import_leave(rows, "", spec, from,
			     "only its first %d entries are here: give so long a table to "
			     "`postern import list` or to a feed",
			     ENTRIES_MAX);
}

/* ---- what they mean together ---- */

static void hidden_mark(struct access_list *a)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < i && !a->entry[i].is_hidden; j++)
			a->entry[i].is_hidden =
				!a->entry[j].is_hidden &&
				prefix_covers(&a->entry[j].prefix, &a->entry[i].prefix);
}

/* Does something below it turn away more than it lets in? */
static bool has_wider_reject(const struct access_list *a, size_t i)
{
	for (size_t j = i + 1; j < a->count; j++)
		if (!a->entry[j].is_hidden && a->entry[j].verdict == ACCESS_REJECT &&
		    prefix_covers(&a->entry[j].prefix, &a->entry[i].prefix))
			return true;
	return false;
}

/* Would an allow below it, which must be one, let in what it turns away? */
static bool has_wider_allow(const struct access_list *a, size_t i)
{
	for (size_t j = i + 1; j < a->count; j++)
		if (!a->entry[j].is_hidden && a->entry[j].verdict == ACCESS_PERMIT &&
		    prefix_covers(&a->entry[j].prefix, &a->entry[i].prefix) &&
		    has_wider_reject(a, j))
			return true;
	return false;
}

static void entry_convert(const struct access_list *a, size_t i, const char *with,
			  struct import_rows *out)
{
	const struct access_entry *entry = &a->entry[i];
	char prefix[PREFIX_TEXT_MAX], line[CONF_TEXT_MAX], from[IMPORT_FROM_MAX];
	bool is_wider = has_wider_reject(a, i);

	prefix_format(&entry->prefix, prefix);
	text_escape(entry->from, strlen(entry->from), from, sizeof(from));
	if (entry->verdict == ACCESS_DUNNO) {
		if (is_wider)
			import_leave(out, "", prefix, from,
				     "neither let in nor turned away, inside of what is turned "
				     "away: the gate blocks it with the rest");
	} else if (entry->verdict == ACCESS_PERMIT) {
		snprintf(line, sizeof(line), "%s because %.200s", prefix, from);
		import_rule(out, is_wider ? "allow" : "trust", line, from);
	} else if (!with) {
		import_leave(out, "", prefix, from,
			     "Postfix only logs it (postscreen_denylist_action = ignore)");
	} else if (has_wider_allow(a, i)) {
		import_leave(out, "", prefix, from,
			     "it lies in what must be allowed, and allow beats every block");
	} else {
		snprintf(line, sizeof(line), "%s with %s because %.200s", prefix, with, from);
		import_rule(out, "block", line, from);
	}
}

void access_convert(struct access_list *a, const char *with, struct import_rows *out)
{
	hidden_mark(a);
	for (size_t i = 0; i < a->count; i++)
		if (!a->entry[i].is_hidden)
			entry_convert(a, i, with, out);
}

void access_free(struct access_list *a)
{
	free(a->entry);
	*a = (struct access_list){0};
}
