/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources, questions and the responder's socket in a real gate that is attached to no interface. Needs root and a kernel
 * with BTF.
 */
#include "gate_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/when.h"
#include "kern/maps.h"

static int put_listed(const char *prefix, enum pn_action action, uint64_t expires)
{
	struct pn_listed l = {.action = action,
			      .origin = PN_ORIGIN_DNSBL,
			      .expires = expires,
			      .classes = 1U << PN_CLASS_MX};
	struct prefix p = prefix_at(prefix);

	return sources_put_listed(gate, &p, &l, &e);
}

static int put_known(const char *address)
{
	struct pn_known k = {.since = 1,
			     .until = PN_FOREVER,
			     .fresh_until = PN_FOREVER,
			     .origin = PN_ORIGIN_SEEN};
	struct prefix p = prefix_at(address);

	return sources_put_known(gate, &p.addr, &k, &e);
}

static int take_listed(const char *prefix)
{
	struct prefix p = prefix_at(prefix);

	return sources_take_listed(gate, &p, &e);
}

static int forget(const char *address)
{
	struct prefix p = prefix_at(address);

	return sources_forget(gate, &p.addr, &e);
}

static int count_source(void *c, const struct source_entry *s)
{
	unsigned *counts = c;

	counts[s->listed]++;
	return 0;
}

static bool has_sources(unsigned listed, unsigned known)
{
	unsigned counts[2] = {0};

	return EXPECT(sources_each(gate, count_source, counts, &e) == 0, "%s", e.text) &&
	       EXPECT(counts[1] == listed && counts[0] == known,
		      "%u listed and %u known, not %u and %u", counts[1], counts[0], listed, known);
}

static bool set_ports(enum pn_contact contact)
{
	struct pn_conf *c = gate_conf(gate);

	c->ports[0] = (struct pn_port){.port = 25, .local_port = 25, .can_reply = 1};
	c->enforce_until = c->alive_until = PN_FOREVER;
	c->contact = contact;
	return true;
}

static enum pn_reason reason_of(const char *address)
{
	struct prefix p = prefix_at(address);
	struct pn_why why = {0};

	EXPECT(why_ask(gate, &p.addr, 25, &why, &e) == 0, "%s", e.text);
	return why.reason;
}

/* What is put in takes effect at once, on whom it is for. */
TEST(listings_are_put_in_and_taken_out)
{
	GATE_OR_SKIP();
	set_ports(PN_CONTACT_OFF);
	ENSURE(put_listed("192.0.2.7", PN_DROP, 0) == 0, "%s", e.text);
	EXPECT(gate_conf(gate)->has_listed == 1, "the list is asked");
	EXPECT(reason_of("192.0.2.7") == PN_REASON_LISTED, "a host");
	EXPECT(reason_of("192.0.2.8") == PN_REASON_CLEAN, "its neighbour");
	ENSURE(put_listed("2001:db8:1:2::/64", PN_DROP, 0) == 0, "%s", e.text);
	EXPECT(reason_of("2001:db8:1:2::9") == PN_REASON_LISTED, "a /64");
	ENSURE(put_listed("192.0.2.0/24", PN_DROP, 0) == 0, "%s", e.text);
	EXPECT(reason_of("192.0.2.8") == PN_REASON_LISTED, "a network");
	ENSURE(put_known("192.0.2.8") == 0, "%s", e.text);
	EXPECT(gate_conf(gate)->has_known == 1, "who is known is asked for");
	EXPECT(reason_of("192.0.2.8") == PN_REASON_KNOWN,
	       "a network's does not hold for the known");
	has_sources(3, 1);
	EXPECT(take_listed("192.0.2.0/24") == 0, "taken out");
	EXPECT(take_listed("192.0.2.0/24") == -ENOENT, "once");
	EXPECT(take_listed("192.0.2.7") == 0 && take_listed("2001:db8:1:2::/64") == 0, "the rest");
	EXPECT(forget("192.0.2.8") == 0, "forgotten");
	EXPECT(forget("192.0.2.8") == -ENOENT, "once");
	has_sources(0, 0);
	EXPECT(rules_reap(gate, &e) == 0, "nothing has expired");
	EXPECT(gate_conf(gate)->has_listed == 0 && gate_conf(gate)->has_known == 0,
	       "empty lists are not asked");
}

TEST(who_is_known_is_read_back)
{
	struct prefix p = prefix_at("2001:db8:1:2::7"), same = prefix_at("2001:db8:1:2::8");
	struct pn_known k = {.since = 5, .until = 7, .fresh_until = 6, .origin = PN_ORIGIN_DNSBL};
	struct pn_known got;

	GATE_OR_SKIP();
	ENSURE(sources_put_known(gate, &p.addr, &k, &e) == 0, "%s", e.text);
	ENSURE(sources_get_known(gate, &same.addr, &got, &e) == 0, "by its /64: %s", e.text);
	EXPECT(got.since == 5 && got.until == 7 && got.fresh_until == 6 &&
		       got.origin == PN_ORIGIN_DNSBL,
	       "as it was put");
	EXPECT(sources_take_known(gate, &same.addr, &e) == 0, "%s", e.text);
	EXPECT(sources_get_known(gate, &p.addr, &got, &e) == -ENOENT, "it is gone");
	EXPECT(sources_take_known(gate, &p.addr, &e) == -ENOENT, "and cannot be taken again");
}

TEST(all_that_is_held_against_an_address_is_forgotten)
{
	struct prefix p = prefix_at("2001:db8:1:2::7");
	struct pn_key key = key_of_source(&p.addr);
	struct pn_answered told = {.count = PN_ANSWERS_MAX};
	struct pn_rate rate = {.arrival_ns = 1};

	GATE_OR_SKIP();
	ENSURE(put_listed("2001:db8:1:2::7", PN_REPLY, 0) == 0 &&
		       put_listed("2001:db8:1:2::/64", PN_REPLY, 0) == 0 &&
		       put_listed("2001:db8:1::/48", PN_REPLY, 0) == 0 &&
		       put_known("2001:db8:1:2::7") == 0,
	       "%s", e.text);
	ENSURE(bpf_map_update_elem(gate->map.pn_answered, &key, &told, BPF_ANY) == 0 &&
		       bpf_map_update_elem(gate->map.pn_rate, &key, &rate, BPF_ANY) == 0,
	       "answers and a rate");
	ENSURE(forget("2001:db8:1:2::7") == 0, "%s", e.text);
	has_sources(0, 0);
	EXPECT(bpf_map_lookup_elem(gate->map.pn_answered, &key, &told) != 0, "its answers");
	EXPECT(bpf_map_lookup_elem(gate->map.pn_rate, &key, &rate) != 0, "its rate");
}

TEST(expired_listings_are_reaped)
{
	uint64_t now = now_boot_ns();

	GATE_OR_SKIP();
	ENSURE(put_listed("192.0.2.7", PN_DROP, now) == 0 &&
		       put_listed("192.0.2.8", PN_DROP, now + 3600 * NS_PER_S) == 0,
	       "%s", e.text);
	EXPECT(rules_reap(gate, &e) == 1, "one");
	has_sources(1, 0);
	EXPECT(gate_conf(gate)->has_listed == 1, "the list is asked on");
	EXPECT(take_listed("192.0.2.8") == 0, "the other");
}

TEST(a_full_list_says_so)
{
	char text[32];
	int r = 0;

	GATE_OR_SKIP();
	for (uint32_t i = 0; i <= sizes.listed && !r; i++) {
		snprintf(text, sizeof(text), "198.51.100.%u", i);
		r = put_listed(text, PN_DROP, 1);
	}
	EXPECT(r == -ENOSPC && strstr(e.text, "pn_listed") && strstr(e.text, "tables.listed"),
	       "%d: %s", r, e.text);
	EXPECT(rules_reap(gate, &e) == (int)sizes.listed, "all have expired");
}

/* ---- questions ---- */

struct asking {
	unsigned given, stop_at;
	uint16_t sport[8];
};

static int on_ask(void *c, const struct pn_ask *a)
{
	struct asking *k = c;

	if (k->given < 8)
		k->sport[k->given] = a->sport;
	return ++k->given == k->stop_at ? 7 : 0; /* any value but 0 stops, positive ones too */
}

/* A SYN of IPv4 from 192.0.2.7 to port 25, which the programs hold. */
static bool run_syn(uint16_t sport)
{
	unsigned char frame[54] = {[12] = 0x08,
				   [14] = 0x45,
				   [17] = 40,
				   [22] = 64,
				   [23] = IPPROTO_TCP,
				   [26] = 192,
				   [28] = 2,
				   [29] = 7,
				   [30] = 203,
				   [32] = 113,
				   [33] = 25,
				   [34] = sport >> 8,
				   [35] = (unsigned char)sport,
				   [37] = 25,
				   [46] = 0x50,
				   [47] = 0x02};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof(frame));

	return EXPECT(bpf_prog_test_run_opts(gate->program.pn_xdp, &o) == 0 && o.retval == XDP_DROP,
		      "SYN %u is held: %u", sport, o.retval);
}

TEST(asks_that_are_not_taken_stay)
{
	struct asking k = {.stop_at = 2};
	struct asks *a = NULL;

	GATE_OR_SKIP();
	set_ports(PN_CONTACT_HOLD);
	ENSURE(asks_open(&a, gate, on_ask, &k, &e) == 0, "%s", e.text);
	for (uint16_t i = 1; i <= 4; i++)
		ENSURE(run_syn(i), "runs");
	EXPECT(asks_fd(a) >= 0, "something to wait for");
	EXPECT(asks_read(a) == 2 && k.given == 2, "two are taken, not %u", k.given);
	EXPECT(k.sport[0] == 1 && k.sport[1] == 2, "the first two: %u, %u", k.sport[0], k.sport[1]);
	k.stop_at = 0;
	EXPECT(asks_read(a) == 2 && k.given == 4, "two more, not %u", k.given - 2);
	EXPECT(k.sport[2] == 3 && k.sport[3] == 4, "the rest: %u, %u", k.sport[2], k.sport[3]);
	EXPECT(asks_read(a) == 0, "that was all");
	asks_close(a);
	asks_close(NULL);
	set_ports(PN_CONTACT_OFF);
}

/* ---- the responder ---- */

static unsigned count_keys(int fd)
{
	unsigned count = 0;
	__u32 key, next;

	for (int r = bpf_map_get_next_key(fd, NULL, &next); r == 0;
	     r = bpf_map_get_next_key(fd, &key, &next)) {
		key = next;
		count++;
	}
	return count;
}

TEST(interfaces_are_replaced)
{
	static const int three[] = {4, 5, 6}, one[] = {5};
	__u32 key = 5, value;

	GATE_OR_SKIP();
	ENSURE(steer_set_ingress(gate, three, 3, &e) == 0, "%s", e.text);
	EXPECT(count_keys(gate->map.pn_ingress) == 3, "three");
	ENSURE(steer_set_ingress(gate, one, 1, &e) == 0, "%s", e.text);
	EXPECT(count_keys(gate->map.pn_ingress) == 1 &&
		       bpf_map_lookup_elem(gate->map.pn_ingress, &key, &value) == 0,
	       "the one");
	EXPECT(steer_set_ingress(gate, NULL, 0, &e) == 0 && count_keys(gate->map.pn_ingress) == 0,
	       "none");
}

TEST(a_listening_socket_is_taken_and_let_go)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    not_one = open("/dev/null", O_RDONLY);
	__u32 slot = 0;
	__u64 cookie;

	GATE_OR_SKIP();
	ENSURE(fd >= 0 && listen(fd, 1) == 0, "a listener");
	ENSURE(steer_listen(gate, fd, &e) == 0, "%s", e.text);
	EXPECT(bpf_map_lookup_elem(gate->map.pn_reply, &slot, &cookie) == 0, "it is there");
	EXPECT(steer_listen(gate, fd, &e) == 0, "again: %s", e.text);
	close(fd);
	EXPECT(bpf_map_lookup_elem(gate->map.pn_reply, &slot, &cookie) != 0, "closed, it is gone");
	EXPECT(steer_listen(gate, not_one, &e) < 0 && *e.text, "what is no socket is not taken");
	close(not_one);
}

/* ---- the link of pn_steer ---- */

static bool read_steer(struct bpf_link_info *info)
{
	char path[PIN_PATH_MAX];
	__u32 size = sizeof(*info);
	int fd = bpf_obj_get(pins_path(path, instance, PIN_LINKS, PIN_STEER)), r;

	memset(info, 0, sizeof(*info));
	r = fd < 0 ? -1 : bpf_obj_get_info_by_fd(fd, info, &size);
	if (fd >= 0)
		close(fd);
	return r == 0;
}

static ino_t netns_here(void)
{
	struct stat st = {0};

	stat("/proc/self/ns/net", &st);
	return st.st_ino;
}

static int no_link(void *c, const struct gate_link *link)
{
	(void)c;
	EXPECT(false, "the link %s", link->name);
	return 0;
}

TEST(steering_follows_the_namespace)
{
	struct bpf_link_info first, second;
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	GATE_OR_SKIP();
	ENSURE(read_steer(&first), "the link is pinned");
	EXPECT(first.netns.netns_ino == netns_here() && first.netns.attach_type == BPF_SK_LOOKUP,
	       "in this namespace");
	EXPECT(gate_each_link(gate, no_link, NULL, &e) == 0, "it is no interface's");
	ENSURE(gate_replace(GATE_ADOPTED) && read_steer(&second), "switched");
	EXPECT(first.id == second.id && first.prog_id != second.prog_id,
	       "the link is kept, and runs the new program");
	ENSURE(unshare(CLONE_NEWNET) == 0, "another namespace");
	ENSURE(gate_replace(GATE_ADOPTED) && read_steer(&first), "switched there");
	EXPECT(first.id != second.id && first.netns.netns_ino == netns_here(), "it has moved");
	/* The namespace ends with its last process, and the link in it is dead. */
	ENSURE(setns(home, CLONE_NEWNET) == 0, "back");
	ENSURE(gate_replace(GATE_ADOPTED) && read_steer(&second), "switched back");
	EXPECT(second.netns.netns_ino == netns_here(), "a dead link is replaced");
	close(home);
}

TEST(removal_takes_the_link_along)
{
	struct bpf_link_info info;
	char path[PIN_PATH_MAX];
	int fd, lock;

	GATE_OR_SKIP();
	fd = bpf_obj_get(pins_path(path, instance, PIN_LINKS, PIN_STEER));
	ENSURE(fd >= 0, "the link is pinned");
	lock = gate_lock(&e);
	EXPECT(gate_remove(instance, &e) == 0, "%s", e.text);
	gate_unlock(lock);
	EXPECT(!read_steer(&info), "no pin");
	EXPECT(bpf_link_update(fd, gate->program.pn_steer, NULL) < 0 && errno == ENOLINK,
	       "who holds the link holds a dead one");
	close(fd);
}
