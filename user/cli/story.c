/* SPDX-License-Identifier: BSD-2-Clause */
/* The story of an address: see story.h. Told to people from the very objects that --json prints. */
#include "cli/story.h"

#include <stdio.h>
#include <string.h>

#include "base/when.h"
#include "cli/foreign.h"
#include "cli/show.h"
#include "store/bans.h"
#include "store/senders.h"

#define STORY_ENTRIES 10 /* of the journal */

/* ---- reading ---- */

static json_t *classes_row(uint32_t classes)
{
	json_t *list = json_array();

	for (unsigned class_ = 0; class_ < PN_CLASSES; class_++)
		if (classes & (1u << class_))
			json_array_append_new(list, json_string(class_name_of(class_)));
	return list;
}

static json_t *verdict_row(const struct store_verdict *v)
{
	char prefix[PREFIX_TEXT_MAX], addr[ADDR_TEXT_MAX];
	json_t *row = json_object(), *evidence = foreign_evidence(v->evidence);

	json_object_set_new(row, "verdict", json_string(v->listed ? "listed" : "clean"));
	json_object_set_new(row, "prefix", json_string(prefix_format(&v->prefix, prefix)));
	json_object_set_new(row, "addr", json_string(addr_format(&v->addr, addr)));
	json_object_set_new(row, "score", json_integer(v->score));
	json_object_set_new(row, "threshold", json_integer(v->threshold));
	json_object_set_new(row, "classes", classes_row(v->classes));
	json_object_set_new(row, "zone", *v->by ? foreign_text(v->by) : json_null());
	json_object_set_new(row, "text", *v->reason ? foreign_text(v->reason) : json_null());
	json_object_set_new(row, "decided", json_time_wall(v->decided_wall_s));
	json_object_set_new(row, "expires", json_time_boot(v->expires_boot_ns));
	/* Evidence that is none takes nothing from the verdict. */
	json_object_set_new(row, "zones", json_array());
	json_object_set_new(row, "asked", json_null());
	json_object_set_new(row, "rdns", json_null());
	json_object_update(row, evidence);
	json_object_set_new(row, "partial", json_boolean(v->partial));
	json_decref(evidence);
	return row;
}

/* The longest prefix comes first, and decides as it does in the kernel. */
static int verdict_take(void *context, const struct store_verdict *v)
{
	struct story *s = context;

	json_decref(s->dnsbl);
	s->dnsbl = verdict_row(v);
	return 1;
}

/* The one in force, of the longest prefix; else the history of the longest. */
static int ban_take(void *context, const struct store_ban *b)
{
	struct story *s = context;
	char prefix[PREFIX_TEXT_MAX];

	if (json_is_object(s->ban) && !b->expires_boot_ns)
		return 0;
	json_decref(s->ban);
	s->ban = json_object();
	json_object_set_new(s->ban, "prefix", json_string(prefix_format(&b->prefix, prefix)));
	json_object_set_new(s->ban, "level", json_integer(b->level));
	json_object_set_new(s->ban, "offences", json_integer(b->offences));
	json_object_set_new(s->ban, "reason", foreign_text(b->reason));
	json_object_set_new(s->ban, "last", json_time_wall(b->last_wall_s));
	json_object_set_new(s->ban, "until", json_time_boot(b->expires_boot_ns));
	return b->expires_boot_ns != 0;
}

static int delivered_show(void *context, const struct store_sender *sender)
{
	struct story *out = context;

	json_decref(out->delivered);
	out->delivered = json_object();
	json_object_set_new(out->delivered, "messages", json_integer((json_int_t)sender->messages));
	json_object_set_new(out->delivered, "recipients",
			    json_integer((json_int_t)sender->recipients));
	json_object_set_new(out->delivered, "first", json_time_wall(sender->first_wall_s));
	json_object_set_new(out->delivered, "last", json_time_wall(sender->last_wall_s));
	json_object_set_new(out->delivered, "host",
			    sender->host[0] ? foreign_text(sender->host) : json_null());
	return 0;
}

/* By the mail server's log, which the controller follows. */
static int delivered_take(struct store *store, const struct addr *a, struct story *out,
			  struct err *e)
{
	struct prefix host = prefix_of(a, ADDR_BITS);

	return store_each_sender(store, &host, 0, delivered_show, out, e);
}

static int entry_take(void *context, const struct store_entry *entry)
{
	struct story *s = context;

	return json_array_append_new(s->journal, show_entry(entry));
}

void story_read(const struct cli *cli, struct store *store, const struct addr *a, struct story *out)
{
	struct err e = {0};

	*out = (struct story){.dnsbl = json_null(),
			      .ban = json_null(),
			      .delivered = json_null(),
			      .journal = json_array()};
	if (!store)
		return;
	if (store_each_verdict(store, a, verdict_take, out, &e) < 0 ||
	    store_each_ban(store, a, ban_take, out, &e) < 0 ||
	    delivered_take(store, a, out, &e) < 0 ||
	    store_each_entry(store, a, STORY_ENTRIES, entry_take, out, &e) < 0)
		cli_warn(cli, "%s", e.text);
}

void story_free(struct story *s)
{
	json_decref(s->dnsbl);
	json_decref(s->ban);
	json_decref(s->delivered);
	json_decref(s->journal);
}

/* ---- for people ---- */

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void zone_print(const json_t *zone, FILE *out)
{
	const json_t *codes = json_object_get(zone, "codes");
	char ttl[DURATION_TEXT_MAX];

	fprintf(out, "  zone     %s: %s", json_text_of(zone, "zone"),
		json_text_of(zone, "outcome"));
	for (size_t i = 0; i < json_array_size(codes); i++)
		fprintf(out, "%s %s", i ? "," : "", json_string_value(json_array_get(codes, i)));
	fprintf(out, ", %+lld", number_of(zone, "added"));
	if (number_of(zone, "ttl_s"))
		fprintf(out, ", for %s",
			duration_describe((uint64_t)number_of(zone, "ttl_s"), ttl));
	fputc('\n', out);
}

static void rdns_print(const json_t *rdns, FILE *out)
{
	const char *host = json_text_of(rdns, "host"), *result = json_text_of(rdns, "result");

	/* Asked only where the configuration makes something of it. */
	if (!json_is_object(rdns) || strcmp(result, "none") == 0)
		return;
	fprintf(out, "  rdns     %s%s%s%s", *host ? host : result, *host ? ": " : "",
		*host ? result : "",
		json_is_true(json_object_get(rdns, "generic")) ? ", a generic name" : "");
	if (number_of(rdns, "added"))
		fprintf(out, ", %+lld", number_of(rdns, "added"));
	fputc('\n', out);
}

void story_print_dnsbl(const struct story *s, FILE *out)
{
	const json_t *v = s->dnsbl, *zones = json_object_get(v, "zones"),
		     *classes = json_object_get(v, "classes");

	if (!json_is_object(v))
		return;
	fprintf(out, "  dnsbl    %s: score %lld, threshold %lld", json_text_of(v, "verdict"),
		number_of(v, "score"), number_of(v, "threshold"));
	if (json_is_integer(json_object_get(v, "asked")))
		fprintf(out, ", %lld list%s asked", number_of(v, "asked"),
			plural((uint64_t)number_of(v, "asked")));
	fprintf(out, ", for %s", json_text_of(v, "prefix"));
	for (size_t i = 0; i < json_array_size(classes); i++)
		fprintf(out, "%s%s", i ? " and " : " on ports of class ",
			json_string_value(json_array_get(classes, i)));
	fprintf(out, ", since %s, until %s\n", json_text_of(v, "decided"),
		json_text_of(v, "expires"));
	if (json_is_true(json_object_get(v, "partial")))
		fputs("  partial  an answer that was missing could have turned it\n", out);
	for (size_t i = 0; i < json_array_size(zones); i++)
		zone_print(json_array_get(zones, i), out);
	if (json_is_string(json_object_get(v, "text")))
		fprintf(out, "  says     %s: %s\n", json_text_of(v, "zone"),
			json_text_of(v, "text"));
	rdns_print(json_object_get(v, "rdns"), out);
}

void story_print_ban(const struct story *s, FILE *out)
{
	const json_t *b = s->ban;
	const char *until = json_text_of(b, "until");

	if (!json_is_object(b))
		return;
	fprintf(out, "  bans     %lld of %s after %lld offence%s, the last (%s) at %s; %s%s\n",
		number_of(b, "level"), json_text_of(b, "prefix"), number_of(b, "offences"),
		plural((uint64_t)number_of(b, "offences")), json_text_of(b, "reason"),
		json_text_of(b, "last"), *until ? "until " : "none is in force", until);
}

void story_print_delivered(const struct story *s, FILE *out)
{
	const json_t *d = s->delivered;
	const char *host = json_text_of(d, "host");

	if (!json_is_object(d))
		return;
	fprintf(out, "  mail     delivered %lld message%s since %s, the last at %s%s%s\n",
		number_of(d, "messages"), plural((uint64_t)number_of(d, "messages")),
		json_text_of(d, "first"), json_text_of(d, "last"), *host ? ", as " : "", host);
}

void story_print_journal(const struct story *s, FILE *out)
{
	for (size_t i = 0; i < json_array_size(s->journal); i++) {
		const json_t *entry = json_array_get(s->journal, i);

		fprintf(out, "  %s%s %s %s: %s\n", i ? "         " : "journal  ",
			json_text_of(entry, "time"), json_text_of(entry, "what"),
			json_text_of(entry, "prefix"), json_text_of(entry, "text"));
	}
}
