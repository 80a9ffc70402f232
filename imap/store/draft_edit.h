/* SPDX-License-Identifier: Apache-2.0 */
/* What draft.c and draft_mailbox.c share. Threads: the writer's. */
#ifndef WIREMAP_STORE_DRAFT_EDIT_H
#define WIREMAP_STORE_DRAFT_EDIT_H

#include "draft.h"
#include "root.h"

/* Attributes of a mailbox that is only a name. */
#define STATE_PLACELESS ((uint32_t)(STORE_NOSELECT | STORE_NONEXISTENT))

struct state_draft {
	struct state *root;
	uint64_t mid_first; /* messages from here on were made in this draft */
	bool modseq_new;    /* greater than that of the root before */
	const char *fault;
};

/* Who was told of a modseq would never hear of the second change that has it. */
#define STATE_MODSEQ_TWICE "a second change has that modseq"

/* Spoils the draft. Returns `status`. */
int state_draft_fail(struct state_draft *draft, int status, const char *fault);

/* A mailbox to be changed: the draft's own. */
int state_draft_mailbox(struct state_draft *draft, uint32_t number,
			struct state_mailbox **mailbox_r);

/* Takes rows [index, end) out of all counters and references; the rows stay. */
int state_draft_forget(struct state_draft *draft, struct state_mailbox *mailbox, uint32_t index,
		       uint32_t end);

int state_draft_reference(struct state_draft *draft, uint64_t mid, uint32_t size, int by);

#endif
