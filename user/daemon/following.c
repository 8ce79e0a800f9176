/* SPDX-License-Identifier: BSD-2-Clause */
/* The mail log, followed for who delivers. */
#include "daemon/following.h"

const struct part following_part = {
	.name = "following",
	.lost = "who delivers mail is not seen",
};
