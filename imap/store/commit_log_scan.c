/* SPDX-License-Identifier: Apache-2.0 */
#include "commit_log_scan.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"

static enum store_log_fault header_copy_read(const uint8_t *at, struct disk_log_header *header_r)
{
	memcpy(header_r, at, sizeof(*header_r));
	if (header_r->magic != FORMAT_MAGIC_LOG ||
	    header_r->crc != store_crc32c(0, header_r, offsetof(struct disk_log_header, crc)))
		return STORE_LOG_BAD;
	if (header_r->version != FORMAT_VERSION || header_r->cipher != 0 ||
	    (header_r->must_understand & ~FORMAT_UNDERSTOOD) != 0)
		return STORE_LOG_NEWER;
	if (header_r->file_bytes % FORMAT_LOG_BLOCK_BYTES != 0 ||
	    header_r->file_bytes / FORMAT_LOG_BLOCK_BYTES > UINT32_MAX)
		return STORE_LOG_BAD;
	return STORE_LOG_GOOD;
}

enum store_log_fault store_log_header_read(struct span bytes, struct disk_log_header *header_r)
{
	struct disk_log_header second;
	enum store_log_fault fault, fault_second;

	if (bytes.len < FORMAT_LOG_HEADERS_BYTES)
		return STORE_LOG_BAD;
	fault = header_copy_read(bytes.ptr, header_r);
	fault_second = header_copy_read(bytes.ptr + FORMAT_LOG_BLOCK_BYTES, &second);
	if (fault == STORE_LOG_NEWER || fault_second == STORE_LOG_NEWER)
		return STORE_LOG_NEWER;
	if (fault_second == STORE_LOG_GOOD &&
	    (fault == STORE_LOG_BAD || second.generation > header_r->generation)) {
		*header_r = second;
		return STORE_LOG_GOOD;
	}
	return fault;
}

void store_log_group_sign(struct disk_log_group *group, const void *body, uint32_t before)
{
	uint32_t crc;

	group->head_crc = store_crc32c(0, group, offsetof(struct disk_log_group, head_crc));
	crc = store_crc32c(before, group, offsetof(struct disk_log_group, crc));
	group->crc = store_crc32c(crc, body, group->bytes);
}

/* A group's head that speaks for itself. It must have been written under `salt`, which nobody
 * outside knows: bytes of a message cannot be taken for one. */
static bool head_read(struct span file, uint64_t off, uint64_t salt, struct disk_log_group *group_r)
{
	if (off > file.len || sizeof(*group_r) > file.len - off)
		return false;
	memcpy(group_r, file.ptr + off, sizeof(*group_r));
	return group_r->magic == FORMAT_MAGIC_GROUP && group_r->salt == salt &&
	       group_r->head_crc ==
		       store_crc32c(0, group_r, offsetof(struct disk_log_group, head_crc));
}

enum store_log_fault store_log_group_read(struct span file, uint64_t off, uint64_t salt,
					  uint64_t lsn, uint32_t before,
					  struct disk_log_group *group_r, struct span *body_r)
{
	uint32_t crc;

	if (!head_read(file, off, salt, group_r) || group_r->lsn != lsn ||
	    group_r->bytes > file.len - off - sizeof(*group_r))
		return STORE_LOG_BAD;
	*body_r = (struct span){file.ptr + off + sizeof(*group_r), group_r->bytes};
	crc = store_crc32c(before, group_r, offsetof(struct disk_log_group, crc));
	if (group_r->crc != store_crc32c(crc, body_r->ptr, body_r->len))
		return STORE_LOG_BAD;
	/* A group says of itself neither that it nor that what follows it was durable. */
	if (group_r->durable >= lsn || group_r->applied > group_r->durable)
		return STORE_LOG_BAD;
	if (group_r->cipher != 0 || (group_r->must_understand & ~FORMAT_UNDERSTOOD) != 0)
		return STORE_LOG_NEWER;
	return STORE_LOG_GOOD;
}

static void horizons_raise(struct store_log_scan *scan, const struct disk_log_group *group)
{
	if (group->durable > scan->durable)
		scan->durable = group->durable;
	if (group->applied > scan->applied)
		scan->applied = group->applied;
}

int store_log_scan(struct span file, const struct disk_log_header *header,
		   struct store_log_scan *scan_r)
{
	uint64_t room = file.len / FORMAT_LOG_BLOCK_BYTES, lsn = header->first;
	uint32_t before = header->crc;
	struct disk_log_group group;
	struct span body;

	*scan_r = (struct store_log_scan){
		.header = *header,
		.end = FORMAT_LOG_HEADERS_BYTES,
		.durable = header->durable,
		.applied = header->applied,
	};
	if (header->first == 0)
		return 0;
	scan_r->places = malloc((room + 1) * sizeof(*scan_r->places));
	if (scan_r->places == NULL)
		return -ENOMEM;
	for (;; lsn++) {
		scan_r->fault = store_log_group_read(file, scan_r->end, header->salt, lsn, before,
						     &group, &body);
		if (scan_r->fault != STORE_LOG_GOOD)
			break;
		scan_r->places[scan_r->places_n++] = (struct store_log_place){
			.block = (uint32_t)(scan_r->end / FORMAT_LOG_BLOCK_BYTES),
			.crc = group.crc,
		};
		horizons_raise(scan_r, &group);
		scan_r->end += store_log_group_bytes(group.bytes);
		before = group.crc;
	}
	for (uint64_t off = scan_r->end; off < file.len; off += FORMAT_LOG_BLOCK_BYTES)
		if (head_read(file, off, header->salt, &group) && group.lsn >= lsn)
			horizons_raise(scan_r, &group);
	return 0;
}
