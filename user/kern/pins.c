/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pins: the files of a bpffs that keep maps, programs and links alive without a process. bpffs
 * refuses names with a dot (it keeps them for itself), so interface names are escaped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/magic.h>

#include "base/when.h"
#include "kern/kern.h"

#define PIN_MODE 0700 /* root's alone: a map's pin is the right to change it */

#define LOCK_WAIT_MS 30000  /* loading takes seconds, more on a small or busy machine */
#define LOCK_STEP_MS 50	    /* flock(2) can wait for ever or not at all */
#define PIN_NEW	     "%new" /* ends the name of a pin that is not in its place yet */

static int is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

int pins_mount(struct err *e)
{
	if (is_bpffs(BPFFS_ROOT))
		return 0;
	if (mount("bpf", BPFFS_ROOT, "bpf", 0, "mode=0700") == 0)
		return 0;
	if (errno == EPERM || errno == EACCES)
		return err_set(e, -EPERM,
			       "no bpffs is mounted on %s and mounting one needs root "
			       "(CAP_SYS_ADMIN)",
			       BPFFS_ROOT);
	return err_set(e, -errno, "cannot mount a bpffs on %s: %s", BPFFS_ROOT, strerror(errno));
}

static int lock_fault(struct err *e, int r, unsigned wait_ms)
{
	char waited[48] = "";

	if (wait_ms)
		snprintf(waited, sizeof(waited), ", for %u s already", wait_ms / 1000);
	if (r == -EWOULDBLOCK)
		return err_set(e, -EBUSY,
			       "another postern is loading a gate%s: try again when it is done",
			       waited);
	if (r == -EPERM || r == -EACCES)
		return err_set(e, -EPERM, "loading or removing the gate needs root");
	return err_set(e, r, "cannot lock %s: %s", PIN_ROOT, strerror(-r));
}

/*
 * The directory that is locked, open. A bpffs may be open to everybody (mount(8) makes it so unless told otherwise), and then anybody may have
 * made it before us; and whoever can open it can hold its lock for ever (flock(2) asks for no right to write).
 */
static int root_open(struct err *e)
{
	struct stat st;
	int fd, r;

	if (mkdir(PIN_ROOT, PIN_MODE) && errno != EEXIST)
		return -errno;
	fd = open(PIN_ROOT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* or gone between the two: who has just removed it had the lock */
		return errno == ENOENT ? -EWOULDBLOCK : -errno;
	r = fstat(fd, &st) ? -errno : 0;
	if (r == 0 && st.st_uid != geteuid())
		r = err_set(e, -EPERM,
			    "%s belongs to user %u, who could take the gate away: remove it, and "
			    "mount the bpffs with mode=0700",
			    PIN_ROOT, st.st_uid);
	if (r == 0 && (st.st_mode & ACCESSPERMS) != PIN_MODE && fchmod(fd, PIN_MODE))
		r = -errno;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

/* It goes with the last gate, and the next one makes another: then the lock of this one is nobody's. */
static bool root_is(int fd)
{
	struct stat held, st;

	return fstat(fd, &held) == 0 && lstat(PIN_ROOT, &st) == 0 && held.st_ino == st.st_ino &&
	       held.st_dev == st.st_dev;
}

static int lock_take(unsigned wait_ms, struct err *e)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * NS_PER_MS};
	uint64_t until = now_boot_ns() + wait_ms * NS_PER_MS;
	struct err cause = {0};
	int fd, r = pins_mount(e);

	if (r)
		return r;
	for (;;) {
		fd = root_open(&cause);
		r = fd < 0 ? fd : flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
		if (r == 0 && root_is(fd))
			return fd;
		if (fd >= 0)
			close(fd);
		if (r == 0 || r == -EINTR)
			continue;
		if (r != -EWOULDBLOCK || now_boot_ns() >= until)
			return cause.text[0] ? err_set(e, r, "%s", cause.text)
					     : lock_fault(e, r, wait_ms);
		nanosleep(&step, NULL);
	}
}

int gate_lock(struct err *e)
{
	return lock_take(LOCK_WAIT_MS, e);
}

int gate_lock_now(struct err *e)
{
	return lock_take(0, e);
}

void gate_unlock(int fd)
{
	if (fd < 0)
		return;
	if (root_is(fd))
		rmdir(PIN_ROOT); /* where it was made for the lock alone; else it is not empty */
	close(fd);
}

const char *pins_path(char buffer[static PIN_PATH_MAX], const char *instance, const char *part,
		      const char *name)
{
	snprintf(buffer, PIN_PATH_MAX, "%s/%s%s%s%s%s", PIN_ROOT, instance, *part ? "/" : "", part,
		 *name ? "/" : "", name);
	return buffer;
}

const char *pins_maps_dir(char buffer[static 32])
{
	snprintf(buffer, 32, "%s%d", PIN_MAPS, PN_ABI_VERSION);
	return buffer;
}

void pins_escape(const char *ifname, char *out, size_t size)
{
	size_t n = 0;

	for (; *ifname && n + 4 <= size; ifname++) {
		if (*ifname == '.' || *ifname == '%')
			n += (size_t)snprintf(out + n, size - n, "%%%02x", (unsigned char)*ifname);
		else
			out[n++] = *ifname;
	}
	out[n] = 0;
}

void pins_unescape(const char *pin, char *out, size_t size)
{
	size_t n = 0;

	for (; *pin && n + 1 < size; pin++) {
		char hex[3] = {0};

		if (*pin == '%' && pin[1] && pin[2]) {
			memcpy(hex, pin + 1, 2);
			out[n++] = (char)strtoul(hex, NULL, 16);
			pin += 2;
		} else {
			out[n++] = *pin;
		}
	}
	out[n] = 0;
}

static int make_dir(const char *path, struct err *e)
{
	if (mkdir(path, PIN_MODE) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, -errno, "cannot make %s: %s", path, strerror(errno));
}

int pins_make_dirs(const char *instance, const char *part, struct err *e)
{
	char path[PIN_PATH_MAX];
	int r = make_dir(PIN_ROOT, e);

	if (!r)
		r = make_dir(pins_path(path, instance, "", ""), e);
	if (!r && *part)
		r = make_dir(pins_path(path, instance, part, ""), e);
	return r;
}

int pins_each(const char *instance, const char *part, int (*fn)(void *c, const char *name), void *c)
{
	char path[PIN_PATH_MAX];
	struct dirent *d;
	int r = 0;
	DIR *dir = opendir(pins_path(path, instance, part, ""));

	if (!dir)
		return 0;
	while (!r && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = fn(c, d->d_name);
	closedir(dir);
	return r;
}

bool pins_is_interface(const char *pin)
{
	return strcmp(pin, PIN_CONN) != 0 && strcmp(pin, PIN_STEER) != 0;
}

int pins_remove_dir(const char *instance, const char *part)
{
	char path[PIN_PATH_MAX], pin[PIN_PATH_MAX];
	struct dirent *d;
	DIR *dir = opendir(pins_path(path, instance, part, ""));

	if (!dir)
		return -errno;
	while ((d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			unlink(pins_path(pin, instance, part, d->d_name));
	closedir(dir);
	return rmdir(path) ? -errno : 0;
}

int pins_put(int fd, const char *path)
{
	char fresh[PIN_PATH_MAX + 8];
	int r;

	snprintf(fresh, sizeof(fresh), "%s%s", path, PIN_NEW);
	unlink(fresh); /* left by a run that was killed here */
	if (bpf_obj_pin(fd, fresh))
		return -errno;
	if (rename(fresh, path) == 0)
		return 0;
	r = -errno;
	unlink(fresh);
	return r;
}

struct healing {
	const char *instance, *part;
};

/* 1 after a change: the directory is then read anew. */
static int heal_pin(void *c, const char *name)
{
	const struct healing *h = c;
	char fresh[PIN_PATH_MAX], path[PIN_PATH_MAX];
	size_t length = strlen(name), suffix = strlen(PIN_NEW);

	if (length <= suffix || strcmp(name + length - suffix, PIN_NEW) != 0)
		return 0;
	pins_path(fresh, h->instance, h->part, name);
	pins_path(path, h->instance, h->part, name);
	path[strlen(path) - suffix] = 0;
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 1;
	if (errno == EEXIST && unlink(fresh) == 0)
		return 1;
	return errno == ENOENT ? 1 : -errno;
}

int pins_heal(const char *instance, const char *part)
{
	struct healing h = {instance, part};
	int r;

	do
		r = pins_each(instance, part, heal_pin, &h);
	while (r > 0);
	return r;
}
