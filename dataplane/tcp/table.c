/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <errno.h>
#include <rte_malloc.h>

#include "check.h"

int tcp_table_create(struct table *table, uint32_t n, int socket)
{
	uint64_t slots = 64;

	while (slots < 2ULL * n)
		slots *= 2;
	ASSERT(slots <= 1ULL << 32);
	table->mask = (uint32_t)(slots - 1);
	table->slots = rte_zmalloc_socket("tcp_table", slots * sizeof(*table->slots), 64, socket);
	return table->slots == NULL ? -ENOMEM : 0;
}

void tcp_table_destroy(struct table *table)
{
	rte_free(table->slots);
	table->slots = NULL;
}

void tcp_table_insert(struct table *table, uint32_t hash, uint32_t number)
{
	uint32_t at = hash & table->mask;

	while (table->slots[at].number != 0)
		at = (at + 1) & table->mask;
	table->slots[at] = (struct table_slot){hash, number + 1};
}

void tcp_table_remove(struct table *table, uint32_t hash, uint32_t number)
{
	uint32_t hole = hash & table->mask, at;

	while (table->slots[hole].number != number + 1) {
		ASSERT(table->slots[hole].number != 0);
		hole = (hole + 1) & table->mask;
	}
	/* Later entries of the run move up, unless that would put them before their own place;
	 * so a walk never needs tombstones and ends at the first free slot. */
	for (at = (hole + 1) & table->mask; table->slots[at].number != 0;
	     at = (at + 1) & table->mask) {
		uint32_t from_home = (at - table->slots[at].hash) & table->mask;

		if (from_home < ((at - hole) & table->mask))
			continue;
		table->slots[hole] = table->slots[at];
		hole = at;
	}
	table->slots[hole].number = 0;
}
