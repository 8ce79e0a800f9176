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
#include "base/when.h"
#include "base/words.h"
#include "daemon/feeding_inside.h"
#include "kern/maps.h"

/* The busiest of them; a look at each is a walk of some twenty steps. */
#define SENDERS_MOST 20000
/* Where some are known already, one more is no hurry. */
#define SENDERS_EVERY_S 600

struct allowed {
	struct prefix *list;
	size_t count, room;
};

struct search {
	struct feeding *f;
	const struct allowed *allowed;
	unsigned looked;
};

static int allow_add(void *context, const struct rule_entry *r)
{
	struct allowed *a = context;
	void *grown;

	if (r->rule.action != PN_ALLOW || !rule_is_live(r->rule.expires, now_boot_ns()))
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

static void sender_count(struct fed *one, const struct store_sender *s, const struct prefix *entry)
{
	if (one->senders < FED_SENDERS_NAMED_MAX) {
		struct fed_sender *out = &one->sender[one->senders];

		*out = (struct fed_sender){
			.addr = s->addr, .entry = *entry, .messages = s->messages};
		memcpy(out->host, s->host, sizeof(out->host));
	}
	one->senders++;
}

static int sender_look(void *context, const struct store_sender *s)
{
	struct search *x = context;
	struct prefix entry;

	if (++x->looked > SENDERS_MOST)
		return 1;
	for (unsigned i = 0; i < x->f->count; i++) {
		struct fed *one = &x->f->fed[i];

		if (one->stale && one->list.map && image_has(&one->list.image, &s->addr, &entry) &&
		    !is_allowed(x->allowed, &s->addr))
			sender_count(one, s, &entry);
	}
	return 0;
}

static void say(const struct fed *one)
{
	char addr[ADDR_TEXT_MAX], entry[PREFIX_TEXT_MAX], host[STORE_HOST_MAX];
	const struct fed_sender *s = &one->sender[0];

	addr_format(&s->addr, addr);
	text_escape(s->host, strlen(s->host), host, sizeof(host));
	log_warning("feed %s: it has %u who deliver%s mail here, such as %s%s%s%s, by its entry %s "
		    "(%" PRIu64 " message%s): `postern allow %s` lets it in all the same%s",
		    one->conf.name, one->senders, one->senders == 1 ? "s" : "", addr,
		    *host ? " (" : "", host, *host ? ")" : "", prefix_format(&s->entry, entry),
		    s->messages, plural(s->messages), addr,
		    one->senders == 1 ? "" : ", `postern show feeds --json` has the others");
}

void feeding_find_senders(struct feeding *f)
{
	struct addr first[CONF_FEEDS_MAX] = {0};
	unsigned count[CONF_FEEDS_MAX] = {0};
	struct allowed allowed = {0};
	struct search x = {.f = f, .allowed = &allowed};
	struct err e = {0};

	for (unsigned i = 0; i < f->count; i++) {
		first[i] = f->fed[i].sender[0].addr;
		count[i] = f->fed[i].senders;
		if (f->fed[i].stale)
			f->fed[i].senders = 0;
	}
	if (f->d->store) {
		(void)rules_each_allow(f->d->gate, allow_add, &allowed, NULL);
		if (store_each_sender(f->d->store, NULL, 0, sender_look, &x, &e) < 0)
			log_debug("feeds: known senders cannot be read: %s", e.text);
	}
	for (unsigned i = 0; i < f->count; i++) {
		struct fed *one = &f->fed[i];

		if (one->stale && one->senders &&
		    (one->senders != count[i] || !addr_equal(&first[i], &one->sender[0].addr)))
			say(one);
		if (one->stale)
			one->searched_ns = now_boot_ns();
		one->stale = false;
	}
	free(allowed.list);
}

bool feeding_search_is_due(const struct feeding *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		const struct fed *one = &f->fed[i];

		if (one->stale && (!one->senders ||
				   now_boot_ns() - one->searched_ns >= SENDERS_EVERY_S * NS_PER_S))
			return true;
	}
	return false;
}

/* Would a feed refuse it? Not one that is allowed, however much it sends. */
static bool is_refused(const struct feeding *f, const struct addr *a)
{
	struct pn_why why;

	return why_ask(f->d->gate, a, f->d->conf.ports[0].port, &why, NULL) == 0 &&
	       why.reason == PN_REASON_FEED;
}

/* It was told of, and may have been allowed since. */
static bool is_named(const struct fed *one, const struct addr *a)
{
	for (unsigned i = 0; i < one->senders && i < FED_SENDERS_NAMED_MAX; i++)
		if (addr_equal(&one->sender[i].addr, a))
			return true;
	return false;
}

void feeding_note_sender(struct feeding *f, const struct addr *a)
{
	bool asked = false, refused = false;

	for (unsigned i = 0; i < f->count; i++) {
		struct fed *one = &f->fed[i];

		if (one->stale || !one->list.map || !image_has(&one->list.image, a, NULL))
			continue;
		if (!asked)
			refused = is_refused(f, a);
		asked = true;
		one->stale = refused || is_named(one, a);
	}
}
