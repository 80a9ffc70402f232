/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <stddef.h>

#include "check.h"
#include "crc32c.h"

static uint32_t head_crc(const struct disk_record *record, const struct disk_piece *pieces)
{
	uint32_t crc = store_crc32c(0, record, offsetof(struct disk_record, crc));

	return store_crc32c(crc, pieces, record->pieces * sizeof(*pieces));
}

void store_record_make(uint8_t *head, enum format_kind kind, uint64_t mid, struct span payload,
		       uint32_t prep_version)
{
	struct disk_record record = {
		.magic = FORMAT_MAGIC_RECORD,
		.kind = (uint16_t)kind,
		.mid = mid,
		.length = (uint32_t)payload.len,
		.pieces = store_record_pieces((uint32_t)payload.len),
		.prep_version = prep_version,
	};
	struct disk_piece *pieces = (struct disk_piece *)(head + sizeof(record));

	ASSERT(payload.len <= UINT32_MAX);
	memset(head, 0, store_record_head_bytes(record.length));
	for (uint32_t k = 0; k < record.pieces; k++) {
		struct span piece =
			span_cut(payload, (size_t)k * FORMAT_PIECE_BYTES, FORMAT_PIECE_BYTES);

		pieces[k].crc = store_crc32c(0, piece.ptr, piece.len);
	}
	record.crc = head_crc(&record, pieces);
	memcpy(head, &record, sizeof(record));
}

static bool place_inside(struct span segment, const struct store_record_place *place)
{
	return place->off % FORMAT_RECORD_ALIGN == 0 && place->off <= segment.len &&
	       store_record_bytes(place->length) <= segment.len - place->off;
}

const char *store_record_check(struct span segment, const struct store_record_place *place)
{
	const struct disk_record *record;

	if (!place_inside(segment, place))
		return "the record leaves its segment";
	record = (const struct disk_record *)(segment.ptr + place->off);
	if (record->magic != FORMAT_MAGIC_RECORD)
		return "no record begins there";
	if (record->kind != place->kind || record->mid != place->mid ||
	    record->length != place->length || record->pieces != store_record_pieces(place->length))
		return "another record lies there";
	if (record->crc != head_crc(record, (const struct disk_piece *)(record + 1)))
		return "the record's head is damaged";
	if ((record->must_understand & ~FORMAT_UNDERSTOOD) != 0 || record->cipher != 0)
		return "the record needs a newer program";
	return NULL;
}

const char *store_record_pieces_check(struct span segment, const struct store_record_place *place,
				      uint64_t from, uint64_t to)
{
	const struct disk_piece *pieces;
	struct span payload;
	uint64_t start;

	ASSERT(place_inside(segment, place));
	start = place->off + store_record_head_bytes(place->length);
	pieces = (const struct disk_piece *)(segment.ptr + place->off + sizeof(struct disk_record));
	payload = (struct span){segment.ptr + start, place->length};
	for (uint64_t k = from > start ? (from - start) / FORMAT_PIECE_BYTES : 0;
	     k < store_record_pieces(place->length) && start + k * FORMAT_PIECE_BYTES < to; k++) {
		struct span piece =
			span_cut(payload, (size_t)k * FORMAT_PIECE_BYTES, FORMAT_PIECE_BYTES);

		if (store_crc32c(0, piece.ptr, piece.len) != pieces[k].crc)
			return "the record's bytes are damaged";
	}
	return NULL;
}

const char *store_segment_check(struct span segment, enum format_kind kind, uint32_t number,
				const uint8_t account[16])
{
	const struct disk_segment_header *header;

	if (segment.len < sizeof(*header))
		return "the file is cut";
	header = (const struct disk_segment_header *)segment.ptr;
	if (header->magic != FORMAT_MAGIC_SEGMENT)
		return "it is no segment";
	if (header->crc != store_crc32c(0, header, offsetof(struct disk_segment_header, crc)))
		return "its header is damaged";
	if (header->version != FORMAT_VERSION ||
	    (header->must_understand & ~FORMAT_UNDERSTOOD) != 0)
		return "it needs a newer program";
	if (header->kind != kind || header->number != number ||
	    memcmp(header->account, account, 16) != 0)
		return "it is another segment";
	return NULL;
}
