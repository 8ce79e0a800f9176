/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop: what fires, in which order things may be removed, and that nothing is left open.
 */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/when.h"
#include "tap.h"

#define PATIENCE_MS 10000 /* a guard against hanging: nothing here takes a second */

struct world {
	struct loop *loop;
	struct loop_source *a, *b;
	int pipe_a[2], pipe_b[2];
	int fired_a, ticks, signal, steps;
	bool impatient;
};

static void give_up(void *context)
{
	struct world *w = context;

	w->impatient = true;
	loop_stop(w->loop);
}

static bool world_open(struct world *w)
{
	memset(w, 0, sizeof(*w));
	return EXPECT(loop_new(&w->loop) == 0, "loop_new") &&
	       EXPECT(pipe(w->pipe_a) == 0 && pipe(w->pipe_b) == 0, "pipe") &&
	       EXPECT(loop_add_timer(w->loop, PATIENCE_MS, 0, give_up, w, NULL) == 0, "a timer");
}

static void world_close(struct world *w)
{
	EXPECT(!w->impatient, "waited in vain");
	loop_free(w->loop);
	close(w->pipe_a[0]);
	close(w->pipe_a[1]);
	close(w->pipe_b[0]);
	close(w->pipe_b[1]);
}

static void read_a(void *context, int fd, uint32_t events)
{
	struct world *w = context;
	char byte;

	EXPECT(events & EPOLLIN && read(fd, &byte, 1) == 1 && byte == 'a', "a byte");
	w->fired_a++;
	loop_stop(w->loop);
}

TEST(a_readable_descriptor_calls_its_function)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	EXPECT(loop_add_fd(w.loop, w.pipe_a[0], EPOLLIN, read_a, &w, NULL) == 0, "add");
	EXPECT(write(w.pipe_a[1], "aa", 2) == 2, "write");
	EXPECT(loop_run(w.loop) == 0 && w.fired_a == 1, "first byte");
	EXPECT(loop_run(w.loop) == 0 && w.fired_a == 2, "the loop can run again");
	world_close(&w);
}

static void hang_up(void *context, int fd, uint32_t events)
{
	struct world *w = context;

	(void)fd;
	w->fired_a += !!(events & EPOLLHUP);
	loop_stop(w->loop);
}

TEST(a_hang_up_is_told)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	EXPECT(loop_add_fd(w.loop, w.pipe_a[0], EPOLLIN, hang_up, &w, NULL) == 0, "add");
	close(w.pipe_a[1]);
	w.pipe_a[1] = dup(STDERR_FILENO);
	EXPECT(loop_run(w.loop) == 0 && w.fired_a == 1, "EPOLLHUP");
	world_close(&w);
}

static void count(void *context, int fd, uint32_t events)
{
	struct world *w = context;

	(void)fd;
	w->fired_a += !!(events & EPOLLHUP);
}

static void after_a_while(void *context)
{
	struct world *w = context;

	if (++w->ticks == 20)
		loop_stop(w->loop);
}

/* Who is not read from now may hang up meanwhile: that must not keep the loop busy. */
TEST(a_hang_up_of_who_is_not_read_is_told_once)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	EXPECT(loop_add_fd(w.loop, w.pipe_a[0], EPOLLIN, count, &w, &w.a) == 0, "add");
	EXPECT(loop_set_events(w.loop, w.a, 0) == 0, "not read");
	close(w.pipe_a[1]);
	w.pipe_a[1] = dup(STDERR_FILENO);
	EXPECT(loop_add_timer(w.loop, 1, 1, after_a_while, &w, NULL) == 0, "timer");
	EXPECT(loop_run(w.loop) == 0 && w.fired_a == 1, "told %d times", w.fired_a);
	/* Who reads again hears of it again. */
	w.ticks = 0;
	EXPECT(loop_set_events(w.loop, w.a, EPOLLIN) == 0, "read");
	EXPECT(loop_run(w.loop) == 0 && w.fired_a > 2, "told %d times", w.fired_a);
	world_close(&w);
}

static void stop(void *context)
{
	loop_stop(((struct world *)context)->loop);
}

/* Both are ready in the same batch; whoever comes first removes both, and the batch goes on. */
static void remove_both(void *context, int fd, uint32_t events)
{
	struct world *w = context;

	(void)fd;
	(void)events;
	w->fired_a++;
	loop_remove(w->loop, w->a);
	loop_remove(w->loop, w->b);
	loop_remove(w->loop, w->a);
	loop_remove(w->loop, NULL);
	loop_add_timer(w->loop, 0, 0, stop, w, NULL);
}

TEST(a_source_removed_in_its_batch_does_not_fire)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	loop_add_fd(w.loop, w.pipe_a[0], EPOLLIN, remove_both, &w, &w.a);
	loop_add_fd(w.loop, w.pipe_b[0], EPOLLIN, remove_both, &w, &w.b);
	EXPECT(write(w.pipe_a[1], "a", 1) == 1 && write(w.pipe_b[1], "b", 1) == 1, "write");
	EXPECT(loop_run(w.loop) == 0 && w.fired_a == 1, "fired %d times", w.fired_a);
	world_close(&w);
}

TEST(a_descriptor_closed_before_its_removal_does_no_harm)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	loop_add_fd(w.loop, w.pipe_a[0], EPOLLIN, read_a, &w, &w.a);
	close(w.pipe_a[0]);
	loop_remove(w.loop, w.a);
	loop_add_timer(w.loop, 0, 0, stop, &w, NULL);
	EXPECT(loop_run(w.loop) == 0, "run");
	w.pipe_a[0] = dup(STDERR_FILENO);
	world_close(&w);
}

static void tick(void *context)
{
	struct world *w = context;

	if (++w->ticks == 3)
		loop_stop(w->loop);
}

TEST(a_timer_repeats_and_not_too_early)
{
	uint64_t started = now_boot_ns(), took_ms;
	struct world w;

	ENSURE(world_open(&w), "open");
	EXPECT(loop_add_timer(w.loop, 20, 10, tick, &w, &w.a) == 0, "add");
	EXPECT(loop_run(w.loop) == 0 && w.ticks == 3, "%d ticks", w.ticks);
	took_ms = (now_boot_ns() - started) / 1000000;
	EXPECT(took_ms >= 40, "three ticks after %u ms", (unsigned)took_ms);
	world_close(&w);
}

static void remove_itself(void *context)
{
	struct world *w = context;

	w->ticks++;
	loop_remove(w->loop, w->a);
	loop_add_timer(w->loop, 15, 0, stop, w, NULL);
}

TEST(a_timer_may_remove_itself)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	EXPECT(loop_add_timer(w.loop, 1, 1, remove_itself, &w, &w.a) == 0, "add");
	EXPECT(loop_run(w.loop) == 0 && w.ticks == 1, "%d ticks", w.ticks);
	world_close(&w);
}

static void signalled(void *context, int signal)
{
	struct world *w = context;

	w->signal = signal;
	loop_stop(w->loop);
}

TEST(a_signal_is_handed_over_instead_of_killing)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	EXPECT(loop_add_signal(w.loop, SIGUSR1, signalled, &w) == 0, "add");
	kill(getpid(), SIGUSR1);
	EXPECT(loop_run(w.loop) == 0 && w.signal == SIGUSR1, "signal %d", w.signal);
	EXPECT(loop_add_signal(w.loop, 4711, signalled, &w) == -EINVAL, "no such signal");
	world_close(&w);
}

static void stepped(void *context)
{
	struct world *w = context;

	if (++w->steps == 2)
		loop_stop(w->loop);
}

/* A step of one nanosecond is a step, and harms nobody else on the machine. */
static void step_the_clock(void *context)
{
	struct timex t = {.modes = ADJ_SETOFFSET | ADJ_NANO, .time.tv_usec = 1};

	(void)context;
	EXPECT(adjtimex(&t) >= 0, "adjtimex");
}

TEST(a_step_of_the_wall_clock_is_told_each_time)
{
	struct timex t = {.modes = ADJ_SETOFFSET | ADJ_NANO};
	struct world w;

	if (adjtimex(&t) < 0)
		SKIP("the right to set the clock (CAP_SYS_TIME)");
	ENSURE(world_open(&w), "open");
	EXPECT(loop_add_clock_step(w.loop, stepped, &w) == 0, "add");
	loop_add_timer(w.loop, 5, 5, step_the_clock, &w, NULL);
	EXPECT(loop_run(w.loop) == 0 && w.steps == 2, "%d steps", w.steps);
	world_close(&w);
}

TEST(a_stop_before_the_run_is_obeyed)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	loop_stop(w.loop);
	EXPECT(loop_run(w.loop) == 0, "run");
	world_close(&w);
}

TEST(a_descriptor_that_cannot_be_watched_is_an_error)
{
	struct world w;

	ENSURE(world_open(&w), "open");
	EXPECT(loop_add_fd(w.loop, -1, EPOLLIN, read_a, &w, NULL) == -EBADF, "no descriptor");
	EXPECT(loop_add_fd(w.loop, w.pipe_a[0], EPOLLIN, read_a, &w, NULL) == 0, "once");
	EXPECT(loop_add_fd(w.loop, w.pipe_a[0], EPOLLIN, read_a, &w, NULL) == -EEXIST, "twice");
	world_close(&w);
}

TEST(freeing_closes_what_the_loop_owns_and_nothing_else)
{
	unsigned before = tap_descriptors();
	struct world w;

	ENSURE(world_open(&w), "open");
	loop_add_fd(w.loop, w.pipe_a[0], EPOLLIN, read_a, &w, NULL);
	loop_add_timer(w.loop, 1, 1, tick, &w, NULL);
	loop_add_signal(w.loop, SIGUSR2, signalled, &w);
	loop_add_clock_step(w.loop, stepped, &w);
	EXPECT(loop_run(w.loop) == 0, "run");
	loop_free(w.loop);
	EXPECT(tap_descriptors() == before + 4, "%u open, %u before and a pair of pipes",
	       tap_descriptors(), before);
	w.loop = NULL;
	world_close(&w);
	loop_free(NULL);
}
