/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A wall clock that stands elsewhere, for programs started with this library in LD_PRELOAD: CLOCK_STEP_S seconds
 * from the true one. A test must not step the clock of the machine it runs on. The clocks of
 * the kernel, which everything in the maps goes by, are left as they are, which is what a step does too.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t step_s(void)
{
	const char *text = getenv("CLOCK_STEP_S");

	return text ? (time_t)atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	static int (*real)(clockid_t, struct timespec *);
	int failed;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	failed = real(clock, out);
	if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		out->tv_sec += step_s();
	return failed;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
