/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is read on the host, and in which order: see local.h. Nothing is judged here, and nothing understood: bytes go into pieces, each
 * with the reason where there are none.
 */
#include "audit/local_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/grow.h"
#include "base/json.h"
#include "base/when.h"

struct local_piece *local_raw_add(struct local_raw *raw, enum local_item item, const char *name,
				  int code, char *bytes, size_t length)
{
	struct local_piece *rows = grow(raw->piece, raw->piece_count, &raw->piece_room,
					sizeof(*rows)),
			   *p;
	char *ended = rows ? realloc(bytes, length + 1) : NULL;

	if (rows)
		raw->piece = rows;
	if (!rows || !ended) {
		free(bytes);
		return NULL;
	}
	ended[length] = '\0';
	p = &raw->piece[raw->piece_count++];
	*p = (struct local_piece){.item = item, .code = code, .bytes = ended, .length = length};
	snprintf(p->name, sizeof(p->name), "%s", name);
	if (code < 0)
		snprintf(p->why, sizeof(p->why), "%s", strerror(-code));
	return p;
}

const struct local_piece *local_piece_find(const struct local_raw *raw, enum local_item item)
{
	for (size_t i = 0; i < raw->piece_count; i++)
		if (raw->piece[i].item == item)
			return &raw->piece[i];
	return NULL;
}

/* The first line of `postconf -x -h maillog_file`: a path, or empty. */
static void maillog_file(const struct audit_request *request, char *out, size_t size)
{
	const struct local_tool tool = {.item = LOCAL_POSTCONF,
					.names = {"postconf"},
					.arguments = {"-x", "-h", "maillog_file"},
					.config_option = "-c",
					.config = request->postfix_config,
					.rights = LOCAL_NOBODY_FIRST};
	struct local_raw *raw = calloc(1, sizeof(*raw));

	out[0] = '\0';
	if (!raw)
		return;
	if (local_run(raw, &tool, 1) == 0 && raw->piece_count && raw->piece[0].bytes[0] == '/')
		snprintf(out, size, "%.*s", (int)strcspn(raw->piece[0].bytes, "\r\n"),
			 raw->piece[0].bytes);
	local_raw_free(raw);
}

static int tools_run(struct local_raw *raw, const struct audit_request *r)
{
	const struct local_tool tools[] = {
		/* -x: with $names replaced by what they stand for. */
		{LOCAL_POSTCONF, {"postconf"}, {"-x"}, "-c", r->postfix_config, LOCAL_NOBODY_FIRST},
		{LOCAL_POSTCONF_SERVICES,
		 {"postconf"},
		 {"-P"},
		 "-c",
		 r->postfix_config,
		 LOCAL_NOBODY_FIRST},
		/* The queue tells root about other instances, and nobody else. */
		{LOCAL_POSTQUEUE, {"postqueue"}, {"-j"}, "-c", r->postfix_config, LOCAL_AS_ROOT},
		/* Exim shows all of it to its administrators only. */
		{LOCAL_EXIM_CONFIG,
		 {"exim4", "exim"},
		 {"-bP", "config"},
		 "-C",
		 r->exim_config,
		 LOCAL_AS_ROOT},
		{LOCAL_EXIM_TRANSPORTS,
		 {"exim4", "exim"},
		 {"-bP", "transports"},
		 "-C",
		 r->exim_config,
		 LOCAL_AS_ROOT},
		{LOCAL_EXIM_QUEUE, {"exim4", "exim"}, {"-bp"}, "-C", r->exim_config, LOCAL_AS_ROOT},
		/* It reads files that may hold passwords, and does not print these. */
		{LOCAL_DOVECONF, {"doveconf"}, {"-n"}, "-c", r->dovecot_config, LOCAL_AS_ROOT},
		/* From the package lists that are there; nothing is fetched. */
		{LOCAL_APT, {"apt"}, {"list", "--upgradable"}, NULL, NULL, LOCAL_NOBODY_FIRST},
	};

	return local_run(raw, tools, sizeof(tools) / sizeof(tools[0]));
}

int local_collect(struct local_raw **out, const struct audit_request *request, struct err *e)
{
	struct local_raw *raw = calloc(1, sizeof(*raw));
	char log_file[LOCAL_PATH_MAX];
	int code;

	*out = NULL;
	if (!raw)
		return err_set(e, -ENOMEM, "no memory for what is read on this host");
	raw->at_s = now_wall_s();
	code = tools_run(raw, request);
	if (code < 0) {
		local_raw_free(raw);
		return err_set(e, code, "cannot read on this host: %s", strerror(-code));
	}
	local_collect_files(raw, request);
	local_collect_state(raw);
	maillog_file(request, log_file, sizeof(log_file));
	local_log_collect(raw, request, log_file);
	*out = raw;
	return 0;
}

void local_raw_free(struct local_raw *raw)
{
	if (!raw)
		return;
	for (size_t i = 0; i < raw->piece_count; i++)
		free(raw->piece[i].bytes);
	free(raw->piece);
	free(raw->process);
	free(raw->listener);
	free(raw->network);
	for (unsigned i = 0; i < raw->log_count; i++)
		local_log_close(&raw->log[i]);
	free(raw);
}

unsigned local_files(const struct local_raw *raw)
{
	return raw ? raw->log_count : 0;
}
