/* SPDX-License-Identifier: BSD-2-Clause */
/* Who delivers mail: one row a source, however its lines come; whole batches or nothing; forgotten in time. */
#include "store/senders.h"
#include "store_rig.h"

#define NOW_S (WALL / S)

static struct store_delivery delivery_of(const char *addr, int64_t wall_s, const char *host,
					 uint32_t recipients)
{
	struct store_delivery d = {.wall_s = wall_s, .recipients = recipients};
	struct err e = {0};

	EXPECT(addr_parse(addr, &d.addr, &e) == 0, "%s", e.text);
	snprintf(d.host, sizeof(d.host), "%s", host);
	return d;
}

static void deliver(struct store *s, const char *addr, int64_t wall_s, const char *host,
		    uint32_t recipients)
{
	struct store_delivery d = delivery_of(addr, wall_s, host, recipients);
	struct err e = {0};

	EXPECT(store_put_deliveries(s, &d, 1, &e) == 0, "%s", e.text);
}

static int take(void *context, const struct store_sender *sender)
{
	*(struct store_sender *)context = *sender;
	return 0;
}

static struct store_sender sender_of(struct store *s, const char *addr)
{
	struct store_sender out = {0};
	struct err e = {0};
	struct prefix p;

	EXPECT(prefix_parse(addr, &p, &e) == 0, "%s", e.text);
	EXPECT(store_each_sender(s, &p, 0, take, &out, &e) == 0, "%s: %s", addr, e.text);
	return out;
}

static struct store *senders_fresh(void)
{
	dir_fresh();
	play("boot-a", 1000 * S, WALL);
	return open_played();
}

TEST(a_source_is_one_row_however_its_lines_come)
{
	static const struct {
		const char *what;
		int64_t wall_s;
		const char *host;
		uint32_t recipients;
		struct store_sender want;
	} rows[] = {
		{"the first",
		 100,
		 "",
		 1,
		 {.first_wall_s = 100, .last_wall_s = 100, .messages = 1, .recipients = 1}},
		{"a later one with a name",
		 200,
		 "mx.example",
		 3,
		 {.first_wall_s = 100,
		  .last_wall_s = 200,
		  .messages = 2,
		  .recipients = 4,
		  .host = "mx.example"}},
		{"an earlier one with another name",
		 50,
		 "old.example",
		 1,
		 {.first_wall_s = 50,
		  .last_wall_s = 200,
		  .messages = 3,
		  .recipients = 5,
		  .host = "mx.example"}},
		{"a later one without a name",
		 300,
		 "",
		 1,
		 {.first_wall_s = 50,
		  .last_wall_s = 300,
		  .messages = 4,
		  .recipients = 6,
		  .host = "mx.example"}},
		{"a later one with another name",
		 400,
		 "new.example",
		 4000000000U,
		 {.first_wall_s = 50,
		  .last_wall_s = 400,
		  .messages = 5,
		  .recipients = 4000000006U,
		  .host = "new.example"}},
	};
	struct store *s = senders_fresh();

	ENSURE(s, "no store");
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct store_sender *want = &rows[i].want;
		struct store_sender got;

		deliver(s, "192.0.2.1", rows[i].wall_s, rows[i].host, rows[i].recipients);
		got = sender_of(s, "192.0.2.1");
		EXPECT(got.first_wall_s == want->first_wall_s &&
			       got.last_wall_s == want->last_wall_s &&
			       got.messages == want->messages &&
			       got.recipients == want->recipients && !strcmp(got.host, want->host),
		       "%s: %" PRId64 " to %" PRId64 ", %" PRIu64 " messages to %" PRIu64 ", %s",
		       rows[i].what, got.first_wall_s, got.last_wall_s, got.messages,
		       got.recipients, got.host);
	}
	EXPECT(sender_of(s, "192.0.2.2").messages == 0, "its neighbour delivered");
	store_close(s);
}

TEST(a_batch_is_whole_or_not_at_all)
{
	struct store *s = senders_fresh();
	struct store_delivery list[2];
	struct err e = {0};

	ENSURE(s, "no store");
	list[0] = delivery_of("192.0.2.1", 100, "a", 1);
	list[1] = delivery_of("192.0.2.2", 100, "", 1);
	memset(list[1].host, 'x', sizeof(list[1].host));
	EXPECT(store_put_deliveries(s, list, 2, &e) == -EINVAL, "a name without an end was taken");
	EXPECT(sender_of(s, "192.0.2.1").messages == 0, "half a batch was written");
	/* With the place in the log, as one: what is taken back is taken back with it. */
	EXPECT(store_begin(s, &e) == 0, "%s", e.text);
	EXPECT(store_put_deliveries(s, list, 1, &e) == 0, "%s", e.text);
	EXPECT(store_put_value(s, "place", "1", &e) == 0, "%s", e.text);
	store_rollback(s);
	EXPECT(sender_of(s, "192.0.2.1").messages == 0, "it stayed after a rollback");
	store_close(s);
}

struct told {
	char text[256];
	unsigned stop_at, count;
};

static int tell(void *context, const struct store_sender *sender)
{
	struct told *t = context;
	size_t n = strlen(t->text);
	char text[ADDR_TEXT_MAX];

	snprintf(t->text + n, sizeof(t->text) - n, "%s%s", n ? " " : "",
		 addr_format(&sender->addr, text));
	return ++t->count == t->stop_at;
}

TEST(they_are_told_the_busiest_first_by_prefix_and_time)
{
	static const struct {
		const char *what, *inside;
		int64_t since_s;
		unsigned stop_at;
		const char *want;
	} rows[] = {
		{"all", NULL, 0, 0, "192.0.2.2 2001:db8::1 192.0.2.1 198.51.100.1"},
		{"a network", "192.0.2.0/24", 0, 0, "192.0.2.2 192.0.2.1"},
		{"a host", "192.0.2.1", 0, 0, "192.0.2.1"},
		{"a short prefix of IPv6 has no IPv4", "::/1", 0, 0, "2001:db8::1"},
		{"all of IPv4", "0.0.0.0/0", 0, 0, "192.0.2.2 192.0.2.1 198.51.100.1"},
		{"since a time", NULL, 200, 0, "2001:db8::1"},
		{"until told to stop", NULL, 0, 2, "192.0.2.2 2001:db8::1"},
		{"none", "203.0.113.0/24", 0, 0, ""},
	};
	struct store *s = senders_fresh();

	ENSURE(s, "no store");
	deliver(s, "192.0.2.1", 101, "", 1);
	for (int i = 0; i < 3; i++)
		deliver(s, "192.0.2.2", 100, "", 1);
	deliver(s, "2001:db8::1", 200, "", 1);
	deliver(s, "2001:db8::1", 200, "", 1);
	deliver(s, "198.51.100.1", 100, "", 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct told t = {.stop_at = rows[i].stop_at};
		struct err e = {0};
		struct prefix p;
		int code;

		if (rows[i].inside)
			EXPECT(prefix_parse(rows[i].inside, &p, &e) == 0, "%s", e.text);
		code = store_each_sender(s, rows[i].inside ? &p : NULL, rows[i].since_s, tell, &t,
					 &e);
		EXPECT(code == (rows[i].stop_at ? 1 : 0) && strcmp(t.text, rows[i].want) == 0,
		       "%s: %d '%s' %s", rows[i].what, code, t.text, e.text);
	}
	store_close(s);
}

TEST(who_has_not_delivered_for_a_month_is_forgotten)
{
	struct store *s = senders_fresh();
	struct err e = {0};
	unsigned count = 0;

	ENSURE(s, "no store");
	deliver(s, "192.0.2.1", NOW_S - STORE_SENDER_DAYS * 86400, "", 1);
	deliver(s, "192.0.2.2", NOW_S - STORE_SENDER_DAYS * 86400 - 1, "", 1);
	EXPECT(store_trim_senders(s, &count, &e) == 0 && count == 1, "%u %s", count, e.text);
	EXPECT(sender_of(s, "192.0.2.1").messages == 1, "one of a month was forgotten");
	EXPECT(sender_of(s, "192.0.2.2").messages == 0, "an older one was not");
	store_close(s);
}

TEST(an_edited_row_is_not_believed)
{
	static const char *const edits[] = {
		"UPDATE sender SET messages = 0",
		"UPDATE sender SET recipients = -1",
		"UPDATE sender SET first_wall_s = last_wall_s + 1",
		"UPDATE sender SET host = printf('%300c', 'x')",
	};

	for (size_t i = 0; i < COUNT(edits); i++) {
		struct store *s = senders_fresh();
		struct told t = {0};
		struct err e = {0};

		ENSURE(s, "no store");
		deliver(s, "192.0.2.1", 100, "mx.example", 1);
		EXPECT(sqlite3_exec(s->db, edits[i], NULL, NULL, NULL) == SQLITE_OK, "%s",
		       sqlite3_errmsg(s->db));
		EXPECT(store_each_sender(s, NULL, 0, tell, &t, &e) == -EBADMSG, "%s: told",
		       edits[i]);
		store_close(s);
	}
}
