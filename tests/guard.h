/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that ends at a page nobody may touch: a read or write one byte too far is a crash, in
 * every build. For the single thread of a test.
 */
#ifndef WIREMAP_TESTS_GUARD_H
#define WIREMAP_TESTS_GUARD_H

#include <stdlib.h>
#include <sys/mman.h>

#include "span.h"

enum { GUARD_BYTES_MAX = 1 << 20, GUARD_PAGE_BYTES = 4096 };

/* A region of its own for each use, mapped the first time. */
struct guard {
	uint8_t *end;
};

/* `n` <= GUARD_BYTES_MAX writable bytes right before the guard page. */
__attribute__((unused)) static uint8_t *guard_room(struct guard *guard, size_t n)
{
	if (guard->end == NULL) {
		uint8_t *map = mmap(NULL, GUARD_BYTES_MAX + GUARD_PAGE_BYTES,
				    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (map == MAP_FAILED ||
		    mprotect(map + GUARD_BYTES_MAX, GUARD_PAGE_BYTES, PROT_NONE) != 0)
			abort();
		guard->end = map + GUARD_BYTES_MAX;
	}
	if (n > GUARD_BYTES_MAX)
		abort();
	return guard->end - n;
}

/* The same bytes, their end at the guard page. Good until the guard's next use. */
__attribute__((unused)) static struct span guard_copy(struct guard *guard, struct span s)
{
	uint8_t *room = guard_room(guard, s.len);

	if (s.len > 0)
		memcpy(room, s.ptr, s.len);
	return (struct span){room, s.len};
}

#endif
