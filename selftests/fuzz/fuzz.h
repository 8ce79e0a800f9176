/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(): it hands the bytes to a parser, and holds
 * what comes out to its promises. Memory is watched by the sanitizers; what they cannot know, HOLDS() says.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise. Broken, the input is kept and the run ends. */
#define HOLDS(promise)                                                                             \
	do {                                                                                       \
		if (!(promise)) {                                                                  \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* What a refused text must leave as it was is filled with this before. */
#define UNTOUCHED 0xa5

static inline bool is_untouched(const void *object, size_t size)
{
	const uint8_t *byte = object;

	/* Each byte is as the one before it: by far the fastest under the sanitizers. */
	return byte[0] == UNTOUCHED && memcmp(byte, byte + 1, size - 1) == 0;
}

/* Exactly as long as the input, so that one byte read too many is seen. The caller frees. */
static inline void *copy_of(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	HOLDS(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

/* The same as a text; a zero byte in it ends it. */
static inline char *text_of(const uint8_t *data, size_t size)
{
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	size_t length = zero ? (size_t)(zero - data) : size;
	char *text = malloc(length + 1);

	HOLDS(text);
	if (length)
		memcpy(text, data, length);
	text[length] = '\0';
	return text;
}

/* Fit for a terminal, a log and JSON. */
static inline bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* The first byte of an input often chooses among count cases: letters, so that seeds can be read. */
static inline unsigned choice_of(uint8_t byte, unsigned count)
{
	return (unsigned)(byte - 'a') % count;
}

#endif
