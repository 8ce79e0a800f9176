/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom the resolver was asked about and has not answered for. It reads foreign bytes, so it may be in foreign hands: what it says about
 * anybody else is not heard.
 */
#ifndef DAEMON_ASKED_H
#define DAEMON_ASKED_H

#include <stdbool.h>

#include "base/addr.h"

struct asked;

struct asked *asked_new(void);	  /* NULL: out of memory */
void asked_free(struct asked *a); /* NULL is fine */
/* A question about it is on its way. */
void asked_add(struct asked *a, const struct addr *addr);
/* An answer about it came: was there a question? It is answered now. */
bool asked_take(struct asked *a, const struct addr *addr);
/* Nobody is left to answer. */
void asked_clear(struct asked *a);

#endif
