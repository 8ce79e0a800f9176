/* SPDX-License-Identifier: BSD-2-Clause */
/* How the command line speaks: one place for both forms, so that no verb can forget one of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/when.h"
#include "cli/cli.h"
#include "cli/worker.h"
#include "daemon/instance.h"

#define SAY_TEXT_MAX 1024 /* a sentence with an error's sentence in it */
#define PID_TEXT_MAX 16	  /* a pid has at most 7 digits */

static void complain(const struct cli *cli, const char *key, int status, const char *text)
{
	json_t *row;

	/* What was printed before comes first also where both streams are one. */
	fflush(stdout);
	if (!cli->json) {
		fprintf(stderr, "postern: %s%s\n",
			strcmp(key, "error") == 0 ? "" : "warning: ", text);
		return;
	}
	row = json_object();
	/* Words of the command line may be in it, in any encoding. */
	if (json_object_set_new(row, key, json_string(text)))
		json_object_set_new(row, key, json_string("(a text that is not UTF-8)"));
	/* What ends a worker ends its command otherwise. */
	if (status >= 0)
		json_object_set_new(row, "status",
				    json_integer(status == WORKER_FAILED ? CLI_FAILED : status));
	(void)json_line(stderr, row);
}

int cli_fail(const struct cli *cli, int status, const char *format, ...)
{
	char text[SAY_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	complain(cli, "error", status, text);
	return status;
}

int cli_fail_err(const struct cli *cli, int status, const struct err *e)
{
	bool forbidden = e->code == -EACCES || e->code == -EPERM;

	if (forbidden && geteuid() != 0 && !strstr(e->text, "root"))
		return cli_fail(cli, status, "%s: this needs root", e->text);
	return cli_fail(cli, status, "%s", e->text[0] ? e->text : strerror(-e->code));
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
	char text[SAY_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	complain(cli, "warning", -1, text);
}

int cli_say(const struct cli *cli, json_t *row, const char *format, ...)
{
	va_list ap;

	if (cli->json)
		return row && json_line(stdout, row) == 0 ? CLI_DONE : CLI_FAILED;
	json_decref(row);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	return CLI_DONE;
}

void cli_list_open(struct cli_list *list, const struct cli *cli, const struct column *columns,
		   size_t count)
{
	*list = (struct cli_list){.cli = cli};
	if (!cli->json)
		list->table = table_new(columns, count);
}

int cli_list_add(struct cli_list *list, json_t *row)
{
	int rc = -ENOMEM;

	list->count++;
	if (list->cli->json && row)
		rc = json_line(stdout, row);
	else if (list->table && row)
		rc = table_add(list->table, row);
	else
		json_decref(row);
	if (rc)
		list->status = CLI_FAILED;
	return rc;
}

int cli_list_close(struct cli_list *list, const char *empty)
{
	if (list->table && list->count)
		(void)table_print(list->table, stdout);
	else if (!list->cli->json && empty)
		puts(empty);
	table_free(list->table);
	return list->status;
}

json_t *json_time_boot(uint64_t boot_ns)
{
	return boot_ns ? json_time_wall(when_of_boot(boot_ns)) : json_null();
}

json_t *json_text_or_null(const char *text)
{
	json_t *value = text[0] ? json_string(text) : NULL;

	return value ? value : json_null();
}

int cli_gate_open(const struct cli *cli, struct gate **out)
{
	struct err e = {0};
	int rc = gate_open(out, cli->conf.instance, &e);

	if (rc == -ENOENT)
		return cli_fail(cli, CLI_FAILED,
				"the gate of the instance \"%s\" is not loaded (`postern run` or "
				"`postern attach IFACE` loads it)",
				cli->conf.instance);
	return rc ? cli_fail_err(cli, CLI_FAILED, &e) : CLI_DONE;
}

void cli_store_read(const struct cli *cli, struct store **out)
{
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	struct err e = {0};
	int rc = store_open(out, ruling_state_dir(&cli->conf, dir, sizeof(dir)), STORE_READ, &e);

	if (rc == 0)
		return;
	*out = NULL;
	if (rc != -ENOENT)
		cli_warn(cli, "%s", e.text);
}

static int link_count(void *context, const struct gate_link *link)
{
	if (link->ifindex)
		++*(unsigned *)context;
	return 0;
}

unsigned cli_links_count(struct gate *g)
{
	unsigned count = 0;

	(void)gate_each_link(g, link_count, &count, NULL);
	return count;
}

int cli_controller_pid(const struct cli *cli)
{
	char path[INSTANCE_PATH_MAX], text[PID_TEXT_MAX] = "";
	int fd = open(instance_path(cli->conf.instance, INSTANCE_PID, path), O_RDONLY | O_CLOEXEC);
	long pid = 0;

	if (fd < 0)
		return 0;
	/* The lock ends with its holder: a pid in a file that nobody locks is nobody's. */
	if (flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK &&
	    pread(fd, text, sizeof(text) - 1, 0) > 0)
		pid = strtol(text, NULL, 10);
	close(fd);
	return pid > 0 && pid <= INT_MAX ? (int)pid : 0;
}

void cli_gate_cleanup(struct gate **g)
{
	gate_close(*g);
}

void cli_store_cleanup(struct store **s)
{
	store_close(*s);
}
