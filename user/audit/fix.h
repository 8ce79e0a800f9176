/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to paste where, by finding and server. Each fix is a list of lines; a line that starts with "# " and names a file and a place in it
 * ("# main.cf", "# exim4.conf, main section", "# smtpd.conf", "# conf.d/10-ssl.conf") says where the lines under it go. The tests paste
 * them into real servers.
 */
#ifndef AUDIT_FIX_H
#define AUDIT_FIX_H

#include "audit/words.h"

/* NULL-terminated lines, static; NULL: none known. id: of the finding; a part without a fix of its own has the check's. */
const char *const *fix_for(const char *id, enum server_kind server);

#endif
