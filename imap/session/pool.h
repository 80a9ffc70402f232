/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fixed number of equal blocks for one core. Address space for all of them is
 * taken at creation; a page becomes memory when its first block is used, and the
 * block freed last is given out first, so a pool sized for the worst day costs
 * what its busiest moment needed. The core touches its pages first, so they lie on the
 * core's own NUMA node. Private to imap/session.
 */
#ifndef WIREMAP_SESSION_POOL_H
#define WIREMAP_SESSION_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
	uint8_t *memory;
	void *free;	    /* blocks given back, each pointing to the next */
	size_t block_bytes; /* a multiple of 64 */
	size_t mapped_bytes;
	uint32_t blocks;
	uint32_t fresh; /* blocks below it were given out at least once */
	uint32_t used;
};

/* 0 or -ENOMEM. `block_bytes` is rounded up to a cache line. */
int pool_create(struct pool *pool, size_t block_bytes, uint32_t blocks);
void pool_destroy(struct pool *pool);

/* A block with whatever bytes are in it, or NULL when all are out. */
void *pool_get(struct pool *pool);
void pool_put(struct pool *pool, void *block);
bool pool_owns(const struct pool *pool, const void *block);

#endif
