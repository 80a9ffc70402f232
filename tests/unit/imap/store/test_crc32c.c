/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "guard.h"

static uint32_t table[256];

static void table_make(void)
{
	for (uint32_t k = 0; k < 256; k++) {
		table[k] = k;
		for (unsigned bit = 0; bit < 8; bit++)
			table[k] = table[k] >> 1 ^ (table[k] & 1 ? 0x82f63b78u : 0);
	}
}

static uint32_t by_table(const uint8_t *bytes, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++)
		crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
	return ~crc;
}

/* RFC 3720 B.4 and the customary check value. */
static void test_known(void **state)
{
	uint8_t bytes[32];

	(void)state;
	assert_int_equal(store_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(store_crc32c(0, "", 0), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(store_crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(store_crc32c(0, bytes, 32), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(store_crc32c(0, bytes, 32), 0x46dd794e);
}

/* Every length and alignment, against the table, at the end of what may be read. */
static void test_against_table(void **state)
{
	static struct guard guard;
	uint8_t *end = guard_room(&guard, 300) + 300;

	(void)state;
	table_make();
	for (unsigned i = 1; i <= 300; i++)
		end[-(int)i] = (uint8_t)(i * 151 + i / 7);
	for (size_t len = 0; len <= 300; len++)
		assert_int_equal(store_crc32c(0, end - len, len), by_table(end - len, len));
	for (size_t start = 0; start < 16; start++)
		for (size_t len = 0; len < 64; len++)
			assert_int_equal(store_crc32c(0, end - 300 + start, len),
					 by_table(end - 300 + start, len));
}

/* In two parts it is the same as in one. */
static void test_continued(void **state)
{
	uint8_t bytes[100];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37);
	for (size_t cut = 0; cut <= sizeof(bytes); cut++)
		assert_int_equal(
			store_crc32c(store_crc32c(0, bytes, cut), bytes + cut, sizeof(bytes) - cut),
			store_crc32c(0, bytes, sizeof(bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_against_table),
		cmocka_unit_test(test_continued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
