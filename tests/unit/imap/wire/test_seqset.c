/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse.h"

enum { RUNS_MAX = 8, STAR = 15, LONG_RUNS = 4096 };

static int seqset_within(struct wire_cursor *cursor, uint32_t star, struct shown *shown)
{
	static struct guard guard;
	struct wire_run *runs = (struct wire_run *)guard_room(&guard, RUNS_MAX * sizeof(*runs));
	size_t runs_n;
	bool full;
	int rc = wire_seqset(cursor, star, runs, RUNS_MAX, &runs_n, &full);

	if (rc == WIRE_BAD && full)
		show(shown, "full");
	for (size_t i = 0; rc > 0 && i < runs_n; i++)
		show(shown, runs[i].first == runs[i].last ? "%s%u" : "%s%u:%u", i > 0 ? "," : "",
		     runs[i].first, runs[i].last);
	return rc;
}

static int seqset(struct wire_cursor *cursor, struct shown *shown)
{
	return seqset_within(cursor, STAR, shown);
}

static int seqset_empty(struct wire_cursor *cursor, struct shown *shown)
{
	return seqset_within(cursor, 0, shown);
}

static void test_sets(void **state)
{
	(void)state;
	parse_text(seqset, "1 ", "1");
	parse_text(seqset, "1:3\r\n", "1:3");
	parse_text(seqset, "4:2 ", "2:4");
	parse_text(seqset, "7:7 ", "7");
	parse_text(seqset, "* ", "15");
	parse_text(seqset, "1:* ", "1:15");
	parse_text(seqset, "*:1 ", "1:15");
	parse_text(seqset, "*:* ", "15");
	parse_text(seqset, "3291:* ", "15:3291");
	parse_text(seqset, "4294967295 ", "4294967295");
	parse_text(seqset, "1:4294967295,7,4294967295 ", "1:4294967295");
	/* The examples of RFC 3501 section 9. */
	parse_text(seqset, "2,4:7,9,12:* ", "2,4:7,9,12:15");
	parse_text(seqset, "*:4,5:7 ", "4:15");
}

static void test_normal_form(void **state)
{
	(void)state;
	parse_text(seqset, "1,2,3 ", "1:3");
	parse_text(seqset, "3,2,1 ", "1:3");
	parse_text(seqset, "1,3,5 ", "1,3,5");
	parse_text(seqset, "5,3,1 ", "1,3,5");
	parse_text(seqset, "1:3,4:6 ", "1:6");
	parse_text(seqset, "1:3,5:6 ", "1:3,5:6");
	parse_text(seqset, "5:9,1:20,7 ", "1:20");
	parse_text(seqset, "1,1,1,1,1,1,1,1,1,1,1 ", "1");
	parse_text(seqset, "9,1,9,1,9,1,9,1,9,1,9,1,9,1,9,1,9,1 ", "1,9");
	parse_text(seqset, "4294967295,1,4294967294 ", "1,4294967294:4294967295");
	parse_text(seqset, "8:9,2:3,5:6,1,4,7 ", "1:9");
}

static void test_star_of_nothing(void **state)
{
	(void)state;
	parse_text(seqset_empty, "* ", "");
	parse_text(seqset_empty, "1:* ", "");
	parse_text(seqset_empty, "*:5 ", "");
	parse_text(seqset_empty, "3,*,5:* ", "3");
}

static void test_bad(void **state)
{
	(void)state;
	parse_text(seqset, "0 ", "BAD");
	parse_text(seqset, "01 ", "BAD");
	parse_text(seqset, "1:0 ", "BAD");
	parse_text(seqset, "4294967296 ", "BAD");
	parse_text(seqset, "99999999999999999999999 ", "BAD");
	parse_text(seqset, ",1 ", "BAD");
	parse_text(seqset, "1, ", "BAD");
	parse_text(seqset, "1,,2 ", "BAD");
	parse_text(seqset, "1: ", "BAD");
	parse_text(seqset, ":1 ", "BAD");
	parse_text(seqset, "-1 ", "BAD");
	parse_text(seqset, "$ ", "BAD");
	parse_text(seqset, " 1 ", "BAD");
	parse_text(seqset, "", "MORE");
	parse_text(seqset, "1", "MORE");
	parse_text(seqset, "*", "MORE");
	parse_text(seqset, "1:", "MORE");
	parse_text(seqset, "1,", "MORE");
	/* What follows a set is the caller's. */
	parse_text(seqset, "1:2:3 ", "1:2");
	parse_text(seqset, "1*", "1");
	parse_text(seqset, "**", "15");
}

static bool full_of(const char *in)
{
	struct wire_run runs[RUNS_MAX];
	struct wire_cursor cursor = wire_cursor_of(span_of(in));
	size_t runs_n;
	bool full;
	int rc = wire_seqset(&cursor, STAR, runs, RUNS_MAX, &runs_n, &full);

	assert_true(full ? rc == WIRE_BAD : rc > 0);
	return full;
}

static void test_full(void **state)
{
	(void)state;
	assert_false(full_of("1,3,5,7,9,11,13,15 "));
	assert_false(full_of("15,13,11,9,7,5,3,1 "));
	assert_true(full_of("1,3,5,7,9,11,13,15,17 "));
	assert_true(full_of("17,15,13,11,9,7,5,3,1 "));
	assert_false(full_of("1,3,5,7,9,11,13,15,16,16,16:17 "));
	/* Longer than the array and out of order: few once joined, and more than three quarters. */
	assert_false(full_of("8,6,4,2,7,5,3,1,9,20,30,40,50 "));
	assert_true(full_of("3,1,3,5,7,9,11,13,20 "));
}

static void test_has(void **state)
{
	const struct wire_run runs[] = {{2, 2}, {4, 7}, {9, 9}, {12, UINT32_MAX}};

	(void)state;
	for (uint32_t n = 0; n < 20; n++)
		assert_int_equal(wire_seqset_has(runs, 4, n),
				 n == 2 || (n >= 4 && n <= 7) || n == 9 || n >= 12);
	assert_true(wire_seqset_has(runs, 4, UINT32_MAX));
	assert_false(wire_seqset_has(runs, 3, UINT32_MAX));
	assert_false(wire_seqset_has(runs, 0, 2));
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* Random sets of small numbers against a plain array of flags. */
static void test_against_flags(void **state)
{
	struct wire_run runs[64];

	(void)state;
	for (uint64_t seed = 1; seed < 3000; seed++) {
		uint64_t random = seed;
		bool in_set[128] = {false}, full;
		struct shown text = {0};
		unsigned elements = 1 + next_random(&random) % 40;
		struct wire_cursor cursor;
		size_t runs_n;

		for (unsigned i = 0; i < elements; i++) {
			uint32_t first = 1 + next_random(&random) % 120;
			uint32_t last = first + next_random(&random) % 4;
			bool turn = next_random(&random) % 2 != 0;

			show(&text, "%s%u:%u", i > 0 ? "," : "", turn ? last : first,
			     turn ? first : last);
			for (uint32_t n = first; n <= last; n++)
				in_set[n] = true;
		}
		show(&text, " ");
		cursor = wire_cursor_of((struct span){(uint8_t *)text.text, text.len});
		assert_int_equal(wire_seqset(&cursor, 1, runs, 64, &runs_n, &full), text.len - 1);
		for (size_t i = 0; i < runs_n; i++) {
			assert_true(runs[i].first <= runs[i].last);
			assert_true(i == 0 || runs[i].first > runs[i - 1].last + 1);
		}
		for (uint32_t n = 0; n < 128; n++)
			assert_int_equal(wire_seqset_has(runs, runs_n, n), in_set[n]);
	}
}

/* Falling numbers in a long command: the worst order for anything that inserts. */
static void test_long_falling(void **state)
{
	static struct wire_run runs[LONG_RUNS];
	static char text[LONG_RUNS * 12];
	struct wire_cursor cursor;
	size_t len = 0, runs_n;
	bool full;

	(void)state;
	for (unsigned i = LONG_RUNS; i > 0; i--)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u%c", 2 * i,
					i > 1 ? ',' : ' ');
	cursor = wire_cursor_of((struct span){(uint8_t *)text, len});
	assert_int_equal(wire_seqset(&cursor, 1, runs, LONG_RUNS, &runs_n, &full), len - 1);
	assert_int_equal(runs_n, LONG_RUNS);
	for (unsigned i = 0; i < LONG_RUNS; i++)
		assert_int_equal(runs[i].first, 2 * (i + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_normal_form),
		cmocka_unit_test(test_star_of_nothing),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_against_flags),
		cmocka_unit_test(test_long_falling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
