/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of the controller's parts, and how they are told: see parts.h. */
#include "daemon/parts.h"

#include <string.h>

#include "base/log.h"
#include "daemon/bans.h"
#include "daemon/feeding.h"
#include "daemon/following.h"
#include "daemon/meter.h"
#include "daemon/providers.h"
#include "daemon/state.h"
#include "daemon/witness.h"

static const struct part *const parts[] = {
	&witness_part, &bans_part, &feeding_part, &providers_part, &following_part, &meter_part,
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))
_Static_assert(PARTS <= PARTS_MAX, "a bit for each");

void parts_open(struct daemon *d)
{
	for (size_t i = 0; i < PARTS; i++) {
		struct err e = {0};
		int r = parts[i]->open ? parts[i]->open(d, &e) : 0;

		if (r)
			log_error("%s: %s; %s", parts[i]->name, e.text[0] ? e.text : strerror(-r),
				  parts[i]->lost);
		else
			d->parts_open |= 1U << i;
	}
}

/* Calls a function of every part that is open and has one. */
#define TELL(function, ...)                                                                        \
	do {                                                                                       \
		for (size_t i = 0; i < PARTS; i++)                                                 \
			if (d->parts_open >> i & 1 && parts[i]->function)                          \
				parts[i]->function(__VA_ARGS__);                                   \
	} while (0)

void parts_close(struct daemon *d)
{
	for (size_t i = PARTS; i-- > 0;)
		if (d->parts_open >> i & 1 && parts[i]->close)
			parts[i]->close(d);
	d->parts_open = 0;
}

void parts_reload(struct daemon *d)
{
	TELL(reload, d);
}

void parts_gate_changed(struct daemon *d)
{
	TELL(gate_changed, d);
}

void parts_tick(struct daemon *d, uint64_t now_boot_ns)
{
	TELL(tick, d, now_boot_ns);
}

void parts_event(struct daemon *d, const struct pn_event *event)
{
	TELL(event, d, event);
}

void parts_verdict(struct daemon *d, const struct message_verdict *m, bool listed)
{
	TELL(verdict, d, m, listed);
}

void parts_said(struct daemon *d, const struct reply_said *said)
{
	TELL(said, d, said);
}

void parts_delivery(struct daemon *d, const struct store_delivery *delivery)
{
	TELL(delivery, d, delivery);
}
