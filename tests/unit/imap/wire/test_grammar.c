/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse.h"

#define BYTES(s) ((struct span){(const uint8_t *)(s), sizeof(s) - 1})

static int tag(struct wire_cursor *cursor, struct shown *shown)
{
	struct span found;
	int rc = wire_tag(cursor, &found);

	if (rc > 0)
		show_bytes(shown, found);
	return rc;
}

static int atom(struct wire_cursor *cursor, struct shown *shown)
{
	struct span found;
	int rc = wire_atom(cursor, &found);

	if (rc > 0)
		show_bytes(shown, found);
	return rc;
}

static void show_string(struct shown *shown, const struct wire_string *string)
{
	static struct guard guard;
	uint8_t *out = guard_room(&guard, string->raw.len);
	size_t n = wire_string_copy(string, out, string->raw.len);

	show(shown, "%s'", string->escaped ? "escaped" : "");
	show_bytes(shown, (struct span){out, n});
	show(shown, "'");
	if (n > 0)
		assert_int_equal(wire_string_copy(string, guard_room(&guard, n - 1), n - 1),
				 SIZE_MAX);
}

static int astring(struct wire_cursor *cursor, struct shown *shown)
{
	struct wire_string found;
	int rc = wire_astring(cursor, &found);

	if (rc > 0)
		show_string(shown, &found);
	return rc;
}

static int string(struct wire_cursor *cursor, struct shown *shown)
{
	struct wire_string found;
	int rc = wire_string(cursor, &found);

	if (rc > 0)
		show_string(shown, &found);
	return rc;
}

static int list_mailbox(struct wire_cursor *cursor, struct shown *shown)
{
	struct wire_string found;
	int rc = wire_list_mailbox(cursor, &found);

	if (rc > 0)
		show_string(shown, &found);
	return rc;
}

static int nstring(struct wire_cursor *cursor, struct shown *shown)
{
	struct wire_string found;
	bool nil;
	int rc = wire_nstring(cursor, &found, &nil);

	if (rc > 0 && nil)
		show(shown, "nil");
	else if (rc > 0)
		show_string(shown, &found);
	return rc;
}

static int literal(struct wire_cursor *cursor, struct shown *shown)
{
	struct span found;
	bool literal8;
	int rc = wire_literal(cursor, &found, &literal8);

	if (rc > 0) {
		show(shown, literal8 ? "8:" : "7:");
		show_bytes(shown, found);
	}
	return rc;
}

static int number_within(struct wire_cursor *cursor, uint64_t max, struct shown *shown)
{
	uint64_t found;
	int rc = wire_number(cursor, max, &found);

	if (rc > 0)
		show(shown, "%llu", (unsigned long long)found);
	return rc;
}

static int number(struct wire_cursor *cursor, struct shown *shown)
{
	return number_within(cursor, UINT32_MAX, shown);
}

static int number64(struct wire_cursor *cursor, struct shown *shown)
{
	return number_within(cursor, UINT64_MAX, shown);
}

static int end(struct wire_cursor *cursor, struct shown *shown)
{
	int rc = wire_end(cursor);

	if (rc > 0)
		show(shown, "end");
	return rc;
}

static int space(struct wire_cursor *cursor, struct shown *shown)
{
	int rc = wire_space(cursor);

	if (rc > 0)
		show(shown, "space");
	return rc;
}

/* Which bytes a word of one byte may be, against the grammar's own lists. */
static void charset_check(parse_shown *parse, const char *allowed_specials, const char *excluded,
			  bool string_start)
{
	static const char specials[] = "(){ %*\"\\]";

	for (unsigned c = 0; c < 256; c++) {
		uint8_t in[] = {(uint8_t)c, '\r'};
		bool good = c > 0x20 && c < 0x7f && strchr(specials, (int)c) == NULL;
		char expected[16];
		struct shown shown = {0};

		good = (good || (c != 0 && strchr(allowed_specials, (int)c) != NULL)) &&
		       (c == 0 || strchr(excluded, (int)c) == NULL);
		if (string_start && (c == '"' || c == '{'))
			continue;
		snprintf(expected, sizeof(expected), string_start ? "'%c'" : "%c", (int)c);
		assert_int_equal(parse_once(parse, (struct span){in, 2}, &shown),
				 good ? 1 : WIRE_BAD);
		assert_string_equal(shown.text, good ? expected : "BAD");
	}
}

static void test_charsets(void **state)
{
	(void)state;
	charset_check(atom, "", "", false);
	charset_check(tag, "]", "+", false);
	charset_check(astring, "]", "", true);
	charset_check(list_mailbox, "]%*", "", true);
}

static void test_tag(void **state)
{
	char in[WIRE_TAG_BYTES_MAX + 3];

	(void)state;
	parse_text(tag, "a1 NOOP\r\n", "a1");
	parse_text(tag, "A]$.- x", "A]$.-");
	parse_text(tag, "a+1 NOOP\r\n", "a");
	parse_text(tag, "* OK\r\n", "BAD");
	parse_text(tag, " NOOP\r\n", "BAD");
	parse_text(tag, "\r\n", "BAD");
	parse_text(tag, "\"a\" NOOP\r\n", "BAD");
	parse_text(tag, "abc", "MORE");
	parse_text(tag, "", "MORE");
	memset(in, 'a', sizeof(in));
	in[WIRE_TAG_BYTES_MAX] = '\0';
	parse_text(tag, in, "MORE");
	in[WIRE_TAG_BYTES_MAX] = ' ';
	parse_bytes(tag, (struct span){(uint8_t *)in, WIRE_TAG_BYTES_MAX + 1},
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	in[WIRE_TAG_BYTES_MAX] = 'a';
	in[WIRE_TAG_BYTES_MAX + 1] = ' ';
	parse_bytes(tag, (struct span){(uint8_t *)in, WIRE_TAG_BYTES_MAX + 2}, "BAD");
}

static void test_atom(void **state)
{
	(void)state;
	parse_text(atom, "FETCH 1", "FETCH");
	parse_text(atom, "A]", "A");
	parse_text(atom, "A(", "A");
	parse_text(atom, "]", "BAD");
	parse_text(atom, "FETCH", "MORE");
	parse_bytes(atom, BYTES("A\0B "), "A");
	parse_text(atom, "\xc3\xa4 ", "BAD");
}

static void test_quoted(void **state)
{
	(void)state;
	parse_text(string, "\"\" ", "''");
	parse_text(string, "\"a b\"", "'a b'");
	parse_text(string, "\"{5}\"", "'{5}'");
	parse_text(string, "\"a\\\"b\\\\\"", "escaped'a\"b\\'");
	parse_text(string, "\"\\\\\\\"\" x", "escaped'\\\"'");
	parse_text(string, "\"tab\there\x7f\x01\"", "'tab\\09here\\7f\\01'");
	parse_text(string, "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7\"",
		   "'\\c3\\a4\\e2\\82\\ac\\f0\\9f\\93\\a7'");
	parse_text(string, "\"a\\b\"", "BAD");
	parse_text(string, "\"a\\\r\n\"", "BAD");
	parse_text(string, "\"a\rb\"", "BAD");
	parse_text(string, "\"a\nb\"", "BAD");
	parse_bytes(string, BYTES("\"a\0b\""), "BAD");
	parse_text(string, "\"\xe4\"", "BAD");
	parse_text(string, "\"\xc0\xaf\"", "BAD");
	parse_text(string, "\"\xed\xa0\x80\"", "BAD");
	parse_text(string, "\"abc", "MORE");
	parse_text(string, "\"abc\\", "MORE");
	parse_text(string, "abc ", "BAD");
	parse_text(string, "(\"a\")", "BAD");
}

static void test_literal(void **state)
{
	(void)state;
	parse_text(string, "{3}\r\nabc", "'abc'");
	parse_text(string, "{3}\nabcdef", "'abc'");
	parse_text(string, "{3+}\r\nabc\r\n", "'abc'");
	parse_text(string, "{0}\r\n", "''");
	parse_text(string, "{005}\r\na\r\n\"b", "'a\\0d\\0a\"b'");
	parse_text(string, "{3}\r\n\\\"\xff", "'\\\"\\ff'");
	parse_text(string, "{3}\r\nab", "MORE");
	parse_text(string, "{3", "MORE");
	parse_text(string, "{9223372036854775807}\r\nab", "MORE");
	parse_text(string, "{9223372036854775808}\r\nab", "BAD");
	parse_text(string, "{99999999999999999999999}\r\nab", "BAD");
	parse_text(string, "{}\r\nab", "BAD");
	parse_text(string, "{+}\r\nab", "BAD");
	parse_text(string, "{-1}\r\nab", "BAD");
	parse_text(string, "{ 1}\r\nab", "BAD");
	parse_text(string, "{1} \r\nab", "BAD");
	parse_text(string, "{1++}\r\nab", "BAD");
	parse_text(string, "{1}\r\rab", "BAD");
	parse_bytes(string, BYTES("{3}\r\na\0b"), "BAD");
	parse_text(string, "~{3}\r\nabc", "BAD");
	parse_text(literal, "~{3}\r\nabc", "8:abc");
	parse_text(literal, "~{3+}\r\nabc", "8:abc");
	parse_bytes(literal, BYTES("~{3}\r\na\0b"), "8:a\\00b");
	parse_bytes(literal, BYTES("{3}\r\na\0b"), "BAD");
	parse_text(literal, "{2}\r\nab", "7:ab");
	parse_text(literal, "\"ab\"", "BAD");
	parse_text(literal, "~\"ab\"", "BAD");
}

static void test_strings_and_words(void **state)
{
	(void)state;
	parse_text(astring, "INBOX\r\n", "'INBOX'");
	parse_text(astring, "a]b c", "'a]b'");
	parse_text(astring, "\"a\\\\b\" ", "escaped'a\\b'");
	parse_text(astring, "{2}\r\na b", "'a '");
	parse_text(astring, "a%b ", "'a'");
	parse_text(astring, "NIL ", "'NIL'");
	parse_text(list_mailbox, "~/Mail/%*]\r\n", "'~/Mail/%*]'");
	parse_text(list_mailbox, "\"%\"\r\n", "'%'");
	parse_text(list_mailbox, "(a) ", "BAD");
	parse_text(nstring, "NIL ", "nil");
	parse_text(nstring, "nil)", "nil");
	parse_text(nstring, "\"NIL\"", "'NIL'");
	parse_text(nstring, "NILS ", "BAD");
	parse_text(nstring, "NI ", "BAD");
	parse_text(nstring, "{3}\r\nNIL", "'NIL'");
}

static void test_numbers(void **state)
{
	(void)state;
	parse_text(number, "0 ", "0");
	parse_text(number, "007)", "7");
	parse_text(number, "4294967295 ", "4294967295");
	parse_text(number, "4294967296 ", "BAD");
	parse_text(number, "99999999999999999999999999 ", "BAD");
	parse_text(number, "12", "MORE");
	parse_text(number, "x", "BAD");
	parse_text(number, "-1 ", "BAD");
	parse_text(number64, "18446744073709551615 ", "18446744073709551615");
	parse_text(number64, "18446744073709551616 ", "BAD");
}

static void test_ends(void **state)
{
	(void)state;
	parse_text(end, "\r\n", "end");
	parse_text(end, "\n", "end");
	parse_text(end, "\r", "MORE");
	parse_text(end, "", "MORE");
	parse_text(end, " \r\n", "BAD");
	parse_text(end, "\r\r\n", "BAD");
	parse_text(space, " x", "space");
	parse_text(space, "\tx", "BAD");
	parse_text(space, "\r\n", "BAD");
	/* Not by cutting: with a byte behind it, the end is no end. */
	assert_int_equal(
		wire_end(&(struct wire_cursor){BYTES("\r\nx").ptr, BYTES("\r\nx").ptr + 3}),
		WIRE_BAD);
}

static void test_at(void **state)
{
	struct wire_cursor cursor = wire_cursor_of(span_of("ab"));

	(void)state;
	assert_true(wire_at(&cursor, 'a'));
	assert_false(wire_at(&cursor, 'b'));
	cursor.ptr = cursor.end;
	assert_false(wire_at(&cursor, '\0'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_charsets), cmocka_unit_test(test_tag),
		cmocka_unit_test(test_atom),	 cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_literal),	 cmocka_unit_test(test_strings_and_words),
		cmocka_unit_test(test_numbers),	 cmocka_unit_test(test_ends),
		cmocka_unit_test(test_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
