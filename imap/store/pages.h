/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long array of small entries of which copies are cheap: pages of 2^shift entries under a tree,
 * shared by all copies that did not change them. A page that nobody has changed yet need not be
 * there at all: it is read from `base`, the bytes of a checkpoint.
 *
 * Only the writer's thread makes, changes, shares and frees; reference counts are plain. Any thread
 * may read a copy that is not changed any more (pages_at).
 */
#ifndef WIREMAP_STORE_PAGES_H
#define WIREMAP_STORE_PAGES_H

#include <stdint.h>

struct pages_kind {
	uint32_t width; /* bytes of an entry, a multiple of 4 */
	uint32_t shift;
	/* For entries that hold counted things: called for each entry of a page that is copied, and
	 * of one that is freed; those of `base` are copied without. NULL: plain bytes. */
	void (*get)(const void *entry);
	void (*put)(const void *entry);
};

struct pages {
	const struct pages_kind *kind;
	const uint8_t *base; /* entries 0 to base_n - 1 where no page is; borrowed */
	uint64_t base_n;
	void *top; /* NULL: no page yet */
	uint32_t height;
};

/* Entry i, or NULL when it never was; an entry beside one that was is zeros. O(log i). */
const void *pages_at(const struct pages *pages, uint64_t i);

/* Entry i to be written to, zeros when it is new. Good until the next call. NULL: no memory; what
 * was is unchanged. */
void *pages_edit(struct pages *pages, uint64_t i);

/* Another array of the same entries. */
struct pages pages_share(const struct pages *pages);
void pages_free(struct pages *pages);

#endif
