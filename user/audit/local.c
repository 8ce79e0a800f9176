/* SPDX-License-Identifier: BSD-2-Clause */
/* From the pieces to what they say: the small things that all readers share, and what others ask. See local.h. */
#include "audit/local_inside.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/json.h"

#define LOCAL_SETTINGS_MAX 8192 /* postconf has some 900, doveconf fewer */
#define LOCAL_ROWS_MAX	   4096 /* of each other list */
#define WHERE_MAX	   49 /* bytes of where an entry stands: a name out of a configuration, too */
#define DECIMAL		   10

void local_state_set(struct local_state *s, const struct local_piece *piece)
{
	s->code = piece ? piece->code : -ENODATA;
	snprintf(s->why, sizeof(s->why), "%s", piece ? piece->why : "");
}

char *local_keep(struct seen_local *l, const struct local_piece *piece)
{
	char **rows, *text;

	if (!piece || piece->code < 0)
		return NULL;
	rows = grow(l->text, l->text_count, &l->text_room, sizeof(*rows));
	text = rows ? malloc(piece->length + 1) : NULL;
	if (rows)
		l->text = rows;
	if (!text) {
		l->is_short = true;
		return NULL;
	}
	memcpy(text, piece->bytes, piece->length + 1);
	l->text[l->text_count++] = text;
	return text;
}

char *local_line(char **at)
{
	char *line = *at, *end;

	if (!line || !*line)
		return NULL;
	end = line + strcspn(line, "\n");
	*at = *end ? end + 1 : end;
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	return line;
}

char *local_word(char **at, const char *parted_by)
{
	char *word = *at + strspn(*at, parted_by), *end = word + strcspn(word, parted_by);

	if (!*word)
		return NULL;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

char *local_trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && strchr(" \t\r", text[length - 1]))
		text[--length] = '\0';
	return text;
}

void local_setting_add(struct seen_local *l, enum server_kind server, const char *name,
		       const char *value)
{
	struct local_setting *rows =
		grow(l->setting, l->setting_count, &l->setting_room, sizeof(*rows));

	if (!rows || l->setting_count == LOCAL_SETTINGS_MAX) {
		l->is_short = true;
		l->setting = rows ? rows : l->setting;
		return;
	}
	l->setting = rows;
	l->setting[l->setting_count++] = (struct local_setting){server, name, value};
}

const char *local_setting_find(const struct seen_local *l, enum server_kind server,
			       const char *name)
{
	for (size_t i = 0; i < l->setting_count; i++)
		if (l->setting[i].server == server && strcmp(l->setting[i].name, name) == 0)
			return l->setting[i].value;
	return NULL;
}

/* ---- whom is relayed for ---- */

static void trust_row_add(struct seen_local *l, const struct local_trust *row)
{
	struct local_trust *rows = grow(l->trust, l->trust_count, &l->trust_room, sizeof(*rows));

	if (!rows || l->trust_count == LOCAL_ROWS_MAX) {
		l->is_short = true;
		l->trust = rows ? rows : l->trust;
		return;
	}
	l->trust = rows;
	l->trust[l->trust_count++] = *row;
}

/* With set bits behind the length too: some servers take them. */
static int prefix_read(const char *text, struct prefix *out)
{
	char address[ADDR_TEXT_MAX + 8];
	const char *slash = strrchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	char *end = NULL;
	unsigned long bits;
	struct addr a;

	if (length && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (!length || length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	if (addr_parse(strncasecmp(address, "IPv6:", 5) == 0 ? address + 5 : address, &a, NULL) < 0)
		return -EINVAL;
	/* strtoul(3) would take a sign. */
	if (slash && !isdigit((unsigned char)slash[1]))
		return -EINVAL;
	bits = slash ? strtoul(slash + 1, &end, DECIMAL) : ADDR_BITS;
	if ((slash && *end) || bits > ADDR_BITS)
		return -EINVAL;
	if (slash && addr_is_v4(&a) && !strchr(address, ':'))
		bits += ADDR_V4_LEAD_BITS;
	if (bits > ADDR_BITS)
		return -EINVAL;
	*out = prefix_of(&a, (uint8_t)bits);
	return 0;
}

static void trust_unread(struct seen_local *l, const char *where, const char *entry)
{
	size_t used = strlen(l->trust_unread);
	char shown[LOCAL_ENTRY_MAX], place[WHERE_MAX];

	text_escape(entry, strlen(entry), shown, sizeof(shown));
	snprintf(l->trust_unread + used, sizeof(l->trust_unread) - used, "%s%s: %s",
		 used ? ", " : "", text_escape(where, strlen(where), place, sizeof(place)), shown);
}

void local_trust_add(struct seen_local *l, enum server_kind server, const char *where,
		     const char *entry)
{
	struct local_trust row = {.server = server};
	const char *text = entry;
	char shown[LOCAL_ENTRY_MAX / 2], place[WHERE_MAX];

	if (*text == '!') {
		row.is_exception = true;
		text++;
	}
	text_escape(entry, strlen(entry), shown, sizeof(shown));
	snprintf(row.entry, sizeof(row.entry), "%s: %s",
		 text_escape(where, strlen(where), place, sizeof(place)), shown);
	if (strcmp(text, "*") == 0 || strcmp(text, "any") == 0 || strcmp(text, "all") == 0) {
		(void)prefix_parse("::/0", &row.prefix, NULL);
		trust_row_add(l, &row);
		(void)prefix_parse("0.0.0.0/0", &row.prefix, NULL);
	} else if (prefix_read(text, &row.prefix) < 0) {
		trust_unread(l, where, entry);
		return;
	}
	trust_row_add(l, &row);
}

/* The first entry that fits decides, as with Postfix (mynetworks) and Exim (host lists). */
bool seen_local_trusts(const struct seen_local *l, const struct addr *a, char *entry, size_t size)
{
	for (size_t i = 0; i < l->trust_count; i++) {
		if (!prefix_has(&l->trust[i].prefix, a))
			continue;
		if (l->trust[i].is_exception)
			return false;
		snprintf(entry, size, "%s", l->trust[i].entry);
		return true;
	}
	return false;
}

/* ---- lists that are asked ---- */

void local_zone_add(struct seen_local *l, const char *zone, const char *where, bool is_names)
{
	struct local_zone *rows = grow(l->zone, l->zone_count, &l->zone_room, sizeof(*rows)), *row;

	if (rows)
		l->zone = rows;
	if (!rows || l->zone_count == LOCAL_ROWS_MAX) {
		l->is_short = true;
		return;
	}
	row = &l->zone[l->zone_count];
	*row = (struct local_zone){.is_names = is_names};
	text_escape(zone, strlen(zone), row->zone, sizeof(row->zone));
	text_escape(where, strlen(where), row->where, sizeof(row->where));
	for (size_t i = 0; i < l->zone_count; i++)
		if (strcasecmp(l->zone[i].zone, row->zone) == 0 && l->zone[i].is_names == is_names)
			return;
	l->zone_count++;
}

void seen_local_zones(const struct seen_local *l,
		      void (*fn)(void *context, const char *zone, const char *where, bool is_names),
		      void *context)
{
	for (size_t i = 0; i < l->zone_count; i++)
		fn(context, l->zone[i].zone, l->zone[i].where, l->zone[i].is_names);
}

/* ---- this host ---- */

bool local_runs(const struct seen_local *l, const char *comm)
{
	for (size_t i = 0; i < l->process_count; i++)
		if (strncmp(l->process[i], comm, strlen(comm)) == 0)
			return true;
	return false;
}

bool local_is_own(const struct seen_local *l, const struct prefix *p)
{
	static const char *const loopback[] = {"127.0.0.0/8", "::1"};
	struct prefix own;

	for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++)
		if (prefix_parse(loopback[i], &own, NULL) == 0 && prefix_covers(&own, p))
			return true;
	for (size_t i = 0; i < l->network_count; i++) {
		own = prefix_of(&l->network[i].addr, ADDR_BITS);
		if (prefix_equal(&own, p))
			return true;
	}
	return false;
}

/* ---- all of it ---- */

/* What needs no reading passes from one to the other. */
static void state_take(struct seen_local *l, struct local_raw *raw)
{
	l->process = raw->process;
	l->process_count = raw->process_count;
	l->processes.code = raw->process_count ? 0 : raw->process_code;
	raw->process = NULL;
	raw->process_count = 0;
	l->listener = raw->listener;
	l->listener_count = raw->listener_count;
	l->listeners.code = raw->listener_code;
	if (raw->listener_code < 0)
		snprintf(l->listeners.why, sizeof(l->listeners.why), "%s",
			 strerror(-raw->listener_code));
	raw->listener = NULL;
	raw->listener_count = 0;
	l->network = raw->network;
	l->network_count = raw->network_count;
	raw->network = NULL;
	raw->network_count = 0;
	memcpy(l->log, raw->log, sizeof(l->log));
	l->log_count = raw->log_count;
	raw->log_count = 0;
	l->age = raw->age;
	l->clock = raw->clock;
	l->at_s = raw->at_s;
}

int local_read(struct local_raw *raw, struct seen_local **out)
{
	struct seen_local *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (!l)
		return -ENOMEM;
	state_take(l, raw);
	local_read_postfix(l, raw);
	local_read_exim(l, raw);
	local_read_smtpd(l, raw);
	local_read_dovecot(l, raw);
	local_read_queue(l, raw);
	local_read_host(l, raw);
	for (unsigned i = 0; i < l->log_count; i++)
		local_log_read_before(&l->log[i]);
	seen_local_read_log(l);
	*out = l;
	return 0;
}

void seen_local_free(struct seen_local *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->text_count; i++)
		free(l->text[i]);
	free(l->text);
	free(l->setting);
	free(l->trust);
	free(l->zone);
	for (size_t i = 0; i < l->sender_count; i++)
		free(l->sender[i].sender);
	free(l->sender);
	free(l->user);
	free(l->package);
	free(l->process);
	free(l->listener);
	free(l->network);
	for (unsigned i = 0; i < l->log_count; i++)
		local_log_close(&l->log[i]);
	free(l);
}
