/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever tools print, files hold and logs say on a host: the readers keep their bounds, and what the checks say of it can be printed.
 * The bytes are pieces, parted by 0xff; the first of each says which tool or file it is, and the last two letters are for the log.
 */
#include "audit/check.h"
#include "audit/local_inside.h"
#include "fuzz/fuzz.h"

#define PARTED	   0xff
#define PIECES_MAX 24
#define BEFORE	   LOCAL_ITEMS
#define AFTER	   (LOCAL_ITEMS + 1)
#define KINDS	   (LOCAL_ITEMS + 2)
#define NOW_S	   1800000000
#define WORD_MAX   256

static void log_add(char **text, size_t *size, const uint8_t *data, size_t length)
{
	free(*text);
	*text = text_of(data, length);
	*size = strlen(*text);
}

static struct local_raw *raw_of(const uint8_t *data, size_t size, struct local_log *log)
{
	struct local_raw *raw = calloc(1, sizeof(*raw));

	HOLDS(raw);
	raw->at_s = NOW_S;
	raw->process = calloc(1, sizeof(*raw->process));
	HOLDS(raw->process);
	raw->process_count = raw->process_room = 1;
	strcpy(raw->process[0], "rspamd");
	for (unsigned n = 0; size && n < PIECES_MAX; n++) {
		const uint8_t *end = memchr(data, PARTED, size);
		size_t length = end ? (size_t)(end - data) : size;
		unsigned kind = length ? choice_of(data[0], KINDS) : KINDS;

		if (kind == BEFORE)
			log_add(&log->before, &log->before_size, data + 1, length - 1);
		else if (kind == AFTER)
			log_add(&log->after, &log->after_size, data + 1, length - 1);
		else if (kind < KINDS)
			HOLDS(local_raw_add(raw, kind, "piece", 0, text_of(data + 1, length - 1),
					    strnlen((const char *)data + 1, length - 1)));
		length += end != NULL;
		data += length;
		size -= length;
	}
	return raw;
}

static void zone_look(void *context, const char *zone, const char *where, bool is_names)
{
	(void)context;
	(void)is_names;
	HOLDS(is_printable(zone) && is_printable(where));
}

static bool is_any(const void *context, const struct addr *a)
{
	(void)context;
	(void)a;
	return true;
}

static void local_look(const struct seen_local *l)
{
	char word[WORD_MAX];
	struct addr a;

	seen_local_zones(l, zone_look, NULL);
	if (seen_local_source(l, "tok", &a) && seen_local_trusts(l, &a, word, sizeof(word)))
		HOLDS(is_printable(word));
	if (seen_local_busiest(l, is_any, NULL, &a))
		HOLDS(seen_local_connects(l, &a) > 0);
	for (size_t i = 0; i < l->sender_count; i++)
		if (local_log_client(&l->log[0], l->sender[i].queue_id, &a, word, sizeof(word)))
			HOLDS(is_printable(word));
}

static void findings_look(const struct findings *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		HOLDS(is_printable(f->row[i]->text));
		for (unsigned k = 0; k < f->row[i]->evidence_count; k++)
			HOLDS(is_printable(f->row[i]->evidence[k]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct audit_request request = {.local = true};
	struct seen seen = {.at_s = NOW_S};
	struct findings found = {0};
	struct local_log log = {.fd = -1};
	struct local_raw *raw = raw_of(data, size, &log);

	HOLDS(local_read(raw, &seen.local) == 0);
	local_raw_free(raw);
	seen.local->log[0] = log;
	seen.local->log_count = 1;
	local_look(seen.local);
	for (unsigned i = 0; i < check_count; i++) {
		const struct look look = {
			.check = &checks[i], .seen = &seen, .request = &request, .out = &found};

		if (checks[i].local)
			checks[i].local(&look, seen.local);
	}
	findings_look(&found);
	findings_free(&found);
	seen_local_free(seen.local);
	return 0;
}
