/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is told to people of a verdict, by the ring buffer pn_events. */
#ifndef EVENTS_BPF_H
#define EVENTS_BPF_H

static __always_inline void event_tell(struct xdp_md *ctx, const struct pn_conf *conf,
				       struct pn_total *total, const struct packet *p,
				       const struct verdict *v)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	__u32 suppressed = 0;
	struct pn_event *e;

	if (!told_claim(conf, &p->source, v->reason, now, &suppressed))
		return;
	if (conf->event_budget.interval_ns &&
	    rate_charge(&total->event_arrival_ns, &conf->event_budget, now) == CHARGED_OVER) {
		fault_count(PN_FAULT_EVENT_CAPPED);
		return;
	}
	e = bpf_ringbuf_reserve(&pn_events, sizeof(*e), 0);
	if (!e) {
		fault_count(PN_FAULT_EVENT_LOST);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_boot_ns();
	__builtin_memcpy(e->src, p->source.byte, 16);
	__builtin_memcpy(e->dst, p->destination.byte, 16);
	e->sport = bpf_ntohs(p->tcp.source);
	e->dport = bpf_ntohs(p->tcp.dest);
	e->reason = v->reason;
	e->action = v->action;
	e->would = v->would;
	e->class_ = p->port.class_;
	e->ifindex = ctx->ingress_ifindex;
	e->suppressed = suppressed;
	e->feed = v->feed;
	bpf_ringbuf_submit(e, 0);
}

#endif
