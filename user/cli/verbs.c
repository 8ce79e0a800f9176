/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of verbs: one row each, from which parsing, `help` and usage all come. */
#include <string.h>

#include "cli/audit.h"
#include "cli/cli.h"

#define RULE_CLAUSES "PREFIX|- [for TIME] [saying TEXT] [because TEXT]"

const struct verb verbs[] = {
	{"run", "[--trial]", verb_run, "police in the foreground; --trial leaves nothing behind",
	 VERB_CONF, NULL},
	{"attach", "IFACE...", verb_attach, "guard interfaces without a controller", VERB_CONF,
	 NULL},
	{"detach", "IFACE|all...", verb_detach,
	 "stop guarding interfaces; all: also take the whole gate out of the kernel", VERB_LENIENT,
	 NULL},
	{"block",
	 "PREFIX|- [anyway] [for TIME] [with drop|refuse|reply] [origin NAME] [saying TEXT] "
	 "[because TEXT]",
	 verb_block,
	 "let nothing in from there (-: prefixes on standard input, one a line; anyway: also where "
	 "somebody is logged in from; origin: for another program, which leaves the rules of "
	 "others alone)",
	 VERB_CONF, NULL},
	{"unblock", "PREFIX|- [origin NAME]", verb_unblock,
	 "take a block back (origin: only if it is of that one)", VERB_CONF, NULL},
	{"allow", RULE_CLAUSES, verb_allow, "never judge what comes from there", VERB_CONF, NULL},
	{"disallow", "PREFIX|-", verb_disallow, "take an allow back", VERB_CONF, NULL},
	{"trust", RULE_CLAUSES, verb_trust, "never ask the DNS about it; blocks and limits go on",
	 VERB_CONF, NULL},
	{"distrust", "PREFIX|-", verb_distrust, "take a trust back", VERB_CONF, NULL},
	{"enforce", "[for TIME]", verb_enforce,
	 "do what is judged; with a time, monitor again after it", VERB_CONF, NULL},
	{"monitor", "", verb_monitor, "judge and count, but act on the operator's rules alone",
	 VERB_CONF, NULL},
	{"why", "ADDR [port PORT]", verb_why, "what the kernel does with its next SYN, and why",
	 VERB_LENIENT, NULL},
	{"check", "ADDR", verb_check, "ask the DNS lists about it now; changes nothing", VERB_CONF,
	 NULL},
	{"evidence", "ADDR [no contact]", verb_evidence,
	 "a report about it for the owner of its network, with times and counts", VERB_CONF, NULL},
	{"forget", "ADDR", verb_forget, "take back what was decided or measured automatically",
	 VERB_LENIENT, NULL},
	{"show", "status|rules|sources|rates|open|counters|zones|feeds|providers|journal|config",
	 verb_show, "what is in force, and what has happened", VERB_CONF, NULL},
	{"report", "[since TIME] [--html FILE]", verb_report,
	 "what is or would be refused, and which of it delivered mail", VERB_CONF, NULL},
	{"top", "", verb_top, "a live screen of what the gate does", VERB_LENIENT, NULL},
	{"watch", "[source PREFIX] [reason REASON]", verb_watch,
	 "what happens and what is decided, until Ctrl-C", VERB_LENIENT, NULL},
	{"metrics", "", verb_metrics, "counters and states as Prometheus reads them", VERB_LENIENT,
	 NULL},
	{"feed load", "NAME|all [anyway]", verb_feed_load,
	 "read feed files again and swap them in (anyway: however much they have changed)",
	 VERB_CONF, NULL},
	{"import postfix", "[DIRECTORY]", verb_import_postfix,
	 "print a configuration made of what Postfix is configured to do", VERB_BARE, NULL},
	{"import list", "FILE|- [for TIME] [with drop|refuse|reply] [origin NAME] [because TEXT]",
	 verb_import_list, "block every address and prefix of a file", VERB_CONF, NULL},
	{"export", "list|rbldnsd|nft [origin NAME]", verb_export,
	 "what is blocked, for other programs", VERB_CONF, NULL},
	{"reload", "", verb_reload,
	 "have the controller read its configuration again, and say what has changed", VERB_BARE,
	 NULL},
	{"config check", "[FILE]", verb_config_check, "look for faults in a configuration",
	 VERB_BARE, NULL},
	{"config sample", "", verb_config_sample, "print a configuration with every key explained",
	 VERB_BARE, NULL},
	{"audit", "[DOMAIN|ADDR]", verb_audit,
	 "is the mail server well kept, by every point of the checklists", VERB_LENIENT,
	 audit_options},
	{"doctor", "", verb_doctor, "can this host run it, and what stands in the way",
	 VERB_LENIENT, NULL},
	{"version", "", verb_version, "print the version", VERB_BARE, NULL},
	{"help", "[VERB...]", verb_help, "list the verbs, or explain one", VERB_BARE, NULL},
};
const unsigned verb_count = sizeof(verbs) / sizeof(verbs[0]);

const struct verb *verb_find(const char *name)
{
	for (unsigned i = 0; i < verb_count; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
