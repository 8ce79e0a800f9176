/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rates: COUNT "/" DURATION [" burst " COUNT], or "" for none. One form and no other, so that what
 * a person reads in `show config` is what may be written.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/when.h"
#include "conf/conf.h"

/* A million a second is one per microsecond: faster than sockets are made. */
#define RATE_COUNT_MAX 1000000
#define RATE_BURST_MAX 1000000
/* What is counted over more than a day is a matter for a rule. */
#define RATE_PERIOD_MAX_S 86400
/* burst * period / count: as long a history must be kept, and it must fit 64 bits of nanoseconds.
 */
#define RATE_REFILL_MAX_S (30 * 86400)

#define BURST_WORD " burst "
#define SHOWN_MAX  64 /* bytes of a foreign text in a sentence */

/* Digits, 1 to max; *text moves behind them. */
static int count_parse(const char **text, uint32_t max, uint32_t *out)
{
	const char *at = *text;
	uint32_t value = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (uint32_t)(*at - '0');
		if (value > max)
			return -ERANGE;
	}
	if (at == *text || !value)
		return -EINVAL;
	*text = at;
	*out = value;
	return 0;
}

static int rate_check(const struct conf_rate *r, const char *shown, struct err *e)
{
	if (r->period_s > RATE_PERIOD_MAX_S)
		return err_set(e, -EINVAL, "the time of the rate '%s' is too long: at most 1d",
			       shown);
	if ((uint64_t)r->burst * r->period_s / r->count > RATE_REFILL_MAX_S)
		return err_set(e, -EINVAL,
			       "the burst of the rate '%s' would take over 30 days to be earned "
			       "again: write a smaller burst",
			       shown);
	return 0;
}

int rate_parse(const char *text, struct conf_rate *out, struct err *e)
{
	char shown[SHOWN_MAX], period[DURATION_TEXT_MAX];
	struct conf_rate r = {0};
	struct err cause = {0};
	const char *at = text;
	size_t length;
	int ret;

	if (!*text) {
		*out = r;
		return 0;
	}
	text_escape(text, strlen(text), shown, sizeof(shown));
	ret = count_parse(&at, RATE_COUNT_MAX, &r.count);
	if (ret == -ERANGE)
		return err_set(e, -EINVAL, "the count of the rate '%s' is not 1 to %u", shown,
			       RATE_COUNT_MAX);
	if (ret < 0 || *at++ != '/')
		goto malformed;
	length = strcspn(at, " ");
	if (length >= sizeof(period))
		goto malformed;
	memcpy(period, at, length);
	period[length] = '\0';
	if (duration_parse(period, &r.period_s, &cause) < 0)
		return err_set(e, -EINVAL, "the rate '%s': %s", shown, cause.text);
	at += length;
	r.burst = r.count;
	if (*at) {
		if (strncmp(at, BURST_WORD, strlen(BURST_WORD)) != 0)
			goto malformed;
		at += strlen(BURST_WORD);
		ret = count_parse(&at, RATE_BURST_MAX, &r.burst);
		if (ret == -ERANGE)
			return err_set(e, -EINVAL, "the burst of the rate '%s' is not 1 to %u",
				       shown, RATE_BURST_MAX);
		if (ret < 0 || *at)
			goto malformed;
	}
	ret = rate_check(&r, shown, e);
	if (ret == 0)
		*out = r;
	return ret;
malformed:
	return err_set(e, -EINVAL,
		       "'%s' is not a rate: write COUNT/TIME or COUNT/TIME burst COUNT, such as "
		       "120/1m burst 120, or nothing for no limit",
		       shown);
}

const char *rate_format(const struct conf_rate *r, char *buffer, size_t size)
{
	char period[DURATION_TEXT_MAX];

	if (!r->count)
		snprintf(buffer, size, "%s", "");
	else
		snprintf(buffer, size, "%" PRIu32 "/%s burst %" PRIu32, r->count,
			 duration_format(r->period_s, period), r->burst);
	return buffer;
}
