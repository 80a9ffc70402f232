/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

int store_map_memory(size_t len, struct store_map *map_r)
{
	void *base;

	*map_r = (struct store_map){.len = len};
	if (len <= MAP_SMALL_BYTES) {
		map_r->base = calloc(1, len > 0 ? len : 1);
		return map_r->base != NULL ? 0 : -ENOMEM;
	}
	base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	map_r->base = base;
	return 0;
}

int store_map_read(const struct store_map *map, int file, size_t off, size_t len)
{
	ASSERT(map->range == NULL && off <= map->len && len <= map->len - off);
	while (len > 0) {
		ssize_t n = pread(file, map->base + off, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		off += (size_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int store_map_file(int file, size_t len, struct store_map *map_r)
{
	struct stat stat;
	void *base;
	int status;

	*map_r = (struct store_map){0};
	if (fstat(file, &stat) != 0)
		return -errno;
	if (len == 0 || (uint64_t)stat.st_size < len)
		return -EIO;
	if (len <= MAP_SMALL_BYTES) {
		status = store_map_memory(len, map_r);
		if (status == 0)
			status = store_map_read(map_r, file, 0, len);
		if (status != 0)
			store_map_free(map_r);
		return status;
	}
	base = mmap(NULL, len, PROT_READ, MAP_SHARED, file, 0);
	if (base == MAP_FAILED)
		return -errno;
	map_r->range = store_bus_add(base, len);
	if (map_r->range == NULL) {
		munmap(base, len);
		return -ENOMEM;
	}
	map_r->base = base;
	map_r->len = len;
	return 0;
}

int store_map_populate(const struct store_map *map, size_t off, size_t len)
{
	size_t from = off & ~(size_t)4095;

	if (map->range == NULL || len == 0)
		return 0;
	ASSERT(off <= map->len && len <= map->len - off);
	if (madvise(map->base + from, off + len - from, MADV_POPULATE_READ) == 0)
		return 0;
	/* Before Linux 5.14: the pages come when their checksums are made. */
	return errno == EINVAL ? 0 : -errno;
}

void store_map_free(struct store_map *map)
{
	if (map->range != NULL)
		store_bus_remove(map->range);
	if (map->base != NULL && map->len <= MAP_SMALL_BYTES)
		free(map->base);
	else if (map->base != NULL)
		munmap(map->base, map->len);
	*map = (struct store_map){0};
}
