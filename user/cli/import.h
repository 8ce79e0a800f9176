/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a Postfix configuration to one of postern. With privileges, postconf(1) is run and tables are read, as raw bytes; without, the
 * bytes are understood (import_settings.c), turned into rows (import_convert.c and its like), and printed. A row is one thing that
 * Postfix is configured to do, and what became of it: carried over, left with the reason, or advice on what to turn off there.
 */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"
#include "dns/site.h"
#include "dns/zonedata.h"

#define IMPORT_SPEC_MAX	 256 /* bytes of "cidr:/etc/postfix/postscreen_access.cidr" */
#define IMPORT_FROM_MAX	 200 /* of the name of a setting and where it stands */
#define IMPORT_WHY_MAX	 256
#define IMPORT_ROWS_MAX	 8192 /* twice as many as there may be rules of clients; nobody reads more */
#define IMPORT_WANTS_MAX 64   /* tables, and a question to one for each list */

/* ---- what was read ---- */

struct import_piece {
	char *bytes; /* ended by 0, which length does not count; NULL: none */
	size_t length;
	int code; /* 0, or -errno with the reason */
	char why[IMPORT_WHY_MAX];
};

/* A table to be read whole, or to be asked about one name: postconf(5) has them as TYPE:PATH. */
struct import_want {
	bool is_question;
	char spec[IMPORT_SPEC_MAX];
	char key[SITE_DOMAIN_MAX];
};

struct import_source {
	char directory[PATH_MAX];     /* as it was named; "" the system's own */
	struct import_piece all;      /* postconf -x */
	struct import_piece own;      /* postconf -n: what main.cf says itself */
	struct import_piece services; /* postconf -P -x: what master.cf says otherwise */
	struct import_piece master;   /* postconf -M */
	struct {
		struct import_want want;
		struct import_piece said;
	} answer[IMPORT_WANTS_MAX];
	unsigned answer_count;
	const struct zonedata *data; /* what is known of lists; NULL nothing */
	int64_t at_s;
};

/* What was read of a table, or NULL: nobody looked. key: NULL for the whole of it. */
const struct import_piece *import_answer(const struct import_source *s, const char *spec,
					 const char *key);

/* ---- the settings (import_settings.c) ---- */

/* Who acts on a setting at port 25; what master.cf says for it comes first. */
enum postfix_who { POSTFIX_SCREEN, POSTFIX_SMTPD };

struct postfix_setting {
	const char *service; /* "smtp/inet"; "" main.cf and defaults */
	const char *name, *value;
	bool is_own; /* else a default of Postfix */
};

struct postfix {
	char *text[2]; /* what the settings point into */
	struct postfix_setting *setting;
	size_t count, room;
	bool has_master;		  /* master.cf was read */
	bool screens;			  /* postscreen serves port 25 */
	bool serves;			  /* somebody serves port 25 */
	char service[2][IMPORT_FROM_MAX]; /* by enum postfix_who; "" none */
};

struct postfix_value {
	const char *text;
	char from[IMPORT_FROM_MAX]; /* "postscreen_dnsbl_sites, main.cf"; printable */
	bool is_own;
};

/* 0, or -ENOMEM. To be freed in any case. */
int postfix_read(const struct import_source *s, struct postfix *out);
void postfix_free(struct postfix *p);
/* Is there such a setting? An empty one is. */
bool postfix_get(const struct postfix *p, enum postfix_who who, const char *name,
		 struct postfix_value *out);
/*
 * The next word of a list, parted by commas and white space, { } kept together (postconf(5)), into buffer. false: no more. One that has
 * no room there comes out empty, since a part of it would be another word.
 */
bool postfix_word(const char **at, char *buffer, size_t size);
/* "60s", "1h", "2w"; without a unit it is the one given. Seconds, 0 or -EINVAL. */
int postfix_time(const char *text, char unit, uint64_t *out_s);

/* ---- the rows (import_rows.c) ---- */

enum import_fate { IMPORT_CARRIED, IMPORT_LEFT, IMPORT_ADVICE };

struct import_row {
	enum import_fate fate;
	char key[48];		   /* of postern.conf, or block, allow, trust; "" there is none */
	char value[CONF_TEXT_MAX]; /* as it is written there, without quotes; printable */
	char from[IMPORT_FROM_MAX];
	char why[IMPORT_WHY_MAX];
};

struct import_rows {
	struct import_row *row;
	size_t count, room;
	size_t more;   /* that had no room: IMPORT_ROWS_MAX */
	bool is_short; /* of memory: rows are missing */
	/* What has been carried, as the configuration's own reader takes it. */
	struct conf *conf;
	struct sites *sites;
	const struct zonedata *data;
};

int import_rows_new(struct import_rows *r, const struct zonedata *data);
void import_rows_free(struct import_rows *r);
/* Nothing has room any more: what comes is only counted. */
bool import_is_full(const struct import_rows *r);
/* Says in a last row how much that was, if anything. */
void import_rows_end(struct import_rows *r);
/*
 * Carry a value over into a key. It is held to what the configuration takes: what that would refuse is left, with its reason. note is
 * what a reader should know of it, or "". Was it carried?
 */
bool import_carry(struct import_rows *r, const char *key, const char *value, const char *from,
		  const char *note);
/* A line for `postern VERB -`. */
void import_rule(struct import_rows *r, const char *verb, const char *line, const char *from);
/* key "": nothing of ours is like it. value: foreign. */
__attribute__((format(printf, 5, 6))) void import_leave(struct import_rows *r, const char *key,
							const char *value, const char *from,
							const char *why, ...);
/* Something to do in Postfix later: a command, and why. */
void import_advise(struct import_rows *r, const char *command, const char *why);
/* How many have this fate. */
unsigned import_count(const struct import_rows *r, enum import_fate fate);
/* The first carried row of this key, or NULL. */
const struct import_row *import_find(const struct import_rows *r, const char *key);

/* ---- from the one to the other ---- */

/* Which tables must be read: how many, at most IMPORT_WANTS_MAX. */
unsigned import_wants(const struct import_source *s, struct import_want *list);
/* "proxy:hash:/x" is "hash:/x", for who reads it himself. */
const char *import_spec(const char *spec);
/* Is it one that may be read: a known type, an absolute path, a name of the DNS? For who reads it. */
bool import_want_check(const struct import_want *w);
/* All of it. 0 or -ENOMEM. */
int import_convert(const struct import_source *s, struct import_rows *out);

/* A table of clients, and where it is asked. */
struct access_table {
	const char *spec, *from;
	unsigned stage; /* ACCESS_SCREEN, or one of smtpd's lists of restrictions */
	bool only_logs; /* whom it turns away Postfix lets in all the same */
	bool spares; /* all lists of the DNS of its list stand behind it: whom it lets in is not held to them */
};

/* import_smtpd.c: smtpd_*_restrictions. threshold: what one listing must weigh to be enough. */
void import_smtpd(const struct postfix *p, unsigned threshold, struct import_rows *out);
/* In how many of its lists of restrictions does smtpd turn away by lists of the DNS, or by names that lack? */
unsigned import_smtpd_asks(const struct postfix *p);
/* Calls fn for each client table that smtpd's restrictions name, list by list. */
void import_smtpd_tables(const struct postfix *p,
			 void (*fn)(void *context, const struct access_table *table),
			 void *context);

/* import_access.c: lists of clients to let in or to turn away. */
#define ACCESS_SCREEN 0 /* postscreen_access_list; smtpd's follow */

/* What comes later weighs more where several lists speak of one client. */
enum access_verdict {
	ACCESS_NONE,
	ACCESS_DUNNO,  /* the next table is asked */
	ACCESS_LOG,    /* turned away, but only in the log */
	ACCESS_PASS,   /* let in, though lists of the DNS are asked all the same */
	ACCESS_PERMIT, /* let in, and lists of the DNS are not asked */
	ACCESS_REJECT,
};

struct access_entry {
	struct prefix prefix;
	enum access_verdict verdict;
	unsigned stage, table, line;
	char from[IMPORT_FROM_MAX];
};

struct access_list {
	struct access_entry *entry; /* in the order in which Postfix looks at them */
	size_t count, room;
	unsigned tables; /* read so far */
	unsigned asks;	 /* stages in which lists of the DNS turn away */
	bool is_cut;	 /* there were more than we read */
};
/* The path of a table that can be read as a text, or NULL: "cidr:/etc/x". */
const char *access_path(const char *spec);
/* Is it one that postmap(1) makes an index of, in a file of its own? */
bool access_is_indexed(const char *spec);
/* A table as postscreen reads it, or as smtpd does (access(5)). What cannot be carried goes to rows. */
void access_read(struct access_list *a, const struct import_source *s,
		 const struct access_table *table, struct import_rows *rows);
void access_free(struct access_list *a);
/* import_decide.c: permit or reject for everybody in it. */
void access_convert(const struct access_list *a, struct import_rows *out);

/* ---- saying it (import_print.c) ---- */

void import_print(const struct import_source *s, const struct import_rows *r, FILE *out);
/* One object a line. 0 or -errno. */
int import_print_json(const struct import_rows *r, FILE *out);

#endif
