/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps packet memory from a TCP: all but a few objects of each of its pools, for a while.
 */
#ifndef WIREMAP_TESTS_SIM_HOG_H
#define WIREMAP_TESTS_SIM_HOG_H

struct hog;
struct rte_mempool;

/* Of the pools whose names begin with `name` and an underscore `left` objects stay in each. */
struct hog *hog_create(const char *name, unsigned left);
/* Gives everything back. */
void hog_destroy(struct hog **hog);

/* How many objects of `pool` it holds; 0 for NULL. */
unsigned hog_holds(const struct hog *hog, const struct rte_mempool *pool);

#endif
