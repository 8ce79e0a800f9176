/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage: [BENCH_LOG=1] [BENCH_ONLY=PART] bench [JSON-FILE]
 *
 * Measure, print tables, and write the same as JSON. Needs root. Nothing is attached to an
 * interface of this host, nothing pinned: namespaces, maps and programs go with this process.
 * PART is programs, import, offered, verdicts or contact. BENCH_LOG shows what libbpf complains of.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define OBJECT "/spray.bpf.o" /* beside this program */

__attribute__((format(printf, 2, 0))) static int warn(enum libbpf_print_level level,
						      const char *format, va_list ap)
{
	return level == LIBBPF_WARN && getenv("BENCH_LOG") ? vfprintf(stderr, format, ap) : 0;
}

static int spray_find(struct err *e)
{
	char path[PATH_MAX + sizeof(OBJECT)];
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (length < 0)
		return err_set(e, -errno, "cannot find this program: %s", strerror(errno));
	path[length] = 0;
	dirname(path);
	strcat(path, OBJECT);
	return spray_open(path, e);
}

static int import_measure(struct report *r, struct err *e)
{
	static const enum world worlds[] = {WORLD_MANY, WORLD_FEED};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		struct list_cost imported;

		rc = world_imported(worlds[i], &imported, e);
		if (!rc)
			list_report(r, &imported);
	}
	return rc;
}

static const struct part {
	const char *name;
	int (*measure)(struct report *r, struct err *e);
} parts[] = {
	{"programs", programs_measure}, {"import", import_measure},   {"offered", offered_measure},
	{"verdicts", verdicts_measure}, {"contact", contact_measure},
};

static int measure(struct report *r, struct err *e)
{
	const char *only = getenv("BENCH_ONLY");
	int rc = spray_find(e);

	for (size_t i = 0; !rc && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!only || strcmp(only, parts[i].name) == 0)
			rc = parts[i].measure(r, e);
	return rc;
}

int main(int argc, char **argv)
{
	struct report r = {json_array(), json_array(), json_array(), json_array(),
			   json_array(), json_array(), json_array()};
	struct err e = {0};
	int rc;

	if (argc > 2) {
		fprintf(stderr, "usage: bench [JSON-FILE]\n");
		return 2;
	}
	libbpf_set_print(warn);
	rc = measure(&r, &e);
	worlds_close();
	xdpfilter_close();
	spray_close();
	if (rc) {
		fprintf(stderr, "bench: %s\n", e.text);
		return 1;
	}
	rc = report_print(&r);
	if (!rc && argc > 1)
		rc = report_write(&r, argv[1], &e);
	if (rc)
		fprintf(stderr, "bench: %s\n", *e.text ? e.text : strerror(-rc));
	return rc ? 1 : 0;
}
