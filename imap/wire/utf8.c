/* SPDX-License-Identifier: Apache-2.0 */
#include "utf8.h"

uint32_t utf8_next(struct wire_cursor *cursor)
{
	/* The least code point a sequence of this length may carry: shorter ones are overlong. */
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t first = *cursor->ptr;
	unsigned bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t code = bytes == 1 ? first : first & (0x7fu >> bytes);

	if ((first >= 0x80 && first < 0xc2) || first > 0xf4 ||
	    (size_t)(cursor->end - cursor->ptr) < bytes)
		return UTF8_BAD;
	for (unsigned i = 1; i < bytes; i++) {
		if ((cursor->ptr[i] & 0xc0) != 0x80)
			return UTF8_BAD;
		code = code << 6 | (cursor->ptr[i] & 0x3f);
	}
	if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return UTF8_BAD;
	cursor->ptr += bytes;
	return code;
}

uint8_t *utf8_put(uint8_t *p, uint32_t code)
{
	if (code < 0x80) {
		*p++ = (uint8_t)code;
		return p;
	}
	if (code < 0x800) {
		*p++ = (uint8_t)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*p++ = (uint8_t)(0xe0 | code >> 12);
		} else {
			*p++ = (uint8_t)(0xf0 | code >> 18);
			*p++ = (uint8_t)(0x80 | (code >> 12 & 0x3f));
		}
		*p++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	}
	*p++ = (uint8_t)(0x80 | (code & 0x3f));
	return p;
}

bool wire_utf8_valid(struct span s)
{
	struct wire_cursor cursor = wire_cursor_of(s);

	while (cursor.ptr < cursor.end) {
		uint32_t code = utf8_next(&cursor);

		if (code == 0 || code == UTF8_BAD)
			return false;
	}
	return true;
}
