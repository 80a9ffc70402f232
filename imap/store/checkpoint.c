/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint.h"

#include <stddef.h>

#include "check.h"
#include "crc32c.h"
#include "name.h"
#include "record.h"
#include "store.h"

static bool extent_inside(struct span bytes, const struct disk_extent *extent)
{
	return extent->off % FORMAT_RECORD_ALIGN == 0 && extent->off <= bytes.len &&
	       extent->len <= bytes.len - extent->off;
}

/* The bytes of an extent that has to be `len` long, or NULL: out of bounds, or damaged. */
static const uint8_t *extent_open(struct span bytes, const struct disk_extent *extent, uint64_t len)
{
	if (extent->len != len || !extent_inside(bytes, extent))
		return NULL;
	if (store_crc32c(0, bytes.ptr + extent->off, len) != extent->crc)
		return NULL;
	return bytes.ptr + extent->off;
}

static bool string_inside(const struct disk_checkpoint *header, struct disk_string string)
{
	return string.off <= header->strings.len && string.len <= header->strings.len - string.off;
}

static const char *header_check(struct span bytes, const uint8_t account[16])
{
	const struct disk_checkpoint *header = (const struct disk_checkpoint *)bytes.ptr;

	if (bytes.len < sizeof(*header))
		return "it is cut";
	if (header->magic != FORMAT_MAGIC_CHECKPOINT)
		return "it is no checkpoint";
	if (header->crc != store_crc32c(0, header, offsetof(struct disk_checkpoint, crc)))
		return "its header is damaged";
	if (header->version != FORMAT_VERSION ||
	    (header->must_understand & ~FORMAT_UNDERSTOOD) != 0)
		return "it needs a newer program";
	if (account != NULL && memcmp(header->account, account, 16) != 0)
		return "it is another account's";
	if (header->file_bytes != bytes.len)
		return "it is cut or grown";
	if (header->mid_next == 0 || header->mailboxes > STORE_MAILBOXES_MAX ||
	    header->segments > FORMAT_SEGMENTS_MAX)
		return "its counts are out of bounds";
	return NULL;
}

const char *store_checkpoint_head(struct span bytes, const uint8_t account[16],
				  uint64_t *tables_end_r)
{
	const struct disk_checkpoint *header = (const struct disk_checkpoint *)bytes.ptr;
	const char *fault = header_check(bytes, account);

	*tables_end_r = sizeof(*header);
	if (fault != NULL)
		return fault;
	const struct disk_extent *const tables[] = {
		&header->mailbox_table, &header->strings,	&header->segment_table,
		&header->mid_table,	&header->emailid_table,
	};
	for (size_t k = 0; k < sizeof(tables) / sizeof(tables[0]); k++) {
		if (!extent_inside(bytes, tables[k]))
			return "its tables are out of bounds";
		if (tables[k]->off + tables[k]->len > *tables_end_r)
			*tables_end_r = tables[k]->off + tables[k]->len;
	}
	return NULL;
}

static const char *tables_open(struct store_checkpoint *checkpoint)
{
	const struct disk_checkpoint *header = checkpoint->header;
	struct span bytes = checkpoint->bytes;
	uint64_t mids = header->mid_next - 1;

	if (mids > bytes.len / sizeof(struct disk_mid))
		return "its counts are out of bounds";
	checkpoint->mailboxes = (const struct disk_mailbox *)extent_open(
		bytes, &header->mailbox_table, header->mailboxes * sizeof(struct disk_mailbox));
	checkpoint->strings = extent_open(bytes, &header->strings, header->strings.len);
	checkpoint->segments = (const struct disk_segment *)extent_open(
		bytes, &header->segment_table, header->segments * sizeof(struct disk_segment));
	checkpoint->mids = (const struct disk_mid *)extent_open(bytes, &header->mid_table,
								mids * sizeof(struct disk_mid));
	checkpoint->emailids = extent_open(bytes, &header->emailid_table, mids * 16);
	if (checkpoint->mailboxes == NULL || checkpoint->strings == NULL)
		return "its table of mailboxes is damaged";
	if (checkpoint->segments == NULL || checkpoint->mids == NULL ||
	    checkpoint->emailids == NULL)
		return "its table of messages is damaged";
	return NULL;
}

static const char *mailboxes_check(const struct store_checkpoint *checkpoint, uint64_t tables_end)
{
	for (uint32_t k = 0; k < checkpoint->header->mailboxes; k++) {
		const struct disk_mailbox *mailbox = &checkpoint->mailboxes[k];

		if (!string_inside(checkpoint->header, mailbox->name) ||
		    store_name_fault(store_checkpoint_name(checkpoint, k)) != NULL)
			return "a mailbox's name is not allowed";
		if (k > 0 && store_name_compare(store_checkpoint_name(checkpoint, k - 1),
						store_checkpoint_name(checkpoint, k)) >= 0)
			return "its mailboxes are out of order";
		if ((mailbox->must_understand & ~FORMAT_UNDERSTOOD) != 0)
			return "it needs a newer program";
		if (mailbox->keywords > STORE_KEYWORDS_MAX || mailbox->uidvalidity == 0 ||
		    mailbox->uidnext == 0 || mailbox->highestmodseq > checkpoint->header->modseq)
			return "a mailbox's counters are out of bounds";
		if (mailbox->columns.off < tables_end)
			return "a mailbox's columns lie in the tables"; /* F7 */
	}
	return NULL;
}

static const char *segments_check(const struct store_checkpoint *checkpoint)
{
	for (uint32_t k = 0; k < checkpoint->header->segments; k++) {
		const struct disk_segment *segment = &checkpoint->segments[k];

		if (segment->kind != FORMAT_MAIL && segment->kind != FORMAT_META)
			return "a segment is of an unknown kind";
		if (segment->used < sizeof(struct disk_segment_header) ||
		    segment->used > UINT32_MAX || segment->used % FORMAT_RECORD_ALIGN != 0)
			return "a segment's length is out of bounds";
		if (segment->mid_first > segment->mid_last ||
		    segment->mid_last >= checkpoint->header->mid_next ||
		    (segment->mid_first == 0 && segment->mid_last != 0))
			return "a segment's messages are out of bounds";
	}
	return NULL;
}

static bool record_inside(const struct store_checkpoint *checkpoint, enum format_kind kind,
			  uint32_t slot, uint32_t off, uint32_t length, uint64_t mid)
{
	const struct disk_segment *segment;

	if (slot >= checkpoint->header->segments)
		return false;
	segment = &checkpoint->segments[slot];
	return segment->kind == kind && off % FORMAT_RECORD_ALIGN == 0 &&
	       off >= sizeof(struct disk_segment_header) && off <= segment->used &&
	       store_record_bytes(length) <= segment->used - off && mid >= segment->mid_first &&
	       mid <= segment->mid_last;
}

static const char *mids_check(const struct store_checkpoint *checkpoint)
{
	for (uint64_t mid = 1; mid < checkpoint->header->mid_next; mid++) {
		const struct disk_mid *entry = &checkpoint->mids[mid - 1];

		if (entry->references == 0)
			continue;
		if (entry->mail_len > STORE_MESSAGE_BYTES_MAX ||
		    !record_inside(checkpoint, FORMAT_MAIL, entry->mail_slot, entry->mail_off,
				   entry->mail_len, mid) ||
		    !record_inside(checkpoint, FORMAT_META, entry->meta_slot, entry->meta_off,
				   entry->meta_len, mid))
			return "a message lies outside of its segment";
	}
	return NULL;
}

const char *store_checkpoint_open(struct span bytes, const uint8_t account[16],
				  struct store_checkpoint *checkpoint_r)
{
	uint64_t tables_end;
	const char *fault = store_checkpoint_head(bytes, account, &tables_end);

	if (fault != NULL)
		return fault;
	*checkpoint_r = (struct store_checkpoint){
		.bytes = bytes,
		.header = (const struct disk_checkpoint *)bytes.ptr,
	};
	fault = tables_open(checkpoint_r);
	if (fault == NULL)
		fault = mailboxes_check(checkpoint_r, tables_end);
	if (fault == NULL)
		fault = segments_check(checkpoint_r);
	if (fault == NULL)
		fault = mids_check(checkpoint_r);
	return fault;
}

/* --- Columns --- */

static uint64_t column_place(uint64_t *bytes, uint64_t count, uint64_t width)
{
	uint64_t off = *bytes;

	*bytes = store_record_align(off + count * width);
	return off;
}

void store_columns_layout(uint32_t messages, uint32_t keywords,
			  struct store_columns_layout *layout_r)
{
	uint64_t chunks = ((uint64_t)messages + FORMAT_CHUNK_MESSAGES - 1) / FORMAT_CHUNK_MESSAGES;
	uint64_t bytes = 0;

	layout_r->keywords = column_place(&bytes, keywords, sizeof(struct disk_string));
	layout_r->uid = column_place(&bytes, messages, sizeof(uint32_t));
	layout_r->size = column_place(&bytes, messages, sizeof(uint32_t));
	layout_r->mid = column_place(&bytes, messages, sizeof(uint64_t));
	layout_r->utc = column_place(&bytes, messages, sizeof(int64_t));
	layout_r->saved = column_place(&bytes, messages, sizeof(int64_t));
	layout_r->zone = column_place(&bytes, messages, sizeof(int16_t));
	layout_r->chunks = column_place(&bytes, chunks, sizeof(struct disk_chunk));
	layout_r->bytes = bytes;
}

static const char *rows_check(const struct store_checkpoint *checkpoint,
			      const struct disk_mailbox *mailbox,
			      const struct store_columns *columns)
{
	uint32_t previous = 0;

	for (uint32_t i = 0; i < mailbox->messages; i++) {
		const struct disk_chunk *chunk = &columns->chunks[i / FORMAT_CHUNK_MESSAGES];
		uint64_t modseq = chunk->modseq[i % FORMAT_CHUNK_MESSAGES];
		const struct disk_mid *entry;

		if (columns->uid[i] <= previous || columns->uid[i] >= mailbox->uidnext)
			return "its UIDs are out of order";
		previous = columns->uid[i];
		if (columns->mid[i] == 0 || columns->mid[i] >= checkpoint->header->mid_next)
			return "it names messages that do not exist";
		entry = &checkpoint->mids[columns->mid[i] - 1];
		if (entry->references == 0 || entry->mail_len != columns->size[i])
			return "it names messages that do not exist";
		if (modseq > chunk->modseq_max || chunk->modseq_max > mailbox->highestmodseq)
			return "its modseqs are out of bounds";
	}
	return NULL;
}

static const char *keywords_check(const struct store_checkpoint *checkpoint,
				  const struct disk_mailbox *mailbox,
				  const struct store_columns *columns)
{
	for (uint32_t k = 0; k < mailbox->keywords; k++)
		if (!string_inside(checkpoint->header, columns->keywords[k]) ||
		    !store_keyword_valid(store_checkpoint_string(checkpoint, columns->keywords[k])))
			return "a keyword is not allowed";
	return NULL;
}

const char *store_columns_place(const struct store_checkpoint *checkpoint, uint32_t number,
				struct store_columns *columns_r)
{
	const struct disk_mailbox *mailbox = &checkpoint->mailboxes[number];
	struct store_columns_layout layout;
	const uint8_t *base;

	ASSERT(number < checkpoint->header->mailboxes);
	store_columns_layout(mailbox->messages, mailbox->keywords, &layout);
	if (mailbox->columns.len != layout.bytes ||
	    !extent_inside(checkpoint->bytes, &mailbox->columns))
		return "its columns are damaged";
	base = checkpoint->bytes.ptr + mailbox->columns.off;
	*columns_r = (struct store_columns){
		.keywords = (const struct disk_string *)(base + layout.keywords),
		.uid = (const uint32_t *)(base + layout.uid),
		.size = (const uint32_t *)(base + layout.size),
		.mid = (const uint64_t *)(base + layout.mid),
		.utc = (const int64_t *)(base + layout.utc),
		.saved = (const int64_t *)(base + layout.saved),
		.zone = (const int16_t *)(base + layout.zone),
		.chunks = (const struct disk_chunk *)(base + layout.chunks),
	};
	return NULL;
}

const char *store_columns_open(const struct store_checkpoint *checkpoint, uint32_t number,
			       struct store_columns *columns_r)
{
	const struct disk_mailbox *mailbox = &checkpoint->mailboxes[number];
	const char *fault = store_columns_place(checkpoint, number, columns_r);

	if (fault == NULL &&
	    extent_open(checkpoint->bytes, &mailbox->columns, mailbox->columns.len) == NULL)
		fault = "its columns are damaged";
	if (fault == NULL)
		fault = keywords_check(checkpoint, mailbox, columns_r);
	return fault != NULL ? fault : rows_check(checkpoint, mailbox, columns_r);
}
