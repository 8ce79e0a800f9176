/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SPF reader: the child that asks the DNS for the networks of trusted providers and tells the keeper, in parts. One provider at a
 * time, since nobody waits for it; again when its record's time to live is over, within bounds, and soon when the DNS did not answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/channel.h"
#include "base/drop.h"
#include "base/json.h"
#include "base/log.h"
#include "base/when.h"
#include "daemon/nursery.h"
#include "daemon/providers.h"

/* A few sockets for each of 8 servers, a timer for each question under way, and the loop. */
#define FILES_MAX 512
/* Large providers publish records for five minutes, and change them some times a year. */
#define AGAIN_LEAST_S HOUR_S
#define AGAIN_MOST_S  DAY_S
/* After silence: at boot the resolver may come a moment later; then twice as long each time. */
#define RETRY_FIRST_S 60
#define RETRY_MOST_S  HOUR_S

struct reading {
	struct loop *loop;
	struct channel *channel;
	struct resolver *resolver;
	const struct provider_settings *settings;
	struct spf_gather *gather; /* NULL: nobody is asked about now */
	struct loop_source *timer; /* until the next is due */
	unsigned at;		   /* the provider that is asked about, or was last */
	uint64_t due_ns[CONF_PROVIDERS_MAX];
	uint32_t retry_s[CONF_PROVIDERS_MAX];
	struct spf_networks found; /* what is being told */
	uint32_t part, again_s;
	int status;
};

static void reading_fail(struct reading *r, const char *what, int code)
{
	log_error("SPF reader: %s: %s", what, strerror(-code));
	r->status = EXIT_FAILURE;
	loop_stop(r->loop);
}

static void next_wait(struct reading *r);

/* ---- telling ---- */

static uint32_t parts_of(const struct spf_networks *f)
{
	uint32_t parts = (f->count + MESSAGE_NETWORKS_MAX - 1) / MESSAGE_NETWORKS_MAX;

	return parts ? parts : 1;
}

static void part_fill(const struct reading *r, struct message_provider *m)
{
	const struct spf_networks *f = &r->found;
	uint32_t from = r->part * MESSAGE_NETWORKS_MAX;

	*m = (struct message_provider){.head = message_head(MESSAGE_PROVIDER),
				       .provider = r->at,
				       .state = f->state,
				       .part = r->part,
				       .parts = parts_of(f),
				       .total = f->count,
				       .ttl_s = r->again_s};
	text_escape(f->why, strlen(f->why), m->why, sizeof(m->why));
	text_escape(f->note, strlen(f->note), m->note, sizeof(m->note));
	while (m->count < MESSAGE_NETWORKS_MAX && from + m->count < f->count) {
		m->network[m->count] = f->network[from + m->count];
		m->count++;
	}
}

static void parts_send(void *context)
{
	struct reading *r = context;
	struct message_provider m;

	for (; r->part < parts_of(&r->found); r->part++) {
		part_fill(r, &m);
		if (channel_send(r->channel, &m, sizeof(m)) == -EAGAIN) {
			channel_on_room(r->channel, parts_send, r);
			return;
		}
	}
	next_wait(r);
}

/* ---- asking ---- */

static uint32_t again_after(struct reading *r, const struct spf_networks *f)
{
	uint32_t *retry_s = &r->retry_s[r->at], now_s;

	if (f->state != SPF_TEMPERROR) {
		*retry_s = 0;
		if (f->ttl_s > AGAIN_MOST_S)
			return AGAIN_MOST_S;
		return f->ttl_s > AGAIN_LEAST_S ? f->ttl_s : AGAIN_LEAST_S;
	}
	now_s = *retry_s ? *retry_s : RETRY_FIRST_S;
	*retry_s = 2 * now_s < RETRY_MOST_S ? 2 * now_s : RETRY_MOST_S;
	return now_s;
}

static void gathered(void *context, const struct spf_networks *found)
{
	struct reading *r = context;

	r->gather = NULL;
	r->found = *found;
	r->again_s = again_after(r, found);
	r->due_ns[r->at] = now_boot_ns() + r->again_s * NS_PER_S;
	r->part = 0;
	parts_send(r);
}

static void next_ask(void *context)
{
	struct reading *r = context;
	const char *domain = r->settings->domain[r->at];
	int ret;

	loop_remove(r->loop, r->timer);
	r->timer = NULL;
	ret = spf_networks_start(&r->gather, r->resolver, domain, gathered, r);
	if (ret < 0)
		reading_fail(r, "a question cannot be asked", ret);
}

static void next_wait(struct reading *r)
{
	uint64_t now = now_boot_ns(), ms;
	unsigned first = 0;
	int ret;

	for (unsigned i = 1; i < r->settings->domain_count; i++)
		if (r->due_ns[i] < r->due_ns[first])
			first = i;
	r->at = first;
	ms = r->due_ns[first] > now ? (r->due_ns[first] - now) / NS_PER_MS + 1 : 1;
	ret = loop_add_timer(r->loop, ms, 0, next_ask, r, &r->timer);
	if (ret < 0)
		reading_fail(r, "no timer can be made", ret);
}

/* ---- life ---- */

/* The keeper has nothing to say. */
static void message_came(void *context, const void *bytes, size_t length)
{
	(void)bytes;
	(void)length;
	reading_fail(context, "the keeper says what has no place here", -EBADMSG);
}

static void keeper_gone(void *context)
{
	struct reading *r = context;

	loop_stop(r->loop);
}

static int reading_start(struct reading *r, int channel, size_t length, struct err *e)
{
	static const struct drop drop = {.files = FILES_MAX};
	static struct message_ready ready;
	int ret;

	if (length != sizeof(*r->settings) || !r->settings->domain_count ||
	    r->settings->domain_count > CONF_PROVIDERS_MAX)
		return err_set(e, -EBADMSG, "the settings are none");
	ret = loop_new(&r->loop);
	if (ret < 0)
		return err_set(e, ret, "cannot make the event loop: %s", strerror(-ret));
	ret = resolver_open(&r->resolver, r->loop, r->settings->server, r->settings->server_count,
			    r->settings->timeout_ms, e);
	if (ret == 0)
		ret = drop_calls(&drop, e);
	if (ret == 0)
		ret = channel_open(&r->channel, r->loop, channel, sizeof(ready), message_came,
				   keeper_gone, r, e);
	if (ret < 0)
		return ret;
	ready.head = message_head(MESSAGE_READY);
	ret = channel_send(r->channel, &ready, sizeof(ready));
	if (ret < 0)
		return err_set(e, ret, "the keeper cannot be told that all is ready");
	next_wait(r);
	return 0;
}

static void reading_free(struct reading *r)
{
	spf_networks_stop(r->gather);
	channel_close(r->channel);
	resolver_close(r->resolver);
	loop_free(r->loop);
	free(r);
}

int providers_run(int channel, const void *settings, size_t length)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct err e = {0};
	int ret, status;

	if (!r)
		return EXIT_FAILURE;
	r->settings = settings;
	ret = reading_start(r, channel, length, &e);
	if (ret == 0) {
		ret = loop_run(r->loop);
		if (ret < 0)
			err_set(&e, ret, "the event loop broke: %s", strerror(-ret));
	}
	if (ret < 0) {
		log_error("SPF reader: %s", e.text);
		r->status = EXIT_FAILURE;
	}
	status = r->status;
	reading_free(r);
	return status;
}
