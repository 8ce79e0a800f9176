/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check: the lists' opinion of an address, now. It looks first whether each list is well, as the controller does all the time, so that
 * one that has gone mad counts for nothing here either. What the DNS says is read without privileges: they go before the
 * first question.
 */
#include <stdlib.h>
#include <string.h>

#include "base/drop.h"
#include "base/when.h"
#include "cli/cli.h"
#include "daemon/asking.h"
#include "dns/global.h"

#define FILES_MAX  64 /* c-ares: two for each of eight resolvers; timers; what stands open */
#define CODES_TEXT 128
#define CODE_TEXT  16 /* "127.255.255.255" */

struct check {
	struct cli *cli;
	struct loop *loop;
	struct dns_engine *engine;
	struct dns_question question;
	int status;
};

/* ---- saying ---- */

static const char *code_format(uint32_t code, char buffer[static CODE_TEXT])
{
	snprintf(buffer, CODE_TEXT, "%u.%u.%u.%u", code >> 24, code >> 16 & 0xff, code >> 8 & 0xff,
		 code & 0xff);
	return buffer;
}

static json_t *codes_json(const struct dns_zone_result *z)
{
	json_t *array = json_array();
	char text[CODE_TEXT];

	for (unsigned i = 0; i < z->code_count; i++)
		json_array_append_new(array, json_string(code_format(z->code[i], text)));
	return array;
}

/* For people: as many as have room. */
static json_t *codes_text(const struct dns_zone_result *z)
{
	char text[CODES_TEXT] = "", code[CODE_TEXT];
	size_t at = 0;

	for (unsigned i = 0; i < z->code_count && at + CODE_TEXT < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? " " : "",
				       code_format(z->code[i], code));
	return json_text_or_null(text);
}

static json_t *zone_row(const struct check *c, const struct dns_verdict *v, unsigned i)
{
	const struct dns_zone_result *z = &v->zone[i];
	struct dns_zone_status status;
	bool answered = !outcome_is_failure(z->outcome);

	dns_zone_status(c->engine, i, &status);
	return json_pack(
		"{s:s, s:s, s:o, s:I, s:o, s:o, s:s, s:o, s:o}", "zone", z->zone, "outcome",
		outcome_name(z->outcome), "codes", c->cli->json ? codes_json(z) : codes_text(z),
		"added", (json_int_t)z->added, "ttl_s",
		answered ? json_integer(z->ttl_s) : json_null(), "latency_ms",
		z->code_count || answered ? json_integer(z->latency_ms) : json_null(), "state",
		dns_zone_state_name(status.state), "why", json_text_or_null(z->why ? z->why : ""),
		"text", json_text_or_null(z->text));
}

static json_t *last_row(const struct dns_verdict *v)
{
	struct prefix holds = prefix_of(&v->addr, v->bits);
	char addr[ADDR_TEXT_MAX], prefix[PREFIX_TEXT_MAX];

	return json_pack("{s:s, s:I, s:I, s:s, s:o, s:s, s:i, s:b, s:{s:s, s:o, s:b, s:I}}", "addr",
			 addr_format(&v->addr, addr), "score", (json_int_t)v->score, "threshold",
			 (json_int_t)v->threshold, "verdict", verdict_name(v->verdict), "zone",
			 json_text_or_null(v->named ? v->named->zone : ""), "prefix",
			 prefix_format(&holds, prefix), "ttl_s", (int)v->ttl_s, "partial",
			 v->partial, "rdns", "result", rdns_name(v->rdns), "host",
			 json_text_or_null(v->rdns_host), "generic", v->rdns_generic, "added",
			 (json_int_t)v->rdns_added);
}

static void say_rdns(const struct dns_verdict *v)
{
	const char *host = v->rdns_host;

	switch (v->rdns) {
	case RDNS_PASS:
		printf("reverse DNS: %s, which leads back", host);
		break;
	case RDNS_FAIL:
		printf("reverse DNS: %s, which does not lead back", host);
		break;
	case RDNS_PERMERROR:
		printf("reverse DNS: no name");
		break;
	default:
		printf("reverse DNS: could not be found out");
	}
	printf("%s%s", v->rdns_generic ? "; a generic name" : "", v->rdns_added ? "" : "\n");
	if (v->rdns_added)
		printf("; adds %lld\n", (long long)v->rdns_added);
}

static void say_verdict(const struct dns_verdict *v)
{
	struct prefix holds = prefix_of(&v->addr, v->bits);
	char addr[ADDR_TEXT_MAX], prefix[PREFIX_TEXT_MAX], time[DURATION_TEXT_MAX];

	say_rdns(v);
	printf("%s is %s: score %lld, threshold %lld", addr_format(&v->addr, addr),
	       verdict_name(v->verdict), (long long)v->score, (long long)v->threshold);
	if (v->named)
		printf(", most by %s", v->named->zone);
	if (v->bits != ADDR_BITS)
		printf("; holds for %s", prefix_format(&holds, prefix));
	printf("; for %s\n", duration_describe(v->ttl_s, time));
	if (v->verdict == VERDICT_UNKNOWN)
		puts("an answer that is missing could turn it: it would be let in");
	else if (v->partial)
		puts("a list that is suspended could turn it");
}

static const struct column columns[] = {
	{"zone", "ZONE"},   {"outcome", "OUTCOME"}, {"codes", "CODES"}, {"added", "ADDS"},
	{"ttl_s", "TTL_S"}, {"why", "WHY"},	    {"text", "TEXT"},
};

static void verdict_told(void *context, const struct dns_verdict *v)
{
	struct check *c = context;
	struct cli_list list;

	cli_list_open(&list, c->cli, columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned i = 0; i < v->zone_count; i++)
		if (cli_list_add(&list, zone_row(c, v, i)))
			break;
	c->status = cli_list_close(&list, NULL);
	if (c->cli->json && json_line(stdout, last_row(v)))
		c->status = CLI_FAILED;
	if (!c->cli->json)
		say_verdict(v);
	loop_stop(c->loop);
}

/* ---- asking ---- */

static void zones_probed(void *context)
{
	struct check *c = context;
	struct err e = {0};

	if (dns_ask(c->engine, &c->question, verdict_told, c, &e) == 0)
		return;
	c->status = cli_fail_err(c->cli, CLI_FAILED, &e);
	loop_stop(c->loop);
}

static void warn(const struct check *c, const struct dns_settings *s, const struct zonedata *data)
{
	struct resolver_server server[RESOLVER_SERVERS_MAX];
	unsigned count = resolver_servers(dns_resolver(c->engine), server);
	char addr[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < count; i++) {
		const char *whose = zonedata_public(data, &server[i].addr);

		if (whose)
			cli_warn(c->cli,
				 "the resolver %s is a public one (%s), which many lists refuse to "
				 "answer: run a resolver of your own",
				 addr_format(&server[i].addr, addr), whose);
	}
	if (!asking_can_list(s))
		cli_warn(c->cli, ASKING_LISTS_NOBODY, (long long)s->threshold);
}

static int check_run(struct check *c, const struct dns_settings *s, const struct zonedata *data)
{
	const struct drop drop = {.files = FILES_MAX};
	struct err e = {0};
	int rc = loop_new(&c->loop);

	if (rc)
		err_set(&e, rc, "cannot make an event loop: %s", strerror(-rc));
	else
		rc = dns_open(&c->engine, c->loop, s, &e);
	if (rc == 0) {
		warn(c, s, data);
		rc = drop_privileges(&drop, &e);
	}
	if (rc == 0) {
		rc = dns_probe_zones(c->engine, zones_probed, c);
		if (rc)
			err_set(&e, rc, "cannot ask the lists: %s", strerror(-rc));
	}
	if (rc == 0)
		rc = loop_run(c->loop);
	return rc ? cli_fail_err(c->cli, CLI_FAILED, &e) : c->status;
}

/* Before anything is asked: a question about one of our own addresses would tell our network to the lists. */
static int check_refuse(const struct cli *cli, const struct addr *a)
{
	const char *special = cli->conf.dnsbl.ask_nonglobal ? NULL : global_refuse(a);
	char addr[ADDR_TEXT_MAX];

	if (!special)
		return CLI_DONE;
	return cli_fail(cli, CLI_FAILED, "%s is %s: lists are never asked about those",
			addr_format(a, addr), special);
}

int verb_check(struct cli *cli, const struct sentence *s)
{
	struct check c = {.cli = cli,
			  .status = CLI_FAILED,
			  .question = {.classes = DNS_CLASS_MX, .whole = true}};
	struct dns_settings *settings = NULL;
	struct zonedata *data = NULL;
	struct err e = {0};
	int status;

	if (addr_parse(s->word[0], &c.question.addr, &e))
		return cli_fail(cli, CLI_MISUSED, "check: %s", e.text);
	if (asking_settings(&cli->conf, cli->config_path, &settings, &data, &e))
		return cli_fail_err(cli, CLI_FAILED, &e);
	status = check_refuse(cli, &c.question.addr);
	if (status)
		goto out;
	if (!settings->sites.zone_count)
		status = cli_fail(cli, CLI_FAILED,
				  "no list is configured: dnsbl.sites in %s names those to ask",
				  cli->config_path);
	else
		status = check_run(&c, settings, data);
out:
	dns_close(c.engine);
	loop_free(c.loop);
	zonedata_free(data);
	free(settings);
	return status;
}
