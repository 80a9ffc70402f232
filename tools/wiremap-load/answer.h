/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a server's answers as they come, in pieces of any size, and tells lines from literals
 * (RFC 3501 section 2.2.2). Made to keep up with a server at wire speed: literals are counted,
 * never looked at. Pure; one object per connection.
 */
#ifndef WIREMAP_LOAD_ANSWER_H
#define WIREMAP_LOAD_ANSWER_H

#include <stdbool.h>

#include "span.h"

enum answer_limits {
	ANSWER_HEAD_BYTES = 96, /* kept of the begin of a line: tag, status, response code */
	ANSWER_TAIL_BYTES = 16, /* and of its end: "{4294967295}\r\n" */
};

struct answer_reader {
	uint64_t literal_left; /* bytes of the literal that are still to come */
	uint64_t literals;     /* bytes of literals in the current line */
	uint32_t line_len;     /* of the piece of line under way, since it began or the literal */
	uint8_t head_len;
	bool continued; /* the line goes on after a literal */
	uint8_t head[ANSWER_HEAD_BYTES];
	uint8_t tail[ANSWER_TAIL_BYTES];
};

struct answer_line {
	struct span head;  /* the line's first bytes, without CRLF; good until the next call */
	uint64_t literals; /* bytes of literals it held */
};

/*
 * Reads on in *in, which is cut by what was read. True: a line is complete, in *line_r. False: all
 * was read and the line goes on.
 */
bool answer_next(struct answer_reader *reader, struct span *in, struct answer_line *line_r);

#endif
