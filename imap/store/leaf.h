/* SPDX-License-Identifier: Apache-2.0 */
/* The leaves of rows.h: made, copied, cut and joined. For rows.c. Threads: the writer's. */
#ifndef WIREMAP_STORE_LEAF_H
#define WIREMAP_STORE_LEAF_H

#include "rows.h"

/* NULL of any that makes a leaf: no memory. What it gives is counted once, for the caller. */

/* Rows [from, to) of an extent as a leaf of their own; `from` begins a chunk. */
struct rows_leaf *leaf_extent(const struct rows_leaf *leaf, uint32_t from, uint32_t to);

/* The same leaf again: another holder of its columns. */
struct rows_leaf *leaf_copy(const struct rows_leaf *leaf);

/* A chunk of own memory: the rows of `a` but for `skip_n` from `skip` on, then those of `b`, which
 * may be NULL; together at most ROWS_CHUNK. */
struct rows_leaf *leaf_join(const struct rows_leaf *a, uint32_t skip, uint32_t skip_n,
			    const struct rows_leaf *b);

/* A chunk of this row only. */
struct rows_leaf *leaf_of(const struct rows_row *row);

/* Adds a row to a chunk that only the caller holds and that has room. 0; -ENOMEM. */
int leaf_append(struct rows_leaf *leaf, const struct rows_row *row);

/* The mutable columns of a chunk that only the caller holds, to be written to. NULL: no memory. */
struct disk_chunk *leaf_changing(struct rows_leaf *leaf);

/* Whether the rows of a chunk of a checkpoint can be right: UIDs rise, modseqs are bounded. */
bool leaf_valid(const struct rows_leaf *leaf);

void leaf_put(struct rows_leaf *leaf);

static inline bool leaf_is_extent(const struct rows_leaf *leaf)
{
	return leaf->changed == NULL;
}

#endif
