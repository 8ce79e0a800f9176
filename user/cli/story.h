/* SPDX-License-Identifier: BSD-2-Clause */
/* What the store tells of an address, for why and evidence: the verdict of the DNS with its evidence, bans, what was decided lately, and what mail it delivered. */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include <stdio.h>

#include "cli/cli.h"

struct story {
	json_t *dnsbl;	   /* an object, or null when there is no verdict */
	json_t *ban;	   /* an object, or null when it was never banned, or that is forgotten */
	json_t *delivered; /* an object, or null when it is not known to have delivered mail */
	json_t *journal;   /* an array, the latest first */
};

/* store NULL: there is nothing to tell. What cannot be read is warned of. */
void story_read(const struct cli *cli, struct store *store, const struct addr *a,
		struct story *out);
void story_free(struct story *s);
/* The lines about the verdict, and those of the journal, for people. */
void story_print_dnsbl(const struct story *s, FILE *out);
void story_print_delivered(const struct story *s, FILE *out);
void story_print_ban(const struct story *s, FILE *out);
void story_print_journal(const struct story *s, FILE *out);

#endif
