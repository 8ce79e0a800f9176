/* SPDX-License-Identifier: BSD-2-Clause */
/* What may not be blocked on this host: see protected.h. */
#include "daemon/protected.h"

#include <errno.h>
#include <stdlib.h>

#include "base/grow.h"
#include "base/when.h"
#include "daemon/logins.h"
#include "daemon/setup.h"
#include "kern/maps.h"
#include "net/net.h"

static int list_add(struct protected_list *list, const struct prefix *p, enum protect_kind kind)
{
	void *grown = grow(list->entry, list->count, &list->room, sizeof(*list->entry));

	if (!grown)
		return -ENOMEM;
	list->entry = grown;
	list->entry[list->count++] = (struct protect_entry){.prefix = *p, .kind = kind};
	return 0;
}

static enum protect_kind kind_of(enum net_own_kind kind)
{
	switch (kind) {
	case NET_OWN:
		return PROTECT_OWN;
	case NET_LOCAL_NETWORK:
		return PROTECT_LOCAL;
	case NET_GATEWAY:
		return PROTECT_GATEWAY;
	case NET_RESOLVER:
		return PROTECT_RESOLVER;
	case NET_CONFIG:
		return PROTECT_CONFIG;
	}
	return PROTECT_OWN;
}

int protected_read(struct protected_list *out, const struct conf *c, struct gate *g, struct err *e)
{
	int ifindexes[SETUP_LINKS_MAX];
	unsigned guarded = setup_guarded(g, c, ifindexes, SETUP_LINKS_MAX);
	struct net_own *own = NULL;
	struct logins logins;
	int count, rc = 0;

	*out = (struct protected_list){0};
	count = setup_own_list(c, ifindexes, guarded, &own, e);
	if (count < 0)
		return count;
	for (int i = 0; rc == 0 && i < count; i++)
		rc = list_add(out, &own[i].prefix, kind_of(own[i].kind));
	free(own);
	logins_read(&logins);
	for (size_t i = 0; rc == 0 && i < logins.count; i++) {
		struct prefix p = prefix_of(&logins.addr[i], ADDR_BITS);

		rc = list_add(out, &p, PROTECT_LOGIN);
	}
	return rc ? err_set(e, rc, "cannot list what is never blocked: out of memory") : 0;
}

static int allow_add(void *context, const struct rule_entry *r)
{
	enum protect_kind kind = PROTECT_ALLOWED;

	if (!rule_is_live(r->rule.expires, now_boot_ns()))
		return 0;
	if (r->rule.origin == PN_ORIGIN_SPF)
		kind = PROTECT_PROVIDER;
	else if (r->rule.origin != PN_ORIGIN_OPERATOR)
		return 0; /* it is in the list of own addresses, with its kind */
	else if (r->rule.action == PN_TRUST)
		kind = PROTECT_TRUSTED;
	return list_add(context, &r->prefix, kind);
}

int protected_read_automatic(struct protected_list *out, const struct conf *c, struct gate *g,
			     struct err *e)
{
	int rc = protected_read(out, c, g, e);

	if (rc == 0 && g)
		rc = rules_each_allow(g, allow_add, out, e);
	if (rc == -ENOMEM)
		err_set(e, rc, "cannot list what is never blocked: out of memory");
	return rc;
}

void protected_free(struct protected_list *list)
{
	free(list->entry);
	*list = (struct protected_list){0};
}
