/* SPDX-License-Identifier: BSD-2-Clause */
/* What was decided, and in monitor mode what would have been, is kept for the report. */
#include "daemon/witness.h"

const struct part witness_part = {
	.name = "witness",
	.lost = "nothing is kept for the report",
};
