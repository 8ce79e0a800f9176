/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feed load without a controller: what the controller does, once. The instance's lock is held, so that none begins meanwhile; the file
 * is read by a process that has given up all privileges, and what it made is checked like what a child sends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/drop.h"
#include "cli/feed.h"
#include "cli/worker.h"
#include "daemon/feeding_file.h"
#include "daemon/feeding_list.h"
#include "daemon/instance.h"
#include "daemon/protected.h"
#include "feed/work.h"

#define FILES 32 /* few are open, and no more can be */

struct alone {
	struct cli *cli;
	struct gate *gate;
	struct protected_list never;
	struct feedlist list[CONF_FEEDS_MAX];
};

/* What the worker says at its end. */
struct worker_said {
	int32_t result;
	uint64_t length;
	char why[ERR_TEXT_MAX];
};

struct reading {
	int file, memory;
};

/* The gate is open in the parent: of all that, the worker keeps what it reads and where it writes. */
static int file_work(void *context, int fd, pid_t parent)
{
	const struct reading *r = context;
	const int keep[] = {r->file, r->memory, fd};
	struct worker_said said = {0};
	struct drop drop = {.files = FILES};
	struct err e = {0};
	size_t length = 0;

	if (drop_descriptors(keep, sizeof(keep) / sizeof(keep[0])))
		return WORKER_FAILED;
	said.result = drop_for_parent(&drop, parent, &e);
	if (said.result == 0)
		said.result = feed_work(r->file, r->memory, &length, &e);
	said.length = length;
	memcpy(said.why, e.text, sizeof(said.why));
	return write(fd, &said, sizeof(said)) == sizeof(said) ? 0 : WORKER_FAILED;
}

static int said_check(const char *bytes, size_t length, struct worker_said *said, struct err *e)
{
	if (length != sizeof(*said))
		return err_set(e, -EIO, "its reader died over it");
	memcpy(said, bytes, sizeof(*said));
	if (said->result > 0)
		return err_set(e, -EIO, "its reader died over it");
	said->why[sizeof(said->why) - 1] = '\0';
	return said->result ? err_set(e, said->result, "%s", said->why) : 0;
}

static int file_read(int file, struct feedlist *out, struct err *e)
{
	struct reading r = {.file = file, .memory = feedlist_memory(e)};
	const struct worker w = {.run = file_work,
				 .context = &r,
				 .what = "reads it",
				 .bytes_max = sizeof(struct worker_said)};
	struct worker_said said = {0};
	char *bytes = NULL;
	size_t length = 0;
	int ret;

	if (r.memory < 0)
		return r.memory;
	ret = worker_run(&w, &bytes, &length, e);
	if (ret > WORKER_SIGNALLED)
		ret = err_set(e, -EINTR, "it was not read: signal %d came", ret - WORKER_SIGNALLED);
	else if (ret >= 0)
		ret = said_check(bytes, length, &said, e);
	if (ret == 0)
		ret = feedlist_take(out, r.memory, said.length, e);
	free(bytes);
	close(r.memory);
	return ret;
}

/* The other feeds stay as they were kept. */
static int put(struct alone *x, struct err *e)
{
	const struct feedlist *list[CONF_FEEDS_MAX];

	for (unsigned i = 0; i < x->cli->conf.feed_count; i++)
		list[i] = &x->list[i];
	return feedlist_put_all(x->gate, &x->cli->conf, list, 0, e);
}

static int fresh_take(struct alone *x, unsigned i, struct feedlist *fresh,
		      struct feedtalk_answer *a, struct err *e)
{
	const struct conf *c = &x->cli->conf;
	struct feedlist old = x->list[i];
	int ret = feedlist_leave_out(fresh, &x->never, NULL, 0);

	if (ret)
		return err_set(e, ret, "no memory");
	a->added = image_count_new(&fresh->image, &old.image);
	a->removed = image_count_new(&old.image, &fresh->image);
	x->list[i] = *fresh;
	ret = put(x, e);
	if (ret) {
		x->list[i] = old;
		return ret;
	}
	*fresh = old;
	ret = feedlist_keep(&x->list[i], c, c->feeds[i].name, e);
	if (ret)
		cli_warn(x->cli, "feed %s: it is in force, but was not kept: %s", c->feeds[i].name,
			 e->text);
	return 0;
}

static int feed_load_one(struct alone *x, unsigned i, bool anyway)
{
	const struct conf *c = &x->cli->conf;
	struct feedtalk_answer a = {.state = FEED_LOADED};
	struct feedlist fresh = {0};
	struct guard_size old = guard_size_of(&x->list[i].image), new_;
	struct err e = {0};
	int file, ret;

	memcpy(a.name, c->feeds[i].name, sizeof(a.name));
	file = feedfile_open(c->feeds[i].file, &e);
	ret = file < 0 ? file : file_read(file, &fresh, &e);
	if (file >= 0)
		close(file);
	if (ret == 0 && fresh.image.report) {
		a.report = *fresh.image.report;
		new_ = guard_size_of(&fresh.image);
		if (!anyway)
			ret = guard_change(x->list[i].map ? &old : NULL, &new_, c->feed_shrink,
					   c->feed_grow, &e);
	}
	if (ret == 0)
		ret = fresh_take(x, i, &fresh, &a, &e);
	if (ret)
		a.state = ret == -EXDEV	   ? FEED_HELD_BACK
			  : ret == -ENOENT ? FEED_MISSING
					   : FEED_UNREADABLE;
	a.entries = x->list[i].image.host_count + x->list[i].image.prefix_count;
	a.left_out = x->list[i].left_out;
	if (ret)
		memcpy(a.why, e.text, sizeof(a.why));
	feedlist_free(&fresh);
	return feed_tell(x->cli, &a);
}

static int alone_open(struct alone *x, struct err *e)
{
	const struct conf *c = &x->cli->conf;
	int ret = protected_read(&x->never, c, x->gate, e);

	if (ret)
		return ret;
	for (unsigned i = 0; i < c->feed_count; i++)
		if (feedlist_load(&x->list[i], c, c->feeds[i].name, NULL) == 0 &&
		    feedlist_leave_out(&x->list[i], &x->never, NULL, 0))
			return err_set(e, -ENOMEM, "no memory");
	return 0;
}

static int alone_load(struct alone *x, const char *name, bool anyway)
{
	const struct conf *c = &x->cli->conf;
	bool all = strcmp(name, FEEDTALK_ALL) == 0, found = false;
	int status = CLI_DONE;

	for (unsigned i = 0; i < c->feed_count; i++) {
		if (!all && strcmp(c->feeds[i].name, name) != 0)
			continue;
		found = true;
		if (feed_load_one(x, i, anyway) != CLI_DONE)
			status = CLI_FAILED;
	}
	return found ? status
		     : cli_fail(x->cli, CLI_NO_ENTRY,
				"no feed of the configuration is called \"%s\"", name);
}

int feed_load_alone(struct cli *cli, const char *name, bool anyway)
{
	struct alone *x = calloc(1, sizeof(*x));
	struct instance in = {.lock_fd = -1};
	struct err e = {0};
	CLI_GATE g = NULL;
	int status;

	if (!x)
		return cli_fail(cli, CLI_FAILED, "no memory");
	x->cli = cli;
	status = cli_gate_open(cli, &g);
	x->gate = g;
	if (status == CLI_DONE && instance_lock(&in, cli->conf.instance, &e))
		status = cli_fail_err(cli, CLI_FAILED, &e);
	else if (status == CLI_DONE)
		status = alone_open(x, &e) ? cli_fail_err(cli, CLI_FAILED, &e)
					   : alone_load(x, name, anyway);
	instance_release(&in);
	for (unsigned i = 0; i < cli->conf.feed_count; i++)
		feedlist_free(&x->list[i]);
	protected_free(&x->never);
	free(x);
	return status;
}
