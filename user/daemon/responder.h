/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the responder (nursery.h: responder_run) is born with. The keeper makes it, since it can read files: a certificate and its
 * key come along as bytes.
 */
#ifndef DAEMON_RESPONDER_H
#define DAEMON_RESPONDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/conf.h"
#include "reply/reply.h"

#define RESPONDER_PEM_MAX (64 * 1024) /* of a file: a chain of five has some 10 KB */

struct responder_settings {
	struct reply_settings reply;
	uint32_t chain_length, key_length; /* both 0: no STARTTLS */
	char pem[];			   /* the chain, then the key */
};

/*
 * For the keeper: from the configuration. Files are read and tried, so that what is wrong with them is said at a start or
 * reload, and not by a child that dies. *out goes to responder_settings_free(). 0 or -errno.
 */
int responder_settings_make(const struct conf *c, struct responder_settings **out, size_t *length,
			    struct err *e);
/* Would one come of this configuration, which lies at path? Where no responder runs nothing is read. 0 or -errno. */
int responder_settings_try(const struct conf *c, const char *path, struct err *e);
void responder_settings_free(struct responder_settings *s); /* NULL is fine; the key is wiped */
/* For the child: is it whole? NULL when not. */
const struct responder_settings *responder_settings_check(const void *bytes, size_t length);

#endif
