/* SPDX-License-Identifier: BSD-2-Clause */
/* feed load: asks the controller, which has the feeds; without one it is done here. */
#include "cli/feed.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "daemon/instance.h"

static json_t *notes_row(const struct feed_report *r)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < r->note_count; i++)
		json_array_append_new(list,
				      json_pack("{s:I, s:s}", "line", (json_int_t)r->note[i].line,
						"text", r->note[i].text));
	return list;
}

static json_t *answer_row(const struct feedtalk_answer *a)
{
	bool is_read = a->state == FEED_LOADED || a->state == FEED_HELD_BACK;

	return json_pack(
		"{s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name", a->name,
		"state", feed_state_name(a->state), "why", json_text_or_null(a->why), "format",
		json_text_or_null(is_read ? feed_format_name(a->report.format) : ""), "entries",
		(json_int_t)a->entries, "added", (json_int_t)a->added, "removed",
		(json_int_t)a->removed, "faults", (json_int_t)a->report.faults, "refused",
		(json_int_t)a->report.refused, "left_out", (json_int_t)a->left_out, "senders",
		(json_int_t)a->senders, "notes", notes_row(&a->report));
}

static void notes_print(const struct feedtalk_answer *a)
{
	const struct feed_report *r = &a->report;

	if (r->faults || r->refused)
		printf("  %u line%s cannot be read, and %u may not be blocked\n", r->faults,
		       plural(r->faults), r->refused);
	for (uint32_t i = 0; i < r->note_count; i++)
		printf("  line %u: %s\n", r->note[i].line, r->note[i].text);
	if (a->left_out)
		printf("  %" PRIu64 " %s left out, touching what must not be blocked\n",
		       a->left_out, words_entries(a->left_out));
	if (a->senders)
		printf("  %u who deliver%s mail here %s on it: `postern show feeds --json` names "
		       "the busiest, `postern allow ADDR` lets one in all the same\n",
		       a->senders, a->senders == 1 ? "s" : "", a->senders == 1 ? "is" : "are");
}

int feed_tell(const struct cli *cli, const struct feedtalk_answer *a)
{
	bool done = a->state == FEED_LOADED;

	if (cli->json)
		return json_line(stdout, answer_row(a)) || !done ? CLI_FAILED : CLI_DONE;
	if (done)
		printf("%s: %" PRIu64 " %s (%s), %" PRIu64 " new, %" PRIu64 " gone\n", a->name,
		       a->entries, words_entries(a->entries), feed_format_name(a->report.format),
		       a->added, a->removed);
	else
		printf("%s: %s: %s; %" PRIu64 " %s from before %s in force\n", a->name,
		       feed_state_name(a->state), a->why, a->entries, words_entries(a->entries),
		       a->entries == 1 ? "is" : "are");
	if (a->state == FEED_HELD_BACK)
		printf("  `postern feed load %s anyway` takes it all the same\n", a->name);
	notes_print(a);
	return done ? CLI_DONE : CLI_FAILED;
}

static int answers_tell(const struct cli *cli, int fd, const char *name)
{
	struct feedtalk_answer a = {.more = 1};
	int status = CLI_DONE, rc = 0;
	struct err e = {0};

	while (a.more && rc == 0) {
		rc = feedtalk_read(fd, &a, &e);
		if (rc == 0 && !a.name[0])
			return cli_fail(cli, CLI_NO_ENTRY,
					"the controller has no feed \"%s\": it goes by the "
					"configuration of its last reload",
					name);
		if (rc == 0 && feed_tell(cli, &a) != CLI_DONE)
			status = CLI_FAILED;
	}
	return rc ? cli_fail_err(cli, CLI_FAILED, &e) : status;
}

int verb_feed_load(struct cli *cli, const struct sentence *s)
{
	const char *name = s->word[0];
	bool anyway = s->word_count > 1; /* the only word behind the name */
	char path[INSTANCE_PATH_MAX];
	struct err e = {0};
	int fd, status;

	if (!cli->conf.feed_count)
		return cli_fail(cli, CLI_NO_ENTRY, "no feeds are configured (feeds)");
	fd = feedtalk_ask(instance_path(cli->conf.instance, INSTANCE_CONTROL, path), name, anyway,
			  &e);
	if ((fd == -ENOENT || fd == -ECONNREFUSED) && !cli_controller_pid(cli))
		return feed_load_alone(cli, name, anyway);
	if (fd < 0)
		return cli_fail_err(cli, CLI_FAILED, &e);
	status = answers_tell(cli, fd, name);
	close(fd);
	return status;
}
