/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change of any bytes. A checksum would stop nearly every input at the door, so it is made right
 * first: what is fuzzed is what a hostile writer could sign. Whatever is accepted can be walked,
 * every byte of it read, and stripped; stripped it is accepted again and says the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "change_build.h"
#include "check.h"
#include "crc32c.h"
#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sign(uint8_t *bytes, size_t len)
{
	struct disk_change *header = (struct disk_change *)bytes;

	header->magic = FORMAT_MAGIC_CHANGE;
	if (header->bytes < sizeof(*header) || header->bytes > len || header->bytes % 8 != 0)
		header->bytes = (uint32_t)(len - len % 8);
	header->crc = store_crc32c(0, header, offsetof(struct disk_change, crc));
	header->crc = store_crc32c(header->crc, header + 1, header->bytes - sizeof(*header));
}

static bool span_inside(struct span part, struct span whole)
{
	return part.ptr >= whole.ptr && part.len <= whole.len &&
	       part.ptr - whole.ptr <= (ptrdiff_t)(whole.len - part.len);
}

static uint64_t record_use(const struct store_change_record *record, struct span whole)
{
	uint64_t sum = 0;

	ASSERT(span_inside(record->text, whole) && span_inside(record->value, whole));
	for (size_t i = 0; i < record->text.len; i++)
		sum += record->text.ptr[i];
	for (size_t i = 0; i < record->value.len; i++)
		sum += record->value.ptr[i];
	if (record->head->type == FORMAT_FLAGS)
		sum += record->flags->runs[record->flags->runs_n - 1].last;
	if (record->head->type == FORMAT_EXPUNGE)
		sum += record->expunge->runs[record->expunge->runs_n - 1].last;
	if (record->head->type == FORMAT_ADD)
		ASSERT(record->add->uid > 0 && record->add->uid < UINT32_MAX);
	return sum;
}

/* The same records, but for the messages that one of the two may carry. */
static void same(const struct store_change *a, const struct store_change *b)
{
	struct store_change_walk in_a = store_change_walk(a), in_b = store_change_walk(b);
	struct store_change_record record, other;

	while (store_change_next(&in_a, &record)) {
		ASSERT(store_change_next(&in_b, &other));
		ASSERT(record.head->type == other.head->type);
		ASSERT(span_eq(record.text, other.text));
		ASSERT(record.head->type == FORMAT_MESSAGE || span_eq(record.value, other.value));
	}
	ASSERT(!store_change_next(&in_b, &other));
}

static void change_use(const struct store_change *change)
{
	struct store_change_builder *builder = store_change_builder_create(1 << 20);
	struct store_change_walk walk = store_change_walk(change);
	struct store_change_record record;
	struct store_change again;
	struct span stripped;
	uint64_t sum = 0;

	ASSERT(builder != NULL);
	while (store_change_next(&walk, &record))
		sum += record_use(&record, change->records);
	ASSERT(sum < UINT64_MAX);
	if (store_change_strip(change, builder, &stripped) == 0) {
		ASSERT(store_change_open(stripped, &again) == STORE_CHANGE_WHOLE);
		ASSERT(again.carried == 0 && stripped.len <= change->header->bytes);
		same(change, &again);
	}
	store_change_builder_destroy(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_change change;
	uint8_t *bytes =
		malloc(size > 0 ? size : 1); /* as long as it is: ASan sees one byte more */

	ASSERT(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	if (store_change_open((struct span){bytes, size}, &change) == STORE_CHANGE_TORN &&
	    size >= sizeof(struct disk_change)) {
		sign(bytes, size);
		ASSERT(store_change_open((struct span){bytes, size}, &change) != STORE_CHANGE_TORN);
	}
	if (change.fault == NULL)
		change_use(&change);
	free(bytes);
	return 0;
}
