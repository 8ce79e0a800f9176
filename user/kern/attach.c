/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces: attaching pn_xdp by a pinned link, detaching it, and removing the whole gate. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kern/kern.h"

static const char *link_path(char buffer[static PIN_PATH_MAX], const char *instance,
			     const char *ifname)
{
	char pin[IFNAMSIZ * 3 + 1];

	pins_escape(ifname, pin, sizeof(pin));
	return pins_path(buffer, instance, PIN_LINKS, pin);
}

static int link_info(int fd, struct bpf_link_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(fd, info, &size) ? -errno : 0;
}

#define WHO_TEXT_MAX 96 /* two dozen words, and a name of BPF_OBJ_NAME_LEN */

/* Who sits on an interface: "the program 'xdp_dispatcher' (id 12)". */
static const char *who_is_there(int ifindex, char *buffer, size_t size)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	struct bpf_prog_info info = {0};
	__u32 info_size = sizeof(info), id;
	int fd;

	snprintf(buffer, size, "another XDP program");
	if (bpf_xdp_query(ifindex, 0, &q))
		return buffer;
	id = q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id ? q.skb_prog_id : q.prog_id;
	fd = id ? bpf_prog_get_fd_by_id(id) : -1;
	if (id) /* its name takes CAP_SYS_ADMIN */
		snprintf(buffer, size, "another XDP program (id %u)", id);
	if (fd < 0)
		return buffer;
	if (bpf_obj_get_info_by_fd(fd, &info, &info_size) == 0)
		snprintf(buffer, size, "the XDP program '%s' (id %u)%s", info.name, id,
			 strcmp(info.name, "pn_xdp") == 0 ? " of another instance of postern" : "");
	close(fd);
	return buffer;
}

static enum gate_mode mode_of(int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	if (bpf_xdp_query(ifindex, 0, &q) == 0 && q.attach_mode == XDP_ATTACHED_SKB)
		return GATE_GENERIC;
	return GATE_NATIVE;
}

static int create_link(struct gate *g, int ifindex, enum gate_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, o,
		    .flags = mode == GATE_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(g->program.pn_xdp, ifindex, BPF_XDP, &o);

	return fd < 0 ? -errno : fd;
}

static int attach_fault(struct err *e, int r, int ifindex, const char *name)
{
	char who[WHO_TEXT_MAX];

	if (r == -EBUSY || r == -EEXIST)
		return err_set(e, -EBUSY, "cannot attach to %s: %s is there already", name,
			       who_is_there(ifindex, who, sizeof(who)));
	if (r == -EPERM)
		return err_set(e, r, "cannot attach to %s: it needs root (CAP_NET_ADMIN)", name);
	return err_set(e, r, "cannot attach to %s: %s", name, strerror(-r));
}

/* Is the pin a live link on this very interface? A dead one (the interface was made anew) is taken
 * out. */
static bool is_attached(const char *path, int ifindex)
{
	struct bpf_link_info info;
	int fd = bpf_obj_get(path);
	bool live;

	if (fd < 0)
		return false;
	live = link_info(fd, &info) == 0 && (int)info.xdp.ifindex == ifindex;
	close(fd);
	if (!live)
		unlink(path);
	return live;
}

int gate_attach(struct gate *g, int ifindex, const char *name, enum gate_want want,
		enum gate_mode *mode, char *why_generic, struct err *e)
{
	char path[PIN_PATH_MAX];
	int fd, r;

	if (why_generic)
		*why_generic = 0;
	if (is_attached(link_path(path, g->instance, name), ifindex)) {
		*mode = mode_of(ifindex);
		return 0;
	}
	*mode = want == GATE_WANT_GENERIC ? GATE_GENERIC : GATE_NATIVE;
	fd = create_link(g, ifindex, *mode);
	if (fd < 0 && want == GATE_WANT_AUTO && fd != -EBUSY && fd != -EEXIST && fd != -EPERM) {
		if (why_generic)
			snprintf(why_generic, ERR_TEXT_MAX,
				 "the driver of %s refused native mode (%s); `postern doctor` "
				 "tells likely causes",
				 name, strerror(-fd));
		*mode = GATE_GENERIC;
		fd = create_link(g, ifindex, *mode);
	}
	if (fd < 0)
		return attach_fault(e, fd, ifindex, name);
	r = pins_put(fd, path);
	close(fd);
	return r ? err_set(e, r, "cannot pin the link of %s: %s", name, strerror(-r)) : 0;
}

static int detach_path(const char *path)
{
	int fd = bpf_obj_get(path), r = 0;

	if (fd < 0)
		return -errno;
	/* Unpinning would leave it to the last holder of a descriptor; this takes effect now. */
	if (bpf_link_detach(fd) && errno != ENOLINK && errno != EOPNOTSUPP)
		r = -errno;
	close(fd);
	if (unlink(path))
		r = -errno;
	return r;
}

int gate_detach(struct gate *g, const char *name, struct err *e)
{
	char path[PIN_PATH_MAX];
	int r = detach_path(link_path(path, g->instance, name));

	if (r == -ENOENT)
		return err_set(e, r, "postern is not attached to %s", name);
	return r ? err_set(e, r, "cannot detach from %s: %s", name, strerror(-r)) : 0;
}

struct link_walk {
	struct gate *g;
	int (*fn)(void *c, const struct gate_link *link);
	void *c;
};

static int visit_link(void *c, const char *pin)
{
	struct link_walk *w = c;
	struct gate_link link = {0};
	struct bpf_link_info info;
	char path[PIN_PATH_MAX];
	struct stat st;
	int fd;

	if (!pins_is_interface(pin))
		return 0;
	pins_path(path, w->g->instance, PIN_LINKS, pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0; /* taken out meanwhile */
	pins_unescape(pin, link.name, sizeof(link.name));
	if (link_info(fd, &info) == 0)
		link.ifindex = (int)info.xdp.ifindex;
	close(fd);
	if (link.ifindex)
		link.mode = mode_of(link.ifindex);
	if (stat(path, &st) == 0)
		link.since_wall_s = st.st_mtime;
	return w->fn(w->c, &link);
}

int gate_each_link(struct gate *g, int (*fn)(void *context, const struct gate_link *link),
		   void *context, struct err *e)
{
	struct link_walk w = {g, fn, context};

	(void)e;
	return pins_each(g->instance, PIN_LINKS, visit_link, &w);
}

int gate_forget_link(struct gate *g, const char *name, struct err *e)
{
	char path[PIN_PATH_MAX];

	if (unlink(link_path(path, g->instance, name)) && errno != ENOENT)
		return err_set(e, -errno, "cannot unpin the link of %s: %s", name, strerror(errno));
	return 0;
}

int gate_rename_link(struct gate *g, const char *from, const char *to, struct err *e)
{
	char path_from[PIN_PATH_MAX], path_to[PIN_PATH_MAX];

	/* Never over another pin: that would take its guard away. */
	if (renameat2(AT_FDCWD, link_path(path_from, g->instance, from), AT_FDCWD,
		      link_path(path_to, g->instance, to), RENAME_NOREPLACE))
		return err_set(e, -errno, "cannot rename the link of %s to %s: %s", from, to,
			       strerror(errno));
	return 0;
}

static int remove_link(void *c, const char *pin)
{
	char path[PIN_PATH_MAX];

	detach_path(pins_path(path, c, PIN_LINKS, pin));
	return 0;
}

static int remove_part(void *c, const char *name)
{
	pins_remove_dir(c, name);
	return 0;
}

int gate_remove(const char *instance, struct err *e)
{
	char name[64], path[PIN_PATH_MAX];

	snprintf(name, sizeof(name), "%s", instance);
	if (access(pins_path(path, name, "", ""), F_OK)) {
		if (errno == ENOENT)
			return err_set(e, -ENOENT, "no gate of instance '%s' is loaded", instance);
		return err_set(e, -errno, "cannot read %s: %s", path, strerror(errno));
	}
	pins_each(name, PIN_LINKS, remove_link, name);
	pins_each(name, "", remove_part, name);
	if (rmdir(path))
		return err_set(e, -errno, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}
