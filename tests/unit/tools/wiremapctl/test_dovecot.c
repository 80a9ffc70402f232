/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "dovecot.h"

static struct dovecot_uidlist list;
static struct dovecot_fault fault;

static int read_list(const char *text)
{
	dovecot_uidlist_free(&list);
	return dovecot_uidlist_read(span_of(text), &list, &fault);
}

static uint32_t uid_of(const char *name)
{
	return dovecot_uidlist_find(&list, span_of(name));
}

static void test_list(void **state)
{
	(void)state;
	assert_int_equal(read_list("3 V1700000000 N42 G0123456789abcdef0123456789abcdef Xnew\n"
				   "7 W2048 S2000 :b.M1P2.host,S=2000\n"
				   "9 :a file:2,S\n"
				   "41 Gx Px :c\n"),
			 0);
	assert_null(fault.why);
	assert_int_equal(list.uidvalidity, 1700000000);
	assert_int_equal(list.uidnext, 42);
	assert_true(list.identified);
	assert_int_equal(list.guid[0], 0x01);
	assert_int_equal(list.guid[15], 0xef);
	assert_int_equal(list.n, 3);
	assert_int_equal(uid_of("b.M1P2.host,S=2000:2,FS"), 7);
	assert_int_equal(uid_of("a file"), 9);
	assert_int_equal(uid_of("c:2,"), 41);
	assert_int_equal(uid_of("b"), 0);
	assert_int_equal(uid_of(""), 0);
}

static void test_older_version(void **state)
{
	(void)state;
	assert_int_equal(read_list("1 1200 8\n5 a b\n6 :c\n"), -EBADMSG);
	assert_int_equal(fault.line, 3);
	assert_int_equal(read_list("1 1200 8\n5 a b\n6 c:2,S\n"), 0);
	assert_int_equal(list.uidvalidity, 1200);
	assert_false(list.identified);
	assert_int_equal(uid_of("a b:2,S"), 5);
	assert_int_equal(uid_of("c"), 6);
}

/* Lines are appended after the header was written. */
static void test_next_is_above_all(void **state)
{
	(void)state;
	assert_int_equal(read_list("3 V5 N2\n1 :a\n7 :b\n"), 0);
	assert_int_equal(list.uidnext, 8);
	assert_int_equal(read_list("3 V5\n"), 0);
	assert_int_equal(list.uidnext, 1);
}

static void test_line_being_written(void **state)
{
	(void)state;
	assert_int_equal(read_list("3 V5 N9\n1 :a\n2 :b"), 0);
	assert_string_equal(fault.why, "the last line has no end and is left out");
	assert_int_equal(fault.line, 3);
	assert_int_equal(uid_of("a"), 1);
	assert_int_equal(uid_of("b"), 0);
}

static void test_broken(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} broken[] = {
		{"", 1},
		{"3 V5 N9", 1},
		{"2 V5 N9\n", 1},
		{"3\n", 1},
		{"3 V0 N9\n", 1},
		{"3 V N9\n", 1},
		{"3 V5 N0\n", 1},
		{"3 V4294967296 N9\n", 1},
		{"3 V-5 N9\n", 1},
		{"3 V5 N9 G0123456789ABCDEF0123456789abcdef\n", 1},
		{"1 5\n", 1},
		{"1 5 6 7\n", 1},
		{"3 V5 N9\n\n", 2},
		{"3 V5 N9\n1 :a\nx :b\n", 3},
		{"3 V5 N9\n1 :a\n1 :b\n", 3},
		{"3 V5 N9\n2 :a\n1 :b\n", 3},
		{"3 V5 N9\n0 :a\n", 2},
		{"3 V5 N9\n1 a\n", 2},
		{"3 V5 N9\n1 :\n", 2},
		{"3 V5 N9\n1 ::2,S\n", 2},
		{"3 V5 N9\n4294967295 :a\n", 2},
		{"3 V5 N9\n1 :a\n2 :b\n3 :a:2,S\n", 4},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(broken) / sizeof(broken[0]); k++) {
		assert_int_equal(read_list(broken[k].text), -EBADMSG);
		assert_non_null(fault.why);
		assert_int_equal(fault.line, broken[k].line);
	}
}

static void test_keywords(void **state)
{
	struct dovecot_keywords keywords;

	(void)state;
	dovecot_keywords_read(span_of("0 $Forwarded\n1 work\r\n25 z\n26 past\n"), &keywords,
			      &fault);
	assert_null(fault.why);
	assert_true(span_eq(keywords.names[0], span_of("$Forwarded")));
	assert_true(span_eq(keywords.names[1], span_of("work")));
	assert_true(span_eq(keywords.names[25], span_of("z")));
	assert_int_equal(keywords.names[2].len, 0);
	dovecot_keywords_read(span_of("0 a\n0 b\nx\n2 c"), &keywords, &fault);
	assert_int_equal(fault.line, 2);
	assert_non_null(fault.why);
	assert_true(span_eq(keywords.names[0], span_of("a")));
	assert_true(span_eq(keywords.names[2], span_of("c")));
}

static int teardown(void **state)
{
	(void)state;
	dovecot_uidlist_free(&list);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_older_version),
		cmocka_unit_test(test_next_is_above_all),
		cmocka_unit_test(test_line_being_written),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_keywords),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
