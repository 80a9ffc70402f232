/* SPDX-License-Identifier: Apache-2.0 */
#include "prepared.h"

enum { ROOM = 65536 };

/* Decodes in pieces of `in_max` into room for `out_max`, each ending at a guard page. */
static size_t decode(enum mime_encoding encoding, struct span in, size_t in_max, size_t out_max,
		     uint8_t *out)
{
	static struct guard in_guard, out_guard;
	struct mime_decoder decoder = {.encoding = encoding};
	size_t done = 0, put = 0;

	for (;;) {
		struct span piece = guard_copy(&in_guard, span_cut(in, done, in_max));
		uint8_t *room = guard_room(&out_guard, out_max);
		bool last = done + piece.len == in.len;
		size_t taken, got = mime_decode(&decoder, piece, last, room, out_max, &taken);

		assert_true(taken <= piece.len && got <= out_max && put + got <= ROOM);
		memcpy(out + put, room, got);
		put += got;
		done += taken;
		if (got == 0 && taken == 0) {
			assert_true(last && done == in.len);
			return put;
		}
	}
}

static void decoded(enum mime_encoding encoding, const char *text, const char *wanted)
{
	static uint8_t out[ROOM];
	struct span in = span_of(text);

	for (size_t in_max = 1; in_max <= in.len; in_max++)
		for (size_t out_max = 1; out_max <= 9; out_max++)
			ASSERT_TEXT(
				((struct span){out, decode(encoding, in, in_max, out_max, out)}),
				wanted);
}

static void test_base64(void **state)
{
	(void)state;
	decoded(MIME_BASE64, "YWJj", "abc");
	decoded(MIME_BASE64, "YWJj\r\nZGVm\r\n", "abcdef");
	decoded(MIME_BASE64, "YQ==", "a");
	decoded(MIME_BASE64, "YWI=", "ab");
	decoded(MIME_BASE64, "YQ==YWI=", "aab");
	decoded(MIME_BASE64, "Y W!J\x80j", "abc");
	decoded(MIME_BASE64, "YWJjZ", "abc");
	decoded(MIME_BASE64, "+/+/", "\xfb\xff\xbf");
}

static void test_quoted_printable(void **state)
{
	(void)state;
	decoded(MIME_QUOTED_PRINTABLE, "a=3D=3db", "a==b");
	decoded(MIME_QUOTED_PRINTABLE, "one=\r\ntwo=\nthree= \t\r\nfour", "onetwothreefour");
	decoded(MIME_QUOTED_PRINTABLE, "white  \r\nlast \t", "white\r\nlast");
	decoded(MIME_QUOTED_PRINTABLE, "a b\tc", "a b\tc");
	decoded(MIME_QUOTED_PRINTABLE, "bare\nlf", "bare\r\nlf");
	decoded(MIME_QUOTED_PRINTABLE, "=zz =4x =", "=zz =4x ");
	decoded(MIME_QUOTED_PRINTABLE, "= x\ry \rz", "= x\ry \rz");
	decoded(MIME_QUOTED_PRINTABLE, "=4", "=4");
}

/* More white space than can be held is text; nothing of it is lost before text. */
static void test_long_white_space(void **state)
{
	static uint8_t text[1000], out[ROOM];
	size_t len;

	(void)state;
	memset(text, ' ', sizeof(text));
	text[999] = 'x';
	for (size_t in_max = 1; in_max < 200; in_max += 7) {
		len = decode(MIME_QUOTED_PRINTABLE, (struct span){text, 1000}, in_max, 5, out);
		assert_int_equal(len, 1000);
		assert_memory_equal(out, text, 1000);
	}
}

static void test_others_are_copied(void **state)
{
	(void)state;
	decoded(MIME_8BIT, "a=3D\r\n", "a=3D\r\n");
	decoded(MIME_ENCODING_UNKNOWN, "YWJj", "YWJj");
}

static void test_prepared_sizes(void **state)
{
	struct mime_prep prep = prepare(span_of(
		"Content-Type: multipart/x; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n"
		"Content-Transfer-Encoding: Base64\n\nYWJj\n--b\nContent-Transfer-Encoding: "
		"quoted-printable\n\na=3D\n--b\nContent-Transfer-Encoding: x-odd\n\nabc\n--b--\n"));
	const struct {
		enum mime_encoding encoding;
		uint64_t size;
	} wanted[] = {{MIME_BASE64, 3}, {MIME_QUOTED_PRINTABLE, 2}, {MIME_ENCODING_UNKNOWN, 3}};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t part = mime_part_find(&prep, &(uint32_t){i + 1}, 1);

		assert_int_equal(mime_part_encoding(&prep, part), wanted[i].encoding);
		assert_int_equal(mime_part_decoded_size(&prep, part), wanted[i].size);
	}
	assert_int_equal(mime_part_encoding(&prep, MIME_PART_ROOT), MIME_8BIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),		 cmocka_unit_test(test_quoted_printable),
		cmocka_unit_test(test_long_white_space), cmocka_unit_test(test_others_are_copied),
		cmocka_unit_test(test_prepared_sizes),
	};

	return cmocka_run_group_tests(tests, builder_setup, builder_teardown);
}
