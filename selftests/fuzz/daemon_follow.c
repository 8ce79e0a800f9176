/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the controller reads back about the mail log, and a command about a reload: a place from the store, the time of a line of the journal, the
 * answer in the run directory. What is taken is what was written, and can be shown.
 */
#include "cli/foreign.h"
#include "daemon/following_child.h"
#include "daemon/following_place.h"
#include "fuzz/fuzz.h"

static void place_try(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), again[LOGPLACE_TEXT_MAX];
	struct logplace place;

	if (logplace_parse(text, &place) == 0)
		HOLDS(place.kind != LOGPLACE_NONE && !strcmp(logplace_format(&place, again), text));
	else
		HOLDS(place.kind == LOGPLACE_NONE);
	free(text);
}

static void stamp_try(const char *line, size_t size)
{
	uint64_t us = follower_stamp_us(line, size);

	/* Six digits behind the point, and a blank. */
	HOLDS(!us || (size > 8 && memchr(line, '.', size) && memchr(line, ' ', size)));
}

static void reload_try(const char *bytes, size_t size)
{
	json_t *changes, *last;
	struct err e = {0};

	if (foreign_reload(bytes, size, &changes, &last, &e)) {
		HOLDS(!changes && !last && e.text[0]);
		return;
	}
	for (size_t i = 0; i < json_array_size(changes); i++)
		HOLDS(is_printable(
			json_string_value(json_object_get(json_array_get(changes, i), "now"))));
	HOLDS(is_printable(json_string_value(json_object_get(last, "file"))));
	json_decref(changes);
	json_decref(last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (!size)
		return 0;
	copy = copy_of(data + 1, size - 1);
	switch (choice_of(data[0], 3)) {
	case 0:
		place_try(data + 1, size - 1);
		break;
	case 1:
		stamp_try(copy, size - 1);
		break;
	default:
		reload_try(copy, size - 1);
		break;
	}
	free(copy);
	return 0;
}
