/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two walks over SPF records are tried on alike: a name server with records that both must find wrong in the same way. */
#ifndef SELFTESTS_UNIT_SPF_RIG_H
#define SELFTESTS_UNIT_SPF_RIG_H

#include "dns/spf.h"
#include "unit/dns_rig.h"

#define COUNT(array)	   (sizeof(array) / sizeof((array)[0]))
#define SPF_RIG_TIMEOUT_MS 400
#define SPF_RIG_ROWS_MAX   192

static const struct rig_row spf_rig_rows[] = {
	{"host.test", RECORD_A, "203.0.113.77"},
	{"host.test", RECORD_AAAA, "2001:db8:2:3:4::5"},
	{"none.test", RECORD_TXT, "v=spf10 -all"},
	{"two.test", RECORD_TXT, "v=spf1 -all"},
	{"two.test", RECORD_TXT, "v=spf1 mx -all"},
	{"lost.test", RECORD_TXT, "v=spf1 include:none.test ip4:192.0.2.0/24 -all"},
	{"loop.test", RECORD_TXT, "v=spf1 include:loop2.test -all"},
	{"loop2.test", RECORD_TXT, "v=spf1 include:LOOP.test -all"},
	{"syntax.test", RECORD_TXT, "v=spf1 ip4:192.0.2.0/33 -all"},
	{"voids3.test", RECORD_TXT, "v=spf1 a:no1.test mx:no2.test a:no3.test -all"},
	{"ten.test", RECORD_TXT,
	 "v=spf1 a:host.test a:host.test a:host.test a:host.test a:host.test "
	 "a:host.test a:host.test a:host.test a:host.test a:host.test -all"},
	{"eleven.test", RECORD_TXT, "v=spf1 include:ten.test -all"},
	{"fails.test", RECORD_TXT, "v=spf1 ip4:192.0.2.0/24 a:servfail.test -all"},
	{"servfail.test", RECORD_TXT, "!servfail"},
	{"silent.test", RECORD_TXT, "!silent"},
	{"m.t", RECORD_TXT,
	 "v=spf1 ip4:192.0.2.0/24 -all"}, /* and others; a short name, for a short message */
};

static struct resolver *resolver;

static bool spf_rig_open(struct rig *r, const struct rig_row *rows, size_t count)
{
	static struct rig_row all[SPF_RIG_ROWS_MAX];
	size_t used = COUNT(spf_rig_rows);

	memcpy(all, spf_rig_rows, sizeof(spf_rig_rows));
	for (unsigned i = 0; i < ANSWER_TEXTS_MAX; i++)
		all[used++] = (struct rig_row){"m.t", RECORD_TXT, "x"};
	if (!EXPECT(used + count <= COUNT(all), "%zu rows", used + count))
		return false;
	memcpy(all + used, rows, count * sizeof(*rows));
	return rig_open(r, all, (unsigned)(used + count)) &&
	       resolver_open(&resolver, r->loop, &r->at, 1, SPF_RIG_TIMEOUT_MS, NULL) == 0;
}

static void spf_rig_close(struct rig *r)
{
	resolver_close(resolver);
	rig_close(r);
}

#endif
