/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever stands in a mail log: the reader keeps its bounds, tells only of clients and printable texts, which a keeper takes from the follower, and it
 * does not matter in which pieces the bytes come.
 */
#include "maillog/maillog.h"

#include "base/addr.h"
#include "daemon/following_child.h"
#include "fuzz/fuzz.h"

#define NOW_S 1795329000
#define PIECE 7 /* bytes: lines are cut anywhere */

static size_t seen;
static uint64_t sum;

static void tell(void *context, const struct maillog_event *e)
{
	struct message_delivery m = follower_delivery(e);
	char text[ADDR_TEXT_MAX];

	(void)context;
	HOLDS(message_check(&m, sizeof(m), 1U << MESSAGE_DELIVERY, &(struct err){0}));
	HOLDS(e->what <= MAILLOG_REJECT && e->wall_s > 0 && e->connected_wall_s >= 0);
	HOLDS(is_printable(e->host) && is_printable(e->from));
	HOLDS(e->what != MAILLOG_DELIVERY || e->recipients);
	addr_format(&e->addr, text);
	seen++;
	for (const char *at = text; *at; at++)
		sum = sum * 31 + (uint64_t)*at;
	sum = sum * 31 + e->recipients + (uint64_t)e->wall_s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool prepared;
	char *text = copy_of(data, size);
	struct maillog *m = NULL;
	size_t once;
	uint64_t once_sum;

	if (!prepared) {
		setenv("TZ", "UTC", 1);
		maillog_prepare();
		prepared = true;
	}
	seen = sum = 0;
	HOLDS(maillog_open(&m, NOW_S, tell, NULL) == 0);
	maillog_bytes(m, text, size);
	maillog_flush(m);
	HOLDS(maillog_span(m).understood <= maillog_span(m).lines);
	maillog_close(m);
	once = seen;
	once_sum = sum;
	seen = sum = 0;
	HOLDS(maillog_open(&m, NOW_S, tell, NULL) == 0);
	for (size_t at = 0; at < size; at += PIECE)
		maillog_bytes(m, text + at, size - at < PIECE ? size - at : PIECE);
	maillog_flush(m);
	maillog_close(m);
	HOLDS(seen == once && sum == once_sum);
	free(text);
	return 0;
}
