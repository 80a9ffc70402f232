/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parsers of wire/ share beyond wire.h. A parser works on a copy of the cursor and
 * ends in grammar_moved().
 */
#ifndef WIREMAP_WIRE_GRAMMAR_H
#define WIREMAP_WIRE_GRAMMAR_H

#include "wire.h"

#include <limits.h>

/* Moves the cursor to `to` and returns the bytes consumed, as wire.h has it. */
static inline int grammar_moved(struct wire_cursor *cursor, const uint8_t *to)
{
	size_t n = (size_t)(to - cursor->ptr);

	cursor->ptr = to;
	return n < INT_MAX ? (int)n : INT_MAX;
}

static inline bool grammar_digit(uint8_t c)
{
	return (uint8_t)(c - '0') < 10;
}

/* nz-number (RFC 3501): no leading zero, at most UINT32_MAX. */
int grammar_nz_number(struct wire_cursor *cursor, uint32_t *number_r);
/* nz-number64 (RFC 9051): likewise, at most INT64_MAX. */
int grammar_nz_number64(struct wire_cursor *cursor, uint64_t *number_r);
/* The longest run of letters, digits and dots: names of fetch items and sections. */
int grammar_keyword(struct wire_cursor *cursor, struct span *keyword_r);

#endif
