/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit as a habit: a service and a timer of systemd that audit with the same words again and again, keep a baseline and report only what
 * has changed. What is found new makes the service fail, so that whatever watches services tells it. Where systemd does not
 * run (an image that is being built) the units are written, and it is said how to start them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/when.h"
#include "cli/audit.h"
#include "cli/replaced.h"

#define UNIT_TEXT_MAX                                                                              \
	16384 /* bytes of a unit: some forty words of a command, and what never changes */
#define WORD_TEXT_MAX (2 * PATH_MAX + 16) /* of one word, quoted */
#define SHOWN_MAX     200
#define GRACE_S	      120		    /* past the audit's own limit */
#define SYSTEMD_RUNS  "/run/systemd/system" /* sd_booted(3) */
#define DIR_MODE      0700
#define PARENT_MODE   0755

struct text {
	char *at;
	size_t size, used;
	bool is_short; /* of room */
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
	va_list ap;
	int length;

	va_start(ap, format);
	length = vsnprintf(t->at + t->used, t->size - t->used, format, ap);
	va_end(ap);
	if (length < 0 || (size_t)length >= t->size - t->used)
		t->is_short = true;
	else
		t->used += (size_t)length;
}

/* ---- words of a unit ---- */

/*
 * systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers"; systemd.service(5), "Command lines": quotes, backslashes and % stand for more than
 * themselves, and in a command $ does.
 */
int audit_unit_quote(const char *word, bool is_command, char *buffer, size_t size)
{
	struct text t = {.at = buffer, .size = size};

	add(&t, "\"");
	for (; *word; word++) {
		if (iscntrl((unsigned char)*word))
			return -EINVAL;
		if (*word == '"' || *word == '\\')
			add(&t, "\\%c", *word);
		else if (*word == '%' || (*word == '$' && is_command))
			add(&t, "%c%c", *word, *word);
		else
			add(&t, "%c", *word);
	}
	add(&t, "\"");
	return t.is_short ? -ENAMETOOLONG : 0;
}

static int quoted_add(struct text *t, const char *word, bool is_command, struct err *e)
{
	char quoted[WORD_TEXT_MAX], shown[SHOWN_MAX];

	if (audit_unit_quote(word, is_command, quoted, sizeof(quoted)))
		return err_set(e, -EINVAL, "\"%s\" cannot stand in a unit of systemd",
			       text_escape(word, strlen(word), shown, sizeof(shown)));
	add(t, "%s", quoted);
	return 0;
}

/* One more of a command. */
static int word_add(struct text *t, const char *word, struct err *e)
{
	add(t, " ");
	return quoted_add(t, word, true, e);
}

/* A unit runs in the root directory: paths are made whole. */
static int path_whole(const char *path, char out[static PATH_MAX], struct err *e)
{
	char here[PATH_MAX] = "";
	bool is_whole = path[0] == '/';

	if ((!is_whole && !getcwd(here, sizeof(here))) ||
	    (size_t)snprintf(out, PATH_MAX, "%s%s%s", here, is_whole ? "" : "/", path) >= PATH_MAX)
		return err_set(e, -ENAMETOOLONG, "a path is too long for a unit");
	return 0;
}

static int path_add(struct text *t, const char *path, struct err *e)
{
	char whole[PATH_MAX] = "";

	return path_whole(path, whole, e) ? -ENAMETOOLONG : word_add(t, whole, e);
}

static bool is_path(const char *option)
{
	static const char *const paths[] = {"--html",	 "--baseline", "--mail-log",
					    "--trust",	 "--postfix",  "--exim",
					    "--dovecot", "--smtpd",    "--imap-password"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(option, paths[i]) == 0)
			return true;
	return false;
}

static bool is_ours(const char *option)
{
	static const char *const ours[] = {"--schedule", "--unschedule", "--units", "--update",
					   "--changes"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(option, ours[i]) == 0)
			return true;
	return false;
}

/* The very words that were given, and those that make it a habit. */
static int command_write(struct text *t, const struct cli *cli, const struct sentence *s,
			 const char *baseline, struct err *e)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	int ret;

	if (length < 0)
		return err_set(e, -errno, "cannot find this program's own file");
	program[length] = '\0';
	add(t, "ExecStart=");
	ret = quoted_add(t, program, true, e);
	if (ret == 0 && cli->config_given) {
		add(t, " --config");
		ret = path_add(t, cli->config_path, e);
	}
	if (ret == 0 && cli->instance) {
		add(t, " --instance");
		ret = word_add(t, cli->instance, e);
	}
	add(t, "%s audit", cli->json ? " --json" : "");
	for (unsigned i = 0; i < s->word_count && ret == 0; i++)
		ret = word_add(t, s->word[i], e);
	for (unsigned i = 0; i < s->grammar.count && ret == 0; i++) {
		const struct slot *slot = &s->grammar.slot[i];

		if (slot->kind == SLOT_WORD || !s->value[i] || is_ours(slot->name) ||
		    strcmp(slot->name, "--baseline") == 0)
			continue;
		add(t, " %s", slot->name);
		if (slot->kind == SLOT_CLAUSE)
			ret = is_path(slot->name) ? path_add(t, s->value[i], e)
						  : word_add(t, s->value[i], e);
	}
	add(t, " --baseline");
	ret = ret ? ret : path_add(t, baseline, e);
	add(t, " --update --changes\n");
	return ret;
}

/* ---- units ---- */

/* The directory of a file that the service writes, whole. */
static int writable_add(struct text *t, const char *path, struct err *e)
{
	char directory[PATH_MAX] = "/";

	if (path_whole(path, directory, e))
		return -ENAMETOOLONG;
	*(strrchr(directory, '/') + 1) = '\0';
	add(t, "ReadWritePaths=");
	if (quoted_add(t, directory, false, e))
		return -EINVAL;
	add(t, "\n");
	return 0;
}

/*
 * What the audit needs before it gives up all of it: the gate's maps, a network namespace, the mail servers' own tools, to become nobody.
 */
static const char sandbox[] = "NoNewPrivileges=yes\n"
			      "CapabilityBoundingSet=CAP_BPF CAP_NET_ADMIN CAP_NET_BIND_SERVICE "
			      "CAP_NET_RAW CAP_PERFMON CAP_SYS_ADMIN CAP_SYS_CHROOT CAP_SETUID "
			      "CAP_SETGID CAP_SETPCAP CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH "
			      "CAP_CHOWN CAP_FOWNER CAP_KILL CAP_SYS_PTRACE\n"
			      "ProtectSystem=strict\n"
			      "ProtectHome=read-only\n"
			      "PrivateTmp=yes\n"
			      "PrivateDevices=yes\n"
			      "ProtectKernelTunables=yes\n"
			      "ProtectKernelModules=yes\n"
			      "ProtectKernelLogs=yes\n"
			      "ProtectControlGroups=yes\n"
			      "ProtectClock=yes\n"
			      "LockPersonality=yes\n"
			      "RestrictRealtime=yes\n"
			      "RestrictSUIDSGID=yes\n"
			      "RestrictNamespaces=net\n"
			      "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK "
			      "AF_PACKET\n"
			      "SystemCallArchitectures=native\n"
			      "MemoryDenyWriteExecute=yes\n"
			      "UMask=0077\n";

static int service_write(struct text *t, const struct cli *cli, const struct sentence *s,
			 const struct audit_ask *ask, const char *baseline, struct err *e)
{
	add(t,
	    "# Written by `postern audit --schedule`; `postern audit %s --unschedule` takes it "
	    "away.\n"
	    "[Unit]\nDescription=postern: audit of %s\n"
	    "Wants=network-online.target\nAfter=network-online.target nss-lookup.target\n\n"
	    "[Service]\nType=oneshot\n",
	    audit_ask_target(ask), audit_ask_target(ask));
	if (command_write(t, cli, s, baseline, e))
		return -EINVAL;
	/* Only inconclusive: nothing is known to have become worse. */
	add(t, "SuccessExitStatus=4\nTimeoutStartSec=%u\n%s", ask->request.time_limit_s + GRACE_S,
	    sandbox);
	if (writable_add(t, baseline, e) || (ask->html && writable_add(t, ask->html, e)))
		return -EINVAL;
	return t->is_short ? err_set(e, -ENAMETOOLONG, "too many words for a unit") : 0;
}

int audit_unit_timer(const char *target, const char *when, char *buffer, size_t size)
{
	struct text t = {.at = buffer, .size = size};
	uint64_t every_s = 0;

	add(&t,
	    "# Written by `postern audit --schedule`.\n[Unit]\nDescription=postern: audit of "
	    "%s, again and again\n\n[Timer]\n",
	    target);
	if (duration_parse(when, &every_s, NULL))
		add(&t, "OnCalendar=%s\nRandomizedDelaySec=1h\nPersistent=true\n", when);
	else
		/* A first one, and from the end of each the next. systemd.timer(5): only calendar times persist. */
		add(&t, "OnActiveSec=1min\nOnUnitInactiveSec=%llus\nPersistent=true\n",
		    (unsigned long long)every_s);
	add(&t, "\n[Install]\nWantedBy=timers.target\n");
	return t.is_short ? -ENAMETOOLONG : 0;
}

/* ---- files ---- */

static int file_put(const char *path, const char *text, struct err *e)
{
	struct replaced r = {.fd = -1};
	size_t length = strlen(text);
	char shown[SHOWN_MAX];
	int ret = replaced_open(&r, path, e);

	if (ret < 0)
		return ret;
	if (fchmod(r.fd, 0644) < 0 || write(r.fd, text, length) != (ssize_t)length) {
		replaced_abandon(&r);
		return err_set(e, -EIO, "cannot write %s",
			       text_escape(path, strlen(path), shown, sizeof(shown)));
	}
	return replaced_commit(&r, e);
}

static int directory_make(const char *path, mode_t mode, struct err *e)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, -errno, "cannot make the directory %s: %s", path, strerror(errno));
}

/* STATE_DIR/INSTANCE/audit-NAME.jsonl, unless one was named. */
static int baseline_place(const struct cli *cli, const struct audit_ask *ask,
			  char path[static PATH_MAX], struct err *e)
{
	char directory[PATH_MAX];
	int ret;

	if (ask->baseline) {
		snprintf(path, PATH_MAX, "%s", ask->baseline);
		return 0;
	}
	if ((size_t)snprintf(directory, sizeof(directory), "%s/%s", cli->conf.state_dir,
			     cli->conf.instance) >= sizeof(directory) ||
	    (size_t)snprintf(path, PATH_MAX, "%s/audit-%s.jsonl", directory,
			     audit_ask_target(ask)) >= PATH_MAX)
		return err_set(e, -ENAMETOOLONG, "the path of the baseline is too long");
	ret = directory_make(cli->conf.state_dir, PARENT_MODE, e);
	return ret ? ret : directory_make(directory, DIR_MODE, e);
}

struct units {
	char name[AUDIT_UNIT_MAX]; /* "postern-audit-example.org" */
	char service[PATH_MAX], timer[PATH_MAX];
	bool is_live; /* systemd reads that directory */
};

static int units_name(const struct sentence *s, const struct audit_ask *ask, struct units *u,
		      struct err *e)
{
	const char *given = sentence_get(s, "--units"), *dir = given ? given : AUDIT_UNITS_DIR;

	snprintf(u->name, sizeof(u->name), "postern-audit-%s", audit_ask_target(ask));
	/* systemctl and its kin take what is behind a colon for something else. */
	for (char *colon = u->name; (colon = strchr(colon, ':'));)
		*colon = '-';
	if ((size_t)snprintf(u->service, PATH_MAX, "%s/%s.service", dir, u->name) >= PATH_MAX ||
	    (size_t)snprintf(u->timer, PATH_MAX, "%s/%s.timer", dir, u->name) >= PATH_MAX)
		return err_set(e, -ENAMETOOLONG, "the path of the units is too long");
	u->is_live = !given && access(SYSTEMD_RUNS, F_OK) == 0;
	return 0;
}

/* ---- systemd ---- */

/* Its output is people's. 0, or -EIO when it failed. */
static int systemctl(const char *const *words)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp("systemctl", (char *const *)words);
		_exit(127); /* as a shell says it */
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int units_start(const struct units *u, bool start, struct err *e)
{
	char timer[AUDIT_UNIT_MAX + sizeof(".timer")];
	const char *const reload[] = {"systemctl", "daemon-reload", NULL};
	const char *const change[] = {
		"systemctl", start ? "enable" : "disable", "--now", "--quiet", timer, NULL};

	snprintf(timer, sizeof(timer), "%s.timer", u->name);
	if ((start && systemctl(reload)) || systemctl(change))
		return err_set(e, -EIO, "systemctl could not %s %s", start ? "start" : "stop",
			       timer);
	return 0;
}

static int schedule_say(const struct cli *cli, const struct units *u, const char *baseline)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:b}", "service", u->service, "timer", u->timer,
				"baseline", baseline, "started", u->is_live);

	if (u->is_live)
		return cli_say(cli, row,
			       "%s.timer runs; `journalctl -u %s` has its reports, and `systemctl "
			       "list-timers` the next time",
			       u->name, u->name);
	return cli_say(cli, row,
		       "%s and its service are written; start them with `systemctl daemon-reload "
		       "&& systemctl enable --now %s.timer`",
		       u->timer, u->name);
}

int audit_schedule(struct cli *cli, const struct sentence *s, const struct audit_ask *ask)
{
	const char *given = sentence_get(s, "--schedule");
	const char *when = strcmp(given, "--schedule") == 0 ? "daily" : given;
	char baseline[PATH_MAX] = "", *service = calloc(1, UNIT_TEXT_MAX),
	     *timer = calloc(1, UNIT_TEXT_MAX);
	struct text t = {.at = service, .size = UNIT_TEXT_MAX};
	struct units u;
	struct err e = {0};
	int ret;

	if (!service || !timer) {
		free(service);
		free(timer);
		return cli_fail(cli, CLI_FAILED, "out of memory");
	}
	ret = units_name(s, ask, &u, &e);
	if (ret == 0)
		ret = baseline_place(cli, ask, baseline, &e);
	if (ret == 0)
		ret = service_write(&t, cli, s, ask, baseline, &e);
	if (ret == 0)
		ret = audit_unit_timer(audit_ask_target(ask), when, timer, UNIT_TEXT_MAX);
	if (ret == 0)
		ret = file_put(u.service, service, &e);
	if (ret == 0)
		ret = file_put(u.timer, timer, &e);
	if (ret == 0 && u.is_live)
		ret = units_start(&u, true, &e);
	free(service);
	free(timer);
	return ret ? cli_fail_err(cli, CLI_FAILED, &e) : schedule_say(cli, &u, baseline);
}

int audit_unschedule(struct cli *cli, const struct sentence *s, const struct audit_ask *ask)
{
	const char *const reload[] = {"systemctl", "daemon-reload", NULL};
	struct units u;
	struct err e = {0};
	int ret = units_name(s, ask, &u, &e);

	if (ret == 0 && access(u.timer, F_OK) < 0 && access(u.service, F_OK) < 0)
		return cli_fail(cli, CLI_NO_ENTRY, "no audit of %s is scheduled",
				audit_ask_target(ask));
	/* Stopped by its file, so before that goes. */
	if (ret == 0 && u.is_live)
		ret = units_start(&u, false, &e);
	if (ret == 0 && ((unlink(u.timer) < 0 && errno != ENOENT) ||
			 (unlink(u.service) < 0 && errno != ENOENT)))
		ret = err_set(&e, -errno, "cannot remove %s: %s", u.timer, strerror(errno));
	if (ret == 0 && u.is_live)
		(void)systemctl(reload);
	if (ret)
		return cli_fail_err(cli, CLI_FAILED, &e);
	return cli_say(cli, json_pack("{s:s, s:s}", "service", u.service, "timer", u.timer),
		       "%s.timer is gone; its baseline is kept", u.name);
}
