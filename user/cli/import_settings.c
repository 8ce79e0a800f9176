/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What postconf(1) prints, and who it speaks of. At port 25 stands smtpd, or postscreen with smtpd behind it (master(5)); each may have
 * settings of its own by -o, which hold there instead of those of main.cf.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/json.h"
#include "cli/import.h"

#define SEPARATORS " \t\r\n,"
#define FIELDS	   8 /* of a line of master.cf: the last is the command (master(5)) */
#define WORD_MAX   128

const struct import_piece *import_answer(const struct import_source *s, const char *spec,
					 const char *key)
{
	for (unsigned i = 0; i < s->answer_count; i++)
		if (strcmp(s->answer[i].want.spec, spec) == 0 &&
		    s->answer[i].want.is_question == (key != NULL) &&
		    (!key || strcmp(s->answer[i].want.key, key) == 0))
			return &s->answer[i].said;
	return NULL;
}

/* ---- lines ---- */

/* The next line of *at, its end replaced by 0; NULL behind the last. */
static char *line_next(char **at)
{
	char *line = *at, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	*at = end ? end + 1 : line + strlen(line);
	return line;
}

/* "name = value" (postconf(1)): cuts it in two. */
static char *value_cut(char *line)
{
	char *value = strstr(line, " =");

	if (!value)
		return NULL;
	*value = '\0';
	value += strlen(" =");
	value += strspn(value, " ");
	return value;
}

static int setting_add(struct postfix *p, const char *service, const char *name, const char *value)
{
	struct postfix_setting *list = grow(p->setting, p->count, &p->room, sizeof(*p->setting));

	if (!list)
		return -ENOMEM;
	p->setting = list;
	list[p->count++] = (struct postfix_setting){service, name, value, *service != '\0'};
	return 0;
}

static int main_read(struct postfix *p, char *text)
{
	char *line;
	int ret = 0;

	while (ret == 0 && (line = line_next(&text))) {
		char *value = value_cut(line);

		if (value)
			ret = setting_add(p, "", line, value);
	}
	return ret;
}

/* What main.cf says itself is no default. Both lists are in the order of names, but nothing rests on it. */
static void own_read(struct postfix *p, char *text)
{
	size_t at = 0;
	char *line;

	while ((line = line_next(&text))) {
		if (!value_cut(line))
			continue;
		for (size_t tried = 0; tried < p->count; tried++, at++) {
			struct postfix_setting *s = &p->setting[at % p->count];

			if (strcmp(s->name, line) == 0) {
				s->is_own = true;
				break;
			}
		}
	}
}

/* "127.0.0.1:smtp/inet/postscreen_dnsbl_sites = ..." */
static int services_read(struct postfix *p, char *text)
{
	char *line;
	int ret = 0;

	while (ret == 0 && (line = line_next(&text))) {
		char *value = value_cut(line), *slash = value ? strrchr(line, '/') : NULL;

		if (!slash)
			continue;
		*slash = '\0';
		ret = setting_add(p, line, slash + 1, value);
	}
	return ret;
}

/* ---- master.cf ---- */

static bool is_port_25(const char *name)
{
	const char *colon = strrchr(name, ':'), *port = colon ? colon + 1 : name;

	return strcmp(port, "25") == 0 || strcmp(port, "smtp") == 0;
}

static void service_take(struct postfix *p, enum postfix_who who, const char *name,
			 const char *type)
{
	if (!p->service[who][0])
		snprintf(p->service[who], sizeof(p->service[who]), "%.120s/%.16s", name, type);
}

static void service_line(struct postfix *p, const char *line)
{
	char field[FIELDS][WORD_MAX] = {0};

	for (unsigned i = 0; i < FIELDS; i++)
		if (!postfix_word(&line, field[i], sizeof(field[i])))
			return;
	if (strcmp(field[1], "inet") == 0 && is_port_25(field[0])) {
		p->serves = true;
		if (strcmp(field[7], "postscreen") == 0) {
			p->screens = true;
			service_take(p, POSTFIX_SCREEN, field[0], field[1]);
		} else if (strcmp(field[7], "smtpd") == 0) {
			service_take(p, POSTFIX_SMTPD, field[0], field[1]);
		}
	}
}

/* Behind postscreen stands the smtpd of type pass (postscreen(8)), whatever else is at the port. */
static void pass_line(struct postfix *p, const char *line)
{
	char field[FIELDS][WORD_MAX] = {0};

	for (unsigned i = 0; i < FIELDS; i++)
		if (!postfix_word(&line, field[i], sizeof(field[i])))
			return;
	if (strcmp(field[1], "pass") == 0 && strcmp(field[7], "smtpd") == 0)
		snprintf(p->service[POSTFIX_SMTPD], sizeof(p->service[POSTFIX_SMTPD]),
			 "%.120s/pass", field[0]);
}

static void master_read(struct postfix *p, char *text)
{
	char *line, *again = strdup(text), *at = again;

	while ((line = line_next(&text)))
		service_line(p, line);
	while (p->screens && (line = line_next(&at)))
		pass_line(p, line);
	free(again);
	p->has_master = true;
}

/* ---- the whole ---- */

static char *text_keep(const struct import_piece *piece)
{
	return piece->bytes && piece->code == 0 ? strndup(piece->bytes, piece->length) : NULL;
}

int postfix_read(const struct import_source *s, struct postfix *out)
{
	char *own = text_keep(&s->own), *master = text_keep(&s->master);
	int ret = 0;

	*out = (struct postfix){0};
	out->text[0] = text_keep(&s->all);
	out->text[1] = text_keep(&s->services);
	if (out->text[0])
		ret = main_read(out, out->text[0]);
	if (ret == 0 && own && out->count)
		own_read(out, own);
	if (ret == 0 && out->text[1])
		ret = services_read(out, out->text[1]);
	if (ret == 0 && master)
		master_read(out, master);
	free(own);
	free(master);
	return ret;
}

void postfix_free(struct postfix *p)
{
	for (size_t i = 0; i < sizeof(p->text) / sizeof(p->text[0]); i++)
		free(p->text[i]);
	free(p->setting);
	*p = (struct postfix){0};
}

static const struct postfix_setting *setting_find(const struct postfix *p, const char *service,
						  const char *name)
{
	const struct postfix_setting *found = NULL;

	/* Of what is said twice the last counts. */
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->setting[i].name, name) == 0 &&
		    strcmp(p->setting[i].service, service) == 0)
			found = &p->setting[i];
	return found;
}

bool postfix_get(const struct postfix *p, enum postfix_who who, const char *name,
		 struct postfix_value *out)
{
	const struct postfix_setting *s = NULL;
	char shown[IMPORT_FROM_MAX / 2];

	if (p->service[who][0])
		s = setting_find(p, p->service[who], name);
	if (!s)
		s = setting_find(p, "", name);
	*out = (struct postfix_value){.text = s ? s->value : NULL, .is_own = s && s->is_own};
	if (!s)
		return false;
	if (*s->service)
		snprintf(out->from, sizeof(out->from), "%s, master.cf: %s", name,
			 text_escape(s->service, strlen(s->service), shown, sizeof(shown)));
	else
		snprintf(out->from, sizeof(out->from), "%s, %s", name,
			 s->is_own ? "main.cf" : "Postfix's default");
	return true;
}

bool postfix_word(const char **at, char *buffer, size_t size)
{
	const char *from = *at + strspn(*at, SEPARATORS), *to = from;
	unsigned depth = 0;
	size_t length;

	for (; *to && (depth || !strchr(SEPARATORS, *to)); to++)
		depth += *to == '{' ? 1 : *to == '}' && depth ? -1U : 0;
	*at = to;
	length = (size_t)(to - from);
	if (!length)
		return false;
	if (length >= size)
		length = 0;
	memcpy(buffer, from, length);
	buffer[length] = '\0';
	return true;
}

int postfix_time(const char *text, char unit, uint64_t *out_s)
{
	static const struct {
		char unit;
		uint32_t s;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
	char *end = NULL;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || value > UINT32_MAX || (*end && end[1]))
		return -EINVAL;
	if (*end)
		unit = *end;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == (unit | ' ')) {
			*out_s = value * units[i].s;
			return 0;
		}
	return -EINVAL;
}
