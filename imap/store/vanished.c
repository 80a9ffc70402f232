/* SPDX-License-Identifier: Apache-2.0 */
#include "vanished.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { RUNS_FIRST = 8 }; /* most mailboxes lose few messages between two checkpoints */

struct vanished_block {
	uint32_t references;
	uint32_t used; /* places written to; who has fewer runs must not write behind them */
	uint32_t capacity;
	struct vanished_run run[];
};

const struct vanished_run *vanished_since(const struct vanished *vanished, uint64_t modseq,
					  uint32_t *runs_r)
{
	uint32_t low = 0, high = vanished->runs;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (vanished->block->run[middle].modseq > modseq)
			high = middle;
		else
			low = middle + 1;
	}
	*runs_r = vanished->runs - low;
	return vanished->block != NULL ? vanished->block->run + low : NULL;
}

static void block_put(struct vanished_block *block)
{
	if (block != NULL && --block->references == 0)
		free(block);
}

/* A block of one's own, with room for one more. */
static int make_room(struct vanished *vanished)
{
	uint32_t forget = vanished->runs == VANISHED_RUNS_MAX ? VANISHED_RUNS_MAX / 4 : 0;
	uint32_t kept = vanished->runs - forget, capacity = RUNS_FIRST;
	struct vanished_block *block;

	while (capacity <= kept)
		capacity *= 2;
	block = malloc(sizeof(*block) + capacity * sizeof(block->run[0]));
	if (block == NULL)
		return -ENOMEM;
	block->references = 1;
	block->used = kept;
	block->capacity = capacity;
	if (forget > 0)
		vanished->forgotten = vanished->block->run[forget - 1].modseq;
	if (kept > 0)
		memcpy(block->run, vanished->block->run + forget, kept * sizeof(block->run[0]));
	block_put(vanished->block);
	vanished->block = block;
	vanished->runs = kept;
	return 0;
}

int vanished_add(struct vanished *vanished, struct vanished_run run)
{
	struct vanished_block *block = vanished->block;

	ASSERT(vanished->runs == 0 || block->run[vanished->runs - 1].modseq <= run.modseq);
	/* A run of the same modseq is of the same change: nobody else knows of it. */
	if (vanished->runs > 0 && block->run[vanished->runs - 1].modseq == run.modseq &&
	    block->run[vanished->runs - 1].last + 1 == run.first) {
		block->run[vanished->runs - 1].last = run.last;
		return 0;
	}
	if (block == NULL || block->used != vanished->runs || block->used == block->capacity) {
		int status = make_room(vanished);

		if (status != 0)
			return status;
		block = vanished->block;
	}
	block->run[block->used++] = run;
	vanished->runs++;
	return 0;
}

struct vanished vanished_share(const struct vanished *vanished)
{
	if (vanished->block != NULL)
		vanished->block->references++;
	return *vanished;
}

void vanished_free(struct vanished *vanished)
{
	block_put(vanished->block);
	*vanished = (struct vanished){.block = NULL};
}
