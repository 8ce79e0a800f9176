/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows for people: the same json_t objects that --json prints, laid out in aligned columns. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdio.h>

#include "base/json.h"

struct column {
	const char *key;   /* of the row's object; a value of null or a missing one shows as "-" */
	const char *title; /* printed once, upper case by convention */
};

struct table;

/* columns: count of them, kept by the caller. NULL when out of memory. */
struct table *table_new(const struct column *columns, size_t count);
int table_add(struct table *t, json_t *row); /* takes the reference; 0 or -ENOMEM */
/* Strings left, numbers right; foreign text must be escaped already. Nothing at all for no rows. */
int table_print(struct table *t, FILE *out);
void table_free(struct table *t); /* NULL is fine */

#endif
