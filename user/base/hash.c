/* SPDX-License-Identifier: BSD-2-Clause */
/* FNV-1a: see hash.h. */
#include "base/hash.h"

uint64_t hash_add(uint64_t hash, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * HASH_PRIME;
	return hash;
}
