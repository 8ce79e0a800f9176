/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of feeds in memory and in the state directory: see feeding_list.h. What was kept is checked like what a reader sends: it is made of foreign
 * bytes, and a disk can lie. It is not flushed to the disk: a list that is lost with the power is read again from its file.
 */
#include "daemon/feeding_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/ruling.h"
#include "daemon/setup.h"

/* Of all feeds: twice what one may have. To put so many into the kernel takes about a second, in which the controller does nothing else. */
#define HOSTS_MOST    (2U * FEED_HOSTS_MAX)
#define PREFIXES_MOST (2U * FEED_PREFIXES_MAX)

#define KEPT_PREFIX "feed-"
#define KEPT_NEW    ".new"
#define KEPT_MODE   0600
#define BITS	    8
#define NAME_BYTES                                                                                 \
	(PATH_MAX + CONF_INSTANCE_MAX + sizeof(KEPT_PREFIX) + sizeof(KEPT_NEW)) /* of a kept one */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* linux/memfd.h, since 6.3 */
#endif

struct kept_head {
	char magic[8];
	int64_t taken_wall_s;
	uint64_t file;	 /* a number of its path */
	uint64_t length; /* of the image behind it */
};

static const char magic[8] = "pnkept2"; /* another layout is another number */

/* ---- from a reader ---- */

int feedlist_memory(struct err *e)
{
	int fd = memfd_create("postern-feed", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("postern-feed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(e, -errno, "cannot make a memory file: %s", strerror(errno));
	/* Memory is taken only for what is written, and no more can be. */
	if (ftruncate(fd, IMAGE_BYTES_MAX) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK)) {
		int code = -errno;

		close(fd);
		return err_set(e, code, "cannot prepare a memory file: %s", strerror(-code));
	}
	return fd;
}

static int list_check(struct feedlist *l, size_t offset, size_t length, struct err *e)
{
	int ret;

	l->bytes = (const char *)l->map + offset;
	l->length = length;
	ret = image_check(l->bytes, length, &l->image, e);
	if (ret == 0)
		l->number = image_number(&l->image);
	return ret;
}

static uint64_t file_number(const struct conf_feed *f)
{
	return image_number_add(0, f->file, strlen(f->file));
}

bool feedlist_is_of(const struct feedlist *l, const struct conf_feed *of)
{
	return l->file == file_number(of);
}

int feedlist_take(struct feedlist *l, const struct conf_feed *of, int memory, size_t length,
		  struct err *e)
{
	int ret;

	if (!length || length > IMAGE_BYTES_MAX)
		return err_set(e, -EBADMSG, "the reader says that its list has %zu bytes", length);
	/* Refused while the reader could still write through a mapping. */
	if (fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL))
		return err_set(e, -errno, "the reader's list cannot be sealed: %s",
			       strerror(errno));
	l->map = mmap(NULL, length, PROT_READ, MAP_PRIVATE, memory, 0);
	if (l->map == MAP_FAILED) {
		l->map = NULL;
		return err_set(e, -errno, "the reader's list cannot be mapped: %s",
			       strerror(errno));
	}
	l->map_length = length;
	l->taken_wall_s = now_wall_s();
	l->file = file_number(of);
	l->fresh = true;
	ret = list_check(l, 0, length, e);
	if (ret)
		feedlist_free(l);
	return ret;
}

/* ---- in the state directory ---- */

static const char *kept_path(const struct conf *c, const char *name, const char *suffix,
			     char buffer[static NAME_BYTES])
{
	char directory[PATH_MAX];

	snprintf(buffer, NAME_BYTES, "%s/" KEPT_PREFIX "%s%s",
		 ruling_state_dir(c, directory, sizeof(directory)), name, suffix);
	return buffer;
}

static int bytes_read(int fd, void *bytes, size_t length)
{
	char *at = bytes;
	ssize_t n = 1;

	while (length && (n > 0 || (n < 0 && errno == EINTR))) {
		n = read(fd, at, length);
		at += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return length ? -EIO : 0;
}

static int bytes_write(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;
	ssize_t n = 1;

	while (length && (n > 0 || (n < 0 && errno == EINTR))) {
		n = write(fd, at, length);
		at += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return length ? -(errno ? errno : EIO) : 0;
}

static int kept_read(struct feedlist *l, int fd, struct err *e)
{
	struct kept_head head;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || bytes_read(fd, &head, sizeof(head)) ||
	    memcmp(head.magic, magic, sizeof(magic)) != 0 || head.length > IMAGE_BYTES_MAX ||
	    !head.length || (uint64_t)st.st_size != sizeof(head) + head.length)
		return err_set(e, -EBADMSG, "it is none, or not whole");
	l->map =
		mmap(NULL, head.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (l->map == MAP_FAILED) {
		l->map = NULL;
		return err_set(e, -ENOMEM, "no memory");
	}
	l->map_length = head.length;
	l->taken_wall_s = head.taken_wall_s;
	l->file = head.file;
	l->kept = true;
	if (bytes_read(fd, l->map, head.length))
		return err_set(e, -EIO, "it cannot be read");
	return list_check(l, 0, head.length, e);
}

/* Of those that were kept for feeds that are not configured: nonzero ends. Its last value. */
static int kept_each_other(const struct conf *c,
			   int (*fn)(void *context, int directory, const char *file), void *context)
{
	char path[PATH_MAX];
	DIR *dir = opendir(ruling_state_dir(c, path, sizeof(path)));
	const struct dirent *entry;
	int ret = 0;

	while (dir && ret == 0 && (entry = readdir(dir))) {
		const char *name = entry->d_name + strlen(KEPT_PREFIX);
		unsigned i = 0;

		if (strncmp(entry->d_name, KEPT_PREFIX, strlen(KEPT_PREFIX)) != 0)
			continue;
		while (i < c->feed_count && strcmp(c->feeds[i].name, name) != 0)
			i++;
		if (i == c->feed_count)
			ret = fn(context, dirfd(dir), entry->d_name);
	}
	if (dir)
		closedir(dir);
	return ret;
}

static int kept_remove(void *context, int directory, const char *file)
{
	(void)context;
	(void)unlinkat(directory, file, 0);
	return 0;
}

void feedlist_forget_others(const struct conf *c)
{
	(void)kept_each_other(c, kept_remove, NULL);
}

struct adoption {
	uint64_t file;
	const char *path; /* of the new name's */
};

static int kept_adopt(void *context, int directory, const char *file)
{
	const struct adoption *a = context;
	int fd = openat(directory, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct kept_head head;
	bool is_it = fd >= 0 && bytes_read(fd, &head, sizeof(head)) == 0 &&
		     memcmp(head.magic, magic, sizeof(magic)) == 0 && head.file == a->file;

	if (fd >= 0)
		close(fd);
	return is_it && renameat(directory, file, AT_FDCWD, a->path) == 0;
}

/* A feed with another name and the same file is the same list: nobody on it is let in until the file was read again. */
static int kept_open(const struct conf *c, const char *name, const char *path)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = open(path, flags);

	for (unsigned i = 0; i < c->feed_count && fd < 0 && errno == ENOENT; i++) {
		struct adoption a = {.file = file_number(&c->feeds[i]), .path = path};

		if (strcmp(c->feeds[i].name, name) == 0) {
			fd = kept_each_other(c, kept_adopt, &a) ? open(path, flags) : -1;
			errno = fd < 0 ? ENOENT : 0;
			break;
		}
	}
	return fd;
}

int feedlist_load(struct feedlist *l, const struct conf *c, const char *name, struct err *e)
{
	char path[NAME_BYTES];
	int fd = kept_open(c, name, kept_path(c, name, "", path)), ret;

	if (fd < 0)
		return err_set(e, -errno, "cannot open %s: %s", path, strerror(errno));
	ret = kept_read(l, fd, e);
	close(fd);
	if (ret) {
		feedlist_free(l);
		err_prefix(e, "the list that was kept in %s", path);
	}
	return ret;
}

int feedlist_keep(struct feedlist *l, const struct conf *c, const char *name, struct err *e)
{
	struct kept_head head = {
		.taken_wall_s = l->taken_wall_s, .file = l->file, .length = l->length};
	char path[NAME_BYTES], fresh[NAME_BYTES];
	int fd, ret;

	memcpy(head.magic, magic, sizeof(magic));
	kept_path(c, name, "", path);
	kept_path(c, name, KEPT_NEW, fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, KEPT_MODE);
	if (fd < 0)
		return err_set(e, -errno, "cannot write %s: %s", fresh, strerror(errno));
	ret = bytes_write(fd, &head, sizeof(head));
	if (ret == 0)
		ret = bytes_write(fd, l->bytes, l->length);
	if (close(fd) && ret == 0)
		ret = -errno;
	if (ret == 0 && rename(fresh, path))
		ret = -errno;
	if (ret) {
		unlink(fresh);
		return err_set(e, ret, "cannot write %s: %s", path, strerror(-ret));
	}
	l->kept = true;
	return 0;
}

void feedlist_free(struct feedlist *l)
{
	if (l->map)
		munmap(l->map, l->map_length);
	free(l->left_out_hosts);
	free(l->left_out_prefixes);
	*l = (struct feedlist){0};
}

/* ---- what is never blocked ---- */

struct leaving {
	struct feedlist *l;
	char *names;
	size_t size, at;
	unsigned named;
};

static int entry_leave_out(void *context, size_t index, const struct prefix *entry)
{
	struct leaving *x = context;
	bool is_host = prefix_is_v4(entry) && prefix_is_host(entry);
	uint8_t *bits = is_host ? x->l->left_out_hosts : x->l->left_out_prefixes;
	char text[PREFIX_TEXT_MAX];

	if (bits[index / BITS] >> index % BITS & 1)
		return 0;
	bits[index / BITS] |= (uint8_t)(1U << index % BITS);
	x->l->left_out++;
	if (x->named++ < FEEDLIST_NAMED_MAX && x->at < x->size)
		x->at += (size_t)snprintf(x->names + x->at, x->size - x->at, "%s%s",
					  x->at ? ", " : "", prefix_format(entry, text));
	return 0;
}

int feedlist_leave_out(struct feedlist *l, const struct protected_list *never, char *names,
		       size_t size)
{
	struct leaving x = {.l = l, .names = names, .size = size};

	if (size)
		names[0] = '\0';
	free(l->left_out_hosts);
	free(l->left_out_prefixes);
	l->left_out = 0;
	l->left_out_hosts = calloc(1, l->image.host_count / BITS + 1);
	l->left_out_prefixes = calloc(1, l->image.prefix_count / BITS + 1);
	if (!l->left_out_hosts || !l->left_out_prefixes)
		return -ENOMEM;
	for (size_t i = 0; i < never->count; i++)
		(void)guard_touching(&l->image, &never->entry[i].prefix, entry_leave_out, &x);
	return 0;
}

static bool is_left_out(const uint8_t *bits, size_t index)
{
	return bits && bits[index / BITS] >> index % BITS & 1;
}

/* ---- into the kernel ---- */

struct merging {
	const struct feedlist_part *part;
	unsigned count;
	size_t at[CONF_FEEDS_MAX];
	struct feeds_host *hosts;
	struct feeds_prefix *prefixes;
	struct feeds_image image;
};

/* The least of those that stand next, of the first feed that has it; all that have it step on. False at the end. */
static bool host_next(struct merging *m, struct feeds_host *out)
{
	bool found = false;

	for (unsigned i = 0; i < m->count; i++) {
		const struct feedlist *l = m->part[i].list;

		while (m->at[i] < l->image.host_count &&
		       (is_left_out(l->left_out_hosts, m->at[i]) ||
			(found && l->image.hosts[m->at[i]] == out->addr)))
			m->at[i]++;
		if (m->at[i] < l->image.host_count &&
		    (!found || l->image.hosts[m->at[i]] < out->addr)) {
			*out = (struct feeds_host){.addr = l->image.hosts[m->at[i]], .feed = i};
			found = true;
		}
	}
	if (found)
		m->at[out->feed]++;
	return found;
}

static bool prefix_next(struct merging *m, struct feeds_prefix *out)
{
	bool found = false;

	for (unsigned i = 0; i < m->count; i++) {
		const struct image *l = &m->part[i].list->image;
		const struct prefix *next;

		while (m->at[i] < l->prefix_count &&
		       is_left_out(m->part[i].list->left_out_prefixes, m->at[i]))
			m->at[i]++;
		if (!l->prefixes || m->at[i] == l->prefix_count)
			continue;
		next = &l->prefixes[m->at[i]];
		if (found && image_compare_prefixes(next, &out->prefix) >= 0)
			continue;
		*out = (struct feeds_prefix){.prefix = *next, .feed = i};
		found = true;
	}
	if (found)
		m->at[out->feed]++;
	return found;
}

static int merge(struct merging *m, struct err *e)
{
	struct feeds_host host = {0};
	struct feeds_prefix prefix = {0};
	size_t hosts = 0, prefixes = 0, n = 0;

	for (unsigned i = 0; i < m->count; i++) {
		hosts += m->part[i].list->image.host_count;
		prefixes += m->part[i].list->image.prefix_count;
	}
	if (hosts > HOSTS_MOST || prefixes > PREFIXES_MOST)
		return err_set(e, -E2BIG,
			       "all feeds together would have %zu addresses and %zu prefixes, more "
			       "than the %u and %u that are taken",
			       hosts, prefixes, HOSTS_MOST, PREFIXES_MOST);
	m->hosts = calloc(hosts + 1, sizeof(*m->hosts));
	m->prefixes = calloc(prefixes + 1, sizeof(*m->prefixes));
	if (!m->hosts || !m->prefixes)
		return err_set(e, -ENOMEM, "no memory to put the feeds together");
	/* The same again is of a later feed: the first has it. */
	while (host_next(m, &host))
		if (!n || m->hosts[n - 1].addr != host.addr)
			m->hosts[n++] = host;
	m->image.hosts = m->hosts;
	m->image.host_count = n;
	memset(m->at, 0, sizeof(m->at));
	n = 0;
	while (prefix_next(m, &prefix))
		if (!n || !prefix_equal(&m->prefixes[n - 1].prefix, &prefix.prefix))
			m->prefixes[n++] = prefix;
	m->image.prefixes = m->prefixes;
	m->image.prefix_count = n;
	return 0;
}

static struct feeds_part part_of(const struct feedlist_part *from)
{
	const struct feedlist *l = from->list;
	struct feeds_part p = {.action = setup_action(from->conf->action),
			       .always = from->conf->always,
			       .list = l->number,
			       .made = l->number};

	_Static_assert(sizeof(p.name) == sizeof(from->conf->name), "a name of one is one of all");
	memcpy(p.name, from->conf->name, sizeof(p.name));
	if (l->left_out)
		p.made = image_number_add(
			image_number_add(p.made, l->left_out_hosts, l->image.host_count / BITS + 1),
			l->left_out_prefixes, l->image.prefix_count / BITS + 1);
	return p;
}

static bool sets_equal(const struct feeds_set *a, const struct feeds_set *b)
{
	bool equal = a->count == b->count;

	for (unsigned i = 0; i < a->count && equal; i++) {
		const struct feeds_part *p = &a->part[i], *q = &b->part[i];

		equal = strcmp(p->name, q->name) == 0 && p->action == q->action &&
			p->always == q->always && p->list == q->list && p->made == q->made;
	}
	return equal;
}

/* What was kept may be older than what is in force, when the disk was full, or broken. */
static int refuse_loss(const struct feedlist_part *part, unsigned count,
		       const struct feeds_set *in_force, struct err *e)
{
	for (unsigned i = 0; i < count; i++) {
		int was = feeds_find(in_force, part[i].conf->name);

		if (was >= 0 && !part[i].list->fresh && !part[i].may_be_lost &&
		    in_force->part[was].list && in_force->part[was].list != part[i].list->number)
			return err_set(e, -EBUSY,
				       "the kernel has a list of the feed %s that was not kept, "
				       "and that would be lost: feeds stay as they are until its "
				       "file can be read",
				       part[i].conf->name);
	}
	return 0;
}

int feedlist_put_all(struct gate *g, const struct feedlist_part *part, unsigned count,
		     struct err *e)
{
	struct merging m = {.part = part, .count = count};
	struct feeds_set in_force;
	int ret = feeds_get_set(g, &in_force, e);

	_Static_assert(CONF_FEEDS_MAX <= PN_FEEDS_MAX, "every configured feed has a number");
	m.image.set.count = count;
	for (unsigned i = 0; i < count; i++)
		m.image.set.part[i] = part_of(&part[i]);
	if (ret || sets_equal(&m.image.set, &in_force))
		return ret;
	ret = refuse_loss(part, count, &in_force, e);
	if (ret == 0)
		ret = merge(&m, e);
	if (ret == 0)
		ret = feeds_replace(g, &m.image, e);
	free(m.hosts);
	free(m.prefixes);
	return ret;
}

int feedlist_put_kept(struct gate *g, const struct conf *c, struct err *e)
{
	struct feedlist *lists = calloc(CONF_FEEDS_MAX, sizeof(*lists));
	struct feedlist_part part[CONF_FEEDS_MAX];
	struct protected_list never = {0};
	unsigned found = 0;
	int ret;

	if (!lists)
		return err_set(e, -ENOMEM, "no memory for the lists of feeds");
	ret = protected_read(&never, c, g, e);
	for (unsigned i = 0; i < c->feed_count && ret == 0; i++) {
		part[i] = (struct feedlist_part){.conf = &c->feeds[i], .list = &lists[i]};
		if (feedlist_load(&lists[i], c, c->feeds[i].name, NULL))
			continue;
		found++;
		ret = feedlist_leave_out(&lists[i], &never, NULL, 0);
	}
	if (ret == 0 && found)
		ret = feedlist_put_all(g, part, c->feed_count, e);
	for (unsigned i = 0; i < c->feed_count; i++)
		feedlist_free(&lists[i]);
	protected_free(&never);
	free(lists);
	return ret;
}
