/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An account in memory. A `struct state` (a root) is one moment of all its mailboxes: immutable,
 * and sharing with its neighbours in time all that did not change. The account's writer makes the
 * next root in a draft (draft.h); everybody else reads. It does no I/O and reads no clock.
 *
 * Threads: a root, once it was handed over with a release store or an exchange, may be read by any
 * thread that holds it: state_get(), state_put() and all functions that take a `const` root,
 * mailbox or cursor are wait-free. A cursor belongs to one thread. Everything else is the writer's.
 *
 * What lies in a checkpoint is read there: opening an account costs what its mailboxes are, never
 * what its messages are. Columns of a checkpoint may be foreign bytes when a root is read: whatever
 * they hold, answers are numbers and no more. Who wants them right checks them first
 * (store_columns_open).
 *
 * Errors of what can fail: -ENOMEM, -EIO (the checkpoint's columns are damaged), -EINVAL.
 */
#ifndef WIREMAP_STORE_STATE_H
#define WIREMAP_STORE_STATE_H

#include <stdatomic.h>

#include "checkpoint.h"
#include "rows.h"
#include "store.h"
#include "vanished.h"

struct state;
struct state_mailbox; /* of a root; lives as long as that is held */

#define STATE_SLOT_NONE UINT32_MAX /* in disk_mid.meta_slot: not prepared yet */

/* Roots that nobody holds any more, for their writer to free. Zeroed at first. */
struct state_retired {
	_Atomic(struct state *) head;
};

/* The checkpoint under a root: opened by store_checkpoint_open(). The owner embeds this. */
struct state_backing {
	struct store_checkpoint checkpoint;
	/* No root needs the bytes any more. Writer's thread, from state_reclaim(). */
	void (*release)(struct state_backing *backing);
	uint32_t references; /* the state's */
};

/* --- The writer's --- */

/* A new account without mailboxes. 0 and a root, held once. */
int state_create(struct state_retired *retired, uint32_t uidvalidity_first, struct state **root_r);

/*
 * What a checkpoint says, as of change number `change`. Mailboxes are numbered from 1 by their
 * place. 0 and a root, held once; -EIO: a mailbox's columns are out of bounds. After an error the
 * backing is not released.
 */
int state_open(struct state_retired *retired, struct state_backing *backing, uint64_t change,
	       struct state **root_r);

/* Frees the roots on the list. How many there were. */
unsigned state_reclaim(struct state_retired *retired);

/* --- Holding, any thread --- */

struct state *state_get(struct state *root); /* one more holder; returns the root */
/* One holder less; the last one puts it on the writer's list. *root becomes NULL. */
void state_put(struct state **root);

/* --- Reading the account --- */

struct state_info {
	uint64_t change; /* number of the last change it has */
	uint64_t modseq; /* the highest given out */
	uint64_t mid_next;
	uint32_t uidvalidity_next, number_next;
	uint32_t mailboxes, segments;
	uint64_t bytes, messages;	  /* in all mailboxes, each copy counted (RFC 9208) */
	uint64_t bytes_max, messages_max; /* quota, or FORMAT_QUOTA_NONE */
};
void state_info(const struct state *root, struct state_info *info_r);

/* Where a message lies, or NULL when there is no such mid. What it says is foreign. */
const struct disk_mid *state_mid(const struct state *root, uint64_t mid);
const uint8_t *state_emailid(const struct state *root, uint64_t mid); /* 16 bytes, or NULL */
const struct disk_segment *state_segment(const struct state *root, uint32_t slot); /* or NULL */

/* Mailbox k of info.mailboxes in the order of names (name.h). */
const struct state_mailbox *state_mailbox_at(const struct state *root, uint32_t k);
/* Its place in that order, or -ENOENT. INBOX is found in any case. O(log n). */
int state_mailbox_find(const struct state *root, struct span name);
/* How many inferiors the mailbox at place k has: those that follow it in the order. O(their
 * number). */
uint32_t state_inferiors(const struct state *root, uint32_t k);
/* The mailbox of that number, or NULL. */
const struct state_mailbox *state_mailbox_numbered(const struct state *root, uint32_t number);

/* --- Reading a mailbox --- */

uint32_t state_number(const struct state_mailbox *mailbox);
void state_mailbox_info(const struct state_mailbox *mailbox, struct store_mailbox_info *info_r);
unsigned state_keyword_count(const struct state_mailbox *mailbox);
/* Keyword number k's name, borrowed; empty when there is none. */
struct span state_keyword(const struct state_mailbox *mailbox, unsigned k);

/*
 * Runs of UIDs that vanished after `modseq`, in the order of their modseqs; borrowed from the
 * mailbox. True: these are all. False: runs of that time were forgotten, and every UID below
 * uidnext that is not there may have vanished since (RFC 7162 5.3).
 */
bool state_vanished(const struct state_mailbox *mailbox, uint64_t modseq,
		    const struct vanished_run **runs_r, uint32_t *runs_n_r);

/* Index of the first message whose UID is >= `uid`; the count when there is none. O(log n). */
uint32_t state_lower_bound(const struct state_mailbox *mailbox, uint32_t uid);

/* Index of the first message from `from` on that changed after `modseq`; the count when none did.
 * Passes over the chunks in which none did. */
uint32_t state_changed(const struct state_mailbox *mailbox, uint32_t from, uint64_t modseq);

/*
 * Where a reader is among the messages, which are numbered from 0 by rising UID: what lies in the
 * leaf it looked at last costs a comparison, anything else O(log n). Indices must be below the
 * mailbox's messages.
 */
struct state_cursor {
	const struct state_mailbox *mailbox;
	const struct rows_leaf *leaf;
	uint32_t first, rows;
};
struct state_cursor state_cursor(const struct state_mailbox *mailbox);

uint32_t state_uid(struct state_cursor *cursor, uint32_t index);
uint32_t state_size(struct state_cursor *cursor, uint32_t index);
uint64_t state_message(struct state_cursor *cursor, uint32_t index); /* its mid */
struct store_date state_date(struct state_cursor *cursor, uint32_t index);
int64_t state_savedate(struct state_cursor *cursor, uint32_t index);
uint64_t state_modseq(struct state_cursor *cursor, uint32_t index);
struct store_flags state_flags(struct state_cursor *cursor, uint32_t index);

#endif
