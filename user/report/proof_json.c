/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as JSON Lines: a row for each reason, each source that delivered, each part of the time; a summary as the last. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/version.h"
#include "base/when.h"
#include "report/proof.h"

static json_t *text_of(const char *text)
{
	json_t *value = text && *text ? json_string(text) : NULL;

	return value ? value : json_null();
}

static json_t *number_of(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *reason_row(const struct proof_reason *r)
{
	json_t *details = json_array();

	for (unsigned i = 0; i < r->details; i++)
		json_array_append_new(details, json_pack("{s:s, s:o}", "name", r->detail[i].name,
							 "connections",
							 number_of(r->detail[i].connections)));
	return json_pack("{s:i, s:s, s:s, s:s, s:o, s:i, s:o, s:i, s:o, s:o}", "schema",
			 PROOF_SCHEMA, "row", "reason", "reason", r->name, "kind",
			 proof_kind_name(r->kind), "would", number_of(proof_reason_would(r)),
			 "would_sources", (int)r->sources[0], "refused",
			 number_of(r->connections[1]), "refused_sources", (int)r->sources[1],
			 "judged", number_of(r->judged), "by", details);
}

static json_t *lists_of(const struct proof_source *s)
{
	json_t *lists = json_array();

	for (const char *at = s->lists ? s->lists : ""; *at;) {
		size_t n = strcspn(at, " ");

		json_array_append_new(lists, json_stringn(at, n));
		at += n;
		at += strspn(at, " ");
	}
	return lists;
}

static json_t *signs_of(const struct proof_source *s)
{
	json_t *signs = json_array();

	for (unsigned i = 0; i < STANDING_SIGNS; i++)
		if (s->signs >> i & 1)
			json_array_append_new(signs, json_string(standing_name(1U << i)));
	return signs;
}

/* Each reason's share of what was, or would have been, refused of this source. */
static json_t *shares_of(const struct proof *p, const struct proof_source *s)
{
	json_t *shares = json_array();

	for (unsigned i = 0; i < p->reasons; i++) {
		uint64_t would = proof_share(p, s, i, false), refused = proof_share(p, s, i, true);
		const char *detail = proof_share_detail(p, s, i);

		if (would || refused)
			json_array_append_new(shares,
					      json_pack("{s:s, s:s, s:o, s:o, s:o}", "reason",
							p->reason[i].name, "kind",
							proof_kind_name(p->reason[i].kind), "name",
							text_of(detail), "would", number_of(would),
							"refused", number_of(refused)));
	}
	return shares;
}

static json_t *providers_of(const struct proof *p)
{
	json_t *providers = json_array();

	for (unsigned i = 0; i < p->providers; i++)
		json_array_append_new(providers,
				      json_pack("{s:s, s:i}", "domain", p->provider[i].domain,
						"sources", (int)p->provider[i].sources));
	return providers;
}

static json_t *source_row(const struct proof *p, const struct proof_source *s)
{
	char addr[ADDR_TEXT_MAX], command[PROOF_TEXT_MAX], advice[PROOF_TEXT_MAX];
	json_t *row =
		json_pack("{s:i, s:s, s:s, s:s}", "schema", PROOF_SCHEMA, "row", "source", "source",
			  addr_format(&s->addr, addr), "state", proof_state_name(s->state));
	json_t *domains = json_array();
	bool is_open = s->state == PROOF_LEFT || s->state == PROOF_SUSPECT;

	for (size_t i = 0; i < s->domains && i < PROOF_DOMAINS_SHOWN; i++)
		json_array_append_new(domains, json_string(s->domain[i]));
	proof_advice(p, s, command, advice);
	json_object_set_new(row, "host", text_of(s->host));
	json_object_set_new(row, "messages", number_of(s->messages));
	json_object_set_new(row, "recipients", number_of(s->recipients));
	json_object_set_new(row, "messages_apart", number_of(s->apart));
	json_object_set_new(row, "messages_known", number_of(s->before));
	json_object_set_new(row, "rejected", number_of(s->rejected));
	json_object_set_new(row, "last", json_time_wall(s->last_wall_s));
	json_object_set_new(row, "sender_domains", domains);
	json_object_set_new(row, "would", number_of(s->connections[0]));
	json_object_set_new(row, "refused", number_of(s->connections[1]));
	json_object_set_new(row, "by", shares_of(p, s));
	json_object_set_new(row, "reason", json_string(p->reason[s->reason].name));
	json_object_set_new(row, "kind", json_string(proof_kind_name(p->reason[s->reason].kind)));
	json_object_set_new(row, "lists", lists_of(s));
	json_object_set_new(row, "says", text_of(s->says));
	json_object_set_new(row, "feed", text_of(s->feed));
	json_object_set_new(row, "days", json_integer(s->days));
	json_object_set_new(row, "generic", json_boolean(s->generic));
	json_object_set_new(row, "signs", signs_of(s));
	json_object_set_new(row, "trusted", json_boolean(s->trusted));
	json_object_set_new(row, "allowed", json_boolean(s->allowed));
	json_object_set_new(row, "blocked", json_boolean(s->blocked));
	json_object_set_new(row, "command", is_open ? text_of(command) : json_null());
	json_object_set_new(row, "advice", is_open ? text_of(advice) : json_null());
	return row;
}

static json_t *bucket_row(const struct proof *p, const struct proof_bucket *b)
{
	json_t *refused = json_object();

	for (unsigned i = 0; i < p->reasons; i++)
		if (b->refused[i])
			json_object_set_new(refused, p->reason[i].name, number_of(b->refused[i]));
	return json_pack("{s:i, s:s, s:o, s:i, s:o, s:o, s:o, s:o}", "schema", PROOF_SCHEMA, "row",
			 "time", "from", json_time_wall(b->wall_s), "seconds", (int)p->bucket_s,
			 "connections", number_of(b->all), "refused", refused, "watched_s",
			 number_of(b->watched_s), "monitor_s", number_of(b->monitor_s));
}

static json_t *log_row(const struct proof *p)
{
	static const char *const states[] = {"read", "none", "strange"};

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:b}", "state", states[p->log],
			 "name", text_of(p->log_name), "why", text_of(p->log_why), "first",
			 json_time_wall(p->span.first_wall_s), "last",
			 json_time_wall(p->span.last_wall_s), "lines", number_of(p->span.lines),
			 "understood", number_of(p->span.understood), "skipped_files",
			 (int)p->log_skipped, "cut", p->log_cut);
}

static json_t *summary_row(const struct proof *p)
{
	char text[PROOF_TEXT_MAX], first[PROOF_TEXT_MAX], then[PROOF_TEXT_MAX];
	json_t *row = json_pack("{s:i, s:s, s:s}", "schema", PROOF_SCHEMA, "row", "summary",
				"version", POSTERN_VERSION);

	proof_closing(p, text, first, then);
	json_object_set_new(row, "since", json_time_wall(p->facts.since_wall_s));
	json_object_set_new(row, "until", json_time_wall(p->facts.now_wall_s));
	json_object_set_new(row, "mode", json_string(p->facts.enforcing ? "enforce" : "monitor"));
	json_object_set_new(row, "watched_from", json_time_wall(p->watched_from_s));
	json_object_set_new(row, "watched_s", number_of(p->watched_s));
	json_object_set_new(row, "monitor_s", number_of(p->monitor_s));
	json_object_set_new(row, "connections", number_of(p->all));
	json_object_set_new(row, "would", number_of(p->refused[0]));
	json_object_set_new(row, "would_sources", number_of(p->refused_sources[0]));
	json_object_set_new(row, "refused", number_of(p->refused[1]));
	json_object_set_new(row, "refused_sources", number_of(p->refused_sources[1]));
	json_object_set_new(row, "sources", number_of(p->any_sources));
	json_object_set_new(row, "left", number_of(p->count[PROOF_LEFT]));
	json_object_set_new(row, "suspect", number_of(p->count[PROOF_SUSPECT]));
	json_object_set_new(row, "settled", number_of(p->count[PROOF_SETTLED]));
	json_object_set_new(row, "apart", number_of(p->count[PROOF_APART]));
	json_object_set_new(row, "providers", providers_of(p));
	json_object_set_new(row, "blind_connections", number_of(p->blind_connections));
	json_object_set_new(row, "blind_sources", number_of(p->blind_sources));
	json_object_set_new(row, "log", log_row(p));
	json_object_set_new(row, "verdict", json_string(proof_verdict_name(p->verdict)));
	json_object_set_new(row, "closing", json_string(text));
	json_object_set_new(row, "command", text_of(first));
	json_object_set_new(row, "exit", json_integer(proof_exit(p)));
	return row;
}

int proof_json(const struct proof *p, FILE *out)
{
	int ret = 0;

	for (unsigned i = 0; i < p->reasons && ret == 0; i++)
		ret = json_line(out, reason_row(&p->reason[i]));
	for (size_t i = 0; i < p->told_count && ret == 0; i++)
		ret = json_line(out, source_row(p, p->told[i].source));
	for (size_t i = 0; i < p->buckets && ret == 0; i++)
		ret = json_line(out, bucket_row(p, &p->bucket[i]));
	if (ret == 0)
		ret = json_line(out, summary_row(p));
	return ret == 0 && fflush(out) == EOF ? -errno : ret;
}
