/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "eal.h"
#include "wheel.h"

enum { TIMERS = 2000, FIRES_MAX = 1 << 20 };

static const uint64_t start_ns = 123456789012345;

struct bench {
	struct wheel *wheel;
	struct wheel_timer timers[TIMERS];
	uint64_t fired_ns[TIMERS]; /* when last, 0: never */
	uint64_t now_ns;
	unsigned fires;
	uint64_t again_ns; /* a timer that fires arms itself for now + again_ns; 0: it does not */
};

static struct bench bench;

static void fired(void *owner, struct wheel_timer *timer)
{
	struct bench *b = owner;

	assert_false(wheel_armed(timer));
	assert_true(timer->deadline_ns <= b->now_ns);
	b->fired_ns[timer - b->timers] = b->now_ns;
	b->fires++;
	if (b->again_ns != 0)
		wheel_arm(b->wheel, timer, b->now_ns + b->again_ns - 1);
}

static int setup(void **state)
{
	(void)state;
	memset(&bench, 0, sizeof(bench));
	bench.now_ns = start_ns;
	bench.wheel = wheel_create(start_ns, fired, &bench, -1);
	return bench.wheel == NULL;
}

static int teardown(void **state)
{
	(void)state;
	wheel_destroy(&bench.wheel);
	assert_null(bench.wheel);
	return 0;
}

static unsigned advance_to(uint64_t now_ns, unsigned fire_max)
{
	bench.now_ns = now_ns;
	return wheel_advance(bench.wheel, now_ns, fire_max);
}

static uint64_t xorshift(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void empty_wheel_never_wakes(void **state)
{
	(void)state;
	assert_int_equal(wheel_next_ns(bench.wheel), UINT64_MAX);
	assert_int_equal(advance_to(start_ns + 3600000000000, 100), 0);
	wheel_arm(bench.wheel, &bench.timers[0], bench.now_ns + 1000000);
	wheel_disarm(bench.wheel, &bench.timers[0]);
	wheel_disarm(bench.wheel, &bench.timers[0]);
	assert_int_equal(wheel_next_ns(bench.wheel), UINT64_MAX);
	assert_int_equal(advance_to(bench.now_ns + 2000000, 100), 0);
}

/* Every distance: never early, at most a tick late, and the bound says when to wake. */
static void fires_on_time(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 50; shift++) {
		for (uint64_t more = 0; more < 3; more++) {
			uint64_t deadline_ns = bench.now_ns + (1ULL << shift) + more - 1;

			wheel_arm(bench.wheel, &bench.timers[0], deadline_ns);
			bench.fires = 0;
			for (unsigned wakes = 0; bench.fires == 0; wakes++) {
				uint64_t next_ns = wheel_next_ns(bench.wheel);

				assert_true(wakes < 12);
				assert_true(next_ns < deadline_ns + WHEEL_TICK_NS);
				if (next_ns > bench.now_ns) {
					assert_int_equal(advance_to(next_ns - 1, 9), 0);
					advance_to(next_ns, 9);
				} else {
					advance_to(bench.now_ns, 9);
				}
			}
			assert_true(bench.now_ns >= deadline_ns);
			assert_true(bench.now_ns < deadline_ns + WHEEL_TICK_NS);
		}
	}
}

/* Random arming, moving, disarming and steps of time against a plain table. */
static void agrees_with_a_table(void **state)
{
	static uint64_t wanted_ns[TIMERS];
	uint64_t seed = 88172645463325252;

	(void)state;
	memset(wanted_ns, 0, sizeof(wanted_ns));
	for (unsigned round = 0; round < 3000; round++) {
		for (unsigned n = 0; n < 50; n++) {
			unsigned i = (unsigned)(xorshift(&seed) % TIMERS);
			unsigned shift = (unsigned)(xorshift(&seed) % 40);

			if (xorshift(&seed) % 4 == 0) {
				wheel_disarm(bench.wheel, &bench.timers[i]);
				wanted_ns[i] = 0;
				continue;
			}
			wanted_ns[i] = bench.now_ns + xorshift(&seed) % (1ULL << shift);
			wheel_arm(bench.wheel, &bench.timers[i], wanted_ns[i]);
		}
		memset(bench.fired_ns, 0, sizeof(bench.fired_ns));
		advance_to(bench.now_ns + xorshift(&seed) % (1ULL << (seed % 34)), FIRES_MAX);
		for (unsigned i = 0; i < TIMERS; i++) {
			if (wanted_ns[i] == 0) {
				assert_int_equal(bench.fired_ns[i], 0);
			} else if (bench.fired_ns[i] != 0) {
				wanted_ns[i] = 0;
			} else {
				assert_true(wanted_ns[i] + WHEEL_TICK_NS > bench.now_ns);
				assert_true(wheel_armed(&bench.timers[i]));
			}
		}
	}
}

static void no_more_than_allowed(void **state)
{
	unsigned fires = 0, calls = 0;

	(void)state;
	for (unsigned i = 0; i < TIMERS; i++)
		wheel_arm(bench.wheel, &bench.timers[i], start_ns + 7200000000000 + i);
	bench.now_ns = start_ns + 7300000000000;
	while (fires < TIMERS) {
		unsigned n = advance_to(bench.now_ns, 16);

		assert_true(n <= 16);
		assert_true(++calls < TIMERS);
		fires += n;
		if (fires < TIMERS)
			assert_true(wheel_next_ns(bench.wheel) <= bench.now_ns);
	}
	assert_int_equal(bench.fires, TIMERS);
	assert_int_equal(advance_to(bench.now_ns + 1, 16), 0);
	assert_int_equal(wheel_next_ns(bench.wheel), UINT64_MAX);
}

/* A deadline that has passed fires in the next advance, not in this one for ever. */
static void past_deadline_waits_for_the_next_advance(void **state)
{
	(void)state;
	advance_to(start_ns + 1000000, 10);
	bench.again_ns = 1;
	wheel_arm(bench.wheel, &bench.timers[0], start_ns);
	assert_true(wheel_next_ns(bench.wheel) <= bench.now_ns);
	for (unsigned i = 1; i <= 5; i++) {
		/* Its deadline is the present instant: a whole tick's start, so in the past. */
		advance_to((bench.now_ns / WHEEL_TICK_NS + 1) * WHEEL_TICK_NS, 1000);
		assert_int_equal(bench.fires, i);
	}
}

static void disarm_from_the_due(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		wheel_arm(bench.wheel, &bench.timers[i], start_ns + 100000);
	assert_int_equal(advance_to(start_ns + 200000, 3), 3);
	for (unsigned i = 0; i < 8; i++)
		wheel_disarm(bench.wheel, &bench.timers[i]);
	assert_int_equal(advance_to(start_ns + 300000, 100), 0);
	assert_int_equal(wheel_next_ns(bench.wheel), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty_wheel_never_wakes, setup, teardown),
		cmocka_unit_test_setup_teardown(fires_on_time, setup, teardown),
		cmocka_unit_test_setup_teardown(agrees_with_a_table, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_than_allowed, setup, teardown),
		cmocka_unit_test_setup_teardown(past_deadline_waits_for_the_next_advance, setup,
						teardown),
		cmocka_unit_test_setup_teardown(disarm_from_the_due, setup, teardown),
	};

	if (eal_start(32) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
