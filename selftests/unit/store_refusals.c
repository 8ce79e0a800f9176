/* SPDX-License-Identifier: BSD-2-Clause */
/* What was refused, as rows: replaced, read in order, bounded in age and number; and the counts of hours. */
#include "store/refusals.h"
#include "store_rig.h"

#define NOW_S 1800000000
#define DAY_S 86400

static int64_t wall_ns(void)
{
	return NOW_S * (int64_t)NS_PER_S;
}

static uint64_t boot_ns(void)
{
	return 1000 * NS_PER_S;
}

static const char *boot(char buffer[static BOOT_ID_MAX])
{
	snprintf(buffer, BOOT_ID_MAX, "boot");
	return buffer;
}

static const struct store_clock stopped = {boot_ns, wall_ns, boot};

static struct store *opened(void)
{
	struct store *s = NULL;
	struct err e = {0};

	EXPECT(store_open_by(&s, dir_fresh(), STORE_WRITE, &stopped, STORE_PATIENCE_MS, &e) == 0,
	       "%s", e.text);
	return s;
}

static struct store_refusal row(int64_t id, const char *addr, int64_t first_s, uint64_t count)
{
	struct store_refusal r = {.id = id,
				  .reason = "listed",
				  .action = "reply",
				  .detail = "bl.example other.example",
				  .says = "because",
				  .first_wall_s = first_s,
				  .last_wall_s = first_s + 60,
				  .connections = count};

	addr_parse(addr, &r.addr, NULL);
	return r;
}

static char told[1024];

static int tell(void *context, const struct store_refusal *r)
{
	char text[ADDR_TEXT_MAX];
	size_t n = strlen(told);

	(void)context;
	snprintf(told + n, sizeof(told) - n, "%s %lld %llu %s %s %s %s %d;",
		 addr_format(&r->addr, text), (long long)(r->first_wall_s - NOW_S),
		 (unsigned long long)r->connections, r->reason, r->action, r->detail, r->says,
		 r->acted);
	return 0;
}

static int tell_hour(void *context, const struct store_hour *h)
{
	size_t n = strlen(told);

	(void)context;
	snprintf(told + n, sizeof(told) - n, "%lld %s %u %llu %llu;",
		 (long long)(h->wall_s - NOW_S), h->reason, h->class_,
		 (unsigned long long)h->packets, (unsigned long long)h->would);
	return 0;
}

#define EXPECT_TOLD(text) EXPECT(!strcmp(told, text), "%s", told)
#define TAIL		  "listed reply bl.example other.example because 0;"

TEST(a_row_is_replaced_by_its_later_self)
{
	struct store_refusal rows[] = {row(1, "192.0.2.7", NOW_S - 100, 1),
				       row(2, "2001:db8::7", NOW_S - 90, 2),
				       row(1, "192.0.2.7", NOW_S - 100, 5)};
	struct store *s = opened();
	struct err e = {0};
	int64_t next = 0;

	ENSURE(s, "no store");
	EXPECT(store_next_refusal(s, &next, &e) == 0 && next == 1, "%lld", (long long)next);
	EXPECT(store_put_refusals(s, rows, COUNT(rows), &e) == 0, "%s", e.text);
	EXPECT(store_next_refusal(s, &next, &e) == 0 && next == 3, "%lld", (long long)next);
	told[0] = '\0';
	EXPECT(store_each_refusal(s, NOW_S - 1000, tell, NULL, &e) == 0, "%s", e.text);
	EXPECT_TOLD("192.0.2.7 -100 5 " TAIL "2001:db8::7 -90 2 " TAIL);
	told[0] = '\0';
	EXPECT(store_each_refusal(s, NOW_S - 35, tell, NULL, &e) == 0, "%s", e.text);
	EXPECT_TOLD("2001:db8::7 -90 2 " TAIL);
	store_close(s);
}

TEST(a_batch_with_a_bad_row_is_not_written)
{
	struct store_refusal rows[] = {row(1, "192.0.2.7", NOW_S, 1),
				       row(2, "192.0.2.8", NOW_S, 1)};
	struct store *s = opened();
	struct err e = {0};

	ENSURE(s, "no store");
	rows[1].last_wall_s = rows[1].first_wall_s - 1;
	EXPECT(store_put_refusals(s, rows, COUNT(rows), &e) == -EINVAL && e.text[0], "%s", e.text);
	told[0] = '\0';
	EXPECT(store_each_refusal(s, 0, tell, NULL, &e) == 0, "%s", e.text);
	EXPECT_TOLD("");
	store_close(s);
}

TEST(what_is_old_or_too_much_goes)
{
	struct store *s = opened();
	struct store_refusal rows[] = {
		row(1, "192.0.2.1", NOW_S - 10, 1),
		row(2, "192.0.2.2", NOW_S - STORE_REFUSAL_DAYS * (int64_t)DAY_S - 100, 1),
		row(3, "192.0.2.3", NOW_S - 10, 1),
		row(STORE_REFUSALS_MAX + 2, "192.0.2.4", NOW_S - 10, 1)};
	struct store_hour hours[] = {
		{.wall_s = NOW_S, .reason = "clean", .packets = 1},
		{.wall_s = NOW_S - (STORE_REFUSAL_DAYS + 1) * (int64_t)DAY_S, .reason = "clean"}};
	struct err e = {0};
	unsigned count = 0;

	ENSURE(s, "no store");
	EXPECT(store_put_refusals(s, rows, COUNT(rows), &e) == 0, "%s", e.text);
	EXPECT(store_add_hours(s, hours, COUNT(hours), &e) == 0, "%s", e.text);
	EXPECT(store_trim_refusals(s, &count, &e) == 0, "%s", e.text);
	EXPECT(count == 3, "%u", count);
	told[0] = '\0';
	EXPECT(store_each_refusal(s, 0, tell, NULL, &e) == 0, "%s", e.text);
	EXPECT_TOLD("192.0.2.3 -10 1 " TAIL "192.0.2.4 -10 1 " TAIL);
	store_close(s);
}

TEST(counts_of_an_hour_add_up)
{
	struct store_hour hours[] = {
		{.wall_s = NOW_S, .reason = "listed", .packets = 1, .would = 2},
		{.wall_s = NOW_S + 1, .reason = "listed", .packets = 10, .would = 20},
		{.wall_s = NOW_S + 1, .reason = "listed", .class_ = 1, .packets = 5},
		{.wall_s = NOW_S + STORE_HOUR_S, .reason = "watched", .packets = 60, .would = 30}};
	struct store *s = opened();
	struct err e = {0};
	int64_t hour = -((int64_t)NOW_S % STORE_HOUR_S), next = hour + STORE_HOUR_S;
	char expected[256];

	ENSURE(s, "no store");
	for (unsigned i = 0; i < 2; i++)
		EXPECT(store_add_hours(s, hours, COUNT(hours), &e) == 0, "%s", e.text);
	told[0] = '\0';
	EXPECT(store_each_hour(s, NOW_S, tell_hour, NULL, &e) == 0, "%s", e.text);
	snprintf(expected, sizeof(expected),
		 "%lld listed 0 22 44;%lld listed 1 10 0;%lld watched 0 120 60;", (long long)hour,
		 (long long)hour, (long long)next);
	EXPECT_TOLD(expected);
	hours[3].reason[0] = '\0';
	EXPECT(store_add_hours(s, hours, COUNT(hours), &e) == -EINVAL, "without a reason");
	store_close(s);
}
