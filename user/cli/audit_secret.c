/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The password of a mailbox. It comes from a file, since the words of a command can be read by everybody on the host (proc(5),
 * /proc/PID/cmdline), and nothing of it gets into a sentence.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/audit.h"

#define SHOWN_MAX 200

const char *audit_secret_fault(const char *text)
{
	if (!*text)
		return "is empty";
	if (strlen(text) >= AUDIT_SECRET_MAX)
		return "is too long";
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return "has control characters in it";
	return NULL;
}

/* As much of the file as a password may have, and one byte more. 0 or -errno. */
static int bytes_read(const char *path, char *buffer, size_t size, bool *is_open)
{
	/* A pipe that nobody writes to would be waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code = 0;
	size_t used = 0;
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		code = -errno;
	else if (!S_ISREG(st.st_mode))
		code = -EINVAL;
	while (code == 0 && n > 0 && used < size - 1) {
		n = read(fd, buffer + used, size - 1 - used);
		if (n < 0)
			code = -errno;
		else
			used += (size_t)n;
	}
	close(fd);
	buffer[used] = '\0';
	*is_open = code == 0 && st.st_mode & S_IROTH;
	return code;
}

int audit_secret_read(const char *path, char out[static AUDIT_SECRET_MAX], bool *is_open,
		      struct err *e)
{
	char bytes[AUDIT_SECRET_MAX + sizeof("\r\n")], shown[SHOWN_MAX];
	int code = bytes_read(path, bytes, sizeof(bytes), is_open);
	const char *why;

	text_escape(path, strlen(path), shown, sizeof(shown));
	if (code)
		return err_set(e, code, "--imap-password: cannot read %s: %s", shown,
			       code == -EINVAL ? "it is no ordinary file" : strerror(-code));
	bytes[strcspn(bytes, "\r\n")] = '\0';
	why = audit_secret_fault(bytes);
	if (!why)
		snprintf(out, AUDIT_SECRET_MAX, "%.*s", AUDIT_SECRET_MAX - 1, bytes);
	explicit_bzero(bytes, sizeof(bytes));
	return why ? err_set(e, -EINVAL, "--imap-password: the first line of %s %s", shown, why)
		   : 0;
}
