/* SPDX-License-Identifier: BSD-2-Clause */
/* TLSA records (RFC 6698; for SMTP RFC 7672) of a mail host. */
#ifndef DNS_DANE_H
#define DNS_DANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/answer.h"

#define DANE_RECORDS_MAX 8
#define DANE_DATA_MAX	 64 /* SHA-512 */

struct dane_record {
	uint8_t usage, selector, matching;
	uint8_t data[DANE_DATA_MAX]; /* longer ones (matching 0) are cut: they are then no match */
	size_t length;
};

struct dane_set {
	enum answer_status status;
	bool is_authentic; /* the AD bit of the resolver */
	struct dane_record record[DANE_RECORDS_MAX];
	unsigned count;
};

enum dane_match { DANE_UNUSABLE, DANE_MATCHES, DANE_DIFFERS };
/* By the SHA-256 digests of certificate and key (base/tls.h): those with matching type 1; others are unusable. RFC 7672, 3.1: usages 2 and 3; 2 needs a chain and is unusable here. */
enum dane_match dane_compare(const struct dane_set *s, const uint8_t *certificate_sha256,
			     const uint8_t *key_sha256);

#endif
