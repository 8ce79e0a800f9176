/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_ADDRESS(check_source)
{
	(void)l;
	(void)a;
}

CHECK_LOCAL(check_source_local)
{
	(void)l;
	(void)local;
}
