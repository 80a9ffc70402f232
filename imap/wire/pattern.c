/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "check.h"

enum {
	WORD_BITS = 64,
	WORDS_MAX = WIRE_PATTERN_BYTES_MAX / WORD_BITS + 1,
};

/*
 * A nondeterministic automaton whose states are bits: state j says that the first j items of the
 * pattern have matched. An item is a byte, * or %; wildcards in a row are one. All states take
 * a byte of the name at once, 64 in a word, so no pattern can make matching slow.
 *
 * The items that are byte c are those whose high and low half are both c's: 32 rows of bits
 * tell for every byte where it stands in the pattern.
 */
struct wire_pattern {
	uint32_t items, words;
	uint8_t separator;
	/* `words` words each: 16 rows by high half, 16 by low half, the stars, the percents. */
	uint64_t rows[];
};

enum row { ROW_HIGH = 0, ROW_LOW = 16, ROW_STAR = 32, ROW_PERCENT, ROWS };

static bool wildcard(uint8_t c)
{
	return c == '*' || c == '%';
}

size_t wire_pattern_bytes(struct span pattern)
{
	if (pattern.len > WIRE_PATTERN_BYTES_MAX)
		return 0;
	return sizeof(struct wire_pattern) +
	       (pattern.len / WORD_BITS + 1) * ROWS * sizeof(uint64_t);
}

static void mark(struct wire_pattern *compiled, unsigned row, uint32_t item)
{
	compiled->rows[row * compiled->words + item / WORD_BITS] |= 1ull << item % WORD_BITS;
}

/* Wildcards in a row match what * matches if one of them is *, else what % does. */
static size_t wildcards_take(struct span pattern, size_t at, bool *star_r)
{
	for (*star_r = false; at < pattern.len && wildcard(pattern.ptr[at]); at++)
		*star_r |= pattern.ptr[at] == '*';
	return at;
}

struct wire_pattern *wire_pattern_compile(void *memory, struct span pattern, uint8_t separator)
{
	struct wire_pattern *compiled = memory;
	size_t at = 0;

	ASSERT(pattern.len <= WIRE_PATTERN_BYTES_MAX);
	memset(compiled, 0, wire_pattern_bytes(pattern));
	compiled->separator = separator;
	compiled->words = (uint32_t)(pattern.len / WORD_BITS + 1);
	while (at < pattern.len) {
		uint8_t c = pattern.ptr[at];

		if (wildcard(c)) {
			bool star;

			at = wildcards_take(pattern, at, &star);
			mark(compiled, star ? ROW_STAR : ROW_PERCENT, compiled->items);
		} else {
			at++;
			mark(compiled, ROW_HIGH + (c >> 4), compiled->items);
			mark(compiled, ROW_LOW + (c & 0xf), compiled->items);
		}
		compiled->items++;
	}
	return compiled;
}

static const uint64_t *row_of(const struct wire_pattern *pattern, unsigned row)
{
	return &pattern->rows[row * pattern->words];
}

/* Where in one word of items byte c stands. */
static uint64_t places(const struct wire_pattern *pattern, uint8_t c, uint32_t word)
{
	return row_of(pattern, ROW_HIGH + (c >> 4))[word] &
	       row_of(pattern, ROW_LOW + (c & 0xf))[word];
}

/* Takes one byte, `c` or `other`. Returns false when no state is left. */
static bool step(const struct wire_pattern *pattern, uint64_t *states, uint8_t c, uint8_t other)
{
	uint64_t byte_carry = 0, wild_carry = 0, any = 0;

	for (uint32_t w = 0; w < pattern->words; w++) {
		uint64_t star = row_of(pattern, ROW_STAR)[w];
		uint64_t percent = row_of(pattern, ROW_PERCENT)[w];
		uint64_t taken = states[w] & (places(pattern, c, w) | places(pattern, other, w));
		uint64_t stay = states[w] & (c == pattern->separator ? star : star | percent);
		uint64_t next = taken << 1 | byte_carry | stay | wild_carry;
		uint64_t wild;

		/* A wildcard may also match nothing. No two are neighbours: one step is all. */
		wild = next & (star | percent);
		next |= wild << 1;
		byte_carry = taken >> (WORD_BITS - 1);
		wild_carry = wild >> (WORD_BITS - 1);
		states[w] = next;
		any |= next;
	}
	return any != 0;
}

static uint8_t upper(uint8_t c)
{
	return (uint8_t)(c - 'a') < 26 ? (uint8_t)(c & ~0x20) : c;
}

bool wire_pattern_match(const struct wire_pattern *pattern, struct span name, size_t fold)
{
	uint64_t states[WORDS_MAX] = {1};

	if ((row_of(pattern, ROW_STAR)[0] | row_of(pattern, ROW_PERCENT)[0]) & 1)
		states[0] |= 2;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];
		bool alive = i < fold ? step(pattern, states, span_lower(c), upper(c))
				      : step(pattern, states, c, c);

		if (!alive)
			return false;
	}
	return states[pattern->items / WORD_BITS] >> pattern->items % WORD_BITS & 1;
}
