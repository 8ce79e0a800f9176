/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM key records: see dkim.h. The key is a SubjectPublicKeyInfo in base64, of which only the length of the modulus is read. */
#include "dns/dkim.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define VERSION	      "DKIM1"
#define KEY_BYTES_MAX 2200 /* RSA of 16384 bits; what is longer fits in no answer */
#define DER_INTEGER   0x02
#define DER_BITS      0x03
#define DER_SEQUENCE  0x30
#define DER_LONG      0x80

/* ---- DER (X.690), forwards only ---- */

struct der {
	const uint8_t *at, *end;
};

/* The next element must be of this tag: *d becomes its contents (enter), or what is behind it. false: it is not. */
static bool der_next(struct der *d, uint8_t tag, bool enter)
{
	size_t length, count;

	if (d->end - d->at < 2 || *d->at++ != tag)
		return false;
	length = *d->at++;
	if (length & DER_LONG) {
		count = length & ~(size_t)DER_LONG;
		if (!count || count > 2 || (size_t)(d->end - d->at) < count)
			return false;
		for (length = 0; count--;)
			length = length << 8 | *d->at++;
	}
	if (length > (size_t)(d->end - d->at))
		return false;
	if (enter)
		d->end = d->at + length;
	else
		d->at += length;
	return true;
}

/* RFC 8017, A.1.1, in RFC 5280, 4.1.2.7. 0: not readable. */
static unsigned rsa_bits(const uint8_t *bytes, size_t length)
{
	struct der d = {bytes, bytes + length};
	unsigned bits;

	if (!der_next(&d, DER_SEQUENCE, true))
		return 0;
	/* Some publish the bare RSAPublicKey, and verifiers take it. */
	if (d.at < d.end && *d.at == DER_SEQUENCE &&
	    (!der_next(&d, DER_SEQUENCE, false) || !der_next(&d, DER_BITS, true) || d.at == d.end ||
	     *d.at++ != 0 || !der_next(&d, DER_SEQUENCE, true)))
		return 0;
	if (!der_next(&d, DER_INTEGER, true))
		return 0;
	while (d.at < d.end && !*d.at)
		d.at++;
	if (d.at == d.end)
		return 0;
	bits = (unsigned)(d.end - d.at) * 8;
	for (uint8_t first = *d.at; !(first & 0x80); first = (uint8_t)(first << 1))
		bits--;
	return bits;
}

/* ---- base64 ---- */

static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* White space may stand anywhere in it. How many bytes; 0: none, or no base64. */
static size_t base64_read(const char *text, size_t length, uint8_t out[static KEY_BYTES_MAX])
{
	unsigned held = 0, bits = 0;
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int digit = digit_of(text[i]);

		if (text[i] == '=' || text[i] == ' ' || text[i] == '\t')
			continue;
		if (digit < 0 || used == KEY_BYTES_MAX)
			return 0;
		held = (held << 6 | (unsigned)digit) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[used++] = (uint8_t)(held >> bits);
		}
	}
	return used;
}

/* ---- tags ---- */

/* The value of a tag (RFC 6376, 3.2), without blanks around it; NULL: it is not there. */
static const char *tag_find(const char *text, size_t left, char name, size_t *length)
{
	while (left) {
		const char *end = memchr(text, ';', left), *at = text;
		size_t size = end ? (size_t)(end - text) : left;

		left -= size + (end != NULL);
		text += size + (end != NULL);
		for (; size && (*at == ' ' || *at == '\t'); at++)
			size--;
		if (size < 2 || *at != name)
			continue;
		for (at++, size--; size && (*at == ' ' || *at == '\t'); at++)
			size--;
		if (!size || *at != '=')
			continue;
		for (at++, size--; size && (*at == ' ' || *at == '\t'); at++)
			size--;
		while (size && (at[size - 1] == ' ' || at[size - 1] == '\t'))
			size--;
		*length = size;
		return at;
	}
	return NULL;
}

int dkim_parse(const char *text, size_t length, struct dkim_key *out)
{
	uint8_t key[KEY_BYTES_MAX];
	const char *value;
	size_t size;

	memset(out, 0, sizeof(*out));
	value = tag_find(text, length, 'v', &size);
	if (value && (size != sizeof(VERSION) - 1 || memcmp(value, VERSION, size) != 0))
		return -EINVAL;
	value = tag_find(text, length, 'k', &size);
	out->is_rsa = !value || (size == 3 && strncasecmp(value, "rsa", size) == 0);
	value = tag_find(text, length, 'p', &size);
	if (!value)
		return -EINVAL;
	out->is_revoked = !size;
	if (out->is_rsa && size) {
		size = base64_read(value, size, key);
		out->key_bits = rsa_bits(key, size);
	}
	return 0;
}
