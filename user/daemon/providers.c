/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of the controller that looks after trusted providers: see providers.h. At the start and after a reload the networks that the
 * store has are in force at once, before the DNS is asked.
 */
#include "daemon/providers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/when.h"
#include "daemon/asking.h"
#include "daemon/child.h"
#include "daemon/facts.h"
#include "daemon/state.h"

#define READER_SAYS (1U << MESSAGE_PROVIDER)
/* Own addresses come and go, and send no news to here. */
#define APPLY_EVERY_NS	 (30 * NS_PER_S)
#define SERVERS_EVERY_NS (30 * NS_PER_S) /* resolv.conf sends none either */
#define WRITE_LEAST_NS	 (1 * NS_PER_S)	 /* for people who look: often enough */
#define WRITE_MOST_NS	 (5 * NS_PER_S)	 /* so that an old file is known for one */

/* ---- the store ---- */

static int store_ask(struct store *s, struct provider *one, struct err *e)
{
	struct store_provider found;
	int rc = store_get_provider(s, one->kept.domain, &found, e);

	if (rc && rc != -ENOENT)
		return rc;
	if (rc == 0) {
		one->kept = found;
		/* What was believed without it is judged beside it. */
		one->waiting |= one->blind;
	}
	one->blind = false;
	one->known = true;
	return 0;
}

/* What it has of those that are asked about, once it can be had; what was there before a reload is newer. */
static void store_restore(struct providers *p)
{
	const char *domains[CONF_PROVIDERS_MAX];
	struct store *s = p->d->store;
	struct err e = {0};
	bool news = false;
	int rc = 0;

	if (p->restored || !s)
		return;
	for (unsigned i = 0; i < p->count && rc == 0; i++) {
		struct provider *one = &p->list[i];

		domains[i] = one->kept.domain;
		if (one->known)
			continue;
		rc = store_ask(s, one, &e);
		news |= one->known;
	}
	if (rc == 0)
		rc = store_keep_providers(s, domains, p->count, &e);
	p->restored = rc == 0;
	if (rc && rc != -EBUSY)
		keep_fault(p->d, rc, &e);
	/* Whoever asked applies what is overdue, with all else that is new. */
	p->overdue |= news;
	for (unsigned i = 0; i < p->count; i++)
		provider_take_waiting(p, &p->list[i]);
}

static void store_write(struct providers *p)
{
	struct err e = {0};
	int rc = 0;

	for (unsigned i = 0; i < p->count && rc == 0 && p->d->store; i++) {
		if (!p->list[i].dirty)
			continue;
		rc = store_put_provider(p->d->store, &p->list[i].kept, &e);
		p->list[i].dirty = rc != 0;
	}
	if (rc && rc != -EBUSY) /* somebody else is at it: it can wait */
		keep_fault(p->d, rc, &e);
}

/* ---- from the reader ---- */

static void part_came(struct providers *p, const struct message_provider *m)
{
	struct provider *one = &p->list[m->provider];

	if (m->part == 0) {
		one->parts = one->part_count = 0;
		one->waiting = one->blind = false;
	}
	if (m->part != one->parts || one->part_count + m->count > m->total ||
	    (m->count && one->part_count &&
	     prefix_compare(&one->part[one->part_count - 1], &m->network[0]) >= 0)) {
		log_warning(
			"provider %s: its networks came in pieces that do not fit; they are not "
			"taken",
			one->kept.domain);
		one->parts = UINT32_MAX; /* until a first part comes */
		return;
	}
	memcpy(one->part + one->part_count, m->network, m->count * sizeof(m->network[0]));
	one->part_count += m->count;
	one->parts++;
	if (one->parts == m->parts && one->part_count == m->total)
		provider_take(p, one, m);
}

static void reader_says(void *context, const union message *m)
{
	struct providers *p = context;

	if (m->provider.provider < p->count)
		part_came(p, &m->provider);
}

/* What was begun is not ended by another child. */
static void reader_gone(void *context)
{
	struct providers *p = context;

	for (unsigned i = 0; i < p->count; i++)
		p->list[i].parts = UINT32_MAX;
}

static int reader_prepare(void *context, const void **settings, size_t *length, int *extra,
			  struct err *e)
{
	struct providers *p = context;

	(void)e;
	*settings = &p->settings;
	*length = sizeof(p->settings);
	*extra = -1;
	return 0;
}

static int reader_start(struct providers *p, struct err *e)
{
	static const struct child_calls calls = {reader_prepare, reader_says, reader_gone};

	return child_open(&p->child, p->d->loop, p->d->nursery, CHILD_PROVIDERS, READER_SAYS,
			  &calls, p, e);
}

/* ---- settings ---- */

/* True when others than before are to be asked. Where nobody can be had, those of before stay. */
static int servers_take(const struct daemon *d, struct provider_settings *s, bool *changed,
			struct err *e)
{
	struct resolver_server server[RESOLVER_SERVERS_MAX];
	unsigned count;
	int rc;

	memset(server, 0, sizeof(server)); /* to be compared as bytes */
	rc = asking_servers(&d->conf, d->config_path, server, &count, e);
	*changed = rc == 0 &&
		   (count != s->server_count || memcmp(server, s->server, sizeof(server)) != 0);
	if (*changed) {
		memcpy(s->server, server, sizeof(server));
		s->server_count = count;
	}
	return rc;
}

static int settings_read(const struct daemon *d, struct provider_settings *s, struct err *e)
{
	bool changed;

	s->timeout_ms = asking_timeout_ms(&d->conf);
	s->domain_count = d->conf.trust_spf_count;
	memset(s->domain, 0, sizeof(s->domain));
	for (unsigned i = 0; i < s->domain_count; i++)
		snprintf(s->domain[i], sizeof(s->domain[0]), "%s", d->conf.trust_spf[i].text);
	return servers_take(d, s, &changed, e);
}

static const struct provider *provider_find(const struct provider *list, unsigned count,
					    const char *domain)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(list[i].kept.domain, domain) == 0)
			return &list[i];
	return NULL;
}

static void dismissed_say(const struct providers *p, const struct provider *next, unsigned count)
{
	for (unsigned i = 0; i < p->count; i++) {
		const char *domain = p->list[i].kept.domain;

		if (provider_find(next, count, domain))
			continue;
		log_info("provider %s: taken out of trust_spf, and trusted no more", domain);
		recording_entry(p->d->contact.recording, PROVIDER_JOURNAL, NULL,
				"%s: taken out of trust_spf, and trusted no more", domain);
	}
}

/* The list by the settings: who was there before is taken over with all that is known of him. */
static int list_make(struct providers *p, struct err *e)
{
	const struct provider_settings *s = &p->settings;
	struct provider *list = calloc(s->domain_count + 1, sizeof(*list));

	if (!list)
		return err_set(e, -ENOMEM, "no memory for providers");
	for (unsigned i = 0; i < s->domain_count; i++) {
		const struct provider *before = provider_find(p->list, p->count, s->domain[i]);

		memcpy(list[i].kept.domain, s->domain[i], sizeof(list[i].kept.domain));
		if (before)
			list[i] = *before;
		list[i].parts = UINT32_MAX;
	}
	dismissed_say(p, list, s->domain_count);
	free(p->list);
	p->list = list;
	p->count = s->domain_count;
	p->restored = false; /* of new ones it may know; those that are gone go there too */
	return 0;
}

/* Where the configuration names no resolver, /etc/resolv.conf may name another one than before. */
static void servers_follow(struct providers *p)
{
	struct err e = {0};
	bool changed;

	if (servers_take(p->d, &p->settings, &changed, &e) == 0)
		(void)said_settle(&p->servers_said);
	else if (said_anew(&p->servers_said, e.text))
		log_warning("providers: %s", e.text);
	if (changed)
		child_renew(p->child);
}

/* ---- life ---- */

static void providers_close(struct daemon *d)
{
	struct providers *p = d->providers;

	if (!p)
		return;
	child_close(p->child);
	store_write(p);
	free(p->list);
	free(p);
	d->providers = NULL;
}

static int providers_open(struct daemon *d, struct err *e)
{
	struct providers *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(e, -ENOMEM, "no memory for providers");
	p->d = d;
	d->providers = p;
	rc = settings_read(d, &p->settings, e);
	/* Without a resolver what is known holds, and one may come. */
	if (rc && p->settings.domain_count)
		log_warning("providers: %s; the networks that are known are trusted", e->text);
	rc = list_make(p, e);
	if (rc == 0 && p->count)
		rc = reader_start(p, e);
	if (rc) {
		providers_close(d);
		return rc;
	}
	store_restore(p);
	providers_apply(p);
	return 0;
}

static void providers_reload(struct daemon *d)
{
	struct providers *p = d->providers;
	struct provider_settings before = p->settings;
	struct err e = {0};

	if (settings_read(d, &p->settings, &e))
		log_warning("providers: %s", e.text);
	if (memcmp(&before, &p->settings, sizeof(before)) != 0) {
		if (list_make(p, &e)) {
			log_error("%s: they stay as they were", e.text);
			p->settings = before;
			return;
		}
		if (!p->count) {
			child_close(p->child);
			p->child = NULL;
		} else if (p->child) {
			child_renew(p->child);
		} else if (reader_start(p, &e)) {
			log_error("providers: %s", e.text);
		}
	}
	store_restore(p);
	providers_apply(p);
}

static void providers_gate_changed(struct daemon *d)
{
	d->providers->gate_seen = false;
	providers_apply(d->providers);
}

/* A command has changed a rule: an allow that came or went. */
static bool rules_changed(struct providers *p)
{
	int64_t version = p->store_version;

	if (!p->d->store || store_get_version(p->d->store, &version, NULL) ||
	    version == p->store_version)
		return false;
	p->store_version = version;
	return true;
}

static void providers_tick(struct daemon *d, uint64_t now_ns)
{
	struct providers *p = d->providers;

	if (!p->count && p->restored && !p->changed && !p->overdue)
		return;
	if (p->child && !d->conf.resolver_count && now_ns - p->servers_ns >= SERVERS_EVERY_NS) {
		servers_follow(p);
		p->servers_ns = now_ns;
	}
	store_restore(p);
	for (unsigned i = 0; i < p->count; i++) {
		provider_take_waiting(p, &p->list[i]);
		provider_expire(p, &p->list[i]);
	}
	store_write(p);
	if (rules_changed(p) || p->overdue || (p->expiry_ns && now_ns >= p->expiry_ns) ||
	    now_ns - p->applied_ns >= APPLY_EVERY_NS)
		providers_apply(p);
	if ((p->changed && now_ns - p->written_ns >= WRITE_LEAST_NS) ||
	    (p->count && now_ns - p->written_ns >= WRITE_MOST_NS)) {
		facts_write_providers(d);
		p->changed = false;
		p->written_ns = now_ns;
	}
}

const struct part providers_part = {
	.name = "providers",
	.lost = "no provider is trusted anew",
	.open = providers_open,
	.close = providers_close,
	.reload = providers_reload,
	.gate_changed = providers_gate_changed,
	.tick = providers_tick,
};
