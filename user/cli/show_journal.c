/* SPDX-License-Identifier: BSD-2-Clause */
/* show journal: what was decided automatically, the latest first. */
#include <errno.h>

#include "cli/foreign.h"
#include "cli/show.h"

#define JOURNAL_LINES_MAX 1000 /* more is for other tools */

json_t *show_entry(const struct store_entry *entry)
{
	char text[PREFIX_TEXT_MAX];
	json_t *row = json_object();

	json_object_set_new(row, "time", json_time_wall(entry->wall_s));
	json_object_set_new(row, "what", foreign_text(entry->what));
	json_object_set_new(row, "prefix",
			    entry->has_prefix ? json_string(prefix_format(&entry->prefix, text))
					      : json_null());
	json_object_set_new(row, "text", foreign_text(entry->text));
	return row;
}

static int entry_add(void *context, const struct store_entry *entry)
{
	return cli_list_add(context, show_entry(entry));
}

int show_journal(struct cli *cli)
{
	static const struct column columns[] = {
		{"time", "TIME"}, {"what", "WHAT"}, {"prefix", "PREFIX"}, {"text", "TEXT"}};
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	CLI_STORE store = NULL;
	struct cli_list list;
	struct err e = {0};
	int rc = store_open(&store, ruling_state_dir(&cli->conf, dir, sizeof(dir)), STORE_READ, &e),
	    status;

	if (rc && rc != -ENOENT)
		return cli_fail_err(cli, CLI_FAILED, &e);
	cli_list_open(&list, cli, columns, sizeof(columns) / sizeof(*columns));
	rc = store ? store_each_entry(store, NULL, JOURNAL_LINES_MAX, entry_add, &list, &e) : 0;
	status = cli_list_close(&list, rc ? NULL : "the journal is empty");
	return rc ? cli_fail_err(cli, CLI_FAILED, &e) : status;
}
