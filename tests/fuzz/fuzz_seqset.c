/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence sets: the normal form, and in it exactly the numbers of the text. The first byte is
 * the largest number in use, the second the room for runs.
 */
#include <stdlib.h>

#include "check.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RUNS_MAX = 256, NUMBERS_MAX = 512 };

/* The numbers below NUMBERS_MAX of a text that wire_seqset() took. */
static void numbers_mark(struct span text, uint32_t star, bool *in_set)
{
	uint64_t ends[2] = {0, 0};
	unsigned end = 0;

	for (size_t i = 0; i <= text.len; i++) {
		uint8_t c = i < text.len ? text.ptr[i] : ',';

		if (c == '*') {
			ends[end] = star;
		} else if (c == ':') {
			end = 1;
		} else if (c != ',') {
			ends[end] = ends[end] * 10 + (c - '0');
		} else {
			uint64_t a = ends[0], b = end == 1 ? ends[1] : ends[0];

			for (uint64_t n = a < b ? a : b; n < NUMBERS_MAX && n <= (a < b ? b : a);
			     n++)
				in_set[n] |= a != 0 && b != 0;
			ends[0] = ends[1] = end = 0;
		}
	}
}

static size_t elements_count(struct span text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == ',';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool in_set[NUMBERS_MAX] = {false}, full;
	struct wire_cursor cursor;
	struct wire_run *runs;
	struct span text;
	size_t runs_n, runs_max;
	int rc;

	if (size < 3 || size > 4096)
		return 0;
	text = (struct span){data + 2, size - 2};
	runs_max = 1 + data[1] % RUNS_MAX;
	runs = malloc(runs_max * sizeof(*runs));
	cursor = wire_cursor_of(text);
	rc = wire_seqset(&cursor, data[0], runs, runs_max, &runs_n, &full);
	if (rc > 0) {
		ASSERT(cursor.ptr == text.ptr + rc && rc < (int)text.len && runs_n <= runs_max);
		numbers_mark(span_cut(text, 0, (size_t)rc), data[0], in_set);
		for (size_t i = 0; i < runs_n; i++) {
			ASSERT(runs[i].first > 0 && runs[i].first <= runs[i].last);
			ASSERT(i == 0 || (uint64_t)runs[i].first > (uint64_t)runs[i - 1].last + 1);
		}
		for (uint32_t n = 0; n < NUMBERS_MAX; n++)
			ASSERT(wire_seqset_has(runs, runs_n, n) == in_set[n]);
	} else {
		ASSERT(cursor.ptr == text.ptr);
		ASSERT(!full || elements_count(text) > runs_max);
	}
	free(runs);
	return 0;
}
