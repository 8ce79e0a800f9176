/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The resolver in its cage against a server of the DNS in a process of its own: no verdict is lost and memory stays bounded, however many
 * ask at once and however slowly the keeper reads; nobody is judged by a zone that has not been tested; news comes at once.
 *
 * POSTERN_DNS_PORT=N asks a server on 127.0.0.1:N instead, to measure with a real one.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/when.h"
#include "nursery_rig.h"
#include "tap.h"

#define STRANGERS     20000 /* at once: a large botnet's */
#define RSS_MAX_KB    (48 << 10)
#define MESSAGE_BYTES 1500

/* ---- the server ---- */

struct server {
	uint16_t port;
	pid_t pid;
	volatile bool *mad; /* lists the world; shared with its process */
};

/* "4.3.2.1.bl.test" as octets of the address; the question's end. */
static size_t question_read(const uint8_t *bytes, unsigned octet[4], unsigned *type)
{
	const uint8_t *at = bytes + 12;

	for (unsigned i = 0; i < 4; i++) {
		octet[3 - i] = 0;
		for (unsigned k = 1; k <= at[0]; k++)
			octet[3 - i] = octet[3 - i] * 10 + (at[k] - '0');
		at += at[0] + 1;
	}
	while (*at)
		at += at[0] + 1;
	*type = (unsigned)(at[1] << 8 | at[2]);
	return (size_t)(at + 5 - bytes);
}

/* Listed: 127.0.0.2, and every address that ends in .7. */
__attribute__((noreturn)) static void server_run(int fd, const volatile bool *mad)
{
	static const uint8_t record[] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 2, 0, 0, 4, 127, 0, 0, 2},
			     text[] = {0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 2, 0, 0, 4, 3, 'w', 'h', 'y'};
	uint8_t bytes[MESSAGE_BYTES];
	struct sockaddr_in peer;
	unsigned octet[4], type;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (;;) {
		socklen_t size = sizeof(peer);
		ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&peer, &size);
		size_t length;

		if (n < 17)
			continue;
		length = question_read(bytes, octet, &type);
		memset(bytes + 6, 0, 6);
		bytes[2] |= 0x80;
		bytes[3] = 0x80;
		if (*mad || (octet[0] == 127 ? octet[3] == 2 : octet[3] == 7)) {
			bytes[7] = 1;
			memcpy(bytes + length, type == 16 ? text : record, sizeof(record));
			length += sizeof(record);
		} else {
			bytes[3] |= 3;
		}
		(void)sendto(fd, bytes, length, 0, (struct sockaddr *)&peer, size);
	}
}

static bool server_start(struct server *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	const char *other = getenv("POSTERN_DNS_PORT");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	s->mad = mmap(NULL, sizeof(*s->mad), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (!EXPECT(fd >= 0 && s->mad != MAP_FAILED &&
			    bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
			    getsockname(fd, (struct sockaddr *)&at, &size) == 0,
		    "a server"))
		return false;
	s->port = other ? (uint16_t)strtoul(other, NULL, 10) : ntohs(at.sin_port);
	s->pid = fork();
	if (s->pid == 0)
		server_run(fd, s->mad);
	close(fd);
	return EXPECT(s->pid > 0, "fork");
}

static void server_stop(struct server *s)
{
	if (!s->pid)
		return;
	kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	s->pid = 0;
	munmap((void *)s->mad, sizeof(*s->mad));
}

/* ---- the keeper ---- */

struct keeper {
	struct server server;
	struct nursery *nursery;
	pid_t pid;
	int fd;
	unsigned sent, verdicts, listed, clean, unknown, twice, bad;
	bool ready;
	struct message_zone zone; /* the last news */
	unsigned news;
	bool seen[STRANGERS];
};

static struct keeper k;
static struct dns_settings settings;

static void settings_fill(uint16_t port)
{
	settings = (struct dns_settings){
		.server = {{.addr = {{[10] = 0xff, 0xff, 127, 0, 0, 1}}, .port = port}},
		.server_count = 1,
		.timeout_ms = 2000,
		.threshold = 1,
		.listed_ttl = {60, 3600},
		.clean_ttl = {60, 3600},
		.probe_every_s = 300,
		.budget_per_s = 10 * STRANGERS,
		.budget_per_day = 100 * STRANGERS,
	};
	(void)sites_add(&settings.sites, "bl.test", NULL);
	snprintf(settings.reply_name[0], sizeof(settings.reply_name[0]), "bl.test");
}

static bool keeper_open(void)
{
	struct err e = {0};

	memset(&k, 0, sizeof(k));
	if (!server_start(&k.server))
		return false;
	settings_fill(k.server.port);
	return EXPECT(nursery_open(&k.nursery, &e) == 0, "%s", e.text);
}

static bool keeper_spawn(void)
{
	struct err e = {0};

	k.pid = nursery_spawn(k.nursery, CHILD_RESOLVER, &settings, sizeof(settings), -1, &k.fd,
			      &e);
	return EXPECT(k.pid > 0, "%s", e.text);
}

static void keeper_close(void)
{
	close(k.fd);
	EXPECT(is_dead_soon(k.pid), "it ends with its channel");
	nursery_close(k.nursery);
	server_stop(&k.server);
}

/* 8.0.0.0/9 is global: whom a number stands for, and back. */
static struct addr stranger(unsigned number)
{
	return (struct addr){{[10] = 0xff,
			      0xff,
			      8,
			      (uint8_t)(number >> 16),
			      (uint8_t)(number >> 8),
			      (uint8_t)number}};
}

static void take_verdict(const struct message_verdict *v)
{
	unsigned number = (unsigned)v->addr.byte[13] << 16 | (unsigned)v->addr.byte[14] << 8 |
			  v->addr.byte[15];

	k.verdicts++;
	k.listed += v->verdict == VERDICT_LISTED;
	k.clean += v->verdict == VERDICT_CLEAN;
	k.unknown += v->verdict == VERDICT_UNKNOWN;
	if (number >= STRANGERS) {
		k.bad++;
		return;
	}
	k.twice += k.seen[number];
	k.seen[number] = true;
	if (v->verdict != VERDICT_UNKNOWN)
		k.bad += (v->addr.byte[15] == 7) != (v->verdict == VERDICT_LISTED);
	if (v->verdict == VERDICT_LISTED)
		k.bad +=
			v->named != 0 || v->result_count != 1 || v->result[0].code[0] != 0x7f000002;
}

/* All that is there. False at the end. */
static bool keeper_read(void)
{
	const uint32_t types = 1U << MESSAGE_READY | 1U << MESSAGE_VERDICT | 1U << MESSAGE_ZONE;
	union message m;
	ssize_t n;

	while ((n = recv(k.fd, &m, sizeof(m), MSG_DONTWAIT)) > 0) {
		struct err e = {0};

		if (!EXPECT(message_check(&m, (size_t)n, types, &e), "%s", e.text))
			return false;
		if (m.head.type == MESSAGE_VERDICT)
			take_verdict(&m.verdict);
		k.ready |= m.head.type == MESSAGE_READY;
		if (m.head.type == MESSAGE_ZONE && m.zone.news) {
			k.zone = m.zone;
			k.news++;
		}
	}
	return n < 0 && errno == EAGAIN;
}

static void keeper_send(void)
{
	while (k.sent < STRANGERS) {
		struct message_ask ask = {.head = message_head(MESSAGE_ASK),
					  .addr = stranger(k.sent)};

		if (send(k.fd, &ask, sizeof(ask), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
		k.sent++;
	}
}

/* False when nothing happens for `patience_ms`. */
static bool keeper_wait(short events, int patience_ms)
{
	struct pollfd p = {.fd = k.fd, .events = events};

	return poll(&p, 1, patience_ms) == 1;
}

static bool keeper_await_ready(void)
{
	while (!k.ready && keeper_wait(POLLIN, PATIENCE_MS))
		if (!keeper_read())
			break;
	return EXPECT(k.ready, "it gets ready");
}

/* What a process has taken of memory at most, so far. */
static unsigned long rss_most_kb(pid_t pid)
{
	char path[64], line[128];
	unsigned long kb = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtoul(line + 6, NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

static void expect_all(const char *what, uint64_t from_ns)
{
	uint64_t ms = (now_boot_ns() - from_ns) / NS_PER_MS;
	unsigned long kb = rss_most_kb(k.pid);

	EXPECT(k.verdicts == STRANGERS && !k.twice && !k.bad, "%u verdicts, %u twice, %u wrong",
	       k.verdicts, k.twice, k.bad);
	EXPECT(kb && kb < RSS_MAX_KB, "%lu KB", kb);
	if (!getenv("POSTERN_DNS_PORT"))
		EXPECT(k.unknown == 0 && k.listed == STRANGERS / 256 + (STRANGERS % 256 > 7),
		       "%u unknown, %u listed", k.unknown, k.listed);
	printf("# %s: %u strangers in %" PRIu64
	       " ms, %lu KB at most; %u listed, %u clean, %u unknown\n",
	       what, k.verdicts, ms, kb, k.listed, k.clean, k.unknown);
}

#ifdef __SANITIZE_ADDRESS__
#define CAGED() SKIP("no sanitizer, which makes system calls of its own")
#else
#define CAGED()                                                                                    \
	do {                                                                                       \
	} while (0)
#endif

TEST(of_20000_strangers_at_once_none_is_lost)
{
	uint64_t from;

	CAGED();
	ENSURE(keeper_open() && keeper_spawn() && keeper_await_ready(), "open");
	from = now_boot_ns();
	while (k.verdicts < STRANGERS) {
		keeper_send();
		if (!keeper_wait(k.sent < STRANGERS ? POLLIN | POLLOUT : POLLIN, PATIENCE_MS) ||
		    !keeper_read())
			break;
	}
	expect_all("a keeper that reads", from);
	keeper_close();
}

/* Questions pile up in the resolver, then in the socket, then with the keeper; nothing is read until nothing goes in any more. */
TEST(a_keeper_that_does_not_read_loses_no_verdict_either)
{
	uint64_t from;
	unsigned stuck;

	CAGED();
	ENSURE(keeper_open() && keeper_spawn() && keeper_await_ready(), "open");
	from = now_boot_ns();
	do
		keeper_send();
	while (k.sent < STRANGERS && keeper_wait(POLLOUT, 1000));
	stuck = k.sent;
	EXPECT(stuck < STRANGERS || geteuid() != 0, "all went in");
	while (k.verdicts < STRANGERS) {
		if (!keeper_wait(k.sent < STRANGERS ? POLLIN | POLLOUT : POLLIN, PATIENCE_MS) ||
		    !keeper_read())
			break;
		keeper_send();
	}
	printf("# %u questions went in before anything was read\n", stuck);
	expect_all("a keeper that does not read", from);
	keeper_close();
}

TEST(nobody_is_judged_by_a_zone_that_is_mad_from_the_start)
{
	CAGED();
	ENSURE(keeper_open(), "open");
	*k.server.mad = true;
	ENSURE(keeper_spawn(), "spawn");
	/* Asked before it is ready: the question waits for the tests. */
	keeper_send();
	ENSURE(keeper_await_ready(), "ready");
	EXPECT(k.verdicts == 0 || k.news, "the state of the zone comes first");
	while (k.verdicts < 100 && keeper_wait(POLLIN, PATIENCE_MS) && keeper_read())
		;
	EXPECT(k.news && k.zone.state == DNS_ZONE_SUSPENDED && k.zone.why[0], "state %u: %s",
	       k.zone.state, k.zone.why);
	EXPECT(k.verdicts >= 100 && k.listed == 0, "%u verdicts, %u listed", k.verdicts, k.listed);
	keeper_close();
}

TEST(a_zone_that_goes_mad_is_told_at_once)
{
	uint64_t from;

	CAGED();
	ENSURE(keeper_open(), "open");
	settings.probe_every_s = 1;
	ENSURE(keeper_spawn() && keeper_await_ready(), "ready");
	EXPECT(k.news == 0, "all is well, and that is no news");
	*k.server.mad = true;
	from = now_boot_ns();
	while (!k.news && keeper_wait(POLLIN, PATIENCE_MS) && keeper_read())
		;
	EXPECT(k.news == 1 && k.zone.state == DNS_ZONE_SUSPENDED, "state %u", k.zone.state);
	EXPECT(now_boot_ns() - from < 5000 * NS_PER_MS, "late");
	keeper_close();
}

TEST(a_resolver_without_a_server_gets_ready_and_knows_nothing)
{
	CAGED();
	ENSURE(keeper_open(), "open");
	server_stop(&k.server);
	settings.server[0].port = 9;
	ENSURE(keeper_spawn() && keeper_await_ready(), "ready");
	k.sent = STRANGERS - 10;
	keeper_send();
	while (k.verdicts < 10 && keeper_wait(POLLIN, PATIENCE_MS) && keeper_read())
		;
	EXPECT(k.verdicts == 10 && k.unknown == 10, "%u verdicts, %u unknown", k.verdicts,
	       k.unknown);
	keeper_close();
}

/* Text of a line of /proc/PID/status. */
static void status_line(pid_t pid, const char *key, char out[static 128])
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	out[0] = '\0';
	while (file && fgets(out, 128, file) && strncmp(out, key, strlen(key)) != 0)
		out[0] = '\0';
	if (file)
		fclose(file);
}

TEST(seen_from_outside_it_holds_sockets_timers_and_nothing_else)
{
	static const char *const rows[][2] = {
		{"Seccomp:", "2\n"},
		{"NoNewPrivs:", "1\n"},
		{"CapEff:", "0000000000000000\n"},
		{"CapPrm:", "0000000000000000\n"},
		{"CapInh:", "0000000000000000\n"},
		{"CapBnd:", "0000000000000000\n"},
		{"CapAmb:", "0000000000000000\n"},
		{"Groups:", " \n"},
	};
	char line[128], path[320], target[128];
	struct dirent *entry;
	DIR *folder;

	CAGED();
	if (geteuid() != 0)
		SKIP("root, to look");
	ENSURE(keeper_open() && keeper_spawn() && keeper_await_ready(), "open");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		status_line(k.pid, rows[i][0], line);
		EXPECT(strcmp(line + strlen(rows[i][0]) + 1, rows[i][1]) == 0, "%s", line);
	}
	snprintf(path, sizeof(path), "/proc/%d/fd", k.pid);
	folder = opendir(path);
	ENSURE(folder, "%s", path);
	while ((entry = readdir(folder))) {
		ssize_t n;

		if (entry->d_name[0] == '.' ||
		    (strlen(entry->d_name) == 1 && entry->d_name[0] < '3'))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", k.pid, entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		EXPECT(strncmp(target, "socket:", 7) == 0 ||
			       strcmp(target, "anon_inode:[eventpoll]") == 0 ||
			       strcmp(target, "anon_inode:[timerfd]") == 0,
		       "%s is %s", entry->d_name, target);
	}
	closedir(folder);
	keeper_close();
}
