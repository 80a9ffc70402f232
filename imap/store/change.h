/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes: what one command does to one account, decided in full, as bytes (format.h; in words
 * docs/format.md). The commit log and the journals hold the same ones. Here they are read;
 * change_build.h makes them. What a change means for an account is not known here, nor where it is
 * kept. Pure functions on bytes; any thread.
 *
 * Reading allocates nothing and copies nothing. Opening checks everything that can be checked
 * without the account, so what was opened is walked without errors: lengths, names, flags,
 * reserved zeros, UIDs that rise in runs and in neighbouring ADDs of a mailbox.
 */
#ifndef WIREMAP_STORE_CHANGE_H
#define WIREMAP_STORE_CHANGE_H

#include "format.h"
#include "span.h"

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

/*
 * Completes bytes of a change that all but its checksum stands in, in header and records, by that
 * checksum. What would not be read is not written: our own bug, if the rest is not valid.
 */
void store_change_seal(struct disk_change *header);

#endif
