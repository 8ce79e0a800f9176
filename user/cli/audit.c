/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * audit: is the mail server well kept? The parent opens what is read and written with its privileges, and reads nothing foreign; a worker, which has
 * none, does the rest. Files take their places when the worker has succeeded, or not at all. A worker that does not end is ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/report.h"
#include "base/when.h"
#include "cli/audit.h"
#include "cli/replaced.h"

#define GRACE_S	  60 /* the audit keeps to its limit by itself; what it has begun may end */
#define SHOWN_MAX 200

/* ---- the baseline ---- */

/* Bytes that nobody looks at here. A file that is not there is an empty one where it is going to be made. */
static int old_read(const struct audit_ask *ask, struct audit_work *w, struct err *e)
{
	char shown[SHOWN_MAX];
	struct stat st;
	int fd = open(ask->baseline, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 1;

	text_escape(ask->baseline, strlen(ask->baseline), shown, sizeof(shown));
	if (fd < 0 && errno == ENOENT && ask->updates)
		return 0;
	if (fd < 0)
		return err_set(e, -errno, "cannot read the baseline %s: %s", shown,
			       strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > BASELINE_BYTES_MAX) {
		close(fd);
		return err_set(e, -EINVAL,
			       "the baseline %s is no ordinary file of at most %d bytes", shown,
			       BASELINE_BYTES_MAX);
	}
	w->old = malloc((size_t)st.st_size + 1);
	while (w->old && n > 0 && w->old_length < (size_t)st.st_size) {
		n = read(fd, w->old + w->old_length, (size_t)st.st_size - w->old_length);
		w->old_length += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (!w->old || n < 0)
		return err_set(e, w->old ? -EIO : -ENOMEM, "cannot read the baseline %s", shown);
	return 0;
}

/* ---- the worker, seen from outside ---- */

static int work(void *context, int fd, pid_t parent)
{
	struct audit_work *w = context;

	(void)fd;
	w->parent = parent;
	return audit_work(w);
}

/* Its status; AUDIT_WORK_FAILED with why told; or WORKER_SIGNALLED and the number of the signal that ends us. */
static int audit_run_worker(struct audit_work *w)
{
	const unsigned limit_s = w->ask->request.time_limit_s;
	const struct worker worker = {.run = work,
				      .context = w,
				      .what = "reads what servers say",
				      .limit_ms = ((uint64_t)limit_s + GRACE_S) *
						  (NS_PER_S / NS_PER_MS)};
	char limit[DURATION_TEXT_MAX];
	struct err e = {0};
	int status = worker_run(&worker, NULL, NULL, &e);

	if (status == -ETIME)
		(void)audit_fail(w->cli, w->ask,
				 "the audit took longer than %s (--limit) and was ended",
				 duration_describe(limit_s, limit));
	else if (status < 0)
		(void)audit_fail(w->cli, w->ask, "%s", e.text);
	return status < 0 ? AUDIT_WORK_FAILED : status;
}

/* ---- the whole ---- */

/* With the files in their places. */
static int audit_finish(const struct audit_work *w, int status, struct replaced *html,
			struct replaced *next)
{
	struct err e = {0};

	if (status == AUDIT_WORK_FAILED)
		return w->ask->nagios ? REPORT_NAGIOS_UNKNOWN : REPORT_NOTHING;
	if (replaced_commit(html, &e) < 0 || replaced_commit(next, &e) < 0)
		return audit_fail(w->cli, w->ask, "%s", e.text);
	return status;
}

static int password_read(const struct cli *cli, struct audit_ask *ask, struct err *e)
{
	bool is_open = false;
	int ret = audit_secret_read(ask->imap_password, ask->request.imap_password, &is_open, e);

	if (is_open)
		cli_warn(cli, "the file of --imap-password can be read by everybody here");
	return ret;
}

static int audit_once(struct cli *cli, struct audit_ask *ask)
{
	struct audit_work w = {.cli = cli, .ask = ask};
	struct replaced html = {.fd = -1}, next = {.fd = -1};
	struct err e = {0};
	int status, ret = 0;

	if (ask->imap_password)
		ret = password_read(cli, ask, &e);
	if (ret == 0 && ask->baseline)
		ret = old_read(ask, &w, &e);
	if (ret == 0 && ask->html)
		ret = replaced_open(&html, ask->html, &e);
	if (ret == 0 && ask->updates)
		ret = replaced_open(&next, ask->baseline, &e);
	if (ret < 0) {
		status = audit_fail(cli, ask, "%s", e.text);
	} else {
		w.html_fd = html.fd;
		w.baseline_fd = next.fd;
		status = audit_run_worker(&w);
		if (status < WORKER_SIGNALLED)
			status = audit_finish(&w, status, &html, &next);
	}
	replaced_abandon(&html);
	replaced_abandon(&next);
	free(w.old);
	return status;
}

int verb_audit(struct cli *cli, const struct sentence *s)
{
	struct audit_ask *ask = calloc(1, sizeof(*ask));
	struct err e = {0};
	int status;

	if (!ask)
		return cli_fail(cli, REPORT_NOTHING, "out of memory");
	if (audit_ask_parse(s, ask, &e)) {
		/* To a monitoring system 2 would be CRITICAL. */
		ask->nagios = sentence_get(s, "--nagios");
		status = ask->nagios ? audit_fail(cli, ask, "%s", e.text)
				     : cli_fail(cli, CLI_MISUSED, "audit: %s", e.text);
	} else if (cli->json && ask->nagios) {
		status = cli_fail(cli, CLI_MISUSED, "audit: --json does not go with --nagios");
	} else if (sentence_get(s, "--schedule")) {
		status = audit_schedule(cli, s, ask);
	} else if (sentence_get(s, "--unschedule")) {
		status = audit_unschedule(cli, s, ask);
	} else {
		status = audit_once(cli, ask);
	}
	explicit_bzero(ask->request.imap_password, sizeof(ask->request.imap_password));
	free(ask);
	return status;
}
