/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a host's inside stands in a line of text: a name that means nothing outside, or an address of a private network. And what a
 * Windows host says of itself before anybody has authenticated: the type 2 message of NTLM.
 */
#ifndef AUDIT_FINGERPRINT_INSIDE_H
#define AUDIT_FINGERPRINT_INSIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/*
 * Is the name one of the inside: localhost, a single label, or below a domain that is in no public DNS (RFC 6761, 6762; what people took
 * when they had none)? own: that of the audited host, "" none, which is none whatever it is.
 */
bool inside_is_name(const char *name, size_t length, const char *own);
/* The first word of the text that is a private address, other than ours. Escaped into buffer; false: none. */
bool inside_find_address(const char *text, size_t length, const struct addr *ours, char *buffer,
			 size_t size);

#define NTLM_NAME_MAX 96

struct ntlm_target {
	char computer
		[NTLM_NAME_MAX]; /* its name in the DNS, else that of NetBIOS; escaped; "" none */
	char domain[NTLM_NAME_MAX];  /* the same of its domain */
	char version[NTLM_NAME_MAX]; /* "10.0.17763"; "" none */
};

/*
 * A type 2 message (MS-NLMP, 2.2.1.2) in base64, as it stands behind "334 ". False when it is none; what lies outside of the message is
 * left out.
 */
bool ntlm_read(const char *base64, size_t length, struct ntlm_target *out);

#endif
