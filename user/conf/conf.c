/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of postern.conf: see conf.h. libconfig says what stands in the file and on which line;
 * the schema says what may.
 */
#include "conf/conf.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/file.h"
#include "conf/schema.h"

#define NAME_MAX_BYTES	 64    /* "group.key": longer than any known one */
#define SHOWN_MAX	 80    /* bytes of a foreign text in a sentence */
#define PORT_SUBMISSIONS 465   /* RFC 8314, section 7.3 */
#define PORT_SUBMISSION	 587   /* RFC 6409, section 3.1 */
#define FEED_ALL	 "all" /* of `feed load` */

struct reading {
	const char *path; /* as sentences show it */
	struct err *e;
};

#define FAULT(r, setting, ...) fault((r), config_setting_source_line(setting), __VA_ARGS__)

/* "FILE:LINE: " and the sentence. */
__attribute__((format(printf, 3, 4))) static int fault(const struct reading *r, unsigned line,
						       const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return err_set(r->e, -EINVAL, "%s:%u: %s", r->path, line, text);
}

static const char *type_name(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a text in quotes";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_ARRAY:
		return "a list [ ]";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	default:
		return "nothing";
	}
}

static int fault_type(const struct reading *r, const struct schema_key *k,
		      const config_setting_t *s)
{
	char takes[SCHEMA_TAKES_MAX];

	return FAULT(r, s, "%s: here stands %s, but it takes %s", k->name, type_name(s),
		     schema_takes(k, takes, sizeof(takes)));
}

/* The keys that may stand where an unknown one was found: of the same group, or of none. */
static void keys_list(const struct schema_key *keys, const char *group, char *buffer, size_t size)
{
	size_t at = 0, length = strlen(group);

	buffer[0] = '\0';
	for (const struct schema_key *k = keys; k->name && at < size; k++) {
		size_t own = schema_group_length(k);
		bool is_first = k == keys || !own || own != schema_group_length(k - 1) ||
				strncmp(k->name, (k - 1)->name, own) != 0;

		/* Outside of groups a group is told once, by its name. */
		if (length ? own != length || strncmp(k->name, group, own) != 0 : !is_first)
			continue;
		at += (size_t)snprintf(buffer + at, size - at, "%s%.*s", at ? ", " : "",
				       length || !own ? (int)strlen(k->name) : (int)own,
				       length ? k->name + own + 1 : k->name);
	}
}

static int fault_unknown(const struct reading *r, const struct schema_key *keys, const char *group,
			 const char *name, const config_setting_t *s)
{
	char shown[SHOWN_MAX], nearest[NAME_MAX_BYTES], known[ERR_TEXT_MAX / 2];

	text_escape(name, strlen(name), shown, sizeof(shown));
	schema_nearest(keys, name, nearest, sizeof(nearest));
	if (nearest[0])
		return FAULT(r, s, "unknown key '%s': did you mean '%s'?", shown, nearest);
	keys_list(keys, group, known, sizeof(known));
	return FAULT(r, s, "unknown key '%s': known here are %s", shown, known);
}

static int read_texts(const struct reading *r, const struct schema_key *k, config_setting_t *s,
		      void *into)
{
	struct err cause = {0};

	if (!config_setting_is_array(s) && !config_setting_is_list(s))
		return fault_type(r, k, s);
	for (int i = 0; i < config_setting_length(s); i++) {
		config_setting_t *entry = config_setting_get_elem(s, (unsigned)i);

		if (config_setting_type(entry) != CONFIG_TYPE_STRING)
			return fault_type(r, k, entry);
		if (schema_put_text(k, config_setting_get_string(entry), into, &cause) < 0)
			return FAULT(r, entry, "%s: %s", k->name, cause.text);
		schema_set_line(k, into, config_setting_source_line(entry));
	}
	return 0;
}

static int read_number(const struct reading *r, const struct schema_key *k,
		       const config_setting_t *s, void *into)
{
	struct err cause = {0};
	int type = config_setting_type(s);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return fault_type(r, k, s);
	/* libconfig cuts a long hexadecimal number to 32 bits and says nothing. */
	if (config_setting_get_format(s) == CONFIG_FORMAT_HEX)
		return FAULT(r, s, "%s: write the number in decimal", k->name);
	if (schema_put_number(k, config_setting_get_int64(s), into, &cause) < 0)
		return FAULT(r, s, "%s: %s", k->name, cause.text);
	return 0;
}

static int read_groups(const struct reading *r, const struct schema_key *k, config_setting_t *s,
		       struct conf *c);

static int read_value(const struct reading *r, const struct schema_key *k, config_setting_t *s,
		      void *into)
{
	struct err cause = {0};

	if (k->type == SCHEMA_GROUPS)
		return read_groups(r, k, s, into);
	if (schema_is_list(k))
		return read_texts(r, k, s, into);
	if (k->type == SCHEMA_NUMBER)
		return read_number(r, k, s, into);
	if (config_setting_type(s) !=
	    (k->type == SCHEMA_BOOL ? CONFIG_TYPE_BOOL : CONFIG_TYPE_STRING))
		return fault_type(r, k, s);
	if (k->type == SCHEMA_BOOL)
		return schema_put_number(k, config_setting_get_bool(s), into, r->e);
	if (schema_put_text(k, config_setting_get_string(s), into, &cause) < 0)
		return FAULT(r, s, "%s: %s", k->name, cause.text);
	return 0;
}

static int read_entry(const struct reading *r, const struct schema_key *list, config_setting_t *s,
		      void *entry)
{
	char takes[SCHEMA_TAKES_MAX];

	if (!config_setting_is_group(s))
		return FAULT(r, s, "%s: here stands %s, but an entry is a group: it takes %s",
			     list->name, type_name(s), schema_takes(list, takes, sizeof(takes)));
	for (int i = 0; i < config_setting_length(s); i++) {
		config_setting_t *member = config_setting_get_elem(s, (unsigned)i);
		const char *name = config_setting_name(member);
		const struct schema_key *k = schema_find(list->members, name);
		int ret;

		if (!k)
			return fault_unknown(r, list->members, "", name, member);
		ret = read_value(r, k, member, entry);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* What an entry must have, what follows from it, and what it may not share with those before it: i is its number. */
static int port_finish(const struct reading *r, const config_setting_t *s, struct conf *c,
		       unsigned i)
{
	struct conf_port *p = &c->ports[i];

	if (!p->port)
		return FAULT(r, s, "ports: this entry lacks its port, such as port = 25");
	if (!p->local_port)
		p->local_port = p->port;
	if (!config_setting_get_member(s, "class") &&
	    (p->port == PORT_SUBMISSIONS || p->port == PORT_SUBMISSION))
		p->class_ = CONF_CLASS_SUBMISSION;
	/* Two entries may share a socket's port (two containers, two public ports), but not disagree on what it is. */
	for (const struct conf_port *other = c->ports; other < p; other++) {
		if (other->port == p->port)
			return FAULT(r, s, "ports: port %u is there twice", p->port);
		if (other->local_port == p->local_port && other->class_ != p->class_)
			return FAULT(r, s,
				     "ports: ports %u and %u lead to the same local_port %u, "
				     "but differ in class",
				     other->port, p->port, p->local_port);
	}
	return 0;
}

static int feed_finish(const struct reading *r, const config_setting_t *s, struct conf *c,
		       unsigned i)
{
	const struct conf_feed *f = &c->feeds[i];

	if (!f->name[0])
		return FAULT(r, s, "feeds: this entry lacks its name, such as name = \"drop\"");
	if (!f->file[0])
		return FAULT(r, s, "feeds: \"%s\" lacks its file", f->name);
	if (strcmp(f->name, FEED_ALL) == 0)
		return FAULT(r, s, "feeds: \"" FEED_ALL "\" is the word for all of them, no name");
	for (const struct conf_feed *other = c->feeds; other < f; other++) {
		if (strcmp(other->name, f->name) == 0)
			return FAULT(r, s, "feeds: \"%s\" is there twice", f->name);
		if (strcmp(other->file, f->file) == 0)
			return FAULT(r, s, "feeds: \"%s\" and \"%s\" have the same file",
				     other->name, f->name);
	}
	return 0;
}

static const struct {
	const struct schema_key *members;
	int (*finish)(const struct reading *r, const config_setting_t *s, struct conf *c,
		      unsigned i);
} finishes[] = {{schema_port_keys, port_finish}, {schema_feed_keys, feed_finish}};

static int entry_finish(const struct reading *r, const struct schema_key *k,
			const config_setting_t *s, struct conf *c, unsigned i)
{
	for (size_t f = 0; f < sizeof(finishes) / sizeof(finishes[0]); f++)
		if (finishes[f].members == k->members)
			return finishes[f].finish(r, s, c, i);
	return 0;
}

static int read_groups(const struct reading *r, const struct schema_key *k, config_setting_t *s,
		       struct conf *c)
{
	unsigned *count = schema_count(k, c);
	int ret, length = config_setting_length(s);

	if (!config_setting_is_list(s))
		return fault_type(r, k, s);
	if ((uint64_t)length < k->least || (uint64_t)length > k->most)
		return FAULT(r, s, "%s: %d entries stand here, but there may be %d to %d", k->name,
			     length, (int)k->least, (int)k->most);
	memset(schema_entry(k, c, 0), 0, k->size);
	for (*count = 0; *count < (unsigned)length; (*count)++) {
		config_setting_t *entry = config_setting_get_elem(s, *count);

		ret = read_entry(r, k, entry, schema_entry(k, c, *count));
		if (ret == 0)
			ret = entry_finish(r, k, entry, c, *count);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int read_group(const struct reading *r, const char *group, config_setting_t *s,
		      struct conf *c)
{
	char name[NAME_MAX_BYTES];
	int ret;

	for (int i = 0; i < config_setting_length(s); i++) {
		config_setting_t *member = config_setting_get_elem(s, (unsigned)i);
		const char *own = config_setting_name(member);
		const struct schema_key *k;

		/* A name too long for the buffer is unknown, cut or not. */
		snprintf(name, sizeof(name), "%s%s%s", group, *group ? "." : "", own);
		k = schema_find(schema_keys, name);
		if (k) {
			ret = read_value(r, k, member, c);
		} else if (!*group && schema_is_group(own)) {
			if (!config_setting_is_group(member))
				return FAULT(r, member, "%s: here stands %s, but it is a group { }",
					     own, type_name(member));
			ret = read_group(r, own, member, c);
		} else {
			ret = fault_unknown(r, schema_keys, group, name, member);
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int fault_syntax(const struct reading *r, const config_t *parser)
{
	const char *text = config_error_text(parser);

	if (!text)
		text = "syntax error";
	/* The parser names the place where it gave up. */
	if (strcmp(text, "syntax error") == 0)
		return fault(r, (unsigned)config_error_line(parser),
			     "%s: here, or a ';' is missing at the end of the line before", text);
	return fault(r, (unsigned)config_error_line(parser), "%s", text);
}

int conf_read(const char *path, struct conf *c, struct err *e)
{
	char shown[FILE_SHOWN_MAX], *text = NULL;
	struct reading r = {.path = file_shown(path, shown), .e = e};
	struct conf *fresh = NULL;
	config_t parser;
	int ret;

	ret = file_load(path, &text, e);
	if (ret < 0)
		return ret;
	config_init(&parser);
	fresh = malloc(sizeof(*fresh));
	if (!fresh) {
		ret = err_set(e, -ENOMEM, "no memory to read %s", shown);
		goto out;
	}
	conf_defaults(fresh);
	if (config_read_string(&parser, text) == CONFIG_TRUE)
		ret = read_group(&r, "", config_root_setting(&parser), fresh);
	else
		ret = fault_syntax(&r, &parser);
	if (ret == 0)
		*c = *fresh;
out:
	config_destroy(&parser);
	free(fresh);
	free(text);
	return ret;
}

const char *conf_no_reply(const struct conf *c, const struct conf_port *port)
{
	/* The responder takes connections where the mail server's sockets would. */
	if (c->charge == CONF_CHARGE_SYN)
		return "the mail server is not on this host (charge = \"syn\")";
	if (c->namespace_count)
		return "the mail server is in a namespace of its own (namespaces)";
	if (port->local_port != port->port)
		return "the mail server's socket is behind another port (local_port)";
	if (port->port == CONF_PORT_SMTPS)
		return "it speaks TLS from the first byte";
	return NULL;
}
