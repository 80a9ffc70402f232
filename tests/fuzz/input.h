/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of an input that is read as a script: numbers, then bytes as they are. */
#ifndef WIREMAP_TESTS_FUZZ_INPUT_H
#define WIREMAP_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct input {
	const uint8_t *at;
	size_t left;
};

/* A number of so many bytes, the most significant first; of fewer where the input ends. */
static inline uint32_t input_take(struct input *in, size_t bytes)
{
	uint32_t value = 0;

	for (; bytes > 0 && in->left > 0; bytes--, in->left--)
		value = value << 8 | *in->at++;
	return value;
}

/* As many of `len` bytes as there are; returns how many. */
static inline size_t input_copy(struct input *in, void *to, size_t len)
{
	if (len > in->left)
		len = in->left;
	memcpy(to, in->at, len);
	in->at += len;
	in->left -= len;
	return len;
}

#endif
