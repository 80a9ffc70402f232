/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "throttle.h"

#define S UINT64_C(1000000000)

static struct throttle throttle;

static void address_v4(uint8_t address[16], uint8_t last)
{
	memcpy(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0", 15);
	address[15] = last;
}

static void test_grows_and_forgives(void **state)
{
	static const uint32_t delays[] = {0, 0, 0, 1000, 2000, 4000, 8000, 15000, 15000};
	uint8_t address[16], other[16];
	uint64_t now_ns = 5 * S;

	(void)state;
	memset(&throttle, 0, sizeof(throttle));
	address_v4(address, 1);
	address_v4(other, 2);
	assert_int_equal(throttle_delay_ms(&throttle, address, now_ns), 0);
	for (unsigned k = 0; k < sizeof(delays) / sizeof(delays[0]); k++) {
		throttle_failed(&throttle, address, now_ns);
		assert_int_equal(throttle_delay_ms(&throttle, address, now_ns), delays[k]);
	}
	assert_int_equal(throttle_delay_ms(&throttle, other, now_ns), 0);
	/* Nine failures: after three are forgiven, six are left. */
	now_ns += 3 * THROTTLE_FORGIVE_S * S;
	assert_int_equal(throttle_delay_ms(&throttle, address, now_ns), 4000);
	now_ns += 100 * THROTTLE_FORGIVE_S * S;
	assert_int_equal(throttle_delay_ms(&throttle, address, now_ns), 0);
}

/* Every address of a /64 is the same source; IPv4 addresses are not. */
static void test_networks(void **state)
{
	uint8_t one[16] = {0x20, 0x01, 0x0d, 0xb8, 1}, two[16] = {0x20, 0x01, 0x0d, 0xb8, 1};
	uint8_t far[16] = {0x20, 0x01, 0x0d, 0xb8, 2};

	(void)state;
	memset(&throttle, 0, sizeof(throttle));
	two[15] = 77;
	for (unsigned k = 0; k < 4; k++)
		throttle_failed(&throttle, one, S);
	assert_int_equal(throttle_delay_ms(&throttle, two, S), 1000);
	assert_int_equal(throttle_delay_ms(&throttle, far, S), 0);
}

/* More sources than there is room for: none is locked out, nothing grows. */
static void test_many_sources(void **state)
{
	uint8_t address[16];

	(void)state;
	memset(&throttle, 0, sizeof(throttle));
	for (unsigned k = 0; k < 100000; k++) {
		address_v4(address, 0);
		memcpy(address + 12, &k, 4);
		throttle_failed(&throttle, address, S);
		assert_int_equal(throttle_delay_ms(&throttle, address, S), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_and_forgives),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_many_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
