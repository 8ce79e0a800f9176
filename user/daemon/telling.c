/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Beside the kernel's events: see telling.h. The mode is written into the kernel by commands and ends there by itself, so nobody tells the
 * controller of a change: it looks.
 */
#include "daemon/telling.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/state.h"

bool telling_is_heard(const struct daemon *d)
{
	return d->watchers && watchers_count(d->watchers);
}

void telling_send(struct daemon *d, const char *lines, size_t length)
{
	unsigned dropped = watchers_send(d->watchers, lines, length);

	if (dropped)
		log_warning("%u of those who watch took events too slowly and were cut off",
			    dropped);
}

/* Takes the reference; NULL is fine. */
static void row_send(struct daemon *d, json_t *row)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out) {
		json_decref(row);
		return;
	}
	if (row)
		json_line(out, row);
	if (fclose(out) == 0 && length)
		telling_send(d, text, length);
	free(text);
}

void telling_decision(struct daemon *d, const char *what, const struct prefix *prefix,
		      const char *text)
{
	char when[WHEN_TEXT_MAX], about[PREFIX_TEXT_MAX];

	if (!telling_is_heard(d))
		return;
	row_send(d, json_pack("{s:s, s:s, s:s, s:s?, s:s}", "time", when_format(now_wall_s(), when),
			      "kind", "decision", "what", what, "prefix",
			      prefix ? prefix_format(prefix, about) : NULL, "text", text));
}

uint64_t telling_mode(const struct daemon *d, uint64_t now_ns)
{
	uint64_t until = __atomic_load_n(&gate_conf(d->gate)->enforce_until, __ATOMIC_ACQUIRE);

	return until > now_ns ? until : 0;
}

const char *telling_mode_text(uint64_t mode, char buffer[static TELLING_MODE_MAX])
{
	char when[WHEN_TEXT_MAX];

	if (!mode)
		snprintf(buffer, TELLING_MODE_MAX, "monitor mode");
	else if (mode == PN_FOREVER)
		snprintf(buffer, TELLING_MODE_MAX, "enforce mode");
	else
		snprintf(buffer, TELLING_MODE_MAX, "enforce mode until %s",
			 when_format(when_of_boot(mode), when));
	return buffer;
}

static void mode_log(uint64_t before, uint64_t mode, uint64_t now_ns)
{
	char text[TELLING_MODE_MAX];

	/* The clock ended it, and no command: its time is over. */
	if (!mode && before != PN_FOREVER && before <= now_ns)
		log_info("monitor mode: the time for which enforce was ordered is over");
	else
		log_info("%s, as ordered", telling_mode_text(mode, text));
}

void telling_tick(struct daemon *d, uint64_t now_ns)
{
	uint64_t mode = telling_mode(d, now_ns);
	char when[WHEN_TEXT_MAX], end[WHEN_TEXT_MAX];
	bool ends = mode && mode != PN_FOREVER, is_news = d->has_told_mode;

	if (is_news && d->told_mode == mode)
		return;
	if (is_news)
		mode_log(d->told_mode, mode, now_ns);
	if (is_news && telling_is_heard(d))
		row_send(d,
			 json_pack("{s:s, s:s, s:s, s:s?}", "time", when_format(now_wall_s(), when),
				   "kind", "mode", "mode", mode ? "enforce" : "monitor", "until",
				   ends ? when_format(when_of_boot(mode), end) : NULL));
	d->told_mode = mode;
	d->has_told_mode = true;
}

void telling_end(struct daemon *d)
{
	char when[WHEN_TEXT_MAX];

	if (telling_is_heard(d))
		row_send(d, json_pack("{s:s, s:s}", "time", when_format(now_wall_s(), when), "kind",
				      "end"));
}
