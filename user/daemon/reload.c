/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIGHUP: the configuration anew. It is read whole before anything is touched, and a fault in it
 * leaves the running one in force. Whoever asked (`postern reload`) sees by two counters in pn_conf that there is
 * an answer, and reads it in the run directory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/asking.h"
#include "daemon/facts.h"
#include "daemon/keeper_caps.h"
#include "daemon/notify.h"
#include "daemon/parts.h"
#include "daemon/responder.h"
#include "daemon/ruling.h"
#include "daemon/setup.h"
#include "daemon/state.h"

/*
 * Loading takes seconds, and several may stand in line; `postern reload` waits 30 s for the answer. As often as those look who can wait in
 * one piece (kern/pins.c), or they would always be first.
 */
#define RELOAD_AGAIN_MS 50
#define RELOAD_WAIT_NS	(20 * NS_PER_S)

static int reload_read(const struct daemon *d, struct conf *next, struct err *e)
{
	struct dns_settings *settings = NULL;
	int r = conf_read(d->config_path, next, e);

	/* The default file may be missing at the start, and so later. */
	if (r == -ENOENT && strcmp(d->config_path, CONF_PATH) == 0) {
		conf_defaults(next);
		r = 0;
	}
	if (r)
		return r;
	if (d->instance_given)
		memcpy(next->instance, d->conf.instance, sizeof(next->instance));
	if (strcmp(next->instance, d->conf.instance) != 0)
		return err_set(e, -EINVAL,
			       "%s: `instance` has changed from \"%s\" to \"%s\", which takes a "
			       "restart",
			       d->config_path, d->conf.instance, next->instance);
	if (strcmp(next->state_dir, d->conf.state_dir) != 0)
		return err_set(e, -EINVAL,
			       "%s: `state_dir` has changed from %s to %s, which takes a restart",
			       d->config_path, d->conf.state_dir, next->state_dir);
	if (next->namespace_count && !keeper_may_enter())
		return err_set(
			e, -EINVAL,
			"%s: `namespaces` are named for the first time; to enter them takes a "
			"capability that was given up, and so a restart",
			d->config_path);
	r = asking_settings(next, d->config_path, &settings, NULL, e);
	free(settings);
	return r ? r : responder_settings_try(next, d->config_path, e);
}

static int reload_live(struct daemon *d, const struct conf *next, struct err *e)
{
	struct ruling ruling = {.conf = next,
				.store = d->store,
				.gate = d->gate,
				.may_owe = true,
				.lifts_brake = true,
				.meanwhile = pulse_meanwhile,
				.context = d};
	struct err back = {0};
	int r = setup_conf(d->gate, next, e);

	/* A command that was killed between its commit and the maps left them apart. */
	if (!r)
		r = ruling_sync(&ruling, e);
	if (!r)
		r = ruling_apply_mode(&ruling, e);
	d->rules_owed |= ruling.owes;
	d->pulse.rebase |= ruling.unwritten;
	if (r && setup_conf(d->gate, &d->conf, &back))
		log_error("and the old configuration could not be put back whole: %s", back.text);
	return r;
}

static int reload_apply(struct daemon *d, const struct conf *next, struct err *e)
{
	bool attach_changed = next->attach != d->conf.attach;
	int r;

	/* The bounds of a map are fixed when it is made: other bounds are other maps. */
	if (memcmp(&next->tables, &d->conf.tables, sizeof(next->tables)) != 0)
		r = daemon_load_gate(d, next, true, e);
	else
		r = reload_live(d, next, e);
	if (r)
		return r;

	d->conf = *next;
	log_open(d->conf.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	links_reload(d);
	own_refresh(d);
	contact_reload(d);
	answering_reload(d);
	answering_ingress(d);
	parts_reload(d);
	if (attach_changed)
		log_warning("`attach` has changed: it applies to what is attached from now on; "
			    "what is attached stays as it is until it is detached");
	return 0;
}

/* ---- the answer ---- */

static int change_tell(void *context, json_t *row, bool is_secret)
{
	const char *key = json_string_value(json_object_get(row, "key"));

	if (is_secret)
		log_info("reload: %s has changed", key);
	else
		log_info("reload: %s: %s -> %s", key,
			 json_string_value(json_object_get(row, "was")),
			 json_string_value(json_object_get(row, "now")));
	return json_array_append_new(context, row);
}

/* The file first: who waits for the counter reads it then. */
static void reload_answer(struct daemon *d, const json_t *changes, const char *fault)
{
	struct pn_conf *knobs = gate_conf(d->gate);
	uint32_t number = knobs->reloads_done + knobs->reloads_failed + 1;

	facts_write_reload(d, changes, fault, number);
	if (fault) {
		log_error("reload: %s; the configuration in force stays", fault);
		__atomic_fetch_add(&knobs->reloads_failed, 1, __ATOMIC_RELEASE);
	} else {
		log_info("reloaded %s: %zu key%s changed", d->config_path, json_array_size(changes),
			 json_array_size(changes) == 1 ? " has" : "s have");
		__atomic_fetch_add(&knobs->reloads_done, 1, __ATOMIC_RELEASE);
	}
}

static void reload_again(void *context);

/* Another process is loading a gate: does it wait for that? Not in one piece, since the loop must go on. */
static bool reload_waits(struct daemon *d, int r)
{
	return r == -EBUSY && now_boot_ns() < d->reload_until_ns &&
	       loop_add_timer(d->loop, RELOAD_AGAIN_MS, 0, reload_again, d, &d->reload_timer) == 0;
}

static void reload_try(struct daemon *d)
{
	struct conf *next = calloc(1, sizeof(*next)), *before = calloc(1, sizeof(*before));
	json_t *changes = json_array();
	struct err e = {0};
	int r;

	pulse_beat(d);
	if (!next || !before || !changes) {
		r = err_set(&e, -ENOMEM, "no memory");
	} else {
		r = reload_read(d, next, &e);
		*before = d->conf;
		if (!r)
			r = reload_apply(d, next, &e);
		if (!r)
			(void)conf_each_change(before, &d->conf, change_tell, changes);
	}
	if (!reload_waits(d, r)) {
		reload_answer(d, changes, r ? e.text : NULL);
		manager_ready(d);
	}
	json_decref(changes);
	free(next);
	free(before);
}

static void reload_again(void *context)
{
	struct daemon *d = context;

	loop_remove(d->loop, d->reload_timer);
	d->reload_timer = NULL;
	reload_try(d);
}

void reload_run(struct daemon *d)
{
	/* One that waits reads the file anew as well. */
	if (d->reload_timer)
		return;
	notify_reloading();
	d->reload_until_ns = now_boot_ns() + RELOAD_WAIT_NS;
	reload_try(d);
}
