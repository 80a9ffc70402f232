/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "wire.h"

enum { NAME_BYTES_MAX = 1000 };

static struct guard pattern_guard, name_guard, memory_guard;

/* Compiles into exactly the memory asked for, everything at a guard page. */
static bool match_spans(struct span pattern, struct span name, size_t fold)
{
	struct wire_pattern *compiled =
		wire_pattern_compile(guard_room(&memory_guard, wire_pattern_bytes(pattern)),
				     guard_copy(&pattern_guard, pattern), '/');

	return wire_pattern_match(compiled, guard_copy(&name_guard, name), fold);
}

static bool match(const char *pattern, const char *name)
{
	return match_spans(span_of(pattern), span_of(name), 0);
}

static void test_plain(void **state)
{
	(void)state;
	assert_true(match("", ""));
	assert_false(match("", "a"));
	assert_false(match("a", ""));
	assert_true(match("INBOX", "INBOX"));
	assert_false(match("INBOX", "INBO"));
	assert_false(match("INBOX", "INBOXX"));
	assert_false(match("inbox", "INBOX"));
	assert_true(match("a/b", "a/b"));
	assert_true(match("\xc3\xa4", "\xc3\xa4"));
	assert_false(match("\xc3\xa4", "\xc3\xa5"));
}

static void test_wildcards(void **state)
{
	(void)state;
	assert_true(match("*", ""));
	assert_true(match("*", "a/b/c"));
	assert_true(match("%", ""));
	assert_true(match("%", "abc"));
	assert_false(match("%", "a/b"));
	assert_false(match("%", "a/"));
	assert_true(match("%/%", "a/b"));
	assert_false(match("%/%", "a/b/c"));
	assert_true(match("%%/%%", "a/b"));
	assert_false(match("%%", "a/b"));
	assert_true(match("%*", "a/b"));
	assert_true(match("*%", "a/b"));
	assert_true(match("%*%", "a/b"));
	assert_true(match("a*b", "ab"));
	assert_true(match("a*b", "a/b/b"));
	assert_false(match("a*b", "a/b/c"));
	assert_true(match("a%b*c", "axb/y/c"));
	assert_false(match("a%b*c", "a/b/y/c"));
	assert_true(match("*/c", "a/b/c"));
	assert_false(match("%/c", "a/b/c"));
}

static void test_fold(void **state)
{
	(void)state;
	assert_true(match_spans(span_of("inbox"), span_of("INBOX"), 5));
	assert_true(match_spans(span_of("InBoX/%"), span_of("INBOX/a"), 5));
	assert_false(match_spans(span_of("inbox/A"), span_of("INBOX/a"), 5));
	assert_true(match_spans(span_of("i%x*"), span_of("INBOX/a"), 5));
	assert_false(match_spans(span_of("inbox"), span_of("INBOX"), 4));
	/* Only letters have two cases. */
	assert_false(match_spans(span_of("@[`{"), span_of("`{@["), 4));
}

/* What a pattern means, without regard to cost. */
static bool naive(const char *pattern, const char *name)
{
	if (*pattern == '\0')
		return *name == '\0';
	if (*pattern != '*' && *pattern != '%')
		return *pattern == *name && naive(pattern + 1, name + 1);
	if (naive(pattern + 1, name))
		return true;
	return *name != '\0' && (*pattern == '*' || *name != '/') && naive(pattern, name + 1);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static void random_text(uint64_t *random, const char *letters, char *text, size_t bytes_max)
{
	size_t n = next_random(random) % bytes_max;

	for (size_t i = 0; i < n; i++)
		text[i] = letters[next_random(random) % strlen(letters)];
	text[n] = '\0';
}

static void test_against_naive(void **state)
{
	unsigned matches = 0;

	(void)state;
	for (uint64_t seed = 1; seed < 200000; seed++) {
		uint64_t random = seed;
		char pattern[9], name[12];

		random_text(&random, "ab/%*%*", pattern, sizeof(pattern));
		random_text(&random, "ab/", name, sizeof(name));
		if (match(pattern, name) != naive(pattern, name))
			print_error("pattern %s name %s\n", pattern, name);
		assert_int_equal(match(pattern, name), naive(pattern, name));
		matches += naive(pattern, name);
	}
	assert_in_range(matches, 10000, 190000);
}

/* Patterns that span words of states, with a wildcard at each place around the border. */
static void test_long_patterns(void **state)
{
	char name[300], pattern[301];

	(void)state;
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = (char)('a' + i % 7);
	for (size_t len = 60; len <= 260; len++) {
		struct span whole = {(uint8_t *)name, len};

		assert_true(match_spans(whole, whole, 0));
		assert_false(match_spans(whole, (struct span){(uint8_t *)name, len + 1}, 0));
		assert_false(match_spans(whole, (struct span){(uint8_t *)name, len - 1}, 0));
		for (size_t at = 55; at < 70; at++) {
			struct span with = {(uint8_t *)pattern, len + 1};

			if (at > len)
				break;
			memcpy(pattern, name, at);
			pattern[at] = at % 2 == 0 ? '*' : '%';
			memcpy(pattern + at + 1, name + at, len - at);
			assert_true(match_spans(with, whole, 0));
			pattern[len] ^= 1;
			assert_int_equal(match_spans(with, whole, 0), false);
		}
	}
}

/* Exponential matchers never come back from this. */
static void test_bounded_cost(void **state)
{
	uint8_t pattern[WIRE_PATTERN_BYTES_MAX], name[NAME_BYTES_MAX];
	struct span pattern_span = {pattern, sizeof(pattern)};

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = "%a*a"[i % 4];
	assert_false(match_spans(pattern_span, (struct span){name, sizeof(name)}, 0));
	memset(pattern + 600, '*', sizeof(pattern) - 600);
	assert_true(match_spans(pattern_span, (struct span){name, sizeof(name)}, 0));
	pattern[sizeof(pattern) - 1] = 'b';
	for (unsigned i = 0; i < 1000; i++)
		assert_false(match_spans(pattern_span, (struct span){name, sizeof(name)}, 0));
}

static void test_too_long(void **state)
{
	static const uint8_t pattern[WIRE_PATTERN_BYTES_MAX + 1];

	(void)state;
	assert_int_equal(wire_pattern_bytes((struct span){pattern, sizeof(pattern)}), 0);
	assert_true(wire_pattern_bytes((struct span){pattern, sizeof(pattern) - 1}) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	      cmocka_unit_test(test_wildcards),
		cmocka_unit_test(test_fold),	      cmocka_unit_test(test_against_naive),
		cmocka_unit_test(test_long_patterns), cmocka_unit_test(test_bounded_cost),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
