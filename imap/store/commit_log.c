/* SPDX-License-Identifier: Apache-2.0 */
#include "commit_log.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"
#include "commit_log_scan.h"
#include "commit_log_state.h"

static uint64_t bit(unsigned slot)
{
	return UINT64_C(1) << slot;
}

/* No more is written; what is not durable waits for a rescue. */
static int fail(struct store_log *log, const char *what, int status)
{
	log->state = STORE_LOG_FAILED;
	log_line(log->config.log, LOG_LEVEL_ERROR,
		 "commit log of writer %u: %s failed (error %d): groups after %llu are not durable",
		 log->config.writer, what, -status, (unsigned long long)log->durable);
	return status;
}

/* --- Writing --- */

static int free_file(struct store_log *log, size_t len)
{
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++)
		if (log->files[k].use == STORE_LOG_FREE &&
		    log->files[k].bytes >= FORMAT_LOG_HEADERS_BYTES + len)
			return (int)k;
	return store_log_file_make(log, log->config.file_bytes);
}

/* The next group goes to the head of another file. Its header is synced with that group, in one
 * flush: without it the group cannot be read, and nobody was told of either. */
static int file_next(struct store_log *log, size_t len)
{
	int slot = free_file(log, len), status;
	uint32_t crc;

	if (slot < 0)
		return slot;
	status = store_log_header_write(log, (unsigned)slot, log->lsn + 1, log->crc, &crc);
	if (status != 0)
		return fail(log, "writing a header", status);
	log->files[slot].use = STORE_LOG_IN_USE;
	log->unsynced |= bit((unsigned)slot);
	log->current = slot;
	log->off = FORMAT_LOG_HEADERS_BYTES;
	log->crc = crc;
	return 0;
}

static uint8_t *copies_room(struct store_log_copies *copies, size_t len)
{
	size_t room = copies->room == 0 ? 64 << 10 : copies->room;
	uint8_t *larger;

	while (room - copies->used < len)
		room *= 2;
	if (room != copies->room) {
		larger = realloc(copies->bytes, room);
		if (larger == NULL)
			return NULL;
		copies->bytes = larger;
		copies->room = room;
	}
	return copies->bytes + copies->used;
}

/* The head is left to group_put(): it needs the file. */
static void group_gather(uint8_t *at, size_t len, const struct span *parts, unsigned parts_n)
{
	size_t used = sizeof(struct disk_log_group);

	for (unsigned k = 0; k < parts_n; k++) {
		if (parts[k].len > 0)
			memcpy(at + used, parts[k].ptr, parts[k].len);
		used += parts[k].len;
	}
	memset(at + used, 0, len - used);
}

/* Signs a gathered group for the place where the log ends, and writes it there. */
static int group_put(struct store_log *log, uint8_t *at, size_t len, uint64_t body_bytes,
		     uint32_t changes)
{
	struct store_log_file *file = &log->files[log->current];
	struct disk_log_group group = {
		.magic = FORMAT_MAGIC_GROUP,
		.bytes = (uint32_t)body_bytes,
		.salt = file->salt,
		.lsn = log->lsn + 1,
		.durable = log->durable,
		.applied = log->applied,
		.changes = changes,
	};
	struct iovec part = {at, len};
	int status;

	ASSERT(log->off % FORMAT_LOG_BLOCK_BYTES == 0 && len <= file->bytes - log->off); /* L4 */
	store_log_group_sign(&group, at + sizeof(group), log->crc);
	memcpy(at, &group, sizeof(group));
	log->unsynced |= bit((unsigned)log->current);
	status = store_disk_write_all(log->config.disk, file->file, &part, 1, log->off);
	if (status != 0)
		return status;
	log->off += len;
	log->crc = group.crc;
	log->lsn = file->last = group.lsn;
	return 0;
}

int store_log_write(struct store_log *log, const struct span *parts, unsigned parts_n,
		    uint32_t changes, uint64_t *lsn_r)
{
	struct store_log_copies *copies = &log->copies[log->filling];
	uint64_t body_bytes = 0, len;
	uint8_t *at;
	int status = 0;

	if (log->state != STORE_LOG_WRITING)
		return -EROFS;
	ASSERT(log->replay.runs_n == 0); /* the writer knows its accounts before it changes them */
	for (unsigned k = 0; k < parts_n; k++)
		body_bytes += parts[k].len;
	len = store_log_group_bytes(body_bytes);
	if (len > log->config.file_bytes - FORMAT_LOG_HEADERS_BYTES)
		return -EMSGSIZE;
	at = copies_room(copies, len);
	if (at == NULL)
		return -ENOMEM;
	if (log->current < 0 || len > log->files[log->current].bytes - log->off)
		status = file_next(log, len);
	if (status != 0)
		return status;
	group_gather(at, len, parts, parts_n);
	status = group_put(log, at, len, body_bytes, changes);
	if (status != 0)
		return fail(log, "writing a group", status);
	copies->used += len;
	*lsn_r = log->lsn;
	return 0;
}

/* --- Making durable --- */

bool store_log_flush_begin(struct store_log *log, struct store_log_flush *flush_r)
{
	ASSERT(!log->flushing);
	if (log->state != STORE_LOG_WRITING || log->unsynced == 0)
		return false;
	*flush_r = (struct store_log_flush){
		.log = log, .files = log->unsynced, .lsn = log->lsn, .crc = log->crc};
	log->in_flush = log->unsynced;
	log->unsynced = 0;
	log->flushing = true;
	log->filling ^= 1;
	ASSERT(log->copies[log->filling].used == 0);
	return true;
}

int store_log_flush_run(const struct store_log_flush *flush)
{
	struct store_disk *disk = flush->log->config.disk;
	int status = 0;

	for (unsigned k = 0; k < STORE_LOG_FILES_MAX && status == 0; k++)
		if ((flush->files & bit(k)) != 0)
			status = disk->sync(disk, flush->log->files[k].file);
	return status;
}

/* Frees files whose groups are all applied, but not one that is being synced: whether the free
 * header was in that sync could not be told (L3). */
static void retire(struct store_log *log)
{
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX && log->state == STORE_LOG_WRITING; k++) {
		struct store_log_file *file = &log->files[k];
		uint32_t crc;
		int status;

		if (file->use != STORE_LOG_IN_USE || (int)k == log->current ||
		    file->last > log->applied || ((log->in_flush | log->unsynced) & bit(k)) != 0)
			continue;
		status = store_log_header_write(log, k, 0, 0, &crc);
		if (status != 0)
			fail(log, "freeing a file", status);
		file->use = STORE_LOG_RETIRING;
		log->unsynced |= bit(k);
	}
}

int store_log_flush_end(struct store_log *log, const struct store_log_flush *flush, int status)
{
	ASSERT(log->flushing && flush->log == log);
	log->flushing = false;
	log->in_flush = 0;
	if (status != 0)
		return fail(log, "a sync", status);
	ASSERT(flush->lsn >= log->durable);
	log->copies[log->filling ^ 1].used = 0;
	log->durable = flush->lsn;
	log->crc_durable = flush->crc;
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++)
		if ((flush->files & bit(k)) != 0 && log->files[k].use == STORE_LOG_RETIRING)
			log->files[k].use = STORE_LOG_FREE;
	retire(log);
	return 0;
}

int store_log_sync(struct store_log *log)
{
	struct store_log_flush flush;

	if (!store_log_flush_begin(log, &flush))
		return log->state == STORE_LOG_WRITING ? 0 : -EROFS;
	return store_log_flush_end(log, &flush, store_log_flush_run(&flush));
}

void store_log_applied(struct store_log *log, uint64_t lsn)
{
	ASSERT(lsn <= log->durable);
	if (lsn > log->applied)
		log->applied = lsn;
	retire(log);
}

/* --- After a failure --- */

/* The groups' bodies and order stay; salt and chain are the new file's. */
static int copies_put(struct store_log *log, struct store_log_copies *copies)
{
	struct disk_log_group group;
	int status = 0;

	for (size_t at = 0; at < copies->used && status == 0;) {
		size_t len;

		memcpy(&group, copies->bytes + at, sizeof(group));
		ASSERT(group.magic == FORMAT_MAGIC_GROUP && group.lsn == log->lsn + 1);
		len = store_log_group_bytes(group.bytes);
		status = group_put(log, copies->bytes + at, len, group.bytes, group.changes);
		at += len;
	}
	return status;
}

static int rescue(struct store_log *log)
{
	struct store_log_copies *older = &log->copies[log->filling ^ 1];
	struct store_log_copies *newer = &log->copies[log->filling];
	uint64_t bytes = FORMAT_LOG_HEADERS_BYTES + older->used + newer->used;
	uint64_t lsn = log->lsn;
	int slot, status;

	slot = store_log_file_make(log,
				   bytes > log->config.file_bytes ? bytes : log->config.file_bytes);
	if (slot < 0)
		return slot;
	log->lsn = log->durable;
	status = store_log_header_write(log, (unsigned)slot, log->lsn + 1, log->crc_durable,
					&log->crc);
	log->files[slot].use = STORE_LOG_IN_USE;
	log->current = slot;
	log->off = FORMAT_LOG_HEADERS_BYTES;
	if (status == 0)
		status = copies_put(log, older);
	if (status == 0)
		status = copies_put(log, newer);
	if (status == 0)
		status = log->config.disk->sync(log->config.disk, log->files[slot].file);
	if (status != 0)
		return status;
	ASSERT(log->lsn == lsn);
	log->durable = log->lsn;
	log->crc_durable = log->crc;
	return 0;
}

int store_log_rescue(struct store_log *log)
{
	int status;

	ASSERT(!log->flushing);
	if (log->state != STORE_LOG_FAILED)
		return -EALREADY;
	log->state = STORE_LOG_READ_ONLY;
	status = rescue(log);
	log_line(log->config.log, LOG_LEVEL_ERROR,
		 status == 0
			 ? "commit log of writer %u: rescued up to group %llu; read-only from "
			   "here on"
			 : "commit log of writer %u: groups after %llu are lost; read-only from "
			   "here on",
		 log->config.writer, (unsigned long long)log->durable);
	return status;
}

/* --- The rest --- */

void store_log_stats(const struct store_log *log, struct store_log_stats *stats_r)
{
	*stats_r = (struct store_log_stats){
		.lsn = log->lsn,
		.durable = log->durable,
		.applied = log->applied,
		.dead = log->state != STORE_LOG_WRITING,
	};
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++) {
		stats_r->files += log->files[k].use != STORE_LOG_NONE;
		stats_r->files_free += log->files[k].use == STORE_LOG_FREE;
	}
}

void store_log_close(struct store_log **log)
{
	struct store_log *closing = *log;
	uint64_t lsn;

	if (closing == NULL)
		return;
	store_log_replay_free(closing);
	/* A failure here costs nothing but the promise: the groups are as durable as before. */
	if (closing->current >= 0 && store_log_sync(closing) == 0 &&
	    store_log_write(closing, NULL, 0, 0, &lsn) == 0)
		store_log_sync(closing);
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++)
		if (closing->files[k].file >= 0)
			closing->config.disk->close(closing->config.disk, closing->files[k].file);
	for (unsigned k = 0; k < 2; k++)
		free(closing->copies[k].bytes);
	free(closing);
	*log = NULL;
}
