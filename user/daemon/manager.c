/* SPDX-License-Identifier: BSD-2-Clause */
/* What a service manager is told: see manager.h. */
#include "daemon/manager.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/when.h"
#include "base/words.h"
#include "daemon/notify.h"
#include "daemon/state.h"
#include "daemon/telling.h"

#define STATUS_LEAST_NS (2 * NS_PER_S) /* between two lines: they are for people who look */
#define LINKS_TEXT_MAX	256	       /* a status is one line of `systemctl status` */
#define US_PER_MS	1000
#define NS_PER_US	1000
#define MESSAGE_MAX	(MANAGER_STATUS_MAX + 64)

/* ---- the watchdog ---- */

/* The loop runs, or this would not be called. The gate is well when the kernel takes us for alive and its pins are there. */
static bool is_well(const struct daemon *d)
{
	return d->gate && gate_conf(d->gate)->alive_until > now_boot_ns() && !d->pulse.missing;
}

static void on_watchdog(void *context)
{
	if (is_well(context))
		notify_send("WATCHDOG=1");
}

/* sd_watchdog_enabled(3): the interval, for the process that is named, if one is. */
static uint64_t watchdog_us(void)
{
	const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	unsigned long long us;

	if (!interval || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	us = strtoull(interval, &end, 10);
	return end == interval || *end || us > UINT64_MAX / NS_PER_US ? 0 : us;
}

int manager_open(struct daemon *d, struct err *e)
{
	uint64_t us = watchdog_us(), half_ms = us / 2 / US_PER_MS;
	int r;

	if (!us)
		return 0;
	if (!half_ms)
		half_ms = 1;
	r = loop_add_timer(d->loop, half_ms, half_ms, on_watchdog, d, NULL);
	if (r)
		return err_set(e, r, "cannot set a timer for the watchdog: %s", strerror(-r));
	return 0;
}

/* ---- the status ---- */

static void status_make(const struct daemon *d, uint64_t now_ns, char *text, size_t size)
{
	unsigned listed = d->contact.listings ? listings_count(d->contact.listings) : 0;
	char links[LINKS_TEXT_MAX], mode[TELLING_MODE_MAX];

	snprintf(text, size, "%s, guarding %s, %u rule%s, %u listed%s",
		 telling_mode_text(telling_mode(d, now_ns), mode),
		 links_describe(&d->links, links, sizeof(links)), d->pulse.rules,
		 plural(d->pulse.rules), listed,
		 d->store ? "" : "; the store cannot be used: new rules are not kept");
}

void manager_ready(struct daemon *d)
{
	char message[MESSAGE_MAX];
	struct manager *m = &d->manager;

	m->status_ns = now_boot_ns();
	telling_tick(d, m->status_ns);
	status_make(d, m->status_ns, m->status, sizeof(m->status));
	snprintf(message, sizeof(message), "READY=1\nMAINPID=%d\nSTATUS=%s", (int)getpid(),
		 m->status);
	notify_send(message);
}

static void status_tell(struct daemon *d, uint64_t now_ns)
{
	char text[MANAGER_STATUS_MAX], message[MESSAGE_MAX];
	struct manager *m = &d->manager;

	if (now_ns - m->status_ns < STATUS_LEAST_NS)
		return;
	status_make(d, now_ns, text, sizeof(text));
	if (strcmp(text, m->status) == 0)
		return;
	memcpy(m->status, text, sizeof(m->status));
	m->status_ns = now_ns;
	snprintf(message, sizeof(message), "STATUS=%s", text);
	notify_send(message);
}

void manager_tick(struct daemon *d, uint64_t now_ns)
{
	status_tell(d, now_ns);
}

void manager_stopping(int code, const char *why)
{
	char message[MESSAGE_MAX + ERR_TEXT_MAX];

	snprintf(message, sizeof(message), "STOPPING=1");
	if (code)
		snprintf(message, sizeof(message), "STOPPING=1\nERRNO=%d\nSTATUS=%s", -code, why);
	notify_send(message);
}
