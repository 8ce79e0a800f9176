/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where Prometheus reads: see meter.h. The socket stays the keeper's, so that whoever connects while the child is being started again waits
 * a moment instead of being refused. The page is made when it is asked for, out of counters that are at hand; only
 * how full the tables are takes long to see, and that is looked at a piece at a time, each second.
 */
#include "daemon/meter.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/feeding.h"
#include "daemon/following.h"
#include "daemon/meter_exposition.h"
#include "daemon/providers.h"
#include "daemon/said.h"
#include "daemon/state.h"

#define BACKLOG 64
/* Entries of tables a second: some 5 ms, and a round over all of them in their default sizes takes a minute at the worst. */
#define TABLE_STEP 16384
/* Between two pages. A child of ours asks sooner only where there was none; and nobody makes us do nothing else. */
#define ASKED_LEAST_NS (NS_PER_S / 10)
/*
 * Who may connect to a unix socket is decided by its directory; the page is no more secret than at a port of loopback. Its mode is 0666 from the
 * first: to change it later by its name could change what somebody has put in its place.
 */
#define SOCKET_UMASK (S_IXUSR | S_IXGRP | S_IXOTH)

/* What a reload may put another in the place of. */
struct outlet {
	struct child *child;	/* NULL: nobody may read */
	int listener;		/* -1: none */
	char at[CONF_TEXT_MAX]; /* where it listens */
	bool is_asked;		/* the child has, and is owed an answer */
	char *page;		/* on its way to the child; NULL: it is told that there is none */
	size_t length, sent;	/* of the page */
};

struct meter {
	struct outlet out;
	struct tables_walk walk;
	uint64_t bans, bans_seen; /* of the last round, of this one */
	bool has_bans;
	uint32_t reloads_done, reloads_failed;
	int64_t started_wall_s, reloaded_wall_s;
	bool reload_failed;
	struct measure measure; /* large, and needed for one page at a time */
	uint64_t made_ns;	/* when a page was tried last */
	struct said said;	/* why there is no page */
};

/* ---- what the controller knows ---- */

static enum measure_state state_of(const struct child *c)
{
	if (!c)
		return MEASURE_OFF;
	return child_is_up(c) ? MEASURE_UP : MEASURE_DOWN;
}

static void tell_zones(const struct daemon *d, struct measure *m)
{
	const struct contact *c = &d->contact;

	m->zone_count = 0;
	for (unsigned i = 0; c->settings && i < c->settings->sites.zone_count; i++) {
		const struct message_zone *z = &c->zone[i];
		struct measure_zone *to;

		if (!z->head.type) /* not tested yet */
			continue;
		to = measure_add_zone(m, c->settings->reply_name[i]);
		if (!to)
			return;
		to->state = z->state;
		to->asked = z->asked;
		to->listed = z->listed;
		to->errors = z->errors;
		to->over_budget = z->over_budget;
		to->latency_ms = z->latency_ms;
	}
}

void meter_tell(const struct daemon *d, struct measure *m)
{
	const struct meter *t = d->meter;
	json_t *log = following_row(d);
	const struct child *child[MEASURE_CHILDREN] = {
		[MEASURE_RESOLVER] = d->contact.resolver,
		[MEASURE_RESPONDER] = d->answering.responder,
		[MEASURE_METER] = t ? t->out.child : NULL,
		[MEASURE_PROVIDERS] = d->providers ? d->providers->child : NULL,
	};

	m->controller = m->has_told = true;
	if (t) {
		m->started_wall_s = t->started_wall_s;
		m->reloaded_wall_s = t->reloaded_wall_s;
		m->reload_failed = t->reload_failed;
	}
	for (unsigned i = 0; i < MEASURE_CHILDREN; i++) {
		m->child[i].state = state_of(child[i]);
		m->child[i].deaths = child[i] ? child_deaths(child[i]) : 0;
	}
	m->responder = d->answering.status;
	measure_mail_log(m, log);
	json_decref(log);
	tell_zones(d, m);
	feeding_measure(d, m);
}

/* ---- the page ---- */

static void page_drop(struct outlet *o)
{
	free(o->page);
	o->page = NULL;
	o->length = o->sent = 0;
}

/* As much as the child has room for; the rest when it has more. */
static void page_send(void *context)
{
	struct daemon *d = context;
	struct outlet *o = &d->meter->out;

	while (o->is_asked) {
		struct message_page m = {.head = message_head(MESSAGE_PAGE)};
		size_t left = o->length - o->sent;
		int r;

		m.total = (uint32_t)o->length;
		m.offset = (uint32_t)o->sent;
		m.length = (uint32_t)(left < sizeof(m.text) ? left : sizeof(m.text));
		if (o->page)
			memcpy(m.text, o->page + o->sent, m.length);
		r = child_send(o->child, &m, sizeof(m));
		if (r == -EAGAIN) {
			child_on_room(o->child, page_send, d);
			return;
		}
		o->sent += m.length;
		if (r || o->sent == o->length) {
			page_drop(o);
			o->is_asked = false;
		}
	}
}

/* All of it or nothing: to whoever reads it, a counter that lacks for once is one that began anew. */
static int page_make(struct daemon *d, struct err *e)
{
	struct meter *t = d->meter;
	FILE *out;
	int r;

	memset(&t->measure, 0, sizeof(t->measure));
	r = measure_gate(d->gate, &t->walk, &t->measure, e);
	if (r)
		return r;
	t->measure.has_bans = t->has_bans;
	t->measure.bans = t->bans;
	meter_tell(d, &t->measure);
	out = open_memstream(&t->out.page, &t->out.length);
	if (!out)
		return err_set(e, -ENOMEM, "no memory");
	r = exposition_write(&t->measure, out);
	if (fclose(out) || r)
		return err_set(e, -ENOMEM, "no memory");
	if (t->out.length > MESSAGE_PAGE_MAX)
		return err_set(e, -E2BIG, "the page has %zu bytes, and %u are given at the most",
			       t->out.length, MESSAGE_PAGE_MAX);
	return 0;
}

static void page_try(struct daemon *d)
{
	struct meter *t = d->meter;
	struct err e = {0};

	if (page_make(d, &e) == 0) {
		(void)said_settle(&t->said);
		return;
	}
	page_drop(&t->out);
	if (said_anew(&t->said, e.text))
		log_error("metrics: %s; whoever asks is told that there are none", e.text);
}

static void meter_heard(void *context, const union message *m)
{
	struct daemon *d = context;
	struct meter *t = d->meter;
	uint64_t now = now_boot_ns();

	if (m->head.type != MESSAGE_SCRAPE || t->out.is_asked)
		return;
	t->out.is_asked = true;
	/* By when one was made last: questions that come sooner must not put off the next. */
	if (now - t->made_ns >= ASKED_LEAST_NS) {
		t->made_ns = now;
		page_try(d);
	}
	page_send(d);
}

/* ---- the socket ---- */

static int listen_tcp(const struct conf_metrics *at, struct err *e)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(at->port)};
	bool is_v4 = addr_is_v4(&at->addr);
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, r = fd < 0 ? -errno : 0;

	memcpy(&six.sin6_addr, at->addr.byte, sizeof(six.sin6_addr));
	memcpy(&four.sin_addr, at->addr.byte + ADDR_V4_LEAD_BITS / 8, sizeof(four.sin_addr));
	if (!r && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		r = -errno;
	if (!r && bind(fd, is_v4 ? (struct sockaddr *)&four : (struct sockaddr *)&six,
		       is_v4 ? sizeof(four) : sizeof(six)))
		r = -errno;
	if (!r && listen(fd, BACKLOG))
		r = -errno;
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return err_set(e, r, "%s", strerror(-r));
}

/* Does somebody listen there? */
static bool is_taken(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is = fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ||
			      errno == EAGAIN); /* he does, and is busy */

	if (fd >= 0)
		close(fd);
	return is;
}

/* What lies there from a run that was killed is taken away; what is no socket, or has a listener, is somebody's. */
static int listen_unix(const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t before;
	int fd, r;

	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return err_set(e, -EEXIST, "there is something else of that name");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, -errno, "%s", strerror(errno));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (is_taken(&at)) {
		close(fd);
		return err_set(e, -EADDRINUSE, "%s", strerror(EADDRINUSE));
	}
	unlink(path);
	before = umask(SOCKET_UMASK);
	r = bind(fd, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
	umask(before);
	if (!r && listen(fd, BACKLOG))
		r = -errno;
	if (!r)
		return fd;
	close(fd);
	return err_set(e, r, "%s", strerror(-r));
}

static void listener_close(struct outlet *o)
{
	if (o->listener >= 0)
		close(o->listener);
	if (o->at[0] == '/')
		unlink(o->at);
	o->listener = -1;
	o->at[0] = '\0';
}

static int listener_open(struct meter *t, const char *text, struct err *e)
{
	struct conf_metrics at;
	int fd = metrics_parse(text, &at, e);

	if (fd)
		return fd;
	fd = at.kind == CONF_METRICS_UNIX ? listen_unix(text, e) : listen_tcp(&at, e);
	if (fd < 0)
		return err_prefix(e, "cannot listen for those who read metrics at %s", text);
	t->out.listener = fd;
	snprintf(t->out.at, sizeof(t->out.at), "%s", text);
	return 0;
}

/* ---- the child ---- */

static int meter_prepare(void *context, const void **settings, size_t *length, int *extra,
			 struct err *e)
{
	const struct daemon *d = context;

	d->meter->made_ns = 0; /* a new child knows nothing of what the last one asked */
	*settings = "";
	*length = 0;
	*extra = dup(d->meter->out.listener);
	return *extra < 0 ? err_set(e, -errno, "%s", strerror(errno)) : 0;
}

static void meter_gone(void *context)
{
	struct daemon *d = context;

	page_drop(&d->meter->out);
	d->meter->out.is_asked = false;
}

static int meter_serve(struct daemon *d, struct err *e)
{
	static const struct child_calls calls = {meter_prepare, meter_heard, meter_gone};
	struct meter *t = d->meter;
	int r = listener_open(t, d->conf.metrics, e);

	if (r)
		return r;
	r = child_open(&t->out.child, d->loop, d->nursery, CHILD_METER, 1U << MESSAGE_SCRAPE,
		       &calls, d, e);
	if (r)
		listener_close(&t->out);
	else
		log_info("metrics: at %s", t->out.at);
	return r;
}

static void meter_unserve(struct daemon *d)
{
	struct meter *t = d->meter;

	child_close(t->out.child);
	t->out.child = NULL;
	t->out.is_asked = false;
	page_drop(&t->out);
	listener_close(&t->out);
}

/* ---- the part ---- */

static int meter_open(struct daemon *d, struct err *e)
{
	struct meter *t = calloc(1, sizeof(*t));
	struct err own = {0};

	if (!t)
		return err_set(e, -ENOMEM, "no memory");
	t->out.listener = -1;
	t->started_wall_s = t->reloaded_wall_s = now_wall_s();
	t->reloads_done = gate_conf(d->gate)->reloads_done;
	t->reloads_failed = gate_conf(d->gate)->reloads_failed;
	d->meter = t;
	/* What it knows is shown by commands too, so the part is there though nobody can be served. */
	if (d->conf.metrics[0] && meter_serve(d, &own))
		log_error("%s; %s", own.text, meter_part.lost);
	return 0;
}

static void meter_close(struct daemon *d)
{
	meter_unserve(d);
	free(d->meter);
	d->meter = NULL;
}

/* The new place is opened before the old is given up; where it cannot be, the old stays. */
static void meter_reload(struct daemon *d)
{
	struct outlet old = d->meter->out;
	struct err e = {0};

	if (strcmp(old.at, d->conf.metrics) == 0)
		return;
	if (!d->conf.metrics[0]) {
		meter_unserve(d);
		log_info("metrics: no longer given at %s", old.at);
		return;
	}
	d->meter->out = (struct outlet){.listener = -1};
	if (meter_serve(d, &e)) {
		d->meter->out = old;
		log_error("%s; %s%s", e.text, old.at[0] ? "they go on being given at " : "",
			  old.at[0] ? old.at : meter_part.lost);
		return;
	}
	child_close(old.child);
	free(old.page);
	listener_close(&old);
}

static void meter_gate_changed(struct daemon *d)
{
	struct meter *t = d->meter;

	t->walk = (struct tables_walk){0};
	t->has_bans = false;
	t->bans_seen = 0;
}

static void entry_seen(void *context, const struct table_entry *entry)
{
	struct daemon *d = context;

	d->meter->bans_seen += tables_is_ban(entry, now_boot_ns());
}

/* How a reload went is only in the kernel's counters, which whoever asked for it reads. */
static void reloads_look(struct daemon *d)
{
	const struct pn_conf *knobs = gate_conf(d->gate);
	struct meter *t = d->meter;

	if (knobs->reloads_done != t->reloads_done) {
		t->reloaded_wall_s = now_wall_s();
		t->reload_failed = false;
	}
	if (knobs->reloads_failed != t->reloads_failed)
		t->reload_failed = true;
	t->reloads_done = knobs->reloads_done;
	t->reloads_failed = knobs->reloads_failed;
}

static void meter_tick(struct daemon *d, uint64_t now_ns)
{
	struct meter *t = d->meter;

	(void)now_ns;
	reloads_look(d);
	if (!t->out.child)
		return;
	if (tables_step(d->gate, &t->walk, TABLE_STEP, entry_seen, d, NULL) != 1)
		return;
	t->bans = t->bans_seen;
	t->bans_seen = 0;
	t->has_bans = true;
}

const struct part meter_part = {
	.name = "meter",
	.lost = "no metrics are given",
	.open = meter_open,
	.close = meter_close,
	.reload = meter_reload,
	.gate_changed = meter_gate_changed,
	.tick = meter_tick,
};
