/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that grow: an array, how many are in it, and for how many it has room. */
#ifndef BASE_GROW_H
#define BASE_GROW_H

#include <stddef.h>

/*
 * Room for one more entry of size bytes behind count of them. The list where it lies now, to be stored in place of the old one, with
 * *room widened; or NULL when out of memory: the old one is then as it was.
 */
void *grow(void *list, size_t count, size_t *room, size_t size);

#endif
