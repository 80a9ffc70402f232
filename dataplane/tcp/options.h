/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a TCP header (RFC 9293 3.2, RFC 7323, RFC 2018): read from foreign bytes, written
 * into our segments. Pure functions, any thread.
 */
#ifndef WIREMAP_TCP_OPTIONS_H
#define WIREMAP_TCP_OPTIONS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	OPTIONS_BYTES_MAX = 40,
	OPTIONS_SHIFT_MAX = 14,	      /* RFC 7323 2.3 */
	OPTIONS_TIMESTAMP_BYTES = 12, /* with the padding that aligns it */
	OPTIONS_BLOCKS_MAX = 4,	      /* RFC 2018 3: what 40 bytes hold */
	OPTIONS_BLOCK_BYTES = 8,
	OPTIONS_WORD = 4, /* what each is padded to */
};

enum option_kind {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_SHIFT = 3,
	OPTION_SACK_PERMITTED = 4,
	OPTION_SACK = 5,
	OPTION_TIMESTAMPS = 8,
};

/* Kind and length as they lie there, to be told apart, or written, in one step. */
#define OPTION_HEAD(kind, len) ((kind) << 8 | (len))

/* RFC 2018 3: bytes that were received, `end` is the sequence after the last. */
struct sack_block {
	uint32_t start, end;
};

struct options {
	bool timestamps;
	bool scaling;
	bool sack_permitted;
	uint8_t blocks_n;     /* of SACK; as they stand there, nothing is checked but the length */
	uint16_t mss;	      /* 0: not said */
	uint32_t shift;	      /* of the window; as if OPTIONS_SHIFT_MAX when larger */
	uint32_t value, echo; /* timestamps */
	struct sack_block blocks[OPTIONS_BLOCKS_MAX];
};

/*
 * Reads the `len` bytes after the fixed header. False: a length lies, and nothing of the
 * segment is to be believed. Unknown kinds are skipped, what a SYN alone may carry is
 * read only with `syn`, of a repeated option the last counts.
 */
bool tcp_options_parse(const uint8_t *bytes, size_t len, bool syn, struct options *options_r);

static inline uint8_t *options_put(uint8_t *p, uint32_t word)
{
	word = htobe32(word);
	memcpy(p, &word, sizeof(word));
	return p + OPTIONS_WORD;
}

/* Kind and length behind two NOPs, so that what follows is aligned (RFC 7323 appendix A). */
static inline uint8_t *options_put_padded(uint8_t *p, uint8_t kind, uint32_t len)
{
	return options_put(p, (uint32_t)OPTION_HEAD(OPTION_NOP, OPTION_NOP) << 16 |
				      OPTION_HEAD((uint32_t)kind, len));
}

static inline uint8_t *options_put_blocks(uint8_t *p, size_t room, const struct options *options)
{
	size_t n = options->blocks_n;

	if (n == 0 || room < OPTIONS_WORD + OPTIONS_BLOCK_BYTES)
		return p;
	if (n > (room - OPTIONS_WORD) / OPTIONS_BLOCK_BYTES)
		n = (room - OPTIONS_WORD) / OPTIONS_BLOCK_BYTES;
	p = options_put_padded(p, OPTION_SACK, (uint32_t)(2 + n * OPTIONS_BLOCK_BYTES));
	for (size_t i = 0; i < n; i++) {
		p = options_put(p, options->blocks[i].start);
		p = options_put(p, options->blocks[i].end);
	}
	return p;
}

/* Writes `options`, padded to whole words; `bytes_r` holds OPTIONS_BYTES_MAX. SACK blocks that find
 * no room behind the others are left out. Returns the bytes. Inline: of what a caller knows that
 * it never says, nothing is left. */
static inline size_t tcp_options_write(const struct options *options, uint8_t *bytes_r)
{
	uint8_t *p = bytes_r;

	if (options->mss != 0)
		p = options_put(p, (uint32_t)OPTION_HEAD(OPTION_MSS, 4) << 16 | options->mss);
	if (options->scaling)
		p = options_put(p, OPTION_NOP << 24 | OPTION_HEAD(OPTION_SHIFT, 3) << 8 |
					   options->shift);
	if (options->sack_permitted)
		p = options_put_padded(p, OPTION_SACK_PERMITTED, 2);
	if (options->timestamps) {
		p = options_put_padded(p, OPTION_TIMESTAMPS, 10);
		p = options_put(p, options->value);
		p = options_put(p, options->echo);
	}
	p = options_put_blocks(p, (size_t)(bytes_r + OPTIONS_BYTES_MAX - p), options);
	return (size_t)(p - bytes_r);
}

#endif
