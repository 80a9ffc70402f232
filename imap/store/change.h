/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes: what one command does to one account, decided in full, as bytes (format.h; in words
 * docs/format.md). The commit log and the journals hold the same ones. Here they are read, made
 * and rid of the messages they carry. What a change means for an account is not known here, nor
 * where it is kept. Pure but for the builder's memory; any thread, each object one at a time.
 *
 * Reading allocates nothing and copies nothing. Opening checks everything that can be checked
 * without the account, so what was opened is walked without errors: lengths, names, flags,
 * reserved zeros, UIDs that rise in runs and in neighbouring ADDs of a mailbox.
 */
#ifndef WIREMAP_STORE_CHANGE_H
#define WIREMAP_STORE_CHANGE_H

#include "format.h"
#include "span.h"

/* --- Reading --- */

enum store_change_status {
	STORE_CHANGE_WHOLE,
	/* The bytes end early, or the checksum does not hold: maybe they were never all written. */
	STORE_CHANGE_TORN,
	/* The checksum holds (F9), and yet it is not valid or needs a newer program. */
	STORE_CHANGE_REFUSED,
};

struct store_change {
	const struct disk_change *header;
	struct span records;
	uint64_t carried;  /* bytes of messages among them */
	const char *fault; /* NULL, or why it is not whole */
};

/*
 * Opens the change that `bytes` begin with; they may go on behind it. `bytes.ptr` is a multiple of
 * 8. On success the change points into the bytes and lives as long as they; otherwise only `fault`
 * counts. Whose change it is, and which, the caller compares.
 */
enum store_change_status store_change_open(struct span bytes, struct store_change *change_r);

/* The change as it lies in its bytes. */
static inline struct span store_change_bytes(const struct store_change *change)
{
	return (struct span){(const uint8_t *)change->header, change->header->bytes};
}

/* One record. Everything is borrowed from the change's bytes. */
struct store_change_record {
	union { /* by head->type */
		const struct disk_change_head *head;
		const struct disk_mailbox_create *mailbox_create;
		const struct disk_mailbox_delete *mailbox_delete;
		const struct disk_mailbox_rename *mailbox_rename;
		const struct disk_mailbox_attributes *mailbox_attributes;
		const struct disk_keyword *keyword;
		const struct disk_message *message;
		const struct disk_add *add;
		const struct disk_flags *flags;
		const struct disk_expunge *expunge;
		const struct disk_meta_place *meta_place;
		const struct disk_annotation *annotation;
		const struct disk_quota *quota;
		const struct disk_segment_begin *segment;
	};
	struct span text;  /* the name of a mailbox or keyword, an annotation's entry */
	struct span value; /* an annotation's value; the bytes that a message carries; the runs */
};

struct store_change_walk {
	const uint8_t *at, *end;
};

/* A walk over the records of an open change, in their order. */
struct store_change_walk store_change_walk(const struct store_change *change);

/* Whether there was one more. Unknown types that may be passed over were. */
bool store_change_next(struct store_change_walk *walk, struct store_change_record *record_r);

/* --- Making --- */

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
