/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <rte_thash.h>
#include <string.h>

#include "toeplitz.h"

/* The key and the IPv4 rows of "Verifying the RSS hash calculation" (Windows NDIS). */
static const uint8_t microsoft_key[TOEPLITZ_KEY_BYTES] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
	const char *dst, *src;
	uint16_t dst_port, src_port;
	uint32_t hash_addresses, hash_tcp;
} microsoft[] = {
	{"161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178},
	{"65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea},
	{"12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a},
	{"209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f},
	{"202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2},
};

static void tuple_put(uint8_t tuple[TOEPLITZ_TUPLE_BYTES], uint32_t src, uint32_t dst,
		      uint16_t src_port, uint16_t dst_port)
{
	const uint16_t ports[] = {htons(src_port), htons(dst_port)};

	memcpy(tuple, &src, 4);
	memcpy(tuple + 4, &dst, 4);
	memcpy(tuple + 8, ports, 4);
}

static void test_microsoft_vectors(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(microsoft) / sizeof(microsoft[0]); k++) {
		uint8_t tuple[TOEPLITZ_TUPLE_BYTES];

		tuple_put(tuple, inet_addr(microsoft[k].src), inet_addr(microsoft[k].dst),
			  microsoft[k].src_port, microsoft[k].dst_port);
		assert_int_equal(toeplitz_hash(microsoft_key, tuple, 8),
				 microsoft[k].hash_addresses);
		assert_int_equal(toeplitz_hash(microsoft_key, tuple, 12), microsoft[k].hash_tcp);
	}
}

static uint32_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 32);
}

static void test_as_dpdk(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 10000; round++) {
		uint32_t words[TOEPLITZ_TUPLE_BYTES / 4];
		uint8_t tuple[TOEPLITZ_TUPLE_BYTES];

		for (size_t k = 0; k < 3; k++) {
			uint32_t word;

			words[k] = random_next(&seed);
			word = htonl(words[k]);
			memcpy(tuple + 4 * k, &word, 4);
		}
		assert_int_equal(toeplitz_hash(microsoft_key, tuple, sizeof(tuple)),
				 rte_softrss(words, 3, microsoft_key));
	}
}

static void test_table_is_the_hash_and_symmetric(void **state)
{
	struct toeplitz_table table;
	uint8_t key[TOEPLITZ_KEY_BYTES];
	uint64_t seed = 2;

	(void)state;
	for (size_t k = 0; k < sizeof(key); k++)
		key[k] = k % 2 == 0 ? 0x6d : 0x5a;
	toeplitz_table_init(&table, 0x6d5a);
	for (int round = 0; round < 10000; round++) {
		const uint32_t src = random_next(&seed), dst = random_next(&seed);
		const uint32_t ports = random_next(&seed);
		const uint16_t src_port = (uint16_t)ports, dst_port = (uint16_t)(ports >> 16);
		uint8_t tuple[TOEPLITZ_TUPLE_BYTES];
		uint32_t hash = toeplitz_table_hash(&table, src, dst, src_port, dst_port);

		tuple_put(tuple, src, dst, src_port, dst_port);
		assert_int_equal(hash, toeplitz_hash(key, tuple, sizeof(tuple)));
		assert_int_equal(hash, toeplitz_table_hash(&table, dst, src, dst_port, src_port));
	}
}

/* The low bits pick the queue: ports of one client, counted up, must fill all of the table. */
static void test_spreads_one_client(void **state)
{
	enum { ENTRIES = 128, PORTS = 128 * 64 };
	struct toeplitz_table table;
	unsigned counts[ENTRIES] = {0};

	(void)state;
	toeplitz_table_init(&table, 0x6d5a);
	for (unsigned k = 0; k < PORTS; k++)
		counts[toeplitz_table_hash(&table, inet_addr("10.0.0.2"), inet_addr("10.0.0.1"),
					   (uint16_t)(32768 + k), 143) %
		       ENTRIES]++;
	for (unsigned k = 0; k < ENTRIES; k++)
		assert_in_range(counts[k], PORTS / ENTRIES / 2, PORTS / ENTRIES * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_microsoft_vectors),
		cmocka_unit_test(test_as_dpdk),
		cmocka_unit_test(test_table_is_the_hash_and_symmetric),
		cmocka_unit_test(test_spreads_one_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
