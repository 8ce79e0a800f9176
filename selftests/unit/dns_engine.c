/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine against a server of the DNS in the same event loop, which answers by the zone's name and remembers what it was asked:
 * merging, bounds, budgets, and the watch over zones that go bad while it runs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/dns.h"
#include "tap.h"

#define MESSAGE_MAX 1500
#define HELD_MAX    4096
#define SOURCES	    20000 /* strangers at once: a large botnet's */
#define TOO_LONG_MS 20000

/* ---- the server ---- */

struct held {
	struct sockaddr_in peer;
	uint8_t bytes[MESSAGE_MAX];
	size_t length;
};

struct server {
	int fd;
	bool mad;   /* lists the world */
	bool holds; /* answers in bunches, to see how many are under way */
	bool dumb;
	struct held *held;
	unsigned held_count, held_most;
	unsigned asked, asked_a, asked_text; /* probes and all; about strangers alone */
};

static struct loop *loop;
static struct server server;
static struct dns_engine *engine;

/* "4.3.2.1.bl.test" as octets of the address, and the zone's first letter. */
static void question_read(const uint8_t *bytes, unsigned octet[4], char *zone, unsigned *type)
{
	const uint8_t *at = bytes + 12;

	for (unsigned i = 0; i < 4; i++) {
		octet[3 - i] = 0;
		for (unsigned k = 1; k <= at[0]; k++)
			octet[3 - i] = octet[3 - i] * 10 + (at[k] - '0');
		at += at[0] + 1;
	}
	*zone = (char)at[1];
	while (*at)
		at += at[0] + 1;
	*type = (unsigned)(at[1] << 8 | at[2]);
}

/* Listed by "b...": 127.0.0.2 and every address that ends in .7. By "w..." (allow list): 127.0.0.2 alone. */
static bool is_listed(const unsigned octet[4], char zone)
{
	if (octet[0] == 127)
		return octet[3] == 2 || (server.mad && zone == 'b');
	return zone == 'b' && (octet[3] == 7 || server.mad);
}

static void answer(struct held *h)
{
	static const uint8_t record[] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 2, 0, 0, 4, 127, 0, 0, 2},
			     text[] = {0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 2, 0, 0, 4, 3, 'w', 'h', 'y'};
	unsigned octet[4], type;
	char zone;

	question_read(h->bytes, octet, &zone, &type);
	/* What stands behind the question is the EDNS record: it goes, with its count. */
	h->length = 12;
	while (h->bytes[h->length])
		h->length += h->bytes[h->length] + 1U;
	h->length += 5;
	memset(h->bytes + 6, 0, 6);
	h->bytes[2] |= 0x80;
	h->bytes[3] = 0x80;
	if (is_listed(octet, zone)) {
		h->bytes[7] = 1;
		memcpy(h->bytes + h->length, type == RECORD_TXT ? text : record, sizeof(record));
		h->length += sizeof(record);
	} else {
		h->bytes[3] |= 3;
	}
	(void)sendto(server.fd, h->bytes, h->length, 0, (struct sockaddr *)&h->peer,
		     sizeof(h->peer));
}

static void held_answer(void *context)
{
	(void)context;
	for (unsigned i = 0; i < server.held_count; i++)
		answer(&server.held[i]);
	server.held_count = 0;
}

static void asked(void *context, int fd, uint32_t events)
{
	(void)context;
	(void)events;
	for (;;) {
		struct held *h = &server.held[server.held_count];
		socklen_t size = sizeof(h->peer);
		ssize_t n = recvfrom(fd, h->bytes, sizeof(h->bytes), MSG_DONTWAIT,
				     (struct sockaddr *)&h->peer, &size);
		unsigned octet[4], type;
		char zone;

		if (n < 17)
			return;
		question_read(h->bytes, octet, &zone, &type);
		server.asked++;
		server.asked_a += octet[0] == 198 && type == RECORD_A;
		server.asked_text += type == RECORD_TXT;
		if (server.dumb)
			continue;
		if (server.held_count + 1 > server.held_most)
			server.held_most = server.held_count + 1;
		if (server.holds && server.held_count + 1 < HELD_MAX)
			server.held_count++;
		else
			answer(h);
	}
}

static bool server_open(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);

	memset(&server, 0, sizeof(server));
	server.held = calloc(HELD_MAX, sizeof(*server.held));
	server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!server.held || server.fd < 0 ||
	    bind(server.fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    getsockname(server.fd, (struct sockaddr *)&at, &size) < 0)
		return false;
	*port = ntohs(at.sin_port);
	return loop_add_fd(loop, server.fd, EPOLLIN, asked, NULL, NULL) == 0;
}

/* ---- the engine ---- */

static void too_long(void *context)
{
	(void)context;
	EXPECT(false, "nothing has happened for %d ms", TOO_LONG_MS);
	loop_stop(loop);
}

static bool begin(struct dns_settings *s, const char *sites)
{
	memset(s, 0, sizeof(*s));
	s->threshold = 3;
	s->timeout_ms = 400;
	s->probe_every_s = 300;
	s->ask_nonglobal = true;
	s->listed_ttl = s->clean_ttl = (struct ttl_clamp){60, 3600};
	s->budget_per_s = s->budget_per_day = s->unproven_per_s = 1000000;
	s->server_count = 1;
	s->server[0].addr = addr_from_v4((struct in_addr){htonl(INADDR_LOOPBACK)});
	if (loop_new(&loop) < 0 || !server_open(&s->server[0].port) ||
	    sites_add(&s->sites, sites, NULL) < 0)
		return false;
	for (unsigned i = 0; i < s->sites.zone_count; i++)
		memcpy(s->reply_name[i], s->sites.zone[i], sizeof(s->reply_name[i]));
	return loop_add_timer(loop, TOO_LONG_MS, 0, too_long, NULL, NULL) == 0 &&
	       dns_open(&engine, loop, s, NULL) == 0;
}

static void end(void)
{
	dns_close(engine);
	close(server.fd);
	free(server.held);
	loop_free(loop);
}

static struct dns_settings settings;

/* What came back. */
static unsigned told, told_by[VERDICT_UNKNOWN + 1], wanted, spent;
static struct dns_verdict last;
static char last_text[DNS_TEXT_MAX];

static void verdict_told(void *context, const struct dns_verdict *v)
{
	(void)context;
	told++;
	told_by[v->verdict]++;
	spent += v->spent;
	last = *v;
	snprintf(last_text, sizeof(last_text), "%s", v->named ? v->named->text : "");
	if (told == wanted)
		loop_stop(loop);
}

static void expect_verdicts(unsigned count)
{
	memset(told_by, 0, sizeof(told_by));
	told = spent = 0;
	wanted = count;
}

static int ask(uint32_t host_order, bool unproven, bool known)
{
	struct dns_question q = {.addr = addr_from_v4((struct in_addr){htonl(host_order)}),
				 .classes = DNS_CLASS_MX,
				 .unproven = unproven,
				 .known = known};

	return dns_ask(engine, &q, verdict_told, NULL, NULL);
}

#define STRANGER(c, d) (198U << 24 | 18U << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

TEST(engine_answers_with_zone_reason_and_lifetime)
{
	ENSURE(begin(&settings, "bl.test*3"), "begin");
	expect_verdicts(1);
	ENSURE(ask(STRANGER(0, 7), false, false) == 0 && !told,
	       "asked, and not answered from within");
	loop_run(loop);
	EXPECT(last.verdict == VERDICT_LISTED && last.score == 3 && last.classes == DNS_CLASS_MX,
	       "%s, score %lld", verdict_name(last.verdict), (long long)last.score);
	EXPECT(!strcmp(last_text, "why") && last.ttl_s == 512, "%s, %u s", last_text, last.ttl_s);
	EXPECT(server.asked == 2, "%u questions: the zone, and its reason", server.asked);
	end();
}

TEST(engine_merges_questions_about_one_source)
{
	ENSURE(begin(&settings, "bl.test*3"), "begin");
	expect_verdicts(100);
	for (unsigned i = 0; i < 100; i++)
		ENSURE(ask(STRANGER(0, 9), false, false) == 0, "ask");
	loop_run(loop);
	EXPECT(told_by[VERDICT_CLEAN] == 100 && server.asked == 1, "%u told by %u questions",
	       told_by[VERDICT_CLEAN], server.asked);
	end();
}

/* What the crowd is for: none is lost, and the resolver's queue stays short enough for none to be dropped. */
TEST(engine_serves_a_crowd_without_loss)
{
	struct loop_source *timer;

	ENSURE(begin(&settings, "bl.test*3 wl.test*-1"), "begin");
	server.holds = true;
	ENSURE(loop_add_timer(loop, 1, 1, held_answer, NULL, &timer) == 0, "timer");
	expect_verdicts(SOURCES);
	for (unsigned i = 0; i < SOURCES; i++)
		ENSURE(ask(STRANGER(i >> 8, i & 255), false, false) == 0, "ask %u", i);
	loop_run(loop);
	EXPECT(told == SOURCES && told_by[VERDICT_UNKNOWN] == 0, "%u told, %u unknown", told,
	       told_by[VERDICT_UNKNOWN]);
	EXPECT(told_by[VERDICT_LISTED] == SOURCES / 256 + (SOURCES % 256 > 7), "%u listed",
	       told_by[VERDICT_LISTED]);
	EXPECT(server.held_most > 50 && server.held_most <= 100, "%u under way at once",
	       server.held_most);
	loop_remove(loop, timer);
	end();
}

TEST(engine_keeps_the_share_of_the_unproven)
{
	ENSURE(begin(&settings, "bl.test*3"), "begin");
	settings.budget_per_s = 500;
	settings.unproven_per_s = 50;
	settings.budget_per_day = 10000;
	dns_close(engine);
	ENSURE(dns_open(&engine, loop, &settings, NULL) == 0, "open");
	expect_verdicts(2000);
	for (unsigned i = 0; i < 2000; i++)
		ENSURE(ask(STRANGER(i >> 8, i & 255), true, false) == 0, "ask %u", i);
	loop_run(loop);
	/* A second may have turned in between, or two. */
	EXPECT(server.asked_a <= 150 && server.asked_a >= 50, "%u asked", server.asked_a);
	EXPECT(spent == 2000 - server.asked_a && told_by[VERDICT_UNKNOWN] == spent,
	       "%u spent, %u unknown", spent, told_by[VERDICT_UNKNOWN]);
	end();
}

TEST(engine_lets_in_when_nobody_answers)
{
	ENSURE(begin(&settings, "bl.test*3"), "begin");
	server.dumb = true;
	expect_verdicts(1);
	ENSURE(ask(STRANGER(0, 7), false, false) == 0, "ask");
	loop_run(loop);
	EXPECT(last.verdict == VERDICT_UNKNOWN && last.partial && last.ttl_s == 60, "%s, %u s",
	       verdict_name(last.verdict), last.ttl_s);
	EXPECT(server.asked == 2, "%u: a lost datagram is repeated once", server.asked);
	end();
}

/* ---- the watch over zones ---- */

static unsigned news_count;
static enum dns_zone_state news_state;

static void news_told(void *context, const struct dns_news *news)
{
	(void)context;
	news_count++;
	news_state = news->state;
	loop_stop(loop);
}

static void probed(void *context)
{
	(void)context;
	loop_stop(loop);
}

TEST(engine_suspends_a_zone_that_goes_mad_and_takes_it_back)
{
	struct dns_zone_status status;

	ENSURE(begin(&settings, "bl.test*3"), "begin");
	news_count = 0;
	dns_on_news(engine, news_told, NULL);
	ENSURE(dns_probe_zones(engine, probed, NULL) == 0, "probe");
	loop_run(loop);
	EXPECT(!news_count, "it is well");
	server.mad = true;
	ENSURE(dns_probe_zones(engine, NULL, NULL) == 0, "probe");
	loop_run(loop);
	dns_zone_status(engine, 0, &status);
	EXPECT(news_count == 1 && news_state == DNS_ZONE_SUSPENDED &&
		       status.state == DNS_ZONE_SUSPENDED && strstr(status.why, "world"),
	       "%u news, %s: %s", news_count, dns_zone_state_name(status.state), status.why);
	expect_verdicts(1);
	server.asked = 0;
	ENSURE(ask(STRANGER(0, 7), false, false) == 0, "ask");
	loop_run(loop);
	EXPECT(last.verdict == VERDICT_UNKNOWN && !server.asked, "%s, asked %u",
	       verdict_name(last.verdict), server.asked);
	server.mad = false;
	ENSURE(dns_probe_zones(engine, NULL, NULL) == 0, "probe");
	loop_run(loop);
	EXPECT(news_count == 2 && news_state == DNS_ZONE_GOOD, "%u news", news_count);
	end();
}

TEST(engine_watches_by_itself)
{
	ENSURE(begin(&settings, "bl.test*3"), "begin");
	news_count = 0;
	server.mad = true;
	dns_on_news(engine, news_told, NULL);
	ENSURE(dns_watch_zones(engine) == 0, "watch");
	loop_run(loop);
	EXPECT(news_count == 1 && news_state == DNS_ZONE_SUSPENDED, "%u news", news_count);
	end();
}

TEST(engine_suspends_a_zone_that_lists_known_senders)
{
	ENSURE(begin(&settings, "bl.test*3"), "begin");
	news_count = 0;
	dns_on_news(engine, news_told, NULL);
	expect_verdicts(0);
	for (unsigned i = 0; i < 60; i++)
		ENSURE(ask(STRANGER(i, i % 2 ? 7 : 8), false, true) == 0, "ask");
	loop_run(loop);
	EXPECT(news_count == 1 && news_state == DNS_ZONE_SUSPENDED, "%u news, %u told", news_count,
	       told);
	end();
}

/* Nothing is called, and nothing leaks, when it closes in the middle (a sanitizer sees it). */
TEST(engine_closes_in_the_middle)
{
	ENSURE(begin(&settings, "bl.test*3 wl.test*-1"), "begin");
	settings.rdns.none = 1;
	dns_close(engine);
	ENSURE(dns_open(&engine, loop, &settings, NULL) == 0, "open");
	server.dumb = true;
	expect_verdicts(1);
	for (unsigned i = 0; i < 1000; i++)
		ENSURE(ask(STRANGER(i >> 8, i & 255), false, false) == 0, "ask");
	ENSURE(dns_probe_zones(engine, probed, NULL) == 0, "probe");
	ENSURE(loop_add_timer(loop, 30, 0, probed, NULL, NULL) == 0, "timer");
	loop_run(loop);
	EXPECT(!told, "%u told", told);
	end();
	EXPECT(!told, "none at the end");
}
