/* SPDX-License-Identifier: Apache-2.0 */
#include "crc32c.h"

#include <nmmintrin.h>
#include <string.h>

uint32_t store_crc32c(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t sum = ~crc;

	for (; len >= 8; at += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		sum = _mm_crc32_u64(sum, word);
	}
	for (; len > 0; at++, len--)
		sum = _mm_crc32_u8((uint32_t)sum, *at);
	return ~(uint32_t)sum;
}
