/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run directory of an instance: CONF_RUN_DIR/INSTANCE with the lock that makes its controller
 * the only one, and, for a trial, the state that is thrown away at the end.
 */
#ifndef DAEMON_INSTANCE_H
#define DAEMON_INSTANCE_H

#include <stdbool.h>

#include "conf/conf.h"

#define INSTANCE_PATH_MAX 96 /* CONF_RUN_DIR, the longest instance, and a file of ours */
#define INSTANCE_PID	  "pid"
#define INSTANCE_EVENTS	  "events"
#define INSTANCE_TRIAL	  "trial"
/* How the lists and the children do: rewritten by the controller, in one step, and at least every 5 s. */
#define INSTANCE_ZONES	   "zones"
#define INSTANCE_CHILDREN  "children"
#define INSTANCE_PROVIDERS "providers" /* likewise, where there are any */
#define INSTANCE_FEEDS	   "feeds"
#define INSTANCE_CONTROL   "control" /* a socket: feeding_talk.h */

/* What became of the last reload. */
#define INSTANCE_RELOAD "reload"

struct instance {
	char name[CONF_INSTANCE_MAX];
	int lock_fd; /* -1: not held */
};

/* CONF_RUN_DIR/INSTANCE/FILE, or the directory when file is NULL. Returns buffer. */
const char *instance_path(const char *name, const char *file,
			  char buffer[static INSTANCE_PATH_MAX]);

/*
 * Make the directory and lock its pid file, in which our pid is then written. -EBUSY: another
 * controller runs this instance, and the sentence names its pid. 0 or -errno.
 */
int instance_lock(struct instance *in, const char *name, struct err *e);
/* Take away the pid file, and the directories if nothing else lies in them. Harmless when not
 * locked. */
void instance_release(struct instance *in);

/* Is there a trial's state directory? With the lock held it is the remains of one that was killed.
 */
bool instance_has_trial(const struct instance *in);
int instance_begin_trial(const struct instance *in, struct err *e);
/* Delete the trial's state. 0, also when there is none, or -errno. */
int instance_end_trial(const struct instance *in, struct err *e);

#endif
