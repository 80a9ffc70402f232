/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives one parser of wire.h over an input that ends at a guard page, whole and cut at every
 * byte, and compares what it says with what is expected.
 */
#ifndef WIREMAP_TESTS_PARSE_H
#define WIREMAP_TESTS_PARSE_H

#include <stdarg.h>
#include <stdio.h>

#include "guard.h"
#include "wire.h"

enum { SHOWN_BYTES_MAX = 8192 };

/* What a parser found, as text. */
struct shown {
	char text[SHOWN_BYTES_MAX];
	size_t len;
};

/* Parses and, after success, shows. Returns what the parser returned. */
typedef int parse_shown(struct wire_cursor *cursor, struct shown *shown);

__attribute__((format(printf, 2, 3), unused)) static void show(struct shown *shown,
							       const char *format, ...)
{
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(shown->text + shown->len, sizeof(shown->text) - shown->len, format, list);
	va_end(list);
	assert_in_range(n, 0, sizeof(shown->text) - shown->len - 1);
	shown->len += (size_t)n;
}

/* Bytes that are not printable as \xx. */
__attribute__((unused)) static void show_bytes(struct shown *shown, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] >= 0x20 && s.ptr[i] < 0x7f)
			show(shown, "%c", s.ptr[i]);
		else
			show(shown, "\\%02x", s.ptr[i]);
}

/* Runs once. After a failure the cursor must stand where it was. */
static int parse_once(parse_shown *parse, struct span in, struct shown *shown)
{
	struct wire_cursor cursor = wire_cursor_of(in);
	int rc;

	*shown = (struct shown){0};
	rc = parse(&cursor, shown);
	if (rc < 0) {
		assert_true(rc == WIRE_BAD || rc == WIRE_NEED_MORE);
		assert_ptr_equal(cursor.ptr, in.ptr);
		*shown = (struct shown){0};
		show(shown, rc == WIRE_BAD ? "BAD" : "MORE");
	} else {
		assert_in_range(rc, 1, in.len);
		assert_ptr_equal(cursor.ptr, in.ptr + rc);
	}
	assert_ptr_equal(cursor.end, in.ptr + in.len);
	return rc;
}

/*
 * `expected` is what is shown of the whole input, or BAD or MORE. A cut input must give MORE, or
 * what the whole gives: BAD never where more bytes would make it good, and nothing early.
 */
__attribute__((unused)) static void parse_bytes(parse_shown *parse, struct span in,
						const char *expected)
{
	static struct guard guard;
	static struct shown whole, cut;
	int rc = parse_once(parse, guard_copy(&guard, in), &whole);

	if (strcmp(whole.text, expected) != 0)
		print_error("input: %.*s\n", (int)in.len, (const char *)in.ptr);
	assert_string_equal(whole.text, expected);
	for (size_t n = 0; n < in.len; n++) {
		int cut_rc = parse_once(parse, guard_copy(&guard, span_cut(in, 0, n)), &cut);

		if (cut_rc == WIRE_NEED_MORE)
			continue;
		assert_int_equal(cut_rc, rc);
		assert_string_equal(cut.text, whole.text);
	}
}

__attribute__((unused)) static void parse_text(parse_shown *parse, const char *in,
					       const char *expected)
{
	parse_bytes(parse, span_of(in), expected);
}

#endif
