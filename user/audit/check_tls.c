/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_ADDRESS(check_starttls)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_auth_tls)
{
	(void)l;
	(void)a;
}

CHECK_ADDRESS(check_auth_required)
{
	(void)l;
	(void)a;
}
