/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Toeplitz hash of receive-side scaling ("RSS hashing functions", Windows NDIS), for any key
 * bit by bit, and for a key that repeats 16 bits by table. Pure functions; any thread.
 */
#ifndef PORT_TOEPLITZ_H
#define PORT_TOEPLITZ_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

enum toeplitz_limits {
	TOEPLITZ_TUPLE_BYTES = 12, /* source and destination address, then the ports */
	TOEPLITZ_KEY_BYTES = 40,   /* what most devices have; IPv4 uses the first 16 */
	TOEPLITZ_KEY_BYTES_MAX = 128,
};

/* `key` has at least input_len + 4 bytes. */
uint32_t toeplitz_hash(const uint8_t *key, const uint8_t *input, size_t input_len);

/*
 * With a key of one repeated 16-bit word, equal 16-bit words of the input cancel: the hash is that
 * of the XOR of all words, so it is the same in both directions of a connection, and two look-ups
 * serve.
 */
struct toeplitz_table {
	uint32_t high[256], low[256];
};

void toeplitz_table_init(struct toeplitz_table *table, uint16_t key_word);

/* Addresses in network order, ports in host order. */
static inline uint32_t toeplitz_table_hash(const struct toeplitz_table *table, uint32_t src_ip,
					   uint32_t dst_ip, uint16_t src_port, uint16_t dst_port)
{
	uint32_t pair = be32toh(src_ip ^ dst_ip);
	uint16_t word = (uint16_t)(pair >> 16 ^ pair ^ src_port ^ dst_port);

	return table->high[word >> 8] ^ table->low[word & 0xff];
}

#endif
