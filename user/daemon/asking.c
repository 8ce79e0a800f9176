/* SPDX-License-Identifier: BSD-2-Clause */
/* From the configuration to the settings of the DNS engine: see asking.h. */
#include "daemon/asking.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/json.h"
#include "base/when.h"

#define SHOWN_MAX 200 /* bytes of a foreign text in a sentence */

/* Where the file that ships lies, as seen from the program: installed, or beside the tree it was built in. */
static const char *const shipped[] = {
	"../share/postern/zones.conf",
	"../tools/zones.conf",
	"../../tools/zones.conf",
};

_Static_assert(CONF_RESOLVERS_MAX <= RESOLVER_SERVERS_MAX, "resolvers");

__attribute__((format(printf, 5, 6))) static int fault(const char *path, const char *key,
						       const struct conf_text *t, struct err *e,
						       const char *format, ...)
{
	char text[ERR_TEXT_MAX], shown[SHOWN_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return err_set(e, -EINVAL, "%s:%u: %s: %s",
		       text_escape(path, strlen(path), shown, sizeof(shown)), t->line, key, text);
}

/* ---- the data file ---- */

static int data_load_shipped(struct zonedata *d, struct err *e)
{
	char program[PATH_MAX], path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *slash;

	program[length < 0 ? 0 : length] = '\0';
	slash = strrchr(program, '/');
	for (size_t i = 0; slash && i < sizeof(shipped) / sizeof(shipped[0]); i++) {
		int size = snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - program), program,
				    shipped[i]);

		if (size > 0 && (size_t)size < sizeof(path) && access(path, F_OK) == 0)
			return zonedata_load(d, path, e);
	}
	return err_set(e, -ENOENT,
		       "the data on DNS lists, zones.conf, is not in ../share/postern beside the "
		       "program: install it, or name a file as dnsbl.data");
}

static int data_load(const struct conf *c, struct zonedata **out, struct err *e)
{
	int ret = zonedata_new(out, e);

	if (ret == 0 && !c->dnsbl.data_count)
		ret = data_load_shipped(*out, e);
	for (unsigned i = 0; i < c->dnsbl.data_count && ret == 0; i++)
		ret = zonedata_load(*out, c->dnsbl.data[i], e);
	return ret;
}

/* ---- parts of the settings ---- */

/* SITE_ZONES_MAX when the domain is not among the sites. */
static unsigned zone_find(const struct dns_settings *s, const char *domain)
{
	unsigned zone = 0;

	while (zone < s->sites.zone_count && strcasecmp(s->sites.zone[zone], domain) != 0)
		zone++;
	return zone < s->sites.zone_count ? zone : SITE_ZONES_MAX;
}

static int take_reply_names(const struct conf *c, const char *path, struct dns_settings *s,
			    struct err *e)
{
	static const char key[] = "dnsbl.reply_names";
	struct err cause = {0};

	for (unsigned i = 0; i < s->sites.zone_count; i++)
		memcpy(s->reply_name[i], s->sites.zone[i], sizeof(s->reply_name[i]));
	for (unsigned i = 0; i < c->dnsbl.reply_name_count; i++) {
		const struct conf_text *t = &c->dnsbl.reply_names[i];
		const char *name = strchr(t->text, '=');
		char domain[CONF_TEXT_MAX];
		unsigned zone;

		/* What is wrong in here may be a key, and is not shown. */
		if (!name)
			return fault(path, key, t, e, "a pair DOMAIN=NAME lacks its '='");
		snprintf(domain, sizeof(domain), "%.*s", (int)(name - t->text), t->text);
		if (site_domain_check(++name, &cause) < 0)
			return fault(path, key, t, e, "behind the '=', %s", cause.text);
		zone = zone_find(s, domain);
		if (zone == SITE_ZONES_MAX)
			return fault(path, key, t, e,
				     "the domain in front of '=%s' is none of dnsbl.sites", name);
		snprintf(s->reply_name[zone], sizeof(s->reply_name[zone]), "%s", name);
	}
	return 0;
}

static int take_untested(const struct conf *c, const char *path, struct dns_settings *s,
			 struct err *e)
{
	for (unsigned i = 0; i < c->dnsbl.untested_count; i++) {
		const struct conf_text *t = &c->dnsbl.untested[i];
		unsigned zone = zone_find(s, t->text);

		if (zone == SITE_ZONES_MAX)
			return fault(path, "dnsbl.untested", t, e,
				     "this domain is none of dnsbl.sites");
		s->facts[zone].untested = true;
	}
	return 0;
}

static int take_sites(const struct conf *c, const char *path, const struct zonedata *data,
		      struct dns_settings *s, struct err *e)
{
	static const char key[] = "dnsbl.sites";
	struct err cause = {0};

	for (unsigned i = 0; i < c->dnsbl.site_count; i++) {
		const struct conf_text *t = &c->dnsbl.sites[i];
		unsigned before = s->sites.zone_count;

		if (sites_add(&s->sites, t->text, &cause) < 0)
			return fault(path, key, t, e, "%s", cause.text);
		for (unsigned zone = before; zone < s->sites.zone_count; zone++) {
			const char *dead = zonedata_dead(data, s->sites.zone[zone]);

			/* A list that is gone sold no keys that are worth hiding. */
			if (dead)
				return fault(path, key, t, e, "%s must not be asked any more: %s",
					     s->sites.zone[zone], dead);
			zonedata_facts(data, s->sites.zone[zone], &s->facts[zone]);
		}
	}
	return 0;
}

static int take_resolvers(const struct conf *c, const char *path, struct resolver_server *server,
			  unsigned *count, struct err *e)
{
	struct err cause = {0};

	for (unsigned i = 0; i < c->resolver_count; i++) {
		const struct conf_text *t = &c->resolvers[i];

		if (resolver_server_parse(t->text, &server[(*count)++], &cause) < 0)
			return fault(path, "resolver", t, e, "%s", cause.text);
	}
	return 0;
}

/* Only a command asks it, but a fault is one of the whole configuration. */
static int check_abuse_contacts(const struct conf *c, const char *path, struct err *e)
{
	char shown[SHOWN_MAX];
	struct err cause = {0};

	if (!c->dnsbl.abuse_contacts[0] || site_domain_check(c->dnsbl.abuse_contacts, &cause) == 0)
		return 0;
	return err_set(e, -EINVAL, "%s: dnsbl.abuse_contacts: %s",
		       text_escape(path, strlen(path), shown, sizeof(shown)), cause.text);
}

/* They are asked about by another process, but a fault is one of the whole configuration. */
static int check_providers(const struct conf *c, const char *path, struct err *e)
{
	static const char key[] = "trust_spf";
	struct err cause = {0};

	for (unsigned i = 0; i < c->trust_spf_count; i++) {
		const struct conf_text *t = &c->trust_spf[i];

		if (strlen(t->text) >= NAME_TEXT_MAX || site_domain_check(t->text, &cause) < 0)
			return fault(path, key, t, e, "%s",
				     cause.text[0] ? cause.text : "the name is too long");
		for (unsigned k = 0; k < i; k++)
			if (strcasecmp(c->trust_spf[k].text, t->text) == 0)
				return fault(path, key, t, e, "%s stands there twice", t->text);
	}
	return 0;
}

unsigned asking_timeout_ms(const struct conf *c)
{
	return (unsigned)c->dnsbl.timeout_s * MS_PER_S;
}

static void take_numbers(const struct conf *c, struct dns_settings *s)
{
	s->threshold = c->dnsbl.threshold;
	s->ask_nonglobal = c->dnsbl.ask_nonglobal;
	s->timeout_ms = asking_timeout_ms(c);
	s->listed_ttl = (struct ttl_clamp){(uint32_t)c->dnsbl.listed_min_ttl_s,
					   (uint32_t)c->dnsbl.listed_max_ttl_s};
	s->clean_ttl = (struct ttl_clamp){(uint32_t)c->dnsbl.clean_min_ttl_s,
					  (uint32_t)c->dnsbl.clean_max_ttl_s};
	s->probe_every_s = (uint32_t)c->dnsbl.probe_every_s;
	s->budget_per_s = c->dnsbl.budget_per_s;
	s->budget_per_day = c->dnsbl.budget_per_day;
	s->unproven_per_s = c->dnsbl.unproven_per_s;
	s->rdns.none = c->rdns.none;
	s->rdns.mismatch = c->rdns.mismatch;
	s->rdns.generic = c->rdns.generic;
	s->rdns.alone = c->rdns.alone;
}

static int check_ttls(const struct conf *c, const char *path, struct err *e)
{
	char shown[SHOWN_MAX];

	if (c->dnsbl.listed_min_ttl_s <= c->dnsbl.listed_max_ttl_s &&
	    c->dnsbl.clean_min_ttl_s <= c->dnsbl.clean_max_ttl_s)
		return 0;
	return err_set(e, -EINVAL, "%s: dnsbl: a min_ttl is longer than its max_ttl",
		       text_escape(path, strlen(path), shown, sizeof(shown)));
}

int asking_settings(const struct conf *c, const char *path, struct dns_settings **out,
		    struct zonedata **data, struct err *e)
{
	struct dns_settings *s = calloc(1, sizeof(*s));
	struct zonedata *known = NULL;
	int ret;

	if (!s)
		return err_set(e, -ENOMEM, "no memory for the settings of the DNS");
	take_numbers(c, s);
	ret = data_load(c, &known, e);
	/* Who asks nobody needs no data. */
	if (ret == -ENOENT && !c->dnsbl.site_count && !c->dnsbl.data_count)
		ret = 0;
	if (ret == 0)
		ret = check_ttls(c, path, e);
	if (ret == 0)
		ret = check_abuse_contacts(c, path, e);
	if (ret == 0)
		ret = check_providers(c, path, e);
	if (ret == 0)
		ret = take_resolvers(c, path, s->server, &s->server_count, e);
	if (ret == 0)
		ret = take_sites(c, path, known, s, e);
	if (ret == 0)
		ret = take_reply_names(c, path, s, e);
	if (ret == 0)
		ret = take_untested(c, path, s, e);
	if (ret == 0 && data) {
		*data = known;
		known = NULL;
	}
	zonedata_free(known);
	if (ret == 0)
		*out = s;
	else
		free(s);
	return ret;
}

/* Those of /etc/resolv.conf. */
static int servers_find(struct resolver_server server[static RESOLVER_SERVERS_MAX], unsigned *count,
			unsigned timeout_ms, struct err *e)
{
	struct resolver *r = NULL;
	struct loop *loop = NULL;
	int ret = loop_new(&loop);

	if (ret < 0)
		return err_set(e, ret, "cannot make an event loop: %s", strerror(-ret));
	ret = resolver_open(&r, loop, NULL, 0, timeout_ms, e);
	if (ret == 0)
		*count = resolver_servers(r, server);
	resolver_close(r);
	loop_free(loop);
	return ret;
}

int asking_servers_fill(struct dns_settings *s, struct err *e)
{
	return s->server_count ? 0 : servers_find(s->server, &s->server_count, s->timeout_ms, e);
}

int asking_servers(const struct conf *c, const char *path,
		   struct resolver_server out[static RESOLVER_SERVERS_MAX], unsigned *count,
		   struct err *e)
{
	int ret;

	*count = 0;
	ret = take_resolvers(c, path, out, count, e);
	return ret || *count ? ret : servers_find(out, count, asking_timeout_ms(c), e);
}

int asking_audit_sites(struct dns_settings *s, const struct zonedata *data, struct err *e)
{
	int ret = data ? zonedata_audit_sites(data, &s->sites, e) : 0;

	for (unsigned i = 0; i < s->sites.zone_count && ret == 0; i++) {
		memcpy(s->reply_name[i], s->sites.zone[i], sizeof(s->reply_name[i]));
		zonedata_facts(data, s->sites.zone[i], &s->facts[i]);
	}
	return ret;
}

bool asking_can_list(const struct dns_settings *s)
{
	int64_t named = (int64_t)s->rdns.mismatch + s->rdns.generic, low, high;
	int64_t most = named > s->rdns.none ? named : s->rdns.none;

	for (unsigned i = 0; i < s->sites.zone_count; i++) {
		site_bounds(&s->sites, i, &low, &high);
		most += high;
	}
	return most >= s->threshold;
}
