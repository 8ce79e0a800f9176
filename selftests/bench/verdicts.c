/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts per second: the engine of user/dns against a real rbldnsd on loopback, beside dnsperf with the same questions to the
 * same server. The asking program has one core, rbldnsd another. Nothing is remembered on either side, and no budget is in the way.
 * Half of the addresses are listed; about those the engine asks twice, for the address and for the reason.
 */
#include "verdicts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/dns.h"

#define LISTED	     100000U	 /* addresses in the zone */
#define ASKED	     40000U	 /* addresses of one sample: about a second */
#define WINDOW	     1000U	 /* asked about at once: a crowd, as the engine queues it */
#define UNLIMITED    1000000000U /* questions, a second and a day */
#define RATIO_LEAST  0.5	 /* of dnsperf */
#define DNSPERF_RATE "Queries per second:"
#define OUTSTANDING  "100" /* the engine's own bound */
#define TIMEOUT_MS   5000

static struct {
	struct lists lists;
	char queries[64]; /* a file, as dnsperf reads it */
} bed;

/* What the engine asks about the addresses, in the same order but for the reasons, which come a little later there. */
static int queries_write(struct err *e)
{
	char name[NAME_TEXT_MAX];
	FILE *out;

	snprintf(bed.queries, sizeof(bed.queries), "%s/queries", bed.lists.folder);
	out = fopen(bed.queries, "we");
	if (!out)
		return err_set(e, -errno, "cannot write %s: %s", bed.queries, strerror(errno));
	for (uint32_t i = 0; i < ASKED; i++) {
		struct addr a = lists_source(i);

		name_of_listing(&a, false, VERDICTS_ZONE, name);
		fprintf(out, "%s A\n", name);
		if (i % 2 == 0)
			fprintf(out, "%s TXT\n", name);
	}
	return fclose(out) ? err_set(e, -EIO, "cannot write %s", bed.queries) : 0;
}

/* ---- the engine ---- */

static struct asking {
	struct loop *loop;
	struct dns_engine *engine;
	unsigned asked, told, listed, clean;
	struct clocks begin, end;
} asking;

static void ask_next(void);

static void told(void *context, const struct dns_verdict *v)
{
	(void)context;
	asking.told++;
	asking.listed += v->verdict == VERDICT_LISTED;
	asking.clean += v->verdict == VERDICT_CLEAN;
	ask_next();
	if (asking.told == ASKED) {
		asking.end = clocks_now();
		loop_stop(asking.loop);
	}
}

static void ask_next(void)
{
	while (asking.asked < ASKED && asking.asked - asking.told < WINDOW) {
		struct dns_question q = {.addr = lists_source(asking.asked),
					 .classes = DNS_CLASS_MX};

		asking.asked++;
		if (dns_ask(asking.engine, &q, told, NULL, NULL) < 0)
			abort();
	}
}

static void begin(void *context)
{
	(void)context;
	asking.begin = clocks_now();
	ask_next();
}

/* Verdicts per second. */
static int engine_sample(double *rate, double *questions, struct err *e)
{
	static struct dns_settings s;
	struct dns_zone_status status;
	int ret;

	s = (struct dns_settings){.server = {{.port = VERDICTS_PORT}},
				  .server_count = 1,
				  .timeout_ms = TIMEOUT_MS,
				  .threshold = 1,
				  .ask_nonglobal = true,
				  .listed_ttl = {60, 3600},
				  .clean_ttl = {60, 3600},
				  .probe_every_s = 3600,
				  .budget_per_s = UNLIMITED,
				  .budget_per_day = UNLIMITED};
	s.server[0].addr = addr_from_v4((struct in_addr){htonl(INADDR_LOOPBACK)});
	ret = sites_add(&s.sites, VERDICTS_ZONE, e);
	if (ret < 0)
		return ret;
	strcpy(s.reply_name[0], s.sites.zone[0]);
	memset(&asking, 0, sizeof(asking));
	ret = loop_new(&asking.loop);
	if (ret < 0)
		return err_set(e, ret, "no event loop: %s", strerror(-ret));
	ret = dns_open(&asking.engine, asking.loop, &s, e);
	if (ret == 0)
		ret = loop_add_timer(asking.loop, 0, 0, begin, NULL, NULL);
	if (ret == 0)
		ret = loop_run(asking.loop);
	if (ret == 0) {
		dns_zone_status(asking.engine, 0, &status);
		*rate = ASKED / ((asking.end.wall_ns - asking.begin.wall_ns) / 1e9);
		*questions = *rate * (double)status.asked / ASKED;
		if (asking.listed != ASKED / 2 || asking.clean != ASKED / 2)
			ret = err_set(e, -EPROTO, "of %u verdicts %u are listed and %u clean",
				      ASKED, asking.listed, asking.clean);
	}
	dns_close(asking.engine);
	loop_free(asking.loop);
	return ret;
}

/* ---- dnsperf ---- */

static int dnsperf_sample(double *questions, struct err *e)
{
	char port[8];
	const char *const dnsperf[] = {"dnsperf",   "-s", "127.0.0.1", "-p", port, "-d",
				       bed.queries, "-n", "1",	       "-c", "1",  "-T",
				       "1",	    "-q", OUTSTANDING, "-e", NULL};
	struct used used;
	const char *at;
	int ret;

	snprintf(port, sizeof(port), "%d", VERDICTS_PORT);
	ret = command_run(dnsperf, NULL, &used, e);
	if (ret)
		return ret;
	at = strstr(used.said, DNSPERF_RATE);
	if (!at)
		return err_set(e, -EPROTO, "dnsperf does not say its rate");
	*questions = strtod(at + strlen(DNSPERF_RATE), NULL);
	return 0;
}

/* ---- the whole ---- */

static void rate_report(struct report *r, const char *who, const double *verdicts,
			const double *questions, unsigned rounds)
{
	json_array_append_new(
		r->dns, json_pack("{ss so sf}", "who", who, "verdicts_per_s",
				  verdicts ? json_real(median(verdicts, rounds)) : json_null(),
				  "questions_per_s", median(questions, rounds)));
}

static int rounds_measure(struct report *report, struct err *e)
{
	double verdicts[ROUNDS], questions[ROUNDS], peer[ROUNDS], ratio[ROUNDS],
		begin_ns = clocks_now().wall_ns;
	unsigned n = 0;
	int ret = 0;

	for (; ret == 0 && n < ROUNDS && !is_time_up(begin_ns, n); n++) {
		ret = engine_sample(&verdicts[n], &questions[n], e);
		if (ret == 0)
			ret = dnsperf_sample(&peer[n], e);
		ratio[n] = verdicts[n] / peer[n];
	}
	if (ret)
		return ret;
	rate_report(report, "the engine", verdicts, questions, n);
	rate_report(report, "dnsperf, the same questions", NULL, peer, n);
	report_bound(report, "verdicts per second, of dnsperf's questions", median(ratio, n), 0,
		     RATIO_LEAST);
	return 0;
}

static int verdicts_inside(struct report *report, struct err *e)
{
	int ret = lists_open(&bed.lists, LISTED, e);

	if (!ret)
		ret = queries_write(e);
	if (!ret)
		ret = rounds_measure(report, e);
	lists_close(&bed.lists);
	if (ret != -ENOENT)
		return ret;
	report_skip(report, "verdicts per second", e->text);
	return 0;
}

int verdicts_measure(struct report *report, struct err *e)
{
	int before = netns_own(), netns = netns_make(e), ret = core_pin(e);

	if (netns < 0 || before < 0)
		return -EPERM;
	netns_enter(netns);
	if (!ret)
		ret = verdicts_inside(report, e);
	netns_enter(before);
	close(netns);
	close(before);
	return ret;
}
