/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules and the mode as a whole: the maps are the image of the store. Used when a gate is loaded or adopted, at each
 * reload, and when the store comes back. A command killed between its commit and the maps leaves them apart until the
 * next of these: nobody looks for it in between, since a walk of all rules after each command would cost too much.
 *
 * What lacks is added before what is stale goes, so that a prefix that moved between lists is covered by one
 * of them at any moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/when.h"
#include "daemon/ruling.h"
#include "policy/mode.h"

#define MEANWHILE_EVERY 65536 /* rules: a fraction of a second */
#define MODE_VALUE	"mode"
/* Wall and boot clock may drift apart by so much before a deadline's wall time is written anew. */
#define MODE_DRIFT_S 2

/* What the store has, sorted, to be found again while the maps are walked. */
struct image {
	struct prefix *block, *allow;
	size_t block_count, allow_count, block_room, allow_room;
	size_t seen;
	struct ruling *r;
	struct err *e;
};

static int prefix_order(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : (int)x->bits - (int)y->bits;
}

static int image_add(struct prefix **list, size_t *count, size_t *room, const struct prefix *p)
{
	if (*count == *room) {
		size_t wider = *room ? 2 * *room : 256;
		void *grown = reallocarray(*list, wider, sizeof(**list));

		if (!grown)
			return -ENOMEM;
		*list = grown;
		*room = wider;
	}
	(*list)[(*count)++] = *p;
	return 0;
}

static int image_put(void *context, const struct store_rule *rule)
{
	struct image *im = context;
	int rc = ruling_rule_to_map(im->r->gate, rule, im->e);

	if (rc)
		return rc;
	if (im->r->meanwhile && ++im->seen % MEANWHILE_EVERY == 0)
		im->r->meanwhile(im->r->context, im->r->gate);
	if (rule->kind == STORE_BLOCK)
		return image_add(&im->block, &im->block_count, &im->block_room, &rule->prefix);
	return image_add(&im->allow, &im->allow_count, &im->allow_room, &rule->prefix);
}

/* Operator's entries of a map that the store does not have. */
struct stale {
	const struct prefix *known;
	size_t known_count;
	struct prefix *list;
	size_t count, room;
};

static int stale_collect(void *context, const struct rule_entry *entry)
{
	struct stale *s = context;

	if (entry->rule.origin != PN_ORIGIN_OPERATOR)
		return 0;
	if (s->known_count &&
	    bsearch(&entry->prefix, s->known, s->known_count, sizeof(*s->known), prefix_order))
		return 0;
	return image_add(&s->list, &s->count, &s->room, &entry->prefix);
}

static int stale_drop(struct gate *g, const struct stale *s,
		      int (*drop)(struct gate *, const struct prefix *, struct err *),
		      struct err *e)
{
	for (size_t i = 0; i < s->count; i++) {
		int rc = drop(g, &s->list[i], e);

		if (rc && rc != -ENOENT)
			return rc;
	}
	return 0;
}

static int sync_stale(struct gate *g, struct image *im, struct err *e)
{
	struct stale block = {.known = im->block, .known_count = im->block_count};
	struct stale allow = {.known = im->allow, .known_count = im->allow_count};
	int rc;

	if (im->block_count)
		qsort(im->block, im->block_count, sizeof(*im->block), prefix_order);
	if (im->allow_count)
		qsort(im->allow, im->allow_count, sizeof(*im->allow), prefix_order);
	rc = rules_each_block(g, stale_collect, &block, e);
	if (rc == 0)
		rc = rules_each_allow(g, stale_collect, &allow, e);
	if (rc == 0)
		rc = stale_drop(g, &block, rules_unblock, e);
	if (rc == 0)
		rc = stale_drop(g, &allow, rules_disallow, e);
	free(block.list);
	free(allow.list);
	return rc;
}

/* rc, or 0 where it says that somebody else is at the store and this may be done later. */
static int owe(struct ruling *r, int rc)
{
	if (rc != -EBUSY || !r->may_owe)
		return rc;
	r->owes = true;
	return 0;
}

/* *locked false and 0: owed. */
static int lock(struct ruling *r, bool *locked, struct err *e)
{
	int rc = store_lock(r->store, e);

	*locked = rc == 0;
	return owe(r, rc);
}

int ruling_sync(struct ruling *r, struct err *e)
{
	struct image im = {.r = r, .e = e};
	bool locked;
	int rc;

	if (!r->store || !r->gate)
		return 0;
	rc = lock(r, &locked, e);
	if (rc)
		return rc;
	rc = store_each_rule(r->store, image_put, &im, e);
	if (r->meanwhile)
		r->meanwhile(r->context, r->gate);
	if (rc == 0 && locked)
		rc = sync_stale(r->gate, &im, e);
	if (rc == -ENOMEM)
		err_set(e, rc, "cannot compare store and maps: out of memory");
	if (locked)
		store_unlock(r->store);
	rc = owe(r, rc);
	free(im.block);
	free(im.allow);
	return rc;
}

/* ---- the mode ---- */

static struct mode_now mode_now_read(char boot[static BOOT_ID_MAX])
{
	return (struct mode_now){
		.boot_ns = now_boot_ns(), .wall_s = now_wall_s(), .boot = boot_id(boot)};
}

static void mode_write_kernel(struct gate *g, uint64_t until)
{
	/* MODE_ENFORCE is PN_FOREVER, and MODE_MONITOR the 0 that never was in the future. */
	__atomic_store_n(&gate_conf(g)->enforce_until, until, __ATOMIC_SEQ_CST);
}

/*
 * A mode that nobody ordered just now. The brake is pulled without any lock, so it is looked for on both sides of the write: who comes between
 * finds either that mode to overwrite, or the brake is found.
 */
static void mode_restore_kernel(const struct ruling *r, uint64_t until)
{
	const uint32_t *braked = &gate_conf(r->gate)->braked;

	if (__atomic_load_n(braked, __ATOMIC_SEQ_CST))
		return;
	mode_write_kernel(r->gate, until);
	if (__atomic_load_n(braked, __ATOMIC_SEQ_CST))
		mode_write_kernel(r->gate, MODE_MONITOR);
}

int ruling_set_mode(struct ruling *r, enum conf_mode mode, uint64_t for_s, struct err *e)
{
	struct mode_order order = {
		.enforce = mode == CONF_ENFORCE,
		.configured_enforce = r->conf->mode == CONF_ENFORCE,
	};
	char boot[BOOT_ID_MAX], text[MODE_TEXT_MAX];
	struct mode_now now = mode_now_read(boot);
	int rc;

	if (order.enforce && for_s) {
		order.until_boot_ns = now.boot_ns + for_s * NS_PER_S;
		memcpy(order.boot, boot, sizeof(order.boot));
		order.until_wall_s = now.wall_s + (int64_t)for_s;
		order.left_s = for_s;
	}
	rc = store_lock(r->store, e);
	if (rc)
		return rc;
	rc = ruling_refresh(r, e);
	if (rc == 0)
		rc = store_put_value(r->store, MODE_VALUE, mode_format(&order, text), e);
	if (rc == 0 && r->gate) {
		mode_write_kernel(r->gate, mode_decide(order.configured_enforce, &order, &now));
		__atomic_store_n(&gate_conf(r->gate)->braked, 0, __ATOMIC_SEQ_CST);
	}
	store_unlock(r->store);
	return rc;
}

int ruling_brake(const struct conf *c, struct err *e)
{
	struct gate *g = NULL;
	int rc = gate_open(&g, c->instance, e);

	if (rc == 0) {
		__atomic_store_n(&gate_conf(g)->braked, 1, __ATOMIC_SEQ_CST);
		mode_write_kernel(g, MODE_MONITOR);
	}
	gate_close(g);
	return rc;
}

/* The stored deadline in this boot's terms, so that the next boot finds a wall time that is right. */
static int mode_rebase(struct ruling *r, struct mode_order *order, uint64_t until,
		       const struct mode_now *now, struct err *e)
{
	uint64_t left_s = (until - now->boot_ns + NS_PER_S - 1) / NS_PER_S;
	int64_t wall_s = now->wall_s + (int64_t)left_s, off_s = wall_s - order->until_wall_s;
	char text[MODE_TEXT_MAX];

	if (strcmp(order->boot, now->boot) == 0 && off_s <= MODE_DRIFT_S && off_s >= -MODE_DRIFT_S)
		return 0;
	order->until_boot_ns = until;
	memset(order->boot, 0, sizeof(order->boot));
	memcpy(order->boot, now->boot, strnlen(now->boot, sizeof(order->boot) - 1));
	order->until_wall_s = wall_s;
	order->left_s = left_s;
	return store_put_value(r->store, MODE_VALUE, mode_format(order, text), e);
}

int ruling_stored_mode(struct store *store, const struct conf *c, uint64_t *until, struct err *e)
{
	bool configured = c->mode == CONF_ENFORCE;
	char boot[BOOT_ID_MAX], text[MODE_TEXT_MAX];
	struct mode_now now = mode_now_read(boot);
	struct mode_order order;
	int rc = store ? store_get_value(store, MODE_VALUE, text, sizeof(text), e) : -ENOENT;

	*until = mode_decide(configured, NULL, &now);
	if (rc && rc != -ENOENT)
		return rc;
	/* A text that we did not write is no order. */
	if (rc == 0 && mode_parse(text, &order) == 0)
		*until = mode_decide(configured, &order, &now);
	return 0;
}

void ruling_lift_brake(const struct ruling *r)
{
	if (r->gate && r->lifts_brake)
		__atomic_store_n(&gate_conf(r->gate)->braked, 0, __ATOMIC_SEQ_CST);
}

int ruling_apply_mode(struct ruling *r, struct err *e)
{
	bool configured = r->conf->mode == CONF_ENFORCE;
	char boot[BOOT_ID_MAX], text[MODE_TEXT_MAX];
	struct mode_now now = mode_now_read(boot);
	struct mode_order order;
	uint64_t until;
	bool locked;
	int rc;

	ruling_lift_brake(r);
	if (!r->store) {
		mode_restore_kernel(r, mode_decide(configured, NULL, &now));
		return 0;
	}
	rc = lock(r, &locked, e);
	if (rc)
		return rc;
	rc = store_get_value(r->store, MODE_VALUE, text, sizeof(text), e);
	if (rc && rc != -ENOENT)
		goto out;
	if (rc == 0 && mode_parse(text, &order) == 0) {
		until = mode_decide(configured, &order, &now);
		if (locked && order.configured_enforce != configured)
			rc = store_put_value(r->store, MODE_VALUE, NULL, e);
		else if (locked && order.until_boot_ns && until != MODE_MONITOR)
			rc = mode_rebase(r, &order, until, &now, e);
		/* On a full disk the kernel has the mode all the same: nothing is owed to it. */
		r->unwritten = rc != 0 && rc != -EBUSY;
		if (r->unwritten && r->may_owe)
			rc = 0;
	} else {
		until = mode_decide(configured, NULL, &now);
		rc = 0;
	}
	if (r->gate)
		mode_restore_kernel(r, until);
out:
	if (locked)
		store_unlock(r->store);
	return owe(r, rc);
}
