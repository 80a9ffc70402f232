/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte string that grows. Running out of memory is remembered, not returned at every step:
 * appends to a failed string do nothing, and who builds one asks `failed` once, at the end. One
 * thread.
 */
#ifndef WIREMAP_MIME_BYTES_H
#define WIREMAP_MIME_BYTES_H

#include "span.h"

struct bytes {
	uint8_t *ptr; /* owned */
	size_t len, room;
	bool failed;
};

/* A run inside a string that may still move. `set` tells an empty run from none. */
struct piece {
	uint32_t off;
	uint32_t len : 31;
	uint32_t set : 1;
};

void bytes_free(struct bytes *bytes);

/* Empties it. What failed stays failed, until bytes_restart(). */
static inline void bytes_clear(struct bytes *bytes)
{
	bytes->len = 0;
}
static inline void bytes_restart(struct bytes *bytes)
{
	bytes->len = 0;
	bytes->failed = false;
}

/* Makes room for `more` bytes; false and failed when there is no memory. */
bool bytes_reserve(struct bytes *bytes, size_t more);
void bytes_add(struct bytes *bytes, const void *ptr, size_t len);
void bytes_add_text(struct bytes *bytes, const char *text);
void bytes_add_number(struct bytes *bytes, uint64_t number);

/* Like bytes_add, with U+FFFD for every NUL: IMAP strings carry none. */
void bytes_add_clean(struct bytes *bytes, const uint8_t *ptr, size_t len);

static inline void bytes_add_byte(struct bytes *bytes, uint8_t byte)
{
	if (bytes->len < bytes->room || bytes_reserve(bytes, 1))
		bytes->ptr[bytes->len++] = byte;
}

/* Everything from `off` on, as a piece. */
static inline struct piece bytes_piece_from(const struct bytes *bytes, size_t off)
{
	return (struct piece){(uint32_t)off, (uint32_t)(bytes->len - off) & 0x7fffffff, 1};
}

/* Valid until the string next grows. */
static inline struct span bytes_span(const struct bytes *bytes)
{
	return (struct span){bytes->ptr, bytes->len};
}
static inline struct span bytes_piece_span(const struct bytes *bytes, struct piece piece)
{
	return span_cut(bytes_span(bytes), piece.off, piece.len);
}

#endif
