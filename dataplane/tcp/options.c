/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <string.h>

enum kind { END = 0, NOP = 1, MSS = 2, SHIFT = 3, SACK_PERMITTED = 4, SACK = 5, TIMESTAMPS = 8 };

enum { WORD = 4, BLOCK_BYTES = 8 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

static void take_blocks(const uint8_t *option, size_t len, struct options *options)
{
	size_t n = (len - 2) / BLOCK_BYTES;

	if (n == 0 || n > OPTIONS_BLOCKS_MAX || len != 2 + n * BLOCK_BYTES)
		return;
	options->blocks_n = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		options->blocks[i].start = get32(option + 2 + i * BLOCK_BYTES);
		options->blocks[i].end = get32(option + 6 + i * BLOCK_BYTES);
	}
}

/* An option of a known kind with a wrong length is as good as unknown. */
static void take(const uint8_t *option, size_t len, bool syn, struct options *options)
{
	switch (option[0]) {
	case MSS:
		if (syn && len == 4)
			options->mss = get16(option + 2);
		break;
	case SHIFT:
		if (syn && len == 3) {
			options->scaling = true;
			options->shift =
				option[2] < OPTIONS_SHIFT_MAX ? option[2] : OPTIONS_SHIFT_MAX;
		}
		break;
	case SACK_PERMITTED:
		if (syn && len == 2)
			options->sack_permitted = true;
		break;
	case SACK:
		if (!syn)
			take_blocks(option, len, options);
		break;
	case TIMESTAMPS:
		if (len == 10) {
			options->timestamps = true;
			options->value = get32(option + 2);
			options->echo = get32(option + 6);
		}
		break;
	default:
		break;
	}
}

bool tcp_options_parse(const uint8_t *bytes, size_t len, bool syn, struct options *options_r)
{
	static const uint8_t usual[4] = {NOP, NOP, TIMESTAMPS, 10};
	size_t at = 0;

	*options_r = (struct options){0};
	/* What nearly every segment carries (RFC 7323 appendix A). */
	if (len == OPTIONS_TIMESTAMP_BYTES && memcmp(bytes, usual, sizeof(usual)) == 0) {
		take(bytes + 2, 10, syn, options_r);
		return true;
	}
	while (at < len && bytes[at] != END) {
		size_t option;

		if (bytes[at] == NOP) {
			at++;
			continue;
		}
		if (len - at < 2)
			return false;
		option = bytes[at + 1];
		if (option < 2 || option > len - at)
			return false;
		take(bytes + at, option, syn, options_r);
		at += option;
	}
	return true;
}

static uint8_t *put_blocks(uint8_t *p, size_t room, const struct options *options)
{
	size_t n = options->blocks_n;

	if (room < WORD + BLOCK_BYTES || n == 0)
		return p;
	if (n > (room - WORD) / BLOCK_BYTES)
		n = (room - WORD) / BLOCK_BYTES;
	put32(p, (uint32_t)NOP << 24 | NOP << 16 | SACK << 8 | (uint32_t)(2 + n * BLOCK_BYTES));
	p += WORD;
	for (size_t i = 0; i < n; i++, p += BLOCK_BYTES) {
		put32(p, options->blocks[i].start);
		put32(p + WORD, options->blocks[i].end);
	}
	return p;
}

size_t tcp_options_write(const struct options *options, uint8_t *bytes_r)
{
	uint8_t *p = bytes_r;

	if (options->mss != 0) {
		put32(p, (uint32_t)MSS << 24 | 4U << 16 | options->mss);
		p += 4;
	}
	if (options->scaling) {
		put32(p, (uint32_t)NOP << 24 | SHIFT << 16 | 3U << 8 | options->shift);
		p += 4;
	}
	if (options->sack_permitted) {
		put32(p, (uint32_t)NOP << 24 | NOP << 16 | SACK_PERMITTED << 8 | 2);
		p += WORD;
	}
	if (options->timestamps) {
		put32(p, (uint32_t)NOP << 24 | NOP << 16 | TIMESTAMPS << 8 | 10);
		put32(p + 4, options->value);
		put32(p + 8, options->echo);
		p += OPTIONS_TIMESTAMP_BYTES;
	}
	p = put_blocks(p, (size_t)(bytes_r + OPTIONS_BYTES_MAX - p), options);
	return (size_t)(p - bytes_r);
}
