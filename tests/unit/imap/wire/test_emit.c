/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "guard.h"
#include "wire.h"

enum { DAY_S = 86400 };

static struct guard guard;

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed ^ *seed >> 31;
}

static void number_check(uint64_t number)
{
	char expected[32];
	int n = snprintf(expected, sizeof(expected), "%" PRIu64, number);
	uint8_t *p = guard_room(&guard, (size_t)n);
	struct wire_cursor cursor;
	uint64_t parsed;

	assert_ptr_equal(wire_put_u64(p, number), p + n);
	assert_memory_equal(p, expected, n);
	if (number <= UINT32_MAX) {
		memset(p, 'x', (size_t)n);
		assert_ptr_equal(wire_put_u32(p, (uint32_t)number), p + n);
		assert_memory_equal(p, expected, n);
	}
	expected[n++] = ' ';
	cursor = wire_cursor_of((struct span){(uint8_t *)expected, (size_t)n});
	assert_int_equal(wire_number(&cursor, UINT64_MAX, &parsed), n - 1);
	assert_true(parsed == number);
}

static void test_numbers(void **state)
{
	uint64_t power = 1, random = 1;

	(void)state;
	for (unsigned digits = 1; digits <= WIRE_NUMBER_BYTES_MAX; digits++, power *= 10) {
		number_check(power - 1);
		number_check(power);
		number_check(power + 1);
		number_check(power * 9 / 7);
	}
	for (unsigned i = 0; i < 10000; i++)
		number_check(i);
	for (unsigned i = 0; i < 100000; i++)
		number_check(next_random(&random) >> i % 64);
	number_check(UINT32_MAX);
	number_check((uint64_t)UINT32_MAX + 1);
	number_check(UINT64_MAX);
}

/* The same by the C library. */
static void date_expected(char expected[64], int64_t utc_s, int zone_min)
{
	time_t local = utc_s + zone_min * 60;
	int zone = zone_min < 0 ? -zone_min : zone_min;
	char day[24], clock[16];
	struct tm tm;

	assert_non_null(gmtime_r(&local, &tm));
	strftime(day, sizeof(day), "%e-%b-", &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(expected, 64, "\"%s%04d %s %c%02d%02d\"", day, tm.tm_year + 1900, clock,
		 zone_min < 0 ? '-' : '+', zone / 60, zone % 60);
}

static void date_check(struct wire_day *day, int64_t utc_s, int zone_min)
{
	uint8_t *p = guard_room(&guard, WIRE_DATE_BYTES);
	char expected[64];

	date_expected(expected, utc_s, zone_min);
	assert_ptr_equal(wire_put_date(p, day, utc_s, zone_min), p + WIRE_DATE_BYTES);
	if (memcmp(p, expected, WIRE_DATE_BYTES) != 0)
		print_error("%.28s instead of %s\n", (char *)p, expected);
	assert_memory_equal(p, expected, WIRE_DATE_BYTES);
}

static void test_dates(void **state)
{
	struct wire_day day = {0};
	uint64_t random = 1;

	(void)state;
	/* The example of RFC 3501 section 6.4.5, and the borders of days. */
	date_check(&day, 837596665, -420);
	date_check(&day, 0, 0);
	date_check(&day, -1, 0);
	date_check(&day, DAY_S - 1, 0);
	date_check(&day, DAY_S, 0);
	date_check(&day, DAY_S, -1);
	/* Each day of four centuries, and around, before and after 1970. */
	for (int64_t number = -160000; number < 160000; number++)
		date_check(&day, number * DAY_S + (int64_t)(next_random(&random) % DAY_S), 0);
	for (unsigned i = 0; i < 100000; i++)
		date_check(&day, (int64_t)(next_random(&random) % 250000000000) - 60000000000,
			   (int)(next_random(&random) % 1681) - 840);
}

/* The cached day of one date does not show in another. */
static void test_cached_day(void **state)
{
	struct wire_day day = {0};
	uint64_t random = 7;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		date_check(&day, (int64_t)(next_random(&random) % (3 * DAY_S)), 60);
}

static void clamp_check(int64_t utc_s, int zone_min, const char *expected)
{
	struct wire_day day = {0};
	uint8_t *p = guard_room(&guard, WIRE_DATE_BYTES);

	assert_ptr_equal(wire_put_date(p, &day, utc_s, zone_min), p + WIRE_DATE_BYTES);
	assert_memory_equal(p, expected, WIRE_DATE_BYTES);
}

static void test_clamped(void **state)
{
	(void)state;
	clamp_check(INT64_MIN, 0, "\" 1-Jan-0000 00:00:00 +0000\"");
	clamp_check(INT64_MAX, 0, "\"31-Dec-9999 23:59:59 +0000\"");
	clamp_check(INT64_MAX, 60, "\"31-Dec-9999 23:59:59 +0100\"");
	clamp_check(INT64_MIN, -60, "\" 1-Jan-0000 00:00:00 -0100\"");
	clamp_check(-62167219200, 0, "\" 1-Jan-0000 00:00:00 +0000\"");
	clamp_check(-62162035200, 0, "\" 1-Mar-0000 00:00:00 +0000\"");
	clamp_check(-62162035201, 0, "\"29-Feb-0000 23:59:59 +0000\"");
	clamp_check(253402300799, 0, "\"31-Dec-9999 23:59:59 +0000\"");
	clamp_check(0, INT32_MAX, "\" 5-Jan-1970 03:59:00 +9959\"");
	clamp_check(0, INT32_MIN, "\"27-Dec-1969 20:01:00 -9959\"");
}

static struct wire_text text_of(size_t capacity)
{
	return (struct wire_text){.ptr = guard_room(&guard, capacity), .capacity = capacity};
}

static void text_equal(const struct wire_text *text, const char *expected)
{
	assert_true(span_eq((struct span){text->ptr, text->len}, span_of(expected)));
}

static void test_text(void **state)
{
	static const char expected[] = "* 1234 EXISTS ()";

	(void)state;
	for (size_t capacity = 0; capacity < sizeof(expected) + 2; capacity++) {
		struct wire_text text = text_of(capacity);
		bool fits = capacity >= sizeof(expected) - 1;

		wire_text_str(&text, "* ");
		wire_text_number(&text, 1234);
		wire_text_str(&text, " EXISTS");
		wire_text_add(&text, (struct span){NULL, 0});
		wire_text_add(&text, span_of(" ()"));
		assert_int_equal(text.full, !fits);
		assert_int_equal(text.len, fits ? sizeof(expected) - 1 : capacity);
		assert_memory_equal(text.ptr, expected, text.len);
	}
}

static void string_check(struct span in, const char *expected)
{
	struct wire_text text = text_of(strlen(expected));

	wire_text_string(&text, in);
	assert_false(text.full);
	text_equal(&text, expected);
	text = text_of(strlen(expected) - 1);
	wire_text_string(&text, in);
	assert_true(text.full);
}

static void test_strings(void **state)
{
	(void)state;
	string_check(span_of(""), "\"\"");
	string_check(span_of("INBOX"), "\"INBOX\"");
	string_check(span_of("a \"b\" \\ {3}"), "\"a \\\"b\\\" \\\\ {3}\"");
	string_check(span_of("\t\x01\x7f"), "\"\t\x01\x7f\"");
	string_check(span_of("a\r\nb"), "{4}\r\na\r\nb");
	string_check(span_of("\n\""), "{2}\r\n\n\"");
	string_check(span_of("\xc3\xa4"), "{2}\r\n\xc3\xa4");
	string_check((struct span){(const uint8_t *)"a\0b", 3}, "{3}\r\na\x80"
								"b");
}

/* What is emitted is parsed back as the same string. */
static void test_round_trips(void **state)
{
	static struct guard in_guard;
	uint64_t random = 3;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t bytes[24], out[24], buffer[80];
		struct wire_text text = {.ptr = buffer, .capacity = sizeof(buffer)};
		size_t len = next_random(&random) % sizeof(bytes);
		struct wire_string string;
		struct wire_cursor cursor;

		for (size_t k = 0; k < len; k++)
			bytes[k] = i % 2 == 0 ? (uint8_t)("\"\\ a{}"[next_random(&random) % 6])
					      : (uint8_t)(1 + next_random(&random) % 255);
		wire_text_string(&text, (struct span){bytes, len});
		assert_false(text.full);
		cursor = wire_cursor_of(guard_copy(&in_guard, (struct span){buffer, text.len}));
		assert_int_equal(wire_string(&cursor, &string), text.len);
		assert_int_equal(wire_string_copy(&string, out, sizeof(out)), len);
		assert_memory_equal(out, bytes, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	    cmocka_unit_test(test_dates),
		cmocka_unit_test(test_cached_day),  cmocka_unit_test(test_clamped),
		cmocka_unit_test(test_text),	    cmocka_unit_test(test_strings),
		cmocka_unit_test(test_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
