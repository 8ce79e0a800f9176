/* SPDX-License-Identifier: BSD-2-Clause */
/* What is blocked, in the forms of others. Lines that start with '#' are comments in all of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/when.h"
#include "cli/cli.h"
#include "cli/export.h"

#define NFT_TABLE "postern"
/* RFC 5782, section 5: an address that a list must have, so that one sees that it is served. */
#define TEST_V4 "127.0.0.2"
#define TEST_V6 "::ffff:7f00:2"
#define CODE	"127.0.0.2"

/* ---- the list ---- */

int export_add(struct export_list *l, const struct export_entry *entry)
{
	struct export_entry *list = grow(l->entry, l->count, &l->room, sizeof(*l->entry));

	if (!list)
		return -1;
	l->entry = list;
	list[l->count++] = *entry;
	return 0;
}

/* A wider one before what it covers. IPv4 first, since ::ffff:0:0/96 sorts before all that is routed. */
static int entry_order(const void *a, const void *b)
{
	const struct export_entry *x = a, *y = b;
	int order = memcmp(&x->prefix.addr, &y->prefix.addr, sizeof(x->prefix.addr));

	if (order == 0)
		order = (int)x->prefix.bits - (int)y->prefix.bits;
	if (order == 0)
		order = (int)y->is_exception - (int)x->is_exception;
	if (order == 0)
		order = (int)y->is_trust - (int)x->is_trust;
	/* The operator's own holds against the trusted too, and what was found does not. */
	if (order == 0)
		order = (int)x->is_found - (int)y->is_found;
	/* Of two alike the one that stands longest: the gate refuses until then. */
	if (order == 0 && x->expires_boot_ns != y->expires_boot_ns)
		order = !x->expires_boot_ns || (y->expires_boot_ns &&
						x->expires_boot_ns > y->expires_boot_ns)
				? -1
				: 1;
	return order;
}

struct stack {
	/* Each lies in the one below it: of one prefix at most somebody trusted and an operator's block. */
	size_t entry[2 * (ADDR_BITS + 1)];
	unsigned depth;
};

/* Leave those that do not cover p. */
static void stack_fit(struct stack *s, const struct export_list *l, const struct prefix *p)
{
	while (s->depth && !prefix_covers(&l->entry[s->entry[s->depth - 1]].prefix, p))
		s->depth--;
}

/* Is it let in by what it lies in? As in the kernel the longest that allows or trusts decides: trust frees of what was found alone. */
static bool stack_frees(const struct stack *s, const struct export_list *l,
			const struct export_entry *e)
{
	for (unsigned i = s->depth; i > 0; i--) {
		const struct export_entry *around = &l->entry[s->entry[i - 1]];

		if (around->is_exception)
			return !e->is_trust || prefix_equal(&around->prefix, &e->prefix);
		if (around->is_trust)
			return e->is_found;
	}
	return false;
}

/* Is there something to take it out of? Trust helps against what was found, and not against an operator's block. */
static bool stack_is_left(const struct stack *s, const struct export_list *l,
			  const struct export_entry *e)
{
	for (unsigned i = 0; e->is_trust && i < s->depth; i++)
		if (!l->entry[s->entry[i]].is_found)
			return false;
	return s->depth > 0;
}

/* Is all of it blocked by the operator? What was found of the trusted is gone by now, so of one prefix the next can only be that. */
static bool is_overruled(const struct export_list *l, size_t i)
{
	return l->entry[i].is_trust && i + 1 < l->count &&
	       prefix_equal(&l->entry[i].prefix, &l->entry[i + 1].prefix);
}

void export_settle(struct export_list *l)
{
	struct stack s = {0};
	size_t kept = 0;

	qsort(l->entry, l->count, sizeof(*l->entry), entry_order);
	for (size_t i = 0; i < l->count; i++) {
		const struct export_entry *e = &l->entry[i];
		bool is_double = kept && prefix_equal(&l->entry[kept - 1].prefix, &e->prefix) &&
				 l->entry[kept - 1].is_trust == e->is_trust;

		stack_fit(&s, l, &e->prefix);
		if (is_double || stack_frees(&s, l, e))
			continue;
		l->entry[kept] = *e;
		s.entry[s.depth++] = kept++;
	}
	l->count = kept;
	/* Now those around whom nothing is blocked. */
	kept = 0;
	s.depth = 0;
	for (size_t i = 0; i < l->count; i++) {
		struct export_entry e = l->entry[i];

		stack_fit(&s, l, &e.prefix);
		if ((e.is_exception || e.is_trust) &&
		    (!stack_is_left(&s, l, &e) || is_overruled(l, i)))
			continue;
		e.is_exception |= e.is_trust;
		e.around = s.depth ? 1 + s.entry[s.depth - 1] : 0;
		l->entry[kept] = e;
		if (!e.is_exception)
			s.entry[s.depth++] = kept;
		kept++;
	}
	l->count = kept;
}

static bool is_v4(const struct export_entry *e)
{
	return prefix_is_v4(&e->prefix);
}

/* ---- what each has ---- */

static void head_print(const struct export_list *l, const char *what, FILE *out)
{
	char when[WHEN_TEXT_MAX];

	fprintf(out, "# %s, exported by postern, %s\n", what, when_format(now_wall_s(), when));
	if (l->idle)
		fprintf(out,
			"# Not here: %u source%s found by DNS lists or banned, in monitor mode let "
			"in\n",
			l->idle, plural(l->idle));
}

/* "drop, origin operator, until 2026-..." */
static void entry_describe(const struct export_entry *e, FILE *out)
{
	char when[WHEN_TEXT_MAX];

	fprintf(out, "%s, origin %s", action_name(e->action), e->origin);
	if (e->expires_boot_ns)
		fprintf(out, ", until %s", when_format(when_of_boot(e->expires_boot_ns), when));
}

void export_print_list(const struct export_list *l, FILE *out)
{
	char text[PREFIX_TEXT_MAX];

	head_print(l, "What is blocked; a ! takes out of what lies around it", out);
	for (size_t i = 0; i < l->count; i++) {
		const struct export_entry *e = &l->entry[i];

		fprintf(out, "%s%s # ", e->is_exception ? "!" : "",
			prefix_format(&e->prefix, text));
		entry_describe(e, out);
		fputc('\n', out);
	}
}

/* ---- rbldnsd(8): one zone of the type "combined" ---- */

static void trie_print(const struct export_list *l, bool v4, FILE *out)
{
	char text[PREFIX_TEXT_MAX];

	fprintf(out, "$DATASET %s @\n:" CODE ":Blocked here\n%s :" CODE ":Test entry\n",
		v4 ? "ip4trie" : "ip6trie", v4 ? TEST_V4 : TEST_V6);
	for (size_t i = 0; i < l->count; i++) {
		const struct export_entry *e = &l->entry[i];

		if (is_v4(e) != v4)
			continue;
		prefix_format(&e->prefix, text);
		if (e->is_exception)
			fprintf(out, "!%s%s\n", text,
				!v4 && prefix_is_host(&e->prefix) ? "/128" : "");
		else
			fprintf(out, "%s%s :" CODE ":Blocked here, origin %s\n", text,
				!v4 && prefix_is_host(&e->prefix) ? "/128" : "", e->origin);
	}
}

void export_print_rbldnsd(const struct export_list *l, FILE *out)
{
	head_print(l, "A zone for rbldnsd: rbldnsd ... ZONE:combined:THIS_FILE", out);
	trie_print(l, true, out);
	trie_print(l, false, out);
}

/* ---- nft(8): sets of a table of their own ---- */

static void set_print(const char *name, bool v4, FILE *out)
{
	fprintf(out, "\tset %s%c {\n\t\ttype %s\n\t\tflags interval, timeout\n\t}\n", name,
		v4 ? '4' : '6', v4 ? "ipv4_addr" : "ipv6_addr");
}

/* The elements of one set as they are printed. */
struct elements {
	const struct export_list *list;
	const char *set;
	bool is_v4;
	bool has; /* one is printed already */
	FILE *out;
};

/* What becomes of p says this entry. */
static void element_print(struct elements *to, const struct export_entry *e, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];
	uint64_t now = now_boot_ns();

	if (!to->has)
		fprintf(to->out, "add element inet " NFT_TABLE " %s%c {\n", to->set,
			to->is_v4 ? '4' : '6');
	fprintf(to->out, "%s\t%s", to->has ? ",\n" : "", prefix_format(p, text));
	to->has = true;
	if (e->expires_boot_ns)
		fprintf(to->out, " timeout %" PRIu64 "s",
			(uint64_t)(e->expires_boot_ns > now
					   ? (e->expires_boot_ns - now) / NS_PER_S + 1
					   : 1));
	fprintf(to->out, " comment \"%s, origin %s\"", action_name(e->action), e->origin);
}

static bool is_apart(const struct prefix *a, const struct prefix *b)
{
	return !prefix_covers(a, b) && !prefix_covers(b, a);
}

/*
 * What of p is let in by the exception e: all but what is blocked inside of it, by one of the entries from..until. Halves of it, until none has
 * such an entry in it: each time a bit longer, so no deeper than an address has bits.
 */
static void pieces_print(struct elements *to, const struct export_entry *e, struct prefix p,
			 size_t from, size_t until)
{
	const struct export_entry *entry = to->list->entry;
	struct prefix half;

	while (from < until && (entry[from].is_exception || is_apart(&entry[from].prefix, &p)))
		from++;
	while (until > from &&
	       (entry[until - 1].is_exception || is_apart(&entry[until - 1].prefix, &p)))
		until--;
	if (from == until) {
		element_print(to, e, &p);
		return;
	}
	if (prefix_covers(&entry[from].prefix, &p))
		return;
	half = (struct prefix){.addr = p.addr, .bits = p.bits + 1};
	pieces_print(to, e, half, from, until);
	half.addr.byte[p.bits / 8] |= (uint8_t)(0x80 >> p.bits % 8);
	pieces_print(to, e, half, from, until);
}

/* Behind the last of those that lie in the entry i. */
static size_t inside_end(const struct export_list *l, size_t i)
{
	size_t end = i + 1;

	while (end < l->count && prefix_covers(&l->entry[i].prefix, &l->entry[end].prefix))
		end++;
	return end;
}

static void blocked_print(struct elements *to)
{
	for (size_t i = 0; i < to->list->count; i++) {
		const struct export_entry *e = &to->list->entry[i];

		if (is_v4(e) == to->is_v4 && !e->is_exception && !e->around)
			element_print(to, e, &e->prefix);
	}
}

/*
 * The exception that lets in all that the exception i does, or NULL: with the same block around both, none lies between them. s: of
 * those that were come to before, for the caller to keep.
 */
static const struct export_entry *allowed_by(struct stack *s, const struct export_list *l, size_t i)
{
	const struct export_entry *e = &l->entry[i];

	stack_fit(s, l, &e->prefix);
	for (unsigned k = 0; k < s->depth; k++)
		if (l->entry[s->entry[k]].around == e->around)
			return &l->entry[s->entry[k]];
	s->entry[s->depth++] = i;
	return NULL;
}

static void allowed_print(struct elements *to)
{
	struct stack s = {0};

	for (size_t i = 0; i < to->list->count; i++) {
		const struct export_entry *e = &to->list->entry[i];

		if (is_v4(e) == to->is_v4 && e->is_exception && !allowed_by(&s, to->list, i))
			pieces_print(to, e, e->prefix, i + 1, inside_end(to->list, i));
	}
}

/*
 * A set of intervals takes no overlaps: what lies in another entry is said by that one, and of an exception only what is let in. Where what
 * lies around ends first, it is told.
 */
static void overlaps_print(const struct export_list *l, FILE *out)
{
	char text[PREFIX_TEXT_MAX];
	struct stack s = {0};

	for (size_t i = 0; i < l->count; i++) {
		const struct export_entry *e = &l->entry[i];
		const struct export_entry *by = e->around ? &l->entry[e->around - 1] : NULL;

		if (e->is_exception)
			by = allowed_by(&s, l, i);
		if (by && by->expires_boot_ns &&
		    (!e->expires_boot_ns || e->expires_boot_ns > by->expires_boot_ns))
			fprintf(out, "# %s lies in an entry that ends first: export again then\n",
				prefix_format(&e->prefix, text));
	}
}

void export_print_nft(const struct export_list *l, FILE *out)
{
	static const char *const sets[] = {"blocked", "allowed"};

	head_print(l, "Sets for nftables: nft -f THIS_FILE, as often as you like", out);
	fputs("# A chain of yours uses them, before all that lets mail in:\n"
	      "#   tcp dport 25 ip saddr @blocked4 ip saddr != @allowed4 drop\n"
	      "table inet " NFT_TABLE " {\n",
	      out);
	for (unsigned i = 0; i < 2; i++) {
		set_print(sets[i], true, out);
		set_print(sets[i], false, out);
	}
	fputs("}\n", out);
	overlaps_print(l, out);
	for (unsigned i = 0; i < 2; i++)
		fprintf(out, "flush set inet " NFT_TABLE " %s4\nflush set inet " NFT_TABLE " %s6\n",
			sets[i], sets[i]);
	for (unsigned i = 0; i < 4; i++) {
		struct elements to = {
			.list = l, .set = sets[i / 2], .is_v4 = i % 2 == 0, .out = out};

		(i < 2 ? blocked_print : allowed_print)(&to);
		if (to.has)
			fputs("\n}\n", out);
	}
}
