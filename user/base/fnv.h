/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv): tells things apart where nobody gains by making two alike. Where
 * strangers choose the bytes, it is begun with a secret instead.
 */
#ifndef BASE_FNV_H
#define BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_BEGIN 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

/* From FNV_BEGIN, or from what it gave for the bytes before these. */
static inline uint64_t fnv_add(uint64_t number, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++)
		number = (number ^ at[i]) * FNV_PRIME;
	return number;
}

#endif
