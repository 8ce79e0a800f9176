/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_DOMAIN(check_spf)
{
	(void)l;
}

CHECK_ADDRESS(check_spf_enforced)
{
	(void)l;
	(void)a;
}

CHECK_DOMAIN(check_dmarc)
{
	(void)l;
}

CHECK_DOMAIN(check_dkim)
{
	(void)l;
}

CHECK_DOMAIN(check_mta_sts)
{
	(void)l;
}

CHECK_DOMAIN(check_tls_rpt)
{
	(void)l;
}

CHECK_HOST(check_dane)
{
	(void)l;
	(void)h;
}
