/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What other processes have written and a command shows: the files of the run directory, and the evidence in the store. It rests on what
 * strangers sent, so each object is held to its keys and types and made anew, and texts are escaped where they are not
 * printable. Pure, but for the loading.
 */
#ifndef CLI_FOREIGN_H
#define CLI_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

#define FOREIGN_FILE_MAX (256 << 10) /* bytes: 32 zones of some 400 are 13 KiB */

/* A text for a row: as it is when it is printable and short, else escaped and cut. Never NULL but without memory. */
json_t *foreign_text(const char *text);

/* The whole of a regular file, which is not followed through links, ended with a 0. The caller frees. 0 or -errno; -ENOENT. */
int foreign_load(const char *path, char **bytes, size_t *length, struct err *e);

/* Takes the bytes of such a file as rows: one of the functions below. */
typedef int (*foreign_rows_fn)(const char *bytes, size_t length, json_t **rows,
			       int64_t *updated_wall_s, struct err *e);
/* Both at once. 0; -ENOENT: no such file; or -errno, with the path. */
int foreign_load_rows(const char *path, foreign_rows_fn take, json_t **rows,
		      int64_t *updated_wall_s, struct err *e);

/*
 * The file of zones: JSON Lines, one zone each, and a last one that says when they were written. *rows: an array for
 * the caller. 0, or -EBADMSG with the line.
 */
int foreign_zones(const char *bytes, size_t length, json_t **rows, int64_t *updated_wall_s,
		  struct err *e);
/* The file of providers: likewise. Texts that are empty are null. */
int foreign_providers(const char *bytes, size_t length, json_t **rows, int64_t *updated_wall_s,
		      struct err *e);
/* The file of feeds, in the same way. */
int foreign_feeds(const char *bytes, size_t length, json_t **rows, int64_t *updated_wall_s,
		  struct err *e);
/*
 * The file of children: one object. *row: {"resolver":{...},"responder":{...}} for the caller, and where the controller
 * tells them "meter", "mail_log" and "vitals":{"started","reloaded","reload_failed"}. 0, or -EBADMSG.
 */
int foreign_children(const char *bytes, size_t length, json_t **row, int64_t *updated_wall_s,
		     struct err *e);
/*
 * The answer to a reload: *changes an array of {"key","was","now","effect"}, *last {"reload","file","fault"|null}, both the caller's. 0, or -EBADMSG.
 */
int foreign_reload(const char *bytes, size_t length, json_t **changes, json_t **last,
		   struct err *e);
/* Evidence of a verdict: {"zones":[...],"asked":N|null,"rdns":{...}|null,"partial":bool|null}, or NULL when it is none. */
json_t *foreign_evidence(const char *text);

#endif
