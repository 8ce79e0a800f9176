/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mail log, followed for who delivers. The keeper moves the log's bytes into the pipe of a child (following_file.h, or journalctl writes there),
 * the child tells of deliveries, and here they are counted in the store, told to the other parts, and their senders made known (following_known.c).
 *
 * A delivery is counted once: the child says up to where it has told all, and that place is written with the deliveries before it, in one
 * transaction. While the store is away, deliveries wait; when many do, the log is not read on.
 */
#include "daemon/following.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/grow.h"
#include "base/log.h"
#include "base/when.h"
#include "daemon/child.h"
#include "daemon/following_child.h"
#include "daemon/following_file.h"
#include "daemon/following_known.h"
#include "daemon/state.h"
#include "maillog/find.h"

#define PLACE_VALUE  "mail_log_place"
#define TELLS	     (1U << MESSAGE_READY | 1U << MESSAGE_DELIVERY | 1U << MESSAGE_FOLLOWED)
#define WAITING_MAX  8192 /* deliveries: 3 MB */
#define WAITING_MANY (WAITING_MAX / 2)
/* Each write waits for the disk, and the loop with it; what is not written yet the log still has. */
#define FLUSH_EVERY_NS NS_PER_S
#define PLACE_EVERY_NS                                                                             \
	(60 * NS_PER_S) /* where nothing was delivered, lines are read again at no cost */
#define LOOK_EVERY_NS	(10 * NS_PER_S) /* for a log that was not there */
#define TRIM_EVERY_NS	(HOUR_S * NS_PER_S)
#define JOURNAL_FIRST_S (7 * DAY_S) /* at the first start */
#define JOURNAL_END_MS	200	    /* who was killed is gone by then, or waits for a disk */
#define JOURNAL_AGAIN_S 600	    /* what belongs together lies no further apart, as a rule */

struct following {
	struct daemon *d;
	char wanted[PATH_MAX]; /* `mail_log`, as it was when this was looked for */
	enum maillog_place source;
	char path[PATH_MAX];
	bool place_known;      /* the store was asked */
	struct logplace place; /* how far it was read; of a file, `file` knows */
	bool place_changed;
	uint64_t place_ns, looked_ns, trimmed_ns;
	struct logfile *file;
	int pipe;		  /* the end that is written to; -1 none */
	struct loop_source *room; /* while the pipe has none */
	pid_t journalctl;	  /* 0: none */
	unsigned journals;	  /* those that were there when it was started */
	pid_t ended;		  /* one that was told to end, and may not have yet; 0: none */
	struct child *child;
	struct follower_settings settings;
	struct store_delivery *waiting;
	size_t waits, waiting_room;
	size_t settled; /* of those that wait, the first so many are before the place */
	bool paused;
	uint64_t deliveries, lines, understood; /* lines: of this child */
	unsigned gaps; /* parts of the log that were not read, or may not have been */
	struct said said;
};

/* ---- bytes into the pipe ---- */

static void bytes_move(struct following *f);

static void trouble_say(struct following *f, int code)
{
	struct err e = {0};

	err_set(&e, code, "the mail log %s cannot be read any more: %s", f->path, strerror(-code));
	if (said_anew(&f->said, e.text))
		log_warning("%s", e.text);
}

static void on_room(void *context, int fd, uint32_t events)
{
	struct following *f = context;

	(void)fd;
	/* Nobody reads: the child is gone, and another one gets another pipe. */
	if (events & (EPOLLERR | EPOLLHUP)) {
		loop_remove(f->d->loop, f->room);
		f->room = NULL;
		return;
	}
	bytes_move(f);
}

/* A part at a time: while there is more, the loop comes back for it. */
static void bytes_move(struct following *f)
{
	int r = f->pipe >= 0 && f->file && !f->paused ? logfile_move(f->file, f->pipe)
						      : LOGFILE_IDLE;

	if (r < 0 && r != -EPIPE)
		trouble_say(f, r);
	if (r == LOGFILE_FULL || r == LOGFILE_MORE) {
		if (!f->room)
			(void)loop_add_fd(f->d->loop, f->pipe, EPOLLOUT, on_room, f, &f->room);
		return;
	}
	loop_remove(f->d->loop, f->room);
	f->room = NULL;
}

/* ---- the child ---- */

static void pipe_close(struct following *f)
{
	loop_remove(f->d->loop, f->room);
	f->room = NULL;
	if (f->pipe >= 0)
		close(f->pipe);
	f->pipe = -1;
}

/* It may be waiting for a disk, and we do not wait for it. */
static void journalctl_reap(struct following *f)
{
	if (f->ended && waitpid(f->ended, NULL, WNOHANG) != 0)
		f->ended = 0;
}

/* At our end: what runs longer than we do the service manager takes for left over, and says so. */
static void journalctl_wait(struct following *f)
{
	struct pollfd end = {.fd = f->ended ? pidfd_open(f->ended, 0) : -1, .events = POLLIN};

	if (end.fd < 0)
		return;
	(void)poll(&end, 1, JOURNAL_END_MS);
	close(end.fd);
	journalctl_reap(f);
}

static void journalctl_end(struct following *f)
{
	if (!f->journalctl)
		return;
	(void)kill(f->journalctl, SIGKILL);
	f->ended = f->journalctl;
	f->journalctl = 0;
	journalctl_reap(f);
}

/* The reader goes on, and who delivered in between is not counted. */
static void gap_say(struct following *f, const char *what)
{
	f->gaps++;
	f->d->answering.changed = true;
	log_warning("the mail log%s%s %s: who delivered then is not counted",
		    f->path[0] ? " " : " in the journal", f->path, what);
}

static void begin_say(struct following *f, enum logfile_begin begin)
{
	if (begin == LOGFILE_BEGIN_LOST)
		gap_say(f, "was read up to a place that is gone, or packed, and a part of it may "
			   "not have been read");
	else if (begin == LOGFILE_BEGIN_OTHER)
		log_info("the mail log %s is followed from its end on: another log was followed "
			 "before it",
			 f->path);
}

static int journal_prepare(struct following *f, int pipe_fd, struct err *e)
{
	int64_t now = now_wall_s(), since = now - JOURNAL_FIRST_S;
	unsigned journals = maillog_journals();
	pid_t pid;

	f->settings.source = FOLLOWER_JOURNAL;
	if (f->place.kind == LOGPLACE_JOURNAL && f->place.stamp_us / US_PER_S <= (uint64_t)now) {
		f->settings.again_stamp_us = f->place.stamp_us;
		f->settings.again_sum = f->place.sum;
		since = (int64_t)(f->place.stamp_us / US_PER_S) - JOURNAL_AGAIN_S;
	} else if (f->place.kind != LOGPLACE_NONE) {
		/*
		 * What a file told is not told again; and a place in the future is of a clock that was wrong: waiting for it, nothing
		 * would be counted, and what was read before may bear any time.
		 */
		since = MAILLOG_FROM_END;
		if (f->place.kind == LOGPLACE_JOURNAL)
			gap_say(f, "was read up to a time that is still to come, and is read on "
				   "from its end");
	}
	pid = maillog_start_journal(pipe_fd, since, true, e);
	if (pid < 0)
		return pid;
	f->journalctl = pid;
	f->journals = journals;
	return 0;
}

/* A pipe of its own for each child: nothing of an old one is in it. */
static int on_prepare(void *context, const void **settings, size_t *length, int *extra,
		      struct err *e)
{
	struct following *f = context;
	enum logfile_begin begin;
	int ends[2], ret = 0;

	pipe_close(f);
	journalctl_end(f);
	f->settings = (struct follower_settings){.now_wall_s = now_wall_s()};
	f->lines = f->understood = 0;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(e, -errno, "cannot make a pipe: %s", strerror(errno));
	if (f->source == MAILLOG_IN_JOURNAL) {
		/* A writer that knows nothing of full pipes waits. */
		(void)fcntl(ends[1], F_SETFL, 0);
		ret = journal_prepare(f, ends[1], e);
		close(ends[1]);
	} else {
		f->settings.again_bytes = logfile_rewind(f->file, &begin);
		begin_say(f, begin);
		f->pipe = ends[1];
	}
	if (ret < 0) {
		close(ends[0]);
		return ret;
	}
	*settings = &f->settings;
	*length = sizeof(f->settings);
	*extra = ends[0];
	return 0;
}

/* What the child told so far is all that the log has up to there. */
static void place_take(struct following *f, const struct message_followed *m)
{
	f->settled = f->waits;
	f->lines = m->lines;
	f->understood = m->understood;
	f->place_changed = true;
	/* Of a line that it was told to look for, and once. */
	if (m->is_lost && f->settings.again_stamp_us) {
		f->settings.again_stamp_us = 0;
		gap_say(f, "does not have the line any more up to which it was read, and what came "
			   "behind it may be gone too");
	}
	if (f->source == MAILLOG_IN_FILE)
		logfile_advance(f->file, m->bytes);
	else if (m->stamp_us)
		f->place = (struct logplace){
			.kind = LOGPLACE_JOURNAL, .stamp_us = m->stamp_us, .sum = m->sum};
}

static void delivery_take(struct following *f, const struct message_delivery *m)
{
	int64_t now = now_wall_s();
	struct store_delivery *delivery;
	void *grown = grow(f->waiting, f->waits, &f->waiting_room, sizeof(f->waiting[0]));

	if (!grown) {
		log_warning("no memory: a delivery of mail is not counted");
		return;
	}
	f->waiting = grown;
	delivery = &f->waiting[f->waits++];
	*delivery = (struct store_delivery){.addr = m->addr,
					    .wall_s = m->wall_s < now ? m->wall_s : now,
					    .recipients = m->recipients};
	memcpy(delivery->host, m->host, sizeof(delivery->host));
	f->deliveries++;
	f->d->answering.changed = true;
	known_add(f->d, delivery, &f->said);
	parts_delivery(f->d, delivery);
	if (f->waits < WAITING_MAX || f->paused)
		return;
	f->paused = true;
	child_pause(f->child, true);
}

static int flush_write(struct following *f, const struct logplace *place, struct err *e)
{
	struct store *s = f->d->store;
	char text[LOGPLACE_TEXT_MAX];
	int r = store_begin(s, e);

	if (r)
		return r;
	r = store_put_deliveries(s, f->waiting, f->settled, e);
	if (!r)
		r = store_put_value(s, PLACE_VALUE, logplace_format(place, text), e);
	if (!r)
		r = store_commit(s, e);
	if (r)
		store_rollback(s);
	return r;
}

/* now_ns 0: at the end, whatever there is. */
static void flush(struct following *f, uint64_t now_ns)
{
	struct err e = {0};
	int r;

	if (!f->d->store || !f->place_changed)
		return;
	if (now_ns && f->settled < WAITING_MANY &&
	    now_ns - f->place_ns < (f->settled ? FLUSH_EVERY_NS : PLACE_EVERY_NS))
		return;
	r = flush_write(f, f->source == MAILLOG_IN_FILE ? logfile_place(f->file) : &f->place, &e);
	if (r && r != -EBUSY)
		keep_fault(f->d, r, &e);
	if (r)
		return;
	f->waits -= f->settled;
	if (f->waits)
		memmove(f->waiting, f->waiting + f->settled, f->waits * sizeof(f->waiting[0]));
	f->settled = 0;
	f->place_changed = false;
	f->place_ns = now_ns;
	if (f->paused) {
		f->paused = false;
		child_pause(f->child, false);
		bytes_move(f);
	}
}

static void on_message(void *context, const union message *m)
{
	struct following *f = context;

	if (m->head.type == MESSAGE_READY)
		f->d->answering.changed = true;
	if (m->head.type == MESSAGE_DELIVERY)
		delivery_take(f, &m->delivery);
	else if (m->head.type == MESSAGE_FOLLOWED)
		place_take(f, &m->followed);
	if (m->head.type == MESSAGE_FOLLOWED && f->settled)
		flush(f, now_boot_ns());
}

/* What it told behind the last place the next child tells again. */
static void on_gone(void *context)
{
	struct following *f = context;

	pipe_close(f);
	journalctl_end(f);
	f->deliveries -= f->waits - f->settled;
	f->waits = f->settled;
	f->paused = false;
}

static void trim(struct following *f, uint64_t now_ns)
{
	struct err e = {0};
	unsigned count = 0;
	int r;

	if (!f->d->store || (f->trimmed_ns && now_ns - f->trimmed_ns < TRIM_EVERY_NS))
		return;
	r = store_trim_senders(f->d->store, &count, &e);
	if (r == -EBUSY)
		return;
	if (r)
		keep_fault(f->d, r, &e);
	f->trimmed_ns = now_ns;
	if (count)
		log_debug("%u senders have delivered nothing for a month and are forgotten", count);
}

/* ---- which log ---- */

static bool place_read(struct following *f)
{
	char text[LOGPLACE_TEXT_MAX];
	struct err e = {0};
	int r;

	if (f->place_known || !f->d->store)
		return f->place_known;
	r = store_get_value(f->d->store, PLACE_VALUE, text, sizeof(text), &e);
	if (r == -EBUSY)
		return false;
	if (r == 0 && logplace_parse(text, &f->place))
		log_warning(
			"where the mail log was read to is not to be known from the store: what "
			"it has of the last days is counted as at the first start, perhaps "
			"again");
	if (r && r != -ENOENT && r != -ENOBUFS) {
		keep_fault(f->d, r, &e);
		return false;
	}
	f->place_known = true;
	return true;
}

static int file_begin(struct following *f, struct err *e)
{
	enum logfile_begin begin = LOGFILE_BEGIN_THERE;
	int r = logfile_open(&f->file, f->path, &f->place, &begin, e);

	if (r)
		return r;
	begin_say(f, begin);
	return 0;
}

static void begin(struct following *f)
{
	static const struct child_calls calls = {on_prepare, on_message, on_gone};
	struct err e = {0};
	int r = 0;

	f->d->answering.changed = true;
	f->source = maillog_find(f->wanted, f->path);
	if (f->source == MAILLOG_NOWHERE) {
		err_set(&e, -ENOENT,
			"there is no mail log at %s: who delivers mail is not seen until there is "
			"one",
			f->path);
		if (f->path[0] && said_anew(&f->said, e.text))
			log_info("%s", e.text);
		return;
	}
	if (f->source == MAILLOG_IN_FILE)
		r = file_begin(f, &e);
	if (r) {
		f->source = MAILLOG_NOWHERE;
		if (said_anew(&f->said, e.text))
			log_warning("the mail log is not followed: %s%s", e.text,
				    r == -EACCES ? " (a restart may help: what `postern run` reads "
						   "later must be root's or its group's)"
						 : "");
		return;
	}
	(void)said_settle(&f->said);
	if (f->source == MAILLOG_IN_FILE)
		log_info("the mail log %s is followed", f->path);
	else
		log_info("the mail log is followed in the journal");
	if (child_open(&f->child, f->d->loop, f->d->nursery, CHILD_FOLLOWER, TELLS, &calls, f, &e))
		log_error("the mail log is not followed: %s", e.text);
}

static void end(struct following *f)
{
	flush(f, 0);
	f->waits = f->settled; /* the rest is behind the place, and comes again */
	child_close(f->child);
	f->child = NULL;
	pipe_close(f);
	journalctl_end(f);
	if (f->file)
		f->place = *logfile_place(f->file);
	logfile_close(f->file);
	f->file = NULL;
	f->source = MAILLOG_NOWHERE;
	f->d->answering.changed = true;
}

/* ---- the part ---- */

static void following_gate_changed(struct daemon *d)
{
	known_restore(d, &d->following->said);
}

static int following_open(struct daemon *d, struct err *e)
{
	struct following *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(e, -ENOMEM, "no memory");
	f->d = d;
	f->pipe = -1;
	snprintf(f->wanted, sizeof(f->wanted), "%s", d->conf.mail_log);
	d->following = f;
	maillog_join_groups(f->wanted);
	known_restore(d, &f->said);
	if (place_read(f))
		begin(f);
	return 0;
}

static void following_close(struct daemon *d)
{
	struct following *f = d->following;

	end(f);
	journalctl_wait(f);
	free(f->waiting);
	free(f);
	d->following = NULL;
}

/* `auto` may find another one than when it was looked for. */
static bool is_still_the_log(const struct following *f)
{
	char path[PATH_MAX];
	enum maillog_place found = maillog_find(f->wanted, path);

	return f->source != MAILLOG_NOWHERE &&
	       (found == MAILLOG_NOWHERE || (found == f->source && (found == MAILLOG_IN_JOURNAL ||
								    strcmp(path, f->path) == 0)));
}

static void following_reload(struct daemon *d)
{
	struct following *f = d->following;

	if (strcmp(f->wanted, d->conf.mail_log) == 0 && is_still_the_log(f))
		return;
	end(f);
	snprintf(f->wanted, sizeof(f->wanted), "%s", d->conf.mail_log);
	(void)said_settle(&f->said);
	f->looked_ns = 0;
	if (place_read(f))
		begin(f);
}

static void file_look(struct following *f)
{
	int looked = logfile_look(f->file);

	if (looked < 0)
		trouble_say(f, looked);
	else if (looked == LOGFILE_EMPTIED)
		log_info("the mail log %s was emptied: it is read from its beginning; what came in "
			 "the second before that may be missing",
			 f->path);
	else if (looked == LOGFILE_EMPTIED_BEHIND)
		gap_say(f, "was emptied before it was read to its end");
	else if (looked == LOGFILE_GOES_ON_BEHIND)
		gap_say(f, "was rotated and packed before it was read to its end");
	else if (looked == LOGFILE_GOES_ON)
		log_info("the mail log %s was rotated: the next file is read", f->path);
}

/* Made persistent, it has a new directory: who reads on in the old one reads nothing any more. */
static void journals_look(struct following *f)
{
	if (!f->journalctl || (maillog_journals() & ~f->journals) == 0)
		return;
	log_info("the journal has another directory: it is followed there");
	child_renew(f->child);
}

static void following_tick(struct daemon *d, uint64_t now_ns)
{
	struct following *f = d->following;

	trim(f, now_ns);
	journalctl_reap(f);
	if (f->source == MAILLOG_NOWHERE) {
		if (now_ns - f->looked_ns < LOOK_EVERY_NS || !place_read(f))
			return;
		f->looked_ns = now_ns;
		begin(f);
		return;
	}
	if (f->file) {
		file_look(f);
		bytes_move(f);
	}
	flush(f, now_ns);
	journals_look(f);
}

json_t *following_row(const struct daemon *d)
{
	const struct following *f = d->following;
	const char *state = "off", *source = "";

	if (f && f->source != MAILLOG_NOWHERE) {
		state = f->child && child_is_up(f->child) ? "up" : "down";
		source = f->source == MAILLOG_IN_FILE ? f->path : "journal";
	} else if (f && strcmp(f->wanted, "none") != 0) {
		state = "absent";
		source = f->path;
	}
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "state", state, "source", source,
			 "deliveries", (json_int_t)(f ? f->deliveries : 0), "lines",
			 (json_int_t)(f ? f->lines : 0), "understood",
			 (json_int_t)(f ? f->understood : 0), "gaps", (json_int_t)(f ? f->gaps : 0),
			 "deaths", (json_int_t)(f && f->child ? child_deaths(f->child) : 0));
}

const struct part following_part = {
	.name = "following",
	.lost = "who delivers mail is not seen",
	.open = following_open,
	.close = following_close,
	.reload = following_reload,
	.gate_changed = following_gate_changed,
	.tick = following_tick,
};
