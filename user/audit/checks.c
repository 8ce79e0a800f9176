/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of checks, and how it is gone through. */
#include <stdio.h>
#include <string.h>

#include "audit/check.h"

#define X KIND_WIRE
#define D KIND_DNS
#define H KIND_HOST
#define P KIND_POSTERN
#define O KIND_ACTIVE

const struct check checks[] = {
	{.id = "banner",
	 .advice = "mask the banner: no product, no version, nothing of the host's inside",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_banner},
	{.id = "relay",
	 .advice =
		 "never be an open relay; relay only for authenticated clients or listed addresses",
	 .kinds = X | H,
	 .severity = SEVERITY_CRITICAL,
	 .address = check_relay,
	 .local = check_relay_local},
	{.id = "source",
	 .advice = "the mail server sees the true address of each client",
	 .kinds = X | H | P,
	 .severity = SEVERITY_HIGH,
	 .address = check_source,
	 .local = check_source_local},
	{.id = "auth-required",
	 .advice = "nobody sends without authenticating",
	 .kinds = X,
	 .severity = SEVERITY_HIGH,
	 .address = check_auth_required},
	{.id = "auth-tls",
	 .advice = "no password in clear text, in SMTP, POP3 or IMAP",
	 .kinds = X,
	 .severity = SEVERITY_HIGH,
	 .address = check_auth_tls},
	{.id = "starttls",
	 .advice = "encryption for SMTP, POP3 and IMAP",
	 .kinds = X,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_starttls},
	{.id = "vrfy",
	 .advice = "VRFY tells nobody which users exist",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_vrfy},
	{.id = "expn",
	 .advice = "EXPN tells nobody who is on a list",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_expn},
	{.id = "help",
	 .advice = "HELP tells nothing of the product",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_help},
	{.id = "helo",
	 .advice = "a client that gives the server's own name, or no name, is refused",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_helo},
	{.id = "sender",
	 .advice = "sender domains exist, and commands come in their order",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_sender},
	{.id = "null-sender",
	 .advice =
		 "the empty sender is a setting of its own, and bounces need it (RFC 5321, 4.5.5)",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_null_sender},
	{.id = "long-line",
	 .advice = "a command line over 512 octets is blocked",
	 .kinds = X | P,
	 .severity = SEVERITY_LOW,
	 .address = check_long_line,
	 .gate = check_long_line_gate},
	{.id = "size",
	 .advice = "the size of a message is limited",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_size},
	{.id = "limits",
	 .advice = "connections are limited: all together, at once, by time; floods are met in "
		   "front of the server",
	 .kinds = P | O,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_limits_active,
	 .gate = check_limits},
	{.id = "rdns",
	 .advice = "the address has a name that leads back to it, and no generic one",
	 .kinds = D,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_rdns},
	{.id = "mx",
	 .advice = "at least two MX hosts that resolve, answer and stand in different networks",
	 .kinds = D | X,
	 .severity = SEVERITY_MEDIUM,
	 .domain = check_mx},
	{.id = "spf",
	 .advice = "an SPF record of one's own: valid, within the limits, ending in all; that of "
		   "others is obeyed",
	 .kinds = D | X,
	 .severity = SEVERITY_MEDIUM,
	 .domain = check_spf,
	 .address = check_spf_enforced},
	{.id = "dmarc",
	 .advice = "a DMARC record",
	 .kinds = D,
	 .severity = SEVERITY_MEDIUM,
	 .domain = check_dmarc},
	{.id = "dkim",
	 .advice = "a DKIM key for each selector in use",
	 .kinds = D,
	 .severity = SEVERITY_MEDIUM,
	 .domain = check_dkim},
	{.id = "mta-sts",
	 .advice = "others are told to use TLS: MTA-STS",
	 .kinds = D,
	 .severity = SEVERITY_INFO,
	 .domain = check_mta_sts},
	{.id = "tls-rpt",
	 .advice = "others report failures of TLS: TLS-RPT",
	 .kinds = D,
	 .severity = SEVERITY_INFO,
	 .domain = check_tls_rpt},
	{.id = "dane",
	 .advice = "the certificate stands in the DNS: DANE",
	 .kinds = D | X,
	 .severity = SEVERITY_MEDIUM,
	 .host = check_dane},
	{.id = "blacklisted",
	 .advice = "own addresses are on no list",
	 .kinds = D,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_blacklisted},
	{.id = "dnsbl",
	 .advice = "lists of addresses are asked about inbound mail, and answer this host",
	 .kinds = H | D | P,
	 .severity = SEVERITY_MEDIUM,
	 .local = check_dnsbl,
	 .gate = check_dnsbl_gate},
	{.id = "surbl",
	 .advice = "lists of domains are asked about inbound mail, and answer this host",
	 .kinds = H | D,
	 .severity = SEVERITY_LOW,
	 .local = check_surbl},
	{.id = "blocklist",
	 .advice = "a local blacklist is kept",
	 .kinds = P,
	 .severity = SEVERITY_INFO,
	 .gate = check_blocklist},
	{.id = "kill-file",
	 .advice = "hosts and senders are refused by name",
	 .kinds = P,
	 .severity = SEVERITY_INFO,
	 .gate = check_kill_file},
	{.id = "backscatter",
	 .advice = "bad addresses and viruses are refused, not bounced",
	 .kinds = X,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_backscatter},
	{.id = "aliases",
	 .advice = "internal aliases are closed to outsiders",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_aliases},
	{.id = "roles",
	 .advice = "postmaster and abuse can be reached",
	 .kinds = X,
	 .severity = SEVERITY_LOW,
	 .address = check_roles},
	{.id = "ports",
	 .advice = "only needed services are open; the store is hidden behind a front end",
	 .kinds = X | H,
	 .severity = SEVERITY_MEDIUM,
	 .host = check_backend,
	 .address = check_ports,
	 .local = check_ports_local},
	{.id = "patches",
	 .advice = "the server is up to date",
	 .kinds = X | H,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_patches,
	 .local = check_patches_local},
	{.id = "users",
	 .advice = "no interactive accounts, few administrators",
	 .kinds = H,
	 .severity = SEVERITY_LOW,
	 .local = check_users},
	{.id = "antivirus",
	 .advice = "a virus scanner runs, with fresh signatures",
	 .kinds = H | O,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_antivirus_active,
	 .local = check_antivirus},
	{.id = "antispam",
	 .advice = "a spam filter runs, with fresh rules",
	 .kinds = H | O,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_antispam_active,
	 .local = check_antispam},
	{.id = "attachments",
	 .advice = "executable attachments are refused",
	 .kinds = O,
	 .severity = SEVERITY_MEDIUM,
	 .address = check_attachments},
	{.id = "mailbox-quota",
	 .advice = "the size of a mailbox is limited",
	 .kinds = H | O,
	 .severity = SEVERITY_LOW,
	 .address = check_quota_imap,
	 .local = check_mailbox_quota},
	{.id = "queue",
	 .advice = "somebody watches the queue for many messages of one sender",
	 .kinds = H,
	 .severity = SEVERITY_MEDIUM,
	 .local = check_queue},
	{.id = "logging",
	 .advice = "everything is logged, with true time, off the host",
	 .kinds = H,
	 .severity = SEVERITY_LOW,
	 .local = check_logging},
	{.id = "report-abuse",
	 .advice = "the owner of an attacking network is told",
	 .kinds = P,
	 .severity = SEVERITY_INFO,
	 .gate = check_report_abuse},
	{.id = "smuggling",
	 .advice = "only CR LF . CR LF ends a message",
	 .kinds = O,
	 .severity = SEVERITY_HIGH,
	 .address = check_smuggling},
	{.id = "uri-content",
	 .advice = "links inside messages are filtered (SURBL proper)",
	 .not_checkable = "that happens inside messages, which the audit does not send; dnsbl and "
			  "surbl say which lists are configured"},
	{.id = "reply-to",
	 .advice = "rules for Reply-To",
	 .not_checkable = "they are about the contents of messages and the habits of people"},
	{.id = "vpn",
	 .advice = "people outside come in through a VPN",
	 .not_checkable = "no packet of the mail server tells how people reach their network; "
			  "auth-required says what is open to everybody"},
	{.id = "dmz",
	 .advice = "the mail host stands in a DMZ",
	 .not_checkable = "where a host stands in somebody's network cannot be seen from it; ports "
			  "says what it offers"},
	{.id = "backups",
	 .advice = "there are backups, and they have been restored once",
	 .not_checkable = "only a restored backup is one, and only its owner can try that"},
	{.id = "teaching", .advice = "users are taught", .not_checkable = "no program can see it"},
	{.id = "passwords",
	 .advice = "administrators have strong passwords",
	 .not_checkable = "trying passwords is an attack, and reading their hashes tells little"},
	{.id = "desktops",
	 .advice = "desktops have anti-virus programs of their own",
	 .not_checkable = "they are elsewhere"},
};
const unsigned check_count = sizeof(checks) / sizeof(checks[0]);

const struct check *check_find(const char *id)
{
	for (unsigned i = 0; i < check_count; i++)
		if (strcmp(checks[i].id, id) == 0)
			return &checks[i];
	return NULL;
}

static bool is_in(const struct audit_list *list, const char *id)
{
	for (unsigned i = 0; i < list->count; i++)
		if (strcmp(list->word[i], id) == 0)
			return true;
	return false;
}

/* Findings with neither host nor address are about the domain, or about this host. */
static void target_fill(const struct look *l, unsigned from, const char *target)
{
	for (unsigned i = from; i < l->out->count; i++)
		if (!l->out->row[i]->target[0])
			snprintf(l->out->row[i]->target, sizeof(l->out->row[i]->target), "%s",
				 target);
}

static void host_run(const struct look *l, const struct seen_host *h)
{
	const struct check *c = l->check;
	unsigned from = l->out->count;

	if (c->host)
		c->host(l, h);
	for (unsigned i = 0; c->address && i < h->address_count; i++)
		c->address(l, &h->address[i]);
	/* An address that was audited as such may have no name. */
	target_fill(l, from, h->name[0] ? h->name : l->request->host);
}

static void skipped(const struct look *l, const char *why)
{
	finding_say(LOOK_ADD(l, NULL, AUDIT_SKIPPED, NULL), "%s", why);
}

static bool has_address(const struct seen *s)
{
	for (unsigned i = 0; i < s->host_count; i++)
		if (s->host[i].address_count)
			return true;
	return false;
}

/* Why no function of the row said anything. */
static void nothing_said(const struct look *l)
{
	unsigned kinds = l->check->kinds;

	if (kinds & KIND_HOST && !l->seen->local && !(kinds & KIND_WIRE))
		skipped(l, "only the host itself can tell: --local");
	else if (kinds == KIND_ACTIVE)
		skipped(l, "it changes something, and is done only when asked for: --active");
	else if (l->check->domain && !l->seen->domain.name[0])
		skipped(l, "no domain was given");
	else
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_APPLICABLE, NULL),
			    has_address(l->seen) ? "there is nothing of the kind here"
						 : "there is no mail server to be asked");
}

static void check_run(const struct look *l)
{
	const struct check *c = l->check;
	const char *domain = l->request->domain[0] ? l->request->domain : l->request->host;
	unsigned from = l->out->count;

	if (c->not_checkable) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_NOT_CHECKABLE, NULL), "%s", c->not_checkable);
		target_fill(l, from, domain);
		return;
	}
	if (c->domain && l->seen->domain.name[0])
		c->domain(l);
	target_fill(l, from, domain);
	for (unsigned i = 0; i < l->seen->host_count; i++)
		host_run(l, &l->seen->host[i]);
	if (c->local && l->seen->local)
		c->local(l, l->seen->local);
	if (c->gate)
		c->gate(l, l->seen->gate);
	target_fill(l, from, "this host");
	if (l->out->count == from)
		nothing_said(l);
	target_fill(l, from, domain);
}

void checks_run(const struct seen *seen, const struct audit_request *request, struct findings *out)
{
	for (unsigned i = 0; i < check_count; i++) {
		const struct look look = {
			.check = &checks[i], .seen = seen, .request = request, .out = out};

		if (is_in(&request->skip, checks[i].id) ||
		    (request->only.count && !is_in(&request->only, checks[i].id)))
			continue;
		check_run(&look);
	}
}
