/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"

enum { CACHE_LINE = 64 };

int pool_create(struct pool *pool, size_t block_bytes, uint32_t blocks)
{
	void *memory;

	memset(pool, 0, sizeof(*pool));
	pool->block_bytes = (block_bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	pool->blocks = blocks;
	pool->mapped_bytes = pool->block_bytes * blocks;
	if (blocks == 0)
		return 0;
	memory = mmap(NULL, pool->mapped_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	pool->memory = memory;
	return 0;
}

void pool_destroy(struct pool *pool)
{
	ASSERT(pool->used == 0);
	if (pool->memory != NULL)
		munmap(pool->memory, pool->mapped_bytes);
	memset(pool, 0, sizeof(*pool));
}

void *pool_get(struct pool *pool)
{
	void *block = pool->free;

	if (block != NULL) {
		memcpy(&pool->free, block, sizeof(pool->free));
	} else {
		if (pool->fresh == pool->blocks)
			return NULL;
		block = pool->memory + pool->block_bytes * pool->fresh++;
	}
	pool->used++;
	return block;
}

bool pool_owns(const struct pool *pool, const void *block)
{
	const uint8_t *byte = block;

	return pool->memory != NULL && byte >= pool->memory &&
	       byte < pool->memory + pool->mapped_bytes;
}

void pool_put(struct pool *pool, void *block)
{
	ASSERT(pool->used > 0 && pool_owns(pool, block));
	ASSERT((size_t)((uint8_t *)block - pool->memory) % pool->block_bytes == 0);
	memcpy(block, &pool->free, sizeof(pool->free));
	pool->free = block;
	pool->used--;
}
