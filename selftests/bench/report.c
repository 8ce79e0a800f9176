/* SPDX-License-Identifier: BSD-2-Clause */
/* What was measured: as tables for people and as one JSON object. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/table.h"
#include "bench.h"

#define KIB 1024

static const struct column program_columns[] = {
	{"case", "CASE"},
	{"family", "IPV"},
	{"hot_raw_ns", "HOT RAW"},
	{"hot_ns", "HOT NET"},
	{"hot_ratio", "X EMPTY"},
	{"random_raw_ns", "RANDOM RAW"},
	{"random_ns", "RANDOM NET"},
	{"random_ratio", "X EMPTY"},
};
static const struct column offered_columns[] = {
	{"receiver", "RECEIVER"},	    {"hot_raw_ns", "HOT TOTAL"},
	{"hot_ns", "HOT OVER FLOOR"},	    {"random_raw_ns", "RANDOM TOTAL"},
	{"random_ns", "RANDOM OVER FLOOR"},
};
static const struct column list_columns[] = {
	{"what", "LIST"},
	{"seconds", "SECONDS"},
	{"cpu_seconds", "CPU SECONDS"},
	{"tool_mb", "TOOL MB"},
	{"told_mb", "KERNEL MB"},
	{"grown_mb", "MEMINFO MB"},
	{"bytes_per_entry", "BYTES/ENTRY"},
};
static const struct column dns_columns[] = {
	{"who", "WHO"},
	{"verdicts_per_s", "VERDICTS/S"},
	{"questions_per_s", "QUESTIONS/S"},
};
static const struct column contact_columns[] = {
	{"what", "TIME, us"}, {"least_us", "LEAST"}, {"median_us", "MEDIAN"}, {"p95_us", "P95"}};
static const struct column bound_columns[] = {
	{"bound", "BOUND"},    {"worst", "WORST"}, {"most", "AT MOST"},
	{"least", "AT LEAST"}, {"held", "HELD"},
};
static const struct column skip_columns[] = {{"what", "NOT MEASURED"}, {"why", "WHY"}};

int64_t kernel_memory_bytes(void)
{
	/* Slabs, pages of vmalloc, per-CPU memory. */
	static const char *const names[] = {"Slab:", "VmallocUsed:", "Percpu:"};
	char line[128];
	int64_t sum = 0;
	FILE *in = fopen("/proc/meminfo", "re");

	if (!in)
		return -1;
	while (fgets(line, sizeof(line), in)) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			long long kib;

			if (strncmp(line, names[i], strlen(names[i])) == 0 &&
			    sscanf(line + strlen(names[i]), "%lld", &kib) == 1)
				sum += kib * KIB;
		}
	}
	fclose(in);
	return sum;
}

static json_t *number_or_null(double x, bool is_known)
{
	return is_known ? json_real(x) : json_null();
}

void list_report(struct report *r, const struct list_cost *c)
{
	double bytes = (double)(c->told > 0 ? c->told : c->grown);

	json_array_append_new(
		r->lists,
		json_pack("{ss sf sf so so so so}", "what", c->what, "seconds",
			  c->spent.wall_ns / 1e9, "cpu_seconds", c->spent.cpu_ns / 1e9, "tool_mb",
			  number_or_null(c->tool_mb, c->tool_mb > 0), "told_mb",
			  number_or_null((double)c->told / 1e6, c->told > 0), "grown_mb",
			  number_or_null((double)c->grown / 1e6, c->grown > 0), "bytes_per_entry",
			  number_or_null(bytes / c->entries, bytes > 0)));
}

void report_skip(struct report *r, const char *what, const char *why)
{
	json_array_append_new(r->skipped, json_pack("{ss ss}", "what", what, "why", why));
}

void report_bound(struct report *r, const char *sentence, double worst, double most, double least)
{
	json_array_append_new(r->bounds,
			      json_pack("{ss so so sf sb}", "bound", sentence, "most",
					number_or_null(most, most > 0), "least",
					number_or_null(least, least > 0), "worst", worst, "held",
					(most <= 0 || worst <= most) && worst >= least));
}

/* A table shows what is in the row: numbers rounded, for people. */
static json_t *row_rounded(const json_t *row)
{
	json_t *out = json_object(), *value;
	const char *key;
	char text[32];

	json_object_foreach((json_t *)row, key, value)
	{
		if (json_is_real(value)) {
			double x = json_real_value(value);

			snprintf(text, sizeof(text),
				 x < 10	    ? "%.2f"
				 : x < 1000 ? "%.1f"
					    : "%.0f",
				 x);
			json_object_set_new(out, key, json_string(text));
		} else if (json_is_boolean(value)) {
			json_object_set_new(out, key,
					    json_string(json_is_true(value) ? "held" : "NOT HELD"));
		} else {
			json_object_set(out, key, value);
		}
	}
	return out;
}

static int print_table(const char *title, const struct column *columns, size_t count,
		       const json_t *rows)
{
	struct table *t = table_new(columns, count);
	int r = t ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < json_array_size(rows); i++)
		r = table_add(t, row_rounded(json_array_get(rows, i)));
	if (!r && json_array_size(rows)) {
		printf("\n%s\n", title);
		r = table_print(t, stdout);
	}
	table_free(t);
	return r;
}

int report_print(const struct report *r)
{
#define PRINT(title, columns, rows)                                                                \
	print_table(title, columns, sizeof(columns) / sizeof((columns)[0]), rows)
	int rc =
		PRINT("Programs, ns/packet (BPF_PROG_TEST_RUN). Net of the call, and of what draws "
		      "random sources.",
		      program_columns, r->programs);

	if (!rc)
		rc = PRINT("Offered load, ns/packet: a blocked source's SYNs through a veth, "
			   "generator "
			   "and receiver on one core.",
			   offered_columns, r->offered);
	if (!rc)
		rc = PRINT("Lists: loading from text; the kernel's memory by the list's own word "
			   "and by /proc/meminfo.",
			   list_columns, r->lists);
	if (!rc)
		rc = PRINT("DNS: one zone of a real rbldnsd, half of the addresses listed; who "
			   "asks has "
			   "one core.",
			   dns_columns, r->dns);
	if (!rc)
		rc = PRINT("First contact: the real program, one stranger after the other.",
			   contact_columns, r->contact);
	if (!rc)
		rc = PRINT("Not measured.", skip_columns, r->skipped);
	if (!rc)
		rc = PRINT(
			"Bounds. Of programs in times the empty one: the worst of hot and random, "
			"IPv4 and IPv6.",
			bound_columns, r->bounds);
	return rc;
#undef PRINT
}

int report_write(const struct report *r, const char *path, struct err *e)
{
	struct utsname host;
	json_t *all;
	int rc;

	if (uname(&host))
		return err_set(e, -errno, "uname: %s", strerror(errno));
	all = json_pack("{ss si sO sO sO sO sO sO sO}", "kernel", host.release, "rounds", ROUNDS,
			"programs", r->programs, "offered", r->offered, "lists", r->lists, "dns",
			r->dns, "contact", r->contact, "not_measured", r->skipped, "bounds",
			r->bounds);
	if (!all)
		return err_set(e, -ENOMEM, "no memory for the report");
	rc = json_dump_file(all, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(all);
	return rc ? err_set(e, -EIO, "cannot write %s: %s", path, strerror(errno)) : 0;
}
