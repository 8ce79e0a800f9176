/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The three lines above the panes: what stands guard and since when, what it has to do with, and what a person must know first. Pieces of it
 * are whole or left out.
 */
#include <string.h>

#include "base/when.h"
#include "cli/top_draw.h"

static const char *mode_piece(const struct top *t, char *buffer, size_t size)
{
	uint64_t until = t->measure.enforce_until, now = now_boot_ns();
	char left[DURATION_TEXT_MAX];

	if (!top_is_enforcing(t))
		return "MONITOR";
	if (until == PN_FOREVER)
		return "ENFORCE";
	snprintf(buffer, size, "ENFORCE, %s left",
		 duration_describe((until - now) / NS_PER_S, left));
	return buffer;
}

static const char *links_piece(const struct top *t, char *buffer, size_t size)
{
	size_t at = 0;

	buffer[0] = '\0';
	for (unsigned i = 0; i < t->measure.link_count; i++) {
		const struct measure_link *l = &t->measure.link[i];

		at += (size_t)snprintf(buffer + at, size - at, "%s%s (%s)", i ? ", " : "", l->name,
				       !l->present ? "gone"
				       : l->native ? "native"
						   : "generic");
		if (at >= size)
			return "many interfaces";
	}
	return buffer;
}

static void title_draw(const struct top *t, int cols)
{
	char mode[64], links[CELL_MAX], name[64], when[WHEN_TEXT_MAX], text[CELL_MAX];
	const char *pieces[] = {
		name,
		t->paused ? "PAUSED" : NULL,
		t->gate ? mode_piece(t, mode, sizeof(mode)) : NULL,
		t->gate ? links_piece(t, links, sizeof(links)) : NULL,
	};
	const char *clock = strchr(when_format(now_wall_s(), when), 'T');
	int room = cols - (int)strlen(clock ? clock : "") - 2;

	snprintf(name, sizeof(name), "postern %s", t->cli->conf.instance);
	top_join(pieces, sizeof(pieces) / sizeof(*pieces), (unsigned)(room - 1), text,
		 sizeof(text));
	top_put(0, 0, cols, false, A_REVERSE, " %s", text);
	top_put(0, room + 1, cols - room - 1, false, A_REVERSE, "%s", clock ? clock + 1 : "");
}

static const char *controller_piece(const struct top *t, char *buffer, size_t size)
{
	int64_t since = t->measure.started_wall_s, now = now_wall_s();
	char up[DURATION_TEXT_MAX];

	if (!t->measure.controller)
		return ""; /* the line below says it, and what it means */
	if (!t->measure.has_told || !since || since > now)
		return "controller up";
	snprintf(buffer, size, "controller up %s", duration_describe((uint64_t)(now - since), up));
	return buffer;
}

static void facts_draw(const struct top *t, int cols)
{
	static const char *const names[] = {"rules", "listed", "known", "banned"};
	const uint64_t values[] = {t->counts.rules, t->counts.listed, t->counts.known,
				   t->counts.bans};
	char up[64], open[64], fact[4][64], text[CELL_MAX], number[TOP_NUMBER_MAX];
	const char *pieces[6] = {controller_piece(t, up, sizeof(up))};
	unsigned count = 1;

	if (t->gate) {
		snprintf(open, sizeof(open), "open %s",
			 top_number((double)t->measure.open, number));
		pieces[count++] = open;
	}
	for (unsigned i = 0; t->counted && i < 4; i++) {
		snprintf(fact[i], sizeof(fact[i]), "%s %s", names[i],
			 top_number((double)values[i], number));
		pieces[count++] = fact[i];
	}
	top_join(pieces, count, (unsigned)cols - 1, text, sizeof(text));
	top_put(1, 0, cols, false, A_NORMAL, " %s", text);
}

/* What a person must know first. "" when all is well. */
static const char *trouble(const struct top *t)
{
	const struct measure *m = &t->measure;

	if (!t->gate)
		return t->gate_why.text[0] ? t->gate_why.text : "the gate is not loaded";
	if (!m->link_count)
		return "no interface is guarded: everything gets in";
	if (!m->controller)
		return "no controller: no events, no lists; strangers get in unasked";
	if (m->alive_until <= m->now_boot_ns)
		return "the controller does not answer: strangers get in unasked";
	if (t->told_why.code)
		return t->told_why.text;
	if (m->has_told && m->child[MEASURE_RESOLVER].state == MEASURE_DOWN)
		return "the resolver is down: strangers get in unasked";
	if (m->has_told && m->child[MEASURE_RESPONDER].state == MEASURE_DOWN)
		return "the responder is down: nobody is told why";
	if (m->reload_failed)
		return "the last reload failed: the old configuration is in force";
	for (size_t i = 0; i < json_array_size(t->zones); i++)
		if (strcmp(json_text_of(json_array_get(t->zones, i), "state"), "good") != 0)
			return "a DNS list is not good: see zones";
	return "";
}

void top_header_draw(const struct top *t, int cols)
{
	title_draw(t, cols);
	facts_draw(t, cols);
	top_put(2, 0, cols, false, top_shade(t, COLOUR_FAULT), " %s", trouble(t));
}
