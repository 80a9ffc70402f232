/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a mailbox, of which copies are cheap: leaves under a tree, shared by all copies that
 * did not change them. A leaf is
 *   - an extent: whole chunks of a checkpoint's columns as they lie there, any number of them, so
 *     that a mailbox of a million rows opens as one leaf; or
 *   - a chunk of at most 256 rows whose mutable columns are its own, the immutable ones its own or
 *     still the checkpoint's.
 * What changes in an extent is carved out of it by chunks.
 *
 * A row is added behind the rows that older copies know of, in the same memory: they never read
 * past their own count.
 *
 * A checkpoint's columns may be foreign: nothing here trusts what they say, but for an answer.
 * A chunk is checked when it is carved out.
 *
 * Threads: as in pages.h.
 */
#ifndef WIREMAP_STORE_ROWS_H
#define WIREMAP_STORE_ROWS_H

#include "checkpoint.h"
#include "store.h"

enum { ROWS_CHUNK = FORMAT_CHUNK_MESSAGES };

struct rows {
	void *top; /* a leaf at height 0, or a node; NULL: no rows */
	uint32_t height;
};

struct rows_fixed;
struct rows_mutable;

/* To be read; `i` below is a row's place in its leaf. */
struct rows_leaf {
	uint32_t references;
	uint32_t rows;
	uint64_t modseq_max; /* of an extent: none of its rows has a higher one */
	const uint32_t *uid, *size;
	const uint64_t *mid;
	const int64_t *utc, *saved;
	const int16_t *zone;
	const struct disk_chunk *chunks;
	struct rows_fixed *fixed;     /* NULL: the checkpoint's */
	struct rows_mutable *changed; /* NULL: the checkpoint's */
};

struct rows_row {
	uint32_t uid, size;
	uint64_t mid, modseq;
	int64_t utc, saved;
	int16_t zone;
	struct store_flags flags;
};

static inline uint64_t rows_modseq(const struct rows_leaf *leaf, uint32_t i)
{
	return leaf->chunks[i / ROWS_CHUNK].modseq[i % ROWS_CHUNK];
}

static inline struct store_flags rows_flags(const struct rows_leaf *leaf, uint32_t i)
{
	const struct disk_chunk *chunk = &leaf->chunks[i / ROWS_CHUNK];
	uint32_t at = i % ROWS_CHUNK;

	return (struct store_flags){chunk->system[at],
				    {chunk->keywords[at][0], chunk->keywords[at][1]}};
}

/* --- Reading --- */

uint32_t rows_count(const struct rows *rows);

/* The leaf that holds row `index`, which must be there, and the index of that leaf's first row. */
const struct rows_leaf *rows_find(const struct rows *rows, uint32_t index, uint32_t *first_r);

/* Index of the first row whose UID is >= `uid`; the count when there is none. O(log n). */
uint32_t rows_lower_bound(const struct rows *rows, uint32_t uid);

/* Index of the first row from `from` on whose modseq is greater than `modseq`; the count when
 * there is none. Passes over leaves, and chunks of extents, that hold none. */
uint32_t rows_changed(const struct rows *rows, uint32_t from, uint64_t modseq);

/* --- Changing. 0; -ENOMEM; -EIO: rows of the checkpoint are damaged. After an error the rows are
 * neither the old nor the new, and may only be freed. --- */

/* Columns of a checkpoint, borrowed, which no row with a higher modseq is in. Touches none. */
int rows_open(struct rows *rows_r, const struct store_columns *columns, uint32_t count,
	      uint64_t modseq_max);

/* A row whose UID is greater than all others'. */
int rows_append(struct rows *rows, const struct rows_row *row);

/* `modseq` is greater than any in the rows, or equal to it. */
int rows_flags_set(struct rows *rows, uint32_t index, const struct store_flags *flags,
		   uint64_t modseq);

/* Takes `count` rows out, from `index` on. */
int rows_remove(struct rows *rows, uint32_t index, uint32_t count);

struct rows rows_share(const struct rows *rows);
void rows_free(struct rows *rows);

/* --- Walking, for state_diff(): the items of the tree from left to right. --- */

enum { ROWS_HEIGHT_MAX = 12 };

struct rows_walk {
	struct {
		const void *node;
		uint32_t next; /* child to come after the current item */
	} up[ROWS_HEIGHT_MAX];
	uint32_t depth;
	const void *item; /* NULL: the end */
	uint32_t height;  /* 0: item is a leaf */
	uint32_t index;	  /* of the item's first row */
};

void rows_walk_begin(struct rows_walk *walk, const struct rows *rows);
void rows_walk_down(struct rows_walk *walk); /* to the first child; height must not be 0 */
void rows_walk_next(struct rows_walk *walk); /* past the item and all under it */

#endif
