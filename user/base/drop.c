/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up privileges: see drop.h. The empty root is a directory that has been removed: nothing is in it and nothing can be
 * made in it, and it needs neither a place of its own in the file system nor a mount namespace.
 */
#include "base/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/temporary.h"

#define USER_FALLBACK  "nobody"
#define ID_FALLBACK    65534 /* nobody and nogroup, where no file says so */
#define CAPS_WORDS     2     /* of _LINUX_CAPABILITY_VERSION_3 */
#define CAPS_WORD_BITS 32
#define FD_FIRST       3  /* behind the standard ones */
#define EMPTY_PATH_MAX 32 /* of the root's name, while it has one */

static int fail(struct err *e, const char *what)
{
	int code = errno ? -errno : -EPERM;

	return err_set(e, code, "cannot give up privileges: %s: %s", what, strerror(-code));
}

/* ---- user and root ---- */

struct user {
	uid_t uid;
	gid_t gid;
};

static struct user user_find(void)
{
	struct user out = {.uid = ID_FALLBACK, .gid = ID_FALLBACK};
	const struct passwd *p = getpwnam(DROP_USER);

	if (!p)
		p = getpwnam(USER_FALLBACK);
	/* An entry that says root would be no dropping at all. */
	if (p && p->pw_uid && p->pw_gid)
		out = (struct user){.uid = p->pw_uid, .gid = p->pw_gid};
	return out;
}

static int root_empty(struct err *e)
{
	static const char *const stems[] = {"/run/postern-empty", "/tmp/postern-empty"};
	char path[EMPTY_PATH_MAX];
	const char *made = NULL;

	for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]) && !made; i++)
		if (temporary_template(path, sizeof(path), stems[i]) == 0)
			made = mkdtemp(path);
	if (!made)
		return fail(e, "no directory for an empty root can be made");
	if (chdir(made) < 0) {
		(void)rmdir(made);
		return fail(e, "chdir");
	}
	if (rmdir(made) < 0 || chroot(".") < 0)
		return fail(e, "chroot");
	return 0;
}

/* Ends behind the last one that this kernel knows; without CAP_SETPCAP, and so with nothing that could be got back, at once. */
static void capabilities_bound(uint64_t kept)
{
	for (unsigned cap = 0; cap < CAPS_WORDS * CAPS_WORD_BITS; cap++)
		if (!(kept >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/* Of those that are there; none is ever inherited. */
static int capabilities_keep(uint64_t kept, struct err *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct words[CAPS_WORDS] = {0};

	if (syscall(SYS_capget, &head, words) < 0)
		return fail(e, "capget");
	for (unsigned i = 0; i < CAPS_WORDS; i++) {
		words[i].permitted &= (uint32_t)(kept >> i * CAPS_WORD_BITS);
		words[i].effective = words[i].permitted;
		words[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, words) < 0)
		return fail(e, "capset");
	return 0;
}

static int user_become(const struct user *u, struct err *e)
{
	if (setgroups(0, NULL) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
	    setresuid(u->uid, u->uid, u->uid) < 0)
		return fail(e, "change of user");
	if (setuid(0) == 0 || getuid() != u->uid || geteuid() != u->uid)
		return err_set(e, -EPERM, "cannot give up privileges: root can be had back");
	return 0;
}

/* A limit that is tighter already stays. */
static int limits_set(const struct drop *d, struct err *e)
{
	const struct rlimit none = {0, 0};
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return fail(e, "getrlimit");
	if (files.rlim_max > d->files)
		files.rlim_max = d->files;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return fail(e, "setrlimit");
	return 0;
}

/* ---- system calls ---- */

/* What an event loop with timers, signals and sockets does, and the C library for it. */
static const int allowed[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(connect),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(getpeername),
	SCMP_SYS(getrandom),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(newfstatat),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(signalfd4),
	SCMP_SYS(time),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

/* What libraries try on the way and do without: they are told no. All else ends the process. */
static const int denied[] = {
	SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(ioctl),
	SCMP_SYS(open),	      SCMP_SYS(openat),	   SCMP_SYS(openat2),	 SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(stat),	   SCMP_SYS(statx),	 SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
};

/*
 * All who read foreign bytes are one user, so each could end the others, and the nursery: by tgkill(2), which abort(3) needs for the process
 * itself, and by having signals of files sent to them (fcntl(2), F_SETOWN and F_SETSIG).
 */
static int rules_add_signals(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp is_self = {
		.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid()};
	/* F_DUPFD, F_GETFD, F_SETFD, F_GETFL and F_SETFL are the first five. */
	static const struct scmp_arg_cmp commands[] = {
		{.arg = 1, .op = SCMP_CMP_LE, .datum_a = F_SETFL},
		{.arg = 1, .op = SCMP_CMP_EQ, .datum_a = F_DUPFD_CLOEXEC}};
	int ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &is_self);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && ret == 0; i++)
		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
					     &commands[i]);
	return ret;
}

static int rules_add(scmp_filter_ctx filter)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const int maps[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	static const struct scmp_arg_cmp is_no_code = {
		.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};
	int ret = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && ret == 0; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]) && ret == 0; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && ret == 0; i++) {
		const struct scmp_arg_cmp is_family = {
			.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)families[i]};

		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					     &is_family);
	}
	if (ret == 0)
		ret = rules_add_signals(filter);
	/* Memory never becomes code. */
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && ret == 0; i++)
		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, maps[i], 1, &is_no_code);
	return ret;
}

static int system_calls_limit(struct err *e)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret;

	if (!filter)
		return err_set(e, -ENOMEM, "no memory for the list of system calls");
	ret = rules_add(filter);
	if (ret == 0)
		ret = seccomp_load(filter);
	seccomp_release(filter);
	if (ret < 0)
		return err_set(e, ret, "cannot limit the system calls (seccomp): %s",
			       strerror(-ret));
	return 0;
}

int drop_identity(struct err *e)
{
	bool is_root = geteuid() == 0;
	struct user user = user_find();
	int ret = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, "no_new_privs");
	capabilities_bound(0);
	if (is_root)
		ret = root_empty(e);
	if (ret == 0 && is_root)
		ret = user_become(&user, e);
	if (ret == 0)
		ret = capabilities_keep(0, e);
	/* Not dumpable: nobody else of this user may look inside. */
	if (ret == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		ret = fail(e, "prctl");
	return ret;
}

int drop_calls(const struct drop *d, struct err *e)
{
	int ret = limits_set(d, e);

	return ret < 0 ? ret : system_calls_limit(e);
}

int drop_privileges(const struct drop *d, struct err *e)
{
	int ret = drop_identity(e);

	return ret < 0 ? ret : drop_calls(d, e);
}

int drop_for_parent(const struct drop *d, pid_t parent, struct err *e)
{
	int ret = drop_identity(e);

	if (ret < 0)
		return ret;
	/* A change of user takes away that one ends with the parent (prctl(2)). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(e, -errno, "cannot follow the parent: %s", strerror(errno));
	if (getppid() != parent)
		return err_set(e, -ESRCH, "the parent has gone");
	return drop_calls(d, e);
}

int drop_descriptors(const int *keep, size_t count)
{
	unsigned from = FD_FIRST;

	for (;;) {
		unsigned next = UINT_MAX;

		for (size_t i = 0; i < count; i++)
			if (keep[i] >= (int)from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from && close_range(from, next - 1, 0) < 0)
			return -errno;
		if (next == UINT_MAX)
			return 0;
		from = next + 1;
	}
}

int drop_capabilities(uint64_t kept, struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, "no_new_privs");
	capabilities_bound(kept);
	return capabilities_keep(kept, e);
}
