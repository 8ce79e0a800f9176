/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type 2 message of NTLM: what a Windows host answers to the first message of anybody. All of it is foreign: each offset and length is
 * looked at before it is followed.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "audit/fingerprint_inside.h"
#include "base/json.h"

/* MS-NLMP, 2.2.1.2: places in the message, in bytes. */
#define TYPE_AT	      8
#define FLAGS_AT      20
#define TARGET_AT     40 /* length, room, offset of the list of pairs */
#define VERSION_AT    48
#define HEAD_BYTES    48 /* without the version, which old servers leave out */
#define VERSION_BYTES 8
#define MESSAGE_MAX   2048 /* real ones have some 300 */

#define SIGNATURE	"NTLMSSP" /* with its final 0 */
#define TYPE_CHALLENGE	2
#define FLAG_VERSION	0x02000000u
#define PAIR_HEAD_BYTES 4

/* MS-NLMP, 2.2.2.1 */
enum pair { PAIR_END, PAIR_NB_COMPUTER, PAIR_NB_DOMAIN, PAIR_DNS_COMPUTER, PAIR_DNS_DOMAIN };

static unsigned u16_at(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static uint32_t u32_at(const uint8_t *p)
{
	return u16_at(p) | (uint32_t)u16_at(p + 2) << 16;
}

/* -1: not a letter of the alphabet. */
static int base64_value(char c)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(letters, c) : NULL;

	return at ? (int)(at - letters) : -1;
}

/* RFC 4648, 4; up to the first letter that is none. How many bytes. */
static size_t base64_read(const char *text, size_t length, uint8_t *out, size_t room)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	for (size_t i = 0; i < length && n < room; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			break;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return n;
}

/* UTF-16LE to what can be shown: what is no byte becomes a question mark. */
static void utf16_show(const uint8_t *from, size_t length, char *buffer, size_t size)
{
	char plain[NTLM_NAME_MAX];
	size_t n = 0;

	for (size_t i = 0; i + 1 < length && n < sizeof(plain); i += 2)
		plain[n++] = from[i + 1] ? '?' : (char)from[i];
	text_escape(plain, n, buffer, size);
}

static void pairs_read(const uint8_t *at, size_t length, struct ntlm_target *out)
{
	while (length >= PAIR_HEAD_BYTES) {
		unsigned id = u16_at(at), n = u16_at(at + 2);

		at += PAIR_HEAD_BYTES;
		length -= PAIR_HEAD_BYTES;
		if (id == PAIR_END || n > length)
			return;
		if (id == PAIR_DNS_COMPUTER || (id == PAIR_NB_COMPUTER && !out->computer[0]))
			utf16_show(at, n, out->computer, sizeof(out->computer));
		else if (id == PAIR_DNS_DOMAIN || (id == PAIR_NB_DOMAIN && !out->domain[0]))
			utf16_show(at, n, out->domain, sizeof(out->domain));
		at += n;
		length -= n;
	}
}

bool ntlm_read(const char *base64, size_t length, struct ntlm_target *out)
{
	uint8_t message[MESSAGE_MAX];
	size_t n = base64_read(base64, length, message, sizeof(message));
	uint32_t offset, pairs;

	*out = (struct ntlm_target){0};
	if (n < HEAD_BYTES || memcmp(message, SIGNATURE, sizeof(SIGNATURE)) != 0 ||
	    u32_at(message + TYPE_AT) != TYPE_CHALLENGE)
		return false;
	pairs = u16_at(message + TARGET_AT);
	offset = u32_at(message + TARGET_AT + 4);
	if (offset <= n && pairs <= n - offset)
		pairs_read(message + offset, pairs, out);
	if (u32_at(message + FLAGS_AT) & FLAG_VERSION && n >= VERSION_AT + VERSION_BYTES)
		snprintf(out->version, sizeof(out->version), "%u.%u.%u", message[VERSION_AT],
			 message[VERSION_AT + 1], u16_at(message + VERSION_AT + 2));
	return true;
}
