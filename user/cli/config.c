/* SPDX-License-Identifier: BSD-2-Clause */
/* config check, config sample and reload: what concerns the file. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/when.h"
#include "cli/cli.h"
#include "cli/foreign.h"
#include "cli/worker.h"
#include "daemon/asking.h"
#include "daemon/feeding_file.h"
#include "daemon/instance.h"
#include "daemon/responder.h"

#define FEED_WAIT_MS   10000 /* a disk that had gone to sleep has come up by then */
#define RELOAD_WAIT_S  30    /* a controller that has not answered by then is stuck */
#define RELOAD_LOOK_MS 50    /* its answer is a word in a map, which nothing tells of */

/* In a worker: who touches the path of a feed may hang there, and Ctrl-C is to end us all the same. */
static int feed_look(void *context, int fd, pid_t parent)
{
	const struct conf_feed *feed = context;
	struct err e = {0};

	(void)parent;
	if (worker_let_go(&fd, 1))
		return WORKER_FAILED;
	if (feedfile_open(feed->file, &e) >= 0)
		return 0;
	return write(fd, e.text, sizeof(e.text)) == sizeof(e.text) ? 0 : WORKER_FAILED;
}

/* Files come and go, so one that will not do is no fault of the configuration. The status of a command that was told to end, or 0. */
static int feeds_warn(struct cli *cli)
{
	for (unsigned i = 0; i < cli->conf.feed_count; i++) {
		struct conf_feed *feed = &cli->conf.feeds[i];
		const struct worker w = {.run = feed_look,
					 .context = feed,
					 .what = "opens its file",
					 .bytes_max = ERR_TEXT_MAX,
					 .limit_ms = FEED_WAIT_MS};
		char *why = NULL;
		size_t length = 0;
		struct err e = {0};
		int ret = worker_run(&w, &why, &length, &e);

		if (ret == 0 && length == ERR_TEXT_MAX)
			err_set(&e, -EIO, "%.*s", ERR_TEXT_MAX - 1, why);
		else if (ret == -ETIME)
			err_set(&e, ret, "its file system does not answer");
		free(why);
		if (ret > WORKER_SIGNALLED)
			return ret;
		if (e.code)
			cli_warn(cli, "feed %s: %s", feed->name, e.text);
	}
	return 0;
}

int verb_config_check(struct cli *cli, const struct sentence *s)
{
	const char *path = s->word_count ? s->word[0] : cli->config_path;
	struct err e = {0};
	struct dns_settings *settings = NULL;
	int rc = conf_read(path, &cli->conf, &e);

	if (rc == -ENOENT && !s->word_count && !cli->config_given)
		return cli_say(cli,
			       json_pack("{s:s, s:b, s:b}", "file", path, "valid", 1, "exists", 0),
			       "%s does not exist: the defaults hold", path);
	if (rc == 0)
		rc = asking_settings(&cli->conf, path, &settings, NULL, &e);
	if (rc == 0 && settings->sites.zone_count && !asking_can_list(settings))
		cli_warn(cli, ASKING_LISTS_NOBODY, (long long)settings->threshold);
	free(settings);
	if (rc == 0)
		rc = responder_settings_try(&cli->conf, path, &e);
	if (rc)
		return cli_fail_err(cli, CLI_FAILED, &e);
	rc = feeds_warn(cli);
	if (rc)
		return rc;
	return cli_say(cli, json_pack("{s:s, s:b, s:b}", "file", path, "valid", 1, "exists", 1),
		       "%s is valid", path);
}

int verb_config_sample(struct cli *cli, const struct sentence *s)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out;
	int rc;

	(void)s;
	if (!cli->json)
		return conf_write_sample(stdout) ? CLI_FAILED : CLI_DONE;
	out = open_memstream(&text, &size);
	rc = out ? conf_write_sample(out) : -ENOMEM;
	if (out)
		fclose(out);
	if (rc == 0)
		rc = json_line(stdout, json_pack("{s:s}", "sample", text));
	free(text);
	return rc ? CLI_FAILED : CLI_DONE;
}

/* ---- reload ---- */

struct answers {
	uint32_t done, failed;
};

/* Opened anew each time: a reload may move the gate to new maps, and its answer is in those. */
static int answers_read(const struct cli *cli, struct answers *out, struct err *e)
{
	struct gate *g = NULL;
	int rc = gate_open(&g, cli->conf.instance, e);

	if (rc)
		return rc;
	out->done = __atomic_load_n(&gate_conf(g)->reloads_done, __ATOMIC_ACQUIRE);
	out->failed = __atomic_load_n(&gate_conf(g)->reloads_failed, __ATOMIC_ACQUIRE);
	gate_close(g);
	return 0;
}

/* A value, or what stands for an empty one. */
static const char *change_value(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text && text[0] ? text : "\"\"";
}

static int change_print(const json_t *row)
{
	const char *effect = json_string_value(json_object_get(row, "effect"));

	return printf("%s: %s -> %s%s%s%s\n", json_string_value(json_object_get(row, "key")),
		      change_value(row, "was"), change_value(row, "now"),
		      strcmp(effect, "live") ? " (" : "", strcmp(effect, "live") ? effect : "",
		      strcmp(effect, "live") ? ")" : "");
}

static int changes_say(const struct cli *cli, json_t *changes, const char *file)
{
	size_t count = json_array_size(changes);

	for (size_t i = 0; i < count && !cli->json; i++)
		if (change_print(json_array_get(changes, i)) < 0)
			return CLI_FAILED;
	return cli_say(
		cli, json_pack("{s:b, s:s, s:O}", "reloaded", 1, "file", file, "changes", changes),
		"the controller has read %s again: %zu key%s changed", file, count,
		count == 1 ? " has" : "s have");
}

/* What the controller wrote about this reload. Without it the counters say enough. */
static int answer_say(const struct cli *cli, const struct answers *now, bool failed)
{
	char path[INSTANCE_PATH_MAX];
	json_t *changes = NULL, *last = NULL;
	char *bytes = NULL;
	size_t length = 0;
	struct err e = {0};
	const char *fault;
	int status, rc = foreign_load(instance_path(cli->conf.instance, INSTANCE_RELOAD, path),
				      &bytes, &length, &e);

	if (rc == 0)
		rc = foreign_reload(bytes, length, &changes, &last, &e);
	fault = json_string_value(json_object_get(last, "fault"));
	if (rc ||
	    json_integer_value(json_object_get(last, "reload")) !=
		    (json_int_t)now->done + now->failed ||
	    !fault == failed)
		status =
			failed ? cli_fail(
					 cli, CLI_FAILED,
					 "the controller turned the configuration down and goes on "
					 "with the old one: its log says why")
			       : cli_say(cli, json_pack("{s:b}", "reloaded", 1),
					 "the controller has read its configuration again");
	else if (failed)
		status = cli_fail(cli, CLI_FAILED,
				  "%s; the controller goes on with the old configuration", fault);
	else
		status =
			changes_say(cli, changes, json_string_value(json_object_get(last, "file")));
	json_decref(changes);
	json_decref(last);
	free(bytes);
	return status;
}

static int reload_wait(const struct cli *cli, int pidfd, const struct answers *before)
{
	uint64_t give_up_ns = now_monotonic_ns() + RELOAD_WAIT_S * NS_PER_S;
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};

	while (now_monotonic_ns() < give_up_ns) {
		struct answers now = *before;
		int ended = poll(&gone, 1, RELOAD_LOOK_MS);

		(void)answers_read(cli, &now, NULL);
		if (now.failed > before->failed || now.done > before->done)
			return answer_say(cli, &now, now.failed > before->failed);
		if (ended > 0)
			return cli_fail(cli, CLI_FAILED, "the controller ended while reloading");
	}
	return cli_fail(cli, CLI_FAILED, "the controller has not answered within %d s",
			RELOAD_WAIT_S);
}

/* A fault that is seen here is not sent to the controller: it would say the same. */
static int reload_config_read(struct cli *cli)
{
	struct err e = {0};
	int rc = conf_read(cli->config_path, &cli->conf, &e);

	if (rc && (rc != -ENOENT || cli->config_given))
		return cli_fail(cli, CLI_FAILED,
				"%s; nothing is reloaded: the controller goes on with the old "
				"configuration",
				e.text);
	if (cli->instance)
		snprintf(cli->conf.instance, sizeof(cli->conf.instance), "%s", cli->instance);
	return CLI_DONE;
}

int verb_reload(struct cli *cli, const struct sentence *s)
{
	struct answers before = {0};
	struct err e = {0};
	int pid, pidfd, status, rc;

	(void)s;
	status = reload_config_read(cli);
	if (status)
		return status;
	rc = answers_read(cli, &before, &e);
	if (rc && rc != -ENOENT)
		return cli_fail_err(cli, CLI_FAILED, &e);
	pid = cli_controller_pid(cli);
	if (!pid)
		return cli_fail(cli, CLI_FAILED,
				"no controller of the instance \"%s\" is running (`postern run`)",
				cli->conf.instance);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* Asked again with the descriptor held: the pid cannot have passed to somebody else since. */
	if (pidfd < 0 || cli_controller_pid(cli) != pid ||
	    syscall(SYS_pidfd_send_signal, pidfd, SIGHUP, NULL, 0)) {
		status = cli_fail(cli, CLI_FAILED, "cannot signal the controller, pid %d: %s", pid,
				  strerror(errno));
		if (pidfd >= 0)
			close(pidfd);
		return status;
	}
	status = reload_wait(cli, pidfd, &before);
	close(pidfd);
	return status;
}
