/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of the commit log, read: pure functions on bytes that nobody vouches for. What joins
 * the files is commit_log_open.c's. Any thread.
 */
#ifndef WIREMAP_STORE_COMMIT_LOG_SCAN_H
#define WIREMAP_STORE_COMMIT_LOG_SCAN_H

#include "format.h"
#include "span.h"

/* Why a header or a group is not taken. */
enum store_log_fault {
	STORE_LOG_GOOD,
	STORE_LOG_BAD,	 /* its bytes are not what was written, or never were written */
	STORE_LOG_NEWER, /* whole, but of a newer program's: must be neither cut nor passed over */
};

/*
 * The header of a file that begins with `bytes` (FORMAT_LOG_HEADERS_BYTES or more): of two good
 * copies the one with the higher generation. `*header_r` is set when GOOD.
 */
enum store_log_fault store_log_header_read(struct span bytes, struct disk_log_header *header_r);

/* Bytes that a group takes in the file. */
static inline uint64_t store_log_group_bytes(uint64_t body_bytes)
{
	uint64_t bytes = sizeof(struct disk_log_group) + body_bytes;

	return (bytes + FORMAT_LOG_BLOCK_BYTES - 1) & ~(uint64_t)(FORMAT_LOG_BLOCK_BYTES - 1);
}

/* The CRCs of a group whose other members stand, continued from the group before. */
void store_log_group_sign(struct disk_log_group *group, const void *body, uint32_t before);

/* Whether group `lsn` stands at `off`, after one whose CRC was `before`. The spans point into
 * `file`. */
enum store_log_fault store_log_group_read(struct span file, uint64_t off, uint64_t salt,
					  uint64_t lsn, uint32_t before,
					  struct disk_log_group *group_r, struct span *body_r);

/* Where a group stands in its file. */
struct store_log_place {
	uint32_t block; /* offset / 4096 */
	uint32_t crc;
};

struct store_log_scan {
	struct disk_log_header header;
	struct store_log_place *places; /* of groups header.first + k, owned: free() */
	uint64_t places_n;
	uint64_t end; /* offset behind the last of them: where no group stands, or a bad one */
	enum store_log_fault fault;
	/* The highest that any group's head in the file says, behind `end` as well. */
	uint64_t durable, applied;
};

/* Reads all of a file whose header is good. 0 or -ENOMEM. */
int store_log_scan(struct span file, const struct disk_log_header *header,
		   struct store_log_scan *scan_r);

#endif
