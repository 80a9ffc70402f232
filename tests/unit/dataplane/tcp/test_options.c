/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "options.h"

/* Parses with the last byte against a page that may not be read. */
static bool parse(const uint8_t *bytes, size_t len, bool syn, struct options *options_r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok;

	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
	memcpy(map + page - len, bytes, len);
	ok = tcp_options_parse(map + page - len, len, syn, options_r);
	munmap(map, 2 * page);
	return ok;
}

static void all_of_a_syn(void **state)
{
	static const uint8_t bytes[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2,
					3, 4, 0, 0,    0, 0, 1, 3,  3, 7};
	struct options options;

	(void)state;
	assert_true(parse(bytes, sizeof(bytes), true, &options));
	assert_int_equal(options.mss, 1460);
	assert_true(options.scaling);
	assert_int_equal(options.shift, 7);
	assert_true(options.sack_permitted);
	assert_true(options.timestamps);
	assert_int_equal(options.value, 0x01020304);
	assert_int_equal(options.echo, 0);
	assert_true(parse(bytes, sizeof(bytes), false, &options));
	assert_false(options.sack_permitted);
	assert_int_equal(options.mss, 0);
	assert_false(options.scaling);
	assert_true(options.timestamps);
}

/* Cut at every byte: well, or refused; never read beyond. */
static void cut_at_every_byte(void **state)
{
	static const uint8_t bytes[] = {1, 2, 4, 5, 0xb4, 1,	3, 3, 99, 8, 10, 1, 2, 3, 4,
					5, 6, 7, 8, 0xfe, 0x04, 1, 2, 4,  2, 42, 5, 1, 2, 3};
	static const size_t whole[] = {0, 1, 5, 6, 9, 19, 23, 25, 30};
	size_t next = 0;

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct options options;
		bool expected = len == whole[next];

		assert_int_equal(parse(bytes, len, true, &options), expected);
		next += expected;
	}
	assert_int_equal(next, sizeof(whole) / sizeof(whole[0]));
}

static void lengths_that_lie(void **state)
{
	static const uint8_t zero[] = {8, 0, 1, 2}, one[] = {3, 1, 1, 1}, far[] = {2, 41, 1, 1};
	static const uint8_t wrong[] = {2, 3, 1, 1}, ended[] = {0, 2, 0, 0};
	struct options options;

	(void)state;
	assert_false(parse(zero, sizeof(zero), true, &options));
	assert_false(parse(one, sizeof(one), true, &options));
	assert_false(parse(far, sizeof(far), true, &options));
	assert_true(parse(wrong, sizeof(wrong), true, &options));
	assert_int_equal(options.mss, 0);
	assert_true(parse(ended, sizeof(ended), true, &options));
}

static void shift_is_bounded(void **state)
{
	static const uint8_t bytes[] = {3, 3, 255, 0};
	struct options options;

	(void)state;
	assert_true(parse(bytes, sizeof(bytes), true, &options));
	assert_int_equal(options.shift, 14);
}

static void written_is_read(void **state)
{
	(void)state;
	for (unsigned kinds = 0; kinds < 16; kinds++) {
		const struct options options = {.mss = kinds & 1 ? 1460 : 0,
						.scaling = kinds & 2,
						.shift = kinds & 2 ? 9 : 0,
						.sack_permitted = kinds & 8,
						.timestamps = kinds & 4,
						.value = kinds & 4 ? 0xdeadbeef : 0,
						.echo = kinds & 4 ? 0x01020304 : 0};
		uint8_t bytes[OPTIONS_BYTES_MAX];
		size_t len = tcp_options_write(&options, bytes);
		struct options read;

		assert_int_equal(len % 4, 0);
		assert_true(parse(bytes, len, true, &read));
		assert_int_equal(read.mss, options.mss);
		assert_int_equal(read.scaling, options.scaling);
		assert_int_equal(read.shift, options.shift);
		assert_int_equal(read.sack_permitted, options.sack_permitted);
		assert_int_equal(read.timestamps, options.timestamps);
		assert_int_equal(read.value, options.value);
		assert_int_equal(read.echo, options.echo);
	}
}

/* RFC 2018 3; a length that is no number of blocks is as good as unknown. */
static void sack_blocks(void **state)
{
	static const uint8_t two[] = {1, 1, 5,	 18,  0,   0,	0, 1, 0, 0,
				      0, 2, 255, 255, 255, 255, 0, 0, 0, 9};
	static const uint8_t odd[] = {1, 1, 5, 9, 0, 0, 0, 1, 0, 0, 0}, none[] = {1, 1, 5, 2};
	struct options options;

	(void)state;
	assert_true(parse(two, sizeof(two), false, &options));
	assert_int_equal(options.blocks_n, 2);
	assert_int_equal(options.blocks[0].start, 1);
	assert_int_equal(options.blocks[0].end, 2);
	assert_int_equal(options.blocks[1].start, UINT32_MAX);
	assert_int_equal(options.blocks[1].end, 9);
	assert_true(parse(two, sizeof(two), true, &options));
	assert_int_equal(options.blocks_n, 0);
	assert_true(parse(odd, sizeof(odd), false, &options));
	assert_int_equal(options.blocks_n, 0);
	assert_true(parse(none, sizeof(none), false, &options));
	assert_int_equal(options.blocks_n, 0);
}

/* As many as find room: four alone, three behind timestamps. */
static void sack_blocks_written(void **state)
{
	struct options options = {.blocks_n = 4}, read;
	uint8_t bytes[OPTIONS_BYTES_MAX];
	size_t len;

	(void)state;
	for (uint32_t i = 0; i < OPTIONS_BLOCKS_MAX; i++)
		options.blocks[i] = (struct sack_block){0xfffffff0 + i * 8, 0xfffffff4 + i * 8};
	for (unsigned stamps = 0; stamps < 2; stamps++) {
		options.timestamps = stamps;
		len = tcp_options_write(&options, bytes);
		assert_int_equal(len, stamps ? 40 : 36);
		assert_true(parse(bytes, len, false, &read));
		assert_int_equal(read.timestamps, stamps);
		assert_int_equal(read.blocks_n, stamps ? 3 : 4);
		assert_memory_equal(read.blocks, options.blocks,
				    read.blocks_n * sizeof(read.blocks[0]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_a_syn),	       cmocka_unit_test(cut_at_every_byte),
		cmocka_unit_test(lengths_that_lie),    cmocka_unit_test(shift_is_bounded),
		cmocka_unit_test(written_is_read),     cmocka_unit_test(sack_blocks),
		cmocka_unit_test(sack_blocks_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
