/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a root is made of, for state.c, draft.c and diff.c. Parts are counted with plain numbers,
 * and only the writer's thread counts.
 */
#ifndef WIREMAP_STORE_ROOT_H
#define WIREMAP_STORE_ROOT_H

#include "pages.h"
#include "state.h"

/* Mailboxes in the order of names. */
struct state_order {
	uint32_t references;
	uint32_t n;
	uint32_t number[];
};

struct state_text {
	uint32_t references;
	uint32_t len;
	uint8_t bytes[];
};

struct state_keywords {
	uint32_t references;
	uint32_t n;
	struct state_text *name[STORE_KEYWORDS_MAX];
};

struct state_mailbox {
	uint32_t references;
	uint32_t number;
	uint32_t attributes;
	uint8_t mailboxid[16];
	uint32_t uidvalidity, uidnext;
	uint64_t highestmodseq;
	uint32_t unseen, deleted, recent;
	uint64_t size, size_deleted;
	struct rows rows;
	struct vanished vanished;
	struct span name;
	struct state_text *name_own;	     /* under `name`; NULL: that is the checkpoint's */
	struct state_keywords *keywords_own; /* NULL: the checkpoint's */
	const struct state_backing *backing; /* of the keywords; NULL: it has none there */
	const struct disk_string *keywords;
	uint32_t keywords_n; /* in the checkpoint */
};

struct state {
	_Atomic(uint32_t) holders;
	struct state *next; /* on the list of the retired; from here on a root never changes */
	struct state_retired *retired;
	struct state_backing *backing; /* NULL: none; counted */
	uint64_t change, modseq, mid_next;
	uint32_t uidvalidity_next, number_next;
	uint32_t segments_n;
	uint64_t bytes, messages, bytes_max, messages_max;
	struct state_order *order;
	struct pages mailboxes; /* struct state_mailbox *, by number */
	struct pages mids;	/* struct disk_mid, entry mid - 1 */
	struct pages emailids;	/* 16 bytes, likewise */
	struct pages segments;	/* struct disk_segment, by slot */
};

/* A root that shares everything with this one. NULL: no memory. */
struct state *state_copy(const struct state *root);
/* Frees a root that nobody holds. */
void state_free(struct state *root);

/* A mailbox that shares everything with this one. NULL: no memory. */
struct state_mailbox *state_mailbox_copy(const struct state_mailbox *mailbox);
void state_mailbox_put(struct state_mailbox *mailbox);

struct state_text *state_text_new(struct span bytes); /* NULL: no memory */
void state_text_put(struct state_text *text);	      /* NULL: nothing */
void state_keywords_put(struct state_keywords *keywords);

static inline struct span state_text_span(const struct state_text *text)
{
	return (struct span){text->bytes, text->len};
}

/* The place of the first mailbox whose name is not lower. */
uint32_t state_order_place(const struct state *root, struct span name);

#endif
