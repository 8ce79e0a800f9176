/* SPDX-License-Identifier: BSD-2-Clause */
/* The responder as the keeper sees it: see answering.h. */
#include "daemon/answering.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/facts.h"
#include "daemon/logger.h"
#include "daemon/parts.h"
#include "daemon/responder.h"
#include "daemon/state.h"
#include "reply/said.h"

#define WRITE_LEAST_NS (1 * NS_PER_S) /* for people who look */
#define WRITE_MOST_NS  (5 * NS_PER_S) /* so that an old file is known for one */
/* VLANs and bridges on guarded interfaces; a host with more of them names those that matter in `interfaces`. */
#define VLANS_MAX 256

#define RESPONDER_SAYS                                                                             \
	(1U << MESSAGE_READY | 1U << MESSAGE_WHY | 1U << MESSAGE_REJECT | 1U << MESSAGE_BUSY)

static void replying_set(struct daemon *d)
{
	bool up = d->answering.responder && child_is_up(d->answering.responder);

	__atomic_store_n(&gate_conf(d->gate)->replying, up, __ATOMIC_RELEASE);
}

/* ---- its socket ---- */

/*
 * Nothing arrives at its own address and port: connections get to it by pn_steer alone, whatever they were made to. An IPv6 socket at
 * a mapped address serves both families; where there is no IPv6, an IPv4 one serves what there is.
 */
static int listener_make(int backlog, struct err *e)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
				   .sin6_addr = {{{[10] = 0xff, 0xff, 127, 0, 0, 1}}}};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int off = 0, r;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0) {
		r = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		if (!r)
			r = bind(fd, (struct sockaddr *)&six, sizeof(six));
	} else {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&four, sizeof(four));
	}
	if (!r)
		r = listen(fd, backlog);
	if (!r)
		return fd;
	r = -errno;
	if (fd >= 0)
		close(fd);
	return err_set(e, r, "cannot make the responder's socket: %s", strerror(-r));
}

static int responder_prepare(void *context, const void **settings, size_t *length, int *extra,
			     struct err *e)
{
	struct daemon *d = context;
	/*
	 * As many may wait as may be served: where it overflows under SYN cookies, the kernel forgets an ACK for good, and that client
	 * waits for a greeting until it gives up.
	 */
	int fd = listener_make((int)d->conf.responder.connections, e), r;

	if (fd < 0)
		return fd;
	r = steer_listen(d->gate, fd, e);
	if (r) {
		close(fd);
		return r;
	}
	*settings = d->answering.settings;
	*length = d->answering.settings_length;
	*extra = fd;
	return 0;
}

/* ---- what it asks and tells ---- */

static void because_rule(struct daemon *d, const struct pn_why *why, const struct addr *addr,
			 struct reply_because *b)
{
	struct prefix p = prefix_of(addr, (uint8_t)why->bits);
	struct store_rule rule;

	b->kind = REPLY_RULE;
	if (d->store && store_get_rule(d->store, STORE_BLOCK, &p, &rule, NULL) == 0)
		snprintf(b->text, sizeof(b->text), "%s", rule.saying);
}

static void because_listed(struct daemon *d, const struct addr *addr, struct reply_because *b)
{
	const struct listing *l = listings_find(d->contact.listings, addr);

	b->kind = REPLY_LISTED;
	if (!l)
		return;
	if (l->by < SITE_ZONES_MAX)
		snprintf(b->by, sizeof(b->by), "%s", contact_zone_name(d, l->by));
	snprintf(b->text, sizeof(b->text), "%s", l->reason);
}

/* By the reason that the kernel gives now, not by what it would do: after its last answer that is silence. */
static void responder_asks(struct daemon *d, const struct message_why *m)
{
	struct message_because answer = {.head = message_head(MESSAGE_BECAUSE), .id = m->id};
	struct reply_because *b = &answer.because;
	struct pn_why why;

	b->kind = REPLY_NOTHING;
	if (why_ask(d->gate, &m->addr, m->port, &why, NULL) == 0) {
		switch (why.reason) {
		case PN_REASON_RULE:
		case PN_REASON_BLOCK:
			because_rule(d, &why, &m->addr, b);
			break;
		case PN_REASON_LISTED:
			because_listed(d, &m->addr, b);
			break;
		case PN_REASON_FEED:
			b->kind = REPLY_LISTED;
			if (why.feed < d->conf.feed_count)
				snprintf(b->by, sizeof(b->by), "%s", d->conf.feeds[why.feed].name);
			break;
		case PN_REASON_BANNED: /* it ends */
		case PN_REASON_OPEN:
		case PN_REASON_TOTAL_OPEN:
		case PN_REASON_RATE:
		case PN_REASON_NETWORK_RATE:
		case PN_REASON_TOTAL_RATE:
			b->kind = REPLY_LIMIT;
			snprintf(b->text, sizeof(b->text), "%s", reason_sentence(why.reason));
			break;
		default:
			break;
		}
	}
	/* Without room it hears nothing, and tells its client to come again. */
	(void)child_send(d->answering.responder, &answer, sizeof(answer));
}

static void responder_says(void *context, const union message *m)
{
	struct daemon *d = context;
	char line[SAID_LINE_MAX];

	switch (m->head.type) {
	case MESSAGE_READY:
		log_debug("the responder listens");
		replying_set(d);
		d->answering.changed = true;
		break;
	case MESSAGE_WHY:
		responder_asks(d, &m->why);
		break;
	case MESSAGE_REJECT:
		parts_said(d, &m->reject.said);
		if (contact_may_tell(d))
			logger_write_mail(said_format(&m->reject.said, line, sizeof(line)));
		break;
	case MESSAGE_BUSY:
		d->answering.status = m->busy.status;
		d->answering.changed = true;
		break;
	}
}

static void responder_gone(void *context)
{
	struct daemon *d = context;

	replying_set(d);
	d->answering.status.open = 0;
	d->answering.changed = true;
}

/* ---- beginning, end, change ---- */

static int responder_start(struct daemon *d, struct err *e)
{
	static const struct child_calls calls = {responder_prepare, responder_says, responder_gone};

	return child_open(&d->answering.responder, d->loop, d->nursery, CHILD_RESPONDER,
			  RESPONDER_SAYS, &calls, d, e);
}

int answering_open(struct daemon *d, struct err *e)
{
	struct answering *a = &d->answering;
	int r;

	replying_set(d); /* what a controller before us left */
	if (d->conf.charge == CONF_CHARGE_SYN)
		return 0; /* no socket here could answer for the mail server */
	r = responder_settings_make(&d->conf, &a->settings, &a->settings_length, e);
	return r ? r : responder_start(d, e);
}

void answering_gate_changed(struct daemon *d)
{
	if (!d->answering.responder)
		return;
	answering_ingress(d);
	child_renew(d->answering.responder);
}

void answering_reload(struct daemon *d)
{
	struct responder_settings *next = NULL;
	struct answering *a = &d->answering;
	struct err e = {0};
	size_t length = 0;
	bool same;

	if (!a->responder)
		return;
	if (responder_settings_make(&d->conf, &next, &length, &e)) {
		log_error("%s: the responder goes on as before", e.text);
		return;
	}
	same = length == a->settings_length && memcmp(next, a->settings, length) == 0;
	responder_settings_free(same ? next : a->settings);
	if (same)
		return;
	a->settings = next;
	a->settings_length = length;
	child_renew(a->responder);
}

struct ingress {
	int list[LINKS_INDEXES_MAX + VLANS_MAX];
	unsigned count, before;
};

static bool ingress_has(const struct ingress *in, int ifindex)
{
	for (unsigned i = 0; i < in->count; i++)
		if (in->list[i] == ifindex)
			return true;
	return false;
}

/* A VLAN on a guarded interface, or the bridge above it: what comes in by it has been through the gate. */
static int ingress_add(void *context, const struct net_link *link)
{
	struct ingress *in = context;
	unsigned room = sizeof(in->list) / sizeof(in->list[0]);

	if (in->count < room && link->lower && ingress_has(in, link->lower) &&
	    !ingress_has(in, link->ifindex))
		in->list[in->count++] = link->ifindex;
	if (in->count < room && link->master && ingress_has(in, link->ifindex) &&
	    !ingress_has(in, link->master))
		in->list[in->count++] = link->master;
	return 0;
}

void answering_ingress(struct daemon *d)
{
	struct ingress in = {0};
	struct err e = {0};
	int r;

	if (!d->answering.responder)
		return;
	in.count = links_indexes(&d->links, in.list);
	do {
		in.before = in.count;
		r = net_each_link(ingress_add, &in, &e);
	} while (!r && in.count > in.before);
	if (!r)
		r = steer_set_ingress(d->gate, in.list, in.count, &e);
	if (r)
		log_warning("refused connections may not reach the responder: %s", e.text);
}

void answering_tick(struct daemon *d, uint64_t now_ns)
{
	struct answering *a = &d->answering;

	if (!(a->changed && now_ns - a->written_ns >= WRITE_LEAST_NS) &&
	    now_ns - a->written_ns < WRITE_MOST_NS)
		return;
	facts_write_children(d);
	a->changed = false;
	a->written_ns = now_ns;
}

void answering_close(struct daemon *d)
{
	struct answering *a = &d->answering;

	child_close(a->responder);
	a->responder = NULL;
	if (d->gate)
		replying_set(d);
	responder_settings_free(a->settings);
	*a = (struct answering){0};
}
