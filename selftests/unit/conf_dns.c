/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration of the DNS side: its keys, and what becomes of them; each fault with its file and line. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "daemon/asking.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char data_text[] = "dead gone.example it went in 2020\n"
				"error dq.example 127.0.0.255 over the quota\n"
				"wide dq.example\n";

/* A file with this text; its name is at path afterwards. */
static bool write_file(char path[static TAP_TEMP_MAX], const char *text)
{
	int fd = tap_temp_file(path, "conf-dns");
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
		    fchmod(fd, 0600) == 0;

	close(fd);
	return done;
}

/* Read a configuration and make settings of it. The file is called FILE in *e. */
static int settings_of(const char *text, struct dns_settings **out, struct err *e)
{
	char path[TAP_TEMP_MAX] = "", data[TAP_TEMP_MAX] = "";
	static struct conf c;
	int ret = -EIO;

	if (EXPECT(write_file(path, text) && write_file(data, data_text), "files")) {
		ret = conf_read(path, &c, e);
		/* The rows speak of the data file without knowing its name. */
		if (ret == 0 && !c.dnsbl.data_count) {
			snprintf(c.dnsbl.data[0], sizeof(c.dnsbl.data[0]), "%s", data);
			c.dnsbl.data_count = 1;
		}
		if (ret == 0)
			ret = asking_settings(&c, "FILE", out, NULL, e);
	}
	unlink(path);
	unlink(data);
	return ret;
}

TEST(conf_dns_defaults_ask_nobody)
{
	static struct conf c;

	conf_defaults(&c);
	EXPECT(!c.dnsbl.site_count && !c.resolver_count && c.dnsbl.threshold == 3 &&
		       !c.dnsbl.ask_nonglobal && c.dnsbl.timeout_s == 5,
	       "sites, resolver, threshold");
	EXPECT(c.dnsbl.listed_min_ttl_s == 60 && c.dnsbl.listed_max_ttl_s == 3600 &&
		       c.dnsbl.clean_min_ttl_s == 60 && c.dnsbl.clean_max_ttl_s == 3600,
	       "lifetimes");
	EXPECT(c.dnsbl.budget_per_s == 500 && c.dnsbl.budget_per_day == 250000, "budgets");
	EXPECT(!c.rdns.none && !c.rdns.mismatch && !c.rdns.generic && !c.rdns.alone, "rdns");
}

TEST(conf_dns_reaches_the_engine)
{
	static const char text[] =
		"resolver = [\"127.0.0.1:5353\", \"::1\"];\n"
		"dnsbl: { threshold = 5; timeout = \"2s\"; ask_nonglobal = true;\n"
		" sites = [\"key.dq.example=127.0.0.[2..11]*3, b.example*2\",\n"
		"  \"b.example*2\", \"wl.example*-2\"];\n"
		" reply_names = [\"KEY.dq.example=dq.example\"]; untested = [\"b.example\"];\n"
		" listed_min_ttl = \"5m\"; listed_max_ttl = \"2h\"; clean_min_ttl = \"1m\";\n"
		" clean_max_ttl = \"10m\"; budget_per_s = 10; budget_per_day = 100; probe_every = "
		"\"1m\"; };\n"
		"rdns: { none = 1; mismatch = 2; generic = 3; alone = true; };\n";
	struct dns_settings *s = NULL;
	struct err e = {0};

	ENSURE(settings_of(text, &s, &e) == 0, "%s", e.text);
	if (!s)
		return;
	EXPECT(s->server_count == 2 && s->server[0].port == 5353 && s->server[1].port == 53,
	       "resolvers");
	EXPECT(s->threshold == 5 && s->timeout_ms == 2000 && s->ask_nonglobal, "numbers");
	EXPECT(s->sites.zone_count == 3 && s->sites.entry_count == 4, "%u zones, %u entries",
	       s->sites.zone_count, s->sites.entry_count);
	EXPECT(!strcmp(s->reply_name[0], "dq.example") && !strcmp(s->reply_name[1], "b.example"),
	       "%s", s->reply_name[0]);
	EXPECT(s->facts[0].wide && s->facts[0].errors.count == 1 && !s->facts[1].wide,
	       "what the data file says of the zone with a key");
	EXPECT(s->facts[1].untested && !s->facts[0].untested, "untested");
	EXPECT(s->listed_ttl.least_s == 300 && s->listed_ttl.most_s == 7200 &&
		       s->clean_ttl.most_s == 600 && s->budget_per_day == 100,
	       "lifetimes, budgets");
	EXPECT(s->probe_every_s == 60, "probes");
	EXPECT(s->rdns.none == 1 && s->rdns.mismatch == 2 && s->rdns.generic == 3 && s->rdns.alone,
	       "rdns");
	EXPECT(asking_can_list(s), "3 + 2 + 2 reach 5");
	s->threshold = 13;
	EXPECT(!asking_can_list(s), "with 5 by names they do not reach 13");
	free(s);
}

static const struct {
	const char *sentence, *text, *told;
} faults[] = {
	{"a dead zone", "dnsbl: { sites = [\"a.example\",\n\n\"bl.gone.example*2\"]; };",
	 "FILE:3: dnsbl.sites: bl.gone.example must not be asked any more: it went in 2020"},
	{"a bad weight", "\ndnsbl: { sites = [\"a.example*x\"]; };",
	 "FILE:2: dnsbl.sites: the weight 'x'"},
	{"a bad filter", "dnsbl: { sites = [\n\"a.example=1.2.[3.4]\"]; };",
	 "FILE:2: dnsbl.sites: the filter"},
	{"the second of one text", "dnsbl: { sites = [\"a.example b..example\"]; };",
	 "FILE:1: dnsbl.sites: entry 2: the domain"},
	{"a resolver by name", "resolver = [\"ns.example\"];", "FILE:1: resolver: 'ns.example'"},
	{"a resolver that is no list", "resolver = \"127.0.0.1\";", "such as [\"127.0.0.1:53\"]"},
	{"a reply name without '='", "dnsbl: { sites = [\"a.example\"];\nreply_names = [\"x\"]; };",
	 "FILE:2: dnsbl.reply_names: a pair"},
	{"one of no zone",
	 "dnsbl: { sites = [\"a.example\"];\nreply_names = [\"b.example=c.example\"]; };",
	 "FILE:2: dnsbl.reply_names: the domain in front of '=c.example' is none"},
	{"one that no name may be",
	 "dnsbl: { sites = [\"a.example\"];\nreply_names = [\"a.example=-c.example\"]; };",
	 "FILE:2: dnsbl.reply_names: behind the '='"},
	{"untested of no zone", "dnsbl: { sites = [\"a.example\"]; untested = [\"b.example\"]; };",
	 "FILE:1: dnsbl.untested"},
	{"lifetimes that cross", "dnsbl: { listed_min_ttl = \"2h\"; };", "min_ttl is longer"},
	{"an empty site", "dnsbl: { sites = [\" ,\"]; };", "dnsbl.sites"},
	{"a threshold of zero", "dnsbl: { threshold = 0; };", "from 1"},
	{"a typing error", "dnsbl: { treshold = 1; };", "did you mean 'dnsbl.threshold'"},
	{"a data file that is missing", "dnsbl: { data = [\"/nonexistent/z\"]; };",
	 "/nonexistent/z"},
};

TEST(conf_dns_faults_have_a_place)
{
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct dns_settings *s = NULL;
		struct err e = {0};

		EXPECT(settings_of(faults[i].text, &s, &e) < 0, "%s was taken", faults[i].sentence);
		EXPECT(strstr(e.text, faults[i].told), "%s: %s", faults[i].sentence, e.text);
		free(s);
	}
}

TEST(conf_dns_faults_show_no_key)
{
	static const char *const texts[] = {
		"dnsbl: { sites = [\"s3cret.example\"]; reply_names = [\"s3cret.b=a.b\"]; };",
		"dnsbl: { sites = [\"s3cret.example\"]; reply_names = [\"s3cret.example\"]; };",
		"dnsbl: { sites = [\"s3cret.example*\"]; };",
		"dnsbl: { sites = [\"s3cret.example\"]; untested = [\"s3cret\"]; };",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct dns_settings *s = NULL;
		struct err e = {0};

		EXPECT(settings_of(texts[i], &s, &e) < 0 && !strstr(e.text, "s3cret"), "%s",
		       e.text);
		free(s);
	}
}

/* The file that ships is read by the reader that will read it. */
TEST(conf_dns_the_file_that_ships_is_sound)
{
	struct zonedata *d = NULL;
	static struct sites sites;
	struct zone_facts f;
	struct err e = {0};
	char path[4096] = "";
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	char *slash;

	/* BUILD/selftests/unit/NAME; BUILD is build or build/KIND. */
	ENSURE(length > 0, "readlink");
	ENSURE(zonedata_new(&d, &e) == 0, "new");
	do {
		slash = strrchr(path, '/');
		ENSURE(slash && slash != path, "tools/zones.conf is nowhere above the program");
		strcpy(slash, "/tools/zones.conf");
		if (access(path, R_OK) == 0)
			break;
		*slash = '\0';
	} while (true);
	ENSURE(zonedata_load(d, path, &e) == 0, "%s", e.text);
	EXPECT(zonedata_dead(d, "dnsbl.sorbs.net") && zonedata_dead(d, "ix.dnsbl.manitu.net") &&
		       !zonedata_dead(d, "zen.spamhaus.org") && !zonedata_dead(d, "bl.spamcop.net"),
	       "dead ones and living ones");
	zonedata_facts(d, "key.zen.dq.spamhaus.net", &f);
	EXPECT(f.policy_count == 1 && f.wide, "a zone with a key");
	zonedata_facts(d, "zen.spamhaus.org", &f);
	EXPECT(f.policy_count == 1 && f.wide && f.day_limit == 300000, "the free one");
	EXPECT(zonedata_audit_sites(d, &sites, &e) == 0 && sites.zone_count >= 4, "%u lists: %s",
	       sites.zone_count, e.text);
	for (unsigned i = 0; i < sites.zone_count; i++)
		EXPECT(zonedata_removal(d, sites.zone[i]),
		       "who is listed by %s is told where to go", sites.zone[i]);
	zonedata_free(d);
}

TEST(conf_dns_servers_are_had_without_the_lists)
{
	struct resolver_server server[RESOLVER_SERVERS_MAX];
	static struct conf c;
	struct err e = {0};
	unsigned count = 7;

	conf_defaults(&c);
	c.dnsbl.timeout_s = 2;
	/* A fault of the lists, which is not looked at. */
	snprintf(c.dnsbl.sites[c.dnsbl.site_count++].text, sizeof(c.dnsbl.sites[0].text), "*");
	snprintf(c.resolvers[c.resolver_count++].text, sizeof(c.resolvers[0].text), "192.0.2.53");
	snprintf(c.resolvers[c.resolver_count++].text, sizeof(c.resolvers[0].text), "[::1]:5353");
	EXPECT(asking_servers(&c, "FILE", server, &count, &e) == 0 && count == 2, "%s", e.text);
	EXPECT(addr_is_v4(&server[0].addr) && server[1].port == 5353, "in their order");
	EXPECT(asking_timeout_ms(&c) == 2000, "%u", asking_timeout_ms(&c));
	c.resolvers[1] = (struct conf_text){.text = "localhost", .line = 3};
	EXPECT(asking_servers(&c, "FILE", server, &count, &e) == -EINVAL &&
		       strstr(e.text, "FILE:3: resolver: "),
	       "%s", e.text);
}
