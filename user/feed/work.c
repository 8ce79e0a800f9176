/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a feed without privileges: see work.h. The file may grow and shrink under the reader, so its size is what was read of it. */
#include "feed/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/image.h"

#define READ_MORE (64U << 10) /* beyond the size that it claims, until it is known to end */

static int too_long(struct err *e)
{
	return err_set(e, -EFBIG, "it is longer than %u MB, and no list is", FEED_BYTES_MAX >> 20);
}

/* The whole text, malloc'd. */
static int file_read(int fd, char **out, size_t *length, struct err *e)
{
	size_t room = 0, want = READ_MORE, count = 0;
	char *text = NULL, *wider;
	struct stat st = {0};
	ssize_t n = 1;

	if (fstat(fd, &st) == 0 && st.st_size > FEED_BYTES_MAX)
		return too_long(e);
	if (st.st_size > 0)
		want += (size_t)st.st_size;
	while (n > 0) {
		if (count == room) {
			wider = realloc(text, want);
			if (!wider) {
				free(text);
				return err_set(e, -ENOMEM, "no memory for its %zu bytes", want);
			}
			text = wider;
			room = want;
			want += READ_MORE;
		}
		n = read(fd, text + count, room - count);
		if (n > 0)
			count += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
		if (count > FEED_BYTES_MAX) {
			free(text);
			return too_long(e);
		}
	}
	if (n < 0) {
		int code = -errno;

		free(text);
		return err_set(e, code, "it cannot be read: %s", strerror(-code));
	}
	*out = text;
	*length = count;
	return 0;
}

int feed_work(int from, int to, size_t *length, struct err *e)
{
	struct feed_list list = {0};
	char *text = NULL;
	size_t size = 0;
	int ret = file_read(from, &text, &size, e);

	if (ret == 0)
		ret = feed_read(text, size, &list, e);
	free(text);
	if (ret == 0)
		ret = image_write(to, &list, length, e);
	feed_list_free(&list);
	return ret;
}
