/* SPDX-License-Identifier: Apache-2.0 */
/* What commit_log*.c share. The writer's thread. */
#ifndef WIREMAP_STORE_COMMIT_LOG_STATE_H
#define WIREMAP_STORE_COMMIT_LOG_STATE_H

#include "commit_log.h"

enum store_log_state {
	STORE_LOG_WRITING,
	STORE_LOG_FAILED,    /* a flush or a write failed: what is not durable may be rescued */
	STORE_LOG_READ_ONLY, /* rescued, or damaged when opened, or beyond rescue */
};

enum store_log_use {
	STORE_LOG_NONE,	    /* no such file */
	STORE_LOG_FREE,	    /* its free header is durable (L3) */
	STORE_LOG_RETIRING, /* its free header is written */
	STORE_LOG_IN_USE,
};

struct store_log_file {
	int file; /* kept open from the first write on (QUALITY.md, rule 4); -1: none */
	enum store_log_use use;
	uint64_t bytes;
	uint64_t generation, salt;
	uint64_t first, last; /* LSNs; of a file in use; last < first: no group yet */
};

/* Groups as they lie in the files, one after another, for a rescue. */
struct store_log_copies {
	uint8_t *bytes;
	size_t used, room;
};

/* A run of groups to replay: of file `slot`, from an offset on. */
struct store_log_run {
	unsigned slot;
	uint64_t off, first, last;
	uint32_t before; /* CRC that the first is continued from */
};

struct store_log_replay {
	struct store_log_run runs[STORE_LOG_FILES_MAX];
	unsigned runs_n, run; /* run: being read */
	uint8_t *bytes;	      /* of its file, NULL: not read yet */
	size_t len;
};

struct store_log {
	struct store_log_config config;
	enum store_log_state state;
	struct store_log_file files[STORE_LOG_FILES_MAX];
	int current;	     /* the file being written, -1: none */
	uint64_t off;	     /* in it */
	uint64_t generation; /* the highest given out */
	uint64_t lsn, durable, applied;
	uint32_t crc;	      /* of group lsn */
	uint32_t crc_durable; /* of group durable */
	uint64_t unsynced;    /* bit k: file k was written and is not in a flush */
	uint64_t in_flush;
	bool flushing;
	/* Groups after `durable`: those of the flush under way, and those after it. */
	struct store_log_copies copies[2];
	unsigned filling; /* which of them takes new groups */
	struct store_log_replay replay;
};

enum { STORE_LOG_NAME_MAX = 32 }; /* "log.4294967295.63" and NUL, and more than that */

void store_log_name(const struct store_log *log, unsigned slot, char name_r[STORE_LOG_NAME_MAX]);

/* Makes a file of zeros in an empty slot, its name durable (L2), free. The slot, or -errno: then
 * nothing is left of it. Blocks. */
int store_log_file_make(struct store_log *log, uint64_t bytes);

/* Writes a header over both copies: `first` 0 frees the file. The caller syncs. 0 or -errno.
 * *crc_r is what the first group's CRC is continued from. */
int store_log_header_write(struct store_log *log, unsigned slot, uint64_t first, uint32_t before,
			   uint32_t *crc_r);

void store_log_replay_free(struct store_log *log);

#endif
