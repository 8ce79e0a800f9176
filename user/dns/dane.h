/* SPDX-License-Identifier: BSD-2-Clause */
/* TLSA records (RFC 6698; for SMTP RFC 7672) of a mail host. */
#ifndef DNS_DANE_H
#define DNS_DANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/answer.h"

#define DANE_RECORDS_MAX ANSWER_TLSA_MAX

struct dane_set {
	enum answer_status status;
	bool is_authentic; /* the resolver has checked the signatures (AD); false: it has not, or there are none */
	struct answer_tlsa record[DANE_RECORDS_MAX];
	unsigned count;
};

/* From the answer to the question for TLSA at _25._tcp.HOST. */
void dane_take(const struct answer *a, struct dane_set *out);

enum dane_match { DANE_UNUSABLE, DANE_MATCHES, DANE_DIFFERS };
/* By the SHA-256 digests of certificate and key (base/tls.h): those with matching type 1; others are unusable. RFC 7672, 3.1: usages 2 and 3; 2 needs a chain and is unusable here. DIFFERS: none matches, and there is none that only others can compare. */
enum dane_match dane_compare(const struct dane_set *s, const uint8_t *certificate_sha256,
			     const uint8_t *key_sha256);

#endif
