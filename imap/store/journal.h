/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An account's journal: the file `journal.G`, the changes since checkpoint G without the messages
 * that the commit log carried (format.h, docs/format.md). Its bytes are read from a span and
 * written through a table of functions: no path and no descriptor is known here. Any thread, each
 * object one at a time; the account's writer, as a rule.
 */
#ifndef WIREMAP_STORE_JOURNAL_H
#define WIREMAP_STORE_JOURNAL_H

#include "change.h"

/* Which journal it is. */
struct store_journal_id {
	uint8_t account[16];
	uint64_t generation;
	uint64_t first;		 /* number of its first change, at least 1 */
	uint32_t checkpoint_crc; /* of the header of checkpoint `generation`; generation 0: 0 */
};

/* --- Reading --- */

/* A scan from the first change on; borrowed from the file's bytes. */
struct store_journal_scan {
	struct span bytes;
	struct store_journal_id id;
	uint64_t whole;	   /* up to this change's number it must be whole */
	uint64_t end;	   /* bytes that count so far: the header and the changes that were given */
	uint64_t next;	   /* number of the change that comes next */
	uint64_t modseq;   /* of the last change; 0: there was none */
	const char *fault; /* why the scan ended; NULL: it goes on, or nothing lies beyond `end` */
};

/*
 * Checks the header of a file's bytes (`bytes.ptr` a multiple of 8) against `id`, and begins a
 * scan. `whole`: the number of the last change that is known to have been made durable here; 0:
 * none. NULL, or what is wrong: the file is not to be used.
 */
const char *store_journal_open(struct span bytes, const struct store_journal_id *id, uint64_t whole,
			       struct store_journal_scan *scan_r);

/*
 * 1 and the next change; 0: the end: what lies beyond scan->end, if anything, is a torn tail;
 * -EIO: it is damaged below `whole`, or holds a change that is whole and yet not to be used (F8,
 * F9): scan->fault says why, nothing is to be cut, and the account is not to be served from it.
 * After 0 or an error the scan gives the same again.
 */
int store_journal_next(struct store_journal_scan *scan, struct store_change *change_r);

/* --- Writing --- */

/* Where the bytes of one file go. Each returns 0 or -errno. */
struct store_journal_file {
	/* All of it, at `off`; on an error any part of it may be there. */
	int (*write)(struct store_journal_file *file, uint64_t off, struct span bytes);
	/* What was written is durable. An error is final: what was not durable is lost. */
	int (*sync)(struct store_journal_file *file);
	/* The file ends at `bytes`, durably. */
	int (*cut)(struct store_journal_file *file, uint64_t bytes);
};

struct store_journal;

/*
 * A journal that begins: writes the header; its name is the caller's to make durable. 0 and the
 * journal; -ENOMEM; -errno of the file, which the journal borrows.
 */
int store_journal_create(struct store_journal_file *file, const struct store_journal_id *id,
			 struct store_journal **journal_r);

/* One that goes on where a scan ended with 0; a torn tail is cut off first (F10). As create. */
int store_journal_resume(struct store_journal_file *file, const struct store_journal_scan *scan,
			 struct store_journal **journal_r);

/* The file stays as it is; nothing is synced. */
void store_journal_close(struct store_journal **journal);

/*
 * Appends a change, without the messages it carries: of this account, the next number, a modseq
 * that does not fall; our own bug otherwise. One write. 0; -ENOMEM, or -errno of the file: it was
 * not appended, and may be tried again. -EIO for ever once a sync or a cut failed.
 */
int store_journal_append(struct store_journal *journal, const struct store_change *change);

/* Makes durable what was appended: store_journal_durable() tells up to which change. */
int store_journal_sync(struct store_journal *journal);

/* Number of the next change; of the last that is durable (that below the first: none yet); bytes
 * of the file that count. */
uint64_t store_journal_next_number(const struct store_journal *journal);
uint64_t store_journal_durable(const struct store_journal *journal);
uint64_t store_journal_bytes(const struct store_journal *journal);

#endif
