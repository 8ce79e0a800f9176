/* SPDX-License-Identifier: BSD-2-Clause */
/* Files for people and commands in the run directory: see facts.h. */
#include "daemon/facts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/when.h"
#include "daemon/feeding.h"
#include "daemon/following.h"
#include "daemon/meter.h"
#include "daemon/providers.h"
#include "daemon/state.h"
#include "policy/provider.h"

#define FACTS_MODE 0600
#define NEW_SUFFIX ".new"

/* A file that cannot be written is no reason to stop: whoever reads it sees by its time that it is old. */
static void file_replace(const struct daemon *d, const char *name, const char *text, size_t length)
{
	char path[INSTANCE_PATH_MAX], fresh[INSTANCE_PATH_MAX + sizeof(NEW_SUFFIX)];
	int fd;
	bool whole;

	instance_path(d->conf.instance, name, path);
	snprintf(fresh, sizeof(fresh), "%s" NEW_SUFFIX, path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FACTS_MODE);
	if (fd < 0)
		return;
	whole = write(fd, text, length) == (ssize_t)length;
	close(fd);
	if (!whole || rename(fresh, path))
		unlink(fresh);
}

static void lines_write(const struct daemon *d, const char *name,
			void (*fn)(const struct daemon *d, FILE *out))
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return;
	fn(d, out);
	if (fclose(out) == 0)
		file_replace(d, name, text, length);
	free(text);
}

static json_t *updated_json(void)
{
	char text[WHEN_TEXT_MAX];

	return json_string(when_format(now_wall_s(), text));
}

static void zones_print(const struct daemon *d, FILE *out)
{
	const struct contact *c = &d->contact;
	unsigned count = c->settings ? c->settings->sites.zone_count : 0;

	for (unsigned i = 0; i < count; i++) {
		const struct message_zone *z = &c->zone[i];

		if (!z->head.type) /* not tested yet */
			continue;
		json_line(out,
			  json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "zone",
				    c->settings->reply_name[i], "state",
				    dns_zone_state_name(z->state), "why", z->why, "asked",
				    (json_int_t)z->asked, "listed", (json_int_t)z->listed, "errors",
				    (json_int_t)z->errors, "latency_ms", (json_int_t)z->latency_ms,
				    "over_budget", (json_int_t)z->over_budget));
	}
	json_line(out, json_pack("{s:o}", "updated", updated_json()));
}

void facts_write_zones(struct daemon *d)
{
	lines_write(d, INSTANCE_ZONES, zones_print);
}

static const char *child_state(const struct measure *m, enum measure_child child)
{
	static const char *const names[] = {
		[MEASURE_OFF] = "off", [MEASURE_DOWN] = "down", [MEASURE_UP] = "up"};

	return names[m->child[child].state];
}

static json_t *child_row(const struct measure *m, enum measure_child child)
{
	return json_pack("{s:s, s:I}", "state", child_state(m, child), "deaths",
			 (json_int_t)m->child[child].deaths);
}

static void children_print(const struct daemon *d, FILE *out)
{
	struct measure *m = calloc(1, sizeof(*m));
	const struct reply_status *s;
	json_t *row, *responder;

	if (!m)
		return;
	meter_tell(d, m);
	s = &m->responder;
	responder = child_row(m, MEASURE_RESPONDER);
	json_object_set_new(responder, "accepted", json_integer((json_int_t)s->accepted));
	json_object_set_new(responder, "refused", json_integer((json_int_t)s->refused));
	json_object_set_new(responder, "open", json_integer((json_int_t)s->open));
	json_object_set_new(responder, "turned_away", json_integer((json_int_t)s->turned_away));
	row = json_pack("{s:o, s:o, s:o}", "resolver", child_row(m, MEASURE_RESOLVER), "responder",
			responder, "meter", child_row(m, MEASURE_METER));
	json_object_set_new(row, "providers", child_row(m, MEASURE_PROVIDERS));
	json_object_set_new(row, "mail_log", following_row(d));
	json_object_set_new(row, "vitals",
			    json_pack("{s:o, s:o, s:b}", "started",
				      json_time_wall(m->started_wall_s), "reloaded",
				      json_time_wall(m->reloaded_wall_s), "reload_failed",
				      (int)m->reload_failed));
	json_object_set_new(row, "updated", updated_json());
	json_line(out, row);
	free(m);
}

void facts_write_children(struct daemon *d)
{
	lines_write(d, INSTANCE_CHILDREN, children_print);
}

static void feeds_print(const struct daemon *d, FILE *out)
{
	feeding_print(d, out);
	json_line(out, json_pack("{s:o}", "updated", updated_json()));
}

void facts_write_feeds(struct daemon *d)
{
	lines_write(d, INSTANCE_FEEDS, feeds_print);
}

void facts_write_reload(const struct daemon *d, const json_t *changes, const char *fault,
			uint32_t number)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return;
	for (size_t i = 0; i < json_array_size(changes); i++)
		json_line(out, json_incref(json_array_get(changes, i)));
	json_line(out, json_pack("{s:I, s:s, s:s?, s:o}", "reload", (json_int_t)number, "file",
				 d->config_path, "fault", fault, "updated", updated_json()));
	if (fclose(out) == 0)
		file_replace(d, INSTANCE_RELOAD, text, length);
	free(text);
}

static void providers_print(const struct daemon *d, FILE *out)
{
	const struct providers *p = d->providers;

	for (unsigned i = 0; i < p->count; i++) {
		const struct provider *one = &p->list[i];
		const struct provider_set set = {one->kept.network, one->kept.count};
		struct provider_size size = provider_measure(&set);
		char read[WHEN_TEXT_MAX] = "";

		if (one->kept.read_wall_s)
			when_format(one->kept.read_wall_s, read);
		json_line(out, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "domain",
					 one->kept.domain, "state", provider_state_name(one->state),
					 "why", one->why, "note", one->note, "read", read,
					 "networks", (json_int_t)one->kept.count, "addresses",
					 (json_int_t)size.v4, "subnets6", (json_int_t)size.v6,
					 "in_gate", (json_int_t)one->fitting));
	}
	json_line(out, json_pack("{s:o}", "updated", updated_json()));
}

void facts_write_providers(struct daemon *d)
{
	lines_write(d, INSTANCE_PROVIDERS, providers_print);
}

void facts_remove(struct daemon *d)
{
	static const char *const names[] = {INSTANCE_ZONES, INSTANCE_CHILDREN, INSTANCE_PROVIDERS,
					    INSTANCE_FEEDS, INSTANCE_RELOAD};
	char path[INSTANCE_PATH_MAX];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(instance_path(d->conf.instance, names[i], path));
}
