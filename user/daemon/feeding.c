/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of addresses: watched, read by a child, swapped in. */
#include "daemon/feeding.h"

const struct part feeding_part = {
	.name = "feeding",
	.lost = "feeds stay as they are",
};
