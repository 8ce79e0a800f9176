/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DNS says of addresses and of the hosts that take a domain's mail. An answer that did not come is inconclusive: nobody is
 * accused of what could not be found out.
 */
#include <string.h>
#include <strings.h>

#include "audit/check.h"
#include "base/json.h"
#include "base/words.h"
#include "dns/global.h"

#define NETWORK4_BITS (ADDR_V4_LEAD_BITS + 24) /* what one router or one cut cable takes with it */
#define NETWORK6_BITS 48

/* ---- reverse DNS ---- */

/* What the server calls itself: the first word of its greeting (RFC 5321, 4.2). false: none was seen. */
static bool greeting_name(const struct seen_address *a, char *out, size_t size)
{
	const struct exchange *x = seen_exchange(a, PURPOSE_HELLO, WHAT_GREETING);
	const char *line = NULL;
	size_t length = 0, word;

	if (x && x->response.kind == RESPONSE_POSITIVE)
		line = response_line(&x->response, 0, &length);
	if (!line)
		return false;
	/* "220-name" of a longer greeting leaves nothing in front; "*****" is no name. */
	for (word = 0; word < length && line[word] > ' ' && line[word] < 0x7f; word++)
		;
	word -= word && line[word - 1] == '.';
	if (!word || word >= NAME_TEXT_MAX || !memchr(line, '.', word))
		return false;
	text_escape(line, word, out, size);
	return true;
}

static void rdns_greeting(const struct look *l, const struct seen_address *a)
{
	char name[NAME_TEXT_MAX];
	struct finding *f;

	if (!greeting_name(a, name, sizeof(name)))
		return;
	if (strcasecmp(name, a->rdns_host) == 0) {
		f = LOOK_ADD(l, "greeting", AUDIT_PASS, a);
		finding_say(f, "the server greets by the name that its address has: %s", name);
		finding_prove_exchange(f, seen_exchange(a, PURPOSE_HELLO, WHAT_GREETING));
		return;
	}
	f = LOOK_ADD(l, "greeting", AUDIT_WARN, a);
	f->severity = SEVERITY_LOW;
	finding_say(f, "the server greets as %s, but its address is called %s", name, a->rdns_host);
	finding_prove_exchange(f, seen_exchange(a, PURPOSE_HELLO, WHAT_GREETING));
}

static void rdns_prove(struct finding *f, const struct seen_address *a, const char *addr)
{
	char reverse[NAME_TEXT_MAX];

	finding_prove(f, "%s. PTR %s.", name_of_reverse(&a->addr, reverse), a->rdns_host);
	finding_prove(f, "%s. %s %s", a->rdns_host, addr_is_v4(&a->addr) ? "A" : "AAAA", addr);
}

static void rdns_publish(struct finding *f, const struct seen_address *a)
{
	char reverse[NAME_TEXT_MAX];

	finding_prove(f, "publish: %s. PTR %s.", name_of_reverse(&a->addr, reverse),
		      a->host && a->host->name[0] ? a->host->name : "the.server's.own.name");
	finding_prove(f, "whoever gave you the address publishes it for you");
}

static void rdns_pass(const struct look *l, const struct seen_address *a, const char *addr)
{
	const char *host = a->host ? a->host->name : "";
	bool is_other = host[0] && strcasecmp(host, a->rdns_host) != 0;
	struct finding *f;

	if (a->rdns_generic) {
		f = LOOK_ADD(l, "generic", AUDIT_WARN, a);
		finding_say(f,
			    "%s is called %s, as providers call whole ranges: many take it for a "
			    "dial-up address",
			    addr, a->rdns_host);
		rdns_publish(f, a);
	} else {
		f = LOOK_ADD(l, NULL, AUDIT_PASS, a);
		finding_say(f, "the address is called %s, and that name leads back to it%s%s%s",
			    a->rdns_host, is_other ? " (the host is audited as " : "",
			    is_other ? host : "", is_other ? ")" : "");
		rdns_prove(f, a, addr);
	}
	rdns_greeting(l, a);
}

CHECK_ADDRESS(check_rdns)
{
	char addr[ADDR_TEXT_MAX];
	struct finding *f;

	if ((a->host && a->host->is_backend) || a->rdns == RDNS_NOT_ASKED)
		return;
	addr_format(&a->addr, addr);
	switch (a->rdns) {
	case RDNS_PASS:
		rdns_pass(l, a, addr);
		break;
	case RDNS_PERMERROR:
		f = LOOK_ADD(l, "none", AUDIT_FAIL, a);
		finding_say(f, "%s has no name in the DNS: many servers refuse mail from it", addr);
		rdns_publish(f, a);
		break;
	case RDNS_FAIL:
		f = LOOK_ADD(l, "mismatch", AUDIT_FAIL, a);
		finding_say(f, "%s is called %s, but that name does not lead back to it", addr,
			    a->rdns_host);
		finding_prove(f, "publish: %s. %s %s", a->rdns_host,
			      addr_is_v4(&a->addr) ? "A" : "AAAA", addr);
		break;
	default:
		f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, a);
		finding_say(f, "the name of %s could not be found out: no answer came", addr);
	}
}

/* ---- MX: each host ---- */

/* Which of the hosts are of the domain's mail. */
static bool is_of_mx(const struct seen_host *h)
{
	return h->is_mx && !h->is_backend;
}

static void mx_unresolved(const struct look *l, const struct seen_host *h)
{
	bool is_none = h->a == ANSWER_NONE && h->aaaa == ANSWER_NONE;
	struct finding *f = LOOK_ADD(l, is_none ? "dangling" : "unresolved",
				     is_none ? AUDIT_FAIL : AUDIT_INCONCLUSIVE, NULL);
	struct addr a;

	if (!is_none)
		finding_say(f, "the address of the MX host %s could not be found out", h->name);
	else if (addr_parse(h->name, &a, NULL) == 0)
		finding_say(f, "the MX record names an address, %s, where a name must stand",
			    h->name);
	else
		finding_say(f, "the MX host %s has no address: mail for it goes nowhere", h->name);
	finding_prove(f, "%s. MX %u %s.", l->seen->domain.name, h->preference, h->name);
	if (is_none)
		finding_prove(f, "publish: %s. A (the address of the mail server)", h->name);
}

static void mx_silent(const struct look *l, const struct seen_host *h, const struct seen_address *a)
{
	const struct visit_log *v = seen_visit(a, PURPOSE_HELLO);
	char addr[ADDR_TEXT_MAX];
	struct finding *f;
	bool is_ours;

	if (!v || (a->is_answering && v->end != VISIT_TURNED_AWAY))
		return;
	/* At the door, which may be about our address and not about its mail. */
	if (a->is_answering) {
		f = LOOK_ADD(l, "silent", AUDIT_INCONCLUSIVE, a);
		finding_say(f, "the MX host %s turns us away at %s: %s", h->name,
			    addr_format(&a->addr, addr), v->why);
		return;
	}
	/* Without a route of that family here nothing is known of there. */
	is_ours = v->end == VISIT_UNREACHABLE || v->end == VISIT_FAILED;
	f = LOOK_ADD(l, "silent", is_ours ? AUDIT_INCONCLUSIVE : AUDIT_FAIL, a);
	finding_say(f, "%s %s %s at %s: %s",
		    h->is_mx && l->seen->domain.implicit_mx ? "the host" : "the MX host", h->name,
		    is_ours ? "could not be reached" : "does not take mail",
		    addr_format(&a->addr, addr), v->why[0] ? v->why : visit_end_name(v->end));
}

static void mx_host(const struct look *l, const struct seen_host *h)
{
	char addr[ADDR_TEXT_MAX];
	struct finding *f;

	if (!h->address_count)
		mx_unresolved(l, h);
	if (h->is_alias) {
		f = LOOK_ADD(l, "alias", AUDIT_WARN, NULL);
		finding_say(f, "the MX host %s is an alias (CNAME), which it must not be", h->name);
		finding_prove(f, "RFC 5321, 5.1 and RFC 2181, 10.3: let the MX record name what "
				 "the alias leads to");
	}
	for (unsigned i = 0; i < h->address_count; i++) {
		const char *kind = global_unreachable(&h->address[i].addr);

		if (kind) {
			f = LOOK_ADD(l, "private", AUDIT_FAIL, &h->address[i]);
			finding_say(f, "the MX host %s has %s, %s: nobody outside can reach it",
				    h->name, addr_format(&h->address[i].addr, addr), kind);
		}
		mx_silent(l, h, &h->address[i]);
	}
}

/* ---- MX: all of them ---- */

static bool has_address(const struct seen_host *h, const struct addr *a)
{
	for (unsigned i = 0; i < h->address_count; i++)
		if (addr_equal(&h->address[i].addr, a))
			return true;
	return false;
}

static bool mx_one_address(const struct look *l, const struct seen_host *h,
			   const struct seen_host *other)
{
	char addr[ADDR_TEXT_MAX];
	struct finding *f;

	for (unsigned i = 0; i < h->address_count; i++) {
		if (!has_address(other, &h->address[i].addr))
			continue;
		f = LOOK_ADD(l, "same-address", AUDIT_FAIL, NULL);
		finding_say(f, "the MX hosts %s and %s are one: both have the address %s", h->name,
			    other->name, addr_format(&h->address[i].addr, addr));
		return true;
	}
	return false;
}

static bool mx_shared(const struct look *l)
{
	const struct seen *s = l->seen;
	bool is_shared = false;

	for (unsigned i = 0; i < s->host_count; i++)
		for (unsigned k = i + 1; k < s->host_count; k++)
			if (is_of_mx(&s->host[i]) && is_of_mx(&s->host[k]))
				is_shared |= mx_one_address(l, &s->host[i], &s->host[k]);
	return is_shared;
}

/* Are all addresses, of each family apart, in one network? */
static bool is_one_network(const struct seen *s)
{
	const struct addr *first[2] = {NULL, NULL};

	for (unsigned i = 0; i < s->host_count; i++)
		for (unsigned k = 0; is_of_mx(&s->host[i]) && k < s->host[i].address_count; k++) {
			const struct addr *a = &s->host[i].address[k].addr;
			bool v4 = addr_is_v4(a);
			struct prefix network;

			if (!first[v4]) {
				first[v4] = a;
				continue;
			}
			network = prefix_of(first[v4], v4 ? NETWORK4_BITS : NETWORK6_BITS);
			if (!prefix_has(&network, a))
				return false;
		}
	return first[0] || first[1];
}

/* Hosts that have an address at all. */
static unsigned mx_hosts(const struct seen *s)
{
	unsigned count = 0;

	for (unsigned i = 0; i < s->host_count; i++)
		count += is_of_mx(&s->host[i]) && s->host[i].address_count;
	return count;
}

static void mx_single(const struct look *l)
{
	const struct seen_domain *d = &l->seen->domain;
	struct finding *f = LOOK_ADD(l, "single", AUDIT_WARN, NULL);

	finding_say(
		f, "a single MX host takes all mail for %s: when it is gone, mail waits or is lost",
		d->name);
	finding_prove(f, "publish: %s. MX 20 mx2.%s. (a second host, in another network)", d->name,
		      d->name);
}

static void mx_set(const struct look *l)
{
	const struct seen *s = l->seen;
	unsigned hosts = mx_hosts(s);
	struct finding *f;

	/* With one host chosen by hand the others are not looked at. */
	if (l->request->host[0]) {
		if (s->domain.mx_count == 1)
			mx_single(l);
		return;
	}
	/* The domain itself in the place of an MX host is one by nature, and said. */
	if (hosts == 1 && !s->domain.implicit_mx)
		mx_single(l);
	else if (hosts > 1 && !mx_shared(l) && is_one_network(s)) {
		f = LOOK_ADD(l, "network", AUDIT_WARN, NULL);
		f->severity = SEVERITY_LOW;
		finding_say(
			f,
			"all MX hosts of %s stand in one network: what takes it away takes them "
			"all",
			s->domain.name);
	}
}

/* There is no MX record. */
static bool mx_none(const struct look *l)
{
	const struct seen_domain *d = &l->seen->domain;
	const struct seen_host *h = l->seen->host_count ? &l->seen->host[0] : NULL;
	struct finding *f;

	if (d->implicit_mx) {
		f = LOOK_ADD(l, "implicit", AUDIT_WARN, NULL);
		finding_say(f, "%s has no MX record: mail goes to the address of the name itself",
			    d->name);
	} else if (h && (h->a > ANSWER_NONE || h->aaaa > ANSWER_NONE)) {
		f = LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL);
		finding_say(f, "%s has no MX record, and its address could not be found out",
			    d->name);
		return false;
	} else {
		f = LOOK_ADD(l, "none", AUDIT_FAIL, NULL);
		finding_say(f,
			    "%s has neither an MX record nor an address: mail to it bounces (if "
			    "the name is right)",
			    d->name);
	}
	finding_prove(f, "publish: %s. MX 10 mail.%s.", d->name, d->name);
	return d->implicit_mx;
}

static bool is_none_found(const struct findings *out, unsigned from)
{
	for (unsigned i = from; i < out->count; i++)
		if (out->row[i]->status != AUDIT_PASS)
			return false;
	return true;
}

/* Each host with its addresses, and which of them answer. */
static void mx_pass(const struct look *l)
{
	const struct seen *s = l->seen;
	struct finding *f = LOOK_ADD(l, NULL, AUDIT_PASS, NULL);
	unsigned answering = 0, all = 0;
	char addr[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < s->host_count; i++)
		for (unsigned k = 0; is_of_mx(&s->host[i]) && k < s->host[i].address_count; k++) {
			const struct seen_address *a = &s->host[i].address[k];

			all++;
			answering += a->is_answering;
			finding_prove(f, "MX %u %s, %s%s", s->host[i].preference, s->host[i].name,
				      addr_format(&a->addr, addr),
				      a->is_answering ? " answers" : "");
		}
	finding_say(f, "%s has %u MX record%s, and nothing is wrong with %s%s", s->domain.name,
		    s->domain.mx_count, plural(s->domain.mx_count),
		    s->domain.mx_count == 1 ? "it" : "them",
		    all && answering == all ? ": all hosts answer" : "");
}

CHECK_DOMAIN(check_mx)
{
	const struct seen *s = l->seen;
	const struct seen_domain *d = &s->domain;
	unsigned from = l->out->count;
	struct finding *f;

	if (d->mx > ANSWER_NONE) {
		finding_say(LOOK_ADD(l, NULL, AUDIT_INCONCLUSIVE, NULL),
			    "the MX records of %s could not be found out: no answer came", d->name);
		return;
	}
	if (d->null_mx) {
		f = LOOK_ADD(l, NULL, AUDIT_PASS, NULL);
		finding_say(f, "%s says by a null MX that it takes no mail", d->name);
		finding_prove(f, "%s. MX 0 . (RFC 7505)", d->name);
		return;
	}
	if (d->mx == ANSWER_NONE && !l->request->host[0] && !mx_none(l))
		return;
	if (d->is_mixed_null)
		finding_say(
			LOOK_ADD(l, "null", AUDIT_FAIL, NULL),
			"%s has a null MX beside others, where it must stand alone (RFC 7505, 3)",
			d->name);
	for (unsigned i = 0; i < s->host_count; i++)
		if (is_of_mx(&s->host[i]) && (d->mx == ANSWER_FOUND || d->implicit_mx))
			mx_host(l, &s->host[i]);
	mx_set(l);
	if (!is_none_found(l->out, from))
		return;
	if (l->request->host[0])
		finding_say(LOOK_ADD(l, NULL, AUDIT_SKIPPED, NULL),
			    "with --host the %u MX hosts of %s are not looked at", d->mx_count,
			    d->name);
	else
		mx_pass(l);
}

/* ---- lists ---- */

static void listed(const struct look *l, const struct seen_address *a,
		   const struct seen_listing *listing)
{
	struct finding *f = LOOK_ADD(l, listing->zone, AUDIT_FAIL, a);
	char addr[ADDR_TEXT_MAX];

	finding_say(f, "%s is listed by %s", addr_format(&a->addr, addr), listing->zone);
	finding_prove(f, "%s answers %s", listing->zone, listing->codes);
	if (listing->text[0])
		finding_prove(f, "its reason: %s", listing->text);
	if (listing->removal[0])
		finding_prove(f, "its page for those who are listed: %s", listing->removal);
}

/* Counts those that say no, and tells those that say nothing as one finding. */
static unsigned lists_failed(const struct look *l, const struct seen_address *a)
{
	struct finding *f = NULL;
	unsigned clean = 0;

	for (unsigned i = 0; i < a->listing_count; i++) {
		const struct seen_listing *listing = &a->listing[i];

		clean += listing->outcome == OUTCOME_CLEAN;
		if (!outcome_is_failure(listing->outcome))
			continue;
		if (!f)
			f = LOOK_ADD(l, "unknown", AUDIT_INCONCLUSIVE, a);
		finding_prove(f, "%s: %s", listing->zone,
			      listing->why[0] ? listing->why : outcome_sentence(listing->outcome));
	}
	if (f)
		finding_say(f, "%u of %u lists did not say whether they list the address",
			    f->evidence_count, a->listing_count);
	return clean;
}

CHECK_ADDRESS(check_blacklisted)
{
	const char *special = global_refuse(&a->addr);
	char addr[ADDR_TEXT_MAX];
	unsigned hits = 0, clean;
	struct finding *f;

	if (a->host && a->host->is_backend)
		return;
	addr_format(&a->addr, addr);
	if (!a->listing_count) {
		f = LOOK_ADD(l, NULL, special ? AUDIT_NOT_APPLICABLE : AUDIT_SKIPPED, a);
		if (special)
			finding_say(f, "it is %s, which no list knows", special);
		else
			finding_say(f, "no list was asked about %s", addr);
		return;
	}
	for (unsigned i = 0; i < a->listing_count; i++)
		if (a->listing[i].outcome == OUTCOME_LISTED) {
			listed(l, a, &a->listing[i]);
			hits++;
		}
	clean = lists_failed(l, a);
	if (hits || !clean)
		return;
	f = LOOK_ADD(l, NULL, AUDIT_PASS, a);
	finding_say(f, "%s is on none of the lists that answered: %u", addr, clean);
	for (unsigned i = 0; i < a->listing_count; i++)
		if (a->listing[i].outcome == OUTCOME_CLEAN)
			finding_prove(f, "%s does not list it", a->listing[i].zone);
}
