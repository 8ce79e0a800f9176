/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a listed stranger's first SYN takes to lead to a verdict in the map, by which his repeated SYN is judged: through the ring,
 * the keeper, the resolver, the list and back. Beside it, in turn, what one bare question to the same list takes. The real program runs
 * in a namespace of its own, with a cable to another one; it asks rbldnsd directly. A listing is told with its reason, so two
 * questions follow each other in it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dns/name.h"
#include "kern/kern.h"
#include "kern/maps.h"
#include "verdicts.h"

#define PROGRAM	       "/../../postern" /* from where the bench lies */
#define INSTANCE       "bench-%d"
#define LINK	       "bench-mx"
#define LINK_OUT       "bench-out"
#define ADDRESS	       "203.0.113.25/24" /* whom the frames are for */
#define CONTACTS       200		 /* of one median */
#define LISTED	       1000U
#define READY_TRIES    1000 /* ten seconds: the lists are tested first */
#define READY_EVERY_NS 10000000L
#define LATE_NS	       2e8 /* many times what it takes */
#define TRIES_MAX      3   /* of one stranger */
#define MESSAGE_MAX    512
#define PER_S	       100000 /* questions: as many as there are SYNs */
#define CONFIG                                                                                     \
	"mode = \"enforce\"; interfaces = [\"" LINK "\"]; state_dir = \"%s/state\";\n"             \
	"first_contact = \"hold\"; resolver = [\"127.0.0.1:%d\"];\n"                               \
	"dnsbl: { sites = [\"" VERDICTS_ZONE "\"]; threshold = 1; ask_nonglobal = true;\n"         \
	" budget_per_s = %d; unproven_per_s = %d; };\n"                                            \
	"actions: { dnsbl = \"drop\"; }; limits: { rate = \"\"; open = 0; };\n"

static struct {
	struct lists lists;
	int mail, out; /* namespaces */
	pid_t program;
	char instance[32];
	struct gate *gate;
	int cable, asker;
} bed = {.mail = -1, .out = -1, .cable = -1, .asker = -1};

/* ---- the bed ---- */

static int links_make(struct err *e)
{
	char netns[64];
	const char *const add[] = {"ip",   "link", "add",    LINK,    "type", "veth",
				   "peer", "name", LINK_OUT, "netns", netns,  NULL};
	const char *const address[] = {"ip", "addr", "add", ADDRESS, "dev", LINK, NULL};
	const char *const up[] = {"ip", "link", "set", LINK, "up", NULL};
	const char *const up_out[] = {"ip", "link", "set", LINK_OUT, "up", NULL};
	int ret;

	snprintf(netns, sizeof(netns), "/proc/%d/fd/%d", (int)getpid(), bed.out);
	ret = command_run(add, NULL, NULL, e);
	if (!ret)
		ret = command_run(address, NULL, NULL, e);
	if (!ret)
		ret = command_run(up, NULL, NULL, e);
	netns_enter(bed.out);
	if (!ret)
		ret = command_run(up_out, NULL, NULL, e);
	/* The socket stays in this namespace. */
	bed.cable = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (!ret && bed.cable >= 0) {
		struct sockaddr_ll at = {.sll_family = AF_PACKET,
					 .sll_ifindex = (int)if_nametoindex(LINK_OUT)};

		ret = bind(bed.cable, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
	}
	netns_enter(bed.mail);
	return ret || bed.cable >= 0 ? ret : err_set(e, -EPERM, "no raw socket");
}

static int program_start(struct err *e)
{
	char path[PATH_MAX + sizeof(PROGRAM)], config[64];
	const char *const run[] = {path,   "--instance", bed.instance, "--config",
				   config, "run",	 NULL};
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	FILE *out;

	if (length < 0)
		return err_set(e, -errno, "cannot find this program: %s", strerror(errno));
	path[length] = 0;
	dirname(path);
	strcat(path, PROGRAM);
	snprintf(bed.instance, sizeof(bed.instance), INSTANCE, (int)getpid());
	snprintf(config, sizeof(config), "%s/conf", bed.lists.folder);
	out = fopen(config, "we");
	if (!out)
		return err_set(e, -errno, "cannot write %s: %s", config, strerror(errno));
	fprintf(out, CONFIG, bed.lists.folder, VERDICTS_PORT, PER_S, PER_S);
	if (fclose(out))
		return err_set(e, -EIO, "cannot write %s", config);
	return command_start(run, 0, &bed.program, e);
}

/* -ENODATA: it runs, and does not hold. */
static int program_wait(struct err *e)
{
	const struct timespec pause = {.tv_nsec = READY_EVERY_NS};

	for (unsigned i = 0; i < READY_TRIES; i++) {
		if (!bed.gate)
			(void)gate_open(&bed.gate, bed.instance, NULL);
		if (bed.gate && gate_conf(bed.gate)->contact == PN_CONTACT_HOLD)
			return 0;
		nanosleep(&pause, NULL);
	}
	return err_set(e, -ENODATA, "the controller does not hold strangers");
}

static int asker_open(struct err *e)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(VERDICTS_PORT),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	bed.asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bed.asker < 0 || connect(bed.asker, (struct sockaddr *)&at, sizeof(at)))
		return err_set(e, -errno, "no socket for questions: %s", strerror(errno));
	return 0;
}

static void bed_remove(void)
{
	gate_close(bed.gate);
	command_stop(bed.program);
	lists_close(&bed.lists);
	if (bed.cable >= 0)
		close(bed.cable);
	if (bed.asker >= 0)
		close(bed.asker);
}

/* ---- what is timed ---- */

/* -EAGAIN: nothing came of this SYN. */
static int syn_time(const struct prefix *source, uint32_t seq, double *ns, struct err *e)
{
	static struct frame frame;
	char text[ADDR_TEXT_MAX];
	struct packet syn = {
		.from = addr_format(&source->addr, text), .flags = TCP_SYN, .seq = seq};
	struct pn_listed listed;
	double begin;

	frame_build(&frame, &syn);
	begin = clocks_now().wall_ns;
	if (send(bed.cable, frame.bytes, frame.length, 0) < 0)
		return err_set(e, -errno, "cannot send a SYN: %s", strerror(errno));
	do {
		*ns = clocks_now().wall_ns - begin;
		if (*ns > LATE_NS)
			return err_set(e, -EAGAIN, "no verdict on %s came", text);
	} while (sources_get_listed(bed.gate, source, &listed, NULL));
	return 0;
}

/*
 * A stranger's first SYN, until his listing is in the map. One whose cell of pn_wait is another's is dropped and asked about later only, as it
 * must be; with another sequence number it is a new SYN.
 */
static int contact_time(uint32_t number, double *ns, struct err *e)
{
	struct addr from = lists_source(number);
	struct prefix source = prefix_of(&from, ADDR_BITS);
	int ret = -EAGAIN;

	for (uint32_t i = 0; ret == -EAGAIN && i < TRIES_MAX; i++)
		ret = syn_time(&source, number + i, ns, e);
	return ret;
}

/* One question, as long as its answer takes. */
static int question_time(uint32_t number, double *ns, struct err *e)
{
	uint8_t message[MESSAGE_MAX] = {(uint8_t)(number >> 8), (uint8_t)number, [5] = 1};
	char name[NAME_TEXT_MAX];
	struct addr from = lists_source(number);
	size_t at = 12;
	double begin;

	name_of_listing(&from, false, VERDICTS_ZONE, name);
	for (const char *label = name; *label;) {
		size_t length = strcspn(label, ".");

		message[at++] = (uint8_t)length;
		memcpy(message + at, label, length);
		at += length;
		label += length + (label[length] == '.');
	}
	message[at + 2] = message[at + 4] = 1; /* A, IN */
	begin = clocks_now().wall_ns;
	if (send(bed.asker, message, at + 5, 0) < 0)
		return err_set(e, -errno, "cannot ask: %s", strerror(errno));
	while (recv(bed.asker, message, sizeof(message), MSG_DONTWAIT) < 0)
		if (clocks_now().wall_ns - begin > LATE_NS)
			return err_set(e, -ETIMEDOUT, "the list does not answer");
	*ns = clocks_now().wall_ns - begin;
	return 0;
}

static void time_report(struct report *r, const char *what, double *ns)
{
	qsort(ns, CONTACTS, sizeof(*ns), compare_doubles);
	json_array_append_new(r->contact,
			      json_pack("{ss sf sf sf}", "what", what, "least_us", ns[0] / 1e3,
					"median_us", ns[CONTACTS / 2] / 1e3, "p95_us",
					ns[CONTACTS * 95 / 100] / 1e3));
}

static int times_measure(struct report *r, struct err *e)
{
	double contact[CONTACTS], question[CONTACTS];
	int ret = 0;

	/* Even numbers are listed. */
	for (uint32_t i = 0; !ret && i < CONTACTS; i++) {
		ret = contact_time(2 * i, &contact[i], e);
		if (!ret)
			ret = question_time(2 * i, &question[i], e);
	}
	if (ret)
		return ret;
	time_report(r, "from a listed stranger's SYN to his verdict in the map", contact);
	time_report(r, "one question to the list", question);
	return 0;
}

static int contact_inside(struct report *r, struct err *e)
{
	int ret = lists_open(&bed.lists, LISTED, e);

	if (!ret)
		ret = links_make(e);
	if (!ret)
		ret = program_start(e);
	if (!ret)
		ret = program_wait(e);
	if (!ret)
		ret = asker_open(e);
	if (!ret)
		ret = times_measure(r, e);
	bed_remove();
	if (ret != -ENOENT && ret != -ENODATA)
		return ret;
	report_skip(r, "from SYN to verdict", e->text);
	return 0;
}

int contact_measure(struct report *r, struct err *e)
{
	int before = netns_own(), ret = core_pin(e);

	bed.mail = netns_make(e);
	bed.out = netns_make(e);
	if (before < 0 || bed.mail < 0 || bed.out < 0)
		return -EPERM;
	netns_enter(bed.mail);
	if (!ret)
		ret = contact_inside(r, e);
	netns_enter(before);
	close(bed.mail);
	close(bed.out);
	close(before);
	return ret;
}
