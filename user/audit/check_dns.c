/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_ADDRESS(check_rdns)
{
	(void)l;
	(void)a;
}

CHECK_DOMAIN(check_mx)
{
	(void)l;
}

CHECK_ADDRESS(check_blacklisted)
{
	(void)l;
	(void)a;
}
