/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate in the kernel: programs, maps and links of one instance, pinned in a bpffs.
 *
 *   /sys/fs/bpf/postern/INSTANCE/maps_N/pn_*       maps and programs; N is the ABI
 *   /sys/fs/bpf/postern/INSTANCE/next/pn_*         new maps while they are filled
 *   /sys/fs/bpf/postern/INSTANCE/links/IFACE       the XDP links, '.' of a name written as '%2e'
 *   /sys/fs/bpf/postern/INSTANCE/links/%conn       the link of pn_conn
 *   /sys/fs/bpf/postern/INSTANCE/links/%steer      the link of pn_steer, in one network namespace
 *
 * Whoever opens a gate works on live maps: there is no daemon between a command and the kernel.
 */
#ifndef KERN_GATE_H
#define KERN_GATE_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "postern_abi.h"

struct gate;

/* Entries of the maps whose bound the configuration sets. */
struct gate_sizes {
	uint32_t rules, blocks, allow, open, rates, listed, known;
};

enum gate_origin {
	GATE_NEW,      /* nothing was there */
	GATE_ADOPTED,  /* same ABI and sizes: maps kept, programs replaced */
	GATE_MIGRATED, /* another ABI or other sizes: new maps, to be filled by the caller before
			  gate_switch */
};

/*
 * The lock that orders everything that makes, replaces or removes a gate, of all instances: an exclusive flock on the directory of
 * the pins, which is root's alone and made for it where it is missing. It ends with its holder, who holds it around gate_load() to
 * gate_switch() and the attaching that follows, and around gate_remove() and gate_detach(). Not recursive: whoever holds it blocks
 * himself by taking it again, so it is taken by the outermost caller only, before the store's lock and never after it, and nothing but
 * the store is waited for while it is held. A descriptor for gate_unlock(), or -errno: -EPERM when the directory is somebody else's; -EBUSY when
 * another process did not let go within half a minute.
 */
int gate_lock(struct err *e);
/* The same for who cannot wait: -EBUSY at once. */
int gate_lock_now(struct err *e);
void gate_unlock(int fd); /* negative: nothing */

/*
 * Load the programs, with the maps that are pinned already when they fit. The old programs stay
 * attached until gate_switch. Mounts bpffs when missing. Errors name the cause: no privileges
 * (-EPERM), no BTF (-ENOTSUP), no bpffs, the verifier's last line. *origin says what was found.
 */
int gate_load(struct gate **out, const char *instance, const struct gate_sizes *sizes,
	      enum gate_origin *origin, struct err *e);
/*
 * Put the loaded programs in the place of the old: each XDP link updated, pn_conn attached before
 * its old link is dropped, pn_steer attached to the current network namespace, old maps removed. Not one packet goes unjudged. Interfaces that are gone
 * are cleaned up. 0 or -errno; on failure what was attached stays as it was.
 */
int gate_switch(struct gate *g, struct err *e);

/* Open the pinned gate for commands. -ENOENT: not loaded; -EPROTO: of another ABI. */
int gate_open(struct gate **out, const char *instance, struct err *e);
void gate_close(struct gate *g); /* closes descriptors, changes nothing; NULL is fine */

enum gate_mode { GATE_NATIVE, GATE_GENERIC };
enum gate_want { GATE_WANT_AUTO, GATE_WANT_NATIVE, GATE_WANT_GENERIC };

struct gate_link {
	char name[IFNAMSIZ]; /* as pinned */
	int ifindex;	     /* 0: the interface is gone */
	enum gate_mode mode;
	int64_t since_wall_s;
};

/*
 * Attach pn_xdp to an interface. AUTO tries native, then generic, and leaves in why_generic
 * (ERR_TEXT_MAX bytes, may be NULL) what refused native. -EBUSY says who sits there. Already
 * attached: 0.
 */
int gate_attach(struct gate *g, int ifindex, const char *name, enum gate_want want,
		enum gate_mode *mode, char *why_generic, struct err *e);
int gate_detach(struct gate *g, const char *name, struct err *e); /* -ENOENT: not attached */
/* fn for each pinned link. Returns 0, fn's value, or -errno. */
int gate_each_link(struct gate *g, int (*fn)(void *context, const struct gate_link *link),
		   void *context, struct err *e);
/* Take the pin of a link whose interface is gone, or was renamed. */
int gate_forget_link(struct gate *g, const char *name, struct err *e);
int gate_rename_link(struct gate *g, const char *from, const char *to, struct err *e);

/* Unpin everything of the instance, whatever its ABI: no pin, link or program stays. -ENOENT:
 * nothing there. */
int gate_remove(const char *instance, struct err *e);
bool gate_exists(const char *instance);

/* Live knobs. The struct lies in the map itself: a store to one word takes effect at once. */
struct pn_conf *gate_conf(struct gate *g);

#endif
