/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a TCP header (RFC 9293 3.2, RFC 7323): read from foreign bytes, written into
 * our segments. Pure functions, any thread.
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
};

struct options {
	bool timestamps;
	bool scaling;
	uint8_t shift;	      /* of the window; as if OPTIONS_SHIFT_MAX when larger */
	uint16_t mss;	      /* 0: not said */
	uint32_t value, echo; /* timestamps */
};

/*
 * Reads the `len` bytes after the fixed header. False: a length lies, and nothing of the
 * segment is to be believed. Unknown kinds are skipped, what a SYN alone may carry is
 * read only with `syn`, of a repeated option the last counts.
 */
bool tcp_options_parse(const uint8_t *bytes, size_t len, bool syn, struct options *options_r);

/* Writes `options`, padded to whole words; `bytes_r` holds OPTIONS_BYTES_MAX. Returns the bytes. */
size_t tcp_options_write(const struct options *options, uint8_t *bytes_r);

#endif
