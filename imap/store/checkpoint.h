/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint's bytes, checked and made readable. Pure functions on bytes; any thread. What is
 * opened points into the bytes and lives as long as they.
 */
#ifndef WIREMAP_STORE_CHECKPOINT_H
#define WIREMAP_STORE_CHECKPOINT_H

#include "format.h"
#include "span.h"

struct store_checkpoint {
	struct span bytes;
	const struct disk_checkpoint *header;
	const struct disk_mailbox *mailboxes;
	const uint8_t *strings;
	const struct disk_segment *segments;
	const struct disk_mid *mids; /* of mid m: mids[m - 1] */
	const uint8_t *emailids;     /* 16 bytes each, likewise */
};

/* The columns of one mailbox. */
struct store_columns {
	const struct disk_string *keywords;
	const uint32_t *uid;
	const uint32_t *size;
	const uint64_t *mid;
	const int64_t *utc;
	const int64_t *saved;
	const int16_t *zone;
	const struct disk_chunk *chunks;
};

/* Byte offsets of the columns in a mailbox's extent, each a multiple of 64. */
struct store_columns_layout {
	uint64_t keywords, uid, size, mid, utc, saved, zone, chunks, bytes;
};

void store_columns_layout(uint32_t messages, uint32_t keywords,
			  struct store_columns_layout *layout_r);

/*
 * Checks the header, which is all that need be there of `bytes` (whose length is the file's), and
 * tells how far the tables reach. `account` may be NULL: any. NULL, or what is wrong.
 */
const char *store_checkpoint_head(struct span bytes, const uint8_t account[16],
				  uint64_t *tables_end_r);

/*
 * Checks everything but the mailboxes' columns, which need not be there: checksums, bounds, the
 * order of names, that every mid lies inside a segment. `account` may be NULL: any. NULL, or what
 * is wrong.
 */
const char *store_checkpoint_open(struct span bytes, const uint8_t account[16],
				  struct store_checkpoint *checkpoint_r);

/* Finds the columns of mailbox `number`, of which only bounds are checked and no byte is read: what
 * they hold stays foreign. NULL, or what is wrong. */
const char *store_columns_place(const struct store_checkpoint *checkpoint, uint32_t number,
				struct store_columns *columns_r);

/* Checks the columns of mailbox `number` (F5). NULL, or what is wrong. */
const char *store_columns_open(const struct store_checkpoint *checkpoint, uint32_t number,
			       struct store_columns *columns_r);

/* A string of the checkpoint, which must have been checked. */
static inline struct span store_checkpoint_string(const struct store_checkpoint *checkpoint,
						  struct disk_string string)
{
	return (struct span){checkpoint->strings + string.off, string.len};
}

static inline struct span store_checkpoint_name(const struct store_checkpoint *checkpoint,
						uint32_t number)
{
	return store_checkpoint_string(checkpoint, checkpoint->mailboxes[number].name);
}

#endif
