/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "siphash.h"

/* The vector of the paper's appendix A: key 00..0f, message 00..0e. */
static void vector_of_the_paper(void **state)
{
	uint8_t key[16], message[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	assert_true(tcp_siphash24(key, message, sizeof(message)) == 0xa129ca6149be45e5);
	assert_true(tcp_siphash24(key, message, 0) == 0x726fdb47dd0e0e31);
}

/* The same key and message, of the lengths that are hashed here, as OpenSSL has them: each a
 * constant, from which the compiler makes code of its own. */
static void lengths_in_use(void **state)
{
	uint8_t key[16], message[36];

	(void)state;
	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = i;
	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	assert_true(tcp_siphash24(key, message, 4) == 0xcf2794e0277187b7);
	assert_true(tcp_siphash24(key, message, 8) == 0x93f5f5799a932462);
	assert_true(tcp_siphash24(key, message, 12) == 0x751e8fbc860ee5fb);
	assert_true(tcp_siphash24(key, message, 16) == 0x3f2acc7f57c29bdb);
	assert_true(tcp_siphash24(key, message, 36) == 0x314dffbe0815a3b4);
}

static void every_bit_counts(void **state)
{
	uint8_t key[16] = {0}, message[36] = {0};
	uint64_t first = tcp_siphash13(key, message, sizeof(message));

	(void)state;
	for (size_t bit = 0; bit < sizeof(message) * 8; bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(tcp_siphash13(key, message, sizeof(message)) == first);
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	key[0] = 1;
	assert_false(tcp_siphash13(key, message, sizeof(message)) == first);
	assert_false(tcp_siphash24(key, message, sizeof(message)) ==
		     tcp_siphash13(key, message, sizeof(message)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_of_the_paper),
		cmocka_unit_test(lengths_in_use),
		cmocka_unit_test(every_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
