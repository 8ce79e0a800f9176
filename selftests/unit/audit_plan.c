/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan, with visits and scans that are made of tables: who is visited, how often, in which order, one at a time; what a host that
 * hangs or refuses costs. And the scan of ports against the kernel itself.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit/plan.h"
#include "audit/plan_rows.h"
#include "base/when.h"
#include "unit/audit_walk.h"

#define HOSTS	   3
#define ADDRESSES  2
#define VISITS_MAX 1024
#define SAID_MAX   32768
#define LIMIT_NS   (20 * NS_PER_S)

struct made {
	struct seen_address *address;
	enum purpose purpose;
	uint16_t port;
	char said[256];
};

/* What a visit to this port comes to. attempt: how many were made there before. */
typedef enum visit_end (*end_fn)(const struct visit_order *order, unsigned attempt);

static struct world {
	struct loop *loop;
	struct seen seen;
	struct seen_host host[HOSTS];
	struct seen_address address[HOSTS][ADDRESSES];
	struct audit_request request;
	end_fn end;
	enum port_state port; /* of all that is scanned */
	struct made made[VISITS_MAX];
	unsigned count, scans;
	unsigned busy[HOSTS], busiest, hosts_busy, hosts_busiest;
	unsigned least_whole_ms;
	bool is_done;
} w;

static const struct walk_row server[] = {
	{"[greeting]", "220 mx"},
	{"EHLO", "250-mx\n250-SIZE 1000\n250 STARTTLS"},
	{"STARTTLS", "220 go"},
	{"QUIT", "221 bye"},
	{"HELO", "250 mx"},
	{"MAIL", "250 ok"},
	{"", "550 5.7.1 relaying denied"},
	{NULL, NULL},
};

/* ---- the hands ---- */

struct visit {
	struct loop_source *timer;
	struct visit_order order;
	visit_fn fn;
	void *context;
	unsigned host, made;
};

static unsigned host_of(const struct addr *a, struct seen_address **out)
{
	for (unsigned h = 0; h < w.seen.host_count; h++)
		for (unsigned i = 0; i < w.host[h].address_count; i++)
			if (addr_equal(&w.address[h][i].addr, a)) {
				*out = &w.address[h][i];
				return h;
			}
	abort();
}

static void visit_end_now(void *context)
{
	static char said[SAID_MAX];
	struct visit *v = context;
	struct made *m = &w.made[v->made];
	struct visit_log *log = calloc(1, sizeof(*log));
	unsigned attempt = 0;

	if (!log)
		abort();
	for (unsigned i = 0; i < v->made; i++)
		attempt += w.made[i].address == m->address && w.made[i].purpose == m->purpose &&
			   w.made[i].port == m->port;
	log->purpose = v->order.purpose;
	log->protocol = v->order.protocol;
	log->port = v->order.port;
	log->end = w.end ? w.end(&v->order, attempt) : VISIT_DONE;
	if (log->end == VISIT_DONE)
		walk(v->order.script, v->order.script_context, log, server, said, sizeof(said));
	else if (log->end == VISIT_TURNED_AWAY)
		rig_say(log, WHAT_GREETING, 0, NULL, "421 4.7.0 too many");
	snprintf(m->said, sizeof(m->said), "%.*s", (int)sizeof(m->said) - 1, said);
	loop_remove(w.loop, v->timer);
	if (--w.busy[v->host] == 0)
		w.hosts_busy--;
	v->fn(v->context, log);
	free(v);
}

static int visit_begin(struct visit **out, struct loop *loop, const struct visit_order *order,
		       visit_fn fn, void *context)
{
	struct visit *v = calloc(1, sizeof(*v));
	struct seen_address *a;

	if (!v || w.count == VISITS_MAX)
		abort();
	*v = (struct visit){.order = *order, .fn = fn, .context = context, .made = w.count};
	v->host = host_of(&order->addr, &a);
	w.made[w.count++] =
		(struct made){.address = a, .purpose = order->purpose, .port = order->port};
	if (w.busy[v->host]++ == 0)
		w.hosts_busy++;
	w.busiest = w.busy[v->host] > w.busiest ? w.busy[v->host] : w.busiest;
	w.hosts_busiest = w.hosts_busy > w.hosts_busiest ? w.hosts_busy : w.hosts_busiest;
	if (order->whole_ms < w.least_whole_ms)
		w.least_whole_ms = order->whole_ms;
	*out = v;
	return loop_add_timer(loop, 1, 0, visit_end_now, v, &v->timer);
}

static void visit_abandon(struct visit *v)
{
	(void)v;
}

struct ports_scan {
	struct loop_source *timer;
	ports_fn fn;
	void *context;
};

static void scan_end_now(void *context)
{
	struct ports_scan *s = context;

	loop_remove(w.loop, s->timer);
	s->fn(s->context);
	free(s);
}

static int scan_begin(struct ports_scan **out, struct loop *loop, struct seen_address *a,
		      const uint16_t *ports, unsigned count, visit_socket_fn socket_fn,
		      void *socket_context, ports_fn fn, void *context)
{
	struct ports_scan *s = calloc(1, sizeof(*s));

	(void)socket_fn;
	(void)socket_context;
	if (!s)
		abort();
	w.scans++;
	for (unsigned i = 0; i < count; i++)
		a->port[a->port_count++] = (struct seen_port){.port = ports[i], .state = w.port};
	*s = (struct ports_scan){.fn = fn, .context = context};
	*out = s;
	return loop_add_timer(loop, 2, 0, scan_end_now, s, &s->timer);
}

static void scan_abandon(struct ports_scan *s)
{
	if (s)
		loop_remove(w.loop, s->timer);
	free(s);
}

static const struct plan_hands hands = {visit_begin, visit_abandon, scan_begin, scan_abandon, 1};

/* ---- the world ---- */

static void world_open(unsigned hosts, unsigned addresses)
{
	memset(&w, 0, sizeof(w));
	w.port = PORT_OPEN;
	w.least_whole_ms = VISIT_WHOLE_MS;
	w.seen.host = w.host;
	w.seen.host_count = hosts;
	w.request.spacing_ms = 1;
	snprintf(w.request.helo, sizeof(w.request.helo), "audit.example.net");
	snprintf(w.request.domain, sizeof(w.request.domain), "example.org");
	for (unsigned h = 0; h < hosts; h++) {
		w.host[h].address = w.address[h];
		w.host[h].address_count = addresses;
		snprintf(w.host[h].name, sizeof(w.host[h].name), "mx%u.example.org", h);
		for (unsigned i = 0; i < addresses; i++) {
			char text[ADDR_TEXT_MAX];

			snprintf(text, sizeof(text), "192.0.2.%u", h * ADDRESSES + i + 1);
			addr_parse(text, &w.address[h][i].addr, NULL);
			w.address[h][i].host = &w.host[h];
			w.address[h][i].may_intrude = true;
		}
	}
}

static void world_close(void)
{
	for (unsigned h = 0; h < w.seen.host_count; h++)
		for (unsigned i = 0; i < w.host[h].address_count; i++)
			while (w.address[h][i].visits) {
				struct visit_log *v = w.address[h][i].visits;

				w.address[h][i].visits = v->next;
				visit_log_free(v);
			}
}

static void on_done(void *context)
{
	(void)context;
	w.is_done = true;
	loop_stop(w.loop);
}

static void on_progress(void *context, const struct audit_progress *p)
{
	unsigned *told = context;

	EXPECT(p->done <= p->all && p->at[0], "%u of %u: %s", p->done, p->all, p->at);
	++*told;
}

static bool world_run(uint64_t limit_ns)
{
	unsigned told = 0;
	struct plan_order order = {.request = &w.request,
				   .seen = &w.seen,
				   .random = "posternxyz",
				   .until_ns = now_boot_ns() + limit_ns,
				   .progress = on_progress,
				   .progress_context = &told,
				   .hands = &hands};
	struct plan *p;

	if (!EXPECT(loop_new(&w.loop) == 0, "loop"))
		return false;
	if (EXPECT(plan_start(&p, w.loop, &order, on_done, NULL) == 0, "start")) {
		loop_run(w.loop);
		plan_stop(p);
	}
	loop_free(w.loop);
	return EXPECT(w.is_done, "it ends");
}

static unsigned made_of(enum purpose purpose, uint16_t port)
{
	unsigned count = 0;

	for (unsigned i = 0; i < w.count; i++)
		count += w.made[i].purpose == purpose && w.made[i].port == port;
	return count;
}

/* ---- what must hold ---- */

TEST(plan_makes_every_visit)
{
	world_open(1, 1);
	ENSURE(world_run(LIMIT_NS), "run");
	EXPECT(made_of(PURPOSE_HELLO, 25) == 1 && made_of(PURPOSE_STARTTLS, 25) == 1 &&
		       made_of(PURPOSE_TLS_1_0, 25) == 1 && made_of(PURPOSE_TLS_1_1, 25) == 1 &&
		       made_of(PURPOSE_INJECTION, 25) == 1 && made_of(PURPOSE_SIZE, 25) == 1,
	       "what is asked once");
	EXPECT(made_of(PURPOSE_SENDERS, 25) == 4 && made_of(PURPOSE_RECIPIENTS, 25) == 1 &&
		       made_of(PURPOSE_LONG_LINE, 25) == 3,
	       "what takes several");
	EXPECT(made_of(PURPOSE_SUBMISSION, 587) == 1 && made_of(PURPOSE_SUBMISSION, 465) == 1 &&
		       made_of(PURPOSE_POP3, 110) == 1 && made_of(PURPOSE_POP3, 995) == 1 &&
		       made_of(PURPOSE_IMAP, 143) == 1 && made_of(PURPOSE_IMAP, 993) == 1,
	       "other ports");
	EXPECT(made_of(PURPOSE_ACTIVE, 25) == 0, "nothing active that was not asked for");
	EXPECT(w.address[0][0].is_answering, "it answers");
	EXPECT(w.made[0].purpose == PURPOSE_HELLO, "the greeting first");
	for (unsigned i = 0, relay = 0; i < w.count; i++) {
		relay += w.made[i].purpose == PURPOSE_RELAY;
		EXPECT(!relay || w.made[i].purpose == PURPOSE_RELAY, "the relay matrix last");
	}
	world_close();
}

TEST(plan_makes_only_harmless_visits_without_consent)
{
	world_open(1, 1);
	w.address[0][0].may_intrude = false;
	ENSURE(world_run(LIMIT_NS), "run");
	EXPECT(made_of(PURPOSE_HELLO, 25) == 1 && made_of(PURPOSE_STARTTLS, 25) == 1 &&
		       made_of(PURPOSE_IMAP, 143) == 1,
	       "harmless ones are made");
	EXPECT(w.count == 10, "%u: HELLO, STARTTLS, two TLS versions, six ports", w.count);
	for (unsigned i = 0; i < w.count; i++)
		EXPECT(!strstr(w.made[i].said, "MAIL") && !strstr(w.made[i].said, "VRFY") &&
			       !strstr(w.made[i].said, "LOGIN"),
		       "%s", w.made[i].said);
	EXPECT(w.address[0][0].port_count == 6, "%u ports", w.address[0][0].port_count);
	world_close();
}

TEST(plan_keeps_to_one_connection_a_server)
{
	world_open(3, 2);
	/* The third is the first by another name. */
	w.address[2][0].addr = w.address[0][1].addr;
	w.host[2].address_count = 1;
	ENSURE(world_run(LIMIT_NS), "run");
	EXPECT(w.busiest == 1, "%u at once to one server", w.busiest);
	EXPECT(w.hosts_busiest == 2, "%u servers at once", w.hosts_busiest);
	EXPECT(w.address[2][0].visits, "the third has visits of its own");
	EXPECT(w.scans == 5, "%u scans", w.scans);
	world_close();
}

TEST(plan_skips_what_nobody_wants)
{
	world_open(1, 1);
	w.request.only.count = 1;
	snprintf(w.request.only.word[0], AUDIT_WORD_MAX, "size");
	ENSURE(world_run(LIMIT_NS), "run");
	EXPECT(w.count == 2 && w.made[0].purpose == PURPOSE_HELLO &&
		       w.made[1].purpose == PURPOSE_SIZE,
	       "%u visits for size alone", w.count);
	world_close();
	world_open(1, 1);
	w.request.skip.count = 1;
	snprintf(w.request.skip.word[0], AUDIT_WORD_MAX, "relay");
	ENSURE(world_run(LIMIT_NS), "run");
	EXPECT(made_of(PURPOSE_RELAY, 25) == 0 && made_of(PURPOSE_SIZE, 25) == 1, "without relay");
	world_close();
	world_open(1, 1);
	w.request.only.count = 1;
	snprintf(w.request.only.word[0], AUDIT_WORD_MAX, "dmarc");
	ENSURE(world_run(LIMIT_NS), "run");
	EXPECT(w.count == 0 && w.scans == 0, "the DNS alone: no visit");
	world_close();
}

static enum visit_end end_of_first(enum visit_end first)
{
	return w.count == 1 ? first : VISIT_DONE;
}

static enum visit_end hangs(const struct visit_order *order, unsigned attempt)
{
	(void)order;
	(void)attempt;
	return VISIT_TIMEOUT;
}

static enum visit_end is_closed_on_25(const struct visit_order *order, unsigned attempt)
{
	(void)attempt;
	return order->port == 25 ? VISIT_REFUSED : VISIT_DONE;
}

static enum visit_end is_busy_once(const struct visit_order *order, unsigned attempt)
{
	(void)order;
	(void)attempt;
	return end_of_first(VISIT_TURNED_AWAY);
}

static enum visit_end is_busy(const struct visit_order *order, unsigned attempt)
{
	(void)order;
	(void)attempt;
	return VISIT_TURNED_AWAY;
}

static enum visit_end hangs_up_on_length(const struct visit_order *order, unsigned attempt)
{
	(void)attempt;
	return order->purpose == PURPOSE_LONG_LINE ? VISIT_CLOSED : VISIT_DONE;
}

static enum visit_end hangs_elsewhere(const struct visit_order *order, unsigned attempt)
{
	(void)attempt;
	return order->port == 25 ? VISIT_DONE : VISIT_TIMEOUT;
}

TEST(plan_bounds_what_a_server_costs)
{
	static const struct {
		const char *sentence;
		end_fn end;
		unsigned hello, starttls, long_line, submission, imap, relay_at_least;
		bool is_answering;
	} rows[] = {
		{"one that hangs is visited once", hangs, 1, 0, 0, 0, 0, 0, false},
		{"one that is closed on 25 may have other ports", is_closed_on_25, 1, 0, 0, 1, 1, 0,
		 false},
		{"one that is busy once is asked again", is_busy_once, 2, 1, 3, 1, 1, 1, true},
		{"one that stays busy is let alone on 25", is_busy, 2, 0, 0, 2, 1, 0, true},
		{"to hang up on a long line is an answer", hangs_up_on_length, 1, 1, 3, 1, 1, 1,
		 true},
		{"hanging elsewhere costs two visits, and nothing on 25", hangs_elsewhere, 1, 1, 3,
		 1, 0, 1, true},
	};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		world_open(1, 1);
		w.end = rows[i].end;
		if (world_run(LIMIT_NS)) {
			EXPECT(made_of(PURPOSE_HELLO, 25) == rows[i].hello &&
				       made_of(PURPOSE_STARTTLS, 25) == rows[i].starttls &&
				       made_of(PURPOSE_LONG_LINE, 25) == rows[i].long_line &&
				       made_of(PURPOSE_SUBMISSION, 587) == rows[i].submission &&
				       made_of(PURPOSE_IMAP, 143) == rows[i].imap &&
				       made_of(PURPOSE_RELAY, 25) >= rows[i].relay_at_least,
			       "%s: %u greetings, %u STARTTLS, %u long, %u submission, %u IMAP, "
			       "%u relay",
			       rows[i].sentence, made_of(PURPOSE_HELLO, 25),
			       made_of(PURPOSE_STARTTLS, 25), made_of(PURPOSE_LONG_LINE, 25),
			       made_of(PURPOSE_SUBMISSION, 587), made_of(PURPOSE_IMAP, 143),
			       made_of(PURPOSE_RELAY, 25));
			EXPECT(w.address[0][0].is_answering == rows[i].is_answering, "%s",
			       rows[i].sentence);
		}
		world_close();
	}
}

TEST(plan_notes_ports_that_are_closed)
{
	const struct visit_log *v;

	world_open(1, 1);
	w.port = PORT_CLOSED;
	ENSURE(world_run(LIMIT_NS), "run");
	EXPECT(made_of(PURPOSE_IMAP, 143) == 0, "no visit to a closed port");
	v = seen_visit(&w.address[0][0], PURPOSE_IMAP);
	EXPECT(v && v->end == VISIT_REFUSED && v->port == 143 && v->why[0], "but a note");
	world_close();
	world_open(1, 1);
	w.port = PORT_FILTERED;
	ENSURE(world_run(LIMIT_NS), "run");
	v = seen_visit(&w.address[0][0], PURPOSE_POP3);
	EXPECT(v && v->end == VISIT_SILENT, "filtered");
	world_close();
}

TEST(plan_only_connects_to_backends)
{
	world_open(1, 1);
	w.host[0].is_backend = true;
	ENSURE(world_run(LIMIT_NS), "run");
	EXPECT(w.count == 0 && w.scans == 1 && w.address[0][0].port_count == 1 &&
		       w.address[0][0].port[0].port == 25,
	       "%u visits, %u scans", w.count, w.scans);
	world_close();
}

TEST(plan_ends_when_its_time_is_over)
{
	uint64_t begun = now_monotonic_ns();

	world_open(2, 1);
	ENSURE(world_run(NS_PER_S / 2), "run");
	EXPECT(w.count == 0 && now_monotonic_ns() - begun < NS_PER_S, "%u visits", w.count);
	world_close();
	world_open(1, 1);
	ENSURE(world_run(NS_PER_S * 3), "run");
	EXPECT(w.count > 0 && w.least_whole_ms <= 3000, "no visit outlasts the audit: %u ms",
	       w.least_whole_ms);
	world_close();
}

static enum visit_end is_walled(const struct visit_order *order, unsigned attempt)
{
	return order->purpose == PURPOSE_HELLO && !attempt ? VISIT_SILENT : VISIT_DONE;
}

TEST(plan_stands_where_an_answer_comes)
{
	static const struct {
		const char *sentence;
		end_fn end;
		unsigned hello;
		bool is_walled;
	} rows[] = {{"a firewall keeps the namespace out", is_walled, 2, true},
		    {"the server is closed to all", is_closed_on_25, 2, false}};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		struct seen_address *a = &w.address[0][0];

		world_open(1, 1);
		w.end = rows[i].end;
		a->by_namespace = true;
		a->vantage = VANTAGE_OUTSIDE;
		ENSURE(world_run(LIMIT_NS), "%s: run", rows[i].sentence);
		EXPECT(made_of(PURPOSE_HELLO, 25) == rows[i].hello &&
			       a->is_walled == rows[i].is_walled &&
			       a->vantage == (rows[i].is_walled ? VANTAGE_OWN : VANTAGE_OUTSIDE),
		       "%s", rows[i].sentence);
		world_close();
	}
}

TEST(plan_asks_about_a_domain_that_it_may_host)
{
	static const char *const rows[][4] = {
		{"example.org", "", "mx.other.test", "<postmaster@example.org>"},
		{"example.org", "me@b.example.org", "mx.other.test", "<postmaster@b.example.org>"},
		{"", "", "mx.host.example.co.uk", "<postmaster@example.co.uk>"},
		{"", "", "", "<postmaster@[192.0.2.1]>"}};

	for (size_t i = 0; i < RIG_COUNT(rows); i++) {
		bool is_asked = false;

		world_open(1, 1);
		snprintf(w.request.domain, NAME_TEXT_MAX, "%s", rows[i][0]);
		snprintf(w.request.mailbox, NAME_TEXT_MAX, "%s", rows[i][1]);
		snprintf(w.host[0].name, NAME_TEXT_MAX, "%s", rows[i][2]);
		ENSURE(world_run(LIMIT_NS), "run");
		for (unsigned k = 0; k < w.count; k++)
			is_asked |= strstr(w.made[k].said, rows[i][3]) != NULL;
		EXPECT(is_asked, "%s", rows[i][3]);
		world_close();
	}
}

TEST(plan_ends_without_hosts)
{
	world_open(0, 0);
	EXPECT(world_run(LIMIT_NS), "run");
	world_close();
}

/* A check on the wire for which nothing is visited could never say anything. */
TEST(plan_visits_for_every_check_on_the_wire)
{
	for (unsigned i = 0; i < check_count; i++) {
		struct audit_request request = {.only = {.count = 1}};
		bool is_served = strcmp(checks[i].id, "ports") == 0;

		if (!(checks[i].kinds & (KIND_WIRE | KIND_ACTIVE)) || !checks[i].id[0])
			continue;
		snprintf(request.only.word[0], AUDIT_WORD_MAX, "%s", checks[i].id);
		for (unsigned r = 0; r < plan_row_count; r++)
			is_served = is_served || plan_is_wanted(&request, plan_rows[r].checks);
		EXPECT(is_served, "%s", checks[i].id);
	}
}

/* ---- the scan itself ---- */

static void on_scanned(void *context)
{
	loop_stop(context);
}

TEST(ports_are_told_apart)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(at);
	struct seen_address a = {0};
	struct ports_scan *scan;
	struct loop *loop;
	uint16_t ports[2];
	int fd[2];

	addr_parse("127.0.0.1", &a.addr, NULL);
	/* One listens, one is bound and does not: nobody else can take it. */
	for (unsigned i = 0; i < 2; i++) {
		at.sin_port = 0;
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ENSURE(fd[i] >= 0 && bind(fd[i], (struct sockaddr *)&at, sizeof(at)) == 0 &&
			       getsockname(fd[i], (struct sockaddr *)&at, &length) == 0,
		       "a port");
		ports[i] = ntohs(at.sin_port);
	}
	ENSURE(listen(fd[0], 1) == 0 && loop_new(&loop) == 0, "listener");
	ENSURE(ports_scan_start(&scan, loop, &a, ports, 2, NULL, NULL, on_scanned, loop) == 0,
	       "start");
	loop_run(loop);
	EXPECT(port_state_of(&a, ports[0]) == PORT_OPEN, "open");
	EXPECT(port_state_of(&a, ports[1]) == PORT_CLOSED, "closed");
	EXPECT(port_state_of(&a, 1) == PORT_UNKNOWN, "not looked at");
	loop_free(loop);
	close(fd[0]);
	close(fd[1]);
}

TEST(ports_of_the_list_are_different)
{
	for (unsigned i = 0; i < port_row_count; i++) {
		EXPECT(port_find(port_rows[i].port) == &port_rows[i], "%u twice",
		       port_rows[i].port);
		EXPECT(port_rows[i].why[0] && (port_rows[i].use == PORT_NEEDLESS) ==
						      (port_rows[i].severity > SEVERITY_INFO),
		       "%s", port_rows[i].name);
	}
}
