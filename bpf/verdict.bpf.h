/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A verdict: what is known to stand against a packet, what enforce mode does about it, and what is done now. */
#ifndef VERDICT_BPF_H
#define VERDICT_BPF_H

struct verdict {
	__u32 reason;	/* enum pn_reason */
	__u32 would;	/* enum pn_action: what enforce mode does */
	__u32 action;	/* enum pn_action: what is done now */
	__u32 origin;	/* enum pn_origin of the entry that decided */
	__u16 bits;	/* its length, mapped form */
	__u16 is_reply; /* before reply_settle() its action was PN_REPLY */
	__u32 answers;	/* of the responder, under this verdict */
	__u32 feed;	/* its number, where the reason is PN_REASON_FEED */
	__u32 pad;
	__u64 expires;
};

static __always_inline void verdict_set(struct verdict *v, const struct pn_conf *conf, __u32 reason,
					__u32 action, bool always)
{
	v->reason = reason;
	v->would = action;
	v->action = always || is_until(conf->enforce_until) ? action : PN_PASS;
}

static __always_inline void verdict_pass(struct verdict *v, __u32 reason)
{
	v->reason = reason;
	v->would = PN_PASS;
	v->action = PN_PASS;
}

static __always_inline void verdict_from_rule(struct verdict *v, const struct pn_conf *conf,
					      __u32 reason, const struct pn_rule *r)
{
	verdict_set(v, conf, reason, r->action, r->always);
	v->origin = r->origin;
	v->bits = r->bits;
	v->expires = r->expires;
}

#endif
