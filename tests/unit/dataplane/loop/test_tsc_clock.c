/* SPDX-License-Identifier: Apache-2.0 */
#include "tsc_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "eal.h"

enum { MS = 1000 * 1000 };

static uint64_t system_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void test_never_falls(void **state)
{
	struct loop_clock clock;
	uint64_t last_ns;

	(void)state;
	loop_clock_init(&clock);
	last_ns = clock.clock.mono_ns;
	for (unsigned k = 0; k < 1000000; k++) {
		uint64_t now_ns = clock_now_ns(&clock.clock);

		assert_true(now_ns >= last_ns);
		last_ns = now_ns;
	}
	/* Not even when the counter does. */
	clock.clock.mono_ns += 1000 * (uint64_t)MS;
	last_ns = clock.clock.mono_ns;
	assert_int_equal(clock_now_ns(&clock.clock), last_ns);
}

/* Within a hundredth of the system's, over spans that it stood between two readings of. */
static void test_keeps_the_pace(void **state)
{
	const struct timespec pause = {.tv_nsec = 50 * MS};
	struct loop_clock clock;
	uint64_t before_ns, start_ns, passed_ns;

	(void)state;
	before_ns = system_ns();
	loop_clock_init(&clock);
	start_ns = clock.clock.mono_ns;
	assert_true(start_ns >= before_ns && start_ns <= system_ns() + MS);
	nanosleep(&pause, NULL);
	passed_ns = clock_now_ns(&clock.clock) - start_ns;
	assert_true(passed_ns <= (system_ns() - before_ns) / 100 * 101);
	assert_true(passed_ns >= 50 * MS / 100 * 99);
}

static void test_wall_time_follows(void **state)
{
	const struct timespec pause = {.tv_nsec = 20 * MS};
	struct loop_clock clock;

	(void)state;
	loop_clock_init(&clock);
	clock.clock.wall_s = 0;
	clock.clock.refresh(&clock.clock);
	assert_int_equal(clock.clock.wall_s, 0); /* not read each time */
	nanosleep(&pause, NULL);
	clock.clock.refresh(&clock.clock);
	assert_true(clock.clock.wall_s >= time(NULL) - 2);
	assert_true(clock.clock.wall_s <= time(NULL));
}

static int setup(void **state)
{
	(void)state;
	return eal_start(32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_falls),
		cmocka_unit_test(test_keeps_the_pace),
		cmocka_unit_test(test_wall_time_follows),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
