/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report: proof before enforcement. The parent reads what is ours (store, kernel) and opens the mail log; a worker, which has given up everything,
 * reads the log, concludes and writes. The page takes its place when the worker has succeeded, or not at all.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/when.h"
#include "cli/cli.h"
#include "cli/replaced.h"
#include "cli/worker.h"
#include "kern/gate.h"
#include "kern/maps.h"
#include "maillog/source.h"
#include "report/proof.h"

#define SINCE_DEFAULT_S (7 * DAY_S) /* mail has habits of the week */
#define FILES_OWN	8	    /* beside those of the log: standard streams, the page */

struct reporting {
	struct cli *cli;
	struct store *store;
	struct gate *gate; /* NULL: not loaded */
	struct proof *proof;
	struct maillog_source log;
	bool has_log;
	int html_fd; /* -1: none */
	struct err e;
};

/* ---- with privileges: what is ours ---- */

static int refusal_take(void *context, const struct store_refusal *r)
{
	return proof_add_refusal(context, r);
}

static int hour_take(void *context, const struct store_hour *h)
{
	return proof_add_hour(context, h);
}

static int sender_take(void *context, const struct store_sender *sender)
{
	proof_add_sender(context, sender);
	return 0;
}

static int rule_take(void *context, const struct rule_entry *entry)
{
	if (!rule_is_live(entry->rule.expires, now_boot_ns()))
		return 0;
	if (entry->rule.action == PN_ALLOW)
		proof_add_decision(context, &entry->prefix, PROOF_ALLOW);
	else if (entry->rule.action == PN_TRUST)
		proof_add_decision(context, &entry->prefix, PROOF_TRUST);
	else if (entry->rule.origin == PN_ORIGIN_OPERATOR)
		proof_add_decision(context, &entry->prefix, PROOF_BLOCK);
	return 0;
}

/* Without a gate in the kernel the store says who is to be let in or kept out. */
static int stored_rule_take(void *context, const struct store_rule *rule)
{
	static const enum proof_decision decisions[] = {[STORE_BLOCK] = PROOF_BLOCK,
							[STORE_ALLOW] = PROOF_ALLOW,
							[STORE_TRUST] = PROOF_TRUST};

	if (rule_is_live(rule->expires_boot_ns, now_boot_ns()))
		proof_add_decision(context, &rule->prefix, decisions[rule->kind]);
	return 0;
}

static int decisions_take(struct reporting *r, struct err *e)
{
	int ret;

	if (!r->gate)
		return store_each_rule(r->store, stored_rule_take, r->proof, e);
	ret = rules_each_allow(r->gate, rule_take, r->proof, e);
	return ret ? ret : rules_each_block(r->gate, rule_take, r->proof, e);
}

static int store_take(struct reporting *r)
{
	int64_t since_s = r->proof->facts.since_wall_s;
	struct err *e = &r->e;
	int ret = store_each_refusal(r->store, since_s, refusal_take, r->proof, e);

	if (ret == 0)
		ret = store_each_hour(r->store, since_s, hour_take, r->proof, e);
	if (ret == 0)
		ret = store_each_sender(r->store, NULL, 0, sender_take, r->proof, e);
	if (ret == 0)
		ret = decisions_take(r, e);
	if (ret == -ENOMEM && !e->text[0])
		return err_set(e, ret, "no memory for the report");
	return ret;
}

static int since_of(const struct sentence *s, int64_t now_s, int64_t *since_s, struct err *e)
{
	uint64_t span_s = 0;
	int ret = sentence_get_duration(s, "since", &span_s, e);

	/* Nothing older is kept. */
	if (span_s > STORE_REFUSAL_DAYS * DAY_S)
		span_s = STORE_REFUSAL_DAYS * DAY_S;
	*since_s = now_s - (int64_t)(span_s ? span_s : SINCE_DEFAULT_S);
	return ret;
}

static bool is_enforcing(const struct reporting *r)
{
	return r->gate ? gate_conf(r->gate)->enforce_until > now_boot_ns()
		       : r->cli->conf.mode == CONF_ENFORCE;
}

static int gather(struct reporting *r, const struct sentence *s)
{
	struct conf *c = &r->cli->conf;
	struct proof_facts facts = {.now_wall_s = now_wall_s(),
				    .event_interval_s = (unsigned)c->budgets.event_interval_s,
				    .trust_spf = c->trust_spf,
				    .trust_spf_count = c->trust_spf_count};
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2];
	struct err no_log = {0};
	int ret = since_of(s, facts.now_wall_s, &facts.since_wall_s, &r->e);

	if (ret < 0)
		return ret;
	if (gate_open(&r->gate, c->instance, NULL) < 0)
		r->gate = NULL;
	facts.enforcing = is_enforcing(r);
	ret = store_open(&r->store, ruling_state_dir(c, dir, sizeof(dir)), STORE_READ, &r->e);
	if (ret == -ENOENT)
		return err_set(&r->e, ret,
			       "nothing was kept yet: a report rests on what `postern run` saw");
	if (ret == 0 && proof_new(&r->proof, &facts) < 0)
		ret = err_set(&r->e, -ENOMEM, "no memory for the report");
	if (ret == 0)
		ret = store_take(r);
	if (ret < 0)
		return ret;
	/* The worker, which reads the log, shall have nothing of them, nor shall journalctl(1). */
	store_close(r->store);
	gate_close(r->gate);
	r->store = NULL;
	r->gate = NULL;
	r->has_log = maillog_source_open(&r->log, c->mail_log, facts.since_wall_s, &no_log) == 0;
	if (!r->has_log) {
		r->proof->log = PROOF_LOG_NONE;
		text_escape(no_log.text, strlen(no_log.text), r->proof->log_why,
			    sizeof(r->proof->log_why));
	}
	return 0;
}

/* ---- without ---- */

static int log_read(struct reporting *r)
{
	struct proof *p = r->proof;
	struct maillog *m = NULL;
	int ret;

	if (!r->has_log)
		return 0;
	if (maillog_open(&m, p->facts.now_wall_s, proof_hear, p) < 0)
		return err_set(&r->e, -ENOMEM, "no memory for the mail log");
	ret = maillog_source_read(&r->log, m, &r->e);
	p->span = maillog_span(m);
	p->log_skipped = r->log.skipped;
	p->log_hole_from_s = r->log.hole_from_wall_s;
	p->log_hole_until_s = r->log.hole_until_wall_s;
	p->log_cut = r->log.is_cut;
	text_escape(r->log.name, strlen(r->log.name), p->log_name, sizeof(p->log_name));
	maillog_close(m);
	return ret;
}

static int work(void *context, int fd, pid_t parent)
{
	struct reporting *r = context;
	FILE *html = r->html_fd >= 0 ? fdopen(r->html_fd, "w") : NULL;
	int ret;

	(void)fd;
	maillog_prepare();
	if (worker_drop(r->cli, MAILLOG_FILES_MAX + FILES_OWN, parent))
		return WORKER_FAILED;
	ret = log_read(r);
	if (ret == 0 && proof_conclude(r->proof) < 0)
		ret = err_set(&r->e, -ENOMEM, "no memory for the report");
	if (ret == 0 && r->html_fd >= 0)
		ret = worker_wrote(html ? proof_html(r->proof, html) : -ENOMEM, "the page", &r->e);
	if (ret == 0)
		ret = worker_wrote((r->cli->json ? proof_json : proof_text)(r->proof, stdout),
				   "the report", &r->e);
	if (ret == 0)
		return proof_exit(r->proof);
	/* That is told by who waits for us. */
	return ferror(stdout) ? WORKER_FAILED : cli_fail_err(r->cli, WORKER_FAILED, &r->e);
}

/* ---- the whole ---- */

static void reporting_free(struct reporting *r)
{
	if (r->has_log)
		maillog_source_close(&r->log);
	proof_free(r->proof);
	store_close(r->store);
	gate_close(r->gate);
}

int verb_report(struct cli *cli, const struct sentence *s)
{
	struct reporting r = {.cli = cli, .html_fd = -1};
	const struct worker w = {.run = work, .context = &r, .what = "reads the mail log"};
	struct replaced page = {.fd = -1};
	const char *html = sentence_get(s, "--html");
	int status, ret = gather(&r, s);

	if (ret == 0 && html)
		ret = replaced_open(&page, html, &r.e);
	if (ret < 0) {
		status = cli_fail_err(cli, ret == -EINVAL ? CLI_MISUSED : CLI_FAILED, &r.e);
	} else {
		r.html_fd = page.fd;
		status = worker_run(&w, NULL, NULL, &r.e);
		if (status >= 0 && status < WORKER_FAILED && page.fd >= 0 &&
		    replaced_commit(&page, &r.e) < 0)
			status = -EIO;
		if (status < 0)
			status = cli_fail_err(cli, CLI_FAILED, &r.e);
		else if (status == WORKER_FAILED)
			status = CLI_FAILED;
	}
	replaced_abandon(&page);
	reporting_free(&r);
	return status;
}
