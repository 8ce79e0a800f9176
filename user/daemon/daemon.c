/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The controller: start-up as a table of steps, a loop that waits, and two ways to end. The gate in
 * the kernel polices without it; the controller keeps it true (interfaces, own addresses, counts,
 * the mode) and tells what it did. So an end by SIGTERM, or by a crash, leaves the gate standing,
 * and a start adopts what stands.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/when.h"
#include "base/words.h"
#include "daemon/events.h"
#include "daemon/facts.h"
#include "daemon/keeper_caps.h"
#include "daemon/parts.h"
#include "daemon/responder.h"
#include "daemon/setup.h"
#include "daemon/state.h"
#include "daemon/telling.h"
#include "kern/feeds.h"
#include "maillog/maillog.h"

#define LINKS_TEXT_MAX (LINKS_MAX * (IFNAMSIZ + 16)) /* each name and how it is guarded */
#define STORE_PATH_MAX (PATH_MAX + CONF_INSTANCE_MAX + 16)
#define TERMINAL       "/dev/tty"

void daemon_end(struct daemon *d, enum ending ending, int status)
{
	if (d->ending == ENDING_NONE) {
		d->ending = ending;
		d->status = status;
	}
	loop_stop(d->loop);
}

/* ---- what the kernel tells ---- */

struct telling {
	struct daemon *d;
	FILE *lines; /* for the watchers; NULL: there are none */
};

static void daemon_tell(void *context, const struct pn_event *event)
{
	struct telling *t = context;
	char name[IFNAMSIZ] = "", of[PN_FEED_NAME_MAX];
	const char *feed = NULL;
	json_t *row;

	/* What happened while nobody controlled is not told as if it happened now. */
	if (event->time < t->d->started_boot_ns) {
		t->d->told_before++;
		return;
	}
	if (!event->ifindex || !if_indextoname(event->ifindex, name))
		name[0] = '\0';
	if (event->reason == PN_REASON_FEED)
		feed = feeds_get_name(t->d->gate, event->feed, of);
	event_log(event, name, feed);
	parts_event(t->d, event);
	row = t->lines ? event_row(event, name, feed) : NULL;
	if (row)
		json_line(t->lines, row);
}

static struct telling telling; /* one controller in a process; the reader keeps a pointer to it */

static void daemon_read_events(void *context, int fd, uint32_t happened)
{
	struct daemon *d = context;
	char *text = NULL;
	size_t length = 0;
	int r;

	(void)fd;
	(void)happened;
	if (telling_is_heard(d))
		telling.lines = open_memstream(&text, &length);
	r = events_read(d->events);
	if (telling.lines && fclose(telling.lines) == 0 && length)
		telling_send(d, text, length);
	telling.lines = NULL;
	free(text);
	if (r < 0 && r != -EAGAIN && r != -EINTR) {
		log_error("events cannot be read any more: %s; policing goes on", strerror(-r));
		loop_remove(d->loop, d->events_source);
		d->events_source = NULL;
	}
}

static int daemon_open_events(struct daemon *d, struct err *e)
{
	int r;

	telling = (struct telling){.d = d};
	r = events_open(&d->events, d->gate, daemon_tell, &telling, e);
	if (r)
		return r;
	r = loop_add_fd(d->loop, events_fd(d->events), EPOLLIN, daemon_read_events, d,
			&d->events_source);
	if (r)
		return err_set(e, r, "cannot wait for events: %s", strerror(-r));
	return 0;
}

static void daemon_close_events(struct daemon *d)
{
	loop_remove(d->loop, d->events_source);
	d->events_source = NULL;
	events_close(d->events);
	d->events = NULL;
}

static int daemon_remove_gate(struct daemon *d, struct err *e)
{
	int lock = gate_lock(e), r;

	if (lock < 0)
		return lock;
	r = gate_remove(d->conf.instance, e);
	gate_unlock(lock);
	return r;
}

int daemon_load_gate(struct daemon *d, const struct conf *conf, bool lifts_brake, struct err *e)
{
	static const char *const found[] = {
		[GATE_NEW] = "the gate is loaded",
		[GATE_ADOPTED] = "the gate that stood is adopted: maps kept, programs replaced",
		[GATE_MIGRATED] = "the gate has new maps, filled from the store",
	};
	enum gate_origin origin = GATE_NEW;
	struct ruling r = {.conf = conf,
			   .store = d->store,
			   .may_owe = true,
			   .lifts_brake = lifts_brake,
			   .meanwhile = pulse_meanwhile,
			   .context = d};
	struct err own = {0};
	/* At the start there is nothing else to do. */
	int lock = d->gate ? gate_lock_now(e) : gate_lock(e), rc;

	if (lock < 0)
		return lock;
	rc = setup_gate(&r, &origin, e);
	gate_unlock(lock);
	if (rc)
		return rc;
	d->rules_owed |= r.owes;
	d->pulse.rebase |= r.unwritten;
	if (d->gate)
		contact_gate_changes(d);
	if (d->events)
		daemon_close_events(d);
	gate_close(d->gate);
	d->gate = r.gate;
	pulse_beat(d);
	log_info("%s", found[origin]);

	/* New maps know nothing of connections that were there before them. */
	rc = origin == GATE_ADOPTED ? 0 : open_adopt(d->gate, &own);
	if (rc < 0)
		log_warning("connections that are open already are not counted: %s", own.text);
	else if (rc > 0)
		log_info("%d connection%s from before counted as open", rc, plural((uint64_t)rc));
	if (daemon_open_events(d, &own))
		log_error("events will not be told: %s", own.text);
	contact_gate_changed(d);
	answering_gate_changed(d);
	parts_gate_changed(d);
	return 0;
}

/* ---- the network's news ---- */

static int daemon_open_watch(struct daemon *d, struct err *e);

static void daemon_read_news(void *context, int fd, uint32_t happened)
{
	struct daemon *d = context;
	struct err e = {0};
	int news = net_watch_read(d->watch);

	(void)fd;
	(void)happened;
	if (news < 0) {
		log_warning("the kernel's news about interfaces broke off (%s): listening anew",
			    strerror(-news));
		loop_remove(d->loop, d->watch_source);
		net_watch_close(d->watch);
		d->watch = NULL;
		if (daemon_open_watch(d, &e))
			log_error("%s; interfaces are looked at every half minute only", e.text);
		news = NET_NEWS_LINK | NET_NEWS_ADDRESS | NET_NEWS_ROUTE;
	}
	if (news & NET_NEWS_LINK) {
		links_scan(d);
		answering_ingress(d);
	}
	if (news)
		own_expect(d);
}

static int daemon_open_watch(struct daemon *d, struct err *e)
{
	int r = net_watch_open(&d->watch, e);

	if (r)
		return r;
	r = loop_add_fd(d->loop, net_watch_fd(d->watch), EPOLLIN, daemon_read_news, d,
			&d->watch_source);
	if (r)
		return err_set(e, r, "cannot wait for news about interfaces: %s", strerror(-r));
	return 0;
}

/* ---- signals ---- */

static bool daemon_has_terminal(void)
{
	int fd = open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void daemon_signal(void *context, int number)
{
	struct daemon *d = context;

	if (number == SIGHUP && (!d->has_terminal || daemon_has_terminal())) {
		reload_run(d);
		return;
	}
	/* A terminal that was closed also sends SIGHUP; nobody is there to press Ctrl-C any more.
	 */
	daemon_end(d, number == SIGINT || d->trial ? ENDING_REMOVE : ENDING_LEAVE, 0);
}

/* ---- the steps of a start ---- */

/*
 * First of all, while there is nothing yet that a child could be left with. A key is read only behind it, but before there is
 * anything that a start which fails would leave in the kernel.
 */
static int step_nursery(struct daemon *d, struct err *e)
{
	int r;

	maillog_prepare();
	r = nursery_open(&d->nursery, e);
	return r ? r : responder_settings_try(&d->conf, d->config_path, e);
}

static int step_lock(struct daemon *d, struct err *e)
{
	return instance_lock(&d->instance, d->conf.instance, e);
}

/* Signals wait from here on, so that an early Ctrl-C leaves nothing half done. */
static int step_loop(struct daemon *d, struct err *e)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	int r = loop_new(&d->loop);

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && !r; i++)
		r = loop_add_signal(d->loop, signals[i], daemon_signal, d);
	signal(SIGPIPE, SIG_IGN); /* a log that nobody reads is no reason to die */
	d->has_terminal = daemon_has_terminal();
	return r ? err_set(e, r, "cannot make the event loop: %s", strerror(-r)) : 0;
}

/* A trial starts from nothing; whatever starts finds the remains of a trial that was killed. */
static int step_trial(struct daemon *d, struct err *e)
{
	char path[STORE_PATH_MAX];
	int r;

	if (instance_has_trial(&d->instance)) {
		log_warning("a trial of the instance \"%s\" was killed: its remains are removed",
			    d->conf.instance);
		r = d->trial ? daemon_remove_gate(d, e) : 0;
		if (!r || r == -ENOENT)
			r = instance_end_trial(&d->instance, e);
		if (r)
			return r;
	}
	if (!d->trial)
		return 0;
	if (gate_exists(d->conf.instance))
		return err_set(
			e, -EEXIST,
			"a gate of the instance \"%s\" is in the kernel already, and a trial "
			"would take it away at its end: `postern detach all` removes it, "
			"`postern run` without --trial adopts it",
			d->conf.instance);
	snprintf(path, sizeof(path), "%s/%s/%s", d->conf.state_dir, d->conf.instance, STORE_FILE);
	if (access(path, F_OK) == 0)
		return err_set(e, -EEXIST,
			       "the instance \"%s\" has stored rules or verdicts in %s, which a "
			       "trial would not obey: `postern run` without --trial does, "
			       "--instance NAME tries another one, and who wants nothing of it "
			       "removes the file",
			       d->conf.instance, path);
	return instance_begin_trial(&d->instance, e);
}

static int step_store(struct daemon *d, struct err *e)
{
	(void)e; /* it is said, and policing goes on */
	(void)keep_store(d);
	return 0;
}

static int step_gate(struct daemon *d, struct err *e)
{
	return daemon_load_gate(d, &d->conf, true, e);
}

static int step_watchers(struct daemon *d, struct err *e)
{
	char path[INSTANCE_PATH_MAX];
	struct err own = {0};

	(void)e;
	instance_path(d->conf.instance, INSTANCE_EVENTS, path);
	if (watchers_open(&d->watchers, d->loop, path, &own))
		log_error("%s: `postern watch` will not hear from this controller", own.text);
	return 0;
}

/* Listening comes before looking, or what changes in between is missed. */
static int step_news(struct daemon *d, struct err *e)
{
	return daemon_open_watch(d, e);
}

static int step_links(struct daemon *d, struct err *e)
{
	(void)e;
	links_scan(d);
	own_refresh(d);
	return 0;
}

static int step_contact(struct daemon *d, struct err *e)
{
	return contact_open(d, e);
}

static int step_answering(struct daemon *d, struct err *e)
{
	int r = answering_open(d, e);

	answering_ingress(d);
	return r;
}

static int step_parts(struct daemon *d, struct err *e)
{
	(void)e; /* each is said, and policing goes on */
	parts_open(d);
	return 0;
}

static int step_pulse(struct daemon *d, struct err *e)
{
	return pulse_start(d, e);
}

static int step_manager(struct daemon *d, struct err *e)
{
	return manager_open(d, e);
}

static int step_capabilities(struct daemon *d, struct err *e)
{
	return keeper_drop(&d->conf, e);
}

static int daemon_count_rule(void *context, const struct rule_entry *r)
{
	*(unsigned *)context += r->rule.origin == PN_ORIGIN_OPERATOR;
	return 0;
}

static int step_ready(struct daemon *d, struct err *e)
{
	uint64_t until = gate_conf(d->gate)->enforce_until, now = now_boot_ns();
	char links[LINKS_TEXT_MAX], left[DURATION_TEXT_MAX + 8] = "", time[DURATION_TEXT_MAX];
	unsigned rules = 0;

	(void)e;
	if (rules_each_block(d->gate, daemon_count_rule, &rules, NULL) ||
	    rules_each_allow(d->gate, daemon_count_rule, &rules, NULL))
		log_warning("the rules in the kernel cannot be counted");
	if (until > now && until != PN_FOREVER)
		snprintf(left, sizeof(left), " for %s",
			 duration_describe((until - now) / NS_PER_S, time));
	if (d->events)
		daemon_read_events(d, -1, 0);
	if (d->told_before)
		log_info("%" PRIu64 " event%s from before this controller, not told one by one",
			 d->told_before, plural(d->told_before));
	log_info("ready: %s mode%s%s, guarding %s, %u rule%s in force",
		 until > now ? "enforce" : "monitor", left,
		 until > now ? "" : " (nothing is refused but what you block)",
		 links_describe(&d->links, links, sizeof(links)), rules, plural(rules));
	d->pulse.rules = rules;
	manager_ready(d);
	return 0;
}

static const struct step {
	const char *name;
	int (*take)(struct daemon *d, struct err *e);
} steps[] = {
	{"nursery", step_nursery},
	{"lock", step_lock},
	{"loop", step_loop},
	{"trial", step_trial},
	{"store", step_store},
	{"gate", step_gate},
	{"watchers", step_watchers},
	{"news", step_news},
	{"links", step_links},
	{"contact", step_contact},
	{"answering", step_answering},
	{"parts", step_parts},
	{"pulse", step_pulse},
	{"manager", step_manager},
	{"capabilities", step_capabilities},
	{"ready", step_ready},
};

/* ---- the end ---- */

static void daemon_close(struct daemon *d)
{
	keep_end(d);
	parts_close(d);
	answering_close(d);
	contact_close(d);
	if (d->instance.lock_fd >= 0) /* else they are another controller's */
		facts_remove(d);
	telling_end(d);
	watchers_close(d->watchers);
	if (d->watch)
		loop_remove(d->loop, d->watch_source);
	net_watch_close(d->watch);
	if (d->loop)
		daemon_close_events(d);
	own_free(&d->own);
	loop_free(d->loop);
	gate_close(d->gate);
	store_close(d->store);
	nursery_close(d->nursery);
}

/* started: the start came so far that what lies in the kernel is ours. */
static void daemon_leave(struct daemon *d, bool started)
{
	struct err e = {0};
	int r;

	if (d->ending == ENDING_REMOVE && started) {
		r = daemon_remove_gate(d, &e);
		if (r && r != -ENOENT)
			log_error("the gate could not be removed: %s", e.text);
		else
			log_info("stopped, and removed from the kernel: nothing is guarded any "
				 "more");
	} else if (d->ending == ENDING_LEAVE) {
		log_info("stopped; the gate stands: rules and rates hold; without a controller "
			 "strangers get in unasked, nobody is told why, and open connections are "
			 "not limited (`postern detach all` removes it)");
	}
	if (d->trial && started && instance_end_trial(&d->instance, &e))
		log_error("%s", e.text);
	instance_release(&d->instance);
}

static int daemon_start(struct daemon *d, bool *started, struct err *e)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r;

		log_debug("start: %s", steps[i].name);
		r = steps[i].take(d, e);
		if (r)
			return r;
		/* From the trial's own directory on, what is found is ours to remove. */
		if (steps[i].take == step_trial)
			*started = true;
	}
	return 0;
}

/* The command line may have chosen an instance: a reload must not fall back to the file's. */
static bool daemon_instance_given(const struct conf *c, const char *path)
{
	struct conf *file = calloc(1, sizeof(*file));
	bool given;

	if (!file)
		return false;
	if (conf_read(path, file, NULL))
		conf_defaults(file);
	given = strcmp(file->instance, c->instance) != 0;
	free(file);
	return given;
}

int daemon_run(const struct conf *c, const char *config_path, bool trial)
{
	struct daemon *d = calloc(1, sizeof(*d));
	bool started = false;
	struct err e = {0};
	int r, status;

	if (!d) {
		log_error("no memory");
		return EXIT_FAILURE;
	}
	d->conf = *c;
	d->config_path = config_path ? config_path : CONF_PATH;
	d->instance_given = daemon_instance_given(c, d->config_path);
	d->trial = trial;
	d->instance.lock_fd = -1;
	d->started_boot_ns = now_boot_ns();
	log_open(c->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);

	r = daemon_start(d, &started, &e);
	if (!r)
		r = loop_run(d->loop);
	if (r) {
		log_error("%s%s", e.text[0] ? e.text : strerror(-r),
			  (r == -EACCES || r == -EPERM) && geteuid() != 0 && !strstr(e.text, "root")
				  ? ": this needs root"
				  : "");
		d->status = EXIT_FAILURE;
		d->ending = trial ? ENDING_REMOVE : d->ending;
	}
	manager_stopping(r, e.text[0] ? e.text : strerror(-r));
	daemon_close(d);
	daemon_leave(d, started);
	status = d->status;
	free(d);
	return status;
}
