/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nursery with real processes: what a child is born with and what it lacks, seen from inside, and that nobody outlives whom he
 * should not. responder_run() is this program's own.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/channel.h"
#include "nursery_rig.h"
#include "tap.h"

#define FDS_LOOKED_AT 256
#define LONG_BYTES    200000 /* settings of the DNS have nearly so many */

/* What a child finds itself to be. */
struct tale {
	uid_t uid, euid;
	gid_t gid;
	int groups, dumpable, no_new_privs, death_signal;
	uint32_t capabilities; /* any, of any set, or in the bounding set */
	pid_t parent, session;
	char name[16];
	unsigned open_count;
	bool channel_open, extra_open, null_in, null_out;
	bool sees_files, makes_files, makes_namespaces;
	bool ignores_term, blocks_signals;
	size_t length;
	unsigned sum; /* of the settings' bytes */
};

static uint32_t capabilities_held(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct words[2] = {0};
	uint32_t held = 0;

	(void)syscall(SYS_capget, &head, words);
	for (int i = 0; i < 2; i++)
		held |= words[i].effective | words[i].permitted | words[i].inheritable;
	for (int cap = 0; cap < 64; cap++)
		held |= prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0;
	return held;
}

static bool is_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0x103 /* 1:3 */;
}

static void tale_make(struct tale *t, int channel, int extra, const void *settings, size_t length)
{
	struct sigaction on_term;
	sigset_t blocked;

	memset(t, 0, sizeof(*t));
	t->uid = getuid();
	t->euid = geteuid();
	t->gid = getegid();
	t->groups = getgroups(0, NULL);
	t->dumpable = prctl(PR_GET_DUMPABLE);
	t->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	(void)prctl(PR_GET_PDEATHSIG, &t->death_signal);
	t->capabilities = capabilities_held();
	t->parent = getppid();
	t->session = getsid(0);
	(void)prctl(PR_GET_NAME, t->name);
	for (int fd = 0; fd < FDS_LOOKED_AT; fd++)
		t->open_count += fcntl(fd, F_GETFD) >= 0;
	t->channel_open = fcntl(channel, F_GETFD) >= 0;
	t->extra_open = extra >= 0 && fcntl(extra, F_GETFD) >= 0;
	t->null_in = is_null(STDIN_FILENO);
	t->null_out = is_null(STDOUT_FILENO);
	(void)sigaction(SIGTERM, NULL, &on_term);
	(void)sigprocmask(SIG_BLOCK, NULL, &blocked);
	t->ignores_term = on_term.sa_handler == SIG_IGN;
	t->blocks_signals = sigismember(&blocked, SIGCHLD) || sigismember(&blocked, SIGTERM);
	t->length = length;
	for (size_t i = 0; i < length; i++)
		t->sum += ((const unsigned char *)settings)[i];
	t->sees_files = access("/etc", F_OK) == 0 || access("/proc", F_OK) == 0;
	t->makes_files = open("x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0;
	t->makes_namespaces = unshare(CLONE_NEWUSER) == 0;
}

static void serve(int channel)
{
	char message[64];
	ssize_t length;

	for (;;) {
		wait_readable(channel);
		length = recv(channel, message, sizeof(message), 0);
		if (length <= 0)
			return;
		(void)send(channel, message, (size_t)length, MSG_NOSIGNAL);
	}
}

int responder_run(int channel, int listener, const void *settings, size_t length)
{
	struct tale t;

	switch (length ? *(const char *)settings : 0) {
	case PLAY_TELL:
		tale_make(&t, channel, listener, settings, length);
		(void)send(channel, &t, sizeof(t), MSG_NOSIGNAL);
		serve(channel);
		return 0;
	case PLAY_SERVE:
		serve(channel);
		return 0;
	case PLAY_HANG:
		for (;;)
			pause();
	default:
		return 3;
	}
}

static struct nursery *nursery;

static bool nursery_ready(void)
{
	struct err e = {0};

	return EXPECT(nursery_open(&nursery, &e) == 0, "%s", e.text);
}

static pid_t bear(enum play play, int *channel)
{
	const char settings = (char)play;
	struct err e = {0};
	pid_t pid = nursery_spawn(nursery, CHILD_RESPONDER, &settings, 1, -1, channel, &e);

	EXPECT(pid > 0, "%s", e.text);
	return pid;
}

static bool answers(int channel)
{
	char byte;

	if (send(channel, "x", 1, MSG_NOSIGNAL) != 1)
		return false;
	wait_readable(channel);
	return recv(channel, &byte, 1, 0) == 1 && byte == 'x';
}

TEST(a_child_has_what_it_was_given_and_nothing_else)
{
	static unsigned char settings[LONG_BYTES] = {PLAY_TELL};
	struct err e = {0};
	struct tale t;
	unsigned sum = 0;
	int channel, extra = socket(AF_INET, SOCK_STREAM, 0), high;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("root, to give it up");
	/* Things that are open before the nursery is, and that are not for it. */
	high = fcntl(extra, F_DUPFD, 200);
	ENSURE(nursery_ready(), "open");
	for (size_t i = 1; i < sizeof(settings); i++)
		settings[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof(settings); i++)
		sum += settings[i];
	pid = nursery_spawn(nursery, CHILD_RESPONDER, settings, sizeof(settings), extra, &channel,
			    &e);
	ENSURE(pid > 0, "%s", e.text);
	wait_readable(channel);
	ENSURE(recv(channel, &t, sizeof(t), 0) == sizeof(t), "it tells");

	EXPECT(t.length == sizeof(settings) && t.sum == sum, "its settings: %zu bytes", t.length);
	EXPECT(t.channel_open && t.extra_open && t.open_count == 5,
	       "the standard three, its channel and the extra: %u", t.open_count);
	EXPECT(t.null_in && t.null_out, "input and output lead nowhere");
	EXPECT(t.uid && t.euid && t.gid && t.groups == 0, "%u %u %u %d", t.uid, t.euid, t.gid,
	       t.groups);
	EXPECT(!t.capabilities && t.no_new_privs == 1 && !t.dumpable, "%x %d %d", t.capabilities,
	       t.no_new_privs, t.dumpable);
	EXPECT(!t.sees_files && !t.makes_files && !t.makes_namespaces, "%d %d %d", t.sees_files,
	       t.makes_files, t.makes_namespaces);
	EXPECT(t.death_signal == SIGKILL && t.parent != getpid() && t.session != getsid(0),
	       "it is the nursery's, and not of our terminal");
	EXPECT(t.ignores_term && !t.blocks_signals, "signals are as they should be");
	EXPECT(strcmp(t.name, "postern-respond") == 0, "its name is %s", t.name);
	EXPECT(fcntl(extra, F_GETFD) >= 0, "the extra stays the caller's");
	close(channel);
	close(extra);
	close(high);
	nursery_close(nursery);
}

TEST(children_leave_no_zombie)
{
	int channel;
	char byte;

	ENSURE(nursery_ready(), "open");
	for (int i = 0; i < 20; i++) {
		pid_t pid = bear(PLAY_DIE, &channel);

		wait_readable(channel);
		EXPECT(recv(channel, &byte, 1, 0) == 0, "its channel ends");
		close(channel);
		ENSURE(is_dead_soon(pid), "it is dead");
		/* Reaped, that is: a zombie still answers to its number. */
		for (int k = 0; k < 1000 && kill(pid, 0) == 0; k++)
			usleep(1000);
		EXPECT(kill(pid, 0) < 0 && errno == ESRCH, "child %d", i);
	}
	nursery_close(nursery);
}

TEST(all_end_with_the_nursery_even_those_that_hang)
{
	int channel[2];
	pid_t serving, hanging;

	ENSURE(nursery_ready(), "open");
	serving = bear(PLAY_SERVE, &channel[0]);
	hanging = bear(PLAY_HANG, &channel[1]);
	EXPECT(answers(channel[0]), "it serves");
	nursery_close(nursery);
	EXPECT(is_dead_now(serving) && is_dead_now(hanging), "both are gone when it has closed");
	close(channel[0]);
	close(channel[1]);
}

TEST(one_child_is_ended_by_order_and_no_other)
{
	int channel[2];
	pid_t serving, hanging;

	ENSURE(nursery_ready(), "open");
	serving = bear(PLAY_SERVE, &channel[0]);
	hanging = bear(PLAY_HANG, &channel[1]);
	nursery_end_child(nursery, hanging);
	EXPECT(is_dead_soon(hanging), "ended");
	nursery_end_child(nursery, getpid());
	nursery_end_child(nursery, hanging);
	EXPECT(answers(channel[0]) && !is_dead_now(serving), "the other one serves on");
	close(channel[0]);
	close(channel[1]);
	nursery_close(nursery);
}

TEST(signals_for_the_whole_group_are_left_to_the_keeper)
{
	static const int signals[] = {SIGINT, SIGHUP, SIGTERM};
	int channel;
	pid_t pid;

	ENSURE(nursery_ready(), "open");
	pid = bear(PLAY_SERVE, &channel);
	EXPECT(answers(channel), "it is up");
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		EXPECT(kill(pid, signals[i]) == 0, "kill");
	EXPECT(answers(channel), "and still is");
	close(channel);
	EXPECT(is_dead_soon(pid), "it ends with its channel");
	nursery_close(nursery);
}

/* A keeper of its own, which is killed: what is left of its nursery and of a child that hangs? */
TEST(a_keeper_that_is_killed_leaves_nobody)
{
	struct {
		pid_t nursery, child;
	} pids = {0};
	int talk[2];
	pid_t keeper;

	ENSURE(pipe(talk) == 0, "pipe");
	keeper = fork();
	if (keeper == 0) {
		struct tale t;
		int channel[2];

		if (nursery_open(&nursery, NULL) < 0)
			_exit(1);
		bear(PLAY_TELL, &channel[0]);
		wait_readable(channel[0]);
		if (recv(channel[0], &t, sizeof(t), 0) != sizeof(t))
			_exit(1);
		pids.nursery = t.parent;
		pids.child = bear(PLAY_HANG, &channel[1]);
		if (write(talk[1], &pids, sizeof(pids)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	ENSURE(read(talk[0], &pids, sizeof(pids)) == sizeof(pids), "it tells");
	EXPECT(!is_dead_now(pids.nursery) && !is_dead_now(pids.child), "they live");
	kill(keeper, SIGKILL);
	EXPECT(is_dead_soon(pids.child) && is_dead_soon(pids.nursery), "nobody is left");
	EXPECT(waitpid(keeper, NULL, 0) == keeper, "wait");
	close(talk[0]);
	close(talk[1]);
}

TEST(a_nursery_that_is_killed_takes_its_children_along_and_is_missed)
{
	struct err e = {0};
	struct tale t;
	int telling, channel;
	pid_t hanging;

	ENSURE(nursery_ready(), "open");
	bear(PLAY_TELL, &telling);
	wait_readable(telling);
	ENSURE(recv(telling, &t, sizeof(t), 0) == sizeof(t), "it tells");
	hanging = bear(PLAY_HANG, &channel);
	kill(t.parent, SIGKILL);
	EXPECT(is_dead_soon(hanging), "the children are gone");
	close(channel);
	for (int i = 0; i < 2; i++) {
		e = (struct err){0};
		EXPECT(nursery_spawn(nursery, CHILD_RESPONDER, "s", 1, -1, &channel, &e) < 0 &&
			       strstr(e.text, "restart postern"),
		       "it says what to do: %s", e.text);
	}
	nursery_end_child(nursery, hanging);
	close(telling);
	nursery_close(nursery);
}

TEST(settings_that_are_too_long_are_refused)
{
	static char settings[(1 << 20) + 1];
	int channel;

	ENSURE(nursery_ready(), "open");
	EXPECT(nursery_spawn(nursery, CHILD_RESPONDER, settings, sizeof(settings), -1, &channel,
			     NULL) == -E2BIG,
	       "more than a child reads");
	nursery_close(nursery);
}

TEST(more_children_than_there_is_room_for_are_refused)
{
	struct err e = {0};
	int channel[32], born = 0;

	ENSURE(nursery_ready(), "open");
	while (born < 32 &&
	       nursery_spawn(nursery, CHILD_RESPONDER, "h", 1, -1, &channel[born], &e) > 0)
		born++;
	EXPECT(born >= CHILD_KINDS * 2 && born < 32 && e.code == -EAGAIN, "%d: %s", born, e.text);
	while (born)
		close(channel[--born]);
	nursery_close(nursery);
}
