/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow. Zero-filled to start. */
#ifndef WIREMAPCTL_BUFFER_H
#define WIREMAPCTL_BUFFER_H

#include <stdbool.h>

#include "span.h"

struct buffer {
	uint8_t *bytes;
	size_t len, room;
};

/* Room for `more` bytes behind `len`. False: no memory. */
bool buffer_reserve(struct buffer *buffer, size_t more);
bool buffer_append(struct buffer *buffer, const void *bytes, size_t len);
void buffer_free(struct buffer *buffer);

static inline struct span buffer_span(const struct buffer *buffer)
{
	return (struct span){buffer->bytes, buffer->len};
}

/* Replaces the buffer's bytes by `text` with every LF that no CR precedes made CRLF. */
bool buffer_crlf(struct buffer *buffer, struct span text);

/* Replaces the buffer's bytes by those of the file, and tells when it was last changed. 0 or
 * -errno; -EFBIG: more than `max`. */
int buffer_read(struct buffer *buffer, const char *path, size_t max, int64_t *changed_s_r);

#endif
