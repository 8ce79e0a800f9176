/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_LOCAL(check_relay_local)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_ports_local)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_patches_local)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_users)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_antivirus)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_antispam)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_mailbox_quota)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_queue)
{
	(void)l;
	(void)local;
}

CHECK_LOCAL(check_logging)
{
	(void)l;
	(void)local;
}
