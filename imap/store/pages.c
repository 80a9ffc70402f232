/* SPDX-License-Identifier: Apache-2.0 */
#include "pages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { FAN_BITS = 5, FAN = 1 << FAN_BITS }; /* a node is copied in a handful of cache lines */

/* Both begin with their count, so that an item can be shared before it is known which it is. */
struct page {
	uint32_t references;
	_Alignas(8) uint8_t bytes[];
};

struct node {
	uint32_t references;
	void *child[FAN]; /* NULL: nothing there yet */
};

/* Pages under an item of that height. */
static uint64_t reach(uint32_t height)
{
	return UINT64_C(1) << (FAN_BITS * height);
}

static unsigned place(uint64_t page, uint32_t height)
{
	return page >> (FAN_BITS * (height - 1)) & (FAN - 1);
}

static void *share(void *item)
{
	if (item != NULL)
		++*(uint32_t *)item;
	return item;
}

const void *pages_at(const struct pages *pages, uint64_t i)
{
	uint64_t page = i >> pages->kind->shift;
	const void *item = page < reach(pages->height) ? pages->top : NULL;

	for (uint32_t height = pages->height; height > 0 && item != NULL; height--)
		item = ((const struct node *)item)->child[place(page, height)];
	if (item != NULL)
		return ((const struct page *)item)->bytes +
		       (i & ((UINT64_C(1) << pages->kind->shift) - 1)) * pages->kind->width;
	return i < pages->base_n ? pages->base + i * pages->kind->width : NULL;
}

/* --- Changing --- */

static size_t page_bytes(const struct pages_kind *kind)
{
	return (size_t)kind->width << kind->shift;
}

static struct page *page_new(const struct pages *pages, uint64_t number)
{
	uint64_t first = number << pages->kind->shift;
	uint64_t entries = UINT64_C(1) << pages->kind->shift;
	struct page *page = calloc(1, sizeof(*page) + page_bytes(pages->kind));

	if (page == NULL)
		return NULL;
	page->references = 1;
	if (first < pages->base_n)
		memcpy(page->bytes, pages->base + first * pages->kind->width,
		       (pages->base_n - first < entries ? pages->base_n - first : entries) *
			       pages->kind->width);
	return page;
}

static void page_each(const struct pages_kind *kind, const struct page *page,
		      void (*each)(const void *entry))
{
	if (each != NULL)
		for (size_t off = 0; off < page_bytes(kind); off += kind->width)
			each(page->bytes + off);
}

/* Makes the item in the slot one that nothing else holds. */
static bool exclusive(const struct pages *pages, void **slot, uint32_t height)
{
	size_t bytes =
		height > 0 ? sizeof(struct node) : sizeof(struct page) + page_bytes(pages->kind);
	void *item = *slot, *copy;

	if (*(uint32_t *)item == 1)
		return true;
	copy = malloc(bytes);
	if (copy == NULL)
		return false;
	memcpy(copy, item, bytes);
	--*(uint32_t *)item;
	*(uint32_t *)copy = 1;
	if (height == 0)
		page_each(pages->kind, copy, pages->kind->get);
	else
		for (unsigned k = 0; k < FAN; k++)
			share(((struct node *)copy)->child[k]);
	*slot = copy;
	return true;
}

static void *node_new(void *first)
{
	struct node *node = calloc(1, sizeof(*node));

	if (node != NULL) {
		node->references = 1;
		node->child[0] = first;
	}
	return node;
}

void *pages_edit(struct pages *pages, uint64_t i)
{
	uint64_t page = i >> pages->kind->shift;
	void **slot = &pages->top;

	ASSERT(page < reach(12)); /* 2^60 pages: a shift of more is not defined */
	for (; page >= reach(pages->height); pages->height++) {
		void *node = pages->top != NULL ? node_new(pages->top) : NULL;

		if (pages->top != NULL && node == NULL)
			return NULL;
		pages->top = node;
	}
	for (uint32_t height = pages->height;; height--) {
		if (*slot == NULL)
			*slot = height > 0 ? node_new(NULL) : page_new(pages, page);
		else if (!exclusive(pages, slot, height))
			return NULL;
		if (*slot == NULL)
			return NULL;
		if (height == 0)
			break;
		slot = &((struct node *)*slot)->child[place(page, height)];
	}
	return ((struct page *)*slot)->bytes +
	       (i & ((UINT64_C(1) << pages->kind->shift) - 1)) * pages->kind->width;
}

struct pages pages_share(const struct pages *pages)
{
	share(pages->top);
	return *pages;
}

static void put(const struct pages_kind *kind, void *item, uint32_t height)
{
	if (item == NULL || --*(uint32_t *)item > 0)
		return;
	if (height == 0)
		page_each(kind, item, kind->put);
	else
		for (unsigned k = 0; k < FAN; k++)
			put(kind, ((struct node *)item)->child[k], height - 1);
	free(item);
}

void pages_free(struct pages *pages)
{
	put(pages->kind, pages->top, pages->height);
	pages->top = NULL;
	pages->height = 0;
}
