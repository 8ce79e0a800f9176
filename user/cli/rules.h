/* SPDX-License-Identifier: BSD-2-Clause */
/* What verbs that order rules share: rules.c has them, `import list` uses them for many at once. */
#ifndef CLI_RULES_H
#define CLI_RULES_H

#include "cli/cli.h"

/* Has the name the form of an origin (NULL: none was given)? 0 or -EINVAL with what is wrong. */
int origin_check(const char *name, struct err *e);
/* A rule without a prefix, with the clauses of the command line. 0 or -EINVAL with what is wrong. */
int rule_begin(enum store_kind kind, const struct sentence *s, struct store_rule *out,
	       struct err *e);
/* How many there are now, and whether they are in force. done: "blocked". Returns a status. */
int rule_many_say(const struct cli *cli, struct ruling *r, const char *done, size_t count,
		  unsigned killed);
/* Where nobody can be told why, the kernel resets: said once, whatever the number of rules. */
void rule_warn_no_reply(const struct cli *cli, struct gate *g);

#endif
