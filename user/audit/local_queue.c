/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue by sender: JSON Lines of postqueue -j (postqueue(1)), or the list of exim -bp. Senders are strangers' words, and are kept as
 * they are until they are shown.
 */
#include "audit/local_inside.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/json.h"

#define SENDERS_MAX 4096 /* apart; one who sends much is among the first */

static void sender_add(struct seen_local *l, const char *sender, const char *queue_id)
{
	struct local_sender *rows, *row;

	l->queued++;
	for (size_t i = 0; i < l->sender_count; i++) {
		if (strcmp(l->sender[i].sender, sender) == 0) {
			l->sender[i].count++;
			return;
		}
	}
	if (l->sender_count == SENDERS_MAX)
		return;
	rows = grow(l->sender, l->sender_count, &l->sender_room, sizeof(*rows));
	if (!rows) {
		l->is_short = true;
		return;
	}
	l->sender = rows;
	row = &rows[l->sender_count];
	*row = (struct local_sender){.sender = strdup(sender), .count = 1};
	if (!row->sender) {
		l->is_short = true;
		return;
	}
	/* A number that is none is not looked for. */
	if (strlen(queue_id) < sizeof(row->queue_id) &&
	    strspn(queue_id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") ==
		    strlen(queue_id))
		snprintf(row->queue_id, sizeof(row->queue_id), "%s", queue_id);
	l->sender_count++;
}

/* {"queue_name": "deferred", "queue_id": "4F0A", ..., "sender": "a@example.org", "recipients": [...]} */
static void postqueue_read(struct seen_local *l, const struct local_piece *piece)
{
	char *text = local_keep(l, piece), *line;

	while (text && (line = local_line(&text))) {
		json_t *row = json_loadb(line, strlen(line), 0, NULL);
		const char *sender = json_string_value(json_object_get(row, "sender"));
		const char *id = json_string_value(json_object_get(row, "queue_id"));

		if (sender)
			sender_add(l, sender, id ? id : "");
		json_decref(row);
	}
}

/* " 0m   225 1xV33z-0001Qn-1Q <evil@bad.example> *** frozen ***"; recipients stand in lines of their own. */
static void exim_line(struct seen_local *l, char *line)
{
	char *open, *close, *id;

	line = local_trim(line);
	if (!isdigit((unsigned char)*line) || !local_word(&line, " "))
		return;
	if (!local_word(&line, " "))
		return;
	id = local_word(&line, " ");
	open = id ? strchr(line, '<') : NULL;
	close = open ? strrchr(open, '>') : NULL;
	if (!close)
		return;
	*close = '\0';
	sender_add(l, open + 1, id);
}

static void exim_read(struct seen_local *l, const struct local_piece *piece)
{
	char *text = local_keep(l, piece), *line;

	while (text && (line = local_line(&text)))
		exim_line(l, line);
}

static int by_count(const void *a, const void *b)
{
	const struct local_sender *x = a, *y = b;

	return x->count == y->count ? 0 : x->count < y->count ? 1 : -1;
}

void local_read_queue(struct seen_local *l, const struct local_raw *raw)
{
	const struct local_piece *postqueue = local_piece_find(raw, LOCAL_POSTQUEUE),
				 *exim = local_piece_find(raw, LOCAL_EXIM_QUEUE);

	local_state_set(&l->queue, postqueue);
	if (postqueue && postqueue->code == 0) {
		l->queue_server = SERVER_POSTFIX;
		l->is_queue_cut = postqueue->is_cut;
		postqueue_read(l, postqueue);
	} else if (exim && exim->code != -ENOENT) {
		local_state_set(&l->queue, exim);
		l->queue_server = SERVER_EXIM;
		l->is_queue_cut = exim->is_cut;
		exim_read(l, exim);
	}
	if (l->sender_count)
		qsort(l->sender, l->sender_count, sizeof(*l->sender), by_count);
}
