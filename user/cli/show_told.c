/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a controller wrote down in the run directory, shown as a list: zones, feeds, providers. It rests on what strangers send and
 * publish, so its words are checked like theirs.
 */
#include <errno.h>

#include "base/when.h"
#include "cli/show.h"
#include "daemon/instance.h"

#define STALE_AFTER_S 10 /* a controller that lives writes every few seconds */

bool show_is_stale(const struct cli *cli, int64_t updated_wall_s, char text[static STALE_TEXT_MAX])
{
	int64_t age_s = now_wall_s() - updated_wall_s;
	char when[WHEN_TEXT_MAX];
	bool is_running = cli_controller_pid(cli) != 0;

	/* A clock that was set back makes it be of the future: then its age is not known. */
	if (is_running && age_s <= STALE_AFTER_S && age_s >= -STALE_AFTER_S)
		return false;
	snprintf(text, STALE_TEXT_MAX, "this is old, of %s: %s", when_format(updated_wall_s, when),
		 is_running ? "the controller has not written since" : "no controller runs");
	return true;
}

int show_told(struct cli *cli, const struct show_told *t, int64_t *updated_wall_s)
{
	char path[INSTANCE_PATH_MAX];
	json_t *rows = NULL;
	struct cli_list list;
	struct err e = {0};
	int rc, status;

	*updated_wall_s = 0;
	rc = foreign_load_rows(instance_path(cli->conf.instance, t->file, path), t->take, &rows,
			       updated_wall_s, &e);
	if (rc == -ENOENT)
		return t->missing(cli);
	if (rc)
		return cli_fail_err(cli, CLI_FAILED, &e);
	cli_list_open(&list, cli, t->columns, t->count);
	for (size_t i = 0; i < json_array_size(rows); i++)
		(void)cli_list_add(&list,
				   t->row(cli, json_array_get(rows, i), (unsigned)i, t->context));
	status = cli_list_close(&list, t->empty);
	if (!list.count)
		*updated_wall_s = 0;
	json_decref(rows);
	return status;
}
