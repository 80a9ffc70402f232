/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pool.h"

static void test_runs_empty(void **state)
{
	struct pool pool;
	void *blocks[5];

	(void)state;
	assert_int_equal(pool_create(&pool, 100, 5), 0);
	for (unsigned k = 0; k < 5; k++) {
		blocks[k] = pool_get(&pool);
		assert_non_null(blocks[k]);
		assert_true(pool_owns(&pool, blocks[k]));
		memset(blocks[k], (int)k, 100);
	}
	assert_null(pool_get(&pool));
	for (unsigned k = 0; k < 5; k++)
		assert_int_equal(((uint8_t *)blocks[k])[99], k);
	pool_put(&pool, blocks[2]);
	pool_put(&pool, blocks[4]);
	/* The warmest first. */
	assert_ptr_equal(pool_get(&pool), blocks[4]);
	assert_ptr_equal(pool_get(&pool), blocks[2]);
	assert_null(pool_get(&pool));
	assert_false(pool_owns(&pool, &pool));
	for (unsigned k = 0; k < 5; k++)
		pool_put(&pool, blocks[k]);
	pool_destroy(&pool);
}

static void test_empty(void **state)
{
	struct pool pool;

	(void)state;
	assert_int_equal(pool_create(&pool, 100, 0), 0);
	assert_null(pool_get(&pool));
	assert_false(pool_owns(&pool, &pool));
	pool_destroy(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_empty),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
