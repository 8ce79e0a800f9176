/* SPDX-License-Identifier: BSD-2-Clause */
/* The follower's settings: see following_child.c. */
#ifndef DAEMON_FOLLOWING_CHILD_H
#define DAEMON_FOLLOWING_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/messages.h"
#include "maillog/maillog.h"

enum follower_source { FOLLOWER_FILE, FOLLOWER_JOURNAL };

/*
 * The first lines may be some that were read before: they tell what belongs together, and their deliveries are not told again. Of a file
 * these are so many bytes; of the journal the lines up to one of this time with this sum (stamp_us 0: none).
 */
struct follower_settings {
	int64_t now_wall_s; /* a line's year is found by it */
	uint32_t source;    /* enum follower_source */
	uint32_t pad;
	uint64_t again_bytes;
	uint64_t again_stamp_us, again_sum;
};

/*
 * What a line says is held to what the keeper takes for a delivery: anybody with an account can write to the log (logger(1)), and a message that
 * is none would end this process, and the next one at the same line.
 */
struct message_delivery follower_delivery(const struct maillog_event *event);

/* The time of "1700000000.123456 host ..." (journalctl(1), short-unix), in microseconds. 0: the line has none. */
uint64_t follower_stamp_us(const char *line, size_t length);

#endif
