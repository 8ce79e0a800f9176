/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of a host made by hand, and what the checks say of them. */
#ifndef SELFTESTS_UNIT_AUDIT_LOCAL_RIG_H
#define SELFTESTS_UNIT_AUDIT_LOCAL_RIG_H

#include <errno.h>

#include "audit/local_inside.h"
#include "audit_rig.h"

#define PIECES	 4
#define SAID_MAX 1024

struct row {
	const char *sentence, *check, *said;
	struct {
		enum local_item item;
		const char *text;
	} piece[PIECES];
};

/* In place of a text. */
static const char absent[] = "absent", unreadable[] = "unreadable";

static inline int code_of(const char *text)
{
	return text == absent ? -ENOENT : text == unreadable ? -EACCES : 0;
}

static inline struct local_raw *raw_of(const struct row *row)
{
	struct local_raw *raw = calloc(1, sizeof(*raw));

	for (unsigned i = 0; i < PIECES; i++) {
		const char *text = row->piece[i].text;

		if (text)
			local_raw_add(raw, row->piece[i].item, "piece", code_of(text), strdup(text),
				      strlen(text));
	}
	raw->at_s = 1800000000;
	return raw;
}

static inline struct seen_local *local_of(const struct row *row)
{
	struct local_raw *raw = raw_of(row);
	struct seen_local *local = NULL;

	(void)local_read(raw, &local);
	local_raw_free(raw);
	return local;
}

static inline void local_check(struct rig *r, const char *id, const struct seen_local *local)
{
	const struct look look = {.check = check_find(id),
				  .seen = &r->seen,
				  .request = &r->request,
				  .out = &r->found};

	findings_free(&r->found);
	look.check->local(&look, local);
}

static inline void rows_run(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct seen_local *local = local_of(&rows[i]);
		char said[SAID_MAX];
		struct rig r;

		rig_open(&r);
		local_check(&r, rows[i].check, local);
		rig_said(&r, said, sizeof(said));
		EXPECT(strcmp(said, rows[i].said) == 0, "%s: %s", rows[i].sentence, said);
		findings_free(&r.found);
		seen_local_free(local);
	}
}

#define NETWORKS(list)                                                                             \
	{                                                                                          \
		{                                                                                  \
			LOCAL_POSTCONF, "mynetworks = " list "\nsmtpd_relay_restrictions = "       \
					"permit_mynetworks, reject_unauth_destination\n"           \
		}                                                                                  \
	}

#endif
