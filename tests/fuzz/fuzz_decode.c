/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding in one go and in pieces into little room must give the same bytes. The first bytes
 * choose the encoding, the pieces and the room.
 */
#include <stdlib.h>

#include "check.h"
#include "mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Room for all that may come: a bare LF becomes two bytes, nothing becomes more. */
static size_t decode(enum mime_encoding encoding, struct span in, size_t piece, size_t room,
		     uint8_t *out, size_t out_len)
{
	struct mime_decoder decoder = {.encoding = encoding};
	size_t done = 0, put = 0;

	for (;;) {
		size_t len = piece < in.len - done ? piece : in.len - done;
		size_t fits = room < out_len - put ? room : out_len - put;
		uint8_t *exact = malloc(fits);
		size_t taken, got = mime_decode(&decoder, span_cut(in, done, len),
						done + len == in.len, exact, fits, &taken);

		ASSERT(taken <= len && got <= fits);
		memcpy(out + put, exact, got);
		free(exact);
		put += got;
		done += taken;
		if (got == 0 && taken == 0) {
			ASSERT(done == in.len);
			return put;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum mime_encoding encodings[] = {MIME_BASE64, MIME_QUOTED_PRINTABLE,
						       MIME_8BIT};
	struct span in;
	uint8_t *whole, *pieces;
	size_t room, whole_len, pieces_len;
	enum mime_encoding encoding;

	if (size < 3)
		return 0;
	in = (struct span){data + 3, size - 3};
	encoding = encodings[data[0] % 3];
	room = in.len * 2 + 1;
	whole = malloc(room);
	pieces = malloc(room);
	whole_len = decode(encoding, in, in.len, room, whole, room);
	pieces_len = decode(encoding, in, 1 + data[1] % 40, 1 + data[2] % 40, pieces, room);
	ASSERT(whole_len == pieces_len && memcmp(whole, pieces, whole_len) == 0);
	free(whole);
	free(pieces);
	return 0;
}
