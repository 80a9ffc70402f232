/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An account as plain arrays: what state.h and draft.h must agree with. Made to be seen right at a
 * glance, not to be fast. Its operations are only given what is allowed.
 */
#ifndef WIREMAP_ACCOUNT_MODEL_H
#define WIREMAP_ACCOUNT_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rows.h"
#include "state.h"
#include "vanished.h"

enum {
	MODEL_MAILBOXES = 12,
	MODEL_NAME = 64,
	MODEL_KEYWORDS = 70, /* some in the second word */
	MODEL_SEGMENTS = 8,
};

struct model_mailbox {
	uint32_t number, attributes, uidvalidity, uidnext;
	uint8_t mailboxid[16];
	uint64_t highestmodseq;
	char name[MODEL_NAME];
	char keywords[MODEL_KEYWORDS][16];
	uint32_t keywords_n;
	struct rows_row *rows;
	uint32_t rows_n;
	struct vanished_run *vanished;
	uint32_t vanished_n;
	uint64_t forgotten;
};

struct model {
	struct model_mailbox mailboxes[MODEL_MAILBOXES]; /* in no order */
	uint32_t mailboxes_n;
	uint64_t change, modseq, mid_next, bytes_max, messages_max;
	uint32_t uidvalidity_next, number_next;
	struct disk_mid *mids; /* mid m at [m - 1] */
	uint8_t (*emailids)[16];
	struct disk_segment segments[MODEL_SEGMENTS];
	uint32_t segments_n;
};

void model_copy(struct model *to, const struct model *from);
void model_free(struct model *model);

/* The array with room for one more than `n` entries. */
void *model_room(void *array, uint64_t n, size_t width);

/* A row at the end of the mailbox. */
void model_add(struct model *model, struct model_mailbox *mailbox, const struct rows_row *row);
void model_flags(struct model *model, struct model_mailbox *mailbox, uint32_t first, uint32_t last,
		 const struct store_flags *flags);
void model_expunge(struct model *model, struct model_mailbox *mailbox, uint32_t first,
		   uint32_t last);
void model_delete(struct model *model, struct model_mailbox *mailbox);
/* With its inferiors. */
void model_rename(struct model *model, const struct model_mailbox *mailbox, const char *name);
struct model_mailbox *model_named(struct model *model, const char *name);

/* Every reader's function says what the model says, or the test fails. */
void model_compare(struct model *model, const struct state *root);

/* The model as a checkpoint's bytes, and renumbered as who opens that will. Caller frees. */
struct span model_checkpoint(struct model *model);

#endif
