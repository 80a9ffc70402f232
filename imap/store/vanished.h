/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which UIDs of a mailbox are gone since when (RFC 7162 3.2.10): runs in the order of their
 * modseqs, at most 64 KiB of them. When there are more the oldest quarter is forgotten, and the
 * highest modseq that was forgotten is kept: who asks for what happened after an earlier one must
 * be answered without them (RFC 7162 5.3).
 *
 * A new run is written behind those that older copies know of, in the same memory: they never read
 * past their own count. Threads as in pages.h.
 */
#ifndef WIREMAP_STORE_VANISHED_H
#define WIREMAP_STORE_VANISHED_H

#include <assert.h>
#include <stdint.h>

struct vanished_run {
	uint64_t modseq;
	uint32_t first, last; /* UIDs */
};
static_assert(sizeof(struct vanished_run) == 16, "4096 of them are 64 KiB");

enum { VANISHED_RUNS_MAX = 4096 };

struct vanished_block;

struct vanished {
	struct vanished_block *block; /* NULL: none yet */
	uint32_t runs;
	uint64_t forgotten; /* runs of this modseq and lower may be missing */
};

/* The runs whose modseq is greater than `modseq`; how many in runs_r. Borrowed. O(log n). */
const struct vanished_run *vanished_since(const struct vanished *vanished, uint64_t modseq,
					  uint32_t *runs_r);

/* Adds a run, or lengthens the last one, when it is of the same change and they touch; modseqs
 * never fall, and one modseq is one change's. 0; -ENOMEM: unchanged. */
int vanished_add(struct vanished *vanished, struct vanished_run run);

struct vanished vanished_share(const struct vanished *vanished);
void vanished_free(struct vanished *vanished);

#endif
