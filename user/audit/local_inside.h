/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of what is read on the host: the raw pieces as collected, what they were found to say, and the readers in between. For
 * local_*.c, the checks about it, and their tests.
 */
#ifndef AUDIT_LOCAL_INSIDE_H
#define AUDIT_LOCAL_INSIDE_H

#include "audit/local.h"

#define LOCAL_WHY_MAX	160
#define LOCAL_PATH_MAX	NAME_TEXT_MAX
#define LOCAL_COMM_MAX	16 /* TASK_COMM_LEN */
#define LOCAL_LOGS_MAX	4
#define LOCAL_ENTRY_MAX 128

/* ---- raw ---- */

enum local_item {
	LOCAL_POSTCONF,		 /* postconf -x */
	LOCAL_POSTCONF_SERVICES, /* postconf -P: what master.cf sets otherwise */
	LOCAL_EXIM_CONFIG,	 /* exim -bP config */
	LOCAL_EXIM_TRANSPORTS,	 /* exim -bP transports */
	LOCAL_SMTPD_CONF,	 /* smtpd.conf */
	LOCAL_DOVECONF,		 /* doveconf -n */
	LOCAL_POSTQUEUE,	 /* postqueue -j */
	LOCAL_EXIM_QUEUE,	 /* exim -bp */
	LOCAL_PASSWD,
	LOCAL_GROUP,
	LOCAL_RSYSLOG,	      /* rsyslog.conf and rsyslog.d: several pieces */
	LOCAL_SYSLOG_NG,      /* the same */
	LOCAL_JOURNAL_UPLOAD, /* journal-upload.conf */
	LOCAL_APT,	      /* apt list --upgradable */
	LOCAL_RSPAMD,	      /* rbl.conf, surbl.conf */
};
#define LOCAL_ITEMS (LOCAL_RSPAMD + 1)

struct local_piece {
	enum local_item item;
	char name[LOCAL_PATH_MAX]; /* the file, or the tool */
	int code;		   /* 0; -ENOENT: there is none; -errno: why */
	char why[LOCAL_WHY_MAX];   /* escaped */
	char *bytes;		   /* ended by 0, which length does not count */
	size_t length;
	bool is_cut; /* there was more */
};

struct local_listener {
	struct addr addr;
	uint16_t port;
	bool udp;
	char owner[LOCAL_COMM_MAX]; /* raw; "" not known */
};

/* An address of this host and the network that it stands in. */
struct local_network {
	struct prefix network;
	struct addr addr;
	char link[16];	/* raw */
	bool is_bridge; /* containers and virtual machines stand behind it */
};

struct local_log {
	int fd;			   /* a file, or the pipe of a journalctl; -1: closed */
	char name[LOCAL_PATH_MAX]; /* raw */
	bool is_pipe;
	int64_t from;	      /* where it ended when it was opened */
	char *before, *after; /* its last part up to there; what came since. NULL nothing */
	size_t before_size, after_size; /* without the final 0 */
};

/* When a file was changed; 0: there is none. */
struct local_ages {
	int64_t clamav_s, spamassassin_s, package_lists_s;
};

enum local_clock { LOCAL_CLOCK_UNKNOWN, LOCAL_CLOCK_FREE, LOCAL_CLOCK_SYNCHRONISED };

struct local_raw {
	struct local_piece *piece;
	size_t piece_count, piece_room;
	char (*process)[LOCAL_COMM_MAX]; /* names of all processes */
	size_t process_count, process_room;
	int process_code; /* -errno: could not be read */
	struct local_listener *listener;
	size_t listener_count, listener_room;
	int listener_code;
	struct local_network *network;
	size_t network_count, network_room;
	struct local_log log[LOCAL_LOGS_MAX];
	unsigned log_count;
	struct local_ages age;
	enum local_clock clock;
	bool uploads_journal; /* systemd-journal-upload is enabled */
	int64_t at_s;
};

/* Takes bytes (malloc'd; NULL with a code). NULL when out of memory: then bytes are freed. */
struct local_piece *local_raw_add(struct local_raw *raw, enum local_item item, const char *name,
				  int code, char *bytes, size_t length);
/* The first of this item, or NULL: nobody looked. */
const struct local_piece *local_piece_find(const struct local_raw *raw, enum local_item item);

/* local_run.c: several tools at once, each into a piece. */
enum local_rights {
	LOCAL_AS_ROOT,
	LOCAL_NOBODY_FIRST, /* it needs no rights; tried again with ours where it fails */
	LOCAL_NOBODY_ONLY,  /* what it reads is somebody else's */
};

struct local_tool {
	enum local_item item;
	const char *names[3]; /* the first that is there */
	const char *arguments[4];
	const char *config_option; /* in front of the request's instance: "-c"; NULL none */
	const char *config;	   /* of the request; "" none */
	enum local_rights rights;
};
int local_run(struct local_raw *raw, const struct local_tool *tools, unsigned count);
/* The absolute path of a tool, or "". Returns buffer. */
const char *local_tool_find(const char *name, char buffer[static LOCAL_PATH_MAX]);
/* May somebody but root write this file or directory, or put another one in its place? */
bool local_path_is_others(const char *path);
/* May somebody but root write this directory of a configuration, or main.cf or master.cf in it? Then it is not obeyed with our rights. */
bool local_config_is_others(const char *config);
/* One that goes on writing to a pipe as long as somebody reads: the pipe's end, non-blocking, or -errno. */
int local_run_on(const char *path, const char *const *arguments);

/* local_host.c: what is no tool's output. */
void local_collect_files(struct local_raw *raw, const struct audit_request *request);
void local_collect_state(struct local_raw *raw);

/* local_log.c */
void local_log_collect(struct local_raw *raw, const struct audit_request *request,
		       const char *maillog_file);
void local_log_read_before(struct local_log *log);
void local_log_close(struct local_log *log);
/* The client's address in a line of a mail server's log, whichever it is. */
bool local_log_address(const char *line, size_t length, struct addr *out);
/* Who handed in the message with this queue id; "" none: user is the name it authenticated by, escaped. */
bool local_log_client(const struct local_log *log, const char *queue_id, struct addr *out,
		      char *user, size_t size);

/* ---- what it says ---- */

/* A setting of a mail server: "mynetworks", "submission/inet/mynetworks", "plugin/quota_rule". */
struct local_setting {
	enum server_kind server;
	const char *name, *value; /* raw; in the bytes of `text` */
};

/* Whom a mail server relays for by address. */
struct local_trust {
	enum server_kind server;
	struct prefix prefix;
	bool is_exception;	     /* "!10.0.0.1": not this one */
	char entry[LOCAL_ENTRY_MAX]; /* "mynetworks: 172.16.0.0/12"; escaped */
};

struct local_zone {
	char zone[SITE_DOMAIN_MAX]; /* escaped */
	char where[SEEN_TEXT_MAX];
	bool is_names;
};

struct local_sender {
	char *sender; /* raw; "" the empty one */
	unsigned count;
	char queue_id[32]; /* of one of its messages */
};

struct local_user {
	char name[64], shell[64]; /* escaped */
	uint32_t uid;
	bool is_admin;
};

struct local_package {
	char name[64], to[64], from[64]; /* escaped */
};

/* One part of what was read: 0, -ENOENT (there is none), -ENODATA (nobody looked), or why not. */
struct local_state {
	int code;
	char why[LOCAL_WHY_MAX];
};

struct seen_local {
	struct local_state postfix, exim, smtpd, dovecot, queue, users, packages, processes,
		listeners;
	char **text; /* what settings point into */
	size_t text_count, text_room;
	struct local_setting *setting;
	size_t setting_count, setting_room;
	struct local_trust *trust;
	size_t trust_count, trust_room;
	char trust_unread[SEEN_TEXT_MAX]; /* entries that are elsewhere: tables, files; escaped */
	struct local_zone *zone;
	size_t zone_count, zone_room;
	struct local_sender *sender;
	size_t sender_count, sender_room;
	unsigned queued; /* messages */
	bool is_queue_cut;
	enum server_kind queue_server;
	struct local_user *user; /* who may log in */
	size_t user_count, user_room;
	struct local_package *package; /* of mail, that lag behind */
	size_t package_count, package_room;
	char remote_log[SEEN_TEXT_MAX]; /* where logs go; escaped; "" nowhere */
	bool has_logger;		/* a configuration that could say so was read */
	char (*process)[LOCAL_COMM_MAX];
	size_t process_count;
	struct local_listener *listener;
	size_t listener_count;
	struct local_network *network;
	size_t network_count;
	struct local_log log[LOCAL_LOGS_MAX];
	unsigned log_count;
	struct local_ages age;
	enum local_clock clock;
	int64_t at_s;
	bool is_short; /* of memory: something is missing */
};

/* The readers, by what they read. */
void local_read_postfix(struct seen_local *l, const struct local_raw *raw);
void local_read_exim(struct seen_local *l, const struct local_raw *raw);
void local_read_smtpd(struct seen_local *l, const struct local_raw *raw);
void local_read_dovecot(struct seen_local *l, const struct local_raw *raw);
void local_read_queue(struct seen_local *l, const struct local_raw *raw);
void local_read_host(struct seen_local *l, const struct local_raw *raw);

/* ---- small things of theirs ---- */

void local_state_set(struct local_state *s, const struct local_piece *piece);
/* A copy of the piece's bytes that lives as long as l, to be cut into texts. NULL: none. */
char *local_keep(struct seen_local *l, const struct local_piece *piece);
void local_setting_add(struct seen_local *l, enum server_kind server, const char *name,
		       const char *value);
/* The value, or NULL. */
const char *local_setting_find(const struct seen_local *l, enum server_kind server,
			       const char *name);
/* entry: as written, "10.0.0.0/8", "[::1]/128", "!10.0.0.1", "all"; what is none of these is noted as unread. */
void local_trust_add(struct seen_local *l, enum server_kind server, const char *where,
		     const char *entry);
void local_zone_add(struct seen_local *l, const char *zone, const char *where, bool is_names);
/* The next line of *at, its end replaced by 0; NULL behind the last. */
char *local_line(char **at);
/* The next word of *at, parted by these characters; NULL behind the last. */
char *local_word(char **at, const char *parted_by);
char *local_trim(char *text);
/* Is there a process whose name starts so? */
bool local_runs(const struct seen_local *l, const char *comm);
/* Is it one of this host's own addresses, or a whole network of them? */
bool local_is_own(const struct seen_local *l, const struct prefix *p);

#endif
