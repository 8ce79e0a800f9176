/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Generic names: see generic.h. The registered domain says who the provider is and nothing of the host, so its last two
 * labels are not looked at: mail.pool-supplies.example is a shop.
 */
#include "dns/generic.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 256 /* a name of the DNS as text, with the final 0 */
#define LABELS_OWNER   2   /* of the registered domain, at the least */
/* Two octets of an address in a name may be a date or a rack; three are the address. */
#define OCTETS_TELLING 3
#define NUMBERS_MAX    16 /* numbers of one name that are looked at */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/* The labels in front of the registered domain, in lower case. */
static void host_part(const char *name, char out[static NAME_MAX_BYTES])
{
	size_t length = strlen(name);
	unsigned dots = 0;

	if (length >= NAME_MAX_BYTES)
		length = NAME_MAX_BYTES - 1;
	while (length && dots < LABELS_OWNER)
		dots += name[--length] == '.';
	for (size_t i = 0; i < length; i++)
		out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	out[length] = '\0';
}

/* A word that stands alone or before digits: "dyn", "dyn12", "host-dyn", but not "dynamo". */
static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || !is_letter(at[-1])) && !is_letter(at[length]))
			return true;
	return false;
}

static bool has_any_word(const char *text)
{
	static const char *const words[] = {
		"adsl",	  "broadband", "cable",	   "cust",    "customer", "customers", "dhcp",
		"dial",	  "dialin",    "dialup",   "dip",     "dsl",	  "dyn",       "dynamic",
		"dynip",  "fiber",     "ftth",	   "generic", "hsd",	  "mobile",    "modem",
		"pool",	  "pools",     "ppp",	   "pppoe",   "resnet",	  "sdsl",      "unassigned",
		"unused", "vdsl",      "wireless", "xdsl",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (has_word(text, words[i]))
			return true;
	return false;
}

/* Decimal numbers of a text, at most max. */
static unsigned numbers_of(const char *text, unsigned *out, unsigned max)
{
	unsigned count = 0;

	while (*text && count < max) {
		unsigned value = 0;

		if (!is_digit(*text)) {
			text++;
			continue;
		}
		for (; is_digit(*text); text++)
			value = value > UINT16_MAX ? value : value * 10 + (unsigned)(*text - '0');
		out[count++] = value;
	}
	return count;
}

/* Three octets of the address side by side among the numbers, forwards or backwards. */
static bool has_octets(const char *text, const uint8_t octet[static 4])
{
	unsigned number[NUMBERS_MAX], count = numbers_of(text, number, NUMBERS_MAX);

	for (unsigned i = 0; i + OCTETS_TELLING <= count; i++) {
		const unsigned *n = &number[i];

		for (unsigned k = 0; k + OCTETS_TELLING <= 4; k++) {
			const uint8_t *o = &octet[k];

			if (n[0] == o[0] && n[1] == o[1] && n[2] == o[2])
				return true;
			if (n[0] == o[2] && n[1] == o[1] && n[2] == o[0])
				return true;
		}
	}
	return false;
}

/* Run together: c0000207, 192000002007, or 192-000-002-007 without its dashes. */
static bool has_run(const char *text, const uint8_t octet[static 4])
{
	char hexadecimal[9], decimal[13];

	snprintf(hexadecimal, sizeof(hexadecimal), "%02x%02x%02x%02x", octet[0], octet[1], octet[2],
		 octet[3]);
	snprintf(decimal, sizeof(decimal), "%03u%03u%03u%03u", octet[0], octet[1], octet[2],
		 octet[3]);
	return strstr(text, hexadecimal) || strstr(text, decimal);
}

/* The last four or the first four groups of an IPv6 address, with or without what separates them. */
static bool has_groups(const char *text, const struct addr *a)
{
	char plain[NAME_MAX_BYTES], groups[2 * sizeof(a->byte) + 1];
	size_t at = 0;

	for (; *text; text++)
		if (*text != '-' && *text != '.' && *text != ':')
			plain[at++] = *text;
	plain[at] = '\0';
	for (size_t i = 0; i < sizeof(a->byte); i++)
		snprintf(groups + 2 * i, 3, "%02x", a->byte[i]);
	if (strstr(plain, groups + 16))
		return true;
	groups[16] = '\0';
	return strstr(plain, groups);
}

bool generic_is_name(const char *name, const struct addr *a)
{
	char host[NAME_MAX_BYTES];

	host_part(name, host);
	if (has_any_word(host))
		return true;
	if (addr_is_v4(a))
		return has_octets(host, a->byte + 12) || has_run(host, a->byte + 12);
	return has_groups(host, a);
}
