/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

#include "wire.h"

#include <limits.h>

int base64_bits(uint8_t letter, uint8_t last)
{
	if (letter >= 'A' && letter <= 'Z')
		return letter - 'A';
	if (letter >= 'a' && letter <= 'z')
		return letter - 'a' + 26;
	if (letter >= '0' && letter <= '9')
		return letter - '0' + 52;
	if (letter == '+')
		return 62;
	return letter == last ? 63 : -1;
}

int wire_base64_decode(struct span in, uint8_t *out, size_t out_bytes)
{
	size_t padding = 0, written;
	uint32_t bits = 0;
	uint8_t *p = out;

	while (padding < 2 && padding < in.len && in.ptr[in.len - 1 - padding] == '=')
		padding++;
	written = in.len / 4 * 3 - padding;
	if (in.len % 4 != 0 || in.len > INT_MAX || written > out_bytes)
		return WIRE_BAD;
	for (size_t i = 0; i < in.len - padding; i++) {
		int letter = base64_bits(in.ptr[i], '/');

		if (letter < 0)
			return WIRE_BAD;
		bits = bits << 6 | (uint32_t)letter;
		/* The first letter of four ends no byte, each other ends one. */
		if (i % 4 != 0)
			*p++ = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	/* RFC 4648 3.5: what padding stands in for must be zero, or one value had two spellings. */
	if ((bits & (padding == 1 ? 0x3u : padding == 2 ? 0xfu : 0)) != 0)
		return WIRE_BAD;
	return (int)written;
}
