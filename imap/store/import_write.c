/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "crc32c.h"
#include "name.h"
#include "record.h"

/* A checkpoint being put together in memory. */
struct building {
	const struct store_import *import;
	struct import_mailbox **order; /* the mailboxes by name */
	uint8_t *bytes;
	uint64_t len;
	uint64_t strings_off, strings_len;
	uint64_t strings_used;
};

static int by_name(const void *a, const void *b)
{
	const struct import_mailbox *const *x = a, *const *y = b;

	return store_name_compare((struct span){(*x)->name, (*x)->name_len},
				  (struct span){(*y)->name, (*y)->name_len});
}

static uint64_t columns_bytes(const struct import_mailbox *mailbox)
{
	struct store_columns_layout layout;

	store_columns_layout(mailbox->disk.messages, mailbox->keywords_n, &layout);
	return layout.bytes;
}

static struct disk_extent extent_place(uint64_t *end, uint64_t len)
{
	struct disk_extent extent = {.off = *end, .len = len};

	*end = store_record_align(*end + len);
	return extent;
}

/* Where everything will lie; the sums come when it lies there. */
static void layout_make(struct building *building, struct disk_checkpoint *header)
{
	const struct store_import *import = building->import;
	uint64_t end = sizeof(*header);

	header->mailbox_table =
		extent_place(&end, import->mailboxes_n * sizeof(struct disk_mailbox));
	for (uint32_t k = 0; k < import->mailboxes_n; k++) {
		building->strings_len += import->mailboxes[k]->name_len;
		for (uint32_t w = 0; w < import->mailboxes[k]->keywords_n; w++)
			building->strings_len += import->mailboxes[k]->keywords[w].len;
	}
	header->strings = extent_place(&end, building->strings_len);
	header->segment_table =
		extent_place(&end, import->segments.count * sizeof(struct disk_segment));
	header->mid_table = extent_place(&end, (import->mid_next - 1) * sizeof(struct disk_mid));
	header->emailid_table = extent_place(&end, (import->mid_next - 1) * 16);
	for (uint32_t k = 0; k < import->mailboxes_n; k++) {
		struct import_mailbox *mailbox = building->order[k];

		mailbox->disk.keywords = mailbox->keywords_n;
		mailbox->disk.columns = extent_place(&end, columns_bytes(mailbox));
	}
	building->strings_off = header->strings.off;
	building->len = header->file_bytes = end;
}

static struct disk_string string_put(struct building *building, const uint8_t *bytes, size_t len)
{
	struct disk_string string = {(uint32_t)building->strings_used, (uint32_t)len};

	ASSERT(building->strings_used + len <= building->strings_len);
	memcpy(building->bytes + building->strings_off + building->strings_used, bytes, len);
	building->strings_used += len;
	return string;
}

static void extent_sum(const struct building *building, struct disk_extent *extent)
{
	extent->crc = store_crc32c(0, building->bytes + extent->off, extent->len);
}

static void column_put(uint8_t *to, const void *column, size_t bytes)
{
	if (bytes > 0)
		memcpy(to, column, bytes);
}

static void mailbox_put(struct building *building, struct import_mailbox *mailbox, uint8_t *entry)
{
	uint8_t *base = building->bytes + mailbox->disk.columns.off;
	uint32_t n = mailbox->disk.messages;
	uint32_t chunks = (n + FORMAT_CHUNK_MESSAGES - 1) / FORMAT_CHUNK_MESSAGES;
	struct store_columns_layout layout;

	store_columns_layout(n, mailbox->keywords_n, &layout);
	for (uint32_t k = 0; k < mailbox->keywords_n; k++) {
		const struct import_keyword *keyword = &mailbox->keywords[k];
		struct disk_string string = string_put(building, keyword->bytes, keyword->len);

		memcpy(base + layout.keywords + k * sizeof(string), &string, sizeof(string));
	}
	column_put(base + layout.uid, mailbox->uid, n * sizeof(*mailbox->uid));
	column_put(base + layout.size, mailbox->size, n * sizeof(*mailbox->size));
	column_put(base + layout.mid, mailbox->mid, n * sizeof(*mailbox->mid));
	column_put(base + layout.utc, mailbox->utc, n * sizeof(*mailbox->utc));
	column_put(base + layout.saved, mailbox->saved, n * sizeof(*mailbox->saved));
	column_put(base + layout.zone, mailbox->zone, n * sizeof(*mailbox->zone));
	column_put(base + layout.chunks, mailbox->chunks, chunks * sizeof(*mailbox->chunks));
	mailbox->disk.name = string_put(building, mailbox->name, mailbox->name_len);
	extent_sum(building, &mailbox->disk.columns);
	memcpy(entry, &mailbox->disk, sizeof(mailbox->disk));
}

static void tables_put(struct building *building, struct disk_checkpoint *header)
{
	const struct store_import *import = building->import;
	uint64_t mids = import->mid_next - 1;

	for (uint32_t k = 0; k < import->mailboxes_n; k++)
		mailbox_put(building, building->order[k],
			    building->bytes + header->mailbox_table.off +
				    k * sizeof(struct disk_mailbox));
	column_put(building->bytes + header->segment_table.off, import->segments.table,
		   header->segment_table.len);
	column_put(building->bytes + header->mid_table.off, import->mids,
		   mids * sizeof(struct disk_mid));
	column_put(building->bytes + header->emailid_table.off, import->emailids, mids * 16);
	extent_sum(building, &header->mailbox_table);
	extent_sum(building, &header->strings);
	extent_sum(building, &header->segment_table);
	extent_sum(building, &header->mid_table);
	extent_sum(building, &header->emailid_table);
}

static int build(struct building *building)
{
	const struct store_import *import = building->import;
	struct disk_checkpoint header = {
		.magic = FORMAT_MAGIC_CHECKPOINT,
		.version = FORMAT_VERSION,
		.generation = import->generation + 1,
		.modseq = import->modseq,
		.mid_next = import->mid_next,
		.uidvalidity_next = import->uidvalidity_next,
		.prep_version = import->prep_version,
		.mailboxes = import->mailboxes_n,
		.segments = import->segments.count,
	};

	building->order = malloc((import->mailboxes_n + 1) * sizeof(*building->order));
	if (building->order == NULL)
		return -ENOMEM;
	column_put((uint8_t *)building->order, import->mailboxes,
		   import->mailboxes_n * sizeof(*building->order));
	qsort(building->order, import->mailboxes_n, sizeof(*building->order), by_name);
	layout_make(building, &header);
	building->bytes = calloc(1, building->len);
	if (building->bytes == NULL)
		return -ENOMEM;
	tables_put(building, &header);
	memcpy(header.account, import->uuid, sizeof(header.account));
	header.crc = store_crc32c(0, &header, offsetof(struct disk_checkpoint, crc));
	memcpy(building->bytes, &header, sizeof(header));
	return 0;
}

static int publish(const struct store_import *import, const struct building *building)
{
	int file = store_file_make(import->volume, import->directory, "checkpoint.new");
	int status;

	if (file < 0)
		return file;
	status = store_file_write(file, building->bytes, building->len, 0);
	if (status == 0 && fdatasync(file) != 0)
		status = -errno;
	if (close(file) != 0 && status == 0)
		status = -errno;
	/* The first sync makes the segments' names durable before anything refers to them. */
	if (status == 0 &&
	    (fsync(import->directory) != 0 ||
	     renameat(import->directory, "checkpoint.new", import->directory, "checkpoint") != 0 ||
	     fsync(import->directory) != 0))
		status = -errno;
	return status;
}

int store_import_write(struct store_import *import)
{
	struct building building = {.import = import};
	int status = build(&building);

	if (status == 0)
		status = publish(import, &building);
	if (status == 0)
		import->generation++;
	free(building.bytes);
	free(building.order);
	return status;
}
