/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of a commit log, of any bytes. The headers and, along the chain, the groups' checksums
 * are made right first, as in fuzz_checkpoint.c. Whatever the scan takes must lie in the file and
 * read back.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "commit_log_scan.h"
#include "crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sign(uint8_t *bytes, size_t len)
{
	struct disk_log_header *header = (struct disk_log_header *)bytes;
	uint64_t off = FORMAT_LOG_HEADERS_BYTES, lsn = header->first;
	uint32_t before;

	header->magic = FORMAT_MAGIC_LOG;
	header->crc = store_crc32c(0, header, offsetof(struct disk_log_header, crc));
	before = header->crc;
	while (off + sizeof(struct disk_log_group) <= len) {
		struct disk_log_group *group = (struct disk_log_group *)(bytes + off);

		if (group->bytes > len - off - sizeof(*group))
			break;
		group->magic = FORMAT_MAGIC_GROUP;
		group->salt = header->salt;
		group->lsn = lsn++;
		store_log_group_sign(group, group + 1, before);
		before = group->crc;
		off += store_log_group_bytes(group->bytes);
	}
}

static void use(struct span file)
{
	struct disk_log_header header;
	struct store_log_scan scan;
	struct disk_log_group group;
	struct span body;
	uint32_t before;

	if (store_log_header_read(file, &header) != STORE_LOG_GOOD)
		return;
	ASSERT(store_log_scan(file, &header, &scan) == 0);
	before = header.crc;
	for (uint64_t k = 0; k < scan.places_n; k++) {
		uint64_t off = (uint64_t)scan.places[k].block * FORMAT_LOG_BLOCK_BYTES;

		ASSERT(store_log_group_read(file, off, header.salt, header.first + k, before,
					    &group, &body) == STORE_LOG_GOOD);
		ASSERT(body.ptr >= file.ptr && body.len <= (size_t)(span_end(file) - body.ptr));
		ASSERT(group.durable < group.lsn && group.durable <= scan.durable);
		before = scan.places[k].crc;
	}
	free(scan.places);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;

	if (size < FORMAT_LOG_HEADERS_BYTES)
		return 0;
	bytes = malloc(size);
	ASSERT(bytes != NULL);
	memcpy(bytes, data, size);
	use((struct span){bytes, size});
	sign(bytes, size);
	use((struct span){bytes, size});
	free(bytes);
	return 0;
}
