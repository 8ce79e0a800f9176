/* SPDX-License-Identifier: BSD-2-Clause */
/* FNV-1a of 64 bits (http://www.isthe.com/chongo/tech/comp/fnv): quick sums of bytes, where nobody gains by a collision. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START                                                                                 \
	0xcbf29ce484222325ULL /* its offset basis; a table that strangers fill begins with a secret instead */
#define HASH_PRIME 0x100000001b3ULL

/* hash, and these bytes behind what it is of. */
uint64_t hash_add(uint64_t hash, const void *bytes, size_t length);

#endif
