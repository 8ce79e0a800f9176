/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the table: one state, one frame, one verdict. See table.h. */

#include <string.h>

#include "table.h"

static bool is_untouched(const struct result *r, const struct frame *in)
{
	return r->out.length == in->length && !memcmp(r->out.bytes, in->bytes, in->length);
}

static bool is_counted_right(const struct result *r, const struct outcome *o)
{
	if (o->reason == REASON_NONE)
		return r->counters == 0;
	return r->counters == 1 && r->reason == o->reason && r->would == o->would &&
	       r->class_ == o->class_ && r->bytes == o->bytes;
}

bool rig_agrees(const char *sentence, const struct result *r, const struct outcome *o,
		const struct frame *in)
{
	bool held = r->verdict == o->verdict && is_counted_right(r, o) &&
		    (r->verdict != XDP_PASS || is_untouched(r, in));

	return EXPECT(held,
		      "%s: want %s %s%s class %d, got %s %s%s class %d, %u counters rose, %llu "
		      "bytes for %llu%s",
		      sentence, verdict_text(o->verdict), reason_text(o->reason),
		      o->would ? " (would)" : "", (int)o->class_, verdict_text(r->verdict),
		      reason_text(r->reason), r->would ? " (would)" : "", (int)r->class_,
		      r->counters, (unsigned long long)r->bytes, (unsigned long long)o->bytes,
		      r->verdict == XDP_PASS && !is_untouched(r, in) ? ", frame changed" : "");
}

static void check_faults(const struct row *row, const struct result *r)
{
	for (unsigned i = 0; i < PN_FAULTS; i++) {
		bool want = row->fault && row->fault == (enum pn_fault)i;

		if (i == PN_FAULT_EVENT_CAPPED || i == PN_FAULT_EVENT_LOST)
			continue; /* nobody reads the ring here */
		EXPECT(r->faults[i] == want, "%s: fault %u rose by %llu", row->sentence, i,
		       (unsigned long long)r->faults[i]);
	}
}

void rows_check(const struct row *rows, size_t count)
{
	static struct frame frame;
	static struct result result;

	if (!rig_open())
		return;
	for (const struct row *row = rows; row < rows + count; row++) {
		struct outcome want = {.verdict = row->verdict,
				       .reason = row->reason,
				       .would = row->would,
				       .class_ = row->class_};
		struct outcome model;
		struct seen seen;

		frame_build(&frame, &row->packet);
		if (!rig_apply(&row->given) || !rig_run(frame.bytes, frame.length, &result))
			return;
		seen = model_parse(frame.bytes, frame.length);
		model = model_judge(&row->given, &seen);
		want.bytes = model.bytes;
		if (!rig_agrees(row->sentence, &result, &want, &frame))
			frame_print("frame", frame.bytes, frame.length);
		check_faults(row, &result);
		/* The table judges the reference as well. */
		EXPECT(model.verdict == row->verdict && model.reason == row->reason &&
			       model.would == row->would && model.class_ == row->class_,
		       "%s: the reference says %s %s", row->sentence, verdict_text(model.verdict),
		       reason_text(model.reason));
	}
}
