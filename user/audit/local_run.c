/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tools of mail servers, run for what they print: by absolute paths, without a shell, with an environment of our own, nothing on
 * standard input, a bound on time and on output. All at once, since each waits for something else and the audit for all. What needs no
 * rights is run without; and with a configuration that somebody else may write nothing is run with ours.
 */
#include "audit/local_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/when.h"

#define NOBODY		   65534
#define LIMIT_MS	   10000 /* of all together; the slowest of a healthy host takes one or two s */
#define END_MS		   1000		     /* from the end of the output to that of the tool */
#define OUTPUT_MAX	   (8 * 1024 * 1024) /* a queue of some 20,000 messages */
#define READ_BYTES	   65536
#define COMPLAINT	   200 /* bytes of what a tool says on standard error */
#define ARGUMENTS_MAX	   8
#define STATUS_NOT_RUN	   127
#define TOOLS_MAX	   16
#define CORE_BYTES_MAX	   0
#define WRITABLE_BY_OTHERS (S_IWGRP | S_IWOTH)

struct child {
	const struct local_tool *tool;
	char path[LOCAL_PATH_MAX];
	pid_t pid; /* 0: not there */
	int out, complaints;
	char *bytes;
	size_t length, room;
	char complaint[COMPLAINT];
	size_t complaint_length;
	bool is_cut, is_late;
	bool is_unsafe; /* its configuration is somebody else's: nothing of it is run with our rights */
	int code;
};

/* Only what nobody but root can have put there: it may be run as root. */
static bool is_sound(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & S_IXUSR &&
	       (st.st_uid == 0 || geteuid() != 0) && !(st.st_mode & WRITABLE_BY_OTHERS);
}

const char *local_tool_find(const char *name, char buffer[static LOCAL_PATH_MAX])
{
	static const char *const folders[] = {"/usr/sbin", "/usr/bin",	      "/sbin",
					      "/bin",	   "/usr/local/sbin", "/usr/local/bin"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int length = snprintf(buffer, LOCAL_PATH_MAX, "%s/%s", folders[i], name);

		if (length > 0 && length < LOCAL_PATH_MAX && is_sound(buffer))
			return buffer;
	}
	buffer[0] = '\0';
	return buffer;
}

static bool is_others(const char *path)
{
	struct stat st;
	mode_t others;

	if (stat(path, &st) < 0)
		return false;
	others = st.st_gid == 0 ? S_IWOTH : WRITABLE_BY_OTHERS;
	return (st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & others;
}

/* Who may write a directory above it can put another one in its place. In one like /tmp (sticky) only its own. */
static bool is_below_others(const char *config)
{
	char path[PATH_MAX];
	struct stat st;
	char *slash;

	if (!realpath(config, path))
		return false;
	while (path[1] && (slash = strrchr(path, '/'))) {
		slash[slash == path] = '\0';
		if (is_others(path) && (stat(path, &st) < 0 || !(st.st_mode & S_ISVTX) ||
					(st.st_uid != 0 && st.st_uid != geteuid())))
			return true;
	}
	return false;
}

bool local_path_is_others(const char *path)
{
	return is_others(path) || is_below_others(path);
}

/*
 * Can somebody but root write the configuration that was named? Tools do what it says: postqueue(1) starts programs of its daemon_directory,
 * Exim Perl, and doveconf(1) prints files that it names.
 */
bool local_config_is_others(const char *config)
{
	static const char *const inside[] = {"main.cf", "master.cf"};
	char path[LOCAL_PATH_MAX];
	bool is_found = local_path_is_others(config);

	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", config, inside[i]) < sizeof(path))
			is_found |= is_others(path);
	return is_found;
}

/* ---- in the child ---- */

static void rights_drop(void)
{
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(STATUS_NOT_RUN);
}

__attribute__((noreturn)) static void become(const char *path, char *const *words, int out,
					     int complaints, bool as_nobody)
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
					    "HOME=/", NULL};
	const struct rlimit no_core = {CORE_BYTES_MAX, CORE_BYTES_MAX};
	int null = open("/dev/null", O_RDWR);

	/* A group of its own: what the tool starts ends with it. */
	if (null < 0 || setsid() < 0 || chdir("/") < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(complaints < 0 ? null : complaints, STDERR_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(STATUS_NOT_RUN);
	umask(077);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (as_nobody)
		rights_drop();
	/* After the change of user, which would take it back (prctl(2)). */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	execve(path, words, environment);
	_exit(STATUS_NOT_RUN);
}

static void words_fill(const struct local_tool *t, const char *path, char **words)
{
	unsigned n = 0;

	/* execve(2) changes none of them. */
	words[n++] = (char *)path;
	if (t->config_option && t->config && t->config[0]) {
		words[n++] = (char *)t->config_option;
		words[n++] = (char *)t->config;
	}
	for (unsigned i = 0; i < sizeof(t->arguments) / sizeof(t->arguments[0]); i++)
		if (t->arguments[i])
			words[n++] = (char *)t->arguments[i];
	words[n] = NULL;
}

/* ---- in the parent ---- */

static int child_start(struct child *c, bool as_nobody)
{
	char *words[ARGUMENTS_MAX];
	int out[2], complaints[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(complaints, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return -errno;
	}
	words_fill(c->tool, c->path, words);
	c->pid = fork();
	if (c->pid == 0)
		become(c->path, words, out[1], complaints[1], as_nobody);
	close(out[1]);
	close(complaints[1]);
	if (c->pid < 0) {
		int code = -errno;

		c->pid = 0;
		close(out[0]);
		close(complaints[0]);
		return code;
	}
	c->out = out[0];
	c->complaints = complaints[0];
	return 0;
}

static void descriptor_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* One read. The last byte of the room is for the final 0. */
static void output_read(struct child *c)
{
	ssize_t got;

	if (c->room - c->length < READ_BYTES + 1) {
		size_t room = c->room ? 2 * c->room : 2 * READ_BYTES;
		char *more = realloc(c->bytes, room);

		if (!more) {
			c->is_cut = true;
			descriptor_end(&c->out);
			return;
		}
		c->bytes = more;
		c->room = room;
	}
	got = read(c->out, c->bytes + c->length, READ_BYTES);
	if (got <= 0) {
		descriptor_end(&c->out);
		return;
	}
	c->length += (size_t)got;
	if (c->length >= OUTPUT_MAX) {
		c->is_cut = true;
		descriptor_end(&c->out);
	}
}

/* What is beyond the room is read and forgotten. */
static void complaint_read(struct child *c)
{
	char bytes[COMPLAINT];
	ssize_t got = read(c->complaints, bytes, sizeof(bytes));
	size_t room = sizeof(c->complaint) - c->complaint_length;

	if (got <= 0) {
		descriptor_end(&c->complaints);
		return;
	}
	if ((size_t)got < room)
		room = (size_t)got;
	memcpy(c->complaint + c->complaint_length, bytes, room);
	c->complaint_length += room;
}

static int wait_ms(uint64_t until_ns)
{
	uint64_t now = now_monotonic_ns();

	return now >= until_ns ? 0 : (int)((until_ns - now) / NS_PER_MS) + 1;
}

/* Until all have closed their ends, or the time is over. */
static void children_read(struct child *children, unsigned count, uint64_t until_ns)
{
	for (;;) {
		struct pollfd fds[2 * TOOLS_MAX];
		bool is_open = false;

		for (unsigned i = 0; i < count; i++) {
			fds[2 * i] = (struct pollfd){.fd = children[i].out, .events = POLLIN};
			fds[2 * i + 1] =
				(struct pollfd){.fd = children[i].complaints, .events = POLLIN};
			is_open |= children[i].out >= 0 || children[i].complaints >= 0;
		}
		if (!is_open || poll(fds, 2 * count, wait_ms(until_ns)) <= 0)
			return;
		for (unsigned i = 0; i < count; i++) {
			if (fds[2 * i].revents)
				output_read(&children[i]);
			if (fds[2 * i + 1].revents)
				complaint_read(&children[i]);
		}
	}
}

/* Does it end by itself? Some that have closed their ends run on. */
static bool child_ends(pid_t pid)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	bool is_ended = end.fd >= 0 && poll(&end, 1, END_MS) == 1;

	if (end.fd >= 0)
		close(end.fd);
	return is_ended;
}

static void child_end(struct child *c)
{
	int status = 0;

	if (!c->pid)
		return;
	c->is_late = c->out >= 0 || c->complaints >= 0;
	descriptor_end(&c->out);
	descriptor_end(&c->complaints);
	if (!c->is_late && !c->is_cut)
		c->is_late = !child_ends(c->pid);
	if (c->is_late || c->is_cut)
		kill(-c->pid, SIGKILL);
	if (waitpid(c->pid, &status, 0) < 0)
		c->code = -errno;
	else if (c->is_late)
		c->code = -ETIMEDOUT;
	else if (!c->is_cut && (!WIFEXITED(status) || WEXITSTATUS(status)))
		c->code = WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_RUN ? -ENOEXEC
										     : -EIO;
	c->pid = 0;
}

static void child_clear(struct child *c)
{
	free(c->bytes);
	c->bytes = NULL;
	c->length = c->room = c->complaint_length = 0;
	c->is_cut = c->is_late = false;
	c->code = 0;
}

static void children_run(struct child *children, unsigned count, bool again)
{
	for (unsigned i = 0; i < count; i++) {
		struct child *c = &children[i];
		bool as_nobody = c->is_unsafe || (c->tool->rights != LOCAL_AS_ROOT && !again);

		/* Who has hung once would hang again. */
		if (!c->path[0] || (again && (!c->code || c->code == -ETIMEDOUT || as_nobody ||
					      c->tool->rights != LOCAL_NOBODY_FIRST)))
			continue;
		child_clear(c);
		c->code = child_start(c, as_nobody);
	}
	children_read(children, count, now_monotonic_ns() + LIMIT_MS * NS_PER_MS);
	for (unsigned i = 0; i < count; i++)
		child_end(&children[i]);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* In one line. */
static void complaint_show(struct child *c, char *out, size_t size)
{
	for (size_t i = 0; i < c->complaint_length; i++)
		if (c->complaint[i] == '\n')
			c->complaint[i] = ' ';
	while (c->complaint_length && c->complaint[c->complaint_length - 1] == ' ')
		c->complaint_length--;
	text_escape(c->complaint, c->complaint_length, out, size);
}

static int child_deliver(struct child *c, struct local_raw *raw)
{
	struct local_piece *p;
	int code = c->path[0] ? c->code : -ENOENT;

	if (code < 0 || !c->bytes) {
		free(c->bytes);
		c->bytes = NULL;
	}
	p = local_raw_add(raw, c->tool->item, c->path[0] ? base_of(c->path) : c->tool->names[0],
			  code, c->bytes, c->length);
	if (!p)
		return -ENOMEM;
	p->is_cut = c->is_cut;
	if (code == -ETIMEDOUT)
		snprintf(p->why, sizeof(p->why), "%.64s did not end within %d s", p->name,
			 LIMIT_MS / 1000);
	else if (code < 0 && c->complaint_length)
		complaint_show(c, p->why, sizeof(p->why));
	return 0;
}

int local_run(struct local_raw *raw, const struct local_tool *tools, unsigned count)
{
	struct child *children = calloc(count, sizeof(*children));
	int code = 0;

	if (!children || count > TOOLS_MAX) {
		free(children);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < count; i++) {
		struct child *c = &children[i];

		c->tool = &tools[i];
		c->out = c->complaints = -1;
		c->is_unsafe = geteuid() == 0 && c->tool->config_option && c->tool->config &&
			       c->tool->config[0] && local_config_is_others(c->tool->config);
		for (unsigned n = 0; n < 3 && tools[i].names[n] && !c->path[0]; n++)
			(void)local_tool_find(tools[i].names[n], c->path);
	}
	children_run(children, count, false);
	if (geteuid() == 0)
		children_run(children, count, true);
	for (unsigned i = 0; i < count && code == 0; i++)
		code = child_deliver(&children[i], raw);
	free(children);
	return code;
}

int local_run_on(const char *path, const char *const *arguments)
{
	char *words[ARGUMENTS_MAX] = {(char *)path};
	int out[2];
	pid_t pid;

	for (unsigned i = 0; i + 2 < ARGUMENTS_MAX && arguments[i]; i++)
		words[i + 1] = (char *)arguments[i];
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become(path, words, out[1], -1, false);
	close(out[1]);
	if (pid < 0) {
		close(out[0]);
		return -EAGAIN;
	}
	return out[0];
}
