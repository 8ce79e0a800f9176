/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_ADDRESS(check_vrfy)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_expn)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_helo)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_sender)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_null_sender)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_long_line)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_size)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_backscatter)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_aliases)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_roles)
{
	(void)l;
	(void)a;
}
