/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same said of many places is said once. A domain with two MX hosts of two addresses each would otherwise say everything four times, and
 * nobody reads that far. JSON, which programs read, has a line for each place.
 */
#include <string.h>

#include "audit/check.h"
#include "audit/report_inside.h"

#define PLACES_MAX 64 /* of one sentence, in words; the page and the text need no more */
#define PORTS_MAX  8  /* of one address: the services that are visited */
#define BOTH	   2

/* An address, or what has none, with the ports it is said of. */
struct place {
	const struct finding *of;
	uint16_t port[PORTS_MAX];
	unsigned ports;
};

struct places {
	struct place row[PLACES_MAX];
	unsigned count, left_out;
};

/* ---- what is the same ---- */

bool report_says_the_same(const struct report_view *v, unsigned i, unsigned j)
{
	const struct report_row *a = &v->row[i], *b = &v->row[j];
	const struct finding *f = a->finding, *g = b->finding;

	if (a->part != b->part || a->change != b->change || strcmp(f->id, g->id) != 0 ||
	    strcmp(f->text, g->text) != 0)
		return false;
	/* Of what is wrong also what it is worth, from where it was seen and what to do. */
	return a->part != PART_FINDINGS ||
	       (f->status == g->status && f->severity == g->severity && f->ladder == g->ladder &&
		f->vantage == g->vantage && f->by_namespace == g->by_namespace &&
		f->fix == g->fix && strcmp(f->enforce, g->enforce) == 0);
}

/* Two reasons, each the first of its kind in its place, that hold the same checks up. */
bool report_holds_up_the_same(const struct report_view *v, unsigned i, unsigned j)
{
	char ids[REPORT_LINE_MAX / 2], others[REPORT_LINE_MAX / 2];

	if (i == j)
		return true;
	if (!report_same_words(v, i, j) || report_reason_was_said(v, j))
		return false;
	return strcmp(report_reason_ids(v, i, ids, sizeof(ids)),
		      report_reason_ids(v, j, others, sizeof(others))) == 0;
}

bool report_was_said(const struct report_view *v, unsigned i, report_alike_fn alike)
{
	for (unsigned j = 0; j < i; j++)
		if (alike(v, j, i))
			return true;
	return false;
}

/* ---- where ---- */

static bool is_same_place(const struct finding *f, const struct finding *g)
{
	return strcmp(f->target, g->target) == 0 && f->has_addr == g->has_addr &&
	       (!f->has_addr || addr_equal(&f->addr, &g->addr));
}

static void place_take(struct places *p, const struct finding *f)
{
	struct place *row = p->row;

	while (row < p->row + p->count && !is_same_place(row->of, f))
		row++;
	if (row == p->row + PLACES_MAX) {
		p->left_out++;
		return;
	}
	if (row == p->row + p->count) {
		*row = (struct place){.of = f};
		p->count++;
	}
	if (f->port && row->ports < PORTS_MAX)
		row->port[row->ports++] = f->port;
}

static bool is_same_ports(const struct place *a, const struct place *b)
{
	return a->ports == b->ports && memcmp(a->port, b->port, a->ports * sizeof(*a->port)) == 0;
}

/* Addresses that are audited, but for stores behind. */
static unsigned addresses_of(const struct seen *seen)
{
	unsigned count = 0;

	for (unsigned i = 0; seen && i < seen->host_count; i++)
		count += seen->host[i].is_backend ? 0 : seen->host[i].address_count;
	return count;
}

static bool is_everywhere(const struct places *p, const struct seen *seen)
{
	if (p->count < BOTH || p->left_out || p->count != addresses_of(seen))
		return false;
	for (unsigned i = 0; i < p->count; i++)
		if (!p->row[i].of->has_addr || !is_same_ports(&p->row[i], &p->row[0]))
			return false;
	return true;
}

/* " port 25", " ports 25, 587" */
static void ports_append(const struct place *p, char *buffer, size_t size)
{
	for (unsigned i = 0; i < p->ports; i++)
		report_append(buffer, size, "%s%u",
			      i		      ? ", "
			      : p->ports == 1 ? " port "
					      : " ports ",
			      p->port[i]);
}

/* "mx.example.org 192.0.2.1 port 25; 2001:db8::1 port 25": a name that stood before is not said again. */
static void place_append(const struct place *p, const struct place *before, char *buffer,
			 size_t size)
{
	char target[REPORT_PLACE_MAX], address[ADDR_TEXT_MAX] = "";
	bool is_named = before && strcmp(before->of->target, p->of->target) == 0;

	report_clean(p->of->target, target, sizeof(target));
	if (p->of->has_addr)
		addr_format(&p->of->addr, address);
	report_append(buffer, size, "%s", before ? "; " : "");
	if (!address[0] || (!is_named && strcmp(address, target) != 0))
		report_append(buffer, size, "%s%s", target, address[0] ? " " : "");
	report_append(buffer, size, "%s", address);
	ports_append(p, buffer, size);
}

const char *report_places(const struct report *r, const struct report_view *v, unsigned i,
			  report_alike_fn alike, char *buffer, size_t size)
{
	struct places p = {0};

	buffer[0] = '\0';
	for (unsigned j = i; j < v->count; j++)
		if (alike(v, i, j))
			place_take(&p, v->row[j].finding);
	if (is_everywhere(&p, r->seen)) {
		if (p.count == BOTH)
			report_append(buffer, size, "both addresses");
		else
			report_append(buffer, size, "all %u addresses", p.count);
		report_append(buffer, size, "%s", p.row[0].ports ? "," : "");
		ports_append(&p.row[0], buffer, size);
		return buffer;
	}
	for (unsigned k = 0; k < p.count; k++)
		place_append(&p.row[k], k ? &p.row[k - 1] : NULL, buffer, size);
	if (p.left_out)
		report_append(buffer, size, "; and more");
	return buffer;
}

/* ---- fixes ---- */

const char *report_fix_shown_for(const struct report_view *v, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (v->row[j].part == PART_FINDINGS &&
		    v->row[j].finding->fix == v->row[i].finding->fix)
			return v->row[j].finding->id;
	return NULL;
}
