/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "wire.h"

static struct guard guard;

static bool valid(const uint8_t *bytes, size_t n)
{
	return wire_utf8_valid(guard_copy(&guard, (struct span){bytes, n}));
}

static bool tail(uint8_t c)
{
	return c >= 0x80 && c <= 0xbf;
}

/* The ABNF of RFC 3629 section 4, letter by letter, for sequences of two bytes and more. */
static bool utf8_2(const uint8_t *b)
{
	return b[0] >= 0xc2 && b[0] <= 0xdf && tail(b[1]);
}

static bool utf8_3(const uint8_t *b)
{
	if (!tail(b[2]))
		return false;
	return (b[0] == 0xe0 && b[1] >= 0xa0 && b[1] <= 0xbf) ||
	       (b[0] >= 0xe1 && b[0] <= 0xec && tail(b[1])) ||
	       (b[0] == 0xed && b[1] >= 0x80 && b[1] <= 0x9f) ||
	       (b[0] >= 0xee && b[0] <= 0xef && tail(b[1]));
}

static bool utf8_4(const uint8_t *b)
{
	if (!tail(b[2]) || !tail(b[3]))
		return false;
	return (b[0] == 0xf0 && b[1] >= 0x90 && b[1] <= 0xbf) ||
	       (b[0] >= 0xf1 && b[0] <= 0xf3 && tail(b[1])) ||
	       (b[0] == 0xf4 && b[1] >= 0x80 && b[1] <= 0x8f);
}

static void test_one_and_two_bytes(void **state)
{
	(void)state;
	assert_true(valid(NULL, 0));
	for (unsigned a = 0; a < 256; a++) {
		uint8_t one = (uint8_t)a;

		assert_int_equal(valid(&one, 1), a > 0 && a < 0x80);
		for (unsigned b = 0; b < 256; b++) {
			uint8_t two[] = {(uint8_t)a, (uint8_t)b};

			assert_int_equal(valid(two, 2),
					 utf8_2(two) || (a > 0 && a < 0x80 && b > 0 && b < 0x80));
		}
	}
}

/* Every first and second byte, and the borders of the others. */
static void test_longer(void **state)
{
	static const uint8_t borders[] = {0x00, 0x41, 0x7f, 0x80, 0x9f, 0xbf, 0xc0, 0xff};

	(void)state;
	for (unsigned a = 0xe0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++)
			for (unsigned c = 0; c < sizeof(borders) * sizeof(borders); c++) {
				uint8_t bytes[] = {(uint8_t)a, (uint8_t)b,
						   borders[c / sizeof(borders)],
						   borders[c % sizeof(borders)]};

				assert_int_equal(valid(bytes, 3), utf8_3(bytes));
				assert_int_equal(valid(bytes, 4),
						 utf8_4(bytes) || (utf8_3(bytes) && bytes[3] > 0 &&
								   bytes[3] < 0x80));
			}
}

static void test_cuts(void **state)
{
	struct span text = span_of("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xab.");
	static const bool whole[] = {true, true,  false, true,	false, false,
				     true, false, false, false, true,  true};

	(void)state;
	for (size_t n = 0; n <= text.len; n++)
		assert_int_equal(valid(text.ptr, n), whole[n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_and_two_bytes),
		cmocka_unit_test(test_longer),
		cmocka_unit_test(test_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
