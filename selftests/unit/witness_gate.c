/* SPDX-License-Identifier: BSD-2-Clause */
/* The witness: what it was told goes into the store that there is. */
#include "parts_rig.h"

#include "base/when.h"
#include "store/refusals.h"

#define LOOK_MS	  20
#define LOOKS_MAX 1000 /* half a second is enough, on a machine that has nothing else to do */

static struct store_refusal last; /* of a walk */

static int count_refusal(void *context, const struct store_refusal *r)
{
	last = *r;
	++*(unsigned *)context;
	return 0;
}

static unsigned refusals(void)
{
	unsigned count = 0;

	EXPECT(store_each_refusal(d.store, 0, count_refusal, &count, NULL) == 0, "a walk");
	return count;
}

static unsigned expected, looks;

static void look(void *context)
{
	if (refusals() >= expected || ++looks == LOOKS_MAX)
		loop_stop(context);
}

/* One more source that would have been refused is told, and written. False: it never is. */
static bool witness_one(uint8_t number)
{
	struct pn_event e = {.time = now_boot_ns(),
			     .src = {[10] = 0xff, 0xff, 198, 51, 100, number},
			     .reason = PN_REASON_RATE,
			     .would = PN_DROP};
	struct loop_source *timer = NULL;

	expected = refusals() + 1;
	looks = 0;
	witness_part.event(&d, &e);
	if (!EXPECT(loop_add_timer(d.loop, LOOK_MS, LOOK_MS, look, d.loop, &timer) == 0, "a timer"))
		return false;
	loop_run(d.loop);
	loop_remove(d.loop, timer);
	return refusals() == expected;
}

TEST(a_refusal_takes_no_place_of_another_in_a_store_that_was_replaced)
{
	struct store_refusal others[5] = {0};
	struct err e = {0};

	if (geteuid() != 0)
		SKIP("root");
	ENSURE(bench_load(), "a bench");
	ENSURE(witness_part.open(&d, &e) == 0, "%s", e.text);
	EXPECT(witness_one(1), "it is written");
	ENSURE(store_replace(), "a new store");
	for (unsigned i = 0; i < 5; i++) {
		others[i] = (struct store_refusal){
			.id = i + 1, .reason = "rate", .action = "drop", .connections = 1};
		others[i].addr.byte[15] = (uint8_t)(i + 1);
	}
	EXPECT(store_put_refusals(d.store, others, 5, &e) == 0, "%s", e.text);
	EXPECT(witness_one(2), "it stands beside theirs");
	witness_part.close(&d);
}

/* What was on its way when the connection was cut is judged by the kernel as it comes, and is none of its own. */
TEST(a_cut_connection_counts_once)
{
	struct pn_event e = {.time = now_boot_ns(),
			     .src = {[10] = 0xff, 0xff, 198, 51, 100, 7},
			     .class_ = PN_CLASS_MX,
			     .reason = PN_REASON_LISTED,
			     .action = PN_DROP,
			     .would = PN_DROP,
			     .sport = 40001};
	struct err error = {0};
	struct addr who;
	unsigned before;

	if (geteuid() != 0)
		SKIP("root");
	if (!d.gate && !bench_load())
		return;
	before = refusals();
	ENSURE(witness_part.open(&d, &error) == 0, "%s", error.text);
	d.conf.actions.dnsbl = CONF_DROP;
	memcpy(who.byte, e.src, sizeof(who.byte));
	witness_note_cut(&d, &who, e.sport);
	witness_part.event(&d, &e);
	e.sport++;
	witness_part.event(&d, &e);
	witness_note_cut(&d, &who, e.sport);
	/* Two at once, and then what was on its way of each. */
	witness_note_cut(&d, &who, 50001);
	witness_note_cut(&d, &who, 50002);
	e.sport = 50001;
	witness_part.event(&d, &e);
	e.sport = 50002;
	witness_part.event(&d, &e);
	witness_part.close(&d);
	EXPECT(refusals() == before + 1 && last.acted && last.connections == 4 &&
		       !strcmp(last.action, "drop"),
	       "%u rows, the last of %d connections by %s", refusals() - before,
	       (int)last.connections, last.action);
}
