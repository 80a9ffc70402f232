/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the files of a log. Each header carries the CRC of the group before its first: the file
 * that follows group x is the one whose first is x + 1 and whose `before` is x's CRC, of several
 * the one with the highest generation. So neither a torn tail that an earlier opening cut, nor
 * what a failed flush left, is ever walked into.
 */
#include "commit_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "check.h"
#include "commit_log_scan.h"
#include "commit_log_state.h"
#include "volume.h"

enum { READ_BYTES = 1 << 20 };

#define LOG_FILE_BYTES_MAX (UINT64_C(4) << 30)

struct opening {
	struct store_log *log;
	struct store_error *error;
	struct store_log_scan scans[STORE_LOG_FILES_MAX]; /* of files in use, and free ones */
	uint64_t groups[STORE_LOG_FILES_MAX];		  /* of them, walked */
	uint64_t durable;				  /* the highest horizon anywhere */
	bool damaged;
};

/* Only the first fault is told: what follows may come from it. */
static void damage(struct opening *opening, unsigned slot, uint64_t off, const char *what)
{
	char name[STORE_LOG_NAME_MAX];

	store_log_name(opening->log, slot, name);
	if (!opening->damaged)
		store_error_set(opening->error,
				"%s: at byte %llu %s; what stands before it can be replayed", name,
				(unsigned long long)off, what);
	opening->damaged = true;
}

static int refuse(struct opening *opening, unsigned slot, const char *what)
{
	char name[STORE_LOG_NAME_MAX];

	store_log_name(opening->log, slot, name);
	store_error_set(opening->error, "%s %s", name, what);
	return -EINVAL;
}

/* --- Reading a file --- */

/*
 * From the disk itself, where it can be had: after a failed sync the page cache lies (QUALITY.md,
 * rule 4). Blocks that cannot be read become zeros, and *bad_r is the offset of the first.
 */
static int bytes_read(struct store_log *log, int file, uint8_t *bytes, size_t len, uint64_t *bad_r)
{
	size_t piece = READ_BYTES;

	for (size_t off = 0; off < len;) {
		size_t want = len - off < piece ? len - off : piece;
		ssize_t n;

		want = (want + FORMAT_LOG_BLOCK_BYTES - 1) & ~(size_t)(FORMAT_LOG_BLOCK_BYTES - 1);
		n = log->config.disk->read(log->config.disk, file, bytes + off, want, off);
		if (n == -EINTR)
			continue;
		if (n == -EIO && piece > FORMAT_LOG_BLOCK_BYTES) {
			piece = FORMAT_LOG_BLOCK_BYTES;
			continue;
		}
		if (n == -EIO) {
			*bad_r = *bad_r < off ? *bad_r : off;
			memset(bytes + off, 0, want);
			n = (ssize_t)want;
		}
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EIO;
		off += (size_t)n;
	}
	return 0;
}

static int file_read(struct store_log *log, unsigned slot, uint8_t **bytes_r, size_t *len_r,
		     uint64_t *bad_r)
{
	struct store_disk *disk = log->config.disk;
	char name[STORE_LOG_NAME_MAX];
	struct stat stat;
	size_t room;
	int file, status;

	*bad_r = UINT64_MAX;
	if (fstat(log->files[slot].file, &stat) != 0)
		return -errno;
	if ((uint64_t)stat.st_size > LOG_FILE_BYTES_MAX)
		return -EFBIG;
	*len_r = (size_t)stat.st_size;
	room = (*len_r / FORMAT_LOG_BLOCK_BYTES + 1) * FORMAT_LOG_BLOCK_BYTES;
	*bytes_r = aligned_alloc(FORMAT_LOG_BLOCK_BYTES, room);
	if (*bytes_r == NULL)
		return -ENOMEM;
	store_log_name(log, slot, name);
	file = disk->open(disk, log->config.directory, name, O_RDONLY | O_DIRECT);
	if (file == -EINVAL) /* tmpfs has no other bytes than the cache's */
		file = disk->open(disk, log->config.directory, name, O_RDONLY);
	status = file < 0 ? file : bytes_read(log, file, *bytes_r, *len_r, bad_r);
	if (file >= 0)
		disk->close(disk, file);
	if (status != 0) {
		free(*bytes_r);
		*bytes_r = NULL;
	}
	return status;
}

static int file_scan(struct opening *opening, unsigned slot, struct span bytes)
{
	struct store_log *log = opening->log;
	struct store_log_file *file = &log->files[slot];
	struct disk_log_header header;

	switch (store_log_header_read(bytes, &header)) {
	case STORE_LOG_BAD: /* L2: a file with its name always has a header */
		damage(opening, slot, 0, "both headers are damaged");
		return 0;
	case STORE_LOG_NEWER:
		return refuse(opening, slot, "needs a newer program");
	case STORE_LOG_GOOD:
		break;
	}
	if (memcmp(header.volume, log->config.volume, sizeof(header.volume)) != 0 ||
	    header.writer != log->config.writer)
		return refuse(opening, slot, "is another volume's or writer's: move it back");
	if (header.file_bytes != bytes.len)
		damage(opening, slot, bytes.len, "the file is cut or grown");
	file->use = header.first == 0 ? STORE_LOG_FREE : STORE_LOG_IN_USE;
	file->bytes = bytes.len;
	file->generation = header.generation;
	file->salt = header.salt;
	file->first = header.first;
	file->last = header.first - 1;
	if (header.generation > log->generation)
		log->generation = header.generation;
	return store_log_scan(bytes, &header, &opening->scans[slot]);
}

/* What a killed process left in the page cache must be durable before it is believed. */
static int file_open(struct opening *opening, unsigned slot)
{
	struct store_log *log = opening->log;
	struct store_disk *disk = log->config.disk;
	char name[STORE_LOG_NAME_MAX], name_new[STORE_LOG_NAME_MAX + 4];
	uint8_t *bytes;
	uint64_t bad;
	size_t len;
	int status;

	store_log_name(log, slot, name);
	snprintf(name_new, sizeof(name_new), "%s.new", name);
	status = disk->unlink(disk, log->config.directory, name_new);
	if (status != 0 && status != -ENOENT)
		return status;
	status = disk->open(disk, log->config.directory, name, O_RDWR);
	if (status == -ENOENT)
		return 0;
	if (status < 0)
		return status;
	log->files[slot].file = status;
	status = disk->sync(disk, log->files[slot].file);
	if (status == 0)
		status = file_read(log, slot, &bytes, &len, &bad);
	if (status != 0)
		return status;
	if (bad != UINT64_MAX)
		damage(opening, slot, bad, "the disk cannot read");
	status = file_scan(opening, slot, (struct span){bytes, len});
	free(bytes);
	return status;
}

/* --- Joining them --- */

static bool usable(const struct opening *opening, unsigned slot)
{
	return opening->log->files[slot].use == STORE_LOG_IN_USE;
}

/* Whether a walk begins rather in `file` than in `other`; `applied` is what need not be read. */
static bool starts_before(const struct store_log_file *file, const struct store_log_file *other,
			  uint64_t applied)
{
	bool reaches = file->first - 1 <= applied, other_reaches = other->first - 1 <= applied;

	if (reaches != other_reaches)
		return reaches;
	if (file->first != other->first)
		return reaches == (file->first > other->first);
	return file->generation > other->generation;
}

/*
 * The last file that begins at or before the first group that is not applied. Not the oldest: of
 * two files freed in one flush a power cut may leave the older one, and the row behind it is
 * broken. Of two that begin alike the later one was written to rescue the other's groups.
 */
static int walk_start(const struct opening *opening)
{
	const struct store_log *log = opening->log;
	int best = -1;

	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++)
		if (usable(opening, k) &&
		    (best < 0 || starts_before(&log->files[k], &log->files[best], log->applied)))
			best = (int)k;
	return best;
}

static bool follows(const struct store_log_scan *scan, const struct store_log_scan *next)
{
	uint64_t at = next->header.first - 1 - scan->header.first; /* index of the group before */

	return next->header.first > scan->header.first && at < scan->places_n &&
	       scan->places[at].crc == next->header.before;
}

static int walk_next(const struct opening *opening, unsigned slot)
{
	const struct store_log_scan *scan = &opening->scans[slot];
	int best = -1;

	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++) {
		const struct disk_log_header *header = &opening->scans[k].header, *other;

		if (!usable(opening, k) || !follows(scan, &opening->scans[k]))
			continue;
		other = best < 0 ? NULL : &opening->scans[best].header;
		if (other == NULL || header->first < other->first ||
		    (header->first == other->first && header->generation > other->generation))
			best = (int)k;
	}
	return best;
}

/* Notes the first `groups` of a file for the replay, but those that are applied. */
static void run_add(struct opening *opening, unsigned slot, uint64_t groups)
{
	struct store_log *log = opening->log;
	const struct store_log_scan *scan = &opening->scans[slot];
	uint64_t first = scan->header.first, skip = 0;

	log->files[slot].last = first + groups - 1;
	opening->groups[slot] = groups;
	if (log->applied >= first)
		skip = log->applied - first + 1;
	if (skip >= groups)
		return;
	log->replay.runs[log->replay.runs_n++] = (struct store_log_run){
		.slot = slot,
		.off = (uint64_t)scan->places[skip].block * FORMAT_LOG_BLOCK_BYTES,
		.first = first + skip,
		.last = first + groups - 1,
		.before = skip == 0 ? scan->header.crc : scan->places[skip - 1].crc,
	};
}

/* Follows the files to the log's end. A header alone can be joined to a file twice only where LSNs
 * run backwards, and follows() lets none do so: the walk ends. */
static int walk(struct opening *opening)
{
	struct store_log *log = opening->log;
	const struct store_log_scan *scan;
	int slot = walk_start(opening), next;

	log->lsn = log->applied;
	if (slot < 0)
		goto end;
	scan = &opening->scans[slot];
	if (scan->header.first - 1 > log->applied)
		damage(opening, (unsigned)slot, 0, "groups before its first are missing");
	log->lsn = scan->header.first - 1;
	log->crc = scan->header.before;
	for (;; slot = next) {
		uint64_t groups;

		scan = &opening->scans[slot];
		next = walk_next(opening, (unsigned)slot);
		groups = next < 0 ? scan->places_n
				  : opening->scans[next].header.first - scan->header.first;
		run_add(opening, (unsigned)slot, groups);
		if (groups > 0) {
			log->lsn = scan->header.first + groups - 1;
			log->crc = scan->places[groups - 1].crc;
		}
		if (next < 0)
			break;
	}
	if (scan->fault == STORE_LOG_NEWER)
		return refuse(opening, (unsigned)slot, "has a group that needs a newer program");
	if (opening->durable > log->lsn || log->applied > log->lsn)
		damage(opening, (unsigned)slot, scan->end,
		       "a group that was acknowledged is damaged");
end:
	if (slot < 0 && opening->durable > log->lsn)
		damage(opening, 0, 0, "files with groups that were acknowledged are missing");
	log->durable = log->lsn;
	log->crc_durable = log->crc;
	return 0;
}

/* Files that the walk did not come by, and those where it found no group: what is left of a failed
 * or torn flush. They must not be there when their LSNs are given out again (L5). */
static int leftovers_free(struct opening *opening)
{
	struct store_log *log = opening->log;
	int status = 0;
	uint32_t crc;

	for (unsigned k = 0; k < STORE_LOG_FILES_MAX && status == 0; k++) {
		if (!usable(opening, k) || opening->groups[k] > 0)
			continue;
		status = store_log_header_write(log, k, 0, 0, &crc);
		if (status == 0)
			status = log->config.disk->sync(log->config.disk, log->files[k].file);
		log->files[k].use = STORE_LOG_FREE;
	}
	return status;
}

static int files_join(struct opening *opening)
{
	struct store_log *log = opening->log;
	int status;

	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++) {
		const struct store_log_scan *scan = &opening->scans[k];

		if (scan->durable > opening->durable)
			opening->durable = scan->durable;
		if (scan->applied > log->applied)
			log->applied = scan->applied;
	}
	status = walk(opening);
	if (status == 0 && !opening->damaged)
		status = leftovers_free(opening);
	if (status == 0 && opening->damaged) {
		log->state = STORE_LOG_READ_ONLY;
		status = -EIO;
	}
	return status;
}

static void log_free(struct store_log **log)
{
	struct store_disk *disk = (*log)->config.disk;

	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++)
		if ((*log)->files[k].file >= 0)
			disk->close(disk, (*log)->files[k].file);
	free(*log);
	*log = NULL;
}

int store_log_open(const struct store_log_config *config, struct store_log **log_r,
		   struct store_error *error_r)
{
	struct opening *opening = calloc(1, sizeof(*opening));
	struct store_log *log = calloc(1, sizeof(*log));
	int status = 0;

	*log_r = NULL;
	error_r->text[0] = '\0';
	if (opening == NULL || log == NULL) {
		free(opening);
		free(log);
		return -ENOMEM;
	}
	*opening = (struct opening){.log = log, .error = error_r};
	log->config = *config;
	if (config->file_bytes == 0)
		log->config.file_bytes = STORE_LOG_FILE_BYTES_DEFAULT;
	ASSERT(log->config.file_bytes % FORMAT_LOG_BLOCK_BYTES == 0 &&
	       log->config.file_bytes >= STORE_LOG_FILE_BYTES_MIN &&
	       log->config.file_bytes <= LOG_FILE_BYTES_MAX);
	log->current = -1;
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++)
		log->files[k].file = -1;
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX && status == 0; k++)
		status = file_open(opening, k);
	/* L2, of a file whose maker was killed between its rename and this. */
	if (status == 0)
		status = config->disk->sync_directory(config->disk, config->directory);
	if (status == 0)
		status = files_join(opening);
	if (status != 0 && error_r->text[0] == '\0')
		store_error_set(error_r, "the commit log of writer %u: %s", config->writer,
				strerror(-status));
	for (unsigned k = 0; k < STORE_LOG_FILES_MAX; k++)
		free(opening->scans[k].places);
	if (status != 0 && log->state != STORE_LOG_READ_ONLY)
		log_free(&log);
	free(opening);
	*log_r = log;
	return status;
}

/* --- Replay --- */

void store_log_replay_free(struct store_log *log)
{
	free(log->replay.bytes);
	log->replay = (struct store_log_replay){0};
}

int store_log_replay(struct store_log *log, struct store_log_group *group_r)
{
	struct store_log_replay *replay = &log->replay;
	struct store_log_run *run = &replay->runs[replay->run];
	struct disk_log_group group;
	uint64_t bad;
	int status;

	if (replay->run < replay->runs_n && run->first > run->last) {
		free(replay->bytes);
		replay->bytes = NULL;
		replay->run++;
		run++;
	}
	if (replay->run == replay->runs_n) {
		store_log_replay_free(log);
		return 0;
	}
	if (replay->bytes == NULL) {
		status = file_read(log, run->slot, &replay->bytes, &replay->len, &bad);
		if (status != 0)
			return status;
	}
	if (store_log_group_read((struct span){replay->bytes, replay->len}, run->off,
				 log->files[run->slot].salt, run->first, run->before, &group,
				 &group_r->body) != STORE_LOG_GOOD)
		return -EIO;
	group_r->lsn = run->first++;
	group_r->changes = group.changes;
	run->off += store_log_group_bytes(group.bytes);
	run->before = group.crc;
	return 1;
}
