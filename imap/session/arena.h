/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block that is filled from one end with what a command keeps of its arguments.
 * When a small block is full, the command is read again into a large one. Private
 * to imap/session.
 */
#ifndef WIREMAP_SESSION_ARENA_H
#define WIREMAP_SESSION_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *ptr;
	size_t len, capacity;
};

/* Memory aligned to 8, or NULL: the block is full. */
static inline void *arena_take(struct arena *arena, size_t n)
{
	void *taken = arena->ptr + arena->len;

	if (n > arena->capacity - arena->len)
		return NULL;
	n = (n + 7) & ~(size_t)7;
	arena->len = n < arena->capacity - arena->len ? arena->len + n : arena->capacity;
	return taken;
}

#endif
