/* SPDX-License-Identifier: Apache-2.0 */
#include "hog.h"

#include <rte_mempool.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { POOLS_MAX = 16 };

struct trough {
	struct rte_mempool *pool;
	void **objects;
	unsigned n;
};

struct hog {
	const char *name;
	unsigned left;
	struct trough troughs[POOLS_MAX];
	unsigned troughs_n;
};

static void pool_take(struct rte_mempool *pool, void *opaque)
{
	struct hog *hog = opaque;
	size_t n = strlen(hog->name);
	struct trough *trough = &hog->troughs[hog->troughs_n];
	unsigned there;

	if (strncmp(pool->name, hog->name, n) != 0 || pool->name[n] != '_')
		return;
	ASSERT(hog->troughs_n < POOLS_MAX);
	there = rte_mempool_avail_count(pool);
	trough->pool = pool;
	trough->n = there > hog->left ? there - hog->left : 0;
	trough->objects = calloc(trough->n + 1, sizeof(*trough->objects));
	ASSERT(trough->objects != NULL);
	for (unsigned i = 0; i < trough->n; i++)
		ASSERT(rte_mempool_get(pool, &trough->objects[i]) == 0);
	hog->troughs_n++;
}

struct hog *hog_create(const char *name, unsigned left)
{
	struct hog *hog = calloc(1, sizeof(*hog));

	ASSERT(hog != NULL);
	hog->name = name;
	hog->left = left;
	rte_mempool_walk(pool_take, hog);
	return hog;
}

void hog_destroy(struct hog **hog_p)
{
	struct hog *hog = *hog_p;

	*hog_p = NULL;
	if (hog == NULL)
		return;
	for (unsigned i = 0; i < hog->troughs_n; i++) {
		struct trough *trough = &hog->troughs[i];

		for (unsigned k = 0; k < trough->n; k++)
			rte_mempool_put(trough->pool, trough->objects[k]);
		free(trough->objects);
	}
	free(hog);
}

unsigned hog_holds(const struct hog *hog, const struct rte_mempool *pool)
{
	for (unsigned i = 0; hog != NULL && i < hog->troughs_n; i++)
		if (hog->troughs[i].pool == pool)
			return hog->troughs[i].n;
	return 0;
}
