/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Postfix is configured to do at port 25, as rows. Where postscreen does not stand there, what is said to it is without effect, and
 * is left with that reason. Names of sections are those of postconf(5).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/when.h"
#include "cli/import.h"

#define THRESHOLD_ALONE 1 /* where no postscreen has one: any list of smtpd is enough */
#define NOTE_MAX	IMPORT_WHY_MAX
#define RATE_MAX	64
#define MYNETWORKS	"mynetworks"
#define NETWORKS_MAX	1024 /* of mynetworks that are looked through for each exception */

struct convert {
	const struct import_source *source;
	struct postfix postfix;
	struct import_rows *rows;
	unsigned threshold;
	bool asks; /* postscreen asks lists */
};

static bool get(const struct convert *c, enum postfix_who who, const char *name,
		struct postfix_value *out)
{
	return postfix_get(&c->postfix, who, name, out) && *out->text;
}

/* Of Postfix 3.6 and later, or of those before. */
static bool get_either(const struct convert *c, const char *name, const char *old,
		       struct postfix_value *out)
{
	return get(c, POSTFIX_SCREEN, name, out) || get(c, POSTFIX_SCREEN, old, out);
}

static bool is_yes(const char *text)
{
	return strcmp(text, "yes") == 0;
}

/* ---- whom never to block ---- */

/* "192.0.2.0/24", "[2001:db8::]/32": without the brackets (postconf(5), mynetworks). */
static void brackets_cut(char *word)
{
	char *to = word;

	for (const char *from = word; *from; from++)
		if (*from != '[' && *from != ']')
			*to++ = *from;
	*to = '\0';
}

static bool is_loopback(const struct prefix *p)
{
	struct addr one = {.byte = {[15] = 1}};

	if (prefix_is_v4(p))
		return p->addr.byte[12] == 127 && p->bits >= ADDR_V4_LEAD_BITS + 8;
	return prefix_is_host(p) && addr_equal(&p->addr, &one);
}

static void network_take(struct convert *c, char *word, const char *from)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix p;
	struct err e = {0};

	if (word[0] == '!') {
		import_leave(c->rows, "never_block", word, from,
			     "an exception: take its network out of never_block, or write the "
			     "networks around it");
		return;
	}
	brackets_cut(word);
	if (prefix_parse(word, &p, &e) < 0)
		import_leave(c->rows, "never_block", word, from, "%s",
			     strstr(word, ":/") ? "a table, not an address: write its networks here"
						: e.text);
	else if (p.bits == 0 || p.bits == ADDR_V4_LEAD_BITS)
		import_leave(c->rows, "never_block", word, from,
			     "this is everybody: the gate would guard against nobody, and Postfix "
			     "relays for all");
	else if (!is_loopback(&p))
		(void)import_carry(c->rows, "never_block", prefix_format(&p, text), from, "");
}

static void networks_convert(struct convert *c)
{
	struct postfix_value v;
	char word[CONF_TEXT_MAX];

	if (!get(c, POSTFIX_SMTPD, MYNETWORKS, &v))
		return;
	for (const char *at = v.text; postfix_word(&at, word, sizeof(word));)
		network_take(c, word, v.from);
}

/* ---- lists of the DNS ---- */

static bool number_of(const struct convert *c, enum postfix_who who, const char *name,
		      struct postfix_value *out, unsigned *number)
{
	char *end = NULL;
	unsigned long value;

	if (!get(c, who, name, out))
		return false;
	value = strtoul(out->text, &end, 10);
	if (*end || *out->text < '0' || *out->text > '9' || value > INT32_MAX)
		return false;
	*number = (unsigned)value;
	return true;
}

/* "a.example=127.0.0.2*3": without what follows the domain. */
static void domain_of(const char *site, char *buffer, size_t size)
{
	snprintf(buffer, size, "%.*s", (int)strcspn(site, "=*"), site);
}

static void reply_name_take(struct convert *c, const struct postfix_value *map, const char *site)
{
	char domain[CONF_TEXT_MAX], pair[2 * CONF_TEXT_MAX], name[SITE_DOMAIN_MAX];
	const struct import_piece *said;
	const struct import_row *old;

	domain_of(site, domain, sizeof(domain));
	said = import_answer(c->source, map->text, domain);
	/* Not in the table: its own name is told. */
	if (!said || said->code || !said->bytes)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(said->bytes, "\r\n"), said->bytes);
	snprintf(pair, sizeof(pair), "%s=%s", domain, name);
	for (size_t i = 0; i < c->rows->count; i++) {
		old = &c->rows->row[i];
		if (strcmp(old->key, "dnsbl.reply_names") == 0 && strcmp(old->value, pair) == 0)
			return;
	}
	if (*name)
		(void)import_carry(c->rows, "dnsbl.reply_names", pair, map->from, "");
}

static void reply_names_convert(struct convert *c, const char *sites)
{
	struct postfix_value map;
	char word[CONF_TEXT_MAX];
	struct import_want want = {.is_question = true, .key = "probe.example"};

	if (!get(c, POSTFIX_SCREEN, "postscreen_dnsbl_reply_map", &map))
		return;
	snprintf(want.spec, sizeof(want.spec), "%s", map.text);
	if (!import_want_check(&want)) {
		import_leave(c->rows, "dnsbl.reply_names", map.text, map.from,
			     "a table of this type cannot be asked: write DOMAIN=NAME here, or "
			     "refused senders see the domain of the list");
		return;
	}
	for (const char *at = sites;
	     !import_is_full(c->rows) && postfix_word(&at, word, sizeof(word));)
		reply_name_take(c, &map, word);
}

static void duration_convert(struct convert *c, enum postfix_who who, const char *name, char unit,
			     const char *key)
{
	char text[DURATION_TEXT_MAX];
	struct postfix_value v;
	uint64_t s;

	if (!get(c, who, name, &v))
		return;
	if (postfix_time(v.text, unit, &s) < 0 || !s)
		import_leave(c->rows, key, v.text, v.from, "it is no time that can be carried");
	else
		(void)import_carry(c->rows, key, duration_format(s, text), v.from, "");
}

/* A min above its max is a fault of the configuration as a whole. */
static void ttls_convert(struct convert *c)
{
	struct postfix_value max;

	if (get(c, POSTFIX_SCREEN, "postscreen_dnsbl_max_ttl", &max))
		duration_convert(c, POSTFIX_SCREEN, "postscreen_dnsbl_max_ttl", 'h',
				 "dnsbl.clean_max_ttl");
	else
		duration_convert(c, POSTFIX_SCREEN, "postscreen_dnsbl_ttl", 'h',
				 "dnsbl.clean_max_ttl");
	duration_convert(c, POSTFIX_SCREEN, "postscreen_dnsbl_min_ttl", 's', "dnsbl.clean_min_ttl");
	if (c->rows->conf->dnsbl.clean_min_ttl_s <= c->rows->conf->dnsbl.clean_max_ttl_s)
		return;
	for (size_t i = 0; i < c->rows->count; i++) {
		struct import_row *row = &c->rows->row[i];

		if (row->fate != IMPORT_CARRIED || (strcmp(row->key, "dnsbl.clean_min_ttl") != 0 &&
						    strcmp(row->key, "dnsbl.clean_max_ttl") != 0))
			continue;
		row->fate = IMPORT_LEFT;
		snprintf(row->why, sizeof(row->why), "the least would be longer than the most");
	}
}

static void sites_convert(struct convert *c)
{
	struct postfix_value v, threshold;
	char word[CONF_TEXT_MAX], number[RATE_MAX];

	if (!get(c, POSTFIX_SCREEN, "postscreen_dnsbl_sites", &v))
		return;
	if (!c->postfix.screens) {
		import_leave(c->rows, "dnsbl.sites", v.text, v.from,
			     "postscreen does not serve port 25 (master.cf), so Postfix asks none "
			     "of them");
		return;
	}
	c->asks = true;
	if (number_of(c, POSTFIX_SCREEN, "postscreen_dnsbl_threshold", &threshold, &c->threshold)) {
		snprintf(number, sizeof(number), "%u", c->threshold);
		(void)import_carry(c->rows, "dnsbl.threshold", number, threshold.from, "");
	}
	for (const char *at = v.text; postfix_word(&at, word, sizeof(word));)
		(void)import_carry(c->rows, "dnsbl.sites", word, v.from, "");
	reply_names_convert(c, v.text);
	duration_convert(c, POSTFIX_SCREEN, "postscreen_dnsbl_timeout", 's', "dnsbl.timeout");
	ttls_convert(c);
	if (get_either(c, "postscreen_dnsbl_allowlist_threshold",
		       "postscreen_dnsbl_whitelist_threshold", &v) &&
	    v.is_own && strcmp(v.text, "0") != 0)
		import_leave(c->rows, "", v.text, v.from,
			     "it spares a good client the other tests of postscreen, which the "
			     "gate does not make");
}

/* ---- what becomes of the listed ---- */

static void mode_convert(struct convert *c)
{
	struct postfix_value v;
	char note[NOTE_MAX];

	if (!c->asks || !get(c, POSTFIX_SCREEN, "postscreen_dnsbl_action", &v)) {
		(void)import_carry(c->rows, "mode", "monitor", "",
				   "it begins by watching; `postern enforce` acts on what is "
				   "judged");
		return;
	}
	if (strcmp(v.text, "ignore") == 0) {
		(void)import_carry(c->rows, "mode", "monitor", v.from,
				   "ignore: Postfix too only logs what the lists say");
		return;
	}
	snprintf(note, sizeof(note),
		 "Postfix refuses the listed (%.16s); here it begins by watching: `postern "
		 "enforce` does the same",
		 v.text);
	(void)import_carry(c->rows, "mode", "monitor", v.from, note);
	(void)import_carry(c->rows, "actions.dnsbl", "reply", v.from, "");
	/* postscreen(8): drop hangs up with 521, enforce answers 550 at RCPT and logs who was meant. */
	if (strcmp(v.text, "drop") == 0)
		(void)import_carry(c->rows, "responder.speak_at", "greeting", v.from,
				   "drop: said at once");
	else
		(void)import_carry(c->rows, "responder.speak_at", "rcpt", v.from,
				   "enforce: said at RCPT, and sender and recipient are logged");
}

static void name_convert(struct convert *c)
{
	struct postfix_value v;
	struct err e = {0};

	if (get(c, POSTFIX_SMTPD, "myhostname", &v) && site_domain_check(v.text, &e) < 0)
		import_leave(c->rows, "responder.name", v.text, v.from, "%s", e.text);
	else if (v.text && *v.text)
		(void)import_carry(c->rows, "responder.name", v.text, v.from, "");
	if (get(c, POSTFIX_SMTPD, "smtpd_reject_footer", &v))
		import_leave(c->rows, "responder.contact", v.text, v.from,
			     "write a page or an address where somebody can complain");
	if (get(c, POSTFIX_SMTPD, "default_rbl_reply", &v) && v.is_own)
		import_leave(c->rows, "", v.text, v.from,
			     "the responder has its own sentence: list, its reason, your contact");
	if (get(c, POSTFIX_SMTPD, "rbl_reply_maps", &v))
		import_leave(c->rows, "dnsbl.reply_names", v.text, v.from,
			     "templates of smtpd: where a domain has a key in it, write "
			     "DOMAIN=NAME here");
}

/* The responder is a process of its own that strangers talk to: whether it may have the key is for the operator to say. */
static void certificate_convert(struct convert *c)
{
	struct postfix_value v;

	if (get(c, POSTFIX_SMTPD, "smtpd_tls_cert_file", &v) && strcmp(v.text, "none") != 0)
		import_leave(c->rows, "responder.certificate", v.text, v.from,
			     "name it here if the responder should offer STARTTLS with it");
	if (get(c, POSTFIX_SMTPD, "smtpd_tls_key_file", &v))
		import_leave(c->rows, "responder.key", v.text, v.from,
			     "name it here with the certificate");
}

static void log_convert(struct convert *c)
{
	struct postfix_value v;

	if (get(c, POSTFIX_SMTPD, "maillog_file", &v) && v.text[0] == '/' &&
	    strncmp(v.text, "/dev/", 5) != 0)
		(void)import_carry(c->rows, "mail_log", v.text, v.from, "");
}

/* ---- limits ---- */

static void rate_convert(struct convert *c)
{
	struct postfix_value v, unit;
	char text[RATE_MAX];
	struct conf_rate rate = {0};

	if (!number_of(c, POSTFIX_SMTPD, "smtpd_client_connection_rate_limit", &v, &rate.count))
		return;
	rate.burst = rate.count;
	if (!rate.count) {
		if (v.is_own)
			import_leave(c->rows, "limits.rate", "0", v.from,
				     "Postfix has no such limit; write \"\" here to have none "
				     "either");
		return;
	}
	if (!get(c, POSTFIX_SMTPD, "anvil_rate_time_unit", &unit) ||
	    postfix_time(unit.text, 's', &rate.period_s) < 0 || !rate.period_s)
		import_leave(c->rows, "limits.rate", v.text, v.from,
			     "the time of anvil_rate_time_unit cannot be read");
	else
		(void)import_carry(c->rows, "limits.rate", rate_format(&rate, text, sizeof(text)),
				   v.from, "in the time of anvil_rate_time_unit");
}

static void open_convert(struct convert *c)
{
	struct postfix_value v, screen;
	unsigned count, before;
	char text[RATE_MAX];
	bool has = number_of(c, POSTFIX_SMTPD, "smtpd_client_connection_count_limit", &v, &count);

	/* Both hold: the lesser, where 0 is no limit. */
	if (c->postfix.screens &&
	    number_of(c, POSTFIX_SCREEN, "postscreen_client_connection_count_limit", &screen,
		      &before) &&
	    before && (!has || !count || before < count)) {
		v = screen;
		count = before;
		has = true;
	}
	if (!has)
		return;
	snprintf(text, sizeof(text), "%u", count);
	(void)import_carry(c->rows, "limits.open", text, v.from, count ? "" : "no limit");
}

/* Those beside mynetworks, which are never judged at all. */
static void exceptions_convert(struct convert *c)
{
	struct postfix_value v, networks;
	char word[CONF_TEXT_MAX], other[CONF_TEXT_MAX];

	if (!get(c, POSTFIX_SMTPD, "smtpd_client_event_limit_exceptions", &v))
		return;
	if (!get(c, POSTFIX_SMTPD, MYNETWORKS, &networks))
		networks.text = "";
	for (const char *at = v.text;
	     !import_is_full(c->rows) && postfix_word(&at, word, sizeof(word));) {
		bool is_known = false;
		unsigned tried = 0;

		for (const char *m = networks.text;
		     !is_known && tried++ < NETWORKS_MAX && postfix_word(&m, other, sizeof(other));)
			is_known = strcmp(word, other) == 0;
		if (!is_known)
			import_leave(c->rows, "", word, v.from,
				     "nobody is free of the limits alone: `postern allow` lets in "
				     "without any judgement");
	}
}

static void limits_convert(struct convert *c)
{
	static const char *const others[] = {
		"smtpd_client_message_rate_limit", "smtpd_client_recipient_rate_limit",
		"smtpd_client_new_tls_session_rate_limit", "smtpd_client_auth_rate_limit"};
	struct postfix_value v;

	rate_convert(c);
	open_convert(c);
	exceptions_convert(c);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (get(c, POSTFIX_SMTPD, others[i], &v) && v.is_own && strcmp(v.text, "0") != 0)
			import_leave(c->rows, "", v.text, v.from,
				     "it counts what happens inside a connection: Postfix goes on "
				     "counting it");
}

/* ---- clients by address ---- */

static bool is_command(const char *word, const char *command)
{
	return strcasecmp(word, command) == 0; /* postconf(5), postscreen_access_list */
}

static void screen_tables_read(struct convert *c, struct access_list *list)
{
	struct postfix_value v, action;
	struct access_table table = {.stage = ACCESS_SCREEN, .spares = c->asks};
	char word[CONF_TEXT_MAX];

	if (!c->postfix.screens || !get(c, POSTFIX_SCREEN, "postscreen_access_list", &v))
		return;
	/* postscreen(8): with ignore it logs, and goes on. */
	table.only_logs = !get_either(c, "postscreen_denylist_action",
				      "postscreen_blacklist_action", &action) ||
			  strcmp(action.text, "ignore") == 0;
	table.from = v.from;
	table.spec = word;
	for (const char *at = v.text; postfix_word(&at, word, sizeof(word));) {
		if (is_command(word, "dunno"))
			break;
		if (is_command(word, "permit") || is_command(word, "reject")) {
			import_leave(c->rows, "", word, v.from, "this is everybody");
			break;
		}
		if (!is_command(word, "permit_mynetworks"))
			access_read(list, c->source, &table, c->rows);
	}
}

struct client_tables {
	struct convert *c;
	struct access_list list;
};

static void client_table_take(void *context, const struct access_table *table)
{
	struct client_tables *t = context;

	access_read(&t->list, t->c->source, table, t->c->rows);
}

static void clients_convert(struct convert *c)
{
	struct client_tables t = {.c = c, .list.asks = c->asks + import_smtpd_asks(&c->postfix)};

	screen_tables_read(c, &t.list);
	import_smtpd_tables(&c->postfix, client_table_take, &t);
	access_convert(&t.list, c->rows);
	access_free(&t.list);
}

/* ---- what is left, and advice ---- */

static void rest_convert(struct convert *c)
{
	static const char *const tests[][2] = {
		{"postscreen_greet_action", "ignore"},
		{"postscreen_pipelining_enable", "no"},
		{"postscreen_non_smtp_command_enable", "no"},
		{"postscreen_bare_newline_enable", "no"},
	};
	struct postfix_value v;

	for (size_t i = 0; c->postfix.screens && i < sizeof(tests) / sizeof(tests[0]); i++)
		if (get(c, POSTFIX_SCREEN, tests[i][0], &v) && strcmp(v.text, tests[i][1]) != 0)
			import_leave(c->rows, "", v.text, v.from,
				     "a test of how a client speaks: it stays with postscreen");
	if (c->postfix.screens &&
	    get_either(c, "postscreen_allowlist_interfaces", "postscreen_whitelist_interfaces",
		       &v) &&
	    strcmp(v.text, "static:all") != 0)
		import_leave(c->rows, "", v.text, v.from,
			     "the gate judges by the client, not by the address that it came to; "
			     "`guard` names the addresses that are guarded at all");
	if (get(c, POSTFIX_SMTPD, "soft_bounce", &v) && is_yes(v.text))
		import_leave(c->rows, "", v.text, v.from,
			     "the responder answers 550; while you are testing, stay in monitor "
			     "mode");
	/* postscreen refuses before anybody can log in too, so who has it has moved them. */
	if (!c->postfix.screens && get(c, POSTFIX_SMTPD, "smtpd_sasl_auth_enable", &v) &&
	    is_yes(v.text))
		import_leave(c->rows, "", v.text, v.from,
			     "the gate judges before anybody can log in, whatever "
			     "permit_sasl_authenticated lets in: have users submit mail at port "
			     "587 or 465");
	if (get(c, POSTFIX_SMTPD, "multi_instance_directories", &v))
		import_leave(c->rows, "", v.text, v.from,
			     "other instances of Postfix: import each by its directory");
	if (!c->postfix.has_master)
		import_leave(c->rows, "", "master.cf", "postconf -M",
			     "it could not be read: only main.cf counts, and postscreen is taken "
			     "for absent");
	else if (!c->postfix.serves)
		import_leave(c->rows, "", "master.cf", "postconf -M",
			     "no service of it stands at port 25: only main.cf counts");
}

static void advise(struct convert *c)
{
	struct postfix_value v;

	if (c->asks && import_find(c->rows, "dnsbl.sites")) {
		import_advise(c->rows, "postconf -e postscreen_dnsbl_sites=",
			      "once you enforce: the gate has asked them before; asked twice they "
			      "count twice against what the lists allow");
		if (get(c, POSTFIX_SCREEN, "postscreen_greet_wait", &v))
			import_advise(c->rows, "smtpd in the place of postscreen in master.cf",
				      "a stranger waits a second at the gate, and "
				      "postscreen_greet_wait once more behind it; keep postscreen "
				      "if you want its tests of how a client speaks");
	}
	for (size_t i = 0; i < c->rows->count; i++)
		if (strncmp(c->rows->row[i].from, "reject_rbl_client", 17) == 0) {
			import_advise(c->rows, "take reject_rbl_client out of smtpd_*_restrictions",
				      "once you enforce, for the lists above: the gate has asked "
				      "them");
			break;
		}
	if (import_find(c->rows, "limits.rate") || import_find(c->rows, "limits.open"))
		import_advise(c->rows, "smtpd_client_connection_*_limit may stay",
			      "they cost nothing, and hold where the gate only watches");
}

int import_convert(const struct import_source *s, struct import_rows *out)
{
	struct convert c = {.source = s, .rows = out, .threshold = THRESHOLD_ALONE};
	int ret = postfix_read(s, &c.postfix);

	if (ret == 0) {
		networks_convert(&c);
		sites_convert(&c);
		import_smtpd(&c.postfix, c.threshold, out);
		mode_convert(&c);
		name_convert(&c);
		certificate_convert(&c);
		log_convert(&c);
		limits_convert(&c);
		clients_convert(&c);
		rest_convert(&c);
		advise(&c);
		import_rows_end(out);
	}
	postfix_free(&c.postfix);
	return ret == 0 && out->is_short ? -ENOMEM : ret;
}
