/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit as a whole: see audit.h. Both halves are lists of steps, one after the other.
 *
 * The gate never bans its own audit. This host's own addresses are visited from a network namespace on a cable of its own, or
 * through the loopback: neither passes an interface that is guarded, so the gate sees nothing of it. And if it were
 * otherwise: own addresses are never judged (user/net, net_own_list). Another host that is behind a gate of its own sees a stranger who
 * waits for each greeting, keeps to one connection at a time and pauses between them.
 */
#include "audit/audit.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit_name.h"
#include "audit/audit_place.h"
#include "audit/collector.h"
#include "audit/gate.h"
#include "audit/gather.h"
#include "audit/local.h"
#include "audit/plan.h"
#include "audit/relay.h"
#include "base/when.h"

#define LIMIT_S		900 /* of the whole, where the request says nothing */
#define SOCKETS		192 /* of each family: visits and a scan of two addresses, with room to spare */
#define COLLECT_WAIT_MS 20000 /* a relay that queues a message first sends it on within seconds */
#define FILES		64    /* the loop, timers, the resolver's sockets, standard streams */

struct audit {
	struct loop *loop;
	struct audit_request request;
	const struct zonedata *data;
	struct dns_engine *dns;
	struct tls_client *tls;
	struct vantage_own *own;
	struct vantage_sockets *sockets;
	struct err vantage_err;
	struct local_raw *raw;
	struct collector *collector;
	struct gather *gather;
	struct audit_name *name;
	struct plan *plan;
	struct seen seen;
	struct findings findings;
	audit_progress_fn progress;
	void *progress_context;
	char random[SCRIPT_RANDOM_MAX];
	char host_name[NAME_TEXT_MAX]; /* of this host, with a domain; "" none */
	uint64_t until_ns;
	bool is_timed_out; /* the step that runs */
};

/* ---- with privileges ---- */

/* sethostname(2) takes any bytes, and whoever names a container chooses them: none of them may become a command. */
static bool is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_", *c))
			return false;
	return *name;
}

/*
 * This host's name with its domain, as RFC 5321, 4.1.1.1 asks for EHLO; "" none. Where the host's name has none the hosts file may have
 * one; the DNS is not asked, since nothing foreign is read yet.
 */
static void host_name_find(char out[static NAME_TEXT_MAX])
{
	const struct hostent *h;
	int ret = gethostname(out, NAME_TEXT_MAX);

	out[NAME_TEXT_MAX - 1] = '\0';
	if (ret < 0 || !is_name(out))
		out[0] = '\0';
	if (strchr(out, '.'))
		return;
	sethostent(0);
	while ((h = gethostent()) && !strchr(out, '.')) {
		size_t length = strlen(out);

		if (strncasecmp(h->h_name, out, length) == 0 && h->h_name[length] == '.' &&
		    is_name(h->h_name))
			snprintf(out, NAME_TEXT_MAX, "%s", h->h_name);
	}
	endhostent();
	if (!strchr(out, '.'))
		out[0] = '\0';
}

static void on_token(void *context, const char *token)
{
	struct audit *a = context;

	relay_returned(&a->seen, token);
	if (relay_awaited(&a->seen) == 0 && !a->plan)
		loop_stop(a->loop);
}

/* That there are none is no failure: then the audit stands where it stands, and says so. */
static void sockets_open(struct audit *a)
{
	if (a->request.namespace_vantage &&
	    vantage_sockets_open(&a->sockets, SOCKETS, &a->vantage_err) < 0)
		a->sockets = NULL;
}

static int prepare(struct audit *a, const struct dns_settings *settings, struct err *e)
{
	int ret = script_random(a->random);

	if (ret < 0)
		return err_set(e, ret, "no random numbers: %s", strerror(-ret));
	host_name_find(a->host_name);
	ret = dns_open(&a->dns, a->loop, settings, e);
	if (ret == 0)
		ret = tls_client_new(&a->tls, e);
	if (ret == 0 && a->request.trust_file[0])
		ret = tls_client_trust(a->tls, a->request.trust_file, e);
	if (ret == 0)
		ret = vantage_own_read(&a->own, e);
	if (ret < 0)
		return ret;
	sockets_open(a);
	if (a->request.local)
		ret = local_collect(&a->raw, &a->request, e);
	if (ret == 0 && a->request.collects)
		ret = collector_open(&a->collector, a->loop, &a->request, on_token, a, e);
	return ret;
}

int audit_new(struct audit **out, struct loop *loop, const struct audit_request *request,
	      const struct dns_settings *settings, const struct zonedata *data,
	      struct seen_gate *gate, struct err *e)
{
	struct audit *a = calloc(1, sizeof(*a));
	int ret;

	if (!a) {
		seen_gate_free(gate);
		return err_set(e, -ENOMEM, "no memory for an audit");
	}
	a->loop = loop;
	a->request = *request;
	a->data = data;
	a->seen.gate = gate;
	ret = prepare(a, settings, e);
	if (ret < 0)
		audit_free(a);
	else
		*out = a;
	return ret;
}

void audit_on_progress(struct audit *a, audit_progress_fn fn, void *context)
{
	a->progress = fn;
	a->progress_context = context;
}

unsigned audit_files(const struct audit *a)
{
	unsigned files = FILES + PLAN_FILES;

	if (a->sockets)
		files += vantage_sockets_count(a->sockets);
	if (a->raw)
		files += local_files(a->raw);
	if (a->collector)
		files += COLLECTOR_FILES;
	return files;
}

/* ---- without ---- */

static void on_end(void *context)
{
	const struct audit *a = context;

	loop_stop(a->loop);
}

static void on_limit(void *context)
{
	struct audit *a = context;

	a->is_timed_out = true;
	loop_stop(a->loop);
}

static uint64_t left_ms(const struct audit *a)
{
	uint64_t now = now_boot_ns();

	return a->until_ns > now ? (a->until_ns - now) / NS_PER_MS : 0;
}

/* Until the step that was begun calls on_end(), or the time is over. 0, -ETIMEDOUT, -errno. */
static int step_run(struct audit *a, uint64_t limit_ms)
{
	struct loop_source *limit = NULL;
	int ret;

	a->is_timed_out = false;
	ret = loop_add_timer(a->loop, limit_ms ? limit_ms : 1, 0, on_limit, a, &limit);
	if (ret == 0)
		ret = loop_run(a->loop);
	loop_remove(a->loop, limit);
	return ret == 0 && a->is_timed_out ? -ETIMEDOUT : ret;
}

static void tell(const struct audit *a, const char *at)
{
	const struct audit_progress now = {.at = at};

	if (a->progress)
		a->progress(a->progress_context, &now);
}

static int dns_step(struct audit *a, struct err *e)
{
	int ret;

	tell(a, "the DNS");
	ret = gather_start(&a->gather, a->loop, &a->request, a->dns, a->data, &a->seen, on_end, a,
			   e);
	if (ret < 0)
		return ret;
	ret = step_run(a, left_ms(a));
	if (ret == -ETIMEDOUT) {
		gather_stop(a->gather);
		a->gather = NULL;
		ret = 0;
	}
	return ret < 0 ? err_set(e, ret, "the DNS could not be asked: %s", strerror(-ret)) : 0;
}

static void places_step(struct audit *a)
{
	const struct audit_place_facts facts = {
		.request = &a->request, .own = a->own, .sockets = a->sockets};

	for (unsigned i = 0; i < a->seen.host_count; i++)
		for (unsigned j = 0; j < a->seen.host[i].address_count; j++)
			audit_place(&a->seen.host[i].address[j], &facts);
}

/* By which name the servers are greeted; what is not known in time stays unknown. */
static int names_step(struct audit *a, struct err *e)
{
	const struct audit_name_order order = {.resolver = dns_resolver(a->dns),
					       .request = &a->request,
					       .host_name = a->host_name,
					       .seen = &a->seen};
	int ret = audit_name_start(&a->name, &order, on_end, a);

	if (ret == 0 && a->name)
		ret = step_run(a, left_ms(a));
	audit_name_stop(a->name);
	a->name = NULL;
	if (ret < 0 && ret != -ETIMEDOUT)
		return err_set(e, ret, "our own name could not be asked for: %s", strerror(-ret));
	return 0;
}

static int visits_step(struct audit *a, struct err *e)
{
	struct plan_order order = {
		.request = &a->request,
		.seen = &a->seen,
		.tls = a->tls,
		.sockets = a->sockets,
		.until_ns = a->until_ns,
		.progress = a->progress,
		.progress_context = a->progress_context,
	};
	int ret;

	memcpy(order.random, a->random, sizeof(order.random));
	ret = plan_start(&a->plan, a->loop, &order, on_end, a);
	if (ret == 0) {
		/* The plan ends by itself when its time is over, but for a scan. */
		ret = step_run(a, left_ms(a) + PORTS_WAIT_MS);
		plan_stop(a->plan);
		a->plan = NULL;
	}
	if (ret < 0 && ret != -ETIMEDOUT)
		return err_set(e, ret, "no server could be visited: %s", strerror(-ret));
	return 0;
}

/* Where a firewall has kept the namespace out the findings are those of an insider, and it is said why. */
static void walls_note(struct audit *a)
{
	for (unsigned i = 0; i < a->seen.host_count; i++)
		for (unsigned j = 0; j < a->seen.host[i].address_count; j++)
			if (a->seen.host[i].address[j].is_walled)
				err_set(&a->vantage_err, -EHOSTUNREACH,
					"nothing answers the namespace of the audit, but the "
					"server does "
					"answer this host: a firewall drops what comes by an "
					"interface "
					"that it does not know; audit it from elsewhere");
}

/* Messages on their way to the collector. */
static void tokens_step(struct audit *a)
{
	uint64_t left = left_ms(a);

	if (!a->collector || relay_awaited(&a->seen) == 0)
		return;
	tell(a, "waiting for a message that was sent");
	(void)step_run(a, left < COLLECT_WAIT_MS ? left : COLLECT_WAIT_MS);
}

/* The local server's lists; and the mail log again, which by now has all visits. */
static void local_step(struct audit *a)
{
	if (!a->seen.local)
		return;
	if (a->gather) {
		tell(a, "the lists that this host asks");
		if (gather_zones(a->gather, on_end, a, NULL) == 0 &&
		    step_run(a, left_ms(a)) == -ETIMEDOUT) {
			gather_stop(a->gather);
			a->gather = NULL;
		}
	}
	seen_local_read_log(a->seen.local);
}

static void fingerprints_step(struct audit *a)
{
	for (unsigned i = 0; i < a->seen.host_count; i++) {
		struct seen_host *h = &a->seen.host[i];

		for (unsigned j = 0; j < h->address_count; j++)
			fingerprint_take(h->address[j].visits, PROTOCOL_SMTP, h->name,
					 &h->address[j].fingerprint);
	}
}

int audit_run(struct audit *a, struct err *e)
{
	unsigned limit_s = a->request.time_limit_s ? a->request.time_limit_s : LIMIT_S;
	int ret = 0;

	a->until_ns = now_boot_ns() + limit_s * NS_PER_S;
	a->seen.at_s = now_wall_s();
	if (a->raw && local_read(a->raw, &a->seen.local) < 0)
		return err_set(e, -ENOMEM, "no memory for what was read on this host");
	ret = dns_step(a, e);
	if (ret < 0)
		return ret;
	places_step(a);
	ret = names_step(a, e);
	if (ret == 0)
		ret = visits_step(a, e);
	if (ret < 0)
		return ret;
	walls_note(a);
	tokens_step(a);
	local_step(a);
	fingerprints_step(a);
	checks_run(&a->seen, &a->request, &a->findings);
	return a->findings.is_short ? err_set(e, -ENOMEM, "no memory for the findings") : 0;
}

const struct seen *audit_seen(const struct audit *a)
{
	return &a->seen;
}

const struct findings *audit_findings(const struct audit *a)
{
	return &a->findings;
}

const char *audit_vantage_note(const struct audit *a)
{
	for (unsigned i = 0; i < a->seen.host_count; i++)
		for (unsigned j = 0; j < a->seen.host[i].address_count; j++) {
			const struct seen_address *at = &a->seen.host[i].address[j];

			if (!at->by_namespace && vantage_is_own(a->own, &at->addr))
				return a->vantage_err.text;
		}
	return "";
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	plan_stop(a->plan);
	audit_name_stop(a->name);
	gather_stop(a->gather);
	collector_close(a->collector);
	findings_free(&a->findings);
	seen_free(&a->seen);
	local_raw_free(a->raw);
	vantage_sockets_close(a->sockets);
	vantage_own_free(a->own);
	tls_client_free(a->tls);
	dns_close(a->dns);
	free(a);
}
