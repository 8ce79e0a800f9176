/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of fixes, a table for each kind of server that has some. Texts have their lines parted by '\n' only in their arrays. */
#ifndef AUDIT_FIX_DATA_H
#define AUDIT_FIX_DATA_H

#define FIX_LINES_MAX 16 /* of a fix, with the NULL at its end */

/* lines[0] NULL: there is none, and that of the whole check would be wrong. */
struct fix_row {
	const char *id;
	const char *lines[FIX_LINES_MAX];
};

/* Each ends with a row without an id. */
extern const struct fix_row fix_postfix[], fix_exim[], fix_sendmail[], fix_opensmtpd[],
	fix_exchange[], fix_dovecot[], fix_courier[], fix_cyrus[];

#endif
