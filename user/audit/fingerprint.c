/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which server this is: each line that it said is held against the table. What names the server counts before what merely sounds like it;
 * the first that says a thing is kept as its proof.
 */
#include "audit/fingerprint.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "audit/fingerprint_data.h"
#include "audit/fingerprint_inside.h"
#include "audit/seen.h"
#include "base/json.h"

#define LINE_LOOKED_AT_MAX                                                                         \
	512 /* bytes of a line; banners are short, and a hostile one costs no more */
#define LINES_LOOKED_AT_MAX 64 /* of one response */

/* Where servers speak of themselves, so that the name of a system is theirs. */
#define PLACES_OF_NAMES                                                                            \
	(PLACE_GREETING | PLACE_HELP | PLACE_POP3 | PLACE_IMPLEMENTATION | PLACE_IMAP | PLACE_ID)

/* ---- patterns ---- */

struct span {
	const char *at;
	size_t length;
};

static bool is_version_byte(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '+' || c == '-';
}

/* %v and %w: what they take from here, greedily. NULL: nothing. */
static const char *taken(char what, const char *at, const char *end, struct span *version)
{
	const char *from = at;

	if (what == 'w') {
		while (at < end && !isspace((unsigned char)*at))
			at++;
		return at > from ? at : NULL;
	}
	if (at == end || !isdigit((unsigned char)*at))
		return NULL;
	while (at < end && is_version_byte(*at))
		at++;
	while (!isalnum((unsigned char)at[-1]))
		at--;
	*version = (struct span){from, (size_t)(at - from)};
	return at;
}

/* One piece, between two "*": where what it fits ends, or NULL; *pattern goes behind the piece. */
static const char *piece_fits(const char **pattern, const char *at, const char *end,
			      struct span *version)
{
	const char *p = *pattern;

	for (; *p && *p != '*'; p++) {
		if (*p == '$' && !p[1]) {
			if (at != end)
				return NULL;
		} else if (*p == '%') {
			at = taken(*++p, at, end, version);
			if (!at)
				return NULL;
		} else if (at == end || tolower((unsigned char)*p) != tolower((unsigned char)*at)) {
			return NULL;
		} else {
			at++;
		}
	}
	*pattern = p;
	return at;
}

/* Pieces are taken where they fit first: with one "*" or two, and words so different, nothing is lost by that. */
static bool pattern_fits(const char *pattern, struct span line, struct span *version)
{
	const char *at = line.at, *end = line.at + line.length;
	bool is_fixed = *pattern == '^';

	pattern += is_fixed;
	for (;;) {
		const char *fit = NULL;

		while (!fit && at <= end) {
			fit = piece_fits(&pattern, at, end, version);
			if (is_fixed && !fit)
				return false;
			at++;
		}
		if (!fit)
			return false;
		if (!*pattern)
			return true;
		pattern++;
		is_fixed = false;
		at = fit;
	}
}

/* ---- places ---- */

static unsigned place_smtp(unsigned what)
{
	switch (what) {
	case WHAT_GREETING:
		return PLACE_GREETING;
	case WHAT_EHLO:
	case WHAT_HELO:
	case WHAT_TLS_EHLO:
		return PLACE_EHLO;
	case WHAT_HELP:
		return PLACE_HELP;
	case WHAT_UNKNOWN:
		return PLACE_UNKNOWN;
	case WHAT_VRFY_RANDOM:
	case WHAT_VRFY_POSTMASTER:
		return PLACE_VRFY;
	case WHAT_EXPN:
		return PLACE_EXPN;
	case WHAT_RCPT_EARLY:
	case WHAT_DATA_EARLY:
		return PLACE_ORDER;
	case WHAT_RSET:
		return PLACE_RSET;
	case WHAT_QUIT:
		return PLACE_QUIT;
	default:
		return 0;
	}
}

static unsigned place_of(enum protocol protocol, unsigned what)
{
	bool is_pop = protocol == PROTOCOL_POP3;

	if (protocol == PROTOCOL_SMTP)
		return place_smtp(what);
	switch (what) {
	case WHAT_GREETING:
		return is_pop ? PLACE_POP3 : PLACE_IMAP;
	case WHAT_CAPA:
	case WHAT_TLS_EHLO:
		return is_pop ? PLACE_IMPLEMENTATION : 0;
	case WHAT_IMAP_ID:
		return PLACE_ID;
	case WHAT_POP_USER:
	case WHAT_IMAP_LOGIN:
		return PLACE_USER;
	default:
		return 0;
	}
}

static const char *place_name(unsigned place)
{
	switch (place) {
	case PLACE_EHLO:
		return "EHLO";
	case PLACE_HELP:
		return "HELP";
	case PLACE_IMPLEMENTATION:
		return "CAPA";
	case PLACE_ID:
		return "ID";
	case PLACE_GREETING:
	case PLACE_POP3:
	case PLACE_IMAP:
		return "greeting";
	default:
		return "replies";
	}
}

/* ---- looking ---- */

/* Of one walk through the visits. */
struct search {
	struct fingerprint *out;
	const char *own;
	unsigned points[SERVER_KINDS];
	struct fingerprint_source best[SERVER_KINDS]; /* what gave most of them */
	unsigned best_points[SERVER_KINDS];
	uint64_t counted[4]; /* rows that have given their points: bits */
};

static void source_set(struct fingerprint_source *s, const struct visit_log *v,
		       const struct exchange *x)
{
	if (!s->exchange)
		*s = (struct fingerprint_source){v, x};
}

static void text_set(char *to, struct span from)
{
	text_escape(from.at, from.length, to, FINGERPRINT_TEXT_MAX);
}

static void points_add(struct search *s, unsigned i, const struct visit_log *v,
		       const struct exchange *x)
{
	const struct fingerprint_row *row = &fingerprint_rows[i];
	uint64_t bit = UINT64_C(1) << (i % 64);

	if (i / 64 >= sizeof(s->counted) / sizeof(s->counted[0]) || s->counted[i / 64] & bit)
		return;
	s->counted[i / 64] |= bit;
	s->points[row->kind] += row->points;
	if (row->points > s->best_points[row->kind]) {
		s->best_points[row->kind] = row->points;
		s->best[row->kind] = (struct fingerprint_source){v, x};
	}
}

static void line_look(struct search *s, const struct visit_log *v, const struct exchange *x,
		      unsigned place, struct span line)
{
	struct fingerprint *out = s->out;

	for (unsigned i = 0; i < fingerprint_row_count; i++) {
		const struct fingerprint_row *row = &fingerprint_rows[i];
		struct span version = {0};

		if (!(row->where & place) || (row->code && row->code != x->response.code) ||
		    !pattern_fits(row->pattern, line, &version))
			continue;
		if (!row->product) {
			points_add(s, i, v, x);
			continue;
		}
		if (!out->product[0]) {
			out->kind = row->kind;
			snprintf(out->product, sizeof(out->product), "%s", row->product);
			snprintf(out->where, sizeof(out->where), "%s", place_name(place));
			source_set(&out->product_by, v, x);
		}
		if (version.length && !out->version[0] && strcmp(out->product, row->product) == 0) {
			text_set(out->version, version);
			source_set(&out->version_by, v, x);
		}
		return;
	}
}

/* Not within a word, and not as a domain: bugs@openbsd.org is said on other systems too. */
static const char *find_word(struct span line, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= line.length; i++)
		if (strncasecmp(line.at + i, word, n) == 0 &&
		    (i == 0 || !isalnum((unsigned char)word[0]) ||
		     (!isalnum((unsigned char)line.at[i - 1]) && !strchr("@.", line.at[i - 1]))))
			return line.at + i;
	return NULL;
}

/* line: without the host's own name. */
static void os_look(struct search *s, const struct visit_log *v, const struct exchange *x,
		    struct span line)
{
	for (unsigned i = 0; i < fingerprint_system_count && !s->out->os[0]; i++)
		if (find_word(line, fingerprint_systems[i].word)) {
			snprintf(s->out->os, sizeof(s->out->os), "%s", fingerprint_systems[i].name);
			source_set(&s->out->os_by, v, x);
		}
}

static struct span first_word(struct span line)
{
	size_t n = 0;

	while (n < line.length && !isspace((unsigned char)line.at[n]))
		n++;
	return (struct span){line.at, n};
}

static struct span behind(struct span line, struct span word)
{
	return (struct span){line.at + word.length, line.length - word.length};
}

/* Greetings and EHLO begin with the host's name (RFC 5321, 4.2); what else EHLO says of addresses is our own. */
static void inside_look(struct search *s, const struct visit_log *v, const struct exchange *x,
			unsigned place, struct span line, bool is_first)
{
	const struct addr *ours = v->has_local ? &v->local : NULL;
	struct fingerprint *out = s->out;
	struct span name = first_word(line);

	if (out->inside[0])
		return;
	if (v->protocol == PROTOCOL_SMTP && is_first && place & (PLACE_GREETING | PLACE_EHLO) &&
	    x->response.kind == RESPONSE_POSITIVE && inside_is_name(name.at, name.length, s->own))
		text_set(out->inside, name);
	else if (!(place & PLACES_OF_NAMES) ||
		 (!inside_find_name(line.at, line.length, s->own, out->inside,
				    sizeof(out->inside)) &&
		  !inside_find_address(line.at, line.length, ours, out->inside,
				       sizeof(out->inside))))
		return;
	source_set(&out->inside_by, v, x);
}

static void ntlm_look(struct search *s, const struct visit_log *v, const struct exchange *x)
{
	struct fingerprint *out = s->out;
	struct ntlm_target target;
	size_t length;
	const char *line = response_line(&x->response, 0, &length);

	if (!line || x->response.code != 334 || !ntlm_read(line, length, &target))
		return;
	if (target.version[0] && !out->os[0]) {
		snprintf(out->os, sizeof(out->os), "Windows %.60s", target.version);
		source_set(&out->os_by, v, x);
	}
	if (out->inside[0])
		return;
	if (target.computer[0] && strcasecmp(target.computer, s->own) != 0)
		snprintf(out->inside, sizeof(out->inside), "%s", target.computer);
	else if (target.domain[0])
		snprintf(out->inside, sizeof(out->inside), "%s", target.domain);
	if (out->inside[0])
		source_set(&out->inside_by, v, x);
}

static void exchange_look(struct search *s, const struct visit_log *v, const struct exchange *x)
{
	unsigned place = place_of(v->protocol, x->what);

	if (x->what == WHAT_NTLM || x->what == WHAT_NTLM_TYPE1)
		ntlm_look(s, v, x);
	/* Half a line has half a name in it. */
	if (!place || !response_is_whole(&x->response))
		return;
	for (unsigned i = 0; i < x->response.line_count && i < LINES_LOOKED_AT_MAX; i++) {
		struct span line = {0};

		line.at = response_line(&x->response, i, &line.length);
		if (!line.at)
			return;
		while (line.length && isspace((unsigned char)line.at[line.length - 1]))
			line.length--;
		if (line.length > LINE_LOOKED_AT_MAX)
			line.length = LINE_LOOKED_AT_MAX;
		inside_look(s, v, x, place, line, i == 0);
		/* A host called postfix.example.org is no Postfix by that. */
		if (place == PLACE_GREETING)
			line = behind(line, first_word(line));
		line_look(s, v, x, place, line);
		if (place & PLACES_OF_NAMES)
			os_look(s, v, x, line);
	}
}

/* Nothing named it: its replies may. */
static void recognise(const struct search *s)
{
	struct fingerprint *out = s->out;
	unsigned most = FINGERPRINT_ENOUGH - 1;

	for (unsigned kind = 0; kind < SERVER_KINDS; kind++) {
		if (s->points[kind] <= most)
			continue;
		most = s->points[kind];
		out->kind = (enum server_kind)kind;
		out->product_by = s->best[kind];
	}
	if (!out->kind)
		return;
	out->by_replies = true;
	snprintf(out->where, sizeof(out->where), "replies");
}

void fingerprint_take(const struct visit_log *visits, enum protocol protocol, const char *own,
		      struct fingerprint *out)
{
	struct search s = {.out = out, .own = own ? own : ""};

	*out = (struct fingerprint){0};
	for (const struct visit_log *v = visits; v; v = v->next)
		for (unsigned i = 0; v->protocol == protocol && i < v->count; i++)
			exchange_look(&s, v, &v->exchange[i]);
	if (!out->product[0])
		recognise(&s);
}
