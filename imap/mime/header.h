/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines, names and values of a header (RFC 5322 section 2.2). CRLF and a bare LF end a line.
 * Pure functions, any thread.
 */
#ifndef WIREMAP_MIME_HEADER_H
#define WIREMAP_MIME_HEADER_H

#include "bytes.h"

struct header_line {
	uint32_t len;	  /* with its line end; 0: nothing is left */
	uint32_t end_len; /* 2, 1, or 0 where the message ends without one */
};

struct header_line header_line_read(struct span message, uint32_t at);

/* The line at `at` without its line end. */
static inline struct span header_line_text(struct span message, uint32_t at)
{
	struct header_line line = header_line_read(message, at);

	return span_cut(message, at, line.len - line.end_len);
}

/* Whether the line at `at` continues the field whose last line is `before`. */
bool header_line_continues(struct span message, uint32_t at, const struct header_line *before);

/* What stands before the colon, without white space at its end; empty without a colon: such a
 * line is nobody's field. */
struct span header_name(struct span field);

/* What stands behind the colon, without leading white space: unfolded except for LFs between its
 * lines. The field has a name. */
void header_value(struct span field, struct bytes *value);

#endif
