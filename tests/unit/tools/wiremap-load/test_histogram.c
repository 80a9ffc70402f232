/* SPDX-License-Identifier: Apache-2.0 */
/* What is read back is never below what was recorded, and at most 1/128 above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "histogram.h"

static struct histogram histogram;

static void single_values(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < UINT64_C(1) << 39; ns += ns / 7 + 1) {
		uint64_t read;

		histogram = (struct histogram){.total = 0};
		histogram_record(&histogram, ns);
		read = histogram_percentile(&histogram, 50);
		assert_true(read >= ns);
		assert_true(read - ns <= ns / HISTOGRAM_STEPS);
	}
}

static void percentiles(void **state)
{
	(void)state;
	histogram = (struct histogram){.total = 0};
	assert_int_equal(histogram_percentile(&histogram, 99), 0);
	for (uint64_t ns = 1; ns <= 100; ns++)
		histogram_record(&histogram, ns);
	assert_int_equal(histogram_percentile(&histogram, 0), 1);
	assert_int_equal(histogram_percentile(&histogram, 50), 50);
	assert_int_equal(histogram_percentile(&histogram, 99), 99);
	assert_int_equal(histogram_percentile(&histogram, 100), 100);
}

static void added(void **state)
{
	static struct histogram other;

	(void)state;
	histogram = (struct histogram){.total = 0};
	histogram_record(&histogram, 10);
	histogram_record(&other, 20);
	histogram_record(&other, UINT64_MAX);
	histogram_add(&histogram, &other);
	assert_int_equal(histogram.total, 3);
	assert_int_equal(histogram_percentile(&histogram, 60), 20);
	assert_true(histogram_percentile(&histogram, 100) >= UINT64_C(1) << 39);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_values),
		cmocka_unit_test(percentiles),
		cmocka_unit_test(added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
