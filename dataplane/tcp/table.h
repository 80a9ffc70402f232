/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index from hashes to numbers (of connections, of TIME_WAIT entries): open addressing,
 * at most half full, eight slots to a cache line. The caller compares keys; the hash must be
 * keyed with a secret, or peers could choose tuples that collide. One core.
 */
#ifndef WIREMAP_TCP_TABLE_H
#define WIREMAP_TCP_TABLE_H

#include <rte_prefetch.h>
#include <stdbool.h>
#include <stdint.h>

enum { TABLE_NONE = UINT32_MAX };

struct table_slot {
	uint32_t hash;
	uint32_t number; /* plus one; 0: free */
};

struct table {
	struct table_slot *slots;
	uint32_t mask;
};

/* Room for `n` numbers. 0 or -ENOMEM. */
int tcp_table_create(struct table *table, uint32_t n, int socket);
void tcp_table_destroy(struct table *table);

static inline void tcp_table_prefetch(const struct table *table, uint32_t hash)
{
	rte_prefetch0(&table->slots[hash & table->mask]);
}

/*
 * Walks the numbers stored under `hash`: *at is 0 at first and the walk's from then on. Returns
 * TABLE_NONE when there are no more.
 */
static inline uint32_t tcp_table_next(const struct table *table, uint32_t hash, uint32_t *at)
{
	for (;;) {
		const struct table_slot *slot = &table->slots[(hash + *at) & table->mask];

		if (slot->number == 0)
			return TABLE_NONE;
		++*at;
		if (slot->hash == hash)
			return slot->number - 1;
	}
}

/* The caller keeps to the number of entries it announced. */
void tcp_table_insert(struct table *table, uint32_t hash, uint32_t number);
/* The pair must be there. */
void tcp_table_remove(struct table *table, uint32_t hash, uint32_t number);

#endif
