/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commit log of one writer on one volume: files `log.W.N` of the volume's directory, written
 * in full before they are used, then taken again and again. It carries groups of bytes that it
 * does not look into, in the order of their LSN: 1, 2, 3, ... It is no journal of an account, and
 * keeps a group only until its writer says that it is applied. (docs/format.md has the bytes;
 * include/log.h is another thing, lines of text for people.)
 *
 *     store_log_open, store_log_replay until 0, store_log_applied;
 *     then store_log_write as often as there is something, one flush under way at a time.
 *
 * A flush is three calls, so that the writer can go on writing while another thread, or io_uring,
 * waits for the disk; store_log_sync() is the three in a row. No timer is needed: begin a flush
 * when the last one ends.
 *
 * Everything is called by the writer's thread, but store_log_flush_run(). What blocks is said.
 */
#ifndef WIREMAP_STORE_COMMIT_LOG_H
#define WIREMAP_STORE_COMMIT_LOG_H

#include <stdbool.h>

#include "disk.h"
#include "format.h"
#include "span.h"
#include "store.h"

enum store_log_limits {
	STORE_LOG_FILES_MAX = 64,		 /* of a writer: a bit each in a word */
	STORE_LOG_FILE_BYTES_MIN = 64 << 10,	 /* for tests */
	STORE_LOG_FILE_BYTES_DEFAULT = 64 << 20, /* 256 of the largest messages it carries */
};

struct store_log_config {
	struct store_disk *disk;
	int directory; /* the volume's, borrowed; open for reading */
	uint8_t volume[16];
	uint32_t writer;
	uint64_t file_bytes; /* of files made from now on, a multiple of 4096; 0: the default */
	uint64_t seed;	     /* random, another one at each opening: salts come from it */
	struct log *log;     /* may be NULL */
};

struct store_log;

/*
 * Reads all files and finds the log's end: the last group of an unbroken row. A bad group is a torn
 * tail, and cut, unless anything readable says that it was durable. Blocks.
 *
 * 0: ready. -EIO, and *log_r is set: a group that was acknowledged, or may have been, is damaged
 * (`error_r` names file and offset); what stands before it can be replayed, nothing can be written.
 * Else *log_r is NULL: -EINVAL: a newer program's or another volume's; -EIO without a log: the disk
 * fails; -ENOMEM; other -errno.
 */
int store_log_open(const struct store_log_config *config, struct store_log **log_r,
		   struct store_error *error_r);
/* Says in the log that all of it is durable, so that damage to the last group is no torn tail (one
 * more empty group, synced), and closes. Blocks. */
void store_log_close(struct store_log **log);

struct store_log_group {
	uint64_t lsn;
	uint32_t changes; /* 0: an empty group, of a closing */
	struct span body; /* until the next call on the log */
};

/* The next group that may not have been applied, lowest LSN first: 1; 0: no more (memory of the
 * replay is freed); -EIO, -ENOMEM. Some may have been: replay must be idempotent. Blocks. */
int store_log_replay(struct store_log *log, struct store_log_group *group_r);

/*
 * Adds a group: its body is the parts, one after another, copied. 0 and its LSN: it is written, not
 * durable. -ENOSPC: no file is free and none can be made, nothing was written, try again after
 * store_log_applied(). -EMSGSIZE: it fits in no file. -ENOMEM: likewise nothing was written.
 * -EROFS: the log takes no more (see below). Any other: no file could be made, or the log is dead
 * from now on, as store_log_stats() says. Blocks for long only where a file must be made.
 */
int store_log_write(struct store_log *log, const struct span *parts, unsigned parts_n,
		    uint32_t changes, uint64_t *lsn_r);

struct store_log_flush {
	struct store_log *log;
	uint64_t files; /* bit k: file k was written since the last flush */
	uint64_t lsn;	/* durable when the flush has ended well */
	uint32_t crc;
};

/* false: all that was written is durable, or the log is dead; there is nothing to run. One flush at
 * a time. */
bool store_log_flush_begin(struct store_log *log, struct store_log_flush *flush_r);
/* Blocks; any thread, while the writer writes on. 0 or -errno, to be handed to
 * store_log_flush_end().
 */
int store_log_flush_run(const struct store_log_flush *flush);
/* 0: everything up to flush->lsn is durable and may be acknowledged. A failed flush is final: the
 * log is dead, `status` is returned, and what is not durable must not be acknowledged. */
int store_log_flush_end(struct store_log *log, const struct store_log_flush *flush, int status);
/* The three in a row. Blocks. */
int store_log_sync(struct store_log *log);

/*
 * After a failed flush, once: writes all groups that are not durable to a new file, and syncs it
 * and its name. 0: everything written is durable and may be acknowledged, but the log takes no
 * more: the volume is read-only until it is opened anew. -errno: they are lost. -EALREADY: it was
 * tried. Blocks.
 */
int store_log_rescue(struct store_log *log);

/* Everything up to `lsn`, which is durable here, is durable elsewhere too: it need not be replayed,
 * and files that hold nothing else can be taken again after the next flush. */
void store_log_applied(struct store_log *log, uint64_t lsn);

/* A moment's numbers. */
struct store_log_stats {
	uint64_t lsn;	  /* of the last group written */
	uint64_t durable; /* <= lsn */
	uint64_t applied; /* <= durable */
	unsigned files, files_free;
	bool dead; /* takes no more */
};
void store_log_stats(const struct store_log *log, struct store_log_stats *stats_r);

#endif
