/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What exim -bP prints: the configuration as Exim read it (host lists for relaying, lists of the DNS in its ACLs), and the options of its
 * transports. Exim's specification: 10 for lists, 43 for ACLs, 43.32 for dnslists.
 */
#include "audit/local_inside.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The next item of a list. The separator is doubled where it is meant; "<;" at the start names another than the colon (10.2). */
static char *item_next(char **at, char separator)
{
	char *item = *at, *to = item, *from = item;

	if (!*at || !**at)
		return NULL;
	for (; *from; from++) {
		if (*from == separator && from[1] == separator) {
			*to++ = *from++;
		} else if (*from == separator) {
			from++;
			break;
		} else {
			*to++ = *from;
			continue;
		}
	}
	*at = from;
	*to = '\0';
	return local_trim(item);
}

static char separator_of(char **list)
{
	char separator = ':';

	*list = local_trim(*list);
	if ((*list)[0] == '<' && ispunct((unsigned char)(*list)[1])) {
		separator = (*list)[1];
		*list += 2;
	}
	return separator;
}

/* hostlist NAME = ...: the one in the stock configuration is relay_from_hosts. */
static void hosts_read(struct seen_local *l, char *line)
{
	char *value = strchr(line, '='), *name, *item, separator, where[LOCAL_ENTRY_MAX / 2];

	if (!value)
		return;
	*value++ = '\0';
	name = local_trim(line);
	if (!strstr(name, "relay"))
		return;
	snprintf(where, sizeof(where), "hostlist %.40s", name);
	separator = separator_of(&value);
	while ((item = item_next(&value, separator)))
		if (item[0] && strcmp(item, "@[]") != 0 && strcmp(item, "localhost") != 0)
			local_trust_add(l, SERVER_EXIM, where, item);
}

/* "zen.spamhaus.org=127.0.0.2/$sender_address_domain": what follows a slash is asked about instead of the address. */
static void lists_read(struct seen_local *l, char *value)
{
	char *item, separator = separator_of(&value);

	while ((item = item_next(&value, separator))) {
		bool is_names = strchr(item, '/') && strstr(item, "domain");
		char *zones = item, *zone;

		item[strcspn(item, "/=!&")] = '\0';
		while ((zone = local_word(&zones, ", \t")))
			if (strchr(zone, '.') && !strchr(zone, '$'))
				local_zone_add(l, zone, "exim: dnslists", is_names);
	}
}

static void line_read(struct seen_local *l, char *line)
{
	char *at;

	line = local_trim(line);
	if (strncmp(line, "hostlist", 8) == 0 && isspace((unsigned char)line[8])) {
		hosts_read(l, line + 9);
		return;
	}
	at = strstr(line, "dnslists");
	if (at) {
		at = local_trim(at + strlen("dnslists"));
		if (*at == '=')
			lists_read(l, at + 1);
	}
}

/* "quota = 200M", under "mbox transport:". */
static void transports_read(struct seen_local *l, const struct local_piece *piece)
{
	char *text = local_keep(l, piece), *line;

	while (text && (line = local_line(&text))) {
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value = '\0';
		local_setting_add(l, SERVER_EXIM, local_trim(line), local_trim(value + 1));
	}
}

/* Settings of the main section: what stands before the first "begin". */
static void main_read(struct seen_local *l, const struct local_piece *piece)
{
	char *text = local_keep(l, piece), *line;

	while (text && (line = local_line(&text))) {
		char *value = strchr(line, '=');

		line = local_trim(line);
		if (strncmp(line, "begin ", 6) == 0)
			return;
		if (!value || line[0] == '#')
			continue;
		*value = '\0';
		local_setting_add(l, SERVER_EXIM, local_trim(line), local_trim(value + 1));
	}
}

void local_read_exim(struct seen_local *l, const struct local_raw *raw)
{
	const struct local_piece *piece = local_piece_find(raw, LOCAL_EXIM_CONFIG);
	char *text = local_keep(l, piece), *line;

	local_state_set(&l->exim, piece);
	while (text && (line = local_line(&text)))
		line_read(l, line);
	main_read(l, piece);
	transports_read(l, local_piece_find(raw, LOCAL_EXIM_TRANSPORTS));
}
