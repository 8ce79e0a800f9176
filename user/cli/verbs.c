/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of verbs: one row each, from which parsing, `help`, usage, completion and the manual's lists all come. In a detail
 * a line of its own is a paragraph, and two blanks behind its first word make that a heading of it.
 */
#include <string.h>

#include "cli/audit.h"
#include "cli/cli.h"

#define RULE_CLAUSES "PREFIX|- [for TIME] [because TEXT]"

#define RULE_DETAIL                                                                                \
	"`-` takes prefixes from standard input, one a line, each perhaps with clauses of its "    \
	"own. Many are done together or not at all.\n"

#define FOR_DETAIL     "for  until then; without it for good\n"
#define BECAUSE_DETAIL "because  takes the rest of the line, and stays private"

const struct verb verbs[] = {
	/* ---- operate ---- */
	{VERB_OPERATES, "run", "[--trial]", verb_run, "police in the foreground; systemd runs this",
	 "SIGTERM ends the controller and leaves the gate standing. SIGINT (Ctrl-C) also takes the "
	 "gate out of the kernel; stored rules are kept. SIGHUP reads the configuration again. "
	 "With "
	 "--trial it starts without stored rules and leaves nothing behind, however it ends.",
	 VERB_CONF, NULL},
	{VERB_OPERATES, "reload", "", verb_reload,
	 "read the configuration again, and say what changed",
	 "The controller does. A file with a fault is turned down, with the file, the line and the "
	 "nearest known key, and the old configuration goes on.",
	 VERB_BARE, NULL},
	{VERB_OPERATES, "enforce", "[for TIME]", verb_enforce,
	 "do what is judged; after TIME monitor again",
	 "The time goes on over reloads and restarts, with or without a controller. `enforce` "
	 "without one, given in time, makes it permanent.",
	 VERB_CONF, NULL},
	{VERB_OPERATES, "monitor", "", verb_monitor,
	 "judge and count; act on the operator's rules alone", NULL, VERB_CONF, NULL},
	{VERB_OPERATES, "attach", "IFACE...", verb_attach, "guard interfaces without a controller",
	 NULL, VERB_CONF, NULL},
	{VERB_OPERATES, "detach", "IFACE|all...", verb_detach,
	 "stop guarding interfaces; all: no gate any more",
	 "`all` takes programs, maps and links out of the kernel, and ends a controller. Stored "
	 "rules are kept.",
	 VERB_LENIENT, NULL},
	/* ---- look ---- */
	{VERB_LOOKS, "show",
	 "status|rules|sources|rates|open|counters|zones|feeds|providers|journal|config", verb_show,
	 "what is in force, and what has happened",
	 "status  mode, interfaces, controller, how full the tables are\n"
	 "rules  what is blocked, allowed and trusted: by you, by other programs, by itself\n"
	 "sources  who is listed, known or banned\n"
	 "rates  who has used how much of a limit\n"
	 "open  who has connections open\n"
	 "counters  packets by reason, and what enforce mode would have stopped\n"
	 "zones  how each DNS list does\n"
	 "feeds  each file: state, entries, age, hits, known senders on it\n"
	 "providers  what the SPF records of `trust_spf` gave\n"
	 "journal  what was decided, the latest first\n"
	 "config  every key with the value in force",
	 VERB_CONF, NULL},
	{VERB_LOOKS, "why", "ADDR [port PORT]", verb_why,
	 "what the kernel does with its next SYN, and why",
	 "The kernel itself is asked, by the code that judges packets; nothing is charged or "
	 "counted. Behind it stands how that came about: rules, verdicts with their lists, the "
	 "journal.",
	 VERB_LENIENT, NULL},
	{VERB_LOOKS, "report", "[since TIME] [--html FILE]", verb_report,
	 "what is or would be refused, and who of it delivers",
	 "Lays what was or would have been refused, of the last 7 days unless TIME says otherwise, "
	 "against the mail server's log, and gives the command that trusts each honest sender. "
	 "--html writes a page as well. Exit status: 0 nothing is left to explain; 1 no "
	 "report could be made; 2 misused; 4 something is left, or it cannot be told, or not yet.",
	 VERB_CONF, NULL},
	{VERB_LOOKS, "top", "", verb_top, "a live screen, with keys to act on a source",
	 "It takes a terminal of 80 columns and 24 rows. `?` explains the keys.", VERB_LENIENT,
	 NULL},
	{VERB_LOOKS, "watch", "[source PREFIX] [reason REASON]", verb_watch,
	 "what happens and is decided, until Ctrl-C",
	 "Reasons are those of `postern show counters`.", VERB_LENIENT, NULL},
	{VERB_LOOKS, "check", "ADDR", verb_check, "ask the DNS lists about it now; changes nothing",
	 NULL, VERB_CONF, NULL},
	{VERB_LOOKS, "evidence", "ADDR [no contact]", verb_evidence,
	 "a report for the owner of its network",
	 "Times in UTC, counts, what the lists said and whom to send it to; nothing of what you "
	 "wrote behind `because`. With `no contact` nobody is asked for the owner's address. Exit "
	 "status 3: nothing is known of that address.",
	 VERB_CONF, NULL},
	{VERB_LOOKS, "metrics", "", verb_metrics, "counters and states as Prometheus reads them",
	 NULL, VERB_LENIENT, NULL},
	/* ---- decide ---- */
	{VERB_DECIDES, "block",
	 "PREFIX|- [anyway] [for TIME] [with drop|refuse|reply] [origin NAME] [saying TEXT] "
	 "[because TEXT]",
	 verb_block, "let nothing in from there",
	 RULE_DETAIL
	 "anyway  also where somebody is logged in from\n" FOR_DETAIL
	 "with  drop is silence (the default), refuse a reset, reply tells the sender why\n"
	 "origin  for another program, which so leaves the rules of others alone\n"
	 "saying  what a refused sender is told (with reply); it stands before "
	 "`because`\n" BECAUSE_DETAIL,
	 VERB_CONF, NULL},
	{VERB_DECIDES, "unblock", "PREFIX|- [origin NAME]", verb_unblock, "take a block back",
	 "An address inside a blocked prefix is not taken out of it: the answer names the rule "
	 "that "
	 "covers it, and the exit status is 3. With `origin` only a block of that name is taken "
	 "back.",
	 VERB_CONF, NULL},
	{VERB_DECIDES, "allow", RULE_CLAUSES, verb_allow, "never judge what comes from there",
	 RULE_DETAIL FOR_DETAIL BECAUSE_DETAIL, VERB_CONF, NULL},
	{VERB_DECIDES, "disallow", "PREFIX|-", verb_disallow, "take an allow back", NULL, VERB_CONF,
	 NULL},
	{VERB_DECIDES, "trust", RULE_CLAUSES, verb_trust,
	 "no DNS list keeps it out; blocks and limits go on", RULE_DETAIL FOR_DETAIL BECAUSE_DETAIL,
	 VERB_CONF, NULL},
	{VERB_DECIDES, "distrust", "PREFIX|-", verb_distrust, "take a trust back",
	 "What the SPF record of a provider names stays trusted; the answer says so.", VERB_CONF,
	 NULL},
	{VERB_DECIDES, "forget", "ADDR", verb_forget, "take back what was decided automatically",
	 "Verdicts, bans and what was measured of it, of its /64 and of its network.", VERB_LENIENT,
	 NULL},
	/* ---- lists ---- */
	{VERB_LISTS, "feed load", "NAME|all [anyway]", verb_feed_load,
	 "read feed files again, and swap them in",
	 "The controller does so by itself whenever a file is written. With `anyway` a list is "
	 "taken however much it has changed, and where that loses what the kernel alone has of "
	 "another. Exit status 1: not all of them are loaded.",
	 VERB_CONF, NULL},
	{VERB_LISTS, "import list",
	 "FILE|- [for TIME] [with drop|refuse|reply] [origin NAME] [because TEXT]",
	 verb_import_list, "block every address and prefix of a file",
	 "The file is whatever a feed may be: a plain list, ranges, DROP's JSON, ipset, nftables, "
	 "rbldnsd. The clauses are those of `block` and hold for every entry; the origin is "
	 "`import` unless named. Lines that cannot be read are told by number, entries that are "
	 "never blocked by name, and left out.",
	 VERB_CONF, NULL},
	{VERB_LISTS, "export", "list|rbldnsd|nft [origin NAME]", verb_export,
	 "what is blocked, for other programs",
	 "Your blocks and, in enforce mode, who is banned or listed now; what is allowed inside of "
	 "it is an exception. Feeds, and what stands behind `because`, are not in it.",
	 VERB_CONF, NULL},
	/* ---- set up ---- */
	{VERB_SETS_UP, "doctor", "", verb_doctor,
	 "can this host run it, and what stands in the way", NULL, VERB_LENIENT, NULL},
	{VERB_SETS_UP, "import postfix", "[DIRECTORY]", verb_import_postfix,
	 "print a configuration made of what Postfix does",
	 "DIRECTORY is as `postconf -c` takes it; without one it is the system's Postfix. Each "
	 "line "
	 "has the setting that it comes from; what cannot be carried over stands in it as a "
	 "comment, with the reason. How much that is, is told on standard error.",
	 VERB_BARE, NULL},
	{VERB_SETS_UP, "config check", "[FILE]", verb_config_check,
	 "look for faults in a configuration", NULL, VERB_BARE, NULL},
	{VERB_SETS_UP, "config sample", "", verb_config_sample,
	 "print a configuration with every key explained", NULL, VERB_BARE, NULL},
	{VERB_SETS_UP, "audit", "[DOMAIN|ADDR]", verb_audit,
	 "is the mail server well kept, by five checklists",
	 "A DOMAIN is every address of all its MX hosts; an ADDR, or --host, is one host.",
	 VERB_LENIENT, audit_options},
	{VERB_SETS_UP, "version", "", verb_version, "print the version", NULL, VERB_BARE, NULL},
	{VERB_SETS_UP, "help", "[VERB...]", verb_help, "list the verbs, or explain one", NULL,
	 VERB_BARE, NULL},
};
const unsigned verb_count = sizeof(verbs) / sizeof(verbs[0]);

const struct verb *verb_find(const char *name)
{
	for (unsigned i = 0; i < verb_count; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
