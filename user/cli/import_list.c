/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * import list: a file in any of the forms that feeds have, as rules, once. It is read by the feeds' own reader, in a process without
 * privileges. What may not be blocked is told by name and left out; the rest goes in as one transaction.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/batch.h"
#include "cli/cli.h"
#include "cli/rules.h"
#include "cli/worker.h"
#include "daemon/protected.h"
#include "feed/image.h"
#include "feed/work.h"

#define ORIGIN_IMPORT "import"
#define STDIN_WORD    "-"
#define TOLD_MAX      8 /* entries that may not be blocked: told one by one up to here */
#define SHOWN_MAX     200
#define FILES	      8	 /* of the worker: standard streams, the pipe, what it reads */
#define CPU_MAX_S     60 /* of the worker: a million entries take some two */

struct list_job {
	struct cli *cli;
	int from;
	const char *name; /* printable */
};

static int list_work(void *context, int fd, pid_t parent)
{
	const struct list_job *job = context;
	int status = worker_drop(job->cli, FILES, parent);
	struct err e = {0};
	size_t length;

	if (status == 0 && feed_work(job->from, fd, &length, &e) < 0)
		status = cli_fail(job->cli, WORKER_FAILED, "%s: %s", job->name, e.text);
	return status;
}

/* ---- what was read ---- */

static void report_tell(const struct list_job *job, const struct feed_report *r)
{
	uint32_t left = r->faults + r->refused;

	for (uint32_t i = 0; i < r->note_count; i++)
		cli_warn(job->cli, "%s line %u: %s", job->name, r->note[i].line, r->note[i].text);
	if (left > r->note_count)
		cli_warn(job->cli, "%s: %u more lines were not taken", job->name,
			 left - r->note_count);
}

static void prefix_add(const struct store_rule *start, const struct prefix *p,
		       const struct protected_list *list, const struct list_job *job,
		       struct batch *out, size_t *refused)
{
	struct err e = {0};

	if (protect_check_automatic(list->entry, list->count, p, &e)) {
		if ((*refused)++ < TOLD_MAX)
			cli_warn(job->cli, "%s: not blocked: %s", job->name, e.text);
		return;
	}
	out->rule[out->count] = *start;
	out->rule[out->count++].prefix = *p;
}

static int rules_make(const struct list_job *job, const struct store_rule *start,
		      const struct image *image, struct batch *out, struct err *e)
{
	size_t count = image->host_count + image->prefix_count, refused = 0;
	struct protected_list list = {0};
	int ret = 0;

	if (count > BATCH_RULES_MAX)
		return err_set(e, -E2BIG,
			       "%s has more than %d entries: so many belong into a feed of the "
			       "configuration",
			       job->name, BATCH_RULES_MAX);
	out->rule = calloc(count + 1, sizeof(*out->rule));
	if (!out->rule)
		return err_set(e, -ENOMEM, "no memory for %zu rules", count);
	ret = protected_read(&list, &job->cli->conf, NULL, e);
	for (size_t i = 0; ret == 0 && i < image->host_count; i++) {
		struct addr a = addr_from_v4((struct in_addr){htonl(image->hosts[i])});
		struct prefix p = prefix_of(&a, ADDR_BITS);

		prefix_add(start, &p, &list, job, out, &refused);
	}
	for (size_t i = 0; ret == 0 && i < image->prefix_count; i++)
		prefix_add(start, &image->prefixes[i], &list, job, out, &refused);
	if (refused > TOLD_MAX)
		cli_warn(job->cli, "%s: %zu more entries are never blocked", job->name,
			 refused - TOLD_MAX);
	protected_free(&list);
	return ret;
}

/* ---- the verb ---- */

static int rules_put(const struct list_job *job, const struct store_rule *start,
		     const struct batch *b)
{
	struct cli *cli = job->cli;
	char text[PREFIX_TEXT_MAX];
	struct ruling r = {0};
	struct err e = {0};
	unsigned killed = 0;
	int rc = ruling_open(&r, &cli->conf, &e);

	r.origin = start->origin;
	if (rc == 0)
		rc = ruling_put_many(&r, b->rule, b->count, &killed, &e);
	if (rc && r.fault_at < b->count)
		err_prefix(&e, "%s", prefix_format(&b->rule[r.fault_at].prefix, text));
	if (rc) {
		rc = cli_fail_err(cli, CLI_FAILED, &e);
	} else {
		if (start->action == STORE_REPLY)
			rule_warn_no_reply(cli, r.gate);
		rc = rule_many_say(cli, &r, "blocked", b->count, killed);
	}
	ruling_close(&r);
	return rc;
}

static int list_import(struct list_job *job, const struct store_rule *start)
{
	const struct worker w = {.run = list_work,
				 .context = job,
				 .what = "reads it",
				 .bytes_max = IMAGE_BYTES_MAX,
				 .cpu_s = CPU_MAX_S};
	char *bytes = NULL;
	size_t length = 0;
	struct batch b = {0};
	struct image image;
	struct err e = {0};
	int ret = worker_run(&w, &bytes, &length, &e);

	if (ret > 0)
		return ret == WORKER_FAILED ? CLI_FAILED : ret;
	if (ret == 0)
		ret = image_check(bytes, length, &image, &e);
	if (ret == 0) {
		report_tell(job, image.report);
		ret = rules_make(job, start, &image, &b, &e);
	}
	if (ret == 0)
		ret = rules_put(job, start, &b);
	else
		ret = cli_fail_err(job->cli, CLI_FAILED, &e);
	free(bytes);
	batch_free(&b);
	return ret;
}

int verb_import_list(struct cli *cli, const struct sentence *s)
{
	bool is_stdin = strcmp(s->word[0], STDIN_WORD) == 0;
	char shown[SHOWN_MAX];
	struct list_job job = {.cli = cli};
	struct store_rule start;
	struct err e = {0};
	int status;

	job.name = is_stdin ? "standard input"
			    : text_escape(s->word[0], strlen(s->word[0]), shown, sizeof(shown));
	if (rule_begin(STORE_BLOCK, s, &start, &e))
		return cli_fail(cli, CLI_MISUSED, "%s: %s", cli->verb->name, e.text);
	if (!sentence_get(s, "origin"))
		snprintf(start.origin, sizeof(start.origin), ORIGIN_IMPORT);
	/* A pipe may be named (<(...) of a shell), and is waited for. */
	job.from = is_stdin ? STDIN_FILENO : open(s->word[0], O_RDONLY | O_CLOEXEC);
	if (job.from < 0)
		return cli_fail(cli, CLI_FAILED, "cannot read %s: %s", job.name, strerror(errno));
	status = list_import(&job, &start);
	if (!is_stdin)
		close(job.from);
	return status;
}
