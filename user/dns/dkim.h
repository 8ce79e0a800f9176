/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM key records (RFC 6376, 3.6.1), as far as their owner wants to know: is it one, is it revoked, how long is the key? */
#ifndef DNS_DKIM_H
#define DNS_DKIM_H

#include <stdbool.h>
#include <stddef.h>

struct dkim_key {
	bool is_revoked;   /* an empty p= */
	bool is_rsa;	   /* k=rsa, or no k= */
	unsigned key_bits; /* of RSA; 0: the key cannot be read */
};

/* length bytes, foreign. 0, or -EINVAL when it is no key record: another version, or no p=. */
int dkim_parse(const char *text, size_t length, struct dkim_key *out);

#endif
