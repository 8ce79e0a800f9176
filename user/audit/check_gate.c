/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/check.h"

CHECK_GATE(check_limits)
{
	(void)l;
	(void)gate;
}

CHECK_GATE(check_blocklist)
{
	(void)l;
	(void)gate;
}

CHECK_GATE(check_kill_file)
{
	(void)l;
	(void)gate;
}

CHECK_GATE(check_dnsbl_gate)
{
	(void)l;
	(void)gate;
}

CHECK_GATE(check_long_line_gate)
{
	(void)l;
	(void)gate;
}

CHECK_GATE(check_report_abuse)
{
	(void)l;
	(void)gate;
}
