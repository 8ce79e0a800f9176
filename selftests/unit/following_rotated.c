/* SPDX-License-Identifier: BSD-2-Clause */
/* The files beside a log, in a folder that its mail server's user may write to: whatever he does there, the loop does not wait long. */
#include "daemon/following_rotated.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "tap.h"

#define NAMES  5000
#define OPENED 4096 /* at most */

static const char *name_of(char buffer[static TAP_TEMP_MAX + 32], const char *folder, unsigned i)
{
	snprintf(buffer, TAP_TEMP_MAX + 32, "%s/mail.log.%u", folder, i);
	return buffer;
}

TEST(a_folder_that_somebody_has_filled_is_not_looked_through)
{
	struct logplace place = {.kind = LOGPLACE_FILE, .offset = 4, .sum = 1};
	char folder[TAP_TEMP_MAX], name[TAP_TEMP_MAX + 32];
	_Alignas(struct inotify_event) char events[65536];
	int news = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), fd;
	struct logpart part;
	unsigned opened = 0;
	ssize_t n;

	ENSURE(news >= 0 && tap_temp_dir(folder, "rotated"), "no folder");
	snprintf(place.path, sizeof(place.path), "%s/mail.log", folder);
	fd = open(place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ENSURE(fd >= 0 && write(fd, "one line\n", 9) == 9, "%m");
	close(fd);
	for (unsigned i = 0; i < NAMES; i++)
		ENSURE(link(place.path, name_of(name, folder, i)) == 0, "%m");
	ENSURE(inotify_add_watch(news, place.path, IN_OPEN | IN_CLOSE) >= 0, "%m");
	EXPECT(!rotated_find(&part, &place), "none of them has the place");
	while ((n = read(news, events, sizeof(events))) > 0)
		for (ssize_t at = 0; at < n; at += (ssize_t)sizeof(struct inotify_event)) {
			const struct inotify_event *event = (const void *)(events + at);

			opened += (event->mask & IN_OPEN) != 0;
		}
	EXPECT(opened == OPENED, "%u were opened", opened);
	for (unsigned i = 0; i < NAMES; i++)
		unlink(name_of(name, folder, i));
	EXPECT(unlink(place.path) == 0 && rmdir(folder) == 0, "%m");
	close(news);
}
