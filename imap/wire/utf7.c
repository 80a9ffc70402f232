/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <limits.h>

#include "base64.h"
#include "utf8.h"

/* Printable US-ASCII stands for itself (RFC 3501 5.1.3), "&" as "&-". */
static bool printable(uint32_t code)
{
	return code >= 0x20 && code <= 0x7e;
}

struct output {
	uint8_t *ptr, *end;
};

static bool put(struct output *out, uint8_t byte)
{
	if (out->ptr == out->end)
		return false;
	*out->ptr++ = byte;
	return true;
}

static bool put_code(struct output *out, uint32_t code)
{
	uint8_t bytes[UTF8_BYTES_MAX];
	size_t n = (size_t)(utf8_put(bytes, code) - bytes);

	if ((size_t)(out->end - out->ptr) < n)
		return false;
	out->ptr = wire_put_bytes(out->ptr, bytes, n);
	return true;
}

/* One unit of UTF-16; `high_r` is the surrogate that waits for its other half, or 0. Only what
 * cannot stand for itself may be shifted. */
static bool put_unit(struct output *out, uint16_t unit, uint16_t *high)
{
	if (*high != 0) {
		uint32_t code = 0x10000 + ((uint32_t)(*high & 0x3ff) << 10 | (unit & 0x3ff));

		*high = 0;
		return (unit & 0xfc00) == 0xdc00 && put_code(out, code);
	}
	if ((unit & 0xfc00) == 0xd800) {
		*high = unit;
		return true;
	}
	return unit != 0 && !printable(unit) && (unit & 0xfc00) != 0xdc00 && put_code(out, unit);
}

/* The letters between "&" and "-". The cursor moves past the "-". */
static bool shift_decode(struct wire_cursor *at, struct output *out)
{
	uint16_t high = 0;
	uint32_t acc = 0;
	unsigned held = 0; /* bits of `acc` that no unit has taken yet */
	bool any = false;

	for (; at->ptr < at->end && *at->ptr != '-'; at->ptr++) {
		int bits = base64_bits(*at->ptr, ',');

		if (bits < 0)
			return false;
		acc = acc << 6 | (uint32_t)bits;
		held += 6;
		if (held < 16)
			continue;
		held -= 16;
		if (!put_unit(out, (uint16_t)(acc >> held), &high))
			return false;
		any = true;
	}
	if (at->ptr == at->end)
		return false;
	at->ptr++;
	return any && high == 0 && held < 6 && (acc & ((1u << held) - 1)) == 0;
}

int wire_utf7_decode(struct span in, uint8_t *out, size_t out_bytes)
{
	struct wire_cursor at = wire_cursor_of(in);
	struct output output = {out, out + out_bytes};
	bool after_shift = false; /* two shifts in a row should have been one */

	while (at.ptr < at.end) {
		uint8_t c = *at.ptr++;
		bool shift = c == '&' && !wire_at(&at, '-');

		if (!printable(c) || (shift && after_shift))
			return WIRE_BAD;
		if (!(shift ? shift_decode(&at, &output) : put(&output, c)))
			return WIRE_BAD;
		if (c == '&' && !shift)
			at.ptr++;
		after_shift = shift;
	}
	return output.ptr - out <= INT_MAX ? (int)(output.ptr - out) : WIRE_BAD;
}

/* A shift under way: bits that no letter has taken yet. */
struct shift {
	uint32_t acc;
	unsigned held;
	bool open;
};

static bool letters_put(struct output *out, struct shift *shift)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

	while (shift->held >= 6) {
		shift->held -= 6;
		if (!put(out, (uint8_t)letters[shift->acc >> shift->held & 0x3f]))
			return false;
	}
	return true;
}

static bool unit_encode(struct output *out, struct shift *shift, uint16_t unit)
{
	if (!shift->open && !put(out, '&'))
		return false;
	shift->open = true;
	shift->acc = shift->acc << 16 | unit;
	shift->held += 16;
	return letters_put(out, shift);
}

static bool code_encode(struct output *out, struct shift *shift, uint32_t code)
{
	if (code < 0x10000)
		return unit_encode(out, shift, (uint16_t)code);
	code -= 0x10000;
	return unit_encode(out, shift, (uint16_t)(0xd800 | code >> 10)) &&
	       unit_encode(out, shift, (uint16_t)(0xdc00 | (code & 0x3ff)));
}

static bool shift_close(struct output *out, struct shift *shift)
{
	if (!shift->open)
		return true;
	if (shift->held > 0) {
		shift->acc <<= 6 - shift->held;
		shift->held = 6;
	}
	if (!letters_put(out, shift))
		return false;
	*shift = (struct shift){0};
	return put(out, '-');
}

int wire_utf7_encode(struct span in, uint8_t *out, size_t out_bytes)
{
	struct wire_cursor at = wire_cursor_of(in);
	struct output output = {out, out + out_bytes};
	struct shift shift = {0};

	while (at.ptr < at.end) {
		uint32_t code = utf8_next(&at);
		bool written;

		if (code == 0 || code == UTF8_BAD)
			return WIRE_BAD;
		if (!printable(code))
			written = code_encode(&output, &shift, code);
		else
			written = shift_close(&output, &shift) && put(&output, (uint8_t)code) &&
				  (code != '&' || put(&output, '-'));
		if (!written)
			return WIRE_BAD;
	}
	if (!shift_close(&output, &shift) || output.ptr - out > INT_MAX)
		return WIRE_BAD;
	return (int)(output.ptr - out);
}
