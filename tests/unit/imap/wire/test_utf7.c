/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard.h"
#include "wire.h"

enum { OUT_BYTES_MAX = 4096 };

static struct guard in_guard, out_guard;

/* Decodes into exactly the room that wire.h says suffices. */
static int decode(struct span in, uint8_t **out_r)
{
	size_t room = in.len * 9 / 8;

	*out_r = guard_room(&out_guard, room);
	return wire_utf7_decode(guard_copy(&in_guard, in), *out_r, room);
}

static int encode(struct span in, uint8_t **out_r)
{
	size_t room = 4 * in.len + 1;

	*out_r = guard_room(&out_guard, room);
	return wire_utf7_encode(guard_copy(&in_guard, in), *out_r, room);
}

/* Both ways, and in every room that is too small. */
static void pair_check(const char *utf7, const char *utf8)
{
	uint8_t *out;
	int n = decode(span_of(utf7), &out);

	assert_int_equal(n, strlen(utf8));
	assert_memory_equal(out, utf8, strlen(utf8));
	for (size_t room = 0; room < strlen(utf8); room++)
		assert_int_equal(
			wire_utf7_decode(span_of(utf7), guard_room(&out_guard, room), room),
			WIRE_BAD);
	n = encode(span_of(utf8), &out);
	assert_int_equal(n, strlen(utf7));
	assert_memory_equal(out, utf7, strlen(utf7));
	for (size_t room = 0; room < strlen(utf7); room++)
		assert_int_equal(
			wire_utf7_encode(span_of(utf8), guard_room(&out_guard, room), room),
			WIRE_BAD);
}

static void test_pairs(void **state)
{
	(void)state;
	pair_check("", "");
	pair_check("INBOX", "INBOX");
	pair_check("&-", "&");
	pair_check("a&-b&-", "a&b&");
	pair_check("-,/+~\\\"", "-,/+~\\\"");
	pair_check("&AOQ-", "\xc3\xa4");
	pair_check("Entw&APw-rfe", "Entw\xc3\xbcrfe");
	pair_check("&AOQA5A-", "\xc3\xa4\xc3\xa4");
	pair_check("&-&AOQ-&-", "&\xc3\xa4&");
	pair_check("&AOQ--", "\xc3\xa4-");
	pair_check("&AAE-", "\x01");
	pair_check("&AAM-&-&AAE-", "\x03&\x01");
	pair_check("&AH8-", "\x7f");
	pair_check("&2D3c6w-", "\xf0\x9f\x93\xab");
	pair_check("&2AHcN,,9-", "\xf0\x90\x90\xb7\xef\xbf\xbd");
	pair_check("&2,,f,w-", "\xf4\x8f\xbf\xbf");
	pair_check("&CAD,,w-", "\xe0\xa0\x80\xef\xbf\xbf");
	/* RFC 3501 5.1.3. */
	pair_check("~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		   "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	/* Nine characters that take more room in UTF-8. */
	pair_check("&U,BTF2XlZyyKnlPwUxdl5Wcs-",
		   "\xe5\x8f\xb0\xe5\x8c\x97\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe5\x8f\xb0"
		   "\xe5\x8c\x97\xe6\x97\xa5\xe6\x9c\xac");
}

static void bad_check(const char *utf7)
{
	uint8_t *out;

	if (decode(span_of(utf7), &out) != WIRE_BAD)
		print_error("taken: %s\n", utf7);
	assert_int_equal(decode(span_of(utf7), &out), WIRE_BAD);
}

static void test_decode_bad(void **state)
{
	(void)state;
	/* Not in the alphabet. */
	bad_check("\xc3\xa4");
	bad_check("a\tb");
	bad_check("\x7f");
	bad_check("&AO/-");
	bad_check("&AO=-");
	bad_check("&AO");
	bad_check("&AOQ");
	bad_check("&");
	bad_check("a&b");
	/* Cut units, bits that should be zero, letters that carry nothing. */
	bad_check("&A-");
	bad_check("&AO-");
	bad_check("&AOR-");
	bad_check("&AOQA-");
	bad_check("&AOQAA-");
	bad_check("&AOQA5B-");
	/* Other spellings: what stands for itself, and two shifts where one would do. */
	bad_check("&AGE-");
	bad_check("&AH4-");
	bad_check("&ACY-");
	bad_check("&AOQAYQ-");
	bad_check("&AOQ-&AOQ-");
	/* NUL. */
	bad_check("&AAA-");
	bad_check("&AQAAAA-");
	/* Surrogates alone, or in the wrong order. */
	bad_check("&2D0-");
	bad_check("&2D0A5A-");
	bad_check("&3Os-");
	bad_check("&3OvYPQ-");
	bad_check("&2D3YPQ-");
	assert_int_equal(wire_utf7_decode((struct span){(const uint8_t *)"a\0b", 3},
					  guard_room(&out_guard, 3), 3),
			 WIRE_BAD);
}

static void test_encode_bad(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"a\xc3",
		"\xc0\xaf",
		"\xe0\x80\xaf",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xf0\x80\x80\xaf",
		"\xff",
	};
	uint8_t *out;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(encode(span_of(bad[i]), &out), WIRE_BAD);
	assert_int_equal(encode((struct span){(const uint8_t *)"a\0b", 3}, &out), WIRE_BAD);
}

/* A cut name is a name, or WIRE_BAD inside a shift. */
static void test_cuts(void **state)
{
	struct span name = span_of("a&-&U,BTF2XlZyyKnlPwUxdl5Wcs-b&2D3c6w-&-");
	uint8_t *out;

	(void)state;
	for (size_t n = 0; n < name.len; n++) {
		int written = decode(span_cut(name, 0, n), &out);
		/* Behind an "&" whose "-" was cut off. */
		bool open = n == 2 || (n >= 4 && n <= 28) || (n >= 31 && n <= 37) || n == 39;

		assert_int_equal(written == WIRE_BAD, open);
	}
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

static size_t code_put(uint8_t *p, uint32_t code)
{
	if (code < 0x80) {
		p[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		p[0] = (uint8_t)(0xc0 | code >> 6);
		p[1] = (uint8_t)(0x80 | (code & 63));
		return 2;
	}
	if (code < 0x10000) {
		p[0] = (uint8_t)(0xe0 | code >> 12);
		p[1] = (uint8_t)(0x80 | (code >> 6 & 63));
		p[2] = (uint8_t)(0x80 | (code & 63));
		return 3;
	}
	p[0] = (uint8_t)(0xf0 | code >> 18);
	p[1] = (uint8_t)(0x80 | (code >> 12 & 63));
	p[2] = (uint8_t)(0x80 | (code >> 6 & 63));
	p[3] = (uint8_t)(0x80 | (code & 63));
	return 4;
}

/* A code point of each length with equal chance; "&" often. */
static uint32_t code_random(uint64_t *random)
{
	static const uint32_t from[] = {1, 0x80, 0x800, 0x10000, '&'};
	static const uint32_t to[] = {0x80, 0x800, 0xd800, 0x110000, '&' + 1};
	unsigned kind = next_random(random) % 5;

	return from[kind] + next_random(random) % (to[kind] - from[kind]);
}

static void test_round_trips(void **state)
{
	uint8_t name[OUT_BYTES_MAX], utf7[OUT_BYTES_MAX], *out;

	(void)state;
	for (uint64_t seed = 1; seed < 5000; seed++) {
		uint64_t random = seed;
		unsigned codes = next_random(&random) % 30;
		size_t len = 0;
		int n, back;

		for (unsigned i = 0; i < codes; i++)
			len += code_put(name + len, code_random(&random));
		n = encode((struct span){name, len}, &out);
		assert_in_range(n, 0, sizeof(utf7));
		memcpy(utf7, out, (size_t)n);
		back = decode((struct span){utf7, (size_t)n}, &out);
		assert_int_equal(back, len);
		assert_memory_equal(out, name, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),	    cmocka_unit_test(test_decode_bad),
		cmocka_unit_test(test_encode_bad),  cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
