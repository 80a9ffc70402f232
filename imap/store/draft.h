/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A draft: the root that comes after another one, while one change is made to it. Nobody else sees
 * it before state_draft_commit(), and the root it was begun from never changes.
 *
 * All values come decided, from the writer or from a record it once wrote: records are foreign, so
 * each operation checks what it is given. 0; -EINVAL: that cannot be, state_draft_fault() says why;
 * -EIO: rows of the checkpoint are damaged; -ENOMEM. After any of these the draft can only be
 * dropped.
 *
 * Quotas are counted here, not enforced: a decided change is made. The writer asks before it
 * decides. Threads: the writer's.
 */
#ifndef WIREMAP_STORE_DRAFT_H
#define WIREMAP_STORE_DRAFT_H

#include "state.h"

struct state_draft;

/* `root` is only borrowed for the call. `change` is the next number (F8); `modseq` is not lower
 * than the root's, and greater when the change makes mailboxes or touches rows. -EINVAL: they are
 * not. */
int state_draft_begin(const struct state *root, uint64_t change, uint64_t modseq,
		      struct state_draft **draft_r);
/* What the draft has become, held once, for the caller; the draft is gone. Cannot fail. */
struct state *state_draft_commit(struct state_draft **draft);
void state_draft_drop(struct state_draft **draft);

/* The draft as it is so far, for reading; until the next operation. */
const struct state *state_draft_root(const struct state_draft *draft);
/* Why the last operation failed; NULL: none did. */
const char *state_draft_fault(const struct state_draft *draft);

/* --- Mailboxes --- */

struct state_new_mailbox {
	uint32_t number; /* info.number_next: numbers are never given twice */
	uint32_t attributes;
	uint32_t uidvalidity; /* at least info.uidvalidity_next */
	uint8_t mailboxid[16];
	struct span name;
};
int state_draft_create(struct state_draft *draft, const struct state_new_mailbox *mailbox);

/* With all its messages. INBOX cannot go (RFC 3501 6.3.4). */
int state_draft_delete(struct state_draft *draft, uint32_t number);

/* With all its inferiors (RFC 3501 6.3.5). INBOX keeps its name: what RENAME does to it is a
 * mailbox made and messages moved. */
int state_draft_rename(struct state_draft *draft, uint32_t number, struct span name);

/* enum store_mailbox_attribute; one without a place for messages must have none. */
int state_draft_attributes(struct state_draft *draft, uint32_t number, uint32_t attributes);

/* `bit` is the next one: keywords are added, in order, and stay. */
int state_draft_keyword(struct state_draft *draft, uint32_t number, uint32_t bit, struct span name);

/* --- Messages --- */

/* A new, empty segment; its place in the table in slot_r. `capacity` as in disk_segment. */
int state_draft_segment(struct state_draft *draft, enum format_kind kind, uint32_t file_number,
			uint64_t capacity, uint32_t *slot_r);
/* The slot of a segment file, or -ENOENT (no fault of the draft's). Newest first, linear. */
int64_t state_segment_find(const struct state *root, enum format_kind kind, uint32_t file_number);

/* A record in a segment: behind all that are in it (F4), and of a greater mid (F6). */
struct state_place {
	uint32_t slot;
	uint32_t off;
	uint32_t length; /* of the payload */
};

/* A message nobody references yet; without derived bytes. `mid` is info.mid_next. A draft that
 * makes one adds it to a mailbox as well, or it is never found again. */
int state_draft_message(struct state_draft *draft, uint64_t mid, const struct state_place *mail,
			const uint8_t emailid[16]);
/* Where the message's derived bytes lie from now on, or the message itself (compaction; its length
 * stays). `prep_version`: of meta; 0 for mail. */
int state_draft_place(struct state_draft *draft, uint64_t mid, enum format_kind kind,
		      const struct state_place *place, uint32_t prep_version);

/* A message in a mailbox, with a UID of at least uidnext and of the draft's modseq (which
 * row->modseq must not say: it is not looked at). */
int state_draft_add(struct state_draft *draft, uint32_t number, const struct rows_row *row);

/* Those flags, absolute, to each message whose UID is in the run; there must be one. */
int state_draft_flags(struct state_draft *draft, uint32_t number, uint32_t uid_first,
		      uint32_t uid_last, const struct store_flags *flags);

/* Takes out each message whose UID is in the run; there must be one. */
int state_draft_expunge(struct state_draft *draft, uint32_t number, uint32_t uid_first,
			uint32_t uid_last);

/* --- The account --- */

/* Quota; FORMAT_QUOTA_NONE: none. */
int state_draft_limits(struct state_draft *draft, uint64_t bytes_max, uint64_t messages_max);

#endif
