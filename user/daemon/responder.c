/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The responder's process: user/reply in an event loop, and the channel to the keeper, who knows why a client is refused and
 * writes the log. Whatever needs memory, files or the library's start is done before the system calls are limited, and
 * the first byte of a client is read after that.
 */
#include "daemon/responder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/drop.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/tls.h"
#include "daemon/messages.h"
#include "daemon/nursery.h"

/* Beside those of clients: the standard ones, listener, channel, loop, two timers; and some for a library that wants one. */
#define FILES_MORE    16
#define BUSY_EVERY_MS 1000

struct responder {
	struct loop *loop;
	struct channel *channel;
	struct tls_server *tls;
	struct reply *reply;
	struct reply_status told; /* what BUSY said last */
	int result;		  /* why it ended, if not for its channel's end */
};

/* ---- to the keeper ---- */

static int on_why(void *context, uint32_t id, const struct addr *addr, uint16_t port)
{
	struct responder *r = context;
	struct message_why m = {
		.head = message_head(MESSAGE_WHY), .id = id, .port = port, .addr = *addr};

	return channel_send(r->channel, &m, sizeof(m));
}

static void on_said(void *context, const struct reply_said *said)
{
	struct responder *r = context;
	struct message_reject m = {.head = message_head(MESSAGE_REJECT), .said = *said};

	/* Where there is no room the log goes without this line; the client has its answer. */
	(void)channel_send(r->channel, &m, sizeof(m));
}

static void on_second(void *context)
{
	struct responder *r = context;
	struct message_busy m = {.head = message_head(MESSAGE_BUSY)};

	reply_count(r->reply, &m.status);
	if (memcmp(&m.status, &r->told, sizeof(r->told)) != 0 &&
	    channel_send(r->channel, &m, sizeof(m)) == 0)
		r->told = m.status;
}

/* ---- from the keeper ---- */

static void on_message(void *context, const void *bytes, size_t length)
{
	struct responder *r = context;
	struct err e = {0};
	const union message *m = message_check(bytes, length, 1U << MESSAGE_BECAUSE, &e);

	if (!m) {
		log_error("responder: the keeper said what cannot be understood: %s", e.text);
		r->result = -EBADMSG;
		loop_stop(r->loop);
		return;
	}
	reply_tell(r->reply, m->because.id, &m->because.because);
}

static void on_end(void *context)
{
	struct responder *r = context;

	loop_stop(r->loop);
}

/* ---- life ---- */

static int tls_open(struct responder *r, const struct responder_settings *s, struct err *e)
{
	if (!s->chain_length)
		return 0;
	tls_prepare();
	return tls_server_new(&r->tls, s->pem, s->chain_length, s->pem + s->chain_length,
			      s->key_length, e);
}

/* Takes the descriptors. */
static int responder_open(struct responder *r, const struct responder_settings *s, int channel,
			  int listener, struct err *e)
{
	static const struct reply_calls calls = {.why = on_why, .said = on_said};
	int ret = loop_new(&r->loop);

	if (ret < 0)
		ret = err_set(e, ret, "no event loop: %s", strerror(-ret));
	else
		ret = tls_open(r, s, e);
	if (ret < 0) {
		close(channel);
		close(listener);
		return ret;
	}
	ret = channel_open(&r->channel, r->loop, channel, sizeof(union message), on_message, on_end,
			   r, e);
	if (ret < 0) {
		close(listener);
		return ret;
	}
	ret = reply_open(&r->reply, r->loop, listener, &s->reply, r->tls, &calls, r, e);
	if (ret < 0)
		return ret;
	ret = loop_add_timer(r->loop, BUSY_EVERY_MS, BUSY_EVERY_MS, on_second, r, NULL);
	return ret < 0 ? err_set(e, ret, "no timer: %s", strerror(-ret)) : 0;
}

static void responder_close(struct responder *r)
{
	reply_close(r->reply);
	tls_server_free(r->tls);
	channel_close(r->channel);
	loop_free(r->loop);
}

static int ready_send(struct responder *r, struct err *e)
{
	struct message_ready m = {.head = message_head(MESSAGE_READY)};
	int ret = channel_send(r->channel, &m, sizeof(m));

	return ret < 0 ? err_set(e, ret, "the keeper cannot be told: %s", strerror(-ret)) : 0;
}

int responder_run(int channel, int listener, const void *settings, size_t length)
{
	const struct responder_settings *s = responder_settings_check(settings, length);
	struct responder r = {0};
	struct drop d = {0};
	struct err e = {0};
	int ret;

	if (!s || listener < 0) {
		log_error("responder: %s",
			  s ? "there is no socket to listen to" : "its settings are not whole");
		return EXIT_FAILURE;
	}
	d.files = s->reply.connections + FILES_MORE;
	ret = responder_open(&r, s, channel, listener, &e);
	if (ret == 0)
		ret = drop_calls(&d, &e);
	if (ret == 0)
		ret = ready_send(&r, &e);
	if (ret == 0)
		ret = loop_run(r.loop);
	if (ret < 0)
		log_error("responder: %s", e.text[0] ? e.text : strerror(-ret));
	responder_close(&r);
	return ret < 0 || r.result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
