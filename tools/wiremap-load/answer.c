/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

/* Whether a line that ends in these bytes (with its LF) announces a literal, and of what size. */
static bool literal_announced(const uint8_t *end, size_t len, uint64_t *size_r)
{
	const uint8_t *p = end - 1; /* the LF */
	uint64_t size = 0, scale = 1;

	if (len >= 2 && p[-1] == '\r')
		p--, len--;
	if (len < 4 || p[-1] != '}')
		return false;
	for (p -= 2, len -= 2; len > 1 && *p >= '0' && *p <= '9'; p--, len--) {
		size += scale * (uint64_t)(*p - '0');
		scale *= 10;
	}
	*size_r = size;
	return *p == '{' && scale > 1;
}

static void head_keep(struct answer_reader *reader, struct span piece)
{
	size_t n = sizeof(reader->head) - reader->head_len;

	if (n > piece.len)
		n = piece.len;
	memcpy(reader->head + reader->head_len, piece.ptr, n);
	reader->head_len = (uint8_t)(reader->head_len + n);
}

/* The last bytes of the line so far, right-aligned in `tail`. */
static void tail_keep(struct answer_reader *reader, struct span piece)
{
	size_t n = piece.len < ANSWER_TAIL_BYTES ? piece.len : ANSWER_TAIL_BYTES;

	memmove(reader->tail, reader->tail + n, ANSWER_TAIL_BYTES - n);
	memcpy(reader->tail + ANSWER_TAIL_BYTES - n, piece.ptr + piece.len - n, n);
	reader->line_len += (uint32_t)piece.len;
}

static bool piece_ends_in_literal(struct answer_reader *reader, struct span piece, uint64_t *size_r)
{
	if (reader->line_len == 0)
		return literal_announced(piece.ptr + piece.len, piece.len, size_r);
	tail_keep(reader, piece);
	return literal_announced(reader->tail + ANSWER_TAIL_BYTES,
				 reader->line_len < ANSWER_TAIL_BYTES ? reader->line_len
								      : ANSWER_TAIL_BYTES,
				 size_r);
}

static void line_finish(struct answer_reader *reader, struct span piece, struct answer_line *line_r)
{
	struct span head = {reader->head, reader->head_len};

	/* A line in one piece is not copied. */
	if (head.len == 0)
		head = piece;
	while (head.len > 0 && (head.ptr[head.len - 1] == '\n' || head.ptr[head.len - 1] == '\r'))
		head.len--;
	*line_r = (struct answer_line){head, reader->literals};
	reader->head_len = 0;
	reader->literals = 0;
	reader->line_len = 0;
	reader->continued = false;
}

bool answer_next(struct answer_reader *reader, struct span *in, struct answer_line *line_r)
{
	while (in->len > 0) {
		struct span piece;
		const uint8_t *lf;
		uint64_t size;

		if (reader->literal_left > 0) {
			size_t n = in->len < reader->literal_left ? in->len
								  : (size_t)reader->literal_left;

			reader->literal_left -= n;
			*in = span_cut(*in, n, SIZE_MAX);
			continue;
		}
		lf = memchr(in->ptr, '\n', in->len);
		piece = (struct span){in->ptr, lf == NULL ? in->len : (size_t)(lf + 1 - in->ptr)};
		*in = span_cut(*in, piece.len, SIZE_MAX);
		if (lf == NULL) {
			if (!reader->continued)
				head_keep(reader, piece);
			tail_keep(reader, piece);
			continue;
		}
		if (!reader->continued && reader->head_len > 0)
			head_keep(reader, piece);
		if (!piece_ends_in_literal(reader, piece, &size)) {
			line_finish(reader, piece, line_r);
			return true;
		}
		if (!reader->continued && reader->head_len == 0)
			head_keep(reader, piece);
		reader->literal_left = size;
		reader->literals += size;
		reader->line_len = 0;
		reader->continued = true;
	}
	return false;
}
