/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What could stand at the door: the gate, xdp-filter, nftables, iptables with ipset; each with the
 * same list of sources, set up the way its manual recommends for speed (nftables: at ingress, with
 * the set's size declared). Each filter drops every packet that is sent to it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "offered.h"

#define IPSET_SIZE "Size in memory: "

static int no_filter(struct report *r, struct err *e)
{
	(void)r;
	(void)e;
	return spray_program("drop");
}

static int gate_few(struct report *r, struct err *e)
{
	(void)r;
	return world_program(WORLD_FEW, 4, e);
}

static int gate_many(struct report *r, struct err *e)
{
	(void)r;
	return world_program(WORLD_MANY, 4, e);
}

static int gate_feed(struct report *r, struct err *e)
{
	(void)r;
	return world_program(WORLD_FEED, 4, e);
}

static int gate_prefixes(struct report *r, struct err *e)
{
	(void)r;
	return world_program(WORLD_PREFIXES, 4, e);
}

static int gate_rates(struct report *r, struct err *e)
{
	(void)r;
	return world_program(WORLD_RATES, 4, e);
}

static int xdp_filter(struct report *r, struct err *e)
{
	(void)r;
	return xdpfilter_open(e);
}

/* One text from a head, a line per source, and a tail. For free(). */
static char *script(const char *head, const char *line, uint32_t count, const char *tail)
{
	size_t size = 0;
	char *text = NULL, source[ADDR_TEXT_MAX];
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs(head, out);
	for (uint32_t i = 0; i < count; i++) {
		const char *percent = strchr(line, '%');

		fwrite(line, 1, (size_t)(percent - line), out);
		fputs(source_text(i, 4, source), out);
		fputs(percent + 1, out);
	}
	fputs(tail, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* Run a tool on a script; what loading took goes to *cost, which may be NULL. */
static int tool_load(const char *const argv[], char *text, struct list_cost *cost, struct err *e)
{
	int64_t memory = kernel_memory_bytes();
	struct used used = {.peak_mb = 0};
	int rc;

	if (!text)
		return err_set(e, -ENOMEM, "no memory for a script");
	rc = command_run(argv, text, &used, e);
	free(text);
	if (!rc && cost) {
		cost->spent = used.spent;
		cost->tool_mb = used.peak_mb;
		cost->grown = kernel_memory_bytes() - memory;
	}
	return rc;
}

/* The same for a list, told in the report. */
static int list_load(const char *const argv[], char *text, const char *what, uint32_t entries,
		     struct report *r, struct err *e)
{
	struct list_cost cost = {.what = what, .entries = entries};
	int rc = tool_load(argv, text, &cost, e);

	if (!rc)
		list_report(r, &cost);
	return rc;
}

static const char *const nft[] = {"nft", "-f", "/dev/stdin", NULL};

#define NFT_AT_INGRESS                                                                             \
	"chain c {\ntype filter hook ingress device \"" RECEIVER_LINK                              \
	"\" priority 0; policy accept;\n"

static int nft_drop(struct report *r, struct err *e)
{
	(void)r;
	return tool_load(nft,
			 script("table netdev bench {\n" NFT_AT_INGRESS "drop\n}\n}\n", "%", 0, ""),
			 NULL, e);
}

static int nft_ingress(struct report *r, struct err *e)
{
	return list_load(nft,
			 script("table netdev bench {\nset s {\ntype ipv4_addr; size 1048576;\n"
				"elements = {\n",
				"%,\n", MANY, "}\n}\n" NFT_AT_INGRESS "ip saddr @s drop\n}\n}\n"),
			 "nft -f, 1M addresses", MANY, r, e);
}

static int nft_raw(struct report *r, struct err *e)
{
	(void)r;
	return tool_load(
		nft,
		script("table inet bench {\nset s {\ntype ipv4_addr; size 1048576;\nelements = {\n",
		       "%,\n", MANY,
		       "}\n}\nchain c {\ntype filter hook prerouting priority raw; policy accept;\n"
		       "ip saddr @s drop\n}\n}\n"),
		NULL, e);
}

static int nft_interval(struct report *r, struct err *e)
{
	/* A host's address with a length is taken as the prefix it lies in. */
	return list_load(nft,
			 script("table netdev bench {\nset s {\ntype ipv4_addr; flags interval;\n"
				"elements = {\n",
				"%/24,\n", PREFIXES,
				"}\n}\n" NFT_AT_INGRESS "ip saddr @s drop\n}\n}\n"),
			 "nft -f, 100k prefixes", PREFIXES, r, e);
}

/* Over the rate: dropped by the meter. The first of a source, which is not: by the rule behind. */
static int nft_meter(struct report *r, struct err *e)
{
	char head[512];

	(void)r;
	snprintf(head, sizeof(head),
		 "table netdev bench {\nset m {\ntype ipv4_addr; size %u; flags "
		 "dynamic;\n}\n" NFT_AT_INGRESS
		 "update @m { ip saddr limit rate over 1/minute burst 1 packets } drop\n"
		 "drop\n}\n}\n",
		 METER_SIZE);
	return tool_load(nft, script(head, "%", 0, ""), NULL, e);
}

/* "Size in memory: 35390080" */
static int64_t ipset_size(void)
{
	static const char *const list[] = {"ipset", "list", "-terse", "bench", NULL};
	struct used used;
	const char *at;

	if (command_run(list, NULL, &used, NULL))
		return 0;
	at = strstr(used.said, IPSET_SIZE);
	return at ? strtoll(at + strlen(IPSET_SIZE), NULL, 10) : 0;
}

static int ipset_raw(struct report *r, struct err *e)
{
	static const char *const restore[] = {"ipset", "restore", NULL};
	static const char *const rule[] = {"iptables", "-t",   "raw",	      "-A",    "PREROUTING",
					   "-m",       "set",  "--match-set", "bench", "src",
					   "-j",       "DROP", NULL};
	struct list_cost cost = {.what = "ipset restore, 1M addresses", .entries = MANY};
	int rc = tool_load(restore,
			   script("create bench hash:ip family inet maxelem 1048576\n",
				  "add bench %\n", MANY, ""),
			   &cost, e);

	if (rc)
		return rc;
	cost.told = ipset_size();
	list_report(r, &cost);
	return command_run(rule, NULL, NULL, e);
}

/* The first is the floor. */
const struct receiver receivers[] = {
	{"floor: XDP program that drops", MANY, true, true, no_filter},
	{"floor: nftables at ingress, drop", MANY, true, false, nft_drop},
	{"pn_xdp, 10k addresses", FEW, false, true, gate_few},
	{"xdp-filter, 10k addresses", FEW, false, false, xdp_filter},
	{"pn_xdp, 1M addresses", MANY, false, true, gate_many},
	{"pn_xdp, feed of 1M addresses", MANY, false, true, gate_feed},
	{"nftables at ingress, set of 1M", MANY, false, false, nft_ingress},
	{"nftables in raw, set of 1M", MANY, false, false, nft_raw},
	{"iptables in raw, ipset of 1M", MANY, false, false, ipset_raw},
	{"pn_xdp, 100k prefixes", PREFIXES, false, true, gate_prefixes},
	{"nftables at ingress, 100k prefixes", PREFIXES, false, false, nft_interval},
	{"pn_xdp, 50k sources over their rate", METER_SOURCES, false, true, gate_rates},
	{"nftables at ingress, meter of 50k", METER_SOURCES, true, false, nft_meter},
};
const unsigned receiver_count = sizeof(receivers) / sizeof(receivers[0]);
