/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_ADDRESS(check_smuggling)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_antivirus_active)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_antispam_active)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_attachments)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_limits_active)
{
	(void)l;
	(void)a;
}
