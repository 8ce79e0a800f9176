/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feed load without a controller: what the controller does, once. The instance's lock is held, so that none begins meanwhile; each file
 * is read by a process that has given up all privileges, and what it made is checked like what a child sends. All are read before any
 * is put in force: so the others need not be read anew for each, and one that was not kept is made good by its own file.
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

/* A feed as it is in force, and what its file has now. */
struct alone_feed {
	struct feedlist list, fresh;
	bool asked;
	int result; /* of reading and judging the file */
	struct feedtalk_answer answer;
};

struct alone {
	struct cli *cli;
	struct gate *gate;
	bool anyway;
	int signalled; /* as worker_run() has it: the command is to end; 0 none */
	struct protected_list never;
	struct alone_feed feed[CONF_FEEDS_MAX];
};

/* What the worker says at its end. */
struct worker_said {
	int32_t result;
	uint64_t length;
	char why[ERR_TEXT_MAX];
};

struct reading {
	const char *path;
	int memory;
};

/*
 * Who touches the path of a feed may hang there, and should not be the one who hears Ctrl-C. The gate is open in the parent: of all that, the
 * worker keeps what it reads and where it writes.
 */
static int file_work(void *context, int fd, pid_t parent)
{
	const struct reading *r = context;
	struct worker_said said = {0};
	struct drop drop = {.files = FILES};
	struct err e = {0};
	size_t length = 0;
	const int keep[] = {r->memory, fd};
	int file;

	if (worker_let_go(keep, sizeof(keep) / sizeof(keep[0])))
		return WORKER_FAILED;
	file = feedfile_open(r->path, &e);
	said.result = file < 0 ? file : drop_for_parent(&drop, parent, &e);
	if (said.result == 0)
		said.result = feed_work(file, r->memory, &length, &e);
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

static int file_read(struct alone *x, const struct conf_feed *of, struct feedlist *out,
		     struct err *e)
{
	struct reading r = {.path = of->file, .memory = feedlist_memory(e)};
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
	if (ret > WORKER_SIGNALLED) {
		x->signalled = ret;
		ret = err_set(e, -EINTR, "it was not read: signal %d came", ret - WORKER_SIGNALLED);
	} else if (ret >= 0) {
		ret = said_check(bytes, length, &said, e);
	}
	if (ret == 0)
		ret = feedlist_take(out, of, r.memory, said.length, e);
	free(bytes);
	close(r.memory);
	return ret;
}

/* May the file's list take the place of the other? */
static int fresh_judge(struct alone *x, struct alone_feed *one, const struct conf_feed *of,
		       struct err *e)
{
	const struct conf *c = &x->cli->conf;
	struct guard_size old = guard_size_of(&one->list.image);
	struct guard_size new_ = guard_size_of(&one->fresh.image);
	bool has_old = one->list.map && feedlist_is_of(&one->list, of);
	int ret = 0;

	if (!x->anyway)
		ret = guard_change(has_old ? &old : NULL, &new_, c->feed_shrink, c->feed_grow, e);
	if (ret == 0 && feedlist_leave_out(&one->fresh, &x->never, NULL, 0))
		ret = err_set(e, -ENOMEM, "no memory");
	return ret;
}

static void fail(struct alone_feed *one, int result, const struct err *e)
{
	one->result = result;
	one->answer.state = result == -EXDEV || result == -EBUSY ? FEED_HELD_BACK
			    : result == -ENOENT			 ? FEED_MISSING
								 : FEED_UNREADABLE;
	memcpy(one->answer.why, e->text, sizeof(one->answer.why));
}

static void feed_read_file(struct alone *x, unsigned i)
{
	const struct conf_feed *of = &x->cli->conf.feeds[i];
	struct alone_feed *one = &x->feed[i];
	struct err e = {0};
	int ret = file_read(x, of, &one->fresh, &e);

	one->answer.state = FEED_LOADED;
	memcpy(one->answer.name, of->name, sizeof(one->answer.name));
	if (ret == 0 && one->fresh.image.report) {
		one->answer.report = *one->fresh.image.report;
		ret = fresh_judge(x, one, of, &e);
	}
	if (ret)
		fail(one, ret, &e);
}

static bool is_new(const struct alone_feed *one)
{
	return one->asked && one->result == 0;
}

static int put(struct alone *x, struct err *e)
{
	const struct conf *c = &x->cli->conf;
	struct feedlist_part part[CONF_FEEDS_MAX];

	for (unsigned i = 0; i < c->feed_count; i++)
		part[i] = (struct feedlist_part){.conf = &c->feeds[i],
						 .list = is_new(&x->feed[i]) ? &x->feed[i].fresh
									     : &x->feed[i].list,
						 .may_be_lost = x->anyway && x->feed[i].asked};
	return feedlist_put_all(x->gate, part, c->feed_count, e);
}

/* What was read is in force now. */
static void settle(struct alone *x, unsigned i)
{
	const struct conf *c = &x->cli->conf;
	struct alone_feed *one = &x->feed[i];
	struct feedlist old = one->list;
	struct err e = {0};

	one->answer.added = image_count_new(&one->fresh.image, &old.image);
	one->answer.removed = image_count_new(&old.image, &one->fresh.image);
	one->list = one->fresh;
	one->fresh = old;
	if (feedlist_keep(&one->list, c, c->feeds[i].name, &e))
		cli_warn(x->cli, "feed %s: it is in force, but was not kept: %s", c->feeds[i].name,
			 e.text);
}

static int alone_put(struct alone *x)
{
	const struct conf *c = &x->cli->conf;
	int status = CLI_DONE, ret = 0;
	bool any = false;
	struct err e = {0};

	for (unsigned i = 0; i < c->feed_count; i++)
		any = any || is_new(&x->feed[i]);
	if (any)
		ret = put(x, &e);
	for (unsigned i = 0; i < c->feed_count; i++) {
		struct alone_feed *one = &x->feed[i];

		if (!one->asked)
			continue;
		if (ret && is_new(one))
			fail(one, ret, &e);
		else if (is_new(one))
			settle(x, i);
		one->answer.entries = one->list.image.host_count + one->list.image.prefix_count;
		one->answer.left_out = one->list.left_out;
		if (feed_tell(x->cli, &one->answer) != CLI_DONE)
			status = CLI_FAILED;
	}
	return status;
}

/* As they were kept; put() finds out whether the kernel has another. */
static int alone_open(struct alone *x, struct err *e)
{
	const struct conf *c = &x->cli->conf;
	int ret = protected_read(&x->never, c, x->gate, e);

	if (ret)
		return ret;
	for (unsigned i = 0; i < c->feed_count; i++)
		if (feedlist_load(&x->feed[i].list, c, c->feeds[i].name, NULL) == 0 &&
		    feedlist_leave_out(&x->feed[i].list, &x->never, NULL, 0))
			return err_set(e, -ENOMEM, "no memory");
	return 0;
}

static int alone_load(struct alone *x, const char *name)
{
	const struct conf *c = &x->cli->conf;
	bool all = strcmp(name, FEEDTALK_ALL) == 0, found = false;

	for (unsigned i = 0; i < c->feed_count && !x->signalled; i++) {
		if (!all && strcmp(c->feeds[i].name, name) != 0)
			continue;
		found = x->feed[i].asked = true;
		feed_read_file(x, i);
	}
	if (x->signalled)
		return x->signalled;
	return found ? alone_put(x)
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
	x->anyway = anyway;
	status = cli_gate_open(cli, &g);
	x->gate = g;
	if (status == CLI_DONE && instance_lock(&in, cli->conf.instance, &e))
		status = cli_fail_err(cli, CLI_FAILED, &e);
	else if (status == CLI_DONE)
		status =
			alone_open(x, &e) ? cli_fail_err(cli, CLI_FAILED, &e) : alone_load(x, name);
	instance_release(&in);
	for (unsigned i = 0; i < cli->conf.feed_count; i++) {
		feedlist_free(&x->feed[i].list);
		feedlist_free(&x->feed[i].fresh);
	}
	protected_free(&x->never);
	free(x);
	return status;
}
