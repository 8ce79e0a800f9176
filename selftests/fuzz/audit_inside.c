/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a host's inside may stand in a server's words: the type 2 message of NTLM, names and addresses. The first byte says whether the rest is
 * a message (which is put into base64 here, or no run would ever get past that), base64 as it comes, or a line of text.
 */
#include "audit/fingerprint_inside.h"
#include "fuzz/fuzz.h"

#define KINDS	  3
#define SHOWN_MAX 64

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Without the padding, which no reader needs. */
static char *base64_of(const uint8_t *data, size_t size, size_t *length)
{
	char *out = malloc(size * 2 + 4);
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	HOLDS(out);
	for (size_t i = 0; i < size; i++) {
		bits = bits << 8 | data[i];
		for (have += 8; have >= 6; have -= 6)
			out[n++] = letters[bits >> (have - 6) & 63];
	}
	if (have)
		out[n++] = letters[bits << (6 - have) & 63];
	*length = n;
	return out;
}

static void message_read(const char *base64, size_t length)
{
	struct ntlm_target target;

	if (ntlm_read(base64, length, &target))
		HOLDS(is_printable(target.computer) && is_printable(target.domain) &&
		      is_printable(target.version));
	else
		HOLDS(!target.computer[0] && !target.domain[0] && !target.version[0]);
}

static void line_read(const char *line, size_t length)
{
	char shown[SHOWN_MAX];
	struct addr ours;

	if (inside_find_name(line, length, "mx.example.org", shown, sizeof(shown)))
		HOLDS(shown[0] && is_printable(shown));
	HOLDS(addr_parse("10.0.0.1", &ours, NULL) == 0);
	if (inside_find_address(line, length, &ours, shown, sizeof(shown)))
		HOLDS(shown[0] && is_printable(shown) && strcmp(shown, "10.0.0.1") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = size - 1;
	char *text;

	if (!size)
		return 0;
	switch (choice_of(data[0], KINDS)) {
	case 0:
		text = base64_of(data + 1, size - 1, &length);
		message_read(text, length);
		break;
	case 1:
		text = copy_of(data + 1, length);
		message_read(text, length);
		break;
	default:
		text = copy_of(data + 1, length);
		line_read(text, length);
	}
	free(text);
	return 0;
}
