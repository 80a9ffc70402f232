/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "table.h"

enum { ENTRIES = 64 };

static bool holds(const struct table *table, uint32_t hash, uint32_t number)
{
	uint32_t at = 0, found, walked = 0;

	while ((found = tcp_table_next(table, hash, &at)) != TABLE_NONE) {
		if (found == number)
			return true;
		assert_true(++walked <= ENTRIES);
	}
	return false;
}

/* Hashes that collide and run over the end of the table, against a plain list. */
static void agrees_with_a_list(void **state)
{
	static const uint32_t hashes[] = {0, 1, 5, 0x7e, 0x7f, 0xff, 0x17f, 0x80000000};
	uint32_t hash_of[ENTRIES] = {0};
	bool present[ENTRIES] = {0};
	struct table table;
	uint64_t x = 1;

	(void)state;
	assert_int_equal(tcp_table_create(&table, ENTRIES, -1), 0);
	for (unsigned round = 0; round < 20000; round++) {
		uint32_t number;

		x = x * 6364136223846793005 + 1442695040888963407;
		number = (uint32_t)(x >> 33) % ENTRIES;
		if (present[number]) {
			tcp_table_remove(&table, hash_of[number], number);
		} else {
			hash_of[number] = hashes[(x >> 50) % 8];
			tcp_table_insert(&table, hash_of[number], number);
		}
		present[number] = !present[number];
		for (uint32_t i = 0; i < ENTRIES; i++)
			assert_int_equal(holds(&table, hash_of[i], i), present[i]);
	}
	tcp_table_destroy(&table);
	assert_null(table.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_a_list)};

	if (eal_start(32) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
