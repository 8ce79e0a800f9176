/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_ADDRESS(check_relay)
{
	(void)l;
	(void)a;
}
