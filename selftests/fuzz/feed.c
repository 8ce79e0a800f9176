/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of addresses in any form: read or refused with a printable sentence; what is read is a list that keeps every promise of one, and so
 * passes as an image. The bytes of an image, as a reader that was taken over could send them: they pass or they do not, and what
 * passed can be asked.
 */
#include "feed/guard.h"
#include "fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

static int touch(void *context, size_t index, const struct prefix *entry)
{
	(void)index;
	(void)context;
	HOLDS(entry->bits <= ADDR_BITS);
	return 0;
}

static void check_image(const void *bytes, size_t length, bool must)
{
	struct err e = {0};
	struct image i;
	struct prefix which, all = {.addr.byte = {0x20}, .bits = 8};
	struct addr a = {.byte = {[10] = 0xff, 0xff, 192, 0, 2, 1}};

	if (image_check(bytes, length, &i, &e)) {
		HOLDS(!must && is_printable(e.text));
		return;
	}
	HOLDS(image_count_v4(&i) <= (uint64_t)1 << 32 && image_count_new(&i, &i) == 0);
	(void)image_has(&i, &a, &which);
	(void)guard_touching(&i, &all, touch, NULL);
	for (size_t p = 0; p < i.prefix_count; p++)
		HOLDS(image_has(&i, &i.prefixes[p].addr, &which) &&
		      prefix_equal(&which, &i.prefixes[p]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_list l = {0};
	struct err e = {0};
	char *text = copy_of(data, size);
	size_t length = 0;
	void *bytes;
	int fd;

	check_image(text, size, false);
	if (feed_read(text, size, &l, &e)) {
		HOLDS(e.code < 0 && is_printable(e.text));
	} else {
		HOLDS(l.report.note_count <= FEED_NOTES_MAX && l.report.format < FEED_FORMATS);
		fd = memfd_create("feed", MFD_CLOEXEC);
		HOLDS(fd >= 0 && image_write(fd, &l, &length, &e) == 0);
		bytes = malloc(length);
		HOLDS(bytes && pread(fd, bytes, length, 0) == (ssize_t)length);
		check_image(bytes, length, true);
		free(bytes);
		close(fd);
	}
	feed_list_free(&l);
	free(text);
	return 0;
}
