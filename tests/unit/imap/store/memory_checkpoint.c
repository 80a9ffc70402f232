/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_checkpoint.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "record.h"

struct making {
	uint8_t *bytes;
	uint64_t len;
};

/* Room for `len` bytes at the end, as an extent; their CRC is made by extent_end(). */
static struct disk_extent extent_begin(struct making *making, uint64_t len)
{
	struct disk_extent extent = {.off = making->len, .len = len};

	making->len = store_record_align(making->len + len);
	return extent;
}

static void extent_end(const struct making *making, struct disk_extent *extent)
{
	extent->crc = store_crc32c(0, making->bytes + extent->off, extent->len);
}

static void extent_fill(const struct making *making, const struct disk_extent *extent,
			const void *bytes)
{
	if (extent->len > 0)
		memcpy(making->bytes + extent->off, bytes, extent->len);
}

static void columns_fill(uint8_t *base, const struct memory_mailbox *mailbox,
			 const struct disk_string *keywords)
{
	struct store_columns_layout layout;

	store_columns_layout(mailbox->disk.messages, mailbox->disk.keywords, &layout);
	memcpy(base + layout.keywords, keywords, mailbox->disk.keywords * sizeof(*keywords));
	for (uint32_t i = 0; i < mailbox->disk.messages; i++) {
		const struct rows_row *row = &mailbox->rows[i];
		struct disk_chunk *chunk =
			(struct disk_chunk *)(base + layout.chunks) + i / FORMAT_CHUNK_MESSAGES;
		uint32_t at = i % FORMAT_CHUNK_MESSAGES;

		((uint32_t *)(base + layout.uid))[i] = row->uid;
		((uint32_t *)(base + layout.size))[i] = row->size;
		((uint64_t *)(base + layout.mid))[i] = row->mid;
		((int64_t *)(base + layout.utc))[i] = row->utc;
		((int64_t *)(base + layout.saved))[i] = row->saved;
		((int16_t *)(base + layout.zone))[i] = row->zone;
		chunk->modseq[at] = row->modseq;
		chunk->system[at] = (uint16_t)row->flags.system;
		memcpy(chunk->keywords[at], row->flags.keywords, sizeof(chunk->keywords[at]));
		if (row->modseq > chunk->modseq_max)
			chunk->modseq_max = row->modseq;
	}
}

static struct disk_string string_put(uint8_t *strings, uint32_t *len, const char *text)
{
	struct disk_string string = {*len, (uint32_t)strlen(text)};

	memcpy(strings + *len, text, string.len);
	*len += string.len;
	return string;
}

static uint64_t strings_len(const struct memory_checkpoint *of)
{
	uint64_t len = 0;

	for (uint32_t k = 0; k < of->mailboxes_n; k++) {
		len += strlen(of->mailboxes[k].name);
		for (uint32_t w = 0; w < of->mailboxes[k].disk.keywords; w++)
			len += strlen(of->mailboxes[k].keywords[w]);
	}
	return len;
}

static uint64_t columns_len(const struct memory_checkpoint *of)
{
	uint64_t len = 0;

	for (uint32_t k = 0; k < of->mailboxes_n; k++) {
		struct store_columns_layout layout;

		store_columns_layout(of->mailboxes[k].disk.messages, of->mailboxes[k].disk.keywords,
				     &layout);
		len += layout.bytes;
	}
	return len;
}

static void mailbox_fill(struct making *making, const struct disk_checkpoint *header,
			 const struct memory_mailbox *mailbox, struct disk_mailbox *disk,
			 uint32_t *strings)
{
	struct disk_string keywords[128];
	struct store_columns_layout layout;
	uint8_t *text = making->bytes + header->strings.off;

	*disk = mailbox->disk;
	disk->name = string_put(text, strings, mailbox->name);
	for (uint32_t w = 0; w < disk->keywords; w++)
		keywords[w] = string_put(text, strings, mailbox->keywords[w]);
	store_columns_layout(disk->messages, disk->keywords, &layout);
	disk->columns = extent_begin(making, layout.bytes);
	columns_fill(making->bytes + disk->columns.off, mailbox, keywords);
	extent_end(making, &disk->columns);
}

struct span memory_checkpoint_make(const struct memory_checkpoint *of)
{
	uint64_t mids = of->mid_next - 1, bytes;
	struct making making = {.len = sizeof(struct disk_checkpoint)};
	struct disk_checkpoint header = {
		.magic = FORMAT_MAGIC_CHECKPOINT,
		.version = FORMAT_VERSION,
		.generation = 1,
		.modseq = of->modseq,
		.mid_next = of->mid_next,
		.uidvalidity_next = of->uidvalidity_next,
		.mailboxes = of->mailboxes_n,
		.segments = of->segments_n,
		.mailbox_table =
			extent_begin(&making, of->mailboxes_n * sizeof(struct disk_mailbox)),
		.strings = extent_begin(&making, strings_len(of)),
		.segment_table =
			extent_begin(&making, of->segments_n * sizeof(struct disk_segment)),
		.mid_table = extent_begin(&making, mids * sizeof(struct disk_mid)),
		.emailid_table = extent_begin(&making, mids * 16),
	};
	uint32_t strings = 0;

	bytes = (making.len + columns_len(of) + 4095) / 4096 * 4096;
	making.bytes = aligned_alloc(4096, bytes);
	memset(making.bytes, 0, bytes);
	header.file_bytes = making.len + columns_len(of);
	extent_fill(&making, &header.segment_table, of->segments);
	extent_fill(&making, &header.mid_table, of->mids);
	extent_fill(&making, &header.emailid_table, of->emailids);
	for (uint32_t k = 0; k < of->mailboxes_n; k++)
		mailbox_fill(&making, &header, &of->mailboxes[k],
			     (struct disk_mailbox *)(making.bytes + header.mailbox_table.off) + k,
			     &strings);
	extent_end(&making, &header.mailbox_table);
	extent_end(&making, &header.strings);
	extent_end(&making, &header.segment_table);
	extent_end(&making, &header.mid_table);
	extent_end(&making, &header.emailid_table);
	header.crc = store_crc32c(0, &header, offsetof(struct disk_checkpoint, crc));
	memcpy(making.bytes, &header, sizeof(header));
	return (struct span){making.bytes, header.file_bytes};
}
