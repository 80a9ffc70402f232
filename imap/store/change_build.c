/* SPDX-License-Identifier: Apache-2.0 */
#include "change_build.h"

#include <errno.h>
#include <stddef.h>

#include "check.h"
#include "store.h"

enum { /* of a builder's memory: as much at first, and as much from change to change */
       BUILDER_BYTES_MIN = 4096,
       BUILDER_BYTES_KEPT = 1 << 20,
};

static const struct span nothing;

#define SPAN(object) ((struct span){(const uint8_t *)&(object), sizeof(object)})

static uint64_t padded(uint64_t bytes)
{
	return (bytes + FORMAT_CHANGE_ALIGN - 1) & ~(uint64_t)(FORMAT_CHANGE_ALIGN - 1);
}

struct store_change_builder {
	uint8_t *bytes;
	size_t len, room, bytes_max;
	size_t last; /* where the last record begins; 0: there is none */
	uint32_t records;
	int error; /* 0, or what finish will say */
};

struct store_change_builder *store_change_builder_create(size_t bytes_max)
{
	struct store_change_builder *builder = calloc(1, sizeof(*builder));

	ASSERT(bytes_max >= sizeof(struct disk_change) && bytes_max <= FORMAT_CHANGE_BYTES_MAX);
	if (builder != NULL)
		builder->bytes_max = bytes_max;
	return builder;
}

void store_change_builder_destroy(struct store_change_builder **builder)
{
	if (*builder != NULL)
		free((*builder)->bytes);
	free(*builder);
	*builder = NULL;
}

/* As many zeros at the end, or NULL: there is an error. */
static uint8_t *zeros_put(struct store_change_builder *builder, uint64_t bytes)
{
	uint8_t *place;

	ASSERT(bytes % FORMAT_CHANGE_ALIGN == 0);
	if (builder->error != 0)
		return NULL;
	if (bytes > builder->bytes_max - builder->len) {
		builder->error = -E2BIG;
		return NULL;
	}
	if (bytes > builder->room - builder->len) {
		size_t room = 2 * builder->room + bytes + BUILDER_BYTES_MIN;
		uint8_t *grown;

		if (room > builder->bytes_max)
			room = builder->bytes_max;
		grown = realloc(builder->bytes, room);
		if (grown == NULL) {
			builder->error = -ENOMEM;
			return NULL;
		}
		builder->bytes = grown;
		builder->room = room;
	}
	place = builder->bytes + builder->len;
	memset(place, 0, bytes);
	builder->len += bytes;
	return place;
}

/* The struct at `record` becomes the next record, with its head made right. */
static void record_put(struct store_change_builder *builder, enum format_change_type type,
		       struct span record, struct span text, struct span value)
{
	uint64_t bytes = padded(record.len + text.len + value.len);
	uint8_t *place = zeros_put(builder, bytes);

	if (place == NULL)
		return;
	builder->last = (size_t)(place - builder->bytes);
	builder->records++;
	memcpy(place, record.ptr, record.len);
	*(struct disk_change_head *)place = (struct disk_change_head){
		.type = (uint16_t)type,
		.must_understand = FORMAT_TYPE_REQUIRED,
		.bytes = (uint32_t)bytes,
	};
	if (text.len > 0)
		memcpy(place + record.len, text.ptr, text.len);
	if (value.len > 0)
		memcpy(place + record.len + text.len, value.ptr, value.len);
}

void store_change_begin(struct store_change_builder *builder,
			const struct store_change_origin *origin)
{
	struct disk_change header = {
		.magic = FORMAT_MAGIC_CHANGE,
		.number = origin->number,
		.modseq = origin->modseq,
		.time_us = origin->time_us,
	};
	uint8_t *place;

	memcpy(header.account, origin->account, sizeof(header.account));
	memcpy(header.op, origin->op, sizeof(header.op));
	if (builder->room > BUILDER_BYTES_KEPT) {
		free(builder->bytes);
		builder->bytes = NULL;
		builder->room = 0;
	}
	builder->len = 0;
	builder->last = 0;
	builder->records = 0;
	builder->error = 0;
	place = zeros_put(builder, sizeof(header));
	if (place != NULL)
		memcpy(place, &header, sizeof(header));
}

void store_change_mailbox_create(struct store_change_builder *builder,
				 const struct disk_mailbox_create *create, struct span name)
{
	struct disk_mailbox_create record = *create;

	ASSERT(name.len <= STORE_NAME_BYTES_MAX);
	record.name_bytes = (uint32_t)name.len;
	record_put(builder, FORMAT_MAILBOX_CREATE, SPAN(record), name, nothing);
}

void store_change_mailbox_delete(struct store_change_builder *builder, uint32_t mailbox)
{
	struct disk_mailbox_delete record = {.mailbox = mailbox};

	record_put(builder, FORMAT_MAILBOX_DELETE, SPAN(record), nothing, nothing);
}

void store_change_mailbox_rename(struct store_change_builder *builder, uint32_t mailbox,
				 struct span name)
{
	struct disk_mailbox_rename record = {.mailbox = mailbox};

	ASSERT(name.len <= STORE_NAME_BYTES_MAX);
	record.name_bytes = (uint32_t)name.len;
	record_put(builder, FORMAT_MAILBOX_RENAME, SPAN(record), name, nothing);
}

void store_change_mailbox_attributes(struct store_change_builder *builder, uint32_t mailbox,
				     uint32_t attributes)
{
	struct disk_mailbox_attributes record = {.mailbox = mailbox, .attributes = attributes};

	record_put(builder, FORMAT_MAILBOX_ATTRIBUTES, SPAN(record), nothing, nothing);
}

void store_change_keyword(struct store_change_builder *builder, uint32_t mailbox, unsigned bit,
			  struct span name)
{
	struct disk_keyword record = {.mailbox = mailbox, .bit = (uint16_t)bit};

	ASSERT(bit < STORE_KEYWORDS_MAX && name.len <= STORE_KEYWORD_BYTES_MAX);
	record.name_bytes = (uint16_t)name.len;
	record_put(builder, FORMAT_KEYWORD, SPAN(record), name, nothing);
}

void store_change_message(struct store_change_builder *builder, const struct disk_message *message,
			  struct span bytes)
{
	struct disk_message record = *message;

	ASSERT(bytes.len <= FORMAT_CARRIED_BYTES_MAX);
	record.carried = (uint32_t)bytes.len;
	record_put(builder, FORMAT_MESSAGE, SPAN(record), nothing, bytes);
}

void store_change_add(struct store_change_builder *builder, const struct disk_add *add)
{
	record_put(builder, FORMAT_ADD, SPAN(*add), nothing, nothing);
}

/* FLAGS and EXPUNGE begin alike: with a head, the mailbox and how many runs follow. */
static_assert(offsetof(struct disk_flags, runs_n) == offsetof(struct disk_expunge, runs_n) &&
		      offsetof(struct disk_flags, runs) == sizeof(struct disk_expunge),
	      "a record of runs");

/* The last run of the record right before, if that is of this type and mailbox; or NULL. */
static void *run_last(struct store_change_builder *builder, enum format_change_type type,
		      uint32_t mailbox, size_t run_bytes)
{
	const struct disk_expunge *record;

	if (builder->error != 0 || builder->last == 0)
		return NULL;
	record = (const struct disk_expunge *)(builder->bytes + builder->last);
	if (record->head.type != type || record->mailbox != mailbox)
		return NULL;
	return builder->bytes + builder->len - run_bytes;
}

/* The run becomes the next one: of the record right before if it `joins`, of a new one if not. */
static void run_put(struct store_change_builder *builder, enum format_change_type type,
		    uint32_t mailbox, bool joins, struct span run)
{
	struct disk_expunge *record, begun = {.mailbox = mailbox, .runs_n = 1};
	uint8_t *place;

	if (!joins) {
		record_put(builder, type, SPAN(begun), nothing, run);
		return;
	}
	place = zeros_put(builder, run.len);
	if (place == NULL)
		return;
	memcpy(place, run.ptr, run.len);
	record = (struct disk_expunge *)(builder->bytes + builder->last); /* it may have moved */
	record->head.bytes += (uint32_t)run.len;
	record->runs_n++;
}

void store_change_flags(struct store_change_builder *builder, uint32_t mailbox,
			const struct disk_flags_run *run)
{
	struct disk_flags_run *last = run_last(builder, FORMAT_FLAGS, mailbox, sizeof(*last));
	struct disk_flags_run record = *run;

	record.reserved16 = 0;
	record.reserved = 0;
	if (last != NULL && run->first - 1 == last->last && run->system == last->system &&
	    memcmp(run->keywords, last->keywords, sizeof(run->keywords)) == 0)
		last->last = run->last;
	else
		run_put(builder, FORMAT_FLAGS, mailbox, last != NULL, SPAN(record));
}

void store_change_expunge(struct store_change_builder *builder, uint32_t mailbox, uint32_t first,
			  uint32_t last)
{
	struct disk_uid_run *before = run_last(builder, FORMAT_EXPUNGE, mailbox, sizeof(*before));
	struct disk_uid_run record = {.first = first, .last = last};

	if (before != NULL && first - 1 == before->last)
		before->last = last;
	else
		run_put(builder, FORMAT_EXPUNGE, mailbox, before != NULL, SPAN(record));
}

void store_change_meta_place(struct store_change_builder *builder,
			     const struct disk_meta_place *place)
{
	record_put(builder, FORMAT_META_PLACE, SPAN(*place), nothing, nothing);
}

void store_change_annotation(struct store_change_builder *builder, uint32_t mailbox,
			     struct span entry, const struct span *value)
{
	struct disk_annotation record = {.mailbox = mailbox, .exists = value != NULL};

	ASSERT(entry.len <= FORMAT_ENTRY_BYTES_MAX);
	ASSERT(value == NULL || value->len <= FORMAT_ANNOTATION_BYTES_MAX);
	record.entry_bytes = (uint32_t)entry.len;
	record.value_bytes = value != NULL ? (uint32_t)value->len : 0;
	record_put(builder, FORMAT_ANNOTATION, SPAN(record), entry,
		   value != NULL ? *value : nothing);
}

void store_change_quota(struct store_change_builder *builder, uint64_t bytes_max,
			uint64_t messages_max)
{
	struct disk_quota record = {.bytes_max = bytes_max, .messages_max = messages_max};

	record_put(builder, FORMAT_QUOTA, SPAN(record), nothing, nothing);
}

void store_change_segment(struct store_change_builder *builder, enum format_kind kind,
			  uint32_t number, uint64_t capacity)
{
	struct disk_segment_begin record = {
		.kind = kind,
		.number = number,
		.capacity = capacity,
	};

	record_put(builder, FORMAT_SEGMENT, SPAN(record), nothing, nothing);
}

int store_change_finish(struct store_change_builder *builder, struct span *bytes_r)
{
	struct disk_change *header = (struct disk_change *)builder->bytes;

	if (builder->error != 0)
		return builder->error;
	ASSERT(builder->len >= sizeof(*header)); /* begun */
	header->bytes = (uint32_t)builder->len;
	header->records = builder->records;
	store_change_seal(header);
	*bytes_r = (struct span){builder->bytes, builder->len};
	return 0;
}

static void origin_of(const struct disk_change *header, struct store_change_origin *origin_r)
{
	*origin_r = (struct store_change_origin){
		.number = header->number,
		.modseq = header->modseq,
		.time_us = header->time_us,
	};
	memcpy(origin_r->account, header->account, sizeof(origin_r->account));
	memcpy(origin_r->op, header->op, sizeof(origin_r->op));
}

int store_change_strip(const struct store_change *change, struct store_change_builder *builder,
		       struct span *bytes_r)
{
	const uint8_t *at = change->records.ptr, *end = span_end(change->records);
	struct store_change_origin origin;

	ASSERT(change->fault == NULL);
	origin_of(change->header, &origin);
	store_change_begin(builder, &origin);
	while (at < end) {
		const struct disk_change_head *head = (const struct disk_change_head *)at;
		uint8_t *place;

		at += head->bytes;
		if (head->type == FORMAT_MESSAGE) {
			store_change_message(builder, (const struct disk_message *)head, nothing);
			continue;
		}
		place = zeros_put(builder, head->bytes);
		if (place == NULL)
			break;
		memcpy(place, head, head->bytes);
		builder->records++;
	}
	return store_change_finish(builder, bytes_r);
}
