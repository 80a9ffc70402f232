/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint of any bytes. A checksum would stop nearly every input at the door, so all of them
 * are made right first: what is fuzzed is what a hostile writer could sign. Whatever is accepted
 * must be safe to read as the reader does.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "checkpoint.h"
#include "crc32c.h"
#include "record.h"
#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void extent_sign(uint8_t *bytes, size_t len, struct disk_extent *extent)
{
	if (extent->off <= len && extent->len <= len - extent->off)
		extent->crc = store_crc32c(0, bytes + extent->off, extent->len);
}

/* From the inside out: the columns' sums stand in the table of mailboxes, the tables' in the
 * header. */
static void sign(uint8_t *bytes, size_t len)
{
	struct disk_checkpoint *header = (struct disk_checkpoint *)bytes;
	uint64_t off = header->mailbox_table.off;

	header->magic = FORMAT_MAGIC_CHECKPOINT;
	header->version = FORMAT_VERSION;
	header->must_understand = 0;
	header->file_bytes = len;
	for (uint32_t k = 0; k < header->mailboxes && k < 64; k++) {
		struct disk_mailbox mailbox;

		if (off > len || (k + 1) * sizeof(mailbox) > len - off)
			break;
		memcpy(&mailbox, bytes + off + k * sizeof(mailbox), sizeof(mailbox));
		extent_sign(bytes, len, &mailbox.columns);
		memcpy(bytes + off + k * sizeof(mailbox), &mailbox, sizeof(mailbox));
	}
	extent_sign(bytes, len, &header->mailbox_table);
	extent_sign(bytes, len, &header->strings);
	extent_sign(bytes, len, &header->segment_table);
	extent_sign(bytes, len, &header->mid_table);
	extent_sign(bytes, len, &header->emailid_table);
	header->crc = store_crc32c(0, header, offsetof(struct disk_checkpoint, crc));
}

static void row_use(const struct store_checkpoint *checkpoint, const struct store_columns *columns,
		    uint32_t index)
{
	const struct disk_mid *entry = &checkpoint->mids[columns->mid[index] - 1];
	const struct disk_segment *mail = &checkpoint->segments[entry->mail_slot];
	const struct disk_segment *meta = &checkpoint->segments[entry->meta_slot];
	volatile uint64_t sink = (uint64_t)columns->utc[index] + (uint64_t)columns->saved[index] +
				 (uint64_t)columns->zone[index] +
				 checkpoint->emailids[(columns->mid[index] - 1) * 16 + 15];

	(void)sink;
	ASSERT(entry->mail_off + store_record_bytes(entry->mail_len) <= mail->used);
	ASSERT(entry->meta_off + store_record_bytes(entry->meta_len) <= meta->used);
	ASSERT(mail->mid_last < checkpoint->header->mid_next);
}

static void mailbox_use(const struct store_checkpoint *checkpoint, uint32_t number)
{
	const struct disk_mailbox *mailbox = &checkpoint->mailboxes[number];
	struct span name = store_checkpoint_name(checkpoint, number);
	struct store_columns columns;
	uint64_t sum = 0;

	for (size_t i = 0; i < name.len; i++)
		sum += name.ptr[i];
	if (store_columns_open(checkpoint, number, &columns) != NULL)
		return;
	for (uint32_t k = 0; k < mailbox->keywords; k++)
		sum += store_checkpoint_string(checkpoint, columns.keywords[k]).ptr[0];
	for (uint32_t k = 0; k < mailbox->messages; k++)
		row_use(checkpoint, &columns, k);
	ASSERT(sum < UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_checkpoint checkpoint;
	uint8_t *bytes;

	if (size < sizeof(struct disk_checkpoint))
		return 0;
	bytes = aligned_alloc(64, (size + 63) / 64 * 64);
	ASSERT(bytes != NULL);
	memcpy(bytes, data, size);
	if (store_checkpoint_open((struct span){bytes, size}, NULL, &checkpoint) != NULL) {
		sign(bytes, size);
		if (store_checkpoint_open((struct span){bytes, size}, NULL, &checkpoint) != NULL)
			goto out;
	}
	for (uint32_t k = 0; k < checkpoint.header->mailboxes; k++)
		mailbox_use(&checkpoint, k);
out:
	free(bytes);
	return 0;
}
