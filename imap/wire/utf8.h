/* SPDX-License-Identifier: Apache-2.0 */
/* One character of UTF-8 (RFC 3629) at a time. Pure functions, any thread. */
#ifndef WIREMAP_WIRE_UTF8_H
#define WIREMAP_WIRE_UTF8_H

#include "wire.h"

enum {
	UTF8_BYTES_MAX = 4,
	UTF8_BAD = 0x7fffffff, /* no code point */
};

/*
 * The code point at the cursor, which must not be at its end; moves past it. UTF8_BAD, and the
 * cursor stays, for what RFC 3629 forbids: overlong forms, surrogates, above U+10FFFF, a cut end.
 */
uint32_t utf8_next(struct wire_cursor *cursor);
/* Writes a valid code point, at most UTF8_BYTES_MAX bytes. Returns the end. */
uint8_t *utf8_put(uint8_t *p, uint32_t code);

#endif
