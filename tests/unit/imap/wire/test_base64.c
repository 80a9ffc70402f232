/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "wire.h"

static struct guard in_guard, out_guard;

static void good_check(const char *in, const char *bytes, size_t n)
{
	uint8_t *out = guard_room(&out_guard, n);

	assert_int_equal(wire_base64_decode(guard_copy(&in_guard, span_of(in)), out, n), n);
	assert_memory_equal(out, bytes, n);
	if (n > 0)
		assert_int_equal(
			wire_base64_decode(span_of(in), guard_room(&out_guard, n - 1), n - 1),
			WIRE_BAD);
}

static void bad_check(const char *in)
{
	uint8_t *out = guard_room(&out_guard, 64);

	assert_int_equal(wire_base64_decode(guard_copy(&in_guard, span_of(in)), out, 64), WIRE_BAD);
}

/* RFC 4648 section 10. */
static void test_vectors(void **state)
{
	(void)state;
	good_check("", "", 0);
	good_check("Zg==", "f", 1);
	good_check("Zm8=", "fo", 2);
	good_check("Zm9v", "foo", 3);
	good_check("Zm9vYg==", "foob", 4);
	good_check("Zm9vYmE=", "fooba", 5);
	good_check("Zm9vYmFy", "foobar", 6);
	good_check("AGFubmEAcHc=", "\0anna\0pw", 8);
	good_check("////", "\xff\xff\xff", 3);
	good_check("++++", "\xfb\xef\xbe", 3);
	good_check("AAAA", "\0\0\0", 3);
}

static void test_bad(void **state)
{
	(void)state;
	bad_check("=");
	bad_check("==");
	bad_check("====");
	bad_check("A===");
	bad_check("Zg=");
	bad_check("Zg");
	bad_check("Z");
	bad_check("Zm9vZ");
	bad_check("Zg==Zg==");
	bad_check("Z=g=");
	bad_check("=Zg=");
	bad_check("Zm9v====");
	bad_check("Zm 9");
	bad_check("Zm9v\r\n");
	bad_check("Zm9,");
	bad_check("Zm9-");
	bad_check("Zm9_");
	bad_check("Zm9\x80");
	/* Bits behind the last byte. */
	bad_check("Zh==");
	bad_check("Zo==");
	bad_check("Zm9=");
	bad_check("Zm+=");
}

/* Every cut of a text is a whole number of fours or bad. */
static void test_cuts(void **state)
{
	struct span in = span_of("Zm9vYmFyYg==");

	(void)state;
	for (size_t n = 0; n < in.len; n++) {
		uint8_t *out = guard_room(&out_guard, n / 4 * 3);

		assert_int_equal(wire_base64_decode(guard_copy(&in_guard, span_cut(in, 0, n)), out,
						    n / 4 * 3),
				 n % 4 == 0 ? (int)(n / 4 * 3) : WIRE_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
