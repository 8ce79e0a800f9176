/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker of `postern audit`: prepares with privileges, gives them up, and only then reads what is foreign: the DNS, the servers, the
 * baseline. What it writes to was opened before by others; it can open nothing any more. Progress is one line of the terminal, and is
 * gone when the report comes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "audit/gate.h"
#include "audit/report.h"
#include "base/drop.h"
#include "base/when.h"
#include "cli/audit.h"
#include "cli/worker.h"
#include "daemon/asking.h"

#define FILES_OWN	8 /* beside those of the audit: the page, the baseline, standard streams */
#define LINE_MAX_SHOWN	256 /* columns of the line of progress */
#define LINE_CLEAR	"\r\033[K"
#define COLUMNS_DEFAULT 80

struct work {
	const struct audit_work *of;
	struct loop *loop;
	struct audit *audit;
	struct dns_settings *settings;
	struct zonedata *data;
	struct baseline *baseline;
	FILE *html, *next; /* the page and the next baseline */
	uint64_t begun_ns;
	unsigned columns; /* of the terminal that progress is shown on; 0: it is not shown */
	bool colour;
	unsigned width; /* of the report */
};

int audit_fail(const struct cli *cli, const struct audit_ask *ask, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!ask->nagios)
		return cli_fail(cli, REPORT_NOTHING, "%s", text);
	/* A bar would begin the performance data. */
	for (char *bar = text; (bar = strchr(bar, '|'));)
		*bar = '/';
	printf("AUDIT UNKNOWN - %s\n", text);
	fflush(stdout);
	return REPORT_NAGIOS_UNKNOWN;
}

/* ---- progress ---- */

static unsigned columns_of(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return COLUMNS_DEFAULT;
	return size.ws_col;
}

static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return !term || strcmp(term, "dumb") == 0;
}

/* https://no-color.org: present and not empty. */
static bool wants_no_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return no && *no;
}

static void terminal_look(struct work *w)
{
	unsigned columns = columns_of(STDERR_FILENO);

	w->width = columns_of(STDOUT_FILENO);
	w->colour = w->width && !is_dumb() && !wants_no_colour();
	if (!is_dumb() && !w->of->cli->json && !w->of->ask->nagios)
		w->columns = columns < LINE_MAX_SHOWN ? columns : LINE_MAX_SHOWN;
}

static void progress_show(void *context, const struct audit_progress *p)
{
	const struct work *w = context;
	char line[2 * LINE_MAX_SHOWN], at[LINE_MAX_SHOWN];

	if (!w->columns)
		return;
	text_escape(p->at ? p->at : "", p->at ? strlen(p->at) : 0, at, sizeof(at));
	/* The last column stays free: some terminals wrap when it is written. */
	if (p->all)
		snprintf(line, w->columns, "%u/%u %s", p->done, p->all, at);
	else
		snprintf(line, w->columns, "%s", at);
	fprintf(stderr, LINE_CLEAR "%s", line);
	fflush(stderr);
}

static void progress_clear(const struct work *w)
{
	if (!w->columns)
		return;
	fputs(LINE_CLEAR, stderr);
	fflush(stderr);
}

/* ---- with privileges ---- */

/* All but the instance, and the resolver, without which nothing could be asked at all. */
static void configuration_forget(struct conf *c)
{
	struct conf_text resolvers[CONF_RESOLVERS_MAX];
	unsigned resolver_count = c->resolver_count;
	char instance[CONF_INSTANCE_MAX];

	memcpy(instance, c->instance, sizeof(instance));
	memcpy(resolvers, c->resolvers, sizeof(resolvers));
	conf_defaults(c);
	memcpy(c->instance, instance, sizeof(instance));
	memcpy(c->resolvers, resolvers, sizeof(resolvers));
	c->resolver_count = resolver_count;
}

/* A faulty configuration of the lists is warned of, as the rest of it is: the audit must work in need. */
static int settings_make(struct work *w, struct err *e)
{
	struct cli *cli = w->of->cli;
	struct err cause = {0};

	if (asking_settings(&cli->conf, cli->config_path, &w->settings, &w->data, &cause) < 0) {
		cli_warn(cli, "%s; going on without the configured lists", cause.text);
		configuration_forget(&cli->conf);
		if (asking_settings(&cli->conf, cli->config_path, &w->settings, &w->data, e) < 0)
			return e->code;
	}
	if (w->settings->sites.zone_count)
		return 0;
	return asking_audit_sites(w->settings, w->data, e);
}

static int prepare(struct work *w, struct err *e)
{
	const struct audit_work *of = w->of;
	struct seen_gate *gate = NULL;
	int ret = loop_new(&w->loop);

	terminal_look(w);
	if (ret < 0)
		return err_set(e, ret, "cannot make an event loop: %s", strerror(-ret));
	ret = settings_make(w, e);
	if (ret < 0)
		return ret;
	if (of->html_fd >= 0)
		w->html = fdopen(of->html_fd, "w");
	if (of->baseline_fd >= 0)
		w->next = fdopen(of->baseline_fd, "w");
	if ((of->html_fd >= 0 && !w->html) || (of->baseline_fd >= 0 && !w->next))
		return err_set(e, -ENOMEM, "no memory for the files of the report");
	/* That there is none is a finding, no failure. */
	if (seen_gate_read(&gate, &of->cli->conf, of->cli->conf.instance, NULL) < 0)
		gate = NULL;
	return audit_new(&w->audit, w->loop, &of->ask->request, w->settings, w->data, gate, e);
}

/* ---- without ---- */

static int audit_it(struct work *w, struct err *e)
{
	const struct drop drop = {.files = audit_files(w->audit) + FILES_OWN};
	int ret = drop_for_parent(&drop, w->of->parent, e);

	if (ret < 0)
		return ret;
	if (w->of->ask->baseline || w->of->old)
		ret = baseline_read(&w->baseline, w->of->old ? w->of->old : "", w->of->old_length,
				    e);
	if (ret < 0)
		return ret;
	audit_on_progress(w->audit, progress_show, w);
	ret = audit_run(w->audit, e);
	progress_clear(w);
	return ret;
}

static int report_write(const struct work *w, int *status, struct err *e)
{
	const struct audit_ask *ask = w->of->ask;
	const struct report r = {
		.request = &ask->request,
		.seen = audit_seen(w->audit),
		.findings = audit_findings(w->audit),
		.fail_on = ask->fail_on,
		.baseline = w->baseline,
		.only_changes = ask->only_changes,
		.colour = w->colour,
		.width = w->width,
		.vantage_note = audit_vantage_note(w->audit),
		.elapsed_ms = (unsigned)((now_monotonic_ns() - w->begun_ns) / NS_PER_MS),
	};
	int (*form)(const struct report *, FILE *) = ask->nagios	? report_nagios
						     : w->of->cli->json ? report_json
									: report_text;
	struct report_sum sum;
	int ret;

	report_sum(&r, &sum);
	*status = ask->nagios ? report_nagios_status(&r) : sum.exit_status;
	/* The page and the baseline first: who reads the report can rely on them. */
	ret = w->html ? worker_wrote(report_html(&r, w->html), "the page", e) : 0;
	if (ret == 0 && w->next)
		ret = worker_wrote(baseline_write(&r, w->next), "the next baseline", e);
	return ret == 0 ? worker_wrote(form(&r, stdout), "the report", e) : ret;
}

int audit_work(const struct audit_work *of)
{
	struct work w = {.of = of, .begun_ns = now_monotonic_ns()};
	struct err e = {0};
	int status = AUDIT_WORK_FAILED, ret = prepare(&w, &e);

	if (ret == 0)
		ret = audit_it(&w, &e);
	if (ret == 0)
		ret = report_write(&w, &status, &e);
	if (ret < 0) {
		(void)audit_fail(of->cli, of->ask, "%s", e.text[0] ? e.text : strerror(-ret));
		status = AUDIT_WORK_FAILED;
	}
	baseline_free(w.baseline);
	audit_free(w.audit);
	zonedata_free(w.data);
	free(w.settings);
	loop_free(w.loop);
	return status;
}
