/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON Lines and escaping. jansson is included here and in no other folder: rows are json_t objects
 * that are printed as one line each (--json) or as a table for people (table.h).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* One compact line with keys in the order they were set. Takes the reference. 0 or -errno. */
int json_line(FILE *out, json_t *row);
/* A time, RFC 3339 in UTC; null for 0. */
json_t *json_time_wall(int64_t wall_s);
/* The text that a key of the row has; "" where it has none. */
const char *json_text_of(const json_t *row, const char *key);
/* The count that a key of the row has; 0 where it has none that is one. */
uint64_t json_count_of(const json_t *row, const char *key);

/*
 * Foreign bytes for a terminal, a log or JSON: printable ASCII stays, everything else becomes \xHH,
 * and a backslash is doubled. Cut at size with "..." at the end. Returns buffer.
 */
const char *text_escape(const void *bytes, size_t length, char *buffer, size_t size);

/* Does a text of a size end within it, and is it printable ASCII up to there? What has been escaped is. */
bool text_is_plain(const char *text, size_t size);

#endif
