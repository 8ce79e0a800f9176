/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of verdicts in the store share: verdicts to put, and what a walk met. */
#ifndef SELFTESTS_VERDICT_RIG_H
#define SELFTESTS_VERDICT_RIG_H

#include "store/verdicts.h"
#include "store_rig.h"

#define EVIDENCE "{\"zones\":[],\"asked\":5}"

static MAY_BE_UNUSED struct store *open_fresh(void)
{
	struct err e = {0};
	struct store *s;

	EXPECT(store_open(&s, dir_fresh(), STORE_WRITE, &e) == 0, "open: %s", e.text);
	return s;
}

static struct store_verdict verdict_of(const char *prefix, const char *zones)
{
	struct store_verdict v = {.listed = *zones != '\0',
				  .classes = 1,
				  .score = 4,
				  .threshold = 3,
				  .zones = zones,
				  .by = *zones ? "zen.example" : "",
				  .reason = *zones ? "see https://example/?q" : "",
				  .evidence = EVIDENCE,
				  .decided_wall_s = 1700000000,
				  .expires_boot_ns = now_boot_ns() + 3600 * NS_PER_S};
	struct err e = {0};

	EXPECT(prefix_parse(prefix, &v.prefix, &e) == 0, "%s", e.text);
	v.addr = v.prefix.addr;
	return v;
}

static MAY_BE_UNUSED bool put_verdict(struct store *s, const struct store_verdict *v)
{
	struct err e = {0};
	int code = store_put_verdicts(s, v, 1, &e);

	return EXPECT(code == 0, "put: %d %s", code, e.text);
}

/* What a walk met, as "192.0.2.1 192.0.2.0/24". */
struct met {
	char text[512];
	unsigned count;
	struct store_verdict last;
	char zones[STORE_ZONES_MAX], by[STORE_BY_MAX], reason[STORE_REASON_MAX],
		evidence[STORE_EVIDENCE_MAX];
};

static int meet(void *context, const struct store_verdict *v)
{
	struct met *m = context;
	char text[PREFIX_TEXT_MAX];
	size_t n = strlen(m->text);

	if (n + PREFIX_TEXT_MAX + 1 < sizeof(m->text))
		snprintf(m->text + n, sizeof(m->text) - n, "%s%s", n ? " " : "",
			 prefix_format(&v->prefix, text));
	m->count++;
	m->last = *v;
	snprintf(m->zones, sizeof(m->zones), "%s", v->zones);
	snprintf(m->by, sizeof(m->by), "%s", v->by);
	snprintf(m->reason, sizeof(m->reason), "%s", v->reason);
	snprintf(m->evidence, sizeof(m->evidence), "%s", v->evidence);
	return 0;
}

/* Those that hold for an address, or (NULL) all. In memory of the program: it is large. */
static struct met *met_by(struct store *s, const char *addr)
{
	static struct met m;
	struct err e = {0};
	struct addr a = {0};
	int code;

	m = (struct met){0};
	if (addr)
		EXPECT(addr_parse(addr, &a, &e) == 0, "%s", e.text);
	code = store_each_verdict(s, addr ? &a : NULL, meet, &m, &e);
	EXPECT(code == 0, "each: %d %s", code, e.text);
	return &m;
}

static MAY_BE_UNUSED unsigned count_verdicts(struct store *s)
{
	return met_by(s, NULL)->count;
}

#endif
