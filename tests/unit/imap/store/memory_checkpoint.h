/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint made in memory of plain arrays: right, whatever the arrays hold. */
#ifndef WIREMAP_MEMORY_CHECKPOINT_H
#define WIREMAP_MEMORY_CHECKPOINT_H

#include "checkpoint.h"
#include "rows.h"

struct memory_mailbox {
	struct disk_mailbox disk; /* name and columns are filled in */
	const char *name;
	const char *const *keywords; /* disk.keywords of them */
	const struct rows_row *rows; /* disk.messages of them */
};

struct memory_checkpoint {
	uint64_t modseq, mid_next;
	uint32_t uidvalidity_next;
	const struct memory_mailbox *mailboxes; /* in the order of names */
	uint32_t mailboxes_n;
	const struct disk_segment *segments;
	uint32_t segments_n;
	const struct disk_mid *mids;
	const uint8_t (*emailids)[16];
};

/* The file's bytes, at a multiple of 4096. free() them. */
struct span memory_checkpoint_make(const struct memory_checkpoint *of);

#endif
