/* SPDX-License-Identifier: BSD-2-Clause */
/* Orders of a mode, as the store keeps them: nothing is taken but what is written, and no order lasts longer than it says. */
#include "policy/mode.h"

#include "fuzz/fuzz.h"

#define BOOT	   "11111111-2222-3333-4444-555555555555"
#define NOW_S	   1000
#define NOW_WALL_S 1767323045

static void check_decision(const struct mode_order *o)
{
	const struct mode_now now = {
		.boot_ns = NOW_S * NS_PER_S, .wall_s = NOW_WALL_S, .boot = BOOT};
	uint64_t until;

	HOLDS(mode_decide(!o->configured_enforce, o, &now) ==
	      (o->configured_enforce ? MODE_MONITOR : MODE_ENFORCE));
	until = mode_decide(o->configured_enforce, o, &now);
	if (!o->enforce)
		HOLDS(until == MODE_MONITOR);
	else if (!o->until_boot_ns)
		HOLDS(until == MODE_ENFORCE);
	else if (strcmp(o->boot, BOOT) == 0)
		HOLDS(until == MODE_MONITOR || (until > now.boot_ns && until == o->until_boot_ns));
	else
		HOLDS(until == MODE_MONITOR ||
		      (until > now.boot_ns && (until - now.boot_ns) / NS_PER_S <= o->left_s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), written[MODE_TEXT_MAX];
	struct mode_order o;

	memset(&o, UNTOUCHED, sizeof(o));
	if (mode_parse(text, &o) < 0) {
		HOLDS(is_untouched(&o, sizeof(o)));
	} else {
		HOLDS(strcmp(mode_format(&o, written), text) == 0);
		check_decision(&o);
	}
	free(text);
	return 0;
}
