/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deadline of an order is kept three times, like that of a rule: in boot time with the boot's id (exact while
 * the boot lasts, whatever the wall clock does), as wall time, and as the time left (a bound for a
 * wall clock that was set back in between).
 */
#include "policy/mode.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODE_WORD_MAX	16 /* "enforce", "configured" */
#define MODE_NUMBER_MAX 24 /* 20 digits of 64 bits */

const char *mode_format(const struct mode_order *o, char buffer[static MODE_TEXT_MAX])
{
	snprintf(buffer, MODE_TEXT_MAX,
		 "%s configured %s until %" PRIu64 " %s %" PRId64 " %" PRIu64,
		 o->enforce ? "enforce" : "monitor", o->configured_enforce ? "enforce" : "monitor",
		 o->until_boot_ns, o->boot[0] ? o->boot : "-", o->until_wall_s, o->left_s);
	return buffer;
}

/* The next word, up to a single space or the end. 0 or -EINVAL. */
static int word_take(const char **at, char *word, size_t size)
{
	size_t length = strcspn(*at, " ");

	if (length == 0 || length >= size)
		return -EINVAL;
	memcpy(word, *at, length);
	word[length] = '\0';
	*at += length + ((*at)[length] == ' ');
	return 0;
}

static int word_expect(const char **at, const char *wanted)
{
	char word[MODE_WORD_MAX];

	return word_take(at, word, sizeof(word)) || strcmp(word, wanted) != 0 ? -EINVAL : 0;
}

static int mode_take(const char **at, bool *enforce)
{
	char word[MODE_WORD_MAX];

	if (word_take(at, word, sizeof(word)))
		return -EINVAL;
	*enforce = strcmp(word, "enforce") == 0;
	return *enforce || strcmp(word, "monitor") == 0 ? 0 : -EINVAL;
}

static int number_take(const char **at, uint64_t *out)
{
	char word[MODE_NUMBER_MAX], *end;

	if (word_take(at, word, sizeof(word)) || !isdigit((unsigned char)word[0]))
		return -EINVAL;
	errno = 0;
	*out = strtoull(word, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

int mode_parse(const char *text, struct mode_order *out)
{
	char written[MODE_TEXT_MAX];
	const char *whole = text;
	struct mode_order o = {0};
	uint64_t wall_s;

	if (mode_take(&text, &o.enforce) || word_expect(&text, "configured") ||
	    mode_take(&text, &o.configured_enforce) || word_expect(&text, "until") ||
	    number_take(&text, &o.until_boot_ns) || word_take(&text, o.boot, sizeof(o.boot)) ||
	    number_take(&text, &wall_s) || number_take(&text, &o.left_s) || *text)
		return -EINVAL;
	if (wall_s > INT64_MAX)
		return -EINVAL;
	o.until_wall_s = (int64_t)wall_s;
	if (strcmp(o.boot, "-") == 0)
		o.boot[0] = '\0';
	/* Leading zeros, a space at the end: whoever wrote those, it was not us. */
	if (strcmp(mode_format(&o, written), whole) != 0)
		return -EINVAL;
	*out = o;
	return 0;
}

/* Seconds left of a deadline that was set in another boot. */
static uint64_t seconds_left(const struct mode_order *o, const struct mode_now *now)
{
	uint64_t left;

	if (o->until_wall_s <= now->wall_s)
		return 0;
	left = (uint64_t)o->until_wall_s - (uint64_t)now->wall_s;
	if (left > o->left_s)
		left = o->left_s;
	return left < DURATION_MAX_S ? left : DURATION_MAX_S;
}

uint64_t mode_decide(bool configured_enforce, const struct mode_order *order,
		     const struct mode_now *now)
{
	uint64_t left_s;

	if (!order || order->configured_enforce != configured_enforce)
		return configured_enforce ? MODE_ENFORCE : MODE_MONITOR;
	if (!order->enforce)
		return MODE_MONITOR;
	if (!order->until_boot_ns)
		return MODE_ENFORCE;
	if (order->boot[0] && strcmp(order->boot, now->boot) == 0)
		return order->until_boot_ns > now->boot_ns ? order->until_boot_ns : MODE_MONITOR;
	left_s = seconds_left(order, now);
	return left_s ? now->boot_ns + left_s * NS_PER_S : MODE_MONITOR;
}
