/* SPDX-License-Identifier: BSD-2-Clause */
/* `postern audit` in its parts: what the words ask for, the worker that audits, the timer. */
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include "audit/request.h"
#include "audit/words.h"
#include "cli/cli.h"
#include "cli/worker.h"

#define AUDIT_LIMIT_S	900 /* of an audit, unless --limit says otherwise */
#define AUDIT_UNIT_MAX	512 /* the name of a unit, without its ending */
#define AUDIT_UNITS_DIR "/etc/systemd/system"

/* What the words ask for. */
struct audit_ask {
	struct audit_request request;
	enum severity fail_on;
	bool only_changes, updates, nagios;
	const char *html, *baseline; /* paths; NULL: not asked for */
	const char *imap_password;   /* the path of the file that it is in; the same */
};

/* The options of the verb, a row each. */
extern const struct sentence_option audit_options[];

/* 0 or -EINVAL with what is wrong with the words. */
int audit_ask_parse(const struct sentence *s, struct audit_ask *out, struct err *e);
/* What help says of the verb beside its options: the checks, and the exit statuses. */
void audit_explain(void);
/* What is audited: the domain, or else the host. */
const char *audit_ask_target(const struct audit_ask *a);

/* What the worker is born with: all that is read or opened with the caller's privileges. */
struct audit_work {
	struct cli *cli;
	const struct audit_ask *ask;
	char *old; /* bytes of the baseline, unread; NULL none */
	size_t old_length;
	int html_fd, baseline_fd; /* -1: not asked for */
	pid_t parent;		  /* who waits for it */
};

#define AUDIT_WORK_FAILED                                                                          \
	WORKER_FAILED /* no report was made; why has been said. No status of a report. */

/* In a process of its own: prepare, give up privileges, audit, report. Its exit status. */
int audit_work(const struct audit_work *w);
/* No report can be made: said in the form that was asked for. Returns what to exit with. */
__attribute__((format(printf, 3, 4))) int
audit_fail(const struct cli *cli, const struct audit_ask *ask, const char *format, ...);

/*
 * audit_secret.c. The password: the first line of a file, read with the caller's privileges. 0 or -errno; the sentence has nothing of
 * it. *is_open: others may read the file too.
 */
int audit_secret_read(const char *path, char out[static AUDIT_SECRET_MAX], bool *is_open,
		      struct err *e);
/* Why it can be no name and no password: "is empty"; NULL: it can. */
const char *audit_secret_fault(const char *text);

/* audit_timer.c: units of systemd that audit again and again with the same words. CLI_DONE or another status, told. */
int audit_schedule(struct cli *cli, const struct sentence *s, const struct audit_ask *ask);
int audit_unschedule(struct cli *cli, const struct sentence *s, const struct audit_ask *ask);
/*
 * Texts of units. A word in quotes: -EINVAL for one that no unit can hold. A whole timer; when: "daily", "weekly" or a TIME. -ENAMETOOLONG when
 * buffer is too small.
 */
int audit_unit_quote(const char *word, bool is_command, char *buffer, size_t size);
int audit_unit_timer(const char *target, const char *when, char *buffer, size_t size);

#endif
