/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forgetting: what was decided or measured automatically about an address is taken back, the store first and the maps second,
 * under the store's lock, as rules are. A controller that runs learns of it by the entry in the journal. Other than with rules a
 * store that cannot be changed does not keep the kernel from forgetting: somebody who was judged wrongly gets in now, and it is told
 * that the verdict may come back.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/when.h"
#include "daemon/ruling.h"
#include "store/bans.h"

int ruling_open_lenient(struct ruling *r, const struct conf *c, struct err *kept, struct err *e)
{
	char dir[PATH_MAX + CONF_INSTANCE_MAX + 2], file[sizeof(dir) + sizeof("/" STORE_FILE)];
	int rc;

	*r = (struct ruling){.conf = c, .owns_gate = true};
	rc = ruling_refresh(r, e);
	if (rc)
		return rc;
	/* No store is made for a command that only takes away. */
	snprintf(file, sizeof(file), "%s/" STORE_FILE, ruling_state_dir(c, dir, sizeof(dir)));
	if (access(file, F_OK) && errno == ENOENT)
		return 0;
	if (store_open(&r->store, dir, STORE_WRITE, kept))
		r->store = NULL;
	return 0;
}

/* ---- the store ---- */

struct collected {
	struct forgotten *out;
	struct store_entry entry[2 * FORGOTTEN_MAX];
	unsigned entries;
};

static int verdict_collect(void *context, const struct store_verdict *v)
{
	struct collected *c = context;
	struct store_entry *entry = &c->entry[c->entries];

	/* At most one for each length that is ever judged: an address, its /64, its network. */
	if (c->out->verdicts == FORGOTTEN_MAX)
		return 0;
	*entry = (struct store_entry){.wall_s = now_wall_s(),
				      .what = STORE_FORGOTTEN,
				      .prefix = v->prefix,
				      .has_prefix = true};
	snprintf(entry->text, sizeof(entry->text), "by hand: %s, score %lld, threshold %lld%s%s",
		 v->listed ? "listed" : "clean", (long long)v->score, (long long)v->threshold,
		 *v->by ? ", by " : "", v->by);
	c->out->verdict[c->out->verdicts++] = v->prefix;
	c->entries++;
	return 0;
}

/* Also one that has ended: its level would make the next one longer. */
static int ban_collect(void *context, const struct store_ban *b)
{
	struct collected *c = context;
	struct store_entry *entry = &c->entry[c->entries];

	if (c->out->bans == FORGOTTEN_MAX)
		return 0;
	*entry = (struct store_entry){.wall_s = now_wall_s(),
				      .what = STORE_FORGOTTEN,
				      .prefix = b->prefix,
				      .has_prefix = true};
	snprintf(entry->text, sizeof(entry->text), "by hand: %s, %u so far, the last for %s",
		 b->expires_boot_ns ? "a ban" : "bans that have ended", b->level, b->reason);
	c->out->ban[c->out->bans++] = b->prefix;
	c->entries++;
	return 0;
}

static int store_forget(struct store *s, const struct addr *a, struct forgotten *out, struct err *e)
{
	struct collected c = {.out = out};
	int rc = store_begin(s, e);

	if (rc)
		return rc;
	rc = store_each_verdict(s, a, verdict_collect, &c, e);
	for (unsigned i = 0; rc == 0 && i < out->verdicts; i++)
		rc = store_delete_verdict(s, &out->verdict[i], e);
	if (rc == 0)
		rc = store_each_ban(s, a, ban_collect, &c, e);
	for (unsigned i = 0; rc == 0 && i < out->bans; i++)
		rc = store_delete_ban(s, &out->ban[i], e);
	if (rc == 0)
		rc = store_write_journal(s, c.entry, c.entries, e);
	if (rc == 0)
		return store_commit(s, e);
	store_rollback(s);
	return rc;
}

/* Of the address alone: what the kernel knew, offences that the controller remembers, a verdict that may have been on its way to the store. */
static int store_tell(struct store *s, const struct addr *a, struct err *e)
{
	struct store_entry entry = {.wall_s = now_wall_s(),
				    .what = STORE_FORGOTTEN,
				    .prefix = prefix_of(a, ADDR_BITS),
				    .has_prefix = true,
				    .text = "by hand: what was measured"};

	return store_write_journal(s, &entry, 1, e);
}

static bool is_told(const struct forgotten *f)
{
	for (unsigned i = 0; i < f->verdicts; i++)
		if (f->verdict[i].bits == ADDR_BITS)
			return true;
	for (unsigned i = 0; i < f->bans; i++)
		if (f->ban[i].bits == ADDR_BITS)
			return true;
	return false;
}

/* ---- both ---- */

static int forget_both(struct ruling *r, const struct addr *a, struct forgotten *out, struct err *e)
{
	int rc = 0;

	if (r->store && store_forget(r->store, a, out, &out->kept))
		out->verdicts = out->bans = 0;
	if (r->gate)
		rc = sources_forget(r->gate, a, e);
	out->kernel = r->gate && rc == 0;
	if (rc && rc != -ENOENT)
		return rc;
	/* Forgotten by its network, it is not yet so as itself. */
	if (r->gate && (out->kernel || out->verdicts || out->bans) && !is_told(out) && r->store &&
	    !out->kept.code)
		(void)store_tell(r->store, a, &out->kept);
	return out->kernel || out->verdicts || out->bans || out->kept.code ? 0 : -ENOENT;
}

int ruling_forget(struct ruling *r, const struct addr *a, struct forgotten *out, struct err *e)
{
	char text[ADDR_TEXT_MAX];
	int rc;

	*out = (struct forgotten){0};
	rc = r->store ? store_lock(r->store, e) : 0;
	if (rc)
		return rc;
	rc = ruling_refresh(r, e);
	if (rc == 0)
		rc = forget_both(r, a, out, e);
	if (r->store)
		store_unlock(r->store);
	if (rc == -ENOENT)
		return err_set(e, rc, "nothing was decided or measured automatically about %s",
			       addr_format(a, text));
	return rc;
}
