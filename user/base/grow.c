/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that grow: see grow.h. */
#include "base/grow.h"

#include <stdlib.h>

#define ROOM_FIRST 64 /* entries; then twice as many each time */

void *grow(void *list, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? 2 * *room : ROOM_FIRST;
	void *grown;

	if (count < *room)
		return list;
	grown = reallocarray(list, wanted, size);
	if (grown)
		*room = wanted;
	return grown;
}
