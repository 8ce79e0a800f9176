/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plot of a page: for each hour or day a bar of connections, the refused ones at its foot by reason. Each reason has a pattern as well as a
 * colour, so that a page printed in grey says as much.
 */
#include <inttypes.h>

#include "base/when.h"
#include "report/proof.h"

#define WIDTH	 960
#define HEIGHT	 300
#define LEFT	 64
#define RIGHT	 12
#define TOP	 14
#define BOTTOM	 34
#define PATTERNS 6
#define LABELS	 8  /* below the axis */
#define LABEL	 76 /* so wide is a date */
#define GRID	 4  /* lines */
#define GAP	 1  /* between bars, where they are wide enough */
#define DATE_LEN 10 /* of "2026-11-22T06:00:00Z" */
#define HOUR_AT	 11
#define HOUR_LEN 5

static const char *const patterns[PATTERNS] = {
	"<rect width=\"6\" height=\"6\" stroke=\"none\"/>",
	"<path d=\"M-1 1L1-1M0 6L6 0M5 7L7 5\" stroke-width=\"1.6\" fill=\"none\"/>",
	"<circle cx=\"3\" cy=\"3\" r=\"1.5\" stroke=\"none\"/>",
	"<path d=\"M0 0L6 6M6 0L0 6\" stroke-width=\"1.1\" fill=\"none\"/>",
	"<path d=\"M0 3H6\" stroke-width=\"2.2\"/>",
	"<path d=\"M3 0V6\" stroke-width=\"2.2\"/>",
};

static uint64_t refused_of(const struct proof *p, const struct proof_bucket *b)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->reasons; i++)
		sum += b->refused[i];
	return sum;
}

/* What is refused may be told before the hour's count is. */
static uint64_t height_of(const struct proof *p, const struct proof_bucket *b)
{
	uint64_t refused = refused_of(p, b);

	return b->all > refused ? b->all : refused;
}

/* One digit and zeros: a number that people read, and not far above. */
static uint64_t round_up(uint64_t n)
{
	uint64_t unit = 1;

	while (n > 10 * unit)
		unit *= 10;
	return (n + unit - 1) / unit * unit;
}

static void patterns_write(FILE *out)
{
	fputs("<defs>", out);
	for (unsigned i = 0; i < PATTERNS; i++)
		fprintf(out,
			"<pattern id=\"p%u\" width=\"6\" height=\"6\" "
			"patternUnits=\"userSpaceOnUse\" class=\"hatch c%u\">%s</pattern>",
			i, i, patterns[i]);
	fputs("</defs>\n", out);
}

static void axis_write(FILE *out, uint64_t top)
{
	const unsigned inner = HEIGHT - TOP - BOTTOM;

	for (unsigned i = 0; i <= GRID; i++) {
		unsigned y = TOP + inner - inner * i / GRID;

		/* A scale of less than four connections has no quarters. */
		if (top % GRID && i % GRID)
			continue;
		fprintf(out,
			"<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%u\" y2=\"%u\"/>"
			"<text x=\"%d\" y=\"%u\" text-anchor=\"end\">%" PRIu64 "</text>\n",
			LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, top * i / GRID);
	}
}

struct frame {
	double width;	/* of a bar */
	double per_one; /* height of one connection */
};

static double bar_part(FILE *out, double x, double y, double width, double height, const char *fill)
{
	if (height > 0)
		fprintf(out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" %s/>", x,
			y - height, width, height, fill);
	return y - height;
}

static void bar_write(FILE *out, const struct proof *p, size_t at, const struct frame *f)
{
	const struct proof_bucket *b = &p->bucket[at];
	uint64_t refused = refused_of(p, b);
	double x = LEFT + (double)at * f->width, y = HEIGHT - BOTTOM;
	double width = f->width > 4 * GAP ? f->width - GAP : f->width;
	char when[WHEN_TEXT_MAX], fill[64];

	if (!b->watched_s && !height_of(p, b)) {
		fprintf(out,
			"<line class=\"unwatched\" x1=\"%.2f\" x2=\"%.2f\" y1=\"%d\" y2=\"%d\"/>\n",
			x, x + f->width, HEIGHT - BOTTOM, HEIGHT - BOTTOM);
		return;
	}
	fprintf(out,
		"<g><title>%s: %" PRIu64 " connections, %" PRIu64
		" against which something stood</title>",
		when_format(b->wall_s, when), height_of(p, b), refused);
	for (unsigned i = 0; i < p->reasons; i++) {
		snprintf(fill, sizeof(fill), "fill=\"url(#p%u)\"", i % PATTERNS);
		y = bar_part(out, x, y, width, (double)b->refused[i] * f->per_one, fill);
	}
	if (b->all > refused)
		(void)bar_part(out, x, y, width, (double)(b->all - refused) * f->per_one,
			       "class=\"passed\"");
	fputs("</g>\n", out);
}

static void label_write(FILE *out, const struct proof *p, size_t at, const struct frame *f)
{
	char when[WHEN_TEXT_MAX];
	double x = LEFT + (double)at * f->width;
	const char *anchor = "";

	when_format(p->bucket[at].wall_s, when);
	/* The last ends where the plot does, instead of beyond it. */
	if (x > WIDTH - RIGHT - LABEL) {
		x = WIDTH - RIGHT;
		anchor = " text-anchor=\"end\"";
	}
	fprintf(out, "<text x=\"%.1f\" y=\"%d\"%s>%.*s</text>", x, HEIGHT - BOTTOM + 14, anchor,
		DATE_LEN, when);
	if (p->bucket_s < DAY_S)
		fprintf(out, "<text x=\"%.1f\" y=\"%d\"%s>%.*s</text>", x, HEIGHT - BOTTOM + 27,
			anchor, HOUR_LEN, when + HOUR_AT);
	fputc('\n', out);
}

static void key_write(const struct proof *p, FILE *out)
{
	static const char swatch[] = "<svg width=\"14\" height=\"14\" aria-hidden=\"true\">"
				     "<rect width=\"14\" height=\"14\" ";

	fputs("<ul class=\"key\">\n", out);
	for (unsigned i = 0; i < p->reasons; i++)
		fprintf(out, "<li>%sfill=\"url(#p%u)\"/></svg>%s%s</li>\n", swatch, i % PATTERNS,
			p->reason[i].name,
			p->reason[i].kind == PROOF_OPERATOR ? " (your own rules)" : "");
	fprintf(out, "<li>%sclass=\"passed\"/></svg>nothing stood against it</li>\n", swatch);
	for (size_t i = 0; i < p->buckets; i++)
		if (!p->bucket[i].watched_s && !height_of(p, &p->bucket[i])) {
			fputs("<li class=\"soft\">dashed: nobody watched</li>\n", out);
			break;
		}
	fputs("</ul>\n", out);
}

void proof_plot(const struct proof *p, FILE *out)
{
	uint64_t most = 0, top;
	struct frame f;

	for (size_t i = 0; i < p->buckets; i++)
		if (height_of(p, &p->bucket[i]) > most)
			most = height_of(p, &p->bucket[i]);
	if (!most)
		return;
	top = round_up(most);
	f.width = (double)(WIDTH - LEFT - RIGHT) / (double)p->buckets;
	f.per_one = (double)(HEIGHT - TOP - BOTTOM) / (double)top;
	fprintf(out,
		"<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-labelledby=\"plot-name\">\n"
		"<title id=\"plot-name\">Connections per %s, and those that were or would have "
		"been "
		"refused</title>\n",
		WIDTH, HEIGHT, p->bucket_s < DAY_S ? "hour" : "day");
	patterns_write(out);
	axis_write(out, top);
	for (size_t i = 0; i < p->buckets; i++)
		bar_write(out, p, i, &f);
	for (size_t i = 0; i < p->buckets; i += (p->buckets + LABELS - 1) / LABELS)
		label_write(out, p, i, &f);
	fputs("</svg>\n", out);
	key_write(p, out);
}
