/* SPDX-License-Identifier: Apache-2.0 */
#include "commit_log_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "crc32c.h"

enum { ZEROS_BYTES = 64 << 10, ZEROS_PARTS = 16 };

void store_log_name(const struct store_log *log, unsigned slot, char name_r[STORE_LOG_NAME_MAX])
{
	snprintf(name_r, STORE_LOG_NAME_MAX, "log.%u.%u", log->config.writer, slot);
}

/* SplitMix64: neighbours' salts have nothing in common, and none is used twice from one seed. */
static uint64_t salt_make(uint64_t seed, uint64_t generation)
{
	uint64_t z = seed + generation * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

int store_log_header_write(struct store_log *log, unsigned slot, uint64_t first, uint32_t before,
			   uint32_t *crc_r)
{
	struct store_log_file *file = &log->files[slot];
	struct disk_log_header header = {
		.magic = FORMAT_MAGIC_LOG,
		.version = FORMAT_VERSION,
		.writer = log->config.writer,
		.before = before,
		.file_bytes = file->bytes,
		.generation = ++log->generation,
		.salt = salt_make(log->config.seed, log->generation),
		.first = first,
		.durable = log->durable,
		.applied = log->applied,
	};
	static const uint8_t zeros[FORMAT_LOG_BLOCK_BYTES - sizeof(header)];
	struct iovec parts[] = {
		{&header, sizeof(header)},
		{(void *)(uintptr_t)zeros, sizeof(zeros)},
		{&header, sizeof(header)},
		{(void *)(uintptr_t)zeros, sizeof(zeros)},
	};
	int status;

	memcpy(header.volume, log->config.volume, sizeof(header.volume));
	header.crc = store_crc32c(0, &header, offsetof(struct disk_log_header, crc));
	status = store_disk_write_all(log->config.disk, file->file, parts, 4, 0);
	if (status != 0)
		return status;
	file->generation = header.generation;
	file->salt = header.salt;
	file->first = first;
	file->last = first - 1;
	*crc_r = header.crc;
	return 0;
}

/* Zeros are written, not only allocated: a later fdatasync has bytes to wait for and no change of
 * the file system's own tables (an extent that turns from unwritten to written is one). */
static int zeros_write(struct store_disk *disk, int file, uint64_t bytes)
{
	static const uint8_t zeros[ZEROS_BYTES];
	int status = disk->allocate(disk, file, 0, bytes);

	if (status == -EOPNOTSUPP)
		status = 0;
	for (uint64_t off = 0; off < bytes && status == 0;) {
		struct iovec parts[ZEROS_PARTS];
		unsigned n = 0;
		uint64_t at = off;

		for (; n < ZEROS_PARTS && off < bytes; n++) {
			uint64_t len = bytes - off < ZEROS_BYTES ? bytes - off : ZEROS_BYTES;

			parts[n] = (struct iovec){(void *)(uintptr_t)zeros, len};
			off += len;
		}
		status = store_disk_write_all(disk, file, parts, n, at);
	}
	return status;
}

static int file_fill(struct store_log *log, unsigned slot)
{
	struct store_disk *disk = log->config.disk;
	struct store_log_file *file = &log->files[slot];
	int status = zeros_write(disk, file->file, file->bytes);
	uint32_t crc;

	if (status == 0)
		status = store_log_header_write(log, slot, 0, 0, &crc);
	if (status == 0)
		status = disk->sync(disk, file->file);
	return status;
}

int store_log_file_make(struct store_log *log, uint64_t bytes)
{
	struct store_disk *disk = log->config.disk;
	char name[STORE_LOG_NAME_MAX], name_new[STORE_LOG_NAME_MAX + 4];
	struct store_log_file *file;
	unsigned slot = 0;
	int status;

	while (slot < STORE_LOG_FILES_MAX && log->files[slot].use != STORE_LOG_NONE)
		slot++;
	if (slot == STORE_LOG_FILES_MAX)
		return -ENOSPC;
	file = &log->files[slot];
	store_log_name(log, slot, name);
	snprintf(name_new, sizeof(name_new), "%s.new", name);
	status = disk->open(disk, log->config.directory, name_new, O_RDWR | O_CREAT | O_TRUNC);
	if (status < 0)
		return status;
	*file = (struct store_log_file){.file = status, .bytes = bytes};
	status = file_fill(log, slot);
	if (status == 0)
		status = disk->rename(disk, log->config.directory, name_new, name);
	if (status != 0) {
		disk->unlink(disk, log->config.directory, name_new);
		goto failed;
	}
	status = disk->sync_directory(disk, log->config.directory);
	if (status != 0) {
		disk->unlink(disk, log->config.directory, name);
		goto failed;
	}
	file->use = STORE_LOG_FREE;
	return (int)slot;
failed:
	disk->close(disk, file->file);
	file->file = -1;
	return status;
}
