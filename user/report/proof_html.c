/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as a page: see base/page.h. Every text that is not ours is escaped; none becomes an attribute. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/page.h"
#include "base/version.h"
#include "base/when.h"
#include "report/proof.h"

static void tile(FILE *out, const char *class, uint64_t count, const char *word)
{
	fprintf(out, "<li><span class=\"%s\"><b>%" PRIu64 "</b> %s</span></li>\n",
		count ? class : "none", count, word);
}

static void tiles_write(const struct proof *p, FILE *out)
{
	fputs("<ul class=\"tiles row\">\n", out);
	tile(out, "info", p->all, "connections");
	if (p->refused[0] || !p->facts.enforcing)
		tile(out, "low", p->refused[0], "would have been refused");
	if (p->refused[1] || p->facts.enforcing)
		tile(out, "low", p->refused[1], "were refused");
	tile(out, "low", p->any_sources, "sources of them");
	tile(out, "high", p->count[PROOF_LEFT], "delivered mail: to explain");
	if (p->count[PROOF_SUSPECT])
		tile(out, "medium", p->count[PROOF_SUSPECT], "look like spam, and delivered");
	tile(out, "pass", p->count[PROOF_SETTLED], "settled");
	if (p->blind_connections)
		tile(out, "medium", p->blind_connections, "cannot be told about");
	fputs("</ul>\n", out);
}

/* Words of ours: what stands between two ` is to be typed. */
static void marked(FILE *out, const char *text)
{
	char part[PROOF_TEXT_MAX];
	bool typed = false;

	for (;; text++) {
		size_t n = strcspn(text, "`");

		snprintf(part, sizeof(part), "%.*s", (int)n, text);
		page_element(out, typed ? "<code>" : "", part, typed ? "</code>" : "");
		text += n;
		if (!*text)
			break;
		typed = !typed;
	}
}

static void sentence(FILE *out, const char *text)
{
	fputs("<p>", out);
	marked(out, text);
	fputs(".</p>\n", out);
}

static void pair_ours(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<dt>%s</dt><dd>", name);
	marked(out, text);
	fputs("</dd>\n", out);
}

/* Where a stranger's words may be among them, which are nothing to be typed. */
static void pair(FILE *out, const char *name, const char *text)
{
	fprintf(out, "<dt>%s</dt>", name);
	page_element(out, "<dd>", text, "</dd>\n");
}

static void top_write(const struct proof *p, FILE *out)
{
	char text[PROOF_TEXT_MAX], first[PROOF_TEXT_MAX], then[PROOF_TEXT_MAX];
	char since[WHEN_TEXT_MAX], now[WHEN_TEXT_MAX];

	when_format(p->facts.since_wall_s, since);
	when_format(p->facts.now_wall_s, now);
	page_open(out, "Gate report, ", now);
	fprintf(out,
		"<header>\n<p class=\"brand\">Mail gate report</p>\n<h1>%s mode</h1>\n"
		"<p class=\"soft\">from <time>%s</time> to <time>%s</time>, by postern %s</p>\n"
		"</header>\n<main>\n<section>\n<h2>Summary</h2>\n",
		p->facts.enforcing ? "Enforce" : "Monitor", since, now, POSTERN_VERSION);
	proof_headline(p, text);
	page_element(out, "<p class=\"verdict\">", text, ".</p>\n");
	proof_closing(p, text, first, then);
	sentence(out, text);
	if (first[0]) {
		page_element(out, "<pre>", first, "\n");
		page_element(out, "", then, "</pre>\n");
	}
	proof_log_blind(p, text);
	if (text[0])
		page_element(out, "<p>", text, ".</p>\n");
	tiles_write(p, out);
	fputs("<dl class=\"table\">\n", out);
	proof_watched(p, text);
	pair(out, "Watched", text);
	proof_log_told(p, text);
	pair(out, "Mail log", text);
	fputs("</dl>\n</section>\n", out);
}

static void number_cell(FILE *out, uint64_t n)
{
	fprintf(out, "<td class=\"n\">%" PRIu64 "</td>", n);
}

static void details_cell(FILE *out, const struct proof_reason *r)
{
	fprintf(out, "<td>%s", proof_reason_note(r));
	for (unsigned i = 0; i < r->details; i++) {
		page_element(out, i ? "<br>" : "", r->detail[i].name, "");
		fprintf(out, " <span class=\"soft\">(%" PRIu64 ")</span>",
			r->detail[i].connections);
	}
	fputs("</td>", out);
}

static void reasons_write(const struct proof *p, FILE *out)
{
	if (!p->reasons)
		return;
	fputs("<section>\n<h2>Reasons</h2>\n<div class=\"scroll\"><table>\n<tr><th>Reason</th>"
	      "<th class=\"n\">Would have been refused</th><th class=\"n\">Sources</th>"
	      "<th class=\"n\">Refused</th><th class=\"n\">Sources</th><th>By</th></tr>\n",
	      out);
	for (unsigned i = 0; i < p->reasons; i++) {
		const struct proof_reason *r = &p->reason[i];

		page_element(out, "<tr><td>", r->name, "</td>");
		number_cell(out, proof_reason_would(r));
		number_cell(out, r->sources[0]);
		number_cell(out, r->connections[1]);
		number_cell(out, r->sources[1]);
		details_cell(out, r);
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n</section>\n", out);
}

static void source_write(const struct proof *p, const struct proof_source *s, FILE *out)
{
	char addr[ADDR_TEXT_MAX], text[PROOF_TEXT_MAX], command[PROOF_TEXT_MAX];

	fprintf(out, "<article class=\"%s\">\n", proof_state_name(s->state));
	page_element(out, "<h3>", s->host[0] ? s->host : "(no name)", " ");
	page_element(out, "<span class=\"id\">", addr_format(&s->addr, addr),
		     "</span></h3>\n<dl class=\"table\">\n");
	proof_delivered(s, text);
	pair(out, "Delivered", text);
	for (int acted = 0; acted < 2; acted++) {
		proof_refused(p, s, acted, text);
		if (text[0])
			pair_ours(out, acted ? "Refused" : "Would be refused", text);
	}
	proof_says(p, s, text);
	if (text[0])
		pair(out, "The list says", text);
	proof_signs(p, s, text, command);
	if (text[0])
		pair(out, "For it", text);
	if (command[0])
		pair(out, "Against it", command);
	proof_advice(p, s, command, text);
	if (text[0])
		pair_ours(out, "Mind", text);
	fputs("</dl>\n", out);
	if (command[0])
		page_element(out, "<pre>", command, "</pre>\n");
	fputs("</article>\n", out);
}

/* Of the many in a line each what a person needs to object. */
static void table_write(const struct proof *p, enum proof_state state, unsigned provider,
			unsigned skip, FILE *out)
{
	const struct proof_source *s;
	char addr[ADDR_TEXT_MAX], by[PROOF_TEXT_MAX];
	unsigned seen = 0;

	fputs("<div class=\"scroll\"><table>\n<tr><th>Address</th><th>Name</th>"
	      "<th class=\"n\">Messages</th><th class=\"n\">Recipients</th>"
	      "<th class=\"n\">Days</th><th class=\"n\">Turned down</th><th>By</th>",
	      out);
	fprintf(out, "%s</tr>\n", state == PROOF_SETTLED ? "<th>Now</th>" : "");
	for (size_t at = 0; (s = proof_next(p, state, provider, &at));) {
		if (++seen <= skip)
			continue;
		page_element(out, "<tr><td class=\"id\">", addr_format(&s->addr, addr),
			     "</td><td>");
		page_element(out, "", s->host[0] ? s->host : "-", "</td>");
		number_cell(out, s->messages ? s->messages : s->apart ? s->apart : s->before);
		number_cell(out, s->recipients);
		number_cell(out, s->days);
		number_cell(out, s->rejected);
		proof_by(p, s, by);
		page_element(out, "<td>", by, "</td>");
		if (state == PROOF_SETTLED)
			fprintf(out, "<td>%s</td>", proof_settled(s));
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}

static void provider_write(const struct proof *p, unsigned i, FILE *out)
{
	char text[PROOF_TEXT_MAX];

	proof_provider_tell(p, i, text);
	page_element(out, "<article class=\"left\">\n<h3>", p->provider[i].domain, " ");
	fprintf(out, "<span class=\"id\">%u sources</span></h3>\n", p->provider[i].sources);
	page_element(out, "<p>", text, ".</p>\n");
	fputs("<details><summary>Their addresses</summary>\n", out);
	table_write(p, PROOF_LEFT, i, 0, out);
	fputs("</details>\n</article>\n", out);
}

static void providers_write(const struct proof *p, FILE *out)
{
	char text[PROOF_TEXT_MAX], line[PROOF_LINE_MAX];

	if (!p->providers)
		return;
	for (unsigned i = 0; i < p->providers; i++)
		provider_write(p, i, out);
	proof_providers_line(p, text, line);
	page_element(out, "<p>", text, "</p>\n");
	page_element(out, "<pre>", line, "</pre>\n");
}

static void left_write(const struct proof *p, FILE *out)
{
	unsigned left = p->count[PROOF_LEFT], detailed = proof_detailed(p),
		 others = left - detailed;
	char text[PROOF_TEXT_MAX];
	size_t at = 0;

	if (!left)
		return;
	fprintf(out,
		"<section>\n<h2>Delivered mail: to explain <span "
		"class=\"soft\">(%u)</span></h2>\n",
		left);
	for (unsigned i = 0; i < detailed; i++)
		source_write(p, proof_next(p, PROOF_LEFT, PROOF_PROVIDERS_MAX, &at), out);
	providers_write(p, out);
	for (unsigned i = 0; i < p->providers; i++)
		others -= p->provider[i].sources;
	if (others) {
		proof_others(others, text);
		sentence(out, text);
		table_write(p, PROOF_LEFT, PROOF_PROVIDERS_MAX, detailed, out);
	}
	fputs("</section>\n", out);
}

static void group_write(const struct proof *p, enum proof_state state, const char *title,
			const char *lead, FILE *out)
{
	if (!p->count[state])
		return;
	fprintf(out, "<section>\n<h2>%s <span class=\"soft\">(%u)</span></h2>\n", title,
		p->count[state]);
	if (lead[0])
		sentence(out, lead);
	table_write(p, state, PROOF_PROVIDERS_MAX, 0, out);
	fputs("</section>\n", out);
}

int proof_html(const struct proof *p, FILE *out)
{
	char suspects[PROOF_TEXT_MAX];

	top_write(p, out);
	if (p->buckets) {
		fprintf(out, "<section>\n<h2>Connections per %s</h2>\n",
			p->bucket_s < DAY_S ? "hour" : "day");
		proof_plot(p, out);
		fputs("</section>\n", out);
	}
	left_write(p, out);
	proof_suspects(p, suspects);
	group_write(p, PROOF_SUSPECT, "Delivered mail, and look like spam", suspects, out);
	reasons_write(p, out);
	group_write(p, PROOF_SETTLED, "Settled", "", out);
	group_write(p, PROOF_APART, "Delivered at other times, when nothing stood against them", "",
		    out);
	fputs("</main>\n<footer>\n<p>A delivery counts where its connection was made while its "
	      "source "
	      "was, or would have been, refused. Times are UTC.</p>\n</footer>\n</body>\n</html>\n",
	      out);
	return fflush(out) == EOF || ferror(out) ? (errno ? -errno : -EIO) : 0;
}
