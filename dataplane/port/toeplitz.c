/* SPDX-License-Identifier: Apache-2.0 */
#include "toeplitz.h"

#include <string.h>

uint32_t toeplitz_hash(const uint8_t *key, const uint8_t *input, size_t input_len)
{
	/* The 32 bits of the key at the input's bit, and those that follow in the low half. */
	uint64_t window = 0;
	uint32_t hash = 0;

	for (size_t k = 0; k < sizeof(window); k++)
		window = window << 8 | (k < input_len + 4 ? key[k] : 0);
	for (size_t k = 0; k < input_len; k++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			if (input[k] & 0x80 >> bit)
				hash ^= (uint32_t)(window >> 32);
			window <<= 1;
		}
		if (k + sizeof(window) < input_len + 4)
			window |= key[k + sizeof(window)];
	}
	return hash;
}

void toeplitz_table_init(struct toeplitz_table *table, uint16_t key_word)
{
	uint8_t key[2 + 4];

	for (size_t k = 0; k < sizeof(key); k += 2) {
		key[k] = (uint8_t)(key_word >> 8);
		key[k + 1] = (uint8_t)key_word;
	}
	for (unsigned byte = 0; byte < 256; byte++) {
		table->high[byte] = toeplitz_hash(key, (const uint8_t[]){(uint8_t)byte, 0}, 2);
		table->low[byte] = toeplitz_hash(key, (const uint8_t[]){0, (uint8_t)byte}, 2);
	}
}
