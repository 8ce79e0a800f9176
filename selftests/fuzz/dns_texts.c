/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The texts that a domain publishes: SPF, DMARC and DKIM records. Whatever is in them, what is told of them can be shown, and what is
 * said to be fine is within its bounds.
 */
#include "dns/dkim.h"
#include "dns/dmarc.h"
#include "dns/spf.h"
#include "fuzz/fuzz.h"

#define KEY_BITS_MOST 20000 /* more than there is room for */

static void spf_try(const uint8_t *data, size_t size)
{
	static struct spf_term term[SPF_TERMS_MAX];
	char *text = text_of(data, size);
	struct err e = {0};
	unsigned count;

	if (spf_parse(text, term, &count, &e) < 0) {
		HOLDS(e.text[0] && is_printable(e.text));
	} else {
		HOLDS(spf_is_record((const uint8_t *)text, strlen(text)) && count <= SPF_TERMS_MAX);
		/* A record that is fine has no bytes that could not be shown. */
		HOLDS(is_printable(text));
	}
	for (unsigned i = 0; i < count; i++) {
		HOLDS(term[i].name[0] && memchr(term[i].name, 0, sizeof(term[i].name)) &&
		      memchr(term[i].value, 0, sizeof(term[i].value)));
		HOLDS(term[i].bits4 >= -1 && term[i].bits4 <= 32 && term[i].bits6 >= -1 &&
		      term[i].bits6 <= 128);
	}
	free(text);
}

static void dmarc_try(const char *text, size_t size)
{
	struct dmarc_finding f = {0};

	if (dmarc_parse(text, size, &f) < 0)
		return;
	HOLDS(f.percent <= 100 && is_printable(f.why));
	HOLDS(f.policy != DMARC_NO_POLICY || f.why[0]);
}

static void dkim_try(const char *text, size_t size)
{
	struct dkim_key key;

	if (dkim_parse(text, size, &key) < 0)
		return;
	HOLDS(key.key_bits <= KEY_BITS_MOST && !(key.is_revoked && key.key_bits));
	HOLDS(key.is_rsa || !key.key_bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = copy_of(data, size);

	spf_try((const uint8_t *)copy, size);
	dmarc_try(copy, size);
	dkim_try(copy, size);
	free(copy);
	return 0;
}
