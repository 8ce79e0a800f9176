/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the servers' own announcements. Only what can be reached from the network, and what is sure; a version that is not here is no
 * proof of health.
 */
#include "audit/patches_data.h"

const struct patches_row patches_rows[] = {
	{SERVER_EXIM, "4.87", "4.92", "CVE-2019-10149: commands run as root by a recipient"},
	{SERVER_EXIM, "0", "4.92.2", "CVE-2019-15846: code run as root through TLS"},
	{SERVER_EXIM, "0", "4.94.2", "CVE-2020-28017 to 28026 (\"21Nails\"): code run from afar"},
	{SERVER_EXIM, "0", "4.96.1",
	 "CVE-2023-42114, CVE-2023-42115, CVE-2023-42116: holes in AUTH"},
	{SERVER_EXIM, "0", "4.96.2", "CVE-2023-42117, CVE-2023-42119: PROXY and DNS"},
	{SERVER_EXIM, "0", "4.97.1", "CVE-2023-51766: end-of-data smuggling"},
	{SERVER_EXIM, "0", "4.98", "CVE-2024-39929: attachments slip past filters"},
	{SERVER_POSTFIX, "0", "3.5", "out of support: nobody mends it"},
	{SERVER_POSTFIX, "3.5", "3.5.23", "CVE-2023-51764: end-of-data smuggling"},
	{SERVER_POSTFIX, "3.6", "3.6.13", "CVE-2023-51764: end-of-data smuggling"},
	{SERVER_POSTFIX, "3.7", "3.7.9", "CVE-2023-51764: end-of-data smuggling"},
	{SERVER_POSTFIX, "3.8", "3.8.4", "CVE-2023-51764: end-of-data smuggling"},
	{SERVER_SENDMAIL, "0", "8.13.6", "CVE-2006-0058: code run from afar"},
	{SERVER_SENDMAIL, "0", "8.18", "CVE-2023-51765: end-of-data smuggling"},
	{SERVER_OPENSMTPD, "6.4", "6.6.2", "CVE-2020-7247: commands run as root by a sender"},
	{SERVER_OPENSMTPD, "0", "6.6.4", "CVE-2020-8794: code run as root"},
	{SERVER_EXCHANGE, "0", "15.1", "out of support: nobody mends it"},
	{SERVER_DOVECOT, "0", "2.2.36.4", "CVE-2019-11500: memory overwritten by IMAP and POP3"},
	{SERVER_DOVECOT, "2.3", "2.3.7.2", "CVE-2019-11500: memory overwritten by IMAP and POP3"},
	{SERVER_DOVECOT, "2.3", "2.3.14.1", "CVE-2021-33515: commands injected before TLS"},
	{SERVER_DOVECOT, "0", "2.3.21.1", "CVE-2024-23184, CVE-2024-23185: headers exhaust it"},
	{SERVER_CYRUS, "0", "3.0.16", "CVE-2021-33582: its hash tables are exhausted"},
	{SERVER_HARAKA, "0", "2.8.9", "CVE-2016-1000282: commands run by an attachment"},
};
const unsigned patches_row_count = sizeof(patches_rows) / sizeof(patches_rows[0]);
