/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a file for reading: small files are read into memory (a process has few maps, and
 * memory cannot be lost), large ones are mapped. Blocks: workers, and tools.
 */
#ifndef WIREMAP_STORE_MAP_H
#define WIREMAP_STORE_MAP_H

#include <stdint.h>

#include "bus.h"
#include "span.h"

enum { MAP_SMALL_BYTES = 256 << 10 };

struct store_map {
	uint8_t *base;
	size_t len;
	struct store_bus_range *range; /* NULL: memory */
};

/* The first `len` bytes of an open file, which must be there: -EIO when it is shorter. */
int store_map_file(int file, size_t len, struct store_map *map_r);

/* Memory for `len` bytes, zero, for a file of which parts are read when they are asked for. What
 * is never read costs address space only. */
int store_map_memory(size_t len, struct store_map *map_r);
/* Reads [off, off + len) of the file to the same place in the memory. 0, -EIO when it is short. */
int store_map_read(const struct store_map *map, int file, size_t off, size_t len);

/* Reads all pages of a part from the disk. 0, or -errno: some cannot be read. */
int store_map_populate(const struct store_map *map, size_t off, size_t len);

void store_map_free(struct store_map *map);

#endif
