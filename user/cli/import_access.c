/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading tables of clients. Of a cidr table the first line that fits decides (cidr_table(5)). In an indexed one smtpd looks for the address,
 * then for its network without the last octet, and so on (access(5)); so its entries are sorted, the narrowest first. postscreen looks for
 * the address alone (postconf(5), postscreen_access_list).
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

struct table {
	struct access_list *list;
	struct import_rows *rows;
	const struct access_table *of;
	bool is_screen, is_cidr;
	unsigned line, left;
	unsigned depth; /* of "if" */
};

static void entry_leave(struct table *t, const char *text, const char *why)
{
	char where[IMPORT_FROM_MAX];

	if (t->left++ >= LINES_LEFT)
		return;
	snprintf(where, sizeof(where), "%.120s line %u", t->of->spec, t->line);
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
		{"permit", ACCESS_PERMIT, false},
		{"reject", ACCESS_REJECT, false},
		{"dunno", ACCESS_DUNNO, false},
		{"ok", ACCESS_PERMIT, true},
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
static bool part_parse(const char *key, struct prefix *out)
{
	char text[PREFIX_TEXT_MAX];
	unsigned octets = 1; /* or groups */
	size_t length = strlen(key);
	bool is_v6 = strchr(key, ':');

	for (const char *c = key; *c; c++) {
		if (!isxdigit((unsigned char)*c) && *c != '.' && *c != ':')
			return false;
		octets += *c == '.' || *c == ':';
	}
	if (octets >= (is_v6 ? GROUPS : OCTETS))
		return false;
	if (is_v6)
		snprintf(text, sizeof(text), "%.40s::/%u", key, 16 * octets);
	else
		snprintf(text, sizeof(text), "%.20s%s/%u", key, &".0.0.0"[2 * (octets - 1)],
			 8 * octets);
	if (prefix_parse(text, out, NULL) < 0)
		return false;
	/* Addresses are compared as texts, in their shortest form: a group of 0 would not be found in all of them. */
	prefix_format(out, text);
	return strncasecmp(text, key, length) == 0 && text[length] == (is_v6 ? ':' : '.');
}

static bool is_name(const char *key)
{
	const char *dot = strrchr(key, '.');

	return !strpbrk(key, ":/") && isalpha((unsigned char)(dot ? dot[1] : key[0]));
}

/* NULL, or why it stands for no prefix. */
static const char *key_fault(const struct table *t, const char *key, struct prefix *out)
{
	char text[PREFIX_TEXT_MAX];
	bool is_whole = prefix_parse(key, out, NULL) == 0;

	if (is_whole && (t->is_cidr || strcasecmp(prefix_format(out, text), key) == 0) &&
	    (t->is_cidr || !strchr(key, '/')))
		return NULL;
	if (!t->is_cidr && !t->is_screen && !is_whole && part_parse(key, out))
		return NULL;
	if (is_whole && strchr(key, '/'))
		return "Postfix never finds it: only a table of the type cidr has networks with a "
		       "length";
	if (is_whole)
		return "Postfix never finds it: it looks for an address in its shortest form";
	if (!is_name(key))
		return "not an address or a network";
	if (t->is_cidr || t->is_screen)
		return "a name, where Postfix looks for addresses alone";
	return "a name, which the gate does not know: Postfix goes on looking for it, and before "
	       "the address; whom it lets in by it, `postern allow` by the address";
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
	if (verdict == ACCESS_REJECT && t->of->only_logs)
		verdict = ACCESS_LOG;
	if (verdict == ACCESS_PERMIT && a->asks && !t->of->spares)
		verdict = ACCESS_PASS;
	a->entry = list;
	list[a->count] = (struct access_entry){.prefix = *p,
					       .verdict = verdict,
					       .stage = t->of->stage,
					       .table = a->tables,
					       .line = t->line};
	snprintf(list[a->count++].from, sizeof(list->from), "%.150s line %u", t->of->spec, t->line);
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
	const char *why;
	struct prefix p;

	if (!*key || *key == '#')
		return;
	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t");
	if (condition_take(t, key))
		return;
	if (t->depth || key[0] == '!')
		why = "a condition: write out which networks it stands for";
	else
		why = key_fault(t, key, &p);
	if (why || !*value) {
		entry_leave(t, key, why ? why : "nothing stands behind it: Postfix ignores it");
		return;
	}
	/* Nothing wider in this table is looked at for it, whatever it says. */
	if (verdict_of(t, value, &verdict) < 0) {
		verdict = ACCESS_DUNNO;
		entry_leave(t, value,
			    "neither lets in nor turns away for good: it goes on in Postfix");
	}
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

/* The narrowest first; of the same key the first stays (postmap(1) warns of the others). */
static int entry_order(const void *a, const void *b)
{
	const struct access_entry *x = a, *y = b;

	if (x->prefix.bits != y->prefix.bits)
		return (int)y->prefix.bits - (int)x->prefix.bits;
	return (x->line > y->line) - (x->line < y->line);
}

void access_read(struct access_list *a, const struct import_source *s,
		 const struct access_table *table, struct import_rows *rows)
{
	struct table t = {.list = a,
			  .rows = rows,
			  .of = table,
			  .is_screen = table->stage == ACCESS_SCREEN,
			  .is_cidr = strncmp(import_spec(table->spec), "cidr:", 5) == 0};
	const struct import_piece *said = import_answer(s, table->spec, NULL);
	size_t first = a->count;
	bool was_cut = a->is_cut;

	if (!said) {
		import_leave(rows, "", table->spec, table->from,
			     "a table of this type, or at this place, cannot be read as a text");
		return;
	}
	if (said->code || !said->bytes) {
		import_leave(rows, "", table->spec, table->from, "it could not be read: %s",
			     said->why);
		return;
	}
	if (said->why[0])
		import_leave(rows, "", table->spec, table->from, "%s", said->why);
	a->tables++;
	lines_read(&t, said->bytes, said->bytes + said->length);
	if (!t.is_cidr && a->count > first)
		qsort(a->entry + first, a->count - first, sizeof(*a->entry), entry_order);
	if (t.left > LINES_LEFT)
		import_leave(rows, "", table->spec, table->from,
			     "%u more lines of it that cannot be carried", t.left - LINES_LEFT);
	if (a->is_cut && !was_cut)
		import_leave(rows, "", table->spec, table->from,
			     "only the first %d entries of all tables are here: give so long a "
			     "table to `postern import list` or to a feed",
			     ENTRIES_MAX);
}

void access_free(struct access_list *a)
{
	free(a->entry);
	*a = (struct access_list){0};
}
