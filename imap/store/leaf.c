/* SPDX-License-Identifier: Apache-2.0 */
#include "leaf.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "check.h"

/* `used`: places written to. Who has fewer rows must not write behind them. */

struct rows_fixed {
	uint32_t references, used;
	uint64_t mid[ROWS_CHUNK];
	int64_t utc[ROWS_CHUNK], saved[ROWS_CHUNK];
	uint32_t uid[ROWS_CHUNK], size[ROWS_CHUNK];
	int16_t zone[ROWS_CHUNK];
};

struct rows_mutable {
	uint32_t references, used;
	struct disk_chunk chunk; /* its modseq_max means nothing: the leaf's does */
};

static void fixed_put(struct rows_fixed *fixed)
{
	if (fixed != NULL && --fixed->references == 0)
		free(fixed);
}

static void changed_put(struct rows_mutable *changed)
{
	if (changed != NULL && --changed->references == 0)
		free(changed);
}

/* --- Copying rows into blocks --- */

static void fixed_fill(struct rows_fixed *fixed, const struct rows_leaf *leaf, uint32_t from,
		       uint32_t rows)
{
	uint32_t at = fixed->used;

	memcpy(fixed->mid + at, leaf->mid + from, rows * sizeof(fixed->mid[0]));
	memcpy(fixed->utc + at, leaf->utc + from, rows * sizeof(fixed->utc[0]));
	memcpy(fixed->saved + at, leaf->saved + from, rows * sizeof(fixed->saved[0]));
	memcpy(fixed->uid + at, leaf->uid + from, rows * sizeof(fixed->uid[0]));
	memcpy(fixed->size + at, leaf->size + from, rows * sizeof(fixed->size[0]));
	memcpy(fixed->zone + at, leaf->zone + from, rows * sizeof(fixed->zone[0]));
	fixed->used += rows;
}

/* Of one chunk only. */
static void changed_fill(struct rows_mutable *changed, const struct rows_leaf *leaf, uint32_t from,
			 uint32_t rows)
{
	struct disk_chunk *to = &changed->chunk;
	const struct disk_chunk *chunk = leaf->chunks;
	uint32_t at = changed->used;

	memcpy(to->modseq + at, chunk->modseq + from, rows * sizeof(to->modseq[0]));
	memcpy(to->keywords + at, chunk->keywords + from, rows * sizeof(to->keywords[0]));
	memcpy(to->system + at, chunk->system + from, rows * sizeof(to->system[0]));
	changed->used += rows;
}

static struct rows_fixed *fixed_new(void)
{
	struct rows_fixed *fixed = malloc(sizeof(*fixed));

	if (fixed != NULL) {
		fixed->references = 1;
		fixed->used = 0;
	}
	return fixed;
}

static struct rows_mutable *changed_new(void)
{
	struct rows_mutable *changed = malloc(sizeof(*changed));

	if (changed != NULL) {
		changed->references = 1;
		changed->used = 0;
	}
	return changed;
}

static void fixed_set(struct rows_leaf *leaf, struct rows_fixed *fixed)
{
	fixed_put(leaf->fixed);
	leaf->fixed = fixed;
	leaf->mid = fixed->mid;
	leaf->utc = fixed->utc;
	leaf->saved = fixed->saved;
	leaf->uid = fixed->uid;
	leaf->size = fixed->size;
	leaf->zone = fixed->zone;
}

static void changed_set(struct rows_leaf *leaf, struct rows_mutable *changed)
{
	changed_put(leaf->changed);
	leaf->changed = changed;
	leaf->chunks = &changed->chunk;
}

static bool fixed_own(struct rows_leaf *leaf)
{
	struct rows_fixed *fixed = fixed_new();

	if (fixed == NULL)
		return false;
	fixed_fill(fixed, leaf, 0, leaf->rows);
	fixed_set(leaf, fixed);
	return true;
}

static bool changed_own(struct rows_leaf *leaf)
{
	struct rows_mutable *changed = changed_new();

	if (changed == NULL)
		return false;
	changed_fill(changed, leaf, 0, leaf->rows);
	changed_set(leaf, changed);
	return true;
}

/* --- Leaves --- */

struct rows_leaf *leaf_copy(const struct rows_leaf *leaf)
{
	struct rows_leaf *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *leaf;
	copy->references = 1;
	if (copy->fixed != NULL)
		copy->fixed->references++;
	if (copy->changed != NULL)
		copy->changed->references++;
	return copy;
}

void leaf_put(struct rows_leaf *leaf)
{
	if (--leaf->references > 0)
		return;
	fixed_put(leaf->fixed);
	changed_put(leaf->changed);
	free(leaf);
}

struct rows_leaf *leaf_extent(const struct rows_leaf *leaf, uint32_t from, uint32_t to)
{
	struct rows_leaf *extent;

	ASSERT(leaf_is_extent(leaf) && from % ROWS_CHUNK == 0 && from < to && to <= leaf->rows);
	extent = leaf_copy(leaf);
	if (extent == NULL)
		return NULL;
	extent->rows = to - from;
	extent->uid += from;
	extent->size += from;
	extent->mid += from;
	extent->utc += from;
	extent->saved += from;
	extent->zone += from;
	extent->chunks += from / ROWS_CHUNK;
	if (extent->rows <= ROWS_CHUNK && extent->chunks->modseq_max < extent->modseq_max)
		extent->modseq_max = extent->chunks->modseq_max;
	return extent;
}

static struct rows_leaf *leaf_new(void)
{
	struct rows_leaf *leaf = calloc(1, sizeof(*leaf));
	struct rows_fixed *fixed = fixed_new();
	struct rows_mutable *changed = changed_new();

	if (leaf == NULL || fixed == NULL || changed == NULL) {
		free(leaf);
		free(fixed);
		free(changed);
		return NULL;
	}
	leaf->references = 1;
	fixed_set(leaf, fixed);
	changed_set(leaf, changed);
	return leaf;
}

static void leaf_fill(struct rows_leaf *leaf, const struct rows_leaf *from, uint32_t first,
		      uint32_t rows)
{
	fixed_fill(leaf->fixed, from, first, rows);
	changed_fill(leaf->changed, from, first, rows);
	for (uint32_t i = leaf->rows; i < leaf->rows + rows; i++)
		if (rows_modseq(leaf, i) > leaf->modseq_max)
			leaf->modseq_max = rows_modseq(leaf, i);
	leaf->rows += rows;
}

struct rows_leaf *leaf_join(const struct rows_leaf *a, uint32_t skip, uint32_t skip_n,
			    const struct rows_leaf *b)
{
	struct rows_leaf *leaf;

	ASSERT(skip <= a->rows && skip_n <= a->rows - skip);
	ASSERT(a->rows <= ROWS_CHUNK && a->rows - skip_n + (b != NULL ? b->rows : 0) <= ROWS_CHUNK);
	leaf = leaf_new();
	if (leaf == NULL)
		return NULL;
	leaf_fill(leaf, a, 0, skip);
	leaf_fill(leaf, a, skip + skip_n, a->rows - skip - skip_n);
	if (b != NULL)
		leaf_fill(leaf, b, 0, b->rows);
	return leaf;
}

static void row_write(struct rows_leaf *leaf, uint32_t i, const struct rows_row *row)
{
	struct rows_fixed *fixed = leaf->fixed;
	struct disk_chunk *chunk = &leaf->changed->chunk;

	fixed->uid[i] = row->uid;
	fixed->size[i] = row->size;
	fixed->mid[i] = row->mid;
	fixed->utc[i] = row->utc;
	fixed->saved[i] = row->saved;
	fixed->zone[i] = row->zone;
	chunk->modseq[i] = row->modseq;
	chunk->system[i] = (uint16_t)row->flags.system;
	memcpy(chunk->keywords[i], row->flags.keywords, sizeof(chunk->keywords[i]));
	fixed->used = leaf->changed->used = leaf->rows = i + 1;
	leaf->modseq_max = row->modseq > leaf->modseq_max ? row->modseq : leaf->modseq_max;
}

struct rows_leaf *leaf_of(const struct rows_row *row)
{
	struct rows_leaf *leaf = leaf_new();

	if (leaf != NULL)
		row_write(leaf, 0, row);
	return leaf;
}

int leaf_append(struct rows_leaf *leaf, const struct rows_row *row)
{
	ASSERT(leaf->references == 1 && leaf->rows < ROWS_CHUNK);
	if ((leaf->fixed == NULL || leaf->fixed->used != leaf->rows) && !fixed_own(leaf))
		return -ENOMEM;
	if ((leaf->changed == NULL || leaf->changed->used != leaf->rows) && !changed_own(leaf))
		return -ENOMEM;
	row_write(leaf, leaf->rows, row);
	return 0;
}

struct disk_chunk *leaf_changing(struct rows_leaf *leaf)
{
	ASSERT(leaf->references == 1 && leaf->rows <= ROWS_CHUNK);
	if ((leaf->changed == NULL || leaf->changed->references > 1) && !changed_own(leaf))
		return NULL;
	return &leaf->changed->chunk;
}

bool leaf_valid(const struct rows_leaf *leaf)
{
	for (uint32_t i = 0; i < leaf->rows; i++)
		if (leaf->uid[i] <= (i > 0 ? leaf->uid[i - 1] : 0) ||
		    rows_modseq(leaf, i) > leaf->modseq_max)
			return false;
	return true;
}
