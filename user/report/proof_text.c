/* SPDX-License-Identifier: BSD-2-Clause */
/* The report for a terminal or a mail from cron: it ends with what has to be done, where the eye is. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/when.h"
#include "base/words.h"
#include "base/wrap.h"
#include "report/proof.h"

#define WIDTH	      78
#define LEAD_MAX      128 /* of a row: a name and four numbers */
#define DETAILS_SHOWN 3
#define ROW_FIXED     38 /* bytes of a row of the table beside its address and its name */
#define SETTLED_FIXED 9
#define NAME_LEAST    12 /* bytes of it that are shown, even beside the longest addresses */
#define ROWS_SHOWN                                                                                 \
	50 /* of what looks like spam, and of what is settled: a page has room for more */
#define PROVIDER_SHOWN 5  /* of one provider's, whose names are alike */
#define APART_SHOWN    10 /* sources that were over a limit at other times; the rest is a number */

/* Wrapped at blanks, with a margin for what follows the first line. */
static void wrapped(FILE *out, const char *lead, unsigned margin, const char *text)
{
	const struct wrap w = {.out = out, .width = WIDTH};

	fputs(lead, out);
	(void)wrap_print(&w, text, (unsigned)strlen(lead), margin);
	fputc('\n', out);
}

static void head_print(const struct proof *p, FILE *out)
{
	char text[PROOF_TEXT_MAX], since[WHEN_TEXT_MAX], now[WHEN_TEXT_MAX];

	fprintf(out, "Report from %s to %s\n", when_format(p->facts.since_wall_s, since),
		when_format(p->facts.now_wall_s, now));
	proof_watched(p, text);
	wrapped(out, "  watched      ", 15, text);
	fprintf(out, "  mode         %s\n", p->facts.enforcing ? "enforce" : "monitor");
	fprintf(out, "  connections  %" PRIu64 "\n", p->all);
	proof_log_told(p, text);
	wrapped(out, "  mail log     ", 15, text);
}

static void details_text(const struct proof_reason *r, char text[static PROOF_TEXT_MAX])
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < r->details && i < DETAILS_SHOWN && n < PROOF_TEXT_MAX; i++)
		n += (size_t)snprintf(text + n, PROOF_TEXT_MAX - n, "%s%s", i ? ", " : "",
				      r->detail[i].name);
	if (r->details > DETAILS_SHOWN && n < PROOF_TEXT_MAX)
		snprintf(text + n, PROOF_TEXT_MAX - n, " and %u more", r->details - DETAILS_SHOWN);
}

/* What was refused has columns only where something was: before anybody enforces the table is narrow. */
static void reasons_print(const struct proof *p, FILE *out)
{
	char text[PROOF_TEXT_MAX], lead[LEAD_MAX];
	bool acted = false;

	for (unsigned i = 0; i < p->reasons; i++)
		acted = acted || p->reason[i].connections[1];
	fprintf(out, "  %-13s %11s %7s%s  BY\n", "REASON", "WOULD HAVE", "SOURCES",
		acted ? "     REFUSED SOURCES" : "");
	for (unsigned i = 0; i < p->reasons; i++) {
		const struct proof_reason *r = &p->reason[i];
		int n;

		if (r->kind == PROOF_OPERATOR && !r->connections[1])
			continue;
		details_text(r, text);
		if (!text[0])
			snprintf(text, sizeof(text), "%s",
				 *proof_reason_note(r) ? proof_reason_note(r) : "-");
		n = snprintf(lead, sizeof(lead), "  %-13s %11" PRIu64 " %7u", r->name,
			     proof_reason_would(r), r->sources[0]);
		if (acted)
			n += snprintf(lead + n, sizeof(lead) - (size_t)n, " %11" PRIu64 " %7u",
				      r->connections[1], r->sources[1]);
		snprintf(lead + n, sizeof(lead) - (size_t)n, "  ");
		wrapped(out, lead, (unsigned)strlen(lead), text);
	}
}

static void source_print(const struct proof *p, const struct proof_source *s, FILE *out)
{
	char addr[ADDR_TEXT_MAX], text[PROOF_TEXT_MAX], command[PROOF_TEXT_MAX];

	fprintf(out, "\n  %s  %s\n", addr_format(&s->addr, addr),
		s->host[0] ? s->host : "(the mail server found no name for it)");
	proof_delivered(s, text);
	wrapped(out, "    delivered  ", 15, text);
	for (int acted = 0; acted < 2; acted++) {
		proof_refused(p, s, acted, text);
		if (text[0])
			wrapped(out, acted ? "    refused    " : "    would be   ", 15, text);
	}
	proof_says(p, s, text);
	if (text[0])
		wrapped(out, "    says       ", 15, text);
	proof_signs(p, s, text, command);
	if (text[0])
		wrapped(out, "    for it     ", 15, text);
	if (command[0])
		wrapped(out, "    against    ", 15, command);
	proof_advice(p, s, command, text);
	if (text[0])
		wrapped(out, "    mind       ", 15, text);
	/* Never wrapped: it is to be pasted. */
	if (command[0])
		fprintf(out, "    %s\n", command);
}

struct rows {
	enum proof_state state;
	unsigned provider;
	unsigned skip, most; /* the first few; so many at most */
};

static unsigned widest_of(const struct proof *p, const struct rows *rows)
{
	const struct proof_source *s;
	char addr[ADDR_TEXT_MAX];
	unsigned widest = 0, seen = 0;

	for (size_t at = 0; (s = proof_next(p, rows->state, rows->provider, &at));)
		if (++seen > rows->skip && seen - rows->skip <= rows->most) {
			unsigned n = (unsigned)strlen(addr_format(&s->addr, addr));

			widest = n > widest ? n : widest;
		}
	return widest;
}

static void row_print(const struct proof *p, const struct proof_source *s, unsigned widest,
		      FILE *out)
{
	bool settled = s->state == PROOF_SETTLED;
	unsigned fixed = widest + ROW_FIXED + (settled ? SETTLED_FIXED : 0);
	unsigned left = fixed + NAME_LEAST < WIDTH ? WIDTH - fixed : NAME_LEAST;
	char addr[ADDR_TEXT_MAX], by[PROOF_TEXT_MAX];

	proof_by(p, s, by);
	fprintf(out, "  %-*s %5" PRIu64 " %5" PRIu64 " %4u %8" PRIu64 " %-8s ", (int)widest,
		addr_format(&s->addr, addr),
		s->messages ? s->messages
		: s->apart  ? s->apart
			    : s->before,
		s->recipients, s->days, s->rejected, by);
	if (settled)
		fprintf(out, "%-8s ", proof_settled(s));
	/* Its end tells more than its beginning. */
	if (strlen(s->host) > left)
		fprintf(out, "..%s\n", s->host + strlen(s->host) - (left - 2));
	else
		fprintf(out, "%s\n", s->host[0] ? s->host : "-");
}

/* In a line each. By whom they are settled only where somebody has done it. */
static void table_print(const struct proof *p, const struct rows *rows, FILE *out)
{
	const struct proof_source *s;
	unsigned widest = widest_of(p, rows), seen = 0;

	if (!widest)
		return;
	fprintf(out, "\n  %-*s  MAIL  RCPT DAYS REJECTED BY       %sNAME\n", (int)widest, "ADDRESS",
		rows->state == PROOF_SETTLED ? "NOW      " : "");
	for (size_t at = 0; (s = proof_next(p, rows->state, rows->provider, &at));)
		if (++seen > rows->skip && seen - rows->skip <= rows->most)
			row_print(p, s, widest, out);
	if (seen - rows->skip > rows->most)
		fprintf(out, "  and %u more; --html and --json have them all\n",
			seen - rows->skip - rows->most);
}

static void provider_print(const struct proof *p, unsigned i, FILE *out)
{
	const struct rows rows = {PROOF_LEFT, i, 0, PROVIDER_SHOWN};
	char text[PROOF_TEXT_MAX];

	proof_provider_tell(p, i, text);
	fputc('\n', out);
	wrapped(out, "", 0, text);
	table_print(p, &rows, out);
}

static void providers_print(const struct proof *p, FILE *out)
{
	char text[PROOF_TEXT_MAX], line[PROOF_LINE_MAX];

	if (!p->providers)
		return;
	for (unsigned i = 0; i < p->providers; i++)
		provider_print(p, i, out);
	proof_providers_line(p, text, line);
	fputc('\n', out);
	wrapped(out, "", 0, text);
	fprintf(out, "\n    %s\n", line);
}

static void left_print(const struct proof *p, FILE *out)
{
	unsigned left = p->count[PROOF_LEFT], detailed = proof_detailed(p),
		 others = left - detailed;
	const struct rows rows = {PROOF_LEFT, PROOF_PROVIDERS_MAX, detailed, UINT_MAX};
	char text[PROOF_TEXT_MAX];
	size_t at = 0;

	if (!left)
		return;
	snprintf(text, sizeof(text), "%u of these sources delivered mail%s%s:", left,
		 !p->refused[0] ? ""
		 : left > 1	? " while they would have been refused"
				: " while it would have been refused",
		 left > 1 ? ", the likeliest to be honest first" : "");
	fputc('\n', out);
	wrapped(out, "", 0, text);
	for (unsigned i = 0; i < detailed; i++)
		source_print(p, proof_next(p, PROOF_LEFT, PROOF_PROVIDERS_MAX, &at), out);
	providers_print(p, out);
	for (unsigned i = 0; i < p->providers; i++)
		others -= p->provider[i].sources;
	if (!others)
		return;
	proof_others(others, text);
	fputc('\n', out);
	wrapped(out, "", 0, text);
	table_print(p, &rows, out);
}

static void others_print(const struct proof *p, FILE *out)
{
	const struct rows spam = {PROOF_SUSPECT, PROOF_PROVIDERS_MAX, 0, ROWS_SHOWN},
			  done = {PROOF_SETTLED, PROOF_PROVIDERS_MAX, 0, ROWS_SHOWN};
	unsigned suspects = p->count[PROOF_SUSPECT], settled = p->count[PROOF_SETTLED];
	char text[PROOF_TEXT_MAX];

	if (suspects) {
		proof_suspects(p, text);
		fputc('\n', out);
		wrapped(out, "", 0, text);
		table_print(p, &spam, out);
	}
	if (settled) {
		fprintf(out, "\nSettled already (%u):\n", settled);
		table_print(p, &done, out);
	}
	if (!p->count[PROOF_LEFT] && !suspects && p->log == PROOF_LOG_READ &&
	    p->refused_sources[0] && !p->blind_connections)
		fprintf(out,
			"\n%s of these sources delivered mail while it would have been refused.\n",
			settled ? "No other" : "None");
}

static void apart_print(const struct proof *p, FILE *out)
{
	const struct proof_source *s;
	unsigned shown = 0;
	size_t at = 0;

	if (!p->count[PROOF_APART])
		return;
	fprintf(out, "\nDelivered at other times, when nothing stood against them (%u):\n",
		p->count[PROOF_APART]);
	while (shown < APART_SHOWN && (s = proof_next(p, PROOF_APART, PROOF_PROVIDERS_MAX, &at))) {
		char addr[ADDR_TEXT_MAX], text[PROOF_TEXT_MAX], line[2 * PROOF_TEXT_MAX];
		bool acted = !s->connections[0];

		proof_refused(p, s, acted, text);
		snprintf(line, sizeof(line), "%s  %s%s%" PRIu64 " message%s; %s: %s",
			 addr_format(&s->addr, addr), s->host, s->host[0] ? ": " : "", s->apart,
			 plural(s->apart), acted ? "was refused" : "would be refused", text);
		wrapped(out, "  ", 4, line);
		shown++;
	}
	if (shown < p->count[PROOF_APART])
		fprintf(out, "  and %u more\n", p->count[PROOF_APART] - shown);
}

int proof_text(const struct proof *p, FILE *out)
{
	char text[PROOF_TEXT_MAX], first[PROOF_TEXT_MAX], then[PROOF_TEXT_MAX];

	head_print(p, out);
	proof_headline(p, text);
	fputc('\n', out);
	wrapped(out, "", 0, text);
	if (p->reasons)
		reasons_print(p, out);
	left_print(p, out);
	others_print(p, out);
	apart_print(p, out);
	proof_log_blind(p, text);
	if (text[0]) {
		fputc('\n', out);
		wrapped(out, "", 0, text);
	}
	proof_closing(p, text, first, then);
	fputc('\n', out);
	wrapped(out, "", 0, text);
	if (first[0])
		fprintf(out, "\n    %s\n    %s\n", first, then);
	return fflush(out) == EOF || ferror(out) ? (errno ? -errno : -EIO) : 0;
}
