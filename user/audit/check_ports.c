/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_ADDRESS(check_ports)
{
	(void)l;
	(void)a;
}

CHECK_HOST(check_backend)
{
	(void)l;
	(void)h;
}
