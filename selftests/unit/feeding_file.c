/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may say whom the gate refuses: the file of a feed, its directory and those above it, each with one thing wrong. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/feeding_file.h"
#include "tap.h"

#define STRANGER 4242 /* a user that nobody is */
#define OTHER	 4243

static char above[TAP_TEMP_MAX], directory[PATH_MAX], file[PATH_MAX];

/* ABOVE/in/feed, all as it should be. */
static bool make(void)
{
	int fd;

	if (!EXPECT(tap_temp_dir(above, "feedfile"), "a directory"))
		return false;
	snprintf(directory, sizeof(directory), "%s/in", above);
	snprintf(file, sizeof(file), "%s/in/feed", above);
	fd = mkdir(directory, 0755) ? -1 : open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
	return EXPECT(fd >= 0 && chmod(above, 0755) == 0, "a file");
}

static void take_away(void)
{
	unlink(file);
	rmdir(directory);
	rmdir(above);
}

static bool opens(struct err *e)
{
	int fd = feedfile_open(file, e);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

TEST(feedfile_opens_what_nobody_else_could_have_written)
{
	struct err e = {0};

	if (!make())
		return;
	EXPECT(opens(&e), "root's: %s", e.text);
	if (geteuid() == 0) {
		EXPECT(chown(directory, STRANGER, 0) == 0 && chown(file, STRANGER, 0) == 0 &&
			       opens(&e),
		       "a user's in his own directory: %s", e.text);
		EXPECT(chown(file, 0, 0) == 0 && opens(&e), "root's in it: %s", e.text);
		EXPECT(chown(above, STRANGER, 0) == 0 && opens(&e), "his above, too: %s", e.text);
	}
	EXPECT(chmod(above, 01777) == 0 && opens(&e), "in one where each has his own: %s", e.text);
	take_away();
}

TEST(feedfile_refuses_each_that_somebody_else_could_have)
{
	struct {
		const char *sentence, *path, *says;
		mode_t mode;
		uid_t owner;
		int code;
	} rows[] = {
		{"a file that its group writes", file, "others may write", 0664, 0, -EPERM},
		{"a file that all write", file, "others may write", 0646, 0, -EPERM},
		{"a directory that its group writes", directory, "its directory (mode 0775)", 0775,
		 0, -EPERM},
		{"a directory where each has his own", directory, "its directory (mode 1777)",
		 01777, 0, -EPERM},
		{"a directory above that all write", above, "a directory above it (mode 0777)",
		 0777, 0, -EPERM},
		{"a file of a stranger", file, "belongs to user 4242", 0644, STRANGER, -EPERM},
		{"a directory above of a stranger", above, "a directory above", 0755, STRANGER,
		 -EPERM},
	};

	if (geteuid() != 0)
		SKIP("owners can be changed by root alone");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		if (!make())
			return;
		EXPECT(chown(rows[i].path, rows[i].owner, 0) == 0 &&
			       chmod(rows[i].path, rows[i].mode) == 0,
		       "%s: %s", rows[i].sentence, rows[i].path);
		EXPECT(feedfile_open(file, &e) == rows[i].code && strstr(e.text, rows[i].says),
		       "%s: %s", rows[i].sentence, e.text);
		take_away();
	}
	if (!make())
		return;
	EXPECT(chown(directory, STRANGER, 0) == 0 && chown(above, OTHER, 0) == 0 && !opens(NULL),
	       "a user's directory in another's");
	take_away();
}

TEST(feedfile_refuses_what_is_no_file)
{
	struct err e = {0};

	if (!make())
		return;
	unlink(file);
	EXPECT(feedfile_open(file, &e) == -ENOENT, "nothing: %s", e.text);
	EXPECT(symlink("/etc/passwd", file) == 0 && feedfile_open(file, &e) == -ELOOP, "a link: %s",
	       e.text);
	unlink(file);
	EXPECT(mkfifo(file, 0644) == 0 && feedfile_open(file, &e) == -EINVAL,
	       "a pipe, without waiting: %s", e.text);
	EXPECT(feedfile_open(directory, &e) == -EINVAL, "a directory: %s", e.text);
	EXPECT(feedfile_open("/", &e) == -EINVAL && feedfile_open("feed", &e) == -EINVAL,
	       "no path: %s", e.text);
	take_away();
	EXPECT(feedfile_open(file, &e) == -ENOENT, "nor its directory: %s", e.text);
}
