/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of what the host's own mail server is told to do: for whom it relays by address, who fills its queue, how large a mailbox may
 * get. What could not be read decides nothing, and says why.
 */
#include "audit/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/local_inside.h"
#include "base/json.h"
#include "base/words.h"

/* ---- relay ---- */

#define NARROW_V4_BITS                                                                             \
	(ADDR_V4_LEAD_BITS + 24) /* a provider gives one customer no more as a rule */
#define NARROW_V6_BITS 48	 /* one site (RFC 6177) */
#define PRIVATE_V4_BITS                                                                            \
	(ADDR_V4_LEAD_BITS + 16) /* 192.168.0.0/16 is the smallest whole range of RFC 1918 */
#define PRIVATE_V6_BITS 47	 /* fd00::/8 holds a /48 for each site (RFC 4193, 3.1) */

enum breadth { BREADTH_FINE, BREADTH_BRIDGE, BREADTH_PRIVATE, BREADTH_PUBLIC, BREADTH_ALL };

static bool is_link_local(const struct prefix *p)
{
	struct prefix link;

	return (prefix_parse("fe80::/10", &link, NULL) == 0 && prefix_covers(&link, p)) ||
	       (prefix_parse("169.254.0.0/16", &link, NULL) == 0 && prefix_covers(&link, p));
}

/* The bridge of containers whose addresses the prefix covers; a network of one address is no bridge. */
static const struct local_network *bridge_in(const struct seen_local *local, const struct prefix *p)
{
	for (size_t i = 0; i < local->network_count; i++) {
		const struct local_network *n = &local->network[i];

		if (n->is_bridge && prefix_has(p, &n->addr) && !prefix_is_host(p))
			return n;
	}
	return NULL;
}

static enum breadth breadth_of(const struct seen_local *local, const struct prefix *p)
{
	bool is_v4 = prefix_is_v4(p);
	unsigned least = is_v4 ? ADDR_V4_LEAD_BITS : 0;

	if (p->bits <= least + 1)
		return BREADTH_ALL;
	if (local_is_own(local, p))
		return BREADTH_FINE;
	if (prefix_is_private(p) || is_link_local(p)) {
		if (p->bits <= (is_v4 ? PRIVATE_V4_BITS : PRIVATE_V6_BITS))
			return BREADTH_PRIVATE;
		return bridge_in(local, p) ? BREADTH_BRIDGE : BREADTH_FINE;
	}
	return p->bits < (is_v4 ? NARROW_V4_BITS : NARROW_V6_BITS) ? BREADTH_PUBLIC : BREADTH_FINE;
}

static void networks_say(const struct look *l, const struct seen_local *local,
			 const struct local_trust *t, enum breadth b)
{
	static const char *const what[] = {
		[BREADTH_PRIVATE] = "a whole private range, in which others than this site's hosts "
				    "may have an address (containers, VPNs, a provider's NAT)",
		[BREADTH_PUBLIC] = "more addresses than one site has",
		[BREADTH_ALL] = "the whole world",
	};
	const struct local_network *bridge = bridge_in(local, &t->prefix);
	struct finding *f =
		LOOK_ADD(l, "networks", b == BREADTH_BRIDGE ? AUDIT_WARN : AUDIT_FAIL, NULL);
	char name[64];

	if (b != BREADTH_BRIDGE) {
		finding_say(f, "%s relays without a password for %s", server_kind_name(t->server),
			    what[b]);
		if (b != BREADTH_ALL)
			f->severity = b == BREADTH_PUBLIC ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	} else {
		finding_say(
			f,
			"%s relays without a password for the network of a bridge: clients that "
			"a proxy translates come from it",
			server_kind_name(t->server));
	}
	finding_prove(f, "%s", t->entry);
	if (bridge) {
		text_escape(bridge->link, strlen(bridge->link), name, sizeof(name));
		finding_prove(f, "it covers the bridge %s, and whoever comes in by way of it",
			      name);
	}
	finding_fix(f, t->server);
}

static bool networks_check(const struct look *l, const struct seen_local *local)
{
	bool is_fine = true;

	for (size_t i = 0; i < local->trust_count; i++) {
		const struct local_trust *t = &local->trust[i];
		enum breadth b = breadth_of(local, &t->prefix);

		if (t->is_exception || b == BREADTH_FINE)
			continue;
		networks_say(l, local, t, b);
		is_fine = false;
	}
	return is_fine;
}

/* postconf(5), smtpd_relay_restrictions: one of these must stand in it, or in smtpd_recipient_restrictions. */
static bool is_destination_asked(const char *value)
{
	static const char *const words[] = {"reject_unauth_destination", "defer_unauth_destination",
					    "reject", "defer", "defer_if_permit"};

	for (size_t i = 0; value && i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i]);

		for (const char *at = value; (at = strstr(at, words[i])); at++)
			if ((at == value || strchr(", \t", at[-1])) &&
			    (!at[length] || strchr(", \t", at[length])))
				return true;
	}
	return false;
}

static bool restrictions_check(const struct look *l, const struct seen_local *local)
{
	const char *relay = local_setting_find(local, SERVER_POSTFIX, "smtpd_relay_restrictions"),
		   *recipient = local_setting_find(local, SERVER_POSTFIX,
						   "smtpd_recipient_restrictions");
	char shown[FINDING_TEXT_MAX];
	struct finding *f;

	if (local->postfix.code || !relay || is_destination_asked(relay) ||
	    is_destination_asked(recipient))
		return true;
	f = LOOK_ADD(l, "restrictions", AUDIT_FAIL, NULL);
	finding_say(f, "Postfix does not refuse recipients elsewhere: neither list of restrictions "
		       "has reject_unauth_destination");
	finding_prove(f, "smtpd_relay_restrictions = %s",
		      text_escape(relay, strlen(relay), shown, sizeof(shown)));
	if (recipient)
		finding_prove(f, "smtpd_recipient_restrictions = %s",
			      text_escape(recipient, strlen(recipient), shown, sizeof(shown)));
	finding_fix(f, SERVER_POSTFIX);
	return false;
}

static bool unread_say(const struct look *l, const struct local_state *s, enum server_kind server)
{
	if (s->code == 0 || s->code == -ENOENT || s->code == -ENODATA)
		return s->code == 0;
	finding_say(LOOK_ADD(l, "networks", AUDIT_INCONCLUSIVE, NULL),
		    "the configuration of %s could not be read: %s", server_kind_name(server),
		    s->why);
	return true;
}

CHECK_LOCAL(check_relay_local)
{
	bool is_there = unread_say(l, &local->postfix, SERVER_POSTFIX), is_fine;
	struct finding *f;

	is_there |= unread_say(l, &local->exim, SERVER_EXIM);
	is_there |= unread_say(l, &local->smtpd, SERVER_OPENSMTPD);
	if (!is_there) {
		finding_say(LOOK_ADD(l, "networks", AUDIT_NOT_APPLICABLE, NULL),
			    "neither Postfix nor Exim nor OpenSMTPD is installed here");
		return;
	}
	is_fine = networks_check(l, local);
	is_fine = restrictions_check(l, local) && is_fine;
	if (local->trust_unread[0]) {
		f = LOOK_ADD(l, "networks", AUDIT_INCONCLUSIVE, NULL);
		finding_say(
			f, "some of those that are relayed for stand elsewhere, and were not read");
		finding_prove(f, "%s", local->trust_unread);
	}
	if (!is_fine || (local->postfix.code && local->exim.code && local->smtpd.code))
		return;
	f = LOOK_ADD(l, "networks", AUDIT_PASS, NULL);
	finding_say(f, "relaying without a password is for this host and few others");
	for (size_t i = 0; i < local->trust_count; i++)
		finding_prove(f, "%s", local->trust[i].entry);
}

/* ---- queue ---- */

#define QUEUE_MANY    100 /* of one sender: no person writes so much that cannot be delivered */
#define SENDERS_SHOWN 5

static const char *sender_shown(const struct local_sender *s, char *buffer, size_t size)
{
	if (!s->sender[0] || strcmp(s->sender, "MAILER-DAEMON") == 0)
		snprintf(buffer, size, "<>");
	else
		text_escape(s->sender, strlen(s->sender), buffer, size);
	return buffer;
}

/* Whoever it came from may be stopped at the gate: not this host, and no user who bore a password. */
static void sender_trace(struct finding *f, const struct seen_local *local,
			 const struct local_sender *s)
{
	char user[64], text[ADDR_TEXT_MAX];
	struct prefix p;
	struct addr a;

	for (unsigned i = 0; i < local->log_count; i++) {
		if (!local_log_client(&local->log[i], s->queue_id, &a, user, sizeof(user)))
			continue;
		addr_format(&a, text);
		finding_prove(f, "one of them came from %s%s%s", text,
			      user[0] ? ", with the password of " : "", user);
		p = prefix_of(&a, ADDR_BITS);
		if (!user[0] && !local_is_own(local, &p))
			snprintf(f->enforce, sizeof(f->enforce), "postern block %s for 7d", text);
		return;
	}
}

static void queue_prove(struct finding *f, const struct seen_local *local)
{
	for (size_t i = 0; i < local->sender_count && i < SENDERS_SHOWN; i++) {
		char shown[FINDING_TEXT_MAX];

		finding_prove(f, "%u of %s", local->sender[i].count,
			      sender_shown(&local->sender[i], shown, sizeof(shown)));
	}
}

CHECK_LOCAL(check_queue)
{
	const struct local_sender *top = local->sender_count ? &local->sender[0] : NULL;
	char shown[FINDING_TEXT_MAX / 2];
	struct finding *f;
	bool is_bounce;

	if (local->queue.code == -ENOENT || local->queue.code == -ENODATA) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, NULL),
			    "there is no queue of Postfix or Exim here");
		return;
	}
	if (local->queue.code < 0) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL),
			    "the queue could not be read: %s", local->queue.why);
		return;
	}
	if (!top || top->count < QUEUE_MANY) {
		f = LOOK_ADD(l, NULL, local->is_queue_cut ? AUDIT_INCONCLUSIVE : AUDIT_PASS, NULL);
		finding_say(f, "%u message%s in the queue%s, at most %u of one sender",
			    local->queued, plural(local->queued),
			    local->is_queue_cut ? " as far as it was read" : "",
			    top ? top->count : 0);
		return;
	}
	sender_shown(top, shown, sizeof(shown));
	is_bounce = strcmp(shown, "<>") == 0;
	f = LOOK_ADD(l, is_bounce ? "bounces" : NULL, is_bounce ? AUDIT_WARN : AUDIT_FAIL, NULL);
	if (is_bounce)
		finding_say(f,
			    "%u of %u messages in the queue are bounces: mail is taken in that "
			    "cannot be delivered",
			    top->count, local->queued);
	else
		finding_say(f, "%u of %u messages in the queue are of one sender: %s", top->count,
			    local->queued, shown);
	queue_prove(f, local);
	if (!is_bounce)
		sender_trace(f, local, top);
	finding_fix(f, local->queue_server);
}

/* ---- mailboxes ---- */

static bool has_word(const char *value, const char *word)
{
	return value && strstr(value, word);
}

/* Dovecot 2.3: the plugin is loaded and has a limit; 2.4: quota { } blocks with quota_storage_size. */
static bool is_dovecot_limited(const struct seen_local *local)
{
	bool loaded = false, limited = false;

	for (size_t i = 0; i < local->setting_count; i++) {
		const struct local_setting *s = &local->setting[i];

		if (s->server != SERVER_DOVECOT)
			continue;
		if (strstr(s->name, "mail_plugins") && has_word(s->value, "quota"))
			loaded = true;
		/* `mail_plugins { quota = yes }` of 2.4. */
		if (strcmp(s->name, "mail_plugins/quota") == 0)
			loaded = strcmp(s->value, "yes") == 0;
		if (strncmp(s->name, "plugin/quota_rule", strlen("plugin/quota_rule")) == 0 ||
		    strstr(s->name, "quota_storage_size"))
			limited = true;
	}
	return loaded && limited;
}

static void quota_say(const struct look *l, enum server_kind server, bool is_limited,
		      const char *setting, const char *value)
{
	struct finding *f = LOOK_ADD(l, NULL, is_limited ? AUDIT_PASS : AUDIT_FAIL, NULL);
	char shown[FINDING_TEXT_MAX / 2];

	finding_say(f,
		    is_limited ? "%s limits the size of a mailbox"
			       : "%s lets a mailbox grow without a limit",
		    server_kind_name(server));
	if (setting && value)
		finding_prove(f, "%s = %s", setting,
			      text_escape(value, strlen(value), shown, sizeof(shown)));
	if (!is_limited)
		finding_fix(f, server);
}

/* postconf(5), mailbox_size_limit and virtual_mailbox_limit: 0 is no limit. They hold where Postfix itself delivers. */
static void postfix_quota(const struct look *l, const struct seen_local *local)
{
	const char *domains = local_setting_find(local, SERVER_POSTFIX, "virtual_mailbox_domains"),
		   *transport = local_setting_find(local, SERVER_POSTFIX, "virtual_transport");
	bool is_virtual = domains && domains[0] && transport && strcmp(transport, "virtual") == 0;
	const char *name = is_virtual ? "virtual_mailbox_limit" : "mailbox_size_limit",
		   *value = local_setting_find(local, SERVER_POSTFIX, name);

	if (!value)
		finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL),
			    "Postfix does not say how large a mailbox may get");
	else
		quota_say(l, SERVER_POSTFIX, strcmp(value, "0") != 0, name, value);
}

/* An empty mydestination and no virtual domains: nothing is delivered here. */
static bool does_postfix_deliver(const struct seen_local *local)
{
	static const char *const by_others[] = {"mailbox_command", "mailbox_transport"};
	const char *here = local_setting_find(local, SERVER_POSTFIX, "mydestination"),
		   *domains = local_setting_find(local, SERVER_POSTFIX, "virtual_mailbox_domains");

	for (size_t i = 0; i < sizeof(by_others) / sizeof(by_others[0]); i++) {
		const char *value = local_setting_find(local, SERVER_POSTFIX, by_others[i]);

		if (value && value[0])
			return false;
	}
	return local->postfix.code == 0 && ((here && here[0]) || (domains && domains[0]));
}

CHECK_LOCAL(check_mailbox_quota)
{
	const char *quota = local_setting_find(local, SERVER_EXIM, "quota");
	unsigned before = l->out->count;

	if (local->dovecot.code == 0)
		quota_say(l, SERVER_DOVECOT, is_dovecot_limited(local), NULL, NULL);
	else if (local->dovecot.code != -ENOENT && local->dovecot.code != -ENODATA)
		finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL),
			    "the configuration of Dovecot could not be read: %s",
			    local->dovecot.why);
	/* Where Dovecot keeps the mailboxes, what delivers to it has nothing to say. */
	else if (does_postfix_deliver(local))
		postfix_quota(l, local);
	else if (local->exim.code == 0)
		quota_say(l, SERVER_EXIM, quota && quota[0], "quota", quota);
	if (l->out->count == before)
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, NULL),
			    "no mailboxes of a known server were found here");
}
