/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages to read, send and print: what all of them share. Each is one file that asks nobody for anything, which its content policy holds
 * the browser to.
 */
#ifndef BASE_PAGE_H
#define BASE_PAGE_H

#include <stdio.h>

#define PAGE_POLICY                                                                                \
	"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/* Everything up to the body's contents. title_lead is ours, title is escaped. */
void page_open(FILE *out, const char *title_lead, const char *title);
/* Text in an element, escaped (HTML Living Standard, 13.1.2 and 13.1.4). It is no attribute's. */
void page_put(FILE *out, const char *text);
/* before, the text, behind: the outer two are ours. */
void page_element(FILE *out, const char *before, const char *text, const char *behind);

#endif
