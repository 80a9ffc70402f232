/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailbox names: what decodes is valid UTF-8 and encodes to the very same bytes (one spelling for
 * a name); what encodes decodes to the same; and the room promised in wire.h suffices. The first
 * byte cuts the room.
 */
#include <stdlib.h>

#include "check.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int convert(struct span in, uint8_t *out, size_t out_bytes);

/* There, into `room` bytes, and back. Returns what the first gave. */
static int there_and_back(struct span in, convert *there, size_t room, convert *back)
{
	uint8_t *out = malloc(room + 1), *again = malloc(in.len + 1);
	int n = there(in, out, room), m;

	if (n >= 0) {
		ASSERT((size_t)n <= room);
		m = back((struct span){out, (size_t)n}, again, in.len);
		ASSERT(m == (int)in.len && memcmp(again, in.ptr, in.len) == 0);
		ASSERT(wire_utf8_valid((struct span){out, (size_t)n}));
	} else {
		ASSERT(n == WIRE_BAD);
	}
	free(out);
	free(again);
	return n;
}

static void small_room(struct span in, convert *convert, int needed, size_t room)
{
	uint8_t *out;

	if (needed <= 0)
		return;
	room %= (size_t)needed;
	out = malloc(room + 1);
	ASSERT(convert(in, out, room) == WIRE_BAD);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in;
	int n;

	if (size < 1 || size > 4096)
		return 0;
	in = (struct span){data + 1, size - 1};
	n = there_and_back(in, wire_utf7_decode, in.len * 9 / 8, wire_utf7_encode);
	small_room(in, wire_utf7_decode, n, data[0]);
	n = there_and_back(in, wire_utf7_encode, 4 * in.len + 1, wire_utf7_decode);
	ASSERT((n >= 0) == wire_utf8_valid(in));
	small_room(in, wire_utf7_encode, n, data[0]);
	return 0;
}
