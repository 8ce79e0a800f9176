/* SPDX-License-Identifier: BSD-2-Clause */
/* A place that others may write to: what is no ordinary file is not even opened, which inotify(7) would tell. */
#include "base/regular.h"

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "tap.h"

TEST(only_an_ordinary_file_is_opened)
{
	char folder[TAP_TEMP_MAX], path[TAP_TEMP_MAX + 8], away[TAP_TEMP_MAX + 8], events[4096];
	int news = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), fd;
	struct stat st;

	ENSURE(news >= 0 && tap_temp_dir(folder, "regular"), "a directory");
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(away, sizeof(away), "%s/away", folder);
	ENSURE(mkfifo(away, 0644) == 0 && symlink(away, path) == 0, "a link to a pipe");
	ENSURE(inotify_add_watch(news, away, IN_OPEN) >= 0, "%m");
	EXPECT(regular_open(path, &st) == -EINVAL, "a pipe");
	EXPECT(regular_open("/dev/null", &st) == -EINVAL && regular_open("/", &st) == -EINVAL,
	       "a device, a directory");
	EXPECT(read(news, events, sizeof(events)) < 0 && errno == EAGAIN, "it was opened");
	ENSURE(unlink(away) == 0, "%m");
	EXPECT(regular_open(path, &st) == -ENOENT, "a link to nothing");
	ENSURE(symlink("/proc/self/status", away) == 0, "%m");
	fd = regular_open(path, &st);
	EXPECT(fd >= 0 && S_ISREG(st.st_mode) && read(fd, events, 4) == 4, "a file: %d", fd);
	close(fd);
	EXPECT(unlink(away) == 0 && unlink(path) == 0 && rmdir(folder) == 0, "%m");
	close(news);
}
