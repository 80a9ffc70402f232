/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a segment: their sizes, their making and their checking. Pure functions on bytes;
 * any thread.
 */
#ifndef WIREMAP_STORE_RECORD_H
#define WIREMAP_STORE_RECORD_H

#include "format.h"
#include "span.h"

static inline uint64_t store_record_align(uint64_t bytes)
{
	return (bytes + FORMAT_RECORD_ALIGN - 1) & ~(uint64_t)(FORMAT_RECORD_ALIGN - 1);
}

static inline uint32_t store_record_pieces(uint32_t length)
{
	return (uint32_t)(((uint64_t)length + FORMAT_PIECE_BYTES - 1) / FORMAT_PIECE_BYTES);
}

/* From the record's start to its payload. */
static inline uint64_t store_record_head_bytes(uint32_t length)
{
	return store_record_align(sizeof(struct disk_record) +
				  (uint64_t)store_record_pieces(length) *
					  sizeof(struct disk_piece));
}

static inline uint64_t store_record_bytes(uint32_t length)
{
	return store_record_head_bytes(length) + store_record_align(length);
}

/* Writes the head (store_record_head_bytes of them) of a record with this payload. */
void store_record_make(uint8_t *head, enum format_kind kind, uint64_t mid, struct span payload,
		       uint32_t prep_version);

/* What is known of a record before it is read. */
struct store_record_place {
	enum format_kind kind;
	uint64_t mid;
	uint64_t off;
	uint32_t length;
};

/* Checks the head of the record at `place` of a segment's bytes. NULL, or what is wrong. */
const char *store_record_check(struct span segment, const struct store_record_place *place);

/*
 * Checks those pieces of the payload that overlap [from, to) of the segment; the head must have
 * been checked. NULL, or what is wrong.
 */
const char *store_record_pieces_check(struct span segment, const struct store_record_place *place,
				      uint64_t from, uint64_t to);

/* Checks a segment's header. NULL, or what is wrong. */
const char *store_segment_check(struct span segment, enum format_kind kind, uint32_t number,
				const uint8_t account[16]);

#endif
