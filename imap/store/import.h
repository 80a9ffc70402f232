/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An import under way: the whole account in memory, changed by one thread of a tool, written out
 * as a new checkpoint at each commit. Private to imap/store.
 */
#ifndef WIREMAP_STORE_IMPORT_H
#define WIREMAP_STORE_IMPORT_H

#include "checkpoint.h"
#include "digests.h"
#include "writer.h"

struct import_keyword {
	uint8_t bytes[STORE_KEYWORD_BYTES_MAX];
	uint8_t len;
};

struct import_mailbox {
	uint8_t *name;
	size_t name_len;
	struct disk_mailbox disk; /* counters; name, keywords and columns are set at a commit */
	struct import_keyword keywords[STORE_KEYWORDS_MAX];
	uint32_t keywords_n;
	bool keywords_full_told;
	bool identified; /* in this run: messages may bring UIDs */
	uint32_t room;	 /* messages the columns have room for, a multiple of 256 */
	uint32_t *uid;
	uint32_t *size;
	uint64_t *mid;
	int64_t *utc;
	int64_t *saved;
	int16_t *zone;
	struct disk_chunk *chunks;
};

struct store_import {
	const struct store *store;
	const struct store_volume *volume;
	uint8_t uuid[16];
	int directory;
	char path[ACCOUNT_PATH_MAX]; /* for messages to people */
	uint64_t generation, modseq, mid_next;
	uint32_t uidvalidity_next;
	uint32_t prep_version; /* of what the account holds */
	struct import_mailbox **mailboxes;
	uint32_t mailboxes_n, mailboxes_room;
	struct store_segments segments;
	struct disk_mid *mids;
	uint8_t *emailids;
	uint64_t mids_room;
	struct store_digests digests;
	struct store_writer mail, meta;
	void *preparer;
	int failed; /* the error after which nothing more is written */
	bool changed;
	uint32_t uncommitted;
	int64_t committed_ns, commit_cost_ns;
};

/* --- import_mailbox.c --- */

/* A mailbox without messages at the end of the list, or -errno. */
int store_import_mailbox_make(struct store_import *import, struct span name, uint32_t attributes,
			      uint32_t *number_r);
/* Room for one more message. 0 or -ENOMEM. */
int store_import_mailbox_reserve(struct import_mailbox *mailbox);
/* Number of the keyword in its mailbox, in any case, made if missing. -ENOSPC: all are taken;
 * -EINVAL: not an atom. */
int store_import_keyword(struct import_mailbox *mailbox, struct span keyword);
void store_import_mailbox_free(struct import_mailbox **mailbox);

/* --- import_load.c --- */

/* Fills the import from the account's checkpoint, if there is one. 0; -errno with a text. */
int store_import_load(struct store_import *import, struct store_error *error);
/* Room for mid_next. 0 or -ENOMEM. */
int store_import_mids_reserve(struct store_import *import);

/* --- import_write.c --- */

/* Writes the checkpoint new, makes it durable and renames it into place (F1, F2). 0 or -errno. */
int store_import_write(struct store_import *import);

#endif
