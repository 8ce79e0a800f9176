/* SPDX-License-Identifier: BSD-2-Clause */
/* pn_steer by itself: whom it hands to the responder, and what it does when there is none. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table.h"

#define TEST_RUN_INDEX 0 /* the kernel lets a test run come by no interface */

struct steer_row {
	const char *sentence;
	struct state given;
	struct {
		const char *remote, *local;
		bool other;	  /* by another interface */
		uint16_t port;	  /* 0: 25 */
		uint8_t protocol; /* 0: TCP */
	} packet;
	bool empty; /* no responder's socket */
	int verdict;
	bool steered;
};

#define TO_V4                                                                                      \
	{                                                                                          \
		A4, "203.0.113.25"                                                                 \
	}
#define TO_V6                                                                                      \
	{                                                                                          \
		A6, "2001:db8:25::25"                                                              \
	}
static const struct steer_row steer_rows[] = {
	{"nothing stands against him", {0}, TO_V4, false, SK_PASS, false},
	{"a blocked address",
	 {.rule = {{A4, PN_REPLY, .always = true}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 true},
	{"a blocked IPv6 address",
	 {.rule = {{A6, PN_REPLY, .always = true}}},
	 TO_V6,
	 false,
	 SK_PASS,
	 true},
	{"another address",
	 {.rule = {{A6, PN_REPLY, .always = true}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 false},
	{"a listed source", {.listed = {{A4, PN_REPLY}}}, TO_V4, false, SK_PASS, true},
	{"a listed /64", {.listed = {{A6_HOST, PN_REPLY}}}, TO_V6, false, SK_PASS, true},
	{"monitor mode",
	 {.monitor = true, .listed = {{A4, PN_REPLY}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 false},
	{"the operator in monitor mode",
	 {.monitor = true, .rule = {{A4, PN_REPLY, .always = true}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 true},
	{"told thrice already",
	 {.listed = {{A4, PN_REPLY}}, .answered = {{A4, 3}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 true},
	{"told thrice, and nobody there",
	 {.listed = {{A4, PN_REPLY}}, .answered = {{A4, 3}}},
	 TO_V4,
	 true,
	 SK_DROP,
	 false},
	{"listed, and nobody there", {.listed = {{A4, PN_REPLY}}}, TO_V4, true, SK_PASS, false},
	{"blocked, and nobody there",
	 {.rule = {{A4, PN_REPLY, .always = true}}},
	 TO_V4,
	 true,
	 SK_DROP,
	 false},
	{"no responder, says the controller",
	 {.unanswering = true, .listed = {{A4, PN_REPLY}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 false},
	{"nor for the operator",
	 {.unanswering = true, .rule = {{A4, PN_REPLY, .always = true}}},
	 TO_V4,
	 false,
	 SK_DROP,
	 false},
	{"where he cannot speak",
	 {.ports = {{25, .mute = true}}, .listed = {{A4, PN_REPLY}}},
	 TO_V4,
	 false,
	 SK_DROP,
	 false},
	{"who gets silence or a RST got it from pn_xdp",
	 {.rule = {{A4, PN_REFUSE, .always = true}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 false},
	{"a stranger", {.contact = PN_CONTACT_HOLD}, TO_V4, false, SK_PASS, false},
	{"another port",
	 {.rule = {{A4, PN_REPLY, .always = true}}},
	 {A4, "203.0.113.25", .port = 80},
	 false,
	 SK_PASS,
	 false},
	{"another protocol",
	 {.rule = {{A4, PN_REPLY, .always = true}}},
	 {A4, "203.0.113.25", .protocol = PROTO_UDP},
	 false,
	 SK_PASS,
	 false},
	{"another interface",
	 {.rule = {{A4, PN_REPLY, .always = true}}},
	 {A4, "203.0.113.25", .other = true},
	 false,
	 SK_PASS,
	 false},
	{"a guarded destination",
	 {.guarded = true, .guard = {"203.0.113.25"}, .rule = {{A4, PN_REPLY, .always = true}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 true},
	{"another destination",
	 {.guarded = true, .guard = {"203.0.113.26"}, .rule = {{A4, PN_REPLY, .always = true}}},
	 TO_V4,
	 false,
	 SK_PASS,
	 false},
};

static bool set_ingress(bool is_in)
{
	__u32 index = TEST_RUN_INDEX, yes = 1;
	int fd = rig_map_fd("pn_ingress");

	return is_in ? !bpf_map_update_elem(fd, &index, &yes, BPF_ANY)
		     : !bpf_map_delete_elem(fd, &index) || errno == ENOENT;
}

/* pn_reply as the row says. */
static bool set_responder(int fd)
{
	__u32 slot = 0;
	__u64 value = (__u64)fd;
	int reply = rig_map_fd("pn_reply");

	return fd >= 0 ? !bpf_map_update_elem(reply, &slot, &value, BPF_ANY)
		       : !bpf_map_delete_elem(reply, &slot) || errno == EINVAL || errno == ENOENT;
}

static void check_steer(const struct steer_row *row)
{
	struct bpf_sk_lookup ctx = {.family = strchr(row->packet.remote, ':') ? AF_INET6 : AF_INET,
				    .protocol = row->packet.protocol ? row->packet.protocol
								     : IPPROTO_TCP,
				    .remote_port = htons(40000),
				    .local_port = row->packet.port ? row->packet.port : 25,
				    .ingress_ifindex = TEST_RUN_INDEX};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .ctx_out = &ctx, .ctx_size_out = sizeof(ctx));
	struct bpf_program *program = bpf_object__find_program_by_name(rig_object(), "pn_steer");

	if (ctx.family == AF_INET) {
		inet_pton(AF_INET, row->packet.remote, &ctx.remote_ip4);
		inet_pton(AF_INET, row->packet.local, &ctx.local_ip4);
	} else {
		inet_pton(AF_INET6, row->packet.remote, ctx.remote_ip6);
		inet_pton(AF_INET6, row->packet.local, ctx.local_ip6);
	}
	ENSURE(rig_apply(&row->given) && set_ingress(!row->packet.other), "%s", row->sentence);
	ENSURE(!bpf_prog_test_run_opts(bpf_program__fd(program), &opts), "%s: %s", row->sentence,
	       strerror(errno));
	EXPECT((int)opts.retval == row->verdict && (ctx.cookie != 0) == row->steered,
	       "%s: verdict %u, %s", row->sentence, opts.retval,
	       ctx.cookie ? "handed over" : "not handed over");
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

TEST(whom_the_responder_gets)
{
	__attribute__((cleanup(close_fd))) int responder =
		socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.sin6_addr);
	ENSURE(rig_open(), "the programs are loaded");
	ENSURE(responder >= 0 && !bind(responder, (struct sockaddr *)&a, sizeof(a)) &&
		       !listen(responder, 1),
	       "a responder: %s", strerror(errno));
	for (unsigned i = 0; i < sizeof(steer_rows) / sizeof(steer_rows[0]); i++) {
		ENSURE(set_responder(steer_rows[i].empty ? -1 : responder), "pn_reply: %s",
		       strerror(errno));
		check_steer(&steer_rows[i]);
	}
	set_ingress(false);
}
