/* SPDX-License-Identifier: Apache-2.0 */
#include "mime.h"

/*
 * Both decoders keep what they cannot put out yet in the state, so that any room of at least one
 * byte and any cut of the input give the same bytes.
 *
 * base64 keeps the bits not put out yet, and above them how many they are.
 *
 * quoted-printable keeps its mode, and in held[] a queue: its first `ready` bytes are due for
 * output, the rest are input whose meaning depends on what follows.
 */
enum { BITS_SHIFT = 16 };

enum qp_mode {
	QP_TEXT,	 /* nothing is held */
	QP_SPACE,	 /* white space: dropped if it ends its line */
	QP_EQUALS,	 /* "=" */
	QP_EQUALS_SPACE, /* "=" and white space: a soft break if the line ends */
	QP_HEX,		 /* "=" and a digit */
	QP_CR,		 /* perhaps white space, and a CR */
	QP_SOFT_CR,	 /* "=", perhaps white space, and a CR */
};

enum { QP_MODE_MASK = 0xff, QP_READY_SHIFT = 8, QP_HELD_MAX = 78 };

/* One more than the value; 0: not of the alphabet. */
static const uint8_t base64_values[256] = {
	['A'] = 1,  2,	3,  4,	5,  6,	7,  8,	9,  10, 11,	    12,		13,
	14,	    15, 16, 17, 18, 19, 20, 21, 22, 23, 24,	    25,		26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,	    38,		39,
	40,	    41, 42, 43, 44, 45, 46, 47, 48, 49, 50,	    51,		52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['+'] = 63, ['/'] = 64,
};

static size_t copy_decode(struct span in, uint8_t *out, size_t out_len, size_t *taken_r)
{
	size_t len = in.len < out_len ? in.len : out_len;

	if (len > 0)
		memcpy(out, in.ptr, len);
	*taken_r = len;
	return len;
}

/* Whole groups of four, as long as they last. */
static size_t base64_groups(const uint8_t **at, const uint8_t *end, uint8_t *out, size_t out_len)
{
	const uint8_t *in = *at;
	size_t put = 0;

	for (; end - in >= 4 && out_len - put >= 3; in += 4) {
		uint32_t a = base64_values[in[0]], b = base64_values[in[1]];
		uint32_t c = base64_values[in[2]], d = base64_values[in[3]];
		uint32_t group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);

		if (a == 0 || b == 0 || c == 0 || d == 0)
			break;
		out[put++] = (uint8_t)(group >> 16);
		out[put++] = (uint8_t)(group >> 8);
		out[put++] = (uint8_t)group;
	}
	*at = in;
	return put;
}

/* Foreign bytes are passed over; padding drops the bits of a started byte, and what follows it
 * is decoded on. */
static size_t base64_decode(struct mime_decoder *decoder, struct span in, uint8_t *out,
			    size_t out_len, size_t *taken_r)
{
	uint32_t bits = decoder->state & 0xffff, count = decoder->state >> BITS_SHIFT;
	const uint8_t *at = in.ptr, *end = span_end(in);
	size_t put = 0;

	while (at < end) {
		uint32_t value;

		if (count == 0)
			put += base64_groups(&at, end, out + put, out_len - put);
		if (at == end)
			break;
		value = base64_values[*at];
		if (*at == '=')
			bits = count = 0;
		if (value != 0 && count >= 2 && put == out_len)
			break;
		at++;
		if (value == 0)
			continue;
		bits = bits << 6 | (value - 1);
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[put++] = (uint8_t)(bits >> count);
			bits &= (1u << count) - 1;
		}
	}
	decoder->state = bits | count << BITS_SHIFT;
	*taken_r = (size_t)(at - in.ptr);
	return put;
}

static enum qp_mode qp_mode(const struct mime_decoder *decoder)
{
	return decoder->state & QP_MODE_MASK;
}

static void qp_hold(struct mime_decoder *decoder, enum qp_mode mode, uint8_t c)
{
	decoder->held[decoder->held_len++] = c;
	decoder->state = mode;
}

/* What is held turns out to be text. */
static void qp_release(struct mime_decoder *decoder)
{
	decoder->state = QP_TEXT | (uint32_t)decoder->held_len << QP_READY_SHIFT;
}

/* What is held means `len` other bytes. */
static void qp_replace(struct mime_decoder *decoder, const char *bytes, uint8_t len)
{
	memcpy(decoder->held, bytes, len);
	decoder->held_len = len;
	qp_release(decoder);
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool qp_text(struct mime_decoder *decoder, uint8_t c)
{
	if (c == '=')
		qp_hold(decoder, QP_EQUALS, c);
	else if (c == '\r')
		qp_hold(decoder, QP_CR, c);
	else if (c == ' ' || c == '\t')
		qp_hold(decoder, QP_SPACE, c);
	else if (c == '\n')
		qp_replace(decoder, "\r\n", 2);
	else
		qp_replace(decoder, (const char *)&c, 1);
	return true;
}

/* Behind white space, or behind "=" and perhaps white space. */
static bool qp_line_end(struct mime_decoder *decoder, uint8_t c, bool soft)
{
	bool fits = decoder->held_len < QP_HELD_MAX;

	if (c == '\n' && soft)
		qp_replace(decoder, "", 0);
	else if (c == '\n')
		qp_replace(decoder, "\r\n", 2);
	else if (c == '\r' && fits)
		qp_hold(decoder, soft ? QP_SOFT_CR : QP_CR, c);
	else if ((c == ' ' || c == '\t') && fits)
		qp_hold(decoder, soft ? QP_EQUALS_SPACE : QP_SPACE, c);
	else
		return false;
	return true;
}

static bool qp_hex(struct mime_decoder *decoder, uint8_t c)
{
	int high = hex_value(decoder->held[1]), low = hex_value(c);
	char byte = (char)(high << 4 | low);

	if (low < 0)
		return false;
	qp_replace(decoder, &byte, 1);
	return true;
}

/* Takes a byte; false: what is held was text, and the byte is to be looked at again. */
static bool qp_take(struct mime_decoder *decoder, uint8_t c)
{
	switch (qp_mode(decoder)) {
	case QP_TEXT:
		return qp_text(decoder, c);
	case QP_EQUALS:
		if (hex_value(c) >= 0) {
			qp_hold(decoder, QP_HEX, c);
			return true;
		}
		return qp_line_end(decoder, c, true);
	case QP_EQUALS_SPACE:
		return qp_line_end(decoder, c, true);
	case QP_SPACE:
		return qp_line_end(decoder, c, false);
	case QP_HEX:
		return qp_hex(decoder, c);
	case QP_CR:
		return c == '\n' && qp_line_end(decoder, c, false);
	case QP_SOFT_CR:
		return c == '\n' && qp_line_end(decoder, c, true);
	}
	return false;
}

/* Nothing follows. White space ends its line; a soft break may have lost its line end to the
 * boundary behind it. */
static void qp_finish(struct mime_decoder *decoder)
{
	enum qp_mode mode = qp_mode(decoder);

	if (mode == QP_HEX || mode == QP_CR)
		qp_release(decoder);
	else if (mode != QP_TEXT)
		qp_replace(decoder, "", 0);
}

/* Puts out what is due. */
static size_t qp_drain(struct mime_decoder *decoder, uint8_t *out, size_t out_len)
{
	size_t ready = decoder->state >> QP_READY_SHIFT, len = ready < out_len ? ready : out_len;

	memcpy(out, decoder->held, len);
	memmove(decoder->held, decoder->held + len, decoder->held_len - len);
	decoder->held_len -= (uint8_t)len;
	decoder->state -= (uint32_t)len << QP_READY_SHIFT;
	return len;
}

/* Bytes that mean themselves. */
static size_t qp_plain(struct span in, uint8_t *out, size_t out_len)
{
	size_t len = 0, limit = in.len < out_len ? in.len : out_len;

	while (len < limit) {
		uint8_t c = in.ptr[len];

		if (c == '=' || c == '\r' || c == '\n' || c == ' ' || c == '\t')
			break;
		out[len++] = c;
	}
	return len;
}

static size_t qp_decode(struct mime_decoder *decoder, struct span in, bool last, uint8_t *out,
			size_t out_len, size_t *taken_r)
{
	size_t taken = 0, put = 0;

	for (;;) {
		if (decoder->state >> QP_READY_SHIFT != 0) {
			put += qp_drain(decoder, out + put, out_len - put);
			if (decoder->state >> QP_READY_SHIFT != 0)
				break;
		}
		if (taken == in.len) {
			if (!last || qp_mode(decoder) == QP_TEXT)
				break;
			qp_finish(decoder);
			continue;
		}
		if (qp_mode(decoder) == QP_TEXT) {
			size_t plain =
				qp_plain(span_cut(in, taken, in.len), out + put, out_len - put);

			put += plain;
			taken += plain;
			if (taken == in.len)
				continue;
			if (put == out_len)
				break;
		}
		if (qp_take(decoder, in.ptr[taken]))
			taken++;
		else
			qp_release(decoder);
	}
	*taken_r = taken;
	return put;
}

size_t mime_decode(struct mime_decoder *decoder, struct span in, bool last, uint8_t *out,
		   size_t out_len, size_t *taken_r)
{
	switch (decoder->encoding) {
	case MIME_QUOTED_PRINTABLE:
		return qp_decode(decoder, in, last, out, out_len, taken_r);
	case MIME_BASE64:
		return base64_decode(decoder, in, out, out_len, taken_r);
	case MIME_7BIT:
	case MIME_8BIT:
	case MIME_BINARY:
	case MIME_ENCODING_UNKNOWN:
		break;
	}
	return copy_decode(in, out, out_len, taken_r);
}
