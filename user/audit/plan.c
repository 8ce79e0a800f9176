/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan: a queue for each server. A queue goes through the rows of plan_rows.c, in each row through its addresses, at each
 * address through the rounds of the script; between two visits it pauses. Its port scan runs beside the first visits, which are of another port,
 * and rows of other ports wait for it: a port that a firewall swallows would else cost seconds each.
 *
 * Hosts that share an address are one server, whatever their names.
 */
#include "audit/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_name.h"
#include "audit/plan_rows.h"
#include "audit/relay.h"
#include "base/when.h"
#include "dns/orgdomain.h"

#define SPACING_MS     100  /* where the request says nothing: some ten connections a second */
#define RETRY_PAUSE_MS 3000 /* after 421 or a reset: what was too many is fewer then */
#define LEAST_MS       1000 /* with less left no visit is begun */
#define ROUNDS_MAX     64   /* of one row: whatever a script thinks */
#define DOMAIN_MAX     (NAME_TEXT_MAX + sizeof("[IPv6:]"))
#define AT_MAX	       (NAME_TEXT_MAX + ADDR_TEXT_MAX + 32)

struct queue {
	struct plan *plan;
	struct place *place;
	unsigned place_count;
	unsigned row, at, round; /* at: which place */
	bool is_retry, is_begun, is_done;
	struct script_facts facts;
	char domain[DOMAIN_MAX];
	struct script *script;
	struct visit *visit;
	struct visit_log *unheard; /* from the namespace, while it is tried from where we stand */
	struct loop_source *pause;
	struct ports_scan *scan;
	unsigned scanned; /* places */
	bool awaits_scan;
};

struct plan {
	struct loop *loop;
	struct plan_order order;
	const struct plan_hands *hands;
	plan_fn fn;
	void *context;
	struct queue *queue;
	unsigned queue_count, running;
	unsigned done, all; /* steps of the progress */
	struct loop_source *start;
};

static const struct plan_hands real_hands = {
	.visit_start = visit_start,
	.visit_stop = visit_stop,
	.scan_start = ports_scan_start,
	.scan_stop = ports_scan_stop,
	.retry_pause_ms = RETRY_PAUSE_MS,
};

static void queue_go_on(struct queue *q);
static void queues_begin(struct plan *p);

/* ---- what is said of it ---- */

static void progress_tell(struct queue *q)
{
	struct plan *p = q->plan;
	const struct seen_address *a = q->place[q->at].address;
	char at[AT_MAX], text[ADDR_TEXT_MAX];
	struct audit_progress now = {.done = p->done, .all = p->all, .at = at};

	if (!p->order.progress)
		return;
	snprintf(at, sizeof(at), "%s%s%s: %s", a->host->name, a->host->name[0] ? " " : "",
		 addr_format(&a->addr, text), plan_rows[q->row].name);
	p->order.progress(p->order.progress_context, &now);
}

/* ---- time ---- */

static uint64_t left_ms(const struct plan *p)
{
	uint64_t now = now_boot_ns();

	return p->order.until_ns > now ? (p->order.until_ns - now) / NS_PER_MS : 0;
}

static void on_pause(void *context)
{
	struct queue *q = context;

	loop_remove(q->plan->loop, q->pause);
	q->pause = NULL;
	queue_go_on(q);
}

/* Without a timer there is no pause, and no queue would end: then it ends here. */
static void queue_pause(struct queue *q, unsigned ms)
{
	if (loop_add_timer(q->plan->loop, ms ? ms : 1, 0, on_pause, q, &q->pause) < 0) {
		q->row = plan_row_count;
		queue_go_on(q);
	}
}

static unsigned spacing_ms(const struct plan *p)
{
	return p->order.request->spacing_ms ? p->order.request->spacing_ms : SPACING_MS;
}

/* ---- the end ---- */

static void queue_end(struct queue *q)
{
	struct plan *p = q->plan;

	q->is_done = true;
	p->running--;
	queues_begin(p);
	if (p->running == 0 && p->fn) {
		plan_fn fn = p->fn;

		p->fn = NULL;
		fn(p->context);
	}
}

/* ---- one visit ---- */

static void round_leave(struct queue *q)
{
	script_free(q->script);
	q->script = NULL;
	q->is_retry = false;
	q->round++;
}

static void place_leave(struct queue *q)
{
	script_free(q->script);
	q->script = NULL;
	q->round = 0;
	q->is_retry = false;
	q->plan->done++;
	if (++q->at < q->place_count)
		return;
	q->at = 0;
	q->row++;
}

static bool is_unheard(const struct visit_log *log)
{
	return log->end == VISIT_SILENT || log->end == VISIT_REFUSED ||
	       log->end == VISIT_UNREACHABLE;
}

static void scan_next(struct queue *q);

/* What was seen through the wall is nothing. */
static void scan_again(struct queue *q)
{
	q->plan->hands->scan_stop(q->scan);
	q->scan = NULL;
	q->place[q->at].address->port_count = 0;
	q->scanned = q->at;
	scan_next(q);
}

/*
 * The namespace got no answer: is it the server, or a firewall of this host, which drops what comes by an interface that it does not know? A
 * visit from where we stand tells. True: it is to be made, and the log is kept.
 */
static bool place_try_here(struct queue *q, struct visit_log *log)
{
	struct seen_address *a = q->place[q->at].address;

	if (plan_rows[q->row].purpose != PURPOSE_HELLO || !a->by_namespace || !is_unheard(log))
		return false;
	a->by_namespace = false;
	q->unheard = log;
	script_free(q->script);
	q->script = NULL;
	queue_pause(q, 0);
	return true;
}

/* Which of the two visits counts; the other is freed. */
static struct visit_log *place_settle(struct queue *q, struct visit_log *log)
{
	struct seen_address *a = q->place[q->at].address;
	struct visit_log *unheard = q->unheard;

	q->unheard = NULL;
	if (!unheard)
		return log;
	if (is_unheard(log)) {
		a->by_namespace = true;
		visit_log_free(log);
		return unheard;
	}
	visit_log_free(unheard);
	a->is_walled = true;
	a->vantage = VANTAGE_OWN;
	scan_again(q);
	return log;
}

static void on_visit(void *context, struct visit_log *log)
{
	struct queue *q = context;
	const struct plan_row *row = &plan_rows[q->row];
	struct place *place = &q->place[q->at];

	q->visit = NULL;
	if (place_try_here(q, log))
		return;
	log = place_settle(q, log);
	if (!q->is_retry && plan_is_worth_retry(row, log) && left_ms(q->plan) > RETRY_PAUSE_MS) {
		unsigned pause_ms = q->plan->hands->retry_pause_ms;

		visit_log_free(log);
		script_free(q->script);
		q->script = NULL;
		q->is_retry = true;
		queue_pause(q, pause_ms);
		return;
	}
	plan_place_judge(place, row, log);
	seen_add_visit(place->address, log);
	round_leave(q);
	queue_pause(q, spacing_ms(q->plan));
}

/* A visit that was not made, and how it would have ended. */
static void visit_note(struct queue *q, enum visit_end end, const char *why)
{
	const struct plan_row *row = &plan_rows[q->row];
	struct visit_log *log = calloc(1, sizeof(*log));

	if (!log)
		return;
	log->purpose = row->purpose;
	log->protocol = row->protocol;
	log->port = row->port;
	log->implicit_tls = row->implicit_tls;
	log->end = end;
	snprintf(log->why, sizeof(log->why), "%s", why);
	plan_place_judge(&q->place[q->at], row, log);
	seen_add_visit(q->place[q->at].address, log);
}

static int visit_begin(struct queue *q)
{
	const struct plan *p = q->plan;
	const struct plan_row *row = &plan_rows[q->row];
	const struct seen_address *a = q->place[q->at].address;
	uint64_t left = left_ms(p);
	struct visit_order order = {
		.purpose = row->purpose,
		.protocol = row->protocol,
		.addr = a->addr,
		.port = row->port,
		.implicit_tls = row->implicit_tls,
		.tls = p->order.tls,
		.wish = {.least = row->version, .most = row->version},
		.script = script_next,
		.script_context = q->script,
		.secret =
			p->order.request->imap_password[0] ? p->order.request->imap_password : NULL,
		.whole_ms = left < VISIT_WHOLE_MS ? (unsigned)left : VISIT_WHOLE_MS,
	};

	snprintf(order.wish.name, sizeof(order.wish.name), "%s", a->host->name);
	if (a->by_namespace && p->order.sockets) {
		order.socket = vantage_sockets_take;
		order.socket_context = p->order.sockets;
	}
	return p->hands->visit_start(&q->visit, p->loop, &order, on_visit, q);
}

/* ---- the queue ---- */

/*
 * A domain that it hosts: that of the mailbox that was named, else the audited one. Else it is guessed: the owner's of the name that leads to
 * this address, or of the one that it gives itself; an address literal at the last.
 */
static void domain_set(struct queue *q)
{
	const struct audit_request *request = q->plan->order.request;
	const struct seen_address *a = q->place[q->at].address;
	const char *at = strrchr(request->mailbox, '@');
	char text[ADDR_TEXT_MAX], greeting[NAME_TEXT_MAX], name[NAME_TEXT_MAX];

	if (at && at[1])
		snprintf(q->domain, sizeof(q->domain), "%s", at + 1);
	else if (request->domain[0])
		snprintf(q->domain, sizeof(q->domain), "%s", request->domain);
	else if (orgdomain_of(a->host->name, name) ||
		 (relay_greeting_name(a, greeting) && orgdomain_of(greeting, name)))
		snprintf(q->domain, sizeof(q->domain), "%s", name);
	else
		snprintf(q->domain, sizeof(q->domain), "[%s%s]",
			 addr_is_v4(&a->addr) ? "" : "IPv6:", addr_format(&a->addr, text));
}

static void facts_set(struct queue *q)
{
	const struct plan_order *order = &q->plan->order;
	const struct seen_address *a = q->place[q->at].address;
	bool is_set = a->foreign[0][0];

	domain_set(q);
	q->facts = (struct script_facts){
		.request = order->request,
		.seen = order->seen,
		.address = a,
		.helo = order->request->helo[0] ? order->request->helo : a->helo,
		.domain = q->domain,
		.foreign = is_set ? a->foreign[0] : AUDIT_NAME_FOREIGN,
		.foreign_next = a->foreign[1],
		.may_intrude = a->may_intrude,
		.implicit_tls = plan_rows[q->row].implicit_tls,
	};
	memcpy(q->facts.random, order->random, sizeof(q->facts.random));
}

/* Begin the next visit of this row at this place. False: there is none (any more). */
static bool place_visit(struct queue *q)
{
	enum visit_end end = VISIT_DONE;
	enum plan_worth worth =
		plan_worth(&plan_rows[q->row], &q->place[q->at], q->plan->order.request, &end);

	if (q->place[q->at].address->host->is_backend || q->round >= ROUNDS_MAX)
		return false;
	if (worth == WORTH_NOTE && q->round == 0)
		visit_note(q, end,
			   end == VISIT_REFUSED ? "the port is closed"
						: "the port is filtered: nothing answers");
	if (worth != WORTH_VISIT)
		return false;
	facts_set(q);
	q->script = script_new(plan_rows[q->row].purpose, q->round, &q->facts);
	if (!q->script)
		return false;
	progress_tell(q);
	if (visit_begin(q) == 0)
		return true;
	visit_note(q, VISIT_FAILED, "this host had no means left for a connection");
	return false;
}

static bool row_awaits_scan(const struct queue *q)
{
	return plan_rows[q->row].port != PORT_SMTP && q->scan;
}

static void queue_go_on(struct queue *q)
{
	q->awaits_scan = false;
	while (q->row < plan_row_count && left_ms(q->plan) >= LEAST_MS) {
		if (row_awaits_scan(q)) {
			q->awaits_scan = true;
			return;
		}
		if (place_visit(q))
			return;
		place_leave(q);
	}
	q->row = plan_row_count;
	if (left_ms(q->plan) < LEAST_MS) {
		q->plan->hands->scan_stop(q->scan);
		q->scan = NULL;
	}
	if (q->scan)
		q->awaits_scan = true;
	else
		queue_end(q);
}

/* ---- ports ---- */

static void on_scan(void *context)
{
	struct queue *q = context;

	q->scan = NULL;
	scan_next(q);
	if (!q->scan && q->awaits_scan)
		queue_go_on(q);
}

/* The next place that has something to look at. */
static void scan_next(struct queue *q)
{
	const struct plan *p = q->plan;

	while (!q->scan && q->scanned < q->place_count && left_ms(p) >= LEAST_MS) {
		struct seen_address *a = q->place[q->scanned++].address;
		uint16_t ports[SEEN_PORTS_MAX];
		unsigned count = plan_ports(a, p->order.request, ports);
		bool is_apart = a->by_namespace && p->order.sockets;

		if (count &&
		    p->hands->scan_start(&q->scan, p->loop, a, ports, count,
					 is_apart ? vantage_sockets_take : NULL,
					 is_apart ? p->order.sockets : NULL, on_scan, q) < 0)
			q->scan = NULL;
	}
}

/* As many as may be at once. */
static void queues_begin(struct plan *p)
{
	for (unsigned i = 0; i < p->queue_count && p->running < PLAN_HOSTS_AT_ONCE; i++) {
		struct queue *q = &p->queue[i];

		if (q->is_begun || !q->place_count)
			continue;
		q->is_begun = true;
		p->running++;
		scan_next(q);
		queue_pause(q, 0);
	}
}

/* ---- start and stop ---- */

static bool hosts_share(const struct seen_host *a, const struct seen_host *b)
{
	for (unsigned i = 0; i < a->address_count; i++)
		for (unsigned j = 0; j < b->address_count; j++)
			if (addr_equal(&a->address[i].addr, &b->address[j].addr))
				return true;
	return false;
}

/* The queue of host h: that of the first that shares an address with it, or its own. */
static struct queue *queue_of(struct plan *p, unsigned h)
{
	const struct seen *seen = p->order.seen;

	for (unsigned i = 0; i < h; i++)
		if (hosts_share(&seen->host[i], &seen->host[h]))
			return queue_of(p, i);
	return &p->queue[h];
}

static int places_make(struct plan *p)
{
	struct seen *seen = p->order.seen;

	for (unsigned h = 0; h < seen->host_count; h++) {
		struct queue *q = queue_of(p, h);
		unsigned count = seen->host[h].address_count;
		struct place *places;

		if (!count)
			continue;
		places = reallocarray(q->place, q->place_count + count, sizeof(*places));
		if (!places)
			return -ENOMEM;
		q->place = places;
		for (unsigned i = 0; i < count; i++)
			places[q->place_count++] =
				(struct place){.address = &seen->host[h].address[i]};
		p->all += count * plan_row_count;
	}
	return 0;
}

static void on_start(void *context)
{
	struct plan *p = context;

	loop_remove(p->loop, p->start);
	p->start = NULL;
	queues_begin(p);
	if (p->running == 0 && p->fn) {
		plan_fn fn = p->fn;

		p->fn = NULL;
		fn(p->context);
	}
}

int plan_start(struct plan **out, struct loop *loop, const struct plan_order *order, plan_fn fn,
	       void *context)
{
	struct plan *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->order = *order;
	p->hands = order->hands ? order->hands : &real_hands;
	p->fn = fn;
	p->context = context;
	p->queue_count = order->seen->host_count;
	p->queue = calloc(p->queue_count ? p->queue_count : 1, sizeof(*p->queue));
	ret = p->queue ? 0 : -ENOMEM;
	for (unsigned i = 0; ret == 0 && i < p->queue_count; i++)
		p->queue[i].plan = p;
	if (ret == 0)
		ret = places_make(p);
	if (ret == 0)
		ret = loop_add_timer(loop, 1, 0, on_start, p, &p->start);
	if (ret < 0)
		plan_stop(p);
	else
		*out = p;
	return ret;
}

void plan_stop(struct plan *p)
{
	if (!p)
		return;
	for (unsigned i = 0; p->queue && i < p->queue_count; i++) {
		struct queue *q = &p->queue[i];

		p->hands->visit_stop(q->visit);
		p->hands->scan_stop(q->scan);
		loop_remove(p->loop, q->pause);
		script_free(q->script);
		visit_log_free(q->unheard);
		free(q->place);
	}
	loop_remove(p->loop, p->start);
	free(p->queue);
	free(p);
}
