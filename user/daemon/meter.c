/* SPDX-License-Identifier: BSD-2-Clause */
/* Where Prometheus reads. */
#include "daemon/meter.h"

const struct part meter_part = {
	.name = "meter",
	.lost = "no metrics are given",
};
