/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_LOCAL(check_dnsbl)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_surbl)
{
	(void)l;
	(void)local;
}
