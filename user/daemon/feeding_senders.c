/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who delivers mail here and stands on a feed: somebody should look at that before the mail server's users do. Those whom the operator has
 * allowed are let in whatever a feed says, and are not told.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/json.h"
#include "base/log.h"
#include "daemon/feeding_inside.h"

/* The busiest of them; a look at each is a walk of some twenty steps. */
#define SENDERS_MOST 20000

struct allowed {
	struct prefix *list;
	size_t count, room;
};

struct search {
	struct fed *one;
	const struct allowed *allowed;
	unsigned looked;
};

static int allow_add(void *context, const struct rule_entry *r)
{
	struct allowed *a = context;
	void *grown;

	if (r->rule.action != PN_ALLOW)
		return 0;
	grown = grow(a->list, a->count, &a->room, sizeof(*a->list));
	if (!grown)
		return -1;
	a->list = grown;
	a->list[a->count++] = r->prefix;
	return 0;
}

static bool is_allowed(const struct allowed *a, const struct addr *addr)
{
	for (size_t i = 0; i < a->count; i++)
		if (prefix_has(&a->list[i], addr))
			return true;
	return false;
}

static int sender_look(void *context, const struct store_sender *s)
{
	struct search *x = context;
	struct prefix entry;

	if (++x->looked > SENDERS_MOST)
		return 1;
	if (!image_has(&x->one->list.image, &s->addr, &entry) || is_allowed(x->allowed, &s->addr))
		return 0;
	if (x->one->senders < FED_SENDERS_NAMED_MAX) {
		struct fed_sender *out = &x->one->sender[x->one->senders];

		*out = (struct fed_sender){
			.addr = s->addr, .entry = entry, .messages = s->messages};
		memcpy(out->host, s->host, sizeof(out->host));
	}
	x->one->senders++;
	return 0;
}

static void say(const struct fed *one)
{
	char addr[ADDR_TEXT_MAX], entry[PREFIX_TEXT_MAX], host[STORE_HOST_MAX];
	const struct fed_sender *s = &one->sender[0];

	addr_format(&s->addr, addr);
	text_escape(s->host, strlen(s->host), host, sizeof(host));
	log_warning("feed %s: it has %u who deliver mail here, such as %s%s%s%s, by its entry %s "
		    "(%" PRIu64 " messages): `postern allow %s` lets it in all the same, `postern "
		    "show feeds --json` has the others",
		    one->conf.name, one->senders, addr, *host ? " (" : "", host, *host ? ")" : "",
		    prefix_format(&s->entry, entry), s->messages, addr);
}

void feeding_find_senders(struct feeding *f, struct fed *one)
{
	struct addr before = one->senders ? one->sender[0].addr : (struct addr){0};
	unsigned count = one->senders;
	struct allowed allowed = {0};
	struct search x = {.one = one, .allowed = &allowed};
	struct err e = {0};

	one->senders = 0;
	one->stale = false;
	if (!one->list.map || !f->d->store)
		return;
	(void)rules_each_allow(f->d->gate, allow_add, &allowed, NULL);
	if (store_each_sender(f->d->store, NULL, 0, sender_look, &x, &e) < 0)
		log_debug("feed %s: known senders cannot be read: %s", one->conf.name, e.text);
	if (one->senders && (one->senders != count || !addr_equal(&before, &one->sender[0].addr)))
		say(one);
	free(allowed.list);
}
