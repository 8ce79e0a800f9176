/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What there is to measure, gathered for whoever shows it: `postern metrics`, the controller's page for Prometheus, `postern top`. What the
 * kernel knows is read from the maps; the rest is filled in by the controller from what it has in mind, and by commands from
 * the run directory.
 */
#ifndef DAEMON_METER_MEASURE_H
#define DAEMON_METER_MEASURE_H

#include "base/json.h"
#include "conf/conf.h"
#include "dns/dns.h"
#include "kern/feeds.h"
#include "kern/maps.h"
#include "kern/tables.h"
#include "reply/reply.h"

#define MEASURE_LINKS_MAX 32  /* more interfaces than that are not shown one by one */
#define MEASURE_NAME_MAX  256 /* of a zone, and of an interface whose name was escaped */

struct measure_zone {
	char name[MEASURE_NAME_MAX]; /* printable */
	unsigned state;		     /* enum dns_zone_state */
	uint64_t asked, listed, errors, over_budget;
	uint32_t latency_ms;
};

struct measure_feed {
	char name[CONF_INSTANCE_MAX];
	uint64_t entries, hits;
	int64_t loaded_wall_s; /* 0: never */
	bool held_back;	       /* a newer file is there and was not taken */
};

struct measure_link {
	char name[MEASURE_NAME_MAX]; /* printable */
	bool native, present;
};

enum measure_state { MEASURE_OFF, MEASURE_DOWN, MEASURE_UP };
enum measure_child {
	MEASURE_RESOLVER,
	MEASURE_RESPONDER,
	MEASURE_METER,
	MEASURE_FOLLOWER,
	MEASURE_PROVIDERS,
	MEASURE_CHILDREN,
};
/* "resolver", "responder" ... as the run directory and metrics call it */
const char *measure_child_name(enum measure_child c);

struct measure {
	/* The kernel's. */
	bool loaded;
	uint64_t now_boot_ns;
	uint64_t enforce_until, alive_until;
	struct counter counter[PN_CLASSES * PN_REASONS];
	unsigned counter_count;
	struct fault fault[PN_FAULTS + 1];
	unsigned fault_count;
	uint64_t open;
	uint32_t reloads_done, reloads_failed;
	struct measure_link link[MEASURE_LINKS_MAX];
	unsigned link_count;
	uint64_t entries[GATE_TABLES], limit[GATE_TABLES];
	bool counted[GATE_TABLES];
	struct feeds_hits feed_hits;
	bool has_bans;
	uint64_t bans;

	/* The controller's. */
	bool controller;	 /* one runs */
	bool has_told;		 /* and has told what follows */
	int64_t started_wall_s;	 /* 0: not known */
	int64_t reloaded_wall_s; /* when its configuration was read last, without a fault */
	bool reload_failed;	 /* the last reload did */
	struct {
		enum measure_state state;
		uint64_t deaths;
	} child[MEASURE_CHILDREN];
	struct reply_status responder;
	bool log_wanted, log_followed; /* the mail log */
	uint64_t log_deliveries;
	struct measure_zone zone[SITE_ZONES_MAX];
	unsigned zone_count;
	struct measure_feed feed[CONF_FEEDS_MAX];
	unsigned feed_count;
};

/*
 * What the maps tell, but for the tables, which take longer (tables_step): what is known of these is copied from walk, which may be NULL. 0
 * or -errno.
 */
int measure_gate(struct gate *g, const struct tables_walk *walk, struct measure *m, struct err *e);

/*
 * One more zone, for the caller to fill in; NULL: there is no room. It bears the name, or where another does already (dnsbl.reply_names may
 * give one to several) "NAME (2)": two samples of the same labels would be taken for one.
 */
struct measure_zone *measure_add_zone(struct measure *m, const char *name);

/* What is told of the mail log (following.h: following_row), or NULL, which is nothing. */
void measure_mail_log(struct measure *m, const json_t *row);

#endif
