/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An abuse report in its parts: one object, which --json prints and people read as a text that can stand in a mail. It leaves this
 * host, so nothing private may be in it: no `because`, no key of a list.
 */
#ifndef CLI_EVIDENCE_H
#define CLI_EVIDENCE_H

#include <stdio.h>

#include "cli/cli.h"
#include "dns/answer.h"
#include "store/verdicts.h"

#define EVIDENCE_CONTACTS_MAX 8	  /* a network has one or two */
#define EVIDENCE_SHOWN_MAX    200 /* bytes of what the zone answered, escaped */

/*
 * Keys of the report: "addr"; "reporter", "time", "clock"; "first", "last"; "counts": [{"what","count","first","last"}];
 * "counts_cut"; "dnsbl" as `why` has it; "rule": {"prefix","action","created","expires"}; "gate": {"action","reason","mode","port","open",
 * "used","limit","answers"}; "contacts": ["abuse@example.net"], "contact_zone", "contact_why"; "journal": the latest first. Null where
 * there is none.
 */

/* One more entry of the journal: into counts, the period, and the journal while it is short. */
void evidence_count(json_t *report, const struct store_entry *entry);

/*
 * Mail addresses of the answers, several of which may stand in one text, with commas between. What is no address is
 * left out: `odd` is the last such text, escaped, or "". Returns an array.
 */
json_t *evidence_addresses(const struct answer_texts *texts, char odd[static EVIDENCE_SHOWN_MAX]);

/* Gives up all privileges, asks the zone, and puts the contact or why there is none into the report. Never fails. */
void evidence_ask(const struct cli *cli, const struct addr *a, json_t *report);
/* The same where nobody is asked. */
void evidence_ask_nobody(json_t *report, const char *why);

void evidence_print(FILE *out, const json_t *report);

#endif
