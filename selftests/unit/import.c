/* SPDX-License-Identifier: BSD-2-Clause */
/* From settings of Postfix to rows, and what is blocked to lists of others: pure, by tables. */
#include <string.h>

#include "base/when.h"
#include "cli/export.h"
#include "tap.h"
#include "unit/import_rig.h"

/* ---- settings ---- */

TEST(a_setting_of_the_service_beats_that_of_main)
{
	static const struct {
		const char *sentence, *services, *master;
		enum postfix_who who;
		const char *value, *from;
	} rows[] = {
		{"main.cf alone", "", SCREEN, POSTFIX_SCREEN, "1", "a, main.cf"},
		{"the service at port 25", "smtp/inet/a = 2\n", SCREEN, POSTFIX_SCREEN, "2",
		 "a, master.cf: smtp/inet"},
		{"that of smtpd is not postscreen's", "smtpd/pass/a = 2\n", SCREEN, POSTFIX_SCREEN,
		 "1", "a, main.cf"},
		{"behind postscreen it is the one that is passed to", "smtpd/pass/a = 2\n", SCREEN,
		 POSTFIX_SMTPD, "2", "a, master.cf: smtpd/pass"},
		{"another port is another matter", "587/inet/a = 2\n",
		 SMTPD "587 inet n - n - - smtpd\n", POSTFIX_SMTPD, "1", "a, main.cf"},
		{"an address stands before the port", "[::1]:25/inet/a = 2\n",
		 "[::1]:25 inet n - n - - smtpd\n", POSTFIX_SMTPD, "2",
		 "a, master.cf: [::1]:25/inet"},
		{"of what is said twice the last counts", "25/inet/a = 2\n25/inet/a = 3\n", SMTPD,
		 POSTFIX_SMTPD, "3", "a, master.cf: 25/inet"},
		{"an empty one is one", "25/inet/a =\n", SMTPD, POSTFIX_SMTPD, "",
		 "a, master.cf: 25/inet"},
		{"a service that is no port", "smtp/unix/a = 2\n", "smtp unix - - n - - smtp\n",
		 POSTFIX_SMTPD, "1", "a, main.cf"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct import_source *s =
			source_make("a = 1\n", rows[i].services, rows[i].master, NULL);
		struct postfix_value v = {0};
		struct postfix p;

		ENSURE(postfix_read(s, &p) == 0, "read");
		EXPECT(postfix_get(&p, rows[i].who, "a", &v) && strcmp(v.text, rows[i].value) == 0,
		       "%s: %s", rows[i].sentence, v.text);
		EXPECT(strcmp(v.from, rows[i].from) == 0, "%s: from %s", rows[i].sentence, v.from);
		EXPECT(!postfix_get(&p, rows[i].who, "b", &v), "%s: nothing else",
		       rows[i].sentence);
		postfix_free(&p);
		source_free(s);
	}
}

TEST(words_are_parted_as_in_postfix)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"a b,c\td", "a|b|c|d|"},
		{" , ,a,, ", "a|"},
		{"", ""},
		{"check { a, b } c", "check|{ a, b }|c|"},
		{"{ { a } b }", "{ { a } b }|"},
		{"a}b", "a}b|"},
		{"{ open", "{ open|"},
		{"a-word-of-more-than-twenty-bytes b", "|b|"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char word[20], all[100] = "";

		for (const char *at = rows[i].text; postfix_word(&at, word, sizeof(word));) {
			strcat(all, word);
			strcat(all, "|");
		}
		EXPECT(strcmp(all, rows[i].words) == 0, "'%s': %s", rows[i].text, all);
	}
}

TEST(times_have_units)
{
	static const struct {
		const char *text;
		int64_t s;
	} rows[] = {{"60", 3600 * 60}, {"60s", 60},   {"5m", 300},
		    {"2h", 7200},      {"1d", 86400}, {"1w", 7 * 86400},
		    {"1W", 7 * 86400}, {"", -1},      {"x", -1},
		    {"1x", -1},	       {"1hh", -1},   {"-1", -1},
		    {" 1", -1},	       {"0s", 0},     {"99999999999999999999s", -1}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t s = 0;
		int rc = postfix_time(rows[i].text, 'h', &s);

		EXPECT(rows[i].s < 0 ? rc < 0 : rc == 0 && s == (uint64_t)rows[i].s, "'%s'",
		       rows[i].text);
	}
}

/* ---- conversions ---- */

TEST(each_setting_becomes_what_it_means)
{
	static const struct {
		const char *sentence, *main_, *master, *says; /* a line that is there */
		bool is_not;				      /* or is not */
	} rows[] = {
		{"a site is taken as it stands", "postscreen_dnsbl_sites = a.example=127.0.0.2*3\n",
		 SCREEN, "dnsbl.sites=a.example=127.0.0.2*3\n", false},
		{"one that is there twice weighs twice",
		 "postscreen_dnsbl_sites = a.example a.example\n", SCREEN,
		 "dnsbl.sites=a.example\ndnsbl.sites=a.example\n", false},
		{"a wrong one is left", "postscreen_dnsbl_sites = a.example=127.0.0\n", SCREEN,
		 "!dnsbl.sites=a.example=127.0.0\n", false},
		{"without postscreen nobody asks", "postscreen_dnsbl_sites = a.example\n", SMTPD,
		 "!dnsbl.sites=a.example\n", false},
		{"drop is said at once",
		 "postscreen_dnsbl_sites = a.example\npostscreen_dnsbl_action = drop\n", SCREEN,
		 "responder.speak_at=greeting\n", false},
		{"ignore changes nothing of the answer",
		 "postscreen_dnsbl_sites = a.example\npostscreen_dnsbl_action = ignore\n", SCREEN,
		 "speak_at", true},
		{"it begins by watching, always",
		 "postscreen_dnsbl_sites = a.example\npostscreen_dnsbl_action = drop\n", SCREEN,
		 "mode=monitor\n", false},
		{"a least above the most is none",
		 "postscreen_dnsbl_sites = a.example\npostscreen_dnsbl_min_ttl = 2h\n"
		 "postscreen_dnsbl_max_ttl = 1h\n",
		 SCREEN, "!dnsbl.clean_min_ttl=2h\n", false},
		{"one listing of smtpd is enough",
		 "smtpd_client_restrictions = reject_rbl_client a.example=127.0.0.2\n", SMTPD,
		 "dnsbl.sites=a.example=127.0.0.2*1\ndnsbl.threshold=1\n", false},
		{"beside postscreen it weighs its threshold",
		 "postscreen_dnsbl_sites = b.example*2\npostscreen_dnsbl_threshold = 4\n"
		 "smtpd_client_restrictions = reject_rbl_client a.example\n",
		 SCREEN, "dnsbl.sites=a.example*4\n", false},
		{"what lets in outweighs what stands behind it",
		 "smtpd_client_restrictions = permit_dnswl_client w.example, reject_rbl_client "
		 "a.example reject_rbl_client b.example\n",
		 SMTPD, "dnsbl.sites=w.example*-2\n", false},
		{"in all lists together, each once",
		 "smtpd_client_restrictions = permit_dnswl_client w.example, reject_rbl_client "
		 "a.example\nsmtpd_recipient_restrictions = permit_dnswl_client w.example, "
		 "reject_rbl_client a.example reject_rbl_client b.example\n",
		 SMTPD, "dnsbl.sites=w.example*-2\n", false},
		{"names that lack too",
		 "smtpd_client_restrictions = permit_dnswl_client w.example, "
		 "reject_unknown_client_hostname\n",
		 SMTPD, "dnsbl.sites=w.example*-1\n", false},
		{"and not what stands before it",
		 "smtpd_client_restrictions = reject_rbl_client a.example, permit_dnswl_client "
		 "w.example\n",
		 SMTPD, "!dnsbl.sites=w.example\n", false},
		{"behind reject nothing is reached",
		 "smtpd_client_restrictions = reject, reject_rbl_client a.example\n", SMTPD,
		 "a.example", true},
		{"what only warns is left",
		 "smtpd_client_restrictions = warn_if_reject reject_rbl_client a.example\n", SMTPD,
		 "!=a.example\n", false},
		{"a warning is for the next one alone",
		 "smtpd_client_restrictions = warn_if_reject reject_non_fqdn_sender "
		 "reject_rbl_client a.example\n",
		 SMTPD, "dnsbl.sites=a.example*1\n", false},
		{"a class holds for some",
		 "smtpd_restriction_classes = greedy\ngreedy = reject_rbl_client a.example\n",
		 SMTPD, "!dnsbl.sites=a.example\n", false},
		{"logins come too late", "smtpd_sasl_auth_enable = yes\n", SMTPD, "!=yes\n", false},
		{"as they do in postscreen", "smtpd_sasl_auth_enable = yes\n", SCREEN, "!=yes\n",
		 true},
		{"names that lack", "smtpd_client_restrictions = reject_unknown_client_hostname\n",
		 SMTPD, "rdns.none=1\nrdns.mismatch=1\nrdns.alone=true\ndnsbl.threshold=1\n",
		 false},
		{"a network", "mynetworks = 192.0.2.0/24\n", SMTPD, "never_block=192.0.2.0/24\n",
		 false},
		{"with brackets", "mynetworks = [2001:db8::]/32\n", SMTPD,
		 "never_block=2001:db8::/32\n", false},
		{"loopback need not be named", "mynetworks = 127.0.0.0/8 [::1]/128\n", SMTPD,
		 "never_block", true},
		{"the world is no network", "mynetworks = 0.0.0.0/0 [::]/0\n", SMTPD,
		 "!never_block=0.0.0.0/0\n!never_block=::/0\n", false},
		{"the same twice is once", "mynetworks = 192.0.2.0/24 192.0.2.0/24\n", SMTPD,
		 "never_block=192.0.2.0/24\nnever_block", true},
		{"a rate", "smtpd_client_connection_rate_limit = 30\nanvil_rate_time_unit = 90s\n",
		 SMTPD, "limits.rate=30/90s burst 30\n", false},
		{"no rate is not carried", "smtpd_client_connection_rate_limit = 0\n", SMTPD,
		 "!limits.rate=0\n", false},
		{"the lesser of two counts",
		 "smtpd_client_connection_count_limit = 9\n"
		 "postscreen_client_connection_count_limit = 8\n",
		 SCREEN, "limits.open=8\n", false},
		{"where 0 is no limit",
		 "smtpd_client_connection_count_limit = 9\n"
		 "postscreen_client_connection_count_limit = 0\n",
		 SCREEN, "limits.open=9\n", false},
		{"a log", "maillog_file = /var/log/mail.log\n", SMTPD,
		 "mail_log=/var/log/mail.log\n", false},
		{"which is a terminal", "maillog_file = /dev/stdout\n", SMTPD, "mail_log", true},
		{"a name that no greeting could have", "myhostname = two words\n", SMTPD,
		 "!responder.name=two words\n", false},
		{"a log that is somewhere", "maillog_file = mail.log\n", SMTPD, "mail_log", true},
		{"a name with a quote is none", "myhostname = a\"; mode = \"enforce\n", SMTPD,
		 "!responder.name=a\"; mode = \"enforce\n", false},
	};
	char text[8192];

	for (size_t i = 0; i < COUNT(rows); i++) {
		convert(source_make(rows[i].main_, "", rows[i].master, NULL), text, sizeof(text));
		EXPECT(!strstr(text, rows[i].says) == rows[i].is_not, "%s: %s", rows[i].sentence,
		       text);
	}
}

TEST(only_what_may_be_read_is_wanted)
{
	static const struct {
		const char *spec, *key;
		bool ok;
	} rows[] = {
		{"cidr:/etc/x", NULL, true},
		{"hash:/etc/x", NULL, true},
		{"pcre:/etc/x", NULL, false},
		{"mysql:/etc/x", NULL, false},
		{"cidr:etc/x", NULL, false},
		{"cidr:/etc/../x", NULL, false},
		{"cidr:/etc/x y", NULL, false},
		{"cidr", NULL, false},
		{"cidr:/e\ntc", NULL, false},
		{"pcre:/etc/x", "a.example", true},
		{"proxy:cidr:/etc/x", NULL, true},
		{"proxy:mysql:/etc/x", NULL, false},
		{"proxy:proxy:hash:/etc/x", NULL, false},
		{"hash:/etc/x", "a b", false},
		{"hash:/etc/x", "-q", false},
		{"tcp:/etc/x", "a.example", false},
		{"hash:/etc/x", "", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct import_want w = {.is_question = rows[i].key};

		snprintf(w.spec, sizeof(w.spec), "%s", rows[i].spec);
		snprintf(w.key, sizeof(w.key), "%s", rows[i].key ? rows[i].key : "");
		EXPECT(import_want_check(&w) == rows[i].ok, "%s %s", w.spec, w.key);
	}
}

TEST(wants_are_the_tables_and_a_question_for_each_list)
{
	struct import_source *s =
		source_make("postscreen_access_list = permit_mynetworks cidr:/a pcre:/b\n"
			    "postscreen_dnsbl_sites = a.example*2 a.example=127.0.0.2 b.example\n"
			    "postscreen_dnsbl_reply_map = texthash:/c\n"
			    "smtpd_client_restrictions = check_client_access hash:/d\n",
			    "", SCREEN, NULL);
	static const char *const expected[] = {"cidr:/a ", "hash:/d ", "texthash:/c a.example",
					       "texthash:/c b.example"};
	struct import_want *list = calloc(IMPORT_WANTS_MAX, sizeof(*list));
	unsigned count = import_wants(s, list);
	char one[IMPORT_SPEC_MAX + SITE_DOMAIN_MAX];

	EXPECT(count == COUNT(expected), "%u wants", count);
	for (unsigned i = 0; i < count && i < COUNT(expected); i++) {
		snprintf(one, sizeof(one), "%s %s", list[i].spec, list[i].key);
		EXPECT(strcmp(one, expected[i]) == 0, "want %u: %s", i, one);
	}
	free(list);
	source_free(s);
}

/* ---- export ---- */

static void entry_add(struct export_list *l, const char *text, const char *origin, uint64_t for_s)
{
	struct export_entry e = {.is_exception = *text == '!', .action = PN_DROP};

	if (e.is_exception)
		e.action = PN_ALLOW;
	EXPECT(prefix_parse(text + e.is_exception, &e.prefix, NULL) == 0, "%s", text);
	snprintf(e.origin, sizeof(e.origin), "%s", origin);
	e.expires_boot_ns = for_s ? now_boot_ns() + for_s * NS_PER_S : 0;
	EXPECT(export_add(l, &e) == 0, "room");
}

TEST(what_is_blocked_is_settled)
{
	static const struct {
		const char *sentence, *in[5], *out;
	} rows[] = {
		{"sorted",
		 {"203.0.113.1", "192.0.2.1", "2001:db8::1"},
		 "192.0.2.1 203.0.113.1 2001:db8::1 "},
		{"once", {"192.0.2.1", "192.0.2.1"}, "192.0.2.1 "},
		{"the wider first", {"192.0.2.1", "192.0.2.0/24"}, "192.0.2.0/24 192.0.2.1 "},
		{"an exception inside", {"192.0.2.0/24", "!192.0.2.1"}, "192.0.2.0/24 !192.0.2.1 "},
		{"an exception of nothing", {"192.0.2.0/24", "!192.0.3.1"}, "192.0.2.0/24 "},
		{"an exception around", {"192.0.2.1", "!192.0.2.0/24"}, ""},
		{"of the very same", {"192.0.2.0/24", "!192.0.2.0/24"}, ""},
		{"a block inside the exception inside",
		 {"192.0.0.0/16", "!192.0.2.0/24", "192.0.2.1"},
		 "192.0.0.0/16 !192.0.2.0/24 "},
		{"behind an exception the next network",
		 {"192.0.0.0/16", "!192.0.2.0/24", "192.0.3.1"},
		 "192.0.0.0/16 !192.0.2.0/24 192.0.3.1 "},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct export_list l = {0};
		char all[400] = "", text[PREFIX_TEXT_MAX];

		for (size_t n = 0; n < COUNT(rows[i].in) && rows[i].in[n]; n++)
			entry_add(&l, rows[i].in[n], "operator", 0);
		export_settle(&l);
		for (size_t n = 0; n < l.count; n++) {
			strcat(all, l.entry[n].is_exception ? "!" : "");
			strcat(all, prefix_format(&l.entry[n].prefix, text));
			strcat(all, " ");
		}
		EXPECT(strcmp(all, rows[i].out) == 0, "%s: %s", rows[i].sentence, all);
		free(l.entry);
	}
}

TEST(sets_have_no_overlaps)
{
	struct export_list l = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	entry_add(&l, "192.0.2.0/24", "ban", 60);
	entry_add(&l, "192.0.2.7", "operator", 0);
	entry_add(&l, "192.0.2.8", "ban", 10);
	export_settle(&l);
	export_print_nft(&l, out);
	fclose(out);
	EXPECT(strstr(text, "\t192.0.2.0/24 timeout 6") && !strstr(text, "\t192.0.2.7") &&
		       !strstr(text, "\t192.0.2.8"),
	       "%s", text);
	EXPECT(strstr(text, "# 192.0.2.7 lies in an entry that ends first") &&
		       !strstr(text, "# 192.0.2.8"),
	       "what outlasts what lies around it is told: %s", text);
	free(text);
	free(l.entry);
}

/* A configuration that somebody wrote to keep us busy. */
TEST(there_is_a_bound_to_what_is_said)
{
	size_t size = 20 * 3 * IMPORT_ROWS_MAX, used = 0;
	char *text = calloc(1, size);
	struct import_source *s;
	struct import_rows rows;

	ENSURE(text, "memory");
	used += (size_t)snprintf(text, size, "mynetworks =");
	for (unsigned i = 0; i < 2 * IMPORT_ROWS_MAX; i++)
		used += (size_t)snprintf(text + used, size - used, " name%u", i);
	snprintf(text + used, size - used, "\n");
	s = source_make(text, "", SMTPD, NULL);
	EXPECT(import_rows_new(&rows, NULL) == 0 && import_convert(s, &rows) == 0, "converted");
	EXPECT(rows.count == IMPORT_ROWS_MAX + 1, "%zu rows", rows.count);
	EXPECT(strstr(rows.row[rows.count - 1].why, "so many more things are not here"), "%s: %s",
	       rows.row[rows.count - 1].value, rows.row[rows.count - 1].why);
	import_rows_free(&rows);
	source_free(s);
	free(text);
}
