/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * First contact. Under `hold` a stranger's first SYN is dropped and told to the controller, which asks the DNS; every TCP
 * repeats its SYN after a second (RFC 6298, 2.1), and then it gets in or meets its verdict. Else, and whenever holding
 * would ask too much, strangers get in and are asked about when their handshake is complete (conn.bpf.h), which no
 * forger can bring about.
 *
 * Which SYN is a repeat is read from a fixed array of time stamps, by a keyed hash of addresses, ports and sequence
 * number, which a repeat keeps. A cell is never written while it is younger than PN_WAIT_MOST_NS. So
 * nobody can wash out another's; with the array full, or the budget spent, strangers pass and are watched.
 */
#ifndef CONTACT_BPF_H
#define CONTACT_BPF_H

/* Are strangers asked about at this port? Past alive_until nobody would answer. */
static __always_inline bool is_contact_asked(const struct pn_conf *conf, const struct pn_port *port)
{
	return conf->contact != PN_CONTACT_OFF && port->class_ == PN_CLASS_MX &&
	       is_until(conf->alive_until);
}

/* Lost when the ring is full: then nobody is asked about this contact, which is counted. */
static __always_inline void ask_tell(const struct pn_ask *ask)
{
	if (bpf_ringbuf_output(&pn_asks, (void *)ask, sizeof(*ask), 0))
		fault_count(PN_FAULT_ASK_LOST);
}

static __always_inline void ask_tell_held(const struct packet *p)
{
	struct pn_ask ask = {
		.time = bpf_ktime_get_boot_ns(),
		.sport = bpf_ntohs(p->tcp.source),
		.dport = p->port.local_port,
	};

	__builtin_memcpy(ask.src, p->source.byte, 16);
	__builtin_memcpy(ask.dst, p->destination.byte, 16);
	ask_tell(&ask);
}

/* Of this very SYN and its repeats. Keyed, or a forger could aim at another's. */
static __always_inline struct pn_wait *wait_cell(const struct packet *p)
{
	__u64 hash = mix64(p->source.pair[0] ^ pn_seed);
	__u32 index;

	hash = mix64(hash ^ p->source.pair[1]);
	hash = mix64(hash ^ p->destination.pair[0]);
	hash = mix64(hash ^ p->destination.pair[1]);
	hash = mix64(hash ^ ((__u64)p->tcp.seq << 32 | (__u32)p->tcp.source << 16 | p->tcp.dest));
	index = hash % PN_WAIT_CELLS;
	return bpf_map_lookup_elem(&pn_wait, &index);
}

/*
 * What becomes of a SYN whose verdict is to be held: *v is left, and it is dropped, or becomes a stranger's that passes.
 *
 * In a cell younger than PN_WAIT_LEAST_NS stands a copy of this SYN or another one that came there first. It is dropped
 * too, and not asked about: passed, whoever sends his SYN twice would never wait. An honest first SYN that meets
 * another's young cell loses a second by it and no more, since that cell is not written again for a minute: at the repeat it
 * is old enough to let pass. That is why it may not be written anew here.
 *
 * Not static: rare, and then checked once by the verifier.
 */
__noinline int contact_hold(const struct packet *p, struct verdict *v)
{
	const struct pn_conf *conf = conf_get();
	struct pn_total *total = total_get();
	__u64 now = bpf_ktime_get_coarse_ns(), held, age;
	struct pn_wait *cell;

	if (!conf || !total || !p || !v)
		return 0;
	cell = wait_cell(p);
	if (!cell)
		return 0;
	held = load_once(&cell->held_ns);
	age = now > held ? now - held : 0; /* another CPU may have written a tick later */
	if (held && age <= PN_WAIT_MOST_NS) {
		if (age >= PN_WAIT_LEAST_NS)
			verdict_pass(v, PN_REASON_STRANGER);
		return 0;
	}
	if (conf->unproven_budget.interval_ns &&
	    rate_charge(&total->unproven_arrival_ns, &conf->unproven_budget, now) == CHARGED_OVER) {
		verdict_pass(v, PN_REASON_STRANGER);
		return 0;
	}
	/* Who loses the race has met a cell that is young now. */
	if (__sync_val_compare_and_swap(&cell->held_ns, held, now) == held)
		ask_tell_held(p);
	return 0;
}

#endif
