/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place that talks netlink. libnl brings sockets, sequence numbers, multipart answers and
 * bounds-checked attributes; its caches are not used, because a host with a full routing table
 * would pay hundreds of megabytes for the three gateways in it. Errors are the kernel's own errno:
 * libnl's codes fold several of those into one.
 */
#include "net/wire.h"

#include <errno.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <string.h>

struct exchange {
	wire_fn fn;
	void *context;
	int result; /* fn's */
	int error;  /* the kernel's, negative */
	bool done;
	bool interrupted;
};

static int message_came(struct nl_msg *message, void *context)
{
	struct exchange *x = context;

	if (x->result == 0 && x->fn)
		x->result = x->fn(x->context, nlmsg_hdr(message));
	return NL_OK;
}

/* The end of a dump carries an error code of its own. */
static int dump_ended(struct nl_msg *message, void *context)
{
	struct exchange *x = context;
	const struct nlmsghdr *h = nlmsg_hdr(message);
	int code = 0;

	if (nlmsg_datalen(h) >= (int)sizeof(code))
		memcpy(&code, nlmsg_data(h), sizeof(code));
	if (code < 0)
		x->error = code;
	x->done = true;
	return NL_STOP;
}

static int acknowledged(struct nl_msg *message, void *context)
{
	struct exchange *x = context;

	(void)message;
	x->done = true;
	return NL_STOP;
}

static int refused(struct sockaddr_nl *from, struct nlmsgerr *answer, void *context)
{
	struct exchange *x = context;

	(void)from;
	x->error = answer->error < 0 ? answer->error : -EIO;
	x->done = true;
	return NL_STOP;
}

static int dump_changed(struct nl_msg *message, void *context)
{
	struct exchange *x = context;

	(void)message;
	x->interrupted = true;
	return NL_OK;
}

/* Only the kernel, port 0, is believed: another process could send to our port. */
static int is_foreign(struct nl_msg *message, void *context)
{
	(void)context;
	return nlmsg_get_src(message)->nl_pid == 0 ? NL_OK : NL_SKIP;
}

/* What libnl itself can report here; the kernel's refusals do not come this way. */
static int errno_of_libnl(int code)
{
	switch (code < 0 ? -code : code) {
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_AF_NOSUPPORT:
	case NLE_PROTO_MISMATCH:
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

int wire_open(struct nl_sock **out, int protocol, struct err *e)
{
	struct nl_sock *sk = nl_socket_alloc();
	int code;

	*out = NULL;
	if (!sk)
		return err_set(e, -ENOMEM, "cannot open a netlink socket: out of memory");
	code = nl_connect(sk, protocol);
	if (code < 0) {
		nl_socket_free(sk);
		return err_set(e, errno_of_libnl(code), "cannot open a netlink socket: %s",
			       nl_geterror(code));
	}
	*out = sk;
	return 0;
}

void wire_close(struct nl_sock **sk)
{
	if (*sk)
		nl_socket_free(*sk);
	*sk = NULL;
}

struct nl_msg *wire_message(int type, int flags, const void *head, size_t size)
{
	struct nl_msg *message = nlmsg_alloc_simple(type, flags);

	if (message && nlmsg_append(message, (void *)head, size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

static int answer_read(struct nl_sock *sk, struct exchange *x)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_MSG_IN, NL_CB_CUSTOM, is_foreign, NULL);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, message_came, x);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, dump_ended, x);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, acknowledged, x);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, dump_changed, x);
	nl_cb_err(cb, NL_CB_CUSTOM, refused, x);
	while (!x->done) {
		int code = nl_recvmsgs(sk, cb);

		if (code < 0 && !x->done) {
			x->error = errno_of_libnl(code);
			break;
		}
	}
	nl_cb_put(cb);
	return x->error;
}

int wire_ask(struct nl_sock *sk, struct nl_msg *message, wire_fn fn, void *context)
{
	struct exchange x = {.fn = fn, .context = context};
	int code;

	if (!message)
		return -ENOMEM;
	code = nl_send_auto(sk, message);
	nlmsg_free(message);
	if (code < 0)
		return errno_of_libnl(code);
	code = answer_read(sk, &x);
	if (code < 0)
		return code;
	if (x.result)
		return x.result;
	return x.interrupted ? -EINTR : 0;
}

int wire_dump(int type, const void *head, size_t size, wire_fn fn, void *context)
{
	WIRE_AUTO sk = NULL;
	int code = wire_open(&sk, NETLINK_ROUTE, NULL);

	if (code < 0)
		return code;
	code = -EINTR;
	for (int i = 0; i < WIRE_TRIES && code == -EINTR; i++)
		code = wire_ask(sk, wire_message(type, NLM_F_DUMP, head, size), fn, context);
	return code == -EINTR ? 0 : code;
}

bool wire_addr(int family, const void *bytes, int length, struct addr *out)
{
	if (family == AF_INET && length >= (int)sizeof(struct in_addr)) {
		struct in_addr in;

		memcpy(&in, bytes, sizeof(in));
		*out = addr_from_v4(in);
		return true;
	}
	if (family == AF_INET6 && length >= (int)sizeof(struct in6_addr)) {
		struct in6_addr in;

		memcpy(&in, bytes, sizeof(in));
		*out = addr_from_v6(&in);
		return true;
	}
	return false;
}
