/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "name.h"
#include "store.h"

static struct guard guard;

static const char *fault_of(const char *name, size_t len)
{
	return store_name_fault(guard_copy(&guard, (struct span){(const uint8_t *)name, len}));
}

static void test_allowed(void **state)
{
	static const char *const names[] = {
		"INBOX", "INBOX/a",    "INBOXes", "inboxes", "a",
		"a/b/c", "ä/日本語/😀", " a ",	  "~x",	     ".",
		"..",	 "../..",      "a\\b",	  "%*",	     "\xf4\x8f\xbf\xbf",
	};

	(void)state;
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (fault_of(names[k], strlen(names[k])) != NULL)
			fail_msg("%s: %s", names[k], fault_of(names[k], strlen(names[k])));
}

static void test_refused(void **state)
{
	static const char *const names[] = {
		"",
		"/",
		"/a",
		"a/",
		"a//b",
		"inbox",
		"Inbox/a",
		"a\nb",
		"\x7f",
		"\x80",
		"\xc3",
		"a\xc3",
		"\xc0\xaf",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xff",
		"\xe6\x97",
	};
	char deep[STORE_DEPTH_MAX * 2 + 1], long_name[STORE_NAME_BYTES_MAX + 1];

	(void)state;
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (fault_of(names[k], strlen(names[k])) == NULL)
			fail_msg("\"%s\" was allowed", names[k]);
	assert_non_null(fault_of("a\0b", 3));
	memset(long_name, 'x', sizeof(long_name));
	assert_null(fault_of(long_name, STORE_NAME_BYTES_MAX));
	assert_non_null(fault_of(long_name, STORE_NAME_BYTES_MAX + 1));
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i % 2 == 0 ? 'd' : '/';
	assert_null(fault_of(deep, STORE_DEPTH_MAX * 2 - 1));
	assert_non_null(fault_of(deep, STORE_DEPTH_MAX * 2 + 1));
}

/* In this order, and no two are equal: INBOX first, what hangs under a name right after it. */
static void test_order(void **state)
{
	static const char *const names[] = {
		"INBOX", "INBOX/z", "A", "A/b", "A/b/c", "A!", "A.", "A0", "B", "INBOXes", "a", "ä",
	};
	size_t n = sizeof(names) / sizeof(names[0]);

	(void)state;
	for (size_t a = 0; a < n; a++)
		for (size_t b = 0; b < n; b++) {
			int order = store_name_compare(span_of(names[a]), span_of(names[b]));

			assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
		}
}

static void test_inbox(void **state)
{
	(void)state;
	assert_true(store_name_inbox(span_of("iNbOx")));
	assert_true(store_name_inbox(span_of("inbox/x")));
	assert_false(store_name_inbox(span_of("inbox.x")));
	assert_false(store_name_inbox(span_of("inbo")));
	assert_false(store_name_inbox(span_of("")));
}

static void test_keywords(void **state)
{
	static const char *const good[] = {"$Forwarded", "a", "NonJunk", "x-y.z[1", "~"};
	static const char *const bad[] = {"",	"a b",	  "(",	"a)",	"{3}",	    "a%",  "*",
					  "\"", "\\Seen", "a]", "\x7f", "\xc3\xa4", "a\tb"};
	char keyword[STORE_KEYWORD_BYTES_MAX + 2];

	(void)state;
	for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); k++)
		assert_true(store_keyword_valid(span_of(good[k])));
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		assert_false(store_keyword_valid(span_of(bad[k])));
	memset(keyword, 'k', sizeof(keyword));
	assert_true(
		store_keyword_valid((struct span){(uint8_t *)keyword, STORE_KEYWORD_BYTES_MAX}));
	assert_false(store_keyword_valid(
		(struct span){(uint8_t *)keyword, STORE_KEYWORD_BYTES_MAX + 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed),	 cmocka_unit_test(test_refused),
		cmocka_unit_test(test_order),	 cmocka_unit_test(test_inbox),
		cmocka_unit_test(test_keywords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
