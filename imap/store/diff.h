/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed in a mailbox between two roots, by rising UID. What the two share is passed over
 * unread, so a diff costs what changed, and the depth of a tree for each. Any thread that holds
 * both roots; wait-free.
 */
#ifndef WIREMAP_STORE_DIFF_H
#define WIREMAP_STORE_DIFF_H

#include "state.h"

enum state_diff_kind {
	STATE_DIFF_END,
	STATE_DIFF_EXPUNGED, /* was there, is not any more */
	STATE_DIFF_ADDED,
	STATE_DIFF_FLAGS, /* its modseq is another: flags or keywords were set */
};

struct state_diff_event {
	enum state_diff_kind kind;
	uint32_t uid;
	uint32_t index_before; /* EXPUNGED, FLAGS: among the messages of the older mailbox */
	uint32_t index_after;  /* ADDED, FLAGS: of the newer */
};

struct state_diff {
	struct state_diff_side {
		struct rows_walk walk;
		uint32_t i; /* rows of the walk's leaf that were passed; 0 for a node */
	} before, after;
};

/* Both are states of one mailbox: the same number and UIDVALIDITY. */
struct state_diff state_diff(const struct state_mailbox *before, const struct state_mailbox *after);

/* The next change; false and STATE_DIFF_END: there is none. */
bool state_diff_next(struct state_diff *diff, struct state_diff_event *event_r);

#endif
