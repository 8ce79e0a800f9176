/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is never judged changes with every lease and every route. The kernel's news arrive in bursts
 * (an interface that comes up gives a dozen), so they are gathered for a moment; an attach does not
 * wait for that but asks at once, so that no neighbour is judged in between.
 */
#include "daemon/own.h"

#include <stdlib.h>

#include "base/log.h"
#include "daemon/setup.h"
#include "daemon/state.h"

#define OWN_SETTLE_MS 200 /* long enough for a burst of netlink news, short for a person */
#define OWN_DIFFERENCES                                                                            \
	8 /* lines of one refresh in the log; a host may have thousands of addresses */

static bool own_list_has(const struct net_own *list, int count, const struct net_own *one)
{
	for (int i = 0; i < count; i++)
		if (list[i].kind == one->kind && prefix_equal(&list[i].prefix, &one->prefix))
			return true;
	return false;
}

/* Say what is in list and not in other. */
static void own_say(const struct net_own *list, int count, const struct net_own *other,
		    int other_count, const char *news)
{
	unsigned said = 0, unsaid = 0;

	for (int i = 0; i < count; i++) {
		char text[PREFIX_TEXT_MAX];

		if (own_list_has(other, other_count, &list[i]))
			continue;
		if (said == OWN_DIFFERENCES) {
			unsaid++;
			continue;
		}
		said++;
		log_info("%s (%s%s%s) %s", prefix_format(&list[i].prefix, text),
			 net_own_name(list[i].kind), list[i].ifname[0] ? ", " : "", list[i].ifname,
			 news);
	}
	if (unsaid)
		log_info("and %u more prefixes: %s", unsaid, news);
}

static void own_settled(void *context)
{
	struct daemon *d = context;

	loop_remove(d->loop, d->own.settling);
	d->own.settling = NULL;
	if (!d->conf.interface_count) {
		links_scan(d); /* a default route may have come */
		answering_ingress(d);
	}
	own_refresh(d);
}

void own_expect(struct daemon *d)
{
	if (d->own.settling)
		return;
	if (loop_add_timer(d->loop, OWN_SETTLE_MS, 0, own_settled, d, &d->own.settling))
		own_settled(d);
}

void own_refresh(struct daemon *d)
{
	struct own *o = &d->own;
	int indexes[LINKS_INDEXES_MAX];
	unsigned count = links_indexes(&d->links, indexes);
	struct net_own *list = NULL;
	struct err e = {0};
	int r;

	r = setup_own(d->gate, &d->conf, indexes, count, &e);
	if (r) {
		if (said_anew(&o->said, e.text))
			log_error("own addresses: %s: an address that is missing is judged like a "
				  "stranger's",
				  e.text);
		return;
	}
	if (said_settle(&o->said))
		log_info("own addresses: all are in the gate now");

	r = setup_own_list(&d->conf, indexes, count, &list, &e);
	if (r < 0)
		return;
	if (o->list) {
		own_say(list, r, o->list, o->count, "is never judged from now on");
		own_say(o->list, o->count, list, r, "is judged from now on");
	}
	free(o->list);
	o->list = list;
	o->count = r;
}

void own_free(struct own *o)
{
	free(o->list);
	o->list = NULL;
	o->count = 0;
}
