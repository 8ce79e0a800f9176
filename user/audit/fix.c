/* SPDX-License-Identifier: BSD-2-Clause */
/* Which fix it is: that of the finding, else that of its check. */
#include "audit/fix.h"

#include <stddef.h>
#include <string.h>

#include "audit/fix_data.h"

static const struct fix_row *const tables[SERVER_KINDS] = {
	[SERVER_POSTFIX] = fix_postfix,	  [SERVER_EXIM] = fix_exim,
	[SERVER_SENDMAIL] = fix_sendmail, [SERVER_OPENSMTPD] = fix_opensmtpd,
	[SERVER_EXCHANGE] = fix_exchange, [SERVER_DOVECOT] = fix_dovecot,
	[SERVER_COURIER] = fix_courier,	  [SERVER_CYRUS] = fix_cyrus,
};

static const struct fix_row *row_find(const struct fix_row *row, const char *id, size_t length)
{
	for (; row && row->id; row++)
		if (strlen(row->id) == length && memcmp(row->id, id, length) == 0)
			return row;
	return NULL;
}

const char *const *fix_for(const char *id, enum server_kind server)
{
	const struct fix_row *table = server < SERVER_KINDS ? tables[server] : NULL, *row;

	row = row_find(table, id, strlen(id));
	if (!row)
		row = row_find(table, id, strcspn(id, "."));
	return row && row->lines[0] ? row->lines : NULL;
}
