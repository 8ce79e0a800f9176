/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_ADDRESS(check_banner)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_help)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_patches)
{
	(void)l;
	(void)a;
}
