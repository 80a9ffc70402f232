/* SPDX-License-Identifier: Apache-2.0 */
/* Answers cut at every byte read the same as whole ones, up against a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "answer.h"

static const char stream[] = "* OK ready\r\n"
			     "* 1 FETCH (UID 7 BODY[] {12}\r\nab\n{3}\r\ncd\r\n FLAGS ())\r\n"
			     "* 2 FETCH (BODY[] {0}\r\n BODY[TEXT] {5}\r\n01234)\r\n"
			     "* 3 FETCH (X {12x}\r\n"
			     "* bare line feed\n"
			     "a1 OK done {not a literal} \r\n";

struct expected {
	const char *head;
	uint64_t literals;
};

static const struct expected lines[] = {
	{"* OK ready", 0},
	{"* 1 FETCH (UID 7 BODY[] {12}", 12},
	{"* 2 FETCH (BODY[] {0}", 5},
	{"* 3 FETCH (X {12x}", 0},
	{"* bare line feed", 0},
	{"a1 OK done {not a literal} ", 0},
};
enum { LINES = sizeof(lines) / sizeof(lines[0]), STREAM = sizeof(stream) - 1 };

static unsigned feed(struct answer_reader *reader, struct span in, unsigned seen)
{
	struct answer_line line;

	while (answer_next(reader, &in, &line)) {
		assert_true(seen < LINES);
		assert_int_equal(line.head.len, strlen(lines[seen].head));
		assert_memory_equal(line.head.ptr, lines[seen].head, line.head.len);
		assert_int_equal(line.literals, lines[seen].literals);
		seen++;
	}
	assert_int_equal(in.len, 0);
	return seen;
}

/* The stream's bytes end where the readable page does. */
static uint8_t *guarded(const char *bytes, size_t len)
{
	uint8_t *pages =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	memcpy(pages + 4096 - len, bytes, len);
	return pages + 4096 - len;
}

static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t a = 0; a <= STREAM; a++) {
		for (size_t b = a; b <= STREAM; b += 7) {
			struct answer_reader reader = {0};
			uint8_t *bytes = guarded(stream, STREAM);
			unsigned seen = feed(&reader, (struct span){bytes, a}, 0);

			seen = feed(&reader, (struct span){bytes + a, b - a}, seen);
			seen = feed(&reader, (struct span){bytes + b, STREAM - b}, seen);
			assert_int_equal(seen, LINES);
			munmap((void *)((uintptr_t)bytes & ~(uintptr_t)4095), 8192);
		}
	}
}

static void byte_by_byte(void **state)
{
	struct answer_reader reader = {0};
	unsigned seen = 0;

	(void)state;
	for (size_t k = 0; k < STREAM; k++) {
		uint8_t *byte = guarded(stream + k, 1);

		seen = feed(&reader, (struct span){byte, 1}, seen);
		munmap((void *)((uintptr_t)byte & ~(uintptr_t)4095), 8192);
	}
	assert_int_equal(seen, LINES);
}

/* A line longer than what is kept of it still ends, and its literal is still seen. */
static void long_line(void **state)
{
	static char text[4096];
	struct answer_reader reader = {0};
	struct answer_line line;
	struct span in;
	int len;

	(void)state;
	memset(text, 'x', sizeof(text));
	len = 3000 + snprintf(text + 3000, 100, " {4}\r\nabcd)\r\n");
	for (size_t cut = 1; cut < (size_t)len; cut++) {
		in = (struct span){(uint8_t *)text, cut};
		assert_false(answer_next(&reader, &in, &line));
		in = (struct span){(uint8_t *)text + cut, (size_t)len - cut};
		assert_true(answer_next(&reader, &in, &line));
		assert_int_equal(line.literals, 4);
		assert_true(line.head.len >= ANSWER_HEAD_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
