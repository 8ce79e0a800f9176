/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The judgement of a SYN: the order in which things are asked, first match wins. pn_xdp acts on it
 * and pn_why tells it, so that an explanation can never differ from what happens.
 */
#ifndef JUDGE_BPF_H
#define JUDGE_BPF_H

/* The operator's rules for an address, single ones before prefixes, and then feeds. Did one stand against it? */
static __always_inline bool judge_rules(const struct pn_conf *conf, const struct address *source,
					struct verdict *v)
{
	struct pn_rule *r = rule_find(conf, source);

	if (r) {
		verdict_from_rule(v, conf, PN_REASON_RULE, r);
		return true;
	}
	r = block_find(conf, source);
	if (r) {
		verdict_from_rule(v, conf, PN_REASON_BLOCK, r);
		return true;
	}
	return conf->feeds_bank && judge_feeds(source, v);
}

/* Verdicts of the DNS, and bans. Not static: it is asked from many places, and only where there are verdicts. */
__noinline int judge_listed_entries(const struct address *source, __u32 class_, struct verdict *v)
{
	const struct pn_conf *conf = conf_get();
	struct pn_listed *l;
	struct pn_key key;

	if (!conf || !source || !v)
		return 0;
	l = listed_find(conf, source, class_, &key);
	if (!l)
		return 0;
	verdict_set(v, conf, l->origin == PN_ORIGIN_BAN ? PN_REASON_BANNED : PN_REASON_LISTED,
		    l->action, false);
	v->origin = l->origin;
	v->bits = key.bits;
	v->expires = l->expires;
	return 1;
}

static __always_inline bool judge_listed(const struct pn_conf *conf, const struct address *source,
					 __u32 class_, struct verdict *v)
{
	return conf->has_listed && judge_listed_entries(source, class_, v);
}

static __always_inline bool judge_limits(const struct pn_conf *conf, struct pn_total *total,
					 const struct address *source, struct verdict *v)
{
	__u32 reason = limits_find_over(conf, total, source);
	bool is_count = reason == PN_REASON_OPEN || reason == PN_REASON_TOTAL_OPEN;

	if (reason == PN_REASONS)
		return false;
	verdict_set(v, conf, reason, is_count ? conf->open_action : conf->rate_action, false);
	return true;
}

/* What a trusted source is above: what was found out about it automatically, and no list that somebody wrote. */
static __always_inline bool is_below_trust(const struct verdict *v)
{
	return v->reason == PN_REASON_LISTED || v->reason == PN_REASON_BANNED;
}

static __always_inline void judge_in_order(const struct pn_conf *conf, struct pn_total *total,
					   const struct address *source, const struct pn_port *port,
					   struct verdict *v)
{
	struct pn_rule *allow = allow_find(source);
	bool trusted = false;

	if (allow) {
		if (allow->action == PN_ALLOW) {
			verdict_from_rule(v, conf, PN_REASON_ALLOWED, allow);
			verdict_pass(v, PN_REASON_ALLOWED);
			return;
		}
		trusted = true;
	}
	if (port->only && !may_reach(source, port->port)) {
		verdict_set(v, conf, PN_REASON_ONLY, conf->only_action, false);
		return;
	}
	if (judge_rules(conf, source, v))
		return;
	if (!trusted && judge_listed(conf, source, port->class_, v))
		return;
	if (judge_limits(conf, total, source, v))
		return;
	if (is_known(conf, source))
		verdict_pass(v, PN_REASON_KNOWN);
	else if (trusted || !is_contact_asked(conf, port))
		verdict_pass(v, PN_REASON_CLEAN);
	else if (conf->contact == PN_CONTACT_HOLD)
		verdict_set(v, conf, PN_REASON_HELD, PN_HOLD, false);
	else
		verdict_pass(v, PN_REASON_STRANGER);
}

/*
 * A SYN from source to a policed port. *v is zeroed by the caller. Not static: the verifier then checks it once and not again
 * for each way that leads here.
 */
__noinline int judge_syn(const struct address *source, const struct pn_port *port,
			 struct verdict *v)
{
	const struct pn_conf *conf = conf_get();
	struct pn_total *total = total_get();

	if (!conf || !total || !source || !port || !v)
		return 0;
	judge_in_order(conf, total, source, port, v);
	if (v->would == PN_REPLY)
		reply_settle(source, port, v);
	return 0;
}

/*
 * What is judged by its source alone: later packets of a connection, later fragments, packets whose
 * port cannot be read. Only silence reaches them; `refuse` and `reply` are answers to a SYN, and who was told
 * thrice may end the third conversation. any: also drop what the rule would refuse, for packets no RST can
 * answer and no connection can contain.
 */
static __always_inline bool judge_source(const struct pn_conf *conf, const struct address *source,
					 __u32 class_, bool any, struct verdict *v)
{
	struct pn_rule *allow;

	if (!judge_rules(conf, source, v) && !judge_listed(conf, source, class_, v))
		return false;
	if (v->would != PN_DROP && !any)
		return false;
	/* Asked last, since hardly any packet comes this far. */
	allow = allow_find(source);
	if (allow && (allow->action == PN_ALLOW || is_below_trust(v)))
		return false;
	if (v->action != PN_PASS)
		v->action = PN_DROP;
	v->would = PN_DROP;
	return true;
}

#endif
