/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a TCP header (RFC 9293 3.2, RFC 7323, RFC 2018): read from foreign bytes, written
 * into our segments. Pure functions, any thread.
 */
#ifndef WIREMAP_TCP_OPTIONS_H
#define WIREMAP_TCP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OPTIONS_BYTES_MAX = 40,
	OPTIONS_SHIFT_MAX = 14,	      /* RFC 7323 2.3 */
	OPTIONS_TIMESTAMP_BYTES = 12, /* with the padding that aligns it */
	OPTIONS_BLOCKS_MAX = 4,	      /* RFC 2018 3: what 40 bytes hold */
};

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

/* Writes `options`, padded to whole words; `bytes_r` holds OPTIONS_BYTES_MAX. SACK blocks that find
 * no room behind the others are left out. Returns the bytes. */
size_t tcp_options_write(const struct options *options, uint8_t *bytes_r);

#endif
