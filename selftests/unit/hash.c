/* SPDX-License-Identifier: BSD-2-Clause */
/* The sums that tell things apart are stored: another function would forget how far a mail log was read. */
#include "base/hash.h"
#include "tap.h"

TEST(hash_gives_the_published_numbers)
{
	/* http://www.isthe.com/chongo/src/fnv/test_fnv.c: fnv1a_64. */
	EXPECT(hash_add(HASH_START, "", 0) == 0xcbf29ce484222325ULL, "nothing");
	EXPECT(hash_add(HASH_START, "a", 1) == 0xaf63dc4c8601ec8cULL, "a byte");
	EXPECT(hash_add(HASH_START, "foobar", 6) == 0x85944171f73967e8ULL, "a word");
	EXPECT(hash_add(hash_add(HASH_START, "foo", 3), "bar", 3) == 0x85944171f73967e8ULL,
	       "in two parts");
}
