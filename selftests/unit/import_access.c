/* SPDX-License-Identifier: BSD-2-Clause */
/* From tables of clients to rules: pure, by tables. What a real Postfix makes of the same tables is seen in selftests/net/test_import.py. */
#include "tap.h"
#include "unit/import_rig.h"

/* The first entry that fits decides in Postfix; in the gate allow beats block, and block beats trust. */
TEST(a_table_of_clients_means_the_same)
{
	static const struct {
		const char *sentence, *table, *says;
	} rows[] = {
		{"let in", "192.0.2.1 permit\n", "trust=192.0.2.1 because"},
		{"turned away", "192.0.2.1 reject\n", "block=192.0.2.1 with reply because"},
		{"let in before what is wider", "192.0.2.1 permit\n192.0.2.0/24 reject\n",
		 "allow=192.0.2.1 because"},
		{"let in behind it: never reached", "192.0.2.0/24 reject\n192.0.2.1 permit\n",
		 "block=192.0.2.0/24 with reply because cidr:/t line 1\n"},
		{"turned away before what is let in", "192.0.2.1 reject\n192.0.2.0/24 permit\n",
		 "trust=192.0.2.0/24 because cidr:/t line 2\nblock=192.0.2.1 with reply"},
		{"in what must be allowed",
		 "192.0.2.1 reject\n192.0.2.0/24 permit\n192.0.0.0/16 reject\n",
		 "allow=192.0.2.0/24 because cidr:/t line 2\n!=192.0.2.1\n"},
		{"neither", "192.0.2.1 dunno\n192.0.2.0/24 reject\n", "\n!=192.0.2.1\n"},
		{"neither, in what is let in", "192.0.2.1 dunno\n192.0.2.0/24 permit\n",
		 "because cidr:/t line 2\n!=192.0.2.1\n"},
		{"unknown words hide what is wider", "192.0.2.1 what\n192.0.2.0/24 reject\n",
		 "\n!=192.0.2.1\n"},
		{"everybody is let in first, so nobody is turned away",
		 "::/0 permit\n2001:db8::/32 reject\n", "!=::/0\n"},
		{"a wide prefix of IPv6 has nothing of IPv4 in it",
		 "192.0.2.1 permit\n2001:db8::1 permit\n::/1 reject\n", "\nallow=2001:db8::1"},
		{"nothing behind it", "192.0.2.1\n", "!=192.0.2.1\n"},
		{"neither, alone", "192.0.2.1 dunno\n192.0.3.0/24 reject\n",
		 "mode=monitor\nblock="},
		{"a line goes on", "192.0.2.1\n  permit\n", "trust=192.0.2.1"},
		{"over a comment", "192.0.2.1\n# so\n  permit\n", "trust=192.0.2.1"},
		{"no line end", "192.0.2.1 permit", "trust=192.0.2.1"},
		{"a condition", "if 192.0.2.0/24\n192.0.2.1 permit\nendif\n192.0.3.1 permit\n",
		 "!=192.0.2.1\ntrust=192.0.3.1"},
		{"what is not in it", "!192.0.2.1 reject\n", "!=!192.0.2.1\n"},
		{"bits behind the length", "192.0.2.1/24 reject\n", "!=192.0.2.1/24\n"},
		{"the world", "0.0.0.0/0 reject\n", "!=0.0.0.0/0\n"},
		{"octets are of other tables", "192.0.2 reject\n", "!=192.0.2\n"},
		{"what smtpd knows, postscreen does not", "192.0.2.1 OK\n", "!=OK\n"},
		{"a word that begins so", "192.0.2.1 rejected\n", "!=rejected\n"},
		{"bytes of a terminal", "192.0.2.1 \x1b[31m\n", "!=\\x1b[31m\n"},
	};
	char text[8192];

	for (size_t i = 0; i < COUNT(rows); i++) {
		convert(source_make("postscreen_access_list = cidr:/t\n"
				    "postscreen_denylist_action = drop\n",
				    "", SCREEN, rows[i].table),
			text, sizeof(text));
		EXPECT(strstr(text, rows[i].says), "%s: %s", rows[i].sentence, text);
	}
}

TEST(a_table_of_smtpd_has_its_own_words)
{
	static const struct {
		const char *sentence, *table, *says;
	} rows[] = {
		{"OK", "192.0.2.1 OK\n", "trust=192.0.2.1"},
		{"a number", "192.0.2.1 1\n", "trust=192.0.2.1"},
		{"REJECT with a text", "192.0.2.1 REJECT go away\n", "block=192.0.2.1 with reply"},
		{"a code", "192.0.2.1 554 5.7.1 no\n", "block=192.0.2.1 with reply"},
		{"for now", "192.0.2.1 450 later\n", "!=450 later\n"},
		{"three octets", "192.0.2 REJECT\n", "block=192.0.2.0/24"},
		{"two", "192.0 REJECT\n", "block=192.0.0.0/16"},
		{"one", "192 REJECT\n", "block=192.0.0.0/8"},
		{"five", "192.0.2.1.5 REJECT\n", "!=192.0.2.1.5\n"},
		{"a great many dots", "1.1.1.1.1.1.1.1.1.1 REJECT\n", "!=1.1.1.1.1.1.1.1.1.1\n"},
		{"no leading zeros", "192.00.2 REJECT\n", "!=192.00.2\n"},
		{"no lengths", "192.0.2.0/24 REJECT\n", "!=192.0.2.0/24\n"},
		{"IPv6 in part", "2001:db8 REJECT\n", "block=2001:db8::/32"},
		{"in capitals: keys are folded", "2001:DB8 REJECT\n", "block=2001:db8::/32"},
		{"with a group of 0", "2001:db8:0 REJECT\n", "!=2001:db8:0\n"},
		{"not in its shortest form", "2001:db8:0:0:0:0:0:1 REJECT\n",
		 "!=2001:db8:0:0:0:0:0:1\n"},
		{"the narrowest counts, first or last", "192.0.2 REJECT\n192.0.2.1 OK\n",
		 "block=192.0.2.0/24 with reply because hash:/t line 1\nallow=192.0.2.1"},
		{"the narrowest first", "192.0.2.1 OK\n192.0.2 REJECT\n",
		 "block=192.0.2.0/24 with reply because hash:/t line 2\nallow=192.0.2.1"},
		{"of the same key the first", "192.0.2.1 OK\n192.0.2.1 REJECT\n",
		 "trust=192.0.2.1 because hash:/t line 1\n"},
		{"what goes on hides what is wider", "192.0.2 REJECT\n192.0.2.1 PREPEND X-A: b\n",
		 "\n!=192.0.2.1\n"},
		{"a name", "spam.example REJECT\n", "!=spam.example\n"},
	};
	char text[8192];

	for (size_t i = 0; i < COUNT(rows); i++) {
		convert(source_make("smtpd_client_restrictions = check_client_access hash:/t\n", "",
				    SMTPD, rows[i].table),
			text, sizeof(text));
		EXPECT(strstr(text, rows[i].says), "%s: %s", rows[i].sentence, text);
	}
}

static void answer_add(struct import_source *s, const char *spec, const char *table)
{
	snprintf(s->answer[s->answer_count].want.spec, IMPORT_SPEC_MAX, "%s", spec);
	s->answer[s->answer_count++].said = piece(table);
}

/* SMTPD_ACCESS_README: an OK ends its own list alone, a REJECT in any of them turns away. */
TEST(each_list_of_restrictions_decides_for_itself)
{
	static const struct {
		const char *sentence, *main_, *a, *b, *says; /* cidr:/a and cidr:/b */
		bool is_not;
	} rows[] = {
		{"an OK of one hides no REJECT of another",
		 "smtpd_client_restrictions = check_client_access cidr:/a\n"
		 "smtpd_recipient_restrictions = check_client_access cidr:/b\n",
		 "192.0.2.1 OK\n", "192.0.2.1 REJECT\n",
		 "block=192.0.2.1 with reply because cidr:/b line 1\n", false},
		{"nor of what lies around",
		 "smtpd_client_restrictions = check_client_access cidr:/a\n"
		 "smtpd_recipient_restrictions = check_client_access cidr:/b\n",
		 "192.0.2.1 OK\n", "192.0.2.0/24 REJECT\n", "allow=", true},
		{"wherever they stand",
		 "smtpd_helo_restrictions = check_client_access cidr:/b\n"
		 "smtpd_sender_restrictions = check_client_access cidr:/a\n",
		 "192.0.2.1 OK\n", "192.0.2.1 REJECT\n",
		 "block=192.0.2.1 with reply because cidr:/b line 1\n", false},
		{"in one list the first table decides",
		 "smtpd_client_restrictions = check_client_access cidr:/a check_client_access "
		 "cidr:/b\n",
		 "192.0.2.1 OK\n", "192.0.2.0/24 REJECT\n", "\nallow=192.0.2.1 because cidr:/a",
		 false},
		{"and the next one where it says DUNNO",
		 "smtpd_client_restrictions = check_client_access cidr:/a check_client_access "
		 "cidr:/b\n",
		 "192.0.2.1 DUNNO\n", "192.0.2.0/24 REJECT\n", "!=192.0.2.1", true},
		{"a table alone is one of clients",
		 "smtpd_client_restrictions = check_sender_access hash:/x cidr:/a\n",
		 "192.0.2.1 REJECT\n", "", "block=192.0.2.1", false},
		{"but not in another list", "smtpd_sender_restrictions = cidr:/a\n",
		 "192.0.2.1 REJECT\n", "", "192.0.2.1", true},
		{"an OK spares the lists behind it",
		 "smtpd_client_restrictions = check_client_access cidr:/a reject_rbl_client "
		 "a.example\n",
		 "192.0.2.1 OK\n", "", "\ntrust=192.0.2.1", false},
		{"and not those of another list",
		 "smtpd_client_restrictions = check_client_access cidr:/a\n"
		 "smtpd_recipient_restrictions = reject_rbl_client a.example\n",
		 "192.0.2.1 OK\n", "", "\n!=192.0.2.1\n", false},
		{"nor does one with a list behind it",
		 "smtpd_client_restrictions = check_client_access cidr:/a reject_rbl_client "
		 "a.example\n"
		 "smtpd_recipient_restrictions = reject_rbl_client b.example\n",
		 "192.0.2.1 OK\n", "", "\n!=192.0.2.1\n", false},
		{"nor those before it",
		 "smtpd_client_restrictions = reject_rbl_client b.example check_client_access "
		 "cidr:/a reject_rbl_client a.example\n",
		 "192.0.2.1 OK\n", "", "\n!=192.0.2.1\n", false},
		{"but where each has one before them all are spared",
		 "smtpd_client_restrictions = check_client_access cidr:/a reject_rbl_client "
		 "a.example\n"
		 "smtpd_recipient_restrictions = check_client_access cidr:/b reject_rbl_client "
		 "b.example\n",
		 "192.0.2.1 OK\n", "192.0.2.0/24 OK\n192.0.3.0/24 OK\n",
		 "\n!=192.0.2.0/24\ntrust=192.0.2.1 because cidr:/a line 1\n!=192.0.3.0/24\n",
		 false},
		{"what only warns turns nobody away",
		 "smtpd_client_restrictions = warn_if_reject check_client_access cidr:/a\n",
		 "192.0.2.1 REJECT\n", "", "\n!=192.0.2.1\n", false},
		{"but lets in",
		 "smtpd_client_restrictions = warn_if_reject check_client_access cidr:/a "
		 "reject_rbl_client a.example\n",
		 "192.0.2.1 OK\n", "", "\ntrust=192.0.2.1", false},
		{"behind what ends the list nothing is reached",
		 "smtpd_client_restrictions = permit check_client_access cidr:/a\n",
		 "192.0.2.1 REJECT\n", "", "192.0.2.1", true},
	};
	char text[8192];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct import_source *s = source_make(rows[i].main_, "", SMTPD, NULL);

		answer_add(s, "cidr:/a", rows[i].a);
		answer_add(s, "cidr:/b", rows[i].b);
		convert(s, text, sizeof(text));
		EXPECT(!strstr(text, rows[i].says) == rows[i].is_not, "%s: %s", rows[i].sentence,
		       text);
	}
}

/* Said of the table in which it happens; of those behind it nothing has room any more. */
TEST(too_many_entries_are_told_once)
{
	enum { ENTRIES = 4097, LINE = 32 };
	char *table = calloc(ENTRIES, LINE), text[8192];
	size_t length = 0;
	struct import_source *s;
	struct import_rows rows;
	unsigned told = 0;

	ENSURE(table, "memory");
	for (unsigned i = 0; i < ENTRIES; i++)
		length += (size_t)snprintf(table + length, LINE, "10.1.%u.%u DUNNO\n", i / 256,
					   i % 256);
	s = source_make("smtpd_client_restrictions = check_client_access cidr:/t\n"
			"smtpd_sender_restrictions = check_client_access hash:/t\n",
			"", SMTPD, table);
	free(table);
	ENSURE(import_rows_new(&rows, NULL) == 0 && import_convert(s, &rows) == 0, "memory");
	for (size_t i = 0; i < rows.count; i++)
		if (strstr(rows.row[i].why, "only the first")) {
			told++;
			EXPECT(!strcmp(rows.row[i].value, "cidr:/t"), "%s", rows.row[i].value);
		}
	EXPECT(told == 1, "told %u times: %s", told, (rows_text(&rows, text, sizeof(text)), text));
	import_rows_free(&rows);
	source_free(s);
}

/* Whom postscreen lets in its own lists spare, and smtpd asks others. */
TEST(what_postscreen_lets_in_smtpd_may_ask_about)
{
	static const struct {
		const char *smtpd, *says;
	} rows[] = {
		{"permit_mynetworks", "\ntrust=192.0.2.1"},
		{"reject_rbl_client b.example", "\n!=192.0.2.1\n"},
		{"check_client_access cidr:/t, reject_rbl_client b.example", "\ntrust=192.0.2.1"},
	};
	char text[8192], main_[400];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(main_, sizeof(main_),
			 "postscreen_access_list = cidr:/t\n"
			 "postscreen_dnsbl_sites = a.example\n"
			 "smtpd_recipient_restrictions = %s\n",
			 rows[i].smtpd);
		convert(source_make(main_, "", SCREEN, "192.0.2.1 permit\n"), text, sizeof(text));
		EXPECT(strstr(text, rows[i].says), "%s: %s", rows[i].smtpd, text);
	}
}

TEST(postscreen_and_smtpd_decide_one_after_the_other)
{
	static const struct {
		const char *sentence, *action, *screen, *smtpd, *says;
	} rows[] = {
		{"whom postscreen lets in smtpd may turn away", "drop", "192.0.2.1 permit\n",
		 "192.0.2.0/24 REJECT\n", "block=192.0.2.0/24 with reply because cidr:/b line 1\n"},
		{"and the other way round", "drop", "192.0.2.1 reject\n", "192.0.2.1 OK\n",
		 "block=192.0.2.1 with reply because cidr:/a line 1\n"},
		{"what is only logged turns nobody away", "ignore", "192.0.2.1 reject\n", "",
		 "\n!=192.0.2.1\n"},
		{"until smtpd does", "ignore", "192.0.2.1 reject\n", "192.0.2.1 REJECT\n",
		 "block=192.0.2.1 with reply because cidr:/b line 1\n"},
	};
	char text[8192], main_[400];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct import_source *s;

		snprintf(main_, sizeof(main_),
			 "postscreen_access_list = permit_mynetworks cidr:/a\n"
			 "postscreen_denylist_action = %s\n"
			 "smtpd_client_restrictions = check_client_access cidr:/b\n",
			 rows[i].action);
		s = source_make(main_, "", SCREEN, NULL);
		answer_add(s, "cidr:/a", rows[i].screen);
		answer_add(s, "cidr:/b", rows[i].smtpd);
		convert(s, text, sizeof(text));
		EXPECT(strstr(text, rows[i].says), "%s: %s", rows[i].sentence, text);
	}
}
