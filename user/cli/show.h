/* SPDX-License-Identifier: BSD-2-Clause */
/* The topics of `show`, one function each. None needs a running controller. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/cli.h"

int show_status(struct cli *cli);
int show_rules(struct cli *cli);
int show_sources(struct cli *cli);
int show_rates(struct cli *cli);
int show_open(struct cli *cli);
int show_counters(struct cli *cli);
int show_config(struct cli *cli);

/* When a rate lets one more in, RFC 3339; null for now. */
json_t *rate_free_at(const struct rate_entry *rate);

#endif
