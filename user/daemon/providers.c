/* SPDX-License-Identifier: BSD-2-Clause */
/* The networks that the SPF records of trusted providers name. */
#include "daemon/providers.h"

const struct part providers_part = {
	.name = "providers",
	.lost = "no provider is trusted anew",
};
