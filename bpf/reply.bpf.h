/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The responder, as the judge sees it: whether it is there, and whether it has told a source often enough. A source is
 * told PN_ANSWERS_MAX times under one verdict; then its SYNs get silence, as its sender has shown that it does not listen.
 * What an answer is is counted when the responder's connection is established (conn.bpf.h), which nobody can forge.
 */
#ifndef REPLY_BPF_H
#define REPLY_BPF_H

/* Was it counted under the verdict that ends then? What has no end counts anew from time to time. */
static __always_inline bool is_answered_under(const struct pn_answered *a, __u64 expires)
{
	if (a->expires != expires)
		return false;
	return expires || bpf_ktime_get_boot_ns() - a->first_ns < PN_ANSWERS_FOR_NS;
}

static __always_inline __u32 answers_given(const struct address *source, __u64 expires)
{
	struct pn_answered *a;
	struct pn_key key;

	key_of_source(&key, source);
	a = bpf_map_lookup_elem(&pn_answered, &key);
	return a && is_answered_under(a, expires) ? a->count : 0;
}

static __always_inline void answers_count(const struct address *source, __u64 expires)
{
	struct pn_answered fresh = {.expires = expires, .count = 1};
	struct pn_answered *a;
	struct pn_key key;

	key_of_source(&key, source);
	a = bpf_map_lookup_elem(&pn_answered, &key);
	if (a && is_answered_under(a, expires)) {
		__sync_fetch_and_add(&a->count, 1);
		return;
	}
	fresh.first_ns = bpf_ktime_get_boot_ns();
	bpf_map_update_elem(&pn_answered, &key, &fresh, BPF_ANY);
}

/* Who wants it so: the operator's own lists go on without a responder, what was found automatically does not. */
static __always_inline bool is_operators(const struct verdict *v)
{
	return v->origin == PN_ORIGIN_OPERATOR || v->reason == PN_REASON_ONLY;
}

/* Does its socket still listen? It is gone with its process, which is known by conf->replying a little later. */
static __always_inline bool is_responder_there(void)
{
	__u32 zero = 0;
	struct bpf_sock *sk = bpf_map_lookup_elem(&pn_reply, &zero);

	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/* What `reply` comes to for this source now. Not static: rare, and then checked once by the verifier. */
__noinline int reply_settle(const struct address *source, const struct pn_port *port,
			    struct verdict *v)
{
	const struct pn_conf *conf = conf_get();
	__u32 settled = PN_REPLY;

	if (!conf || !source || !port || !v)
		return 0;
	v->is_reply = 1;
	v->answers = answers_given(source, v->expires);
	if (v->answers >= PN_ANSWERS_MAX)
		settled = PN_DROP;
	else if (!port->can_reply)
		settled = PN_REFUSE;
	else if (!conf->replying || !is_until(conf->alive_until))
		settled = is_operators(v) ? PN_REFUSE : PN_PASS;
	v->would = settled;
	if (v->action == PN_REPLY)
		v->action = settled;
	return 0;
}

#endif
