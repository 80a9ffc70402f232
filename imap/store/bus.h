/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens when the disk cannot give a page of a map: the kernel sends SIGBUS to whoever read
 * there. The handler puts a page of zeros in its place, marks the range and counts for the thread,
 * so that the reader goes on and its caller throws the answer away. Faults outside of every range
 * go where they went before. Ranges are added and removed by workers; asking is a load, any thread.
 */
#ifndef WIREMAP_STORE_BUS_H
#define WIREMAP_STORE_BUS_H

#include <stdbool.h>
#include <stddef.h>

struct store_bus_range;

/* Installs the handler, once for the process. 0 or -errno. */
int store_bus_install(void);

/* Watches [base, base + len), whole pages. NULL: too many ranges are watched. */
struct store_bus_range *store_bus_add(const void *base, size_t len);
/* Before the range is unmapped. */
void store_bus_remove(struct store_bus_range *range);
/* Whether a page of the range was lost. */
bool store_bus_lost(const struct store_bus_range *range);

/* How many pages this thread has lost. */
unsigned store_bus_count(void);

#endif
