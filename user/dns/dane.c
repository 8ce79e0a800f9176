/* SPDX-License-Identifier: BSD-2-Clause */
/* TLSA records against a certificate: see dane.h. */
#include "dns/dane.h"

#include <string.h>

#define USAGE_TA	2 /* DANE-TA (RFC 7218): an authority, for which a chain is needed */
#define USAGE_EE	3 /* DANE-EE: the server's own certificate or key */
#define SELECTOR_WHOLE	0 /* the certificate */
#define SELECTOR_KEY	1 /* its SubjectPublicKeyInfo */
#define MATCHING_SHA256 1
#define MATCHING_MAX	2 /* SHA-512; 0 is the whole */
#define SHA256_BYTES	32

void dane_take(const struct answer *a, struct dane_set *out)
{
	memset(out, 0, sizeof(*out));
	out->status = a->status;
	out->is_authentic = a->is_authentic;
	if (a->status != ANSWER_FOUND)
		return;
	out->count = a->count;
	memcpy(out->record, a->tlsa, a->count * sizeof(a->tlsa[0]));
}

enum dane_match dane_compare(const struct dane_set *s, const uint8_t *certificate_sha256,
			     const uint8_t *key_sha256)
{
	enum dane_match result = DANE_UNUSABLE;
	bool has_unread = false;

	for (unsigned i = 0; s->status == ANSWER_FOUND && i < s->count; i++) {
		const struct answer_tlsa *t = &s->record[i];

		/* Others can compare these, and one that matches is enough (RFC 7672, 3.1). */
		has_unread |= (t->usage == USAGE_TA || t->usage == USAGE_EE) &&
			      t->selector <= SELECTOR_KEY && t->matching <= MATCHING_MAX &&
			      (t->usage == USAGE_TA || t->matching != MATCHING_SHA256);
		if (t->usage != USAGE_EE || t->matching != MATCHING_SHA256 ||
		    t->selector > SELECTOR_KEY || t->length != SHA256_BYTES)
			continue;
		if (memcmp(t->data, t->selector == SELECTOR_WHOLE ? certificate_sha256 : key_sha256,
			   SHA256_BYTES) == 0)
			return DANE_MATCHES;
		result = DANE_DIFFERS;
	}
	return has_unread ? DANE_UNUSABLE : result;
}
