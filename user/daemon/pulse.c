/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens by the clock. The heart beat comes first: everything else here is bounded or short,
 * so that a busy controller is never taken for a dead one. Expired rules do not bind, whether
 * reaped or not: reaping only gives their places back, so it waits until something has really
 * expired.
 */
#include "daemon/pulse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/parts.h"
#include "daemon/ruling.h"
#include "daemon/state.h"
#include "daemon/telling.h"

#define PULSE_TICK_S	  1   /* reaping, and attaching again what failed */
#define PULSE_RECONCILE_S 30  /* counts of open connections against the sockets themselves */
#define PULSE_STORE_S	  60  /* another try at a store that could not be opened, or written */
#define PULSE_SWEEP_S	  300 /* reap without a reason: what no store knows of */
#define PULSE_LOOK_MS	  200 /* until a gate that seems to be going is looked for (again) */

static void beat(struct gate *g)
{
	__atomic_store_n(&gate_conf(g)->alive_until, now_boot_ns() + PULSE_ALIVE_FOR_S * NS_PER_S,
			 __ATOMIC_RELAXED);
}

void pulse_beat(struct daemon *d)
{
	beat(d->gate);
}

/*
 * Of the gate in force; at a start that is the one which a controller before us left, if its maps are kept. Where they are replaced the old
 * ones get no beat until the switch: there is no resolver and no responder of ours for them yet, so that the dead man's switch may open.
 */
void pulse_meanwhile(void *context, struct gate *fresh)
{
	const struct daemon *d = context;

	beat(d->gate ? d->gate : fresh);
}

/*
 * Is the pinned gate still ours? `postern detach all` takes it away, and `postern attach` with
 * other table sizes puts new maps in its place. We know our own maps by the heart beat that only we
 * write.
 */
static void pulse_look(void *context)
{
	struct daemon *d = context;
	uint64_t ours = gate_conf(d->gate)->alive_until;
	struct gate *pinned = NULL;
	struct err e = {0};
	int r = gate_open(&pinned, d->conf.instance, &e);
	bool same = !r && gate_conf(pinned)->alive_until == ours;

	gate_close(pinned);
	if (r != -ENOENT)
		d->pulse.missing = false;
	if (same)
		return;
	if (r == -ENOENT && !d->pulse.missing) {
		/* Maps that are being put in the place of others are away for an instant. */
		d->pulse.missing = true;
		pulse_expect(d);
	} else if (r == -ENOENT) {
		log_warning("the gate was taken away (`postern detach all`?): nothing is left to "
			    "control");
		daemon_end(d, ENDING_TAKEN, 0);
	} else if (r == -EPROTO) {
		log_warning("another version of postern has put its own gate in the place of ours: "
			    "this controller ends");
		daemon_end(d, ENDING_TAKEN, 0);
	} else if (!r) {
		r = daemon_load_gate(d, &d->conf, false, &e);
		if (!r)
			log_info("somebody has put new maps in the place of ours: adopted");
		/* Who puts them there may still be at it: the next beat looks again. */
		else if (r != -EBUSY && said_anew(&d->pulse.look_said, e.text))
			log_error("the gate that was put in the place of ours cannot be adopted: "
				  "%s",
				  e.text);
	} else if (said_anew(&d->pulse.look_said, e.text)) {
		log_warning("whether the gate is still ours cannot be seen: %s", e.text);
	}
}

void pulse_expect(struct daemon *d)
{
	/* Without a timer the next beat will look. */
	(void)loop_add_timer(d->loop, PULSE_LOOK_MS, 0, pulse_look, d, NULL);
}

static void pulse_alive(void *context)
{
	struct daemon *d = context;

	pulse_beat(d);
	pulse_look(d);
}

/* ---- reaping ---- */

struct earliest {
	uint64_t expiry_ns; /* 0: nothing ends */
	unsigned rules;
};

static int pulse_earlier(void *context, const struct store_rule *rule)
{
	struct earliest *f = context;

	f->rules++;
	if (rule->expires_boot_ns && (!f->expiry_ns || rule->expires_boot_ns < f->expiry_ns))
		f->expiry_ns = rule->expires_boot_ns;
	return 0;
}

/* Commands write to the store whenever they like. What we write ourselves each second is no reason to read all rules. */
static bool pulse_store_changed(struct daemon *d)
{
	struct pulse *p = &d->pulse;
	struct err e = {0};
	int64_t version = 0;
	int r = store_get_version(d->store, &version, &e);

	if (r && r != -EBUSY)
		keep_fault(d, r, &e);
	if (r || (p->store_read && version == p->store_version))
		return false;
	p->store_version = version;
	p->store_read = true;
	return true;
}

static void pulse_find_expiry(struct daemon *d)
{
	struct earliest found = {0};
	struct err e = {0};
	int r = store_each_rule(d->store, pulse_earlier, &found, &e);

	if (r) {
		/* What was known stands until they can be read. */
		d->pulse.store_read = false;
		keep_fault(d, r, &e);
		return;
	}
	d->pulse.next_expiry_ns = found.expiry_ns;
	d->pulse.rules = found.rules;
}

/*
 * Under the store's lock: a command may be renewing the very rule that has just expired. False: the
 * lock is held, to be tried again.
 */
static bool pulse_reap(struct daemon *d)
{
	unsigned stored = 0;
	struct err e = {0};
	int reaped, r = d->store ? store_lock(d->store, &e) : 0;

	if (r == -EBUSY)
		return false; /* a long import: it is no hurry */
	if (r) {
		keep_fault(d, r, &e);
		return true;
	}
	reaped = rules_reap(d->gate, &e);
	if (reaped < 0 && said_anew(&d->pulse.reap_said, e.text))
		log_warning("expired rules could not be taken from the maps: %s", e.text);
	r = d->store ? store_reap(d->store, &stored, &e) : 0;
	if (d->store)
		store_unlock(d->store);
	if (r)
		keep_fault(d, r, &e);
	if (reaped > 0 || stored)
		log_debug("reaped: %d entries of maps, %u of the store", reaped > 0 ? reaped : 0,
			  stored);
	return true;
}

/*
 * Wall times of the store are for after a reboot: the lock of a long import is not waited for, and a store that is away gets them when it
 * is back.
 */
static void pulse_rebase(struct daemon *d)
{
	/* No gate: the kernel's deadline is of the boot clock, and the operator may have braked. */
	struct ruling ruling = {.conf = &d->conf, .store = d->store};
	struct err e = {0};
	int r;

	if (!d->pulse.rebase || !d->store || now_boot_ns() < d->pulse.rebase_ns)
		return;
	r = store_lock(d->store, &e);
	if (!r) {
		r = store_rebase(d->store, &e);
		store_unlock(d->store);
	}
	/* The order to enforce for a time has a wall time too. */
	if (!r)
		r = ruling_apply_mode(&ruling, &e);
	if (!r)
		d->pulse.rebase = false;
	if (!r || r == -EBUSY)
		return;
	/* A disk that is full now is so in a second, and all deadlines are a lot to write in vain. */
	d->pulse.rebase_ns = now_boot_ns() + PULSE_STORE_S * NS_PER_S;
	keep_fault(d, r, &e);
}

/* What could not be done while another process held the store, or there was none. */
static void pulse_settle(struct daemon *d)
{
	struct ruling r = {.conf = &d->conf,
			   .store = d->store,
			   .gate = d->gate,
			   .meanwhile = pulse_meanwhile,
			   .context = d};
	struct pulse *p = &d->pulse;
	struct err e = {0};
	int rc;

	if (!d->rules_owed || !d->store)
		return;
	pulse_beat(d);
	rc = ruling_sync(&r, &e);
	if (rc == 0)
		rc = ruling_apply_mode(&r, &e);
	if (rc == -EBUSY) {
		if (said_anew(&p->owed_said, e.text))
			log_warning("store: %s; its rules and its mode are compared with the "
				    "kernel's as soon as it can be used",
				    e.text);
		return;
	}
	d->rules_owed = false;
	said_settle(&p->owed_said);
	p->rebase |= r.unwritten;
	if (rc && !r.unwritten)
		log_error("the rules of the store are not all in force: %s", e.text);
	else
		log_info("store: its rules and its mode are in force");
}

static void pulse_store(void *context)
{
	struct daemon *d = context;

	if (d->store || !keep_store(d))
		return;
	d->pulse.store_read = false;
	d->rules_owed = true;
	pulse_settle(d);
	pulse_beat(d);
	verdicts_drop_forgotten(d);
	verdicts_restore(d);
}

static void pulse_tick(void *context)
{
	struct daemon *d = context;
	struct pulse *p = &d->pulse;
	uint64_t now = now_boot_ns();

	links_tick(d, now);
	contact_tick(d, now);
	answering_tick(d, now);
	parts_tick(d, now);
	telling_tick(d, now);
	manager_tick(d, now);
	log_tick();
	if (d->store_busy)
		pulse_store(d);
	pulse_settle(d);
	pulse_rebase(d);
	if (d->store && pulse_store_changed(d))
		pulse_find_expiry(d);
	if ((!p->next_expiry_ns || now < p->next_expiry_ns) && now < p->sweep_ns)
		return;
	if (!pulse_reap(d))
		return;
	p->sweep_ns = now + PULSE_SWEEP_S * NS_PER_S;
	if (d->store)
		pulse_find_expiry(d);
	else
		p->next_expiry_ns = 0;
}

/* ---- reconciling ---- */

static void pulse_reconcile(void *context)
{
	struct daemon *d = context;
	struct err e = {0};
	int r;

	pulse_beat(d);
	r = open_reconcile(d->gate, &e);
	if (r < 0 && said_anew(&d->pulse.open_said, e.text))
		log_warning("open connections could not be counted again: %s", e.text);
	else if (r >= 0)
		said_settle(&d->pulse.open_said);
	if (r > 0)
		log_info("open connections: the counts were off by %d and are right again", r);
	/* News can be lost, and resolv.conf sends none: look at everything now and then. */
	links_scan(d);
	own_refresh(d);
	answering_ingress(d);
}

static void pulse_clock_step(void *context)
{
	struct daemon *d = context;

	log_info("the wall clock was set: no rule ends earlier or later for it");
	d->pulse.rebase = true;
	d->pulse.rebase_ns = 0;
	pulse_rebase(d);
}

int pulse_start(struct daemon *d, struct err *e)
{
	static const struct {
		unsigned every_s;
		loop_timer_fn fn;
	} timers[] = {
		{PULSE_ALIVE_EVERY_S, pulse_alive},
		{PULSE_TICK_S, pulse_tick},
		{PULSE_RECONCILE_S, pulse_reconcile},
		{PULSE_STORE_S, pulse_store},
	};
	int r = 0;

	pulse_beat(d);
	telling_tick(d, now_boot_ns());
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]) && !r; i++)
		r = loop_add_timer(d->loop, (uint64_t)timers[i].every_s * MS_PER_S,
				   (uint64_t)timers[i].every_s * MS_PER_S, timers[i].fn, d, NULL);
	if (!r)
		r = loop_add_clock_step(d->loop, pulse_clock_step, d);
	if (r)
		return err_set(e, r, "cannot set a timer: %s", strerror(-r));
	return 0;
}
