/* SPDX-License-Identifier: BSD-2-Clause */
/* Offences, and the bans that follow. */
#include "daemon/bans.h"

const struct part bans_part = {
	.name = "bans",
	.lost = "nobody is banned",
};
