/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making changes (change.h): record after record, and out of one that carries messages the same
 * without them. Memory is bounded. Any thread, each builder one at a time.
 */
#ifndef WIREMAP_STORE_CHANGE_BUILD_H
#define WIREMAP_STORE_CHANGE_BUILD_H

#include "change.h"

/*
 * A change under construction: begin, records, finish; then the next. Errors wait for finish.
 * What a record says must be valid, our own bug otherwise. Of disk structs handed in, the heads,
 * the counts of bytes and what is reserved are filled in here.
 */
struct store_change_builder;

/* Grows to `bytes_max` <= FORMAT_CHANGE_BYTES_MAX, and keeps at most 1 MiB from change to change.
 * NULL: no memory. */
struct store_change_builder *store_change_builder_create(size_t bytes_max);
void store_change_builder_destroy(struct store_change_builder **builder);

struct store_change_origin {
	uint8_t account[16];
	uint64_t number; /* F8 */
	uint64_t modseq;
	uint8_t op[16]; /* zeros: none */
	int64_t time_us;
};

/* Drops what was there. Spans of the last finish end here. */
void store_change_begin(struct store_change_builder *builder,
			const struct store_change_origin *origin);

void store_change_mailbox_create(struct store_change_builder *builder,
				 const struct disk_mailbox_create *create, struct span name);
void store_change_mailbox_delete(struct store_change_builder *builder, uint32_t mailbox);
void store_change_mailbox_rename(struct store_change_builder *builder, uint32_t mailbox,
				 struct span name);
void store_change_mailbox_attributes(struct store_change_builder *builder, uint32_t mailbox,
				     uint32_t attributes);
void store_change_keyword(struct store_change_builder *builder, uint32_t mailbox, unsigned bit,
			  struct span name);
/* `bytes`: the message, if the change is to carry it; empty: it does not. */
void store_change_message(struct store_change_builder *builder, const struct disk_message *message,
			  struct span bytes);
void store_change_add(struct store_change_builder *builder, const struct disk_add *add);
/*
 * Runs of one mailbox, one after another and by rising UID, become one record; neighbours that
 * touch and say the same become one run. A run may span UIDs that no row has: a caller that knows
 * of none between two rows gives them as one.
 */
void store_change_flags(struct store_change_builder *builder, uint32_t mailbox,
			const struct disk_flags_run *run);
void store_change_expunge(struct store_change_builder *builder, uint32_t mailbox, uint32_t first,
			  uint32_t last);
void store_change_meta_place(struct store_change_builder *builder,
			     const struct disk_meta_place *place);
/* `value` NULL: there is none any more. */
void store_change_annotation(struct store_change_builder *builder, uint32_t mailbox,
			     struct span entry, const struct span *value);
/* FORMAT_QUOTA_NONE: no limit. */
void store_change_quota(struct store_change_builder *builder, uint64_t bytes_max,
			uint64_t messages_max);
void store_change_segment(struct store_change_builder *builder, enum format_kind kind,
			  uint32_t number, uint64_t capacity);

/* 0 and the change's bytes, the builder's until its next begin; -E2BIG: more than `bytes_max`;
 * -ENOMEM. */
int store_change_finish(struct store_change_builder *builder, struct span *bytes_r);

/* Makes the same change without the messages it carries; unknown records stay. As finish. */
int store_change_strip(const struct store_change *change, struct store_change_builder *builder,
		       struct span *bytes_r);

#endif
