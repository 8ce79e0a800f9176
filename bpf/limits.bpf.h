/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rates and open connections. A rate is GCRA (the leaky bucket of ITU-T I.371): one u64, the
 * theoretical arrival time, shared by all CPUs and moved by compare-and-swap. An arrival conforms
 * when that time is at most burst_ns ahead; only conforming arrivals move it, so a source that
 * keeps trying is held to its rate and not locked out.
 *
 * XDP reads, pn_conn charges when a handshake completes: a forged SYN costs nobody anything.
 * Because many SYNs can pass before the first handshake completes, whoever finds a limit reached
 * "presses" for a while, and in that time XDP also looks at the ACK that completes a handshake.
 */
#ifndef LIMITS_BPF_H
#define LIMITS_BPF_H

/* Losers of a compare-and-swap try again this often; more CPUs than this rarely meet on one source.
 */
#define CAS_TRIES_MAX 16
/* A SYN-ACK is repeated for 63 s (tcp(7), tcp_synack_retries 5): so long may a handshake stay open.
 */
#define PRESS_NS (64ULL * 1000000000ULL)
/* Pressing again within this much changes nothing worth a shared cache line. */
#define PRESS_GRAIN_NS 1000000000ULL
/* Of all open connections, one in so many is kept for known sources. */
#define TOTAL_RESERVE_PART 5

enum charged {
	CHARGED_ROOM, /* charged, and there is room for one more now */
	CHARGED_LAST, /* charged, and the limit is reached */
	CHARGED_OVER, /* over the limit, not charged */
};

static __always_inline __u64 load_once(const __u64 *word)
{
	return *(const volatile __u64 *)word;
}

/* A state further ahead than this limit can have moved it comes from a larger one: clamped, not
 * forgotten. */
static __always_inline __u64 rate_clamp(__u64 arrival, const struct pn_limit *limit, __u64 now)
{
	__u64 most = now + limit->burst_ns + limit->interval_ns;

	return arrival > most ? most : arrival;
}

static __always_inline bool rate_is_over_at(__u64 arrival, const struct pn_limit *limit, __u64 now)
{
	return rate_clamp(arrival, limit, now) > now + limit->burst_ns;
}

/*
 * Read only. The coarse clock (2.5 ns) may be a tick behind the clock that charged, which would
 * refuse a source that is exactly on time: where it says over, the exact clock (18 ns) decides.
 */
static __always_inline bool rate_is_over(const __u64 *arrival_ns, const struct pn_limit *limit)
{
	__u64 arrival = load_once(arrival_ns);

	if (!rate_is_over_at(arrival, limit, bpf_ktime_get_coarse_ns()))
		return false;
	return rate_is_over_at(arrival, limit, bpf_ktime_get_ns());
}

struct charge {
	__u64 *arrival_ns;
	const struct pn_limit *limit;
	__u64 now;
	__u32 charged; /* enum charged */
};

/* One try. True when it is decided. */
static __always_inline bool charge_try(struct charge *c)
{
	__u64 old = load_once(c->arrival_ns), start = rate_clamp(old, c->limit, c->now), next;

	if (start < c->now)
		start = c->now;
	if (start > c->now + c->limit->burst_ns) {
		c->charged = CHARGED_OVER;
		return true;
	}
	next = start + c->limit->interval_ns;
	c->charged = next > c->now + c->limit->burst_ns ? CHARGED_LAST : CHARGED_ROOM;
	return __sync_val_compare_and_swap(c->arrival_ns, old, next) == old;
}

static long charge_step(__u32 index, void *context)
{
	return charge_try(context);
}

static __always_inline enum charged rate_charge(__u64 *arrival_ns, const struct pn_limit *limit,
						__u64 now)
{
	struct charge c = {arrival_ns, limit, now, CHARGED_ROOM};

	if (charge_try(&c))
		return c.charged;
	if (bpf_loop(CAS_TRIES_MAX, charge_step, &c, 0) < CAS_TRIES_MAX)
		return c.charged;
	fault_count(PN_FAULT_CAS_LOST);
	return CHARGED_ROOM;
}

/* Charge the state under a key, and make it when there is none. */
static __always_inline enum charged rate_charge_key(const struct pn_key *key,
						    const struct pn_limit *limit, __u64 now)
{
	struct pn_rate *rate = bpf_map_lookup_elem(&pn_rate, key);

	if (!rate) {
		struct pn_rate none = {.arrival_ns = 0};

		bpf_map_update_elem(&pn_rate, key, &none, BPF_NOEXIST);
		rate = bpf_map_lookup_elem(&pn_rate, key);
		if (!rate) {
			fault_count(PN_FAULT_RATE_FULL);
			return CHARGED_ROOM;
		}
	}
	return rate_charge(&rate->arrival_ns, limit, now);
}

static __always_inline bool rate_key_is_over(const struct pn_key *key, const struct pn_limit *limit)
{
	struct pn_rate *rate = bpf_map_lookup_elem(&pn_rate, key);

	return rate && rate_is_over(&rate->arrival_ns, limit);
}

static __always_inline void press(struct pn_total *total)
{
	__u64 now = bpf_ktime_get_ns();

	if (load_once(&total->pressed_until_ns) < now + PRESS_NS - PRESS_GRAIN_NS)
		*(volatile __u64 *)&total->pressed_until_ns = now + PRESS_NS;
}

static __always_inline bool is_pressed(const struct pn_total *total)
{
	__u64 until = load_once(&total->pressed_until_ns);

	return until && bpf_ktime_get_coarse_ns() < until;
}

/* Charge a connection of this source to every rate that is on. */
static __always_inline void rates_charge(const struct pn_conf *conf, struct pn_total *total,
					 const struct address *source)
{
	__u64 now = bpf_ktime_get_ns();
	bool reached = false;
	struct pn_key key;

	if (conf->rate.interval_ns) {
		key_of_source(&key, source);
		reached |= rate_charge_key(&key, &conf->rate, now) != CHARGED_ROOM;
	}
	if (conf->network_rate.interval_ns && !is_known(conf, source)) {
		key_of_network(&key, source);
		reached |= rate_charge_key(&key, &conf->network_rate, now) != CHARGED_ROOM;
	}
	if (conf->total_rate.interval_ns)
		reached |= rate_charge(&total->rate_arrival_ns, &conf->total_rate, now) !=
			   CHARGED_ROOM;
	if (reached)
		press(total);
}

/* Which limit stands against one more connection of this source? PN_REASONS: none. */
static __always_inline __u32 limits_find_over(const struct pn_conf *conf, struct pn_total *total,
					      const struct address *source)
{
	struct pn_key key;

	key_of_source(&key, source);
	if (conf->open_max) {
		struct pn_open *o = bpf_map_lookup_elem(&pn_open, &key);

		if (o && o->open >= conf->open_max && is_until(conf->alive_until))
			return PN_REASON_OPEN;
	}
	if (conf->total_open_max) {
		__u64 open = load_once(&total->open), most = conf->total_open_max;

		if (open >= most - most / TOTAL_RESERVE_PART && is_until(conf->alive_until) &&
		    (open >= most || !is_known(conf, source)))
			return PN_REASON_TOTAL_OPEN;
	}
	if (conf->rate.interval_ns && rate_key_is_over(&key, &conf->rate))
		return PN_REASON_RATE;
	if (conf->network_rate.interval_ns) {
		key_of_network(&key, source);
		if (rate_key_is_over(&key, &conf->network_rate) && !is_known(conf, source))
			return PN_REASON_NETWORK_RATE;
	}
	if (conf->total_rate.interval_ns &&
	    rate_is_over(&total->rate_arrival_ns, &conf->total_rate))
		return PN_REASON_TOTAL_RATE;
	return PN_REASONS;
}

#endif
