/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the text of a file to a sorted list: see feed.h. The format is that of the first line which any format knows. A later line that
 * only another format could have written ends the reading: somebody has put two files together, or a server's error behind half a list,
 * and nobody knows what else is wrong with it.
 */
#include "feed/feed.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "feed/reader.h"

/* Lines that no format knows may stand before the first that one does: a heading of columns. */
#define UNKNOWN_LINES_MAX 3
/* A zone file of rbldnsd's may begin as a plain list does; what tells them apart comes early. */
#define LOOK_AHEAD_LINES 1000
/* No line of the formats that go by lines is longer; an element of nftables is none of those. */
#define LINE_BYTES_MAX (64U << 10)
/* One in so many may be at fault, and one always. More, and the file is not what it seems. */
#define FAULTS_PART   10
#define FAULTS_ALWAYS 1

/* Those that know their lines for certain come first. */
static const struct feed_reading *const readings[FEED_FORMATS] = {
	[FEED_NDJSON] = &ndjson_reading, [FEED_NFT] = &nft_reading,
	[FEED_IPSET] = &ipset_reading,	 [FEED_RBLDNSD] = &rbldnsd_reading,
	[FEED_LIST] = &list_reading,
};
static const enum feed_format order[FEED_FORMATS] = {FEED_NDJSON, FEED_NFT, FEED_IPSET,
						     FEED_RBLDNSD, FEED_LIST};

const char *feed_format_name(enum feed_format f)
{
	return f < FEED_FORMATS ? readings[f]->name : "unknown";
}

int feed_refuse(struct feed_reader *r, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return err_set(r->e, -EBADMSG, "line %u %s", r->line, text);
}

/* ---- what was found ---- */

static void note_add(struct feed_reader *r, struct excerpt shown, const char *why)
{
	struct feed_report *report = r->report;
	char text[EXCERPT_SHOWN_MAX];
	struct feed_note *note;

	if (report->note_count == FEED_NOTES_MAX)
		return;
	note = &report->note[report->note_count++];
	note->line = r->line;
	snprintf(note->text, sizeof(note->text), "'%s' %s", excerpt_shown(shown, text), why);
}

/* FEED_FORMATS: none knows it. */
static enum feed_format format_of(struct excerpt line)
{
	for (size_t i = 0; i < FEED_FORMATS; i++)
		if (readings[order[i]]->fits(line))
			return order[i];
	return FEED_FORMATS;
}

/*
 * The format that alone could have this line, if it is another one: FEED_FORMATS when not. A zone file has what a plain list has, and
 * of a cut address nobody knows which it was; an element of nftables is no line.
 */
static enum feed_format format_other(const struct feed_reader *r, struct excerpt line)
{
	enum feed_format other = format_of(line);

	if (other == r->format || r->format == FEED_NFT ||
	    (other == FEED_LIST && r->format == FEED_RBLDNSD) ||
	    (other == FEED_RBLDNSD && !strchr("$!:", *line.at)))
		return FEED_FORMATS;
	return other;
}

int feed_fault(struct feed_reader *r, struct excerpt line, const char *why)
{
	enum feed_format other = line.length ? format_other(r, line) : FEED_FORMATS;

	r->seen++;
	if (other != FEED_FORMATS)
		return feed_refuse(r, "is of %s, but the file began as %s: two files in one",
				   readings[other]->title, readings[r->format]->title);
	r->report->faults++;
	note_add(r, line, why);
	return 0;
}

int feed_take_range(struct feed_reader *r, const struct feed_range *range, struct excerpt shown,
		    bool excluded)
{
	const char *why = NULL;

	r->seen++;
	if (excluded) {
		r->report->excluded++;
	} else {
		why = range_forbidden(range);
		if (!why && range_is_wide(range))
			why = "is shorter than /8, or ::/16: too wide for a list";
	}
	if (why) {
		r->report->refused++;
		note_add(r, shown, why);
		return 0;
	}
	if (r->in.count + r->out.count >= FEED_HOSTS_MAX + FEED_PREFIXES_MAX)
		return err_set(r->e, -E2BIG, "line %u is one too many: at most %u entries are read",
			       r->line, FEED_HOSTS_MAX + FEED_PREFIXES_MAX);
	r->report->entries += !excluded;
	if (ranges_add(excluded ? &r->out : &r->in, range))
		return err_set(r->e, -ENOMEM, "no memory for line %u", r->line);
	return 0;
}

static int entry_take(struct feed_reader *r, struct excerpt text, bool excluded)
{
	struct feed_range range;
	const char *why;
	int ret = excerpt_range(text, &range, &why);

	if (ret == -EINVAL)
		return feed_fault(r, text, why);
	if (ret == 0)
		return feed_take_range(r, &range, text, excluded);
	r->seen++;
	r->report->refused++;
	note_add(r, text, "is an IPv4-mapped address");
	return 0;
}

int feed_take(struct feed_reader *r, struct excerpt text)
{
	return entry_take(r, text, false);
}

int feed_exclude(struct feed_reader *r, struct excerpt text)
{
	return entry_take(r, text, true);
}

/* ---- lines ---- */

/* The next line that is neither empty nor a comment; false at the end. */
static bool line_next(struct feed_reader *r, struct excerpt *out)
{
	while (r->at < r->end) {
		const char *stop = memchr(r->at, '\n', (size_t)(r->end - r->at));
		struct excerpt line = {.at = r->at};

		stop = stop ? stop : r->end;
		line.length = (size_t)(stop - r->at);
		r->at = stop < r->end ? stop + 1 : stop;
		r->line++;
		line = excerpt_trim(line);
		if (!line.length || excerpt_is_comment(line))
			continue;
		*out = line;
		return true;
	}
	return false;
}

static int refuse_unknown(struct feed_reader *r, struct excerpt line)
{
	char text[EXCERPT_SHOWN_MAX];

	if (*line.at == '<')
		feed_refuse(r, "begins with '<': this is a web page, no list of addresses");
	else
		feed_refuse(r, "begins no list of addresses that is known: '%s'",
			    excerpt_shown(line, text));
	return -EBADMSG;
}

/* A zone file, if one of the next lines is of one alone. */
static bool has_zone_line(struct feed_reader ahead)
{
	struct excerpt line;

	for (unsigned i = 0; i < LOOK_AHEAD_LINES && line_next(&ahead, &line); i++)
		if (rbldnsd_reading.fits(line))
			return true;
	return false;
}

/* Leaves r where it was. 0, -ENODATA: there is no line at all. */
static int format_find(struct feed_reader *r)
{
	struct feed_reader ahead = *r;
	struct excerpt line, first = {0};
	uint32_t first_line = 0;

	for (unsigned i = 0; i <= UNKNOWN_LINES_MAX && line_next(&ahead, &line); i++) {
		if (!first.length) {
			first = line;
			first_line = ahead.line;
		}
		r->format = format_of(line);
		if (r->format == FEED_LIST && has_zone_line(ahead))
			r->format = FEED_RBLDNSD;
		if (r->format != FEED_FORMATS)
			return 0;
	}
	if (!first.length)
		return -ENODATA;
	ahead.line = first_line;
	return refuse_unknown(&ahead, first);
}

static int lines_read(struct feed_reader *r)
{
	struct excerpt line;
	int ret = 0;

	while (ret == 0 && line_next(r, &line)) {
		if (line.length > LINE_BYTES_MAX) {
			line.length = EXCERPT_SHOWN_MAX;
			ret = feed_fault(r, line, "is too long for a line of a list");
		} else {
			ret = readings[r->format]->line(r, line);
		}
	}
	if (ret == 0 && readings[r->format]->end)
		ret = readings[r->format]->end(r);
	return ret;
}

static int text_read(struct feed_reader *r, size_t length)
{
	const char *zero = length ? memchr(r->at, 0, length) : NULL;
	int ret;

	if (zero) {
		for (const char *at = r->at; (at = memchr(at, '\n', (size_t)(zero - at))); at++)
			r->line++;
		r->line++;
		return feed_refuse(r, "has a zero byte: this is no text");
	}
	ret = format_find(r);
	/* Nothing but comments: an empty list. */
	if (ret == -ENODATA) {
		r->format = FEED_LIST;
		return 0;
	}
	if (ret == 0)
		ret = readings[r->format]->whole ? readings[r->format]->whole(r) : lines_read(r);
	if (ret == 0 && r->report->faults > FAULTS_ALWAYS &&
	    (uint64_t)r->report->faults * FAULTS_PART > r->seen)
		return err_set(
			r->e, -EBADMSG,
			"%u of %llu lines cannot be read, which is too many for %s: line %u, %s",
			r->report->faults, (unsigned long long)r->seen, readings[r->format]->title,
			r->report->note[0].line, r->report->note[0].text);
	return ret;
}

/* ---- the list ---- */

/* Counts when there is no room yet. */
static int entries_put(const struct feed_ranges *ranges, struct feed_list *out, struct err *e)
{
	struct prefix p;

	out->host_count = out->prefix_count = 0;
	for (size_t i = 0; i < ranges->count; i++) {
		struct feed_range rest = ranges->list[i];

		while (range_next_prefix(&rest, &p)) {
			if (prefix_is_host(&p) && addr_is_v4(&p.addr)) {
				if (out->hosts)
					out->hosts[out->host_count] =
						(uint32_t)number_of_addr(&p.addr);
				out->host_count++;
			} else {
				if (out->prefixes)
					out->prefixes[out->prefix_count] = p;
				out->prefix_count++;
			}
		}
		if (out->host_count > FEED_HOSTS_MAX || out->prefix_count > FEED_PREFIXES_MAX)
			return err_set(e, -E2BIG,
				       "these are more than %u addresses or %u prefixes: at most "
				       "so many are read",
				       FEED_HOSTS_MAX, FEED_PREFIXES_MAX);
	}
	return 0;
}

static int list_make(struct feed_reader *r, struct feed_list *out, struct err *e)
{
	int ret;

	ranges_sort(&r->in);
	ranges_sort(&r->out);
	out->report.doubles = (uint32_t)ranges_merge(&r->in);
	(void)ranges_merge(&r->out);
	ret = ranges_cut(&r->in, &r->out);
	if (ret)
		return err_set(e, ret, "no memory to take out what is excluded");
	ret = entries_put(&r->in, out, e);
	if (ret)
		return ret;
	out->hosts = calloc(out->host_count + 1, sizeof(*out->hosts));
	out->prefixes = calloc(out->prefix_count + 1, sizeof(*out->prefixes));
	if (!out->hosts || !out->prefixes)
		return err_set(e, -ENOMEM, "no memory for the list");
	return entries_put(&r->in, out, e);
}

int feed_read(const char *text, size_t length, struct feed_list *out, struct err *e)
{
	struct feed_list list = {0};
	struct feed_reader r = {.at = text, .end = text + length, .report = &list.report, .e = e};
	int ret = length > FEED_BYTES_MAX
			  ? err_set(e, -E2BIG, "it is longer than %u bytes", FEED_BYTES_MAX)
			  : text_read(&r, length);

	list.report.format = r.format;
	if (ret == 0)
		ret = list_make(&r, &list, e);
	ranges_free(&r.in);
	ranges_free(&r.out);
	if (ret)
		feed_list_free(&list);
	else
		*out = list;
	return ret;
}

void feed_list_free(struct feed_list *l)
{
	free(l->hosts);
	free(l->prefixes);
	*l = (struct feed_list){0};
}
