/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which visits are made to whom, in which order: one connection at a time to a server (all addresses of one host are one server), with
 * a pause between; several servers at once. Servers count errors, so each script keeps within a budget of them. A visit that
 * ends by 421 or a reset is made once more. Where nothing intrusive may be done only greeting, EHLO and STARTTLS are said.
 */
#ifndef AUDIT_PLAN_H
#define AUDIT_PLAN_H

#include "audit/audit.h"
#include "audit/ports.h"
#include "audit/script.h"
#include "audit/vantage.h"

#define PLAN_HOSTS_AT_ONCE 8
/* Descriptors at most: for each host a scan, its limit and its start, a visit with its limit, and the pause. */
#define PLAN_FILES (PLAN_HOSTS_AT_ONCE * (PORTS_AT_ONCE + 8))

struct plan;

typedef void (*plan_fn)(void *context);

/* Visits and scans by other means: for tests. */
struct plan_hands {
	int (*visit_start)(struct visit **out, struct loop *loop, const struct visit_order *order,
			   visit_fn fn, void *context);
	void (*visit_stop)(struct visit *v);
	int (*scan_start)(struct ports_scan **out, struct loop *loop, struct seen_address *a,
			  const uint16_t *ports, unsigned count, visit_socket_fn socket,
			  void *socket_context, ports_fn fn, void *context);
	void (*scan_stop)(struct ports_scan *s);
	unsigned retry_pause_ms;
};

struct plan_order {
	const struct audit_request *request;
	struct seen *seen; /* hosts and addresses, with consent and vantage; visits are added */
	struct tls_client *tls;
	struct vantage_sockets *sockets; /* for addresses with by_namespace; NULL none */
	char random[SCRIPT_RANDOM_MAX];	 /* script_random() */
	uint64_t until_ns;	    /* now_boot_ns(): no visit is begun after it, nor goes on */
	audit_progress_fn progress; /* may be NULL */
	void *progress_context;
	const struct plan_hands *hands; /* NULL: real ones */
};

/* fn is called once, from the loop, when every visit has been made or given up. What the order points at must outlive the plan. 0 or -errno. */
int plan_start(struct plan **out, struct loop *loop, const struct plan_order *order, plan_fn fn,
	       void *context);
void plan_stop(struct plan *p); /* also after fn; NULL is fine */

#endif
