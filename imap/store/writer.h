/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appends records to an account's segments of one kind. What was appended is durable after
 * store_writer_sync(); a failed sync is final (QUALITY.md, rule 4). Blocks; one thread.
 */
#ifndef WIREMAP_STORE_WRITER_H
#define WIREMAP_STORE_WRITER_H

#include <stdbool.h>

#include "format.h"
#include "span.h"
#include "volume.h"

/* The account's segments of both kinds, as they will stand in the checkpoint. */
struct store_segments {
	struct disk_segment *table;
	uint32_t count, room;
};

/* Room for one more. 0, -ENOMEM or -ENOSPC. */
int store_segments_reserve(struct store_segments *segments);

struct store_writer {
	enum format_kind kind;
	const struct store_volume *volume;
	int directory; /* borrowed */
	uint8_t account[16];
	uint64_t segment_bytes_max;
	struct store_segments *segments;
	int file;      /* of the segment being filled, -1: none */
	uint32_t slot; /* its place in the table */
	uint64_t allocated;
	uint8_t *buffer; /* bytes that follow what the file holds */
	uint64_t buffer_off;
	size_t buffered;
	bool unsynced;
};

enum { STORE_SEGMENT_NAME_MAX = 16 }; /* "mail.4294967295" and NUL */

/* The file's name in the account's directory. */
void store_segment_name(enum format_kind kind, uint32_t number,
			char name_r[STORE_SEGMENT_NAME_MAX]);

/* Ready to append after the segments in the table, at what is used of the last one. The members
 * before `file` are set by the caller. 0 or -errno; *fault_r says what is wrong with a file. */
int store_writer_open(struct store_writer *writer, const char **fault_r);
void store_writer_close(struct store_writer *writer);

/* 0 and where the record lies, or -errno. */
int store_writer_append(struct store_writer *writer, uint64_t mid, struct span payload,
			uint32_t prep_version, uint32_t *slot_r, uint32_t *off_r);
int store_writer_sync(struct store_writer *writer);

#endif
