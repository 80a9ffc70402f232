/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading half: what one dataplane core knows of accounts, mailboxes and segments.
 *
 * Everything here belongs to the core and is touched by it alone, but for a job's inputs and
 * results while it runs: a worker opens, reads, checks and allocates, and hands what it made over
 * in done(). So there is no lock and no atomic on this road. The core itself never makes a system
 * call, not even to free: what it drops goes to a worker, too.
 *
 * Two kinds of data. An account's index (the checkpoint's tables, and the columns of the mailboxes
 * that were opened) is read into memory. Segments are mapped, and a chunk of 2 MiB becomes ready
 * when a worker has read its pages and checked every record in it.
 *
 * Spans die with the produce() call they were asked in. Maps are dropped in done() and in
 * store_reader_release() only, when no span is alive; so a span needs no count.
 */
#ifndef WIREMAP_STORE_READER_H
#define WIREMAP_STORE_READER_H

#include <sys/queue.h>

#include "checkpoint.h"
#include "map.h"
#include "volume.h"

enum reader_limits {
	READER_BUCKETS = 1 << 14, /* of the table of accounts: chains stay short up to 100,000 */
	READER_FAILURES = 256,	  /* remembered for those that wait for them */
	READER_CHUNK_SHIFT = 21,
	/* Kept although nobody uses them. Page tables of 64 GiB take 128 MiB. */
	READER_ACCOUNTS_MAX = 1 << 16,
	READER_SEGMENTS_MAX = 4096,
	/* What a listing reads of derived bytes: their header and the lines most often asked for.
	 */
	READER_PREFETCH_BYTES = 768,
};

#define READER_CHUNK_BYTES ((uint64_t)1 << READER_CHUNK_SHIFT)
#define READER_ACCOUNTS_BYTES_MAX (UINT64_C(1) << 30)
#define READER_SEGMENTS_BYTES_MAX (UINT64_C(64) << 30)

/* mids whose records cannot be given out, found in one pass. */
struct bad_mids {
	struct bad_mids *next;
	uint32_t n;
	uint64_t mid[];
};

enum chunk_state {
	CHUNK_COLD,
	CHUNK_READY, /* every record in it is whole */
	CHUNK_MIXED, /* as READY, but for those in the segment's list */
};

struct segment {
	struct store_map map;
	struct store_account *account;
	uint32_t slot;
	uint32_t jobs;	/* under way */
	bool touched;	/* since the hand of the clock passed */
	bool withdrawn; /* no longer its account's: freed once no job runs in it */
	struct bad_mids *bad;
	TAILQ_ENTRY(segment) lru;
	struct segment *next; /* while it waits to be freed */
	uint8_t chunks[];     /* enum chunk_state */
};

struct store_view {
	uint32_t count;
	uint32_t number;
	struct store_columns columns;
	struct store_account *account;
	uint32_t references;
};

struct store_account {
	struct store_checkpoint checkpoint; /* its bytes are `index` */
	struct segment **segments;	    /* by slot; NULL: not open */
	struct store_view **views;	    /* by mailbox; NULL: not open */
	struct store_reader *reader;
	struct job *jobs; /* under way for it */
	uint32_t references;
	uint8_t uuid[16];
	struct store_map index;
	TAILQ_ENTRY(store_account) lru; /* while nobody uses it */
	struct store_account *next;	/* in its bucket, then while it waits to be freed */
};

enum job_kind { JOB_ACCOUNT, JOB_VIEW, JOB_WARM };

/* What a job is about; two with the same key are never under way together. */
struct job_key {
	enum job_kind kind;
	uint32_t number; /* of the mailbox, or the segment's slot */
	uint32_t chunk;
	uint8_t uuid[16];
};

struct job {
	struct work work;
	struct store_reader *reader;
	struct job_key key;
	struct store_wait *waiters;
	struct job *next; /* in the list of those under way or free */
	/* Read by the worker, or made by it and then handed over. */
	struct store_account *account;
	struct store_view *view;
	struct segment *segment;
	bool segment_made;
	struct bad_mids *bad;
	int status;
};

/* A failure is told to as many as waited for it; who comes later tries anew. */
struct failure {
	struct job_key key;
	int status;
	uint32_t untold;
};

/* Frees what the core dropped, on a worker. */
struct retirement {
	struct work work;
	struct store_reader *reader;
	struct segment *segments;
	struct store_account *accounts;
	bool under_way;
};

TAILQ_HEAD(segment_list, segment);
TAILQ_HEAD(account_list, store_account);

struct store_reader {
	struct store *store;
	struct work_port *work;
	struct store_account **buckets;
	struct job *jobs; /* all of them */
	unsigned jobs_n, jobs_free_n;
	struct job *jobs_free;
	struct job *opening; /* of kind JOB_ACCOUNT, under way */
	struct failure failures[READER_FAILURES];
	unsigned failures_next;
	struct account_list accounts_idle;
	struct segment_list segments;
	unsigned segments_max, accounts_idle_max;
	uint64_t segments_bytes_max, accounts_idle_bytes_max;
	struct segment *retired_segments; /* not yet handed to a worker */
	struct store_account *retired_accounts;
	struct retirement retirement;
	unsigned bus_count; /* pages lost on this thread that were dealt with */
	bool closing;	    /* destroyed, but for what a job under way still needs */
	struct store_reader_stats stats;
};

/* --- reader.c --- */

/*
 * Sees to it that the job runs, and links `wait` (NULL: nobody waits). `list` are the jobs under
 * way that may have its key. -EAGAIN; -EBUSY: no job is free; or the failure of the last try.
 */
int store_job_ask(struct store_reader *reader, struct job **list, const struct job_key *key,
		  struct store_account *account, struct store_wait *wait);
/* Takes a segment from its account, so that it can be dropped. No span may be alive. */
void store_segment_retire(struct store_reader *reader, struct segment *segment);
/* Hands a segment that was taken from its account to a worker, once no job runs in it. */
void store_segment_drop(struct store_reader *reader, struct segment *segment);

/* Where the chain of accounts begins that holds this one. The uuids are random. */
static inline struct store_account **store_reader_bucket(struct store_reader *reader,
							 const uint8_t uuid[16])
{
	return &reader->buckets[(uuid[0] << 8 | uuid[1]) % READER_BUCKETS];
}

/* --- account.c --- */

void store_account_run(struct job *job);
void store_account_done(struct job *job);
/* On a worker, with its segments and views. */
void store_account_free(struct store_account *account);
/* The checkpoint, open, and its size. The descriptor, or -errno. On a worker. */
int store_account_file(const struct store *store, const uint8_t uuid[16], size_t *len_r,
		       const struct store_volume **volume_r);

/* --- view.c --- */

void store_view_run(struct job *job);
void store_view_done(struct job *job);

/* --- mail.c --- */

void store_warm_run(struct job *job);
void store_warm_done(struct job *job);

/* --- cold.c --- */

/* Opens the segment's file. 0 and *segment_r, or -errno, logged. On a worker. */
int store_segment_open(const struct store *store, struct store_account *account, uint32_t slot,
		       struct segment **segment_r);
/* Reads the pages of a chunk and checks all records in it; those that fail the check are in
 * *bad_r (logged). 0 or -errno. On a worker. */
int store_segment_warm(const struct store *store, struct segment *segment, uint32_t chunk,
		       struct bad_mids **bad_r);
/* On a worker. */
void store_segment_free(struct segment *segment);

#endif
