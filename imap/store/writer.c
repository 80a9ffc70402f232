/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "crc32c.h"
#include "record.h"

enum {
	BUFFER_BYTES = 1 << 20, /* one write for some hundred messages */
	AHEAD_BYTES = 1 << 20,	/* allocation runs at most this far ahead of what is used */
};

void store_segment_name(enum format_kind kind, uint32_t number, char name_r[STORE_SEGMENT_NAME_MAX])
{
	snprintf(name_r, STORE_SEGMENT_NAME_MAX, "%s.%u", kind == FORMAT_MAIL ? "mail" : "meta",
		 number);
}

int store_segments_reserve(struct store_segments *segments)
{
	struct disk_segment *larger;
	uint32_t room = segments->room == 0 ? 16 : segments->room * 2;

	if (segments->count < segments->room)
		return 0;
	if (segments->count >= FORMAT_SEGMENTS_MAX)
		return -ENOSPC;
	larger = realloc(segments->table, room * sizeof(*larger));
	if (larger == NULL)
		return -ENOMEM;
	segments->table = larger;
	segments->room = room;
	return 0;
}

/* Space before bytes (QUALITY.md, rule 7): a full disk is told before anything is written. */
static int allocate(int file, uint64_t from, uint64_t to)
{
	if (to <= from || fallocate(file, 0, (off_t)from, (off_t)(to - from)) == 0 ||
	    errno == EOPNOTSUPP)
		return 0;
	return -errno;
}

/* Makes the file of a new segment with its header, and its entry at the end of the table. */
static int segment_make(struct store_writer *writer, uint64_t capacity)
{
	struct disk_segment_header header = {
		.magic = FORMAT_MAGIC_SEGMENT,
		.version = FORMAT_VERSION,
		.kind = (uint32_t)writer->kind,
		.capacity = capacity,
	};
	struct store_segments *segments = writer->segments;
	char name[STORE_SEGMENT_NAME_MAX];
	int file, status = store_segments_reserve(segments);

	if (status != 0)
		return status;
	for (uint32_t k = 0; k < segments->count; k++)
		if (segments->table[k].kind == header.kind &&
		    segments->table[k].number >= header.number)
			header.number = segments->table[k].number + 1;
	memcpy(header.account, writer->account, sizeof(header.account));
	header.crc = store_crc32c(0, &header, offsetof(struct disk_segment_header, crc));
	store_segment_name(writer->kind, header.number, name);
	file = store_file_make(writer->volume, writer->directory, name);
	if (file < 0)
		return file;
	status = store_file_write(file, &header, sizeof(header), 0);
	/* Its name is durable when the commit has synced the directory (F1). */
	if (status != 0) {
		close(file);
		unlinkat(writer->directory, name, 0);
		return status;
	}
	segments->table[segments->count++] = (struct disk_segment){
		.kind = header.kind,
		.number = header.number,
		.used = sizeof(header),
		.capacity = capacity,
	};
	return file;
}

static int flush(struct store_writer *writer)
{
	int status = store_file_write(writer->file, writer->buffer, writer->buffered,
				      writer->buffer_off);

	if (status != 0)
		return status;
	writer->buffer_off += writer->buffered;
	writer->buffered = 0;
	return 0;
}

int store_writer_sync(struct store_writer *writer)
{
	int status;

	if (writer->file < 0 || !writer->unsynced)
		return 0;
	status = flush(writer);
	if (status == 0 && fdatasync(writer->file) != 0)
		status = -errno;
	if (status == 0)
		writer->unsynced = false;
	return status;
}

static bool last_segment_find(const struct store_writer *writer, uint32_t *slot_r)
{
	for (uint32_t k = writer->segments->count; k-- > 0;) {
		const struct disk_segment *segment = &writer->segments->table[k];

		if (segment->kind == (uint32_t)writer->kind &&
		    segment->capacity <= writer->segment_bytes_max) {
			*slot_r = k;
			return true;
		}
	}
	return false;
}

static int segment_check(const struct store_writer *writer, const char **fault_r)
{
	const struct disk_segment *segment = &writer->segments->table[writer->slot];
	_Alignas(8) uint8_t header[sizeof(struct disk_segment_header)];
	off_t size = lseek(writer->file, 0, SEEK_END);

	if (pread(writer->file, header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    size < (off_t)segment->used) {
		*fault_r = "the file is cut";
		return -EIO;
	}
	*fault_r = store_segment_check((struct span){header, sizeof(header)}, writer->kind,
				       segment->number, writer->account);
	return *fault_r == NULL ? 0 : -EIO;
}

int store_writer_open(struct store_writer *writer, const char **fault_r)
{
	char name[STORE_SEGMENT_NAME_MAX];
	int status;

	writer->file = -1;
	*fault_r = NULL;
	writer->buffer = malloc(BUFFER_BYTES);
	if (writer->buffer == NULL)
		return -ENOMEM;
	if (!last_segment_find(writer, &writer->slot))
		return 0;
	store_segment_name(writer->kind, writer->segments->table[writer->slot].number, name);
	writer->file = openat(writer->directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (writer->file < 0)
		return -errno;
	status = segment_check(writer, fault_r);
	writer->buffer_off = writer->segments->table[writer->slot].used;
	writer->allocated = writer->buffer_off;
	return status;
}

void store_writer_close(struct store_writer *writer)
{
	if (writer->file >= 0)
		close(writer->file);
	writer->file = -1;
	free(writer->buffer);
	writer->buffer = NULL;
}

/* The next segment of the row: twice the last one's capacity, or more when a record needs it. */
static int next_segment(struct store_writer *writer, uint64_t bytes)
{
	uint64_t capacity = FORMAT_SEGMENT_BYTES_MIN;
	int file, status;

	if (writer->file >= 0) {
		status = store_writer_sync(writer);
		if (status != 0)
			return status;
		capacity = writer->segments->table[writer->slot].capacity * 2;
		close(writer->file);
		writer->file = -1;
	}
	while (capacity < bytes + sizeof(struct disk_segment_header))
		capacity *= 2;
	if (capacity > writer->segment_bytes_max)
		capacity = writer->segment_bytes_max;
	file = segment_make(writer, capacity);
	if (file < 0)
		return file;
	writer->file = file;
	writer->slot = writer->segments->count - 1;
	writer->buffer_off = sizeof(struct disk_segment_header);
	writer->allocated = 0;
	return 0;
}

static int put(struct store_writer *writer, const void *bytes, size_t len)
{
	int status;

	if (len > BUFFER_BYTES - writer->buffered) {
		status = flush(writer);
		if (status != 0)
			return status;
	}
	if (len > BUFFER_BYTES) {
		status = store_file_write(writer->file, bytes, len, writer->buffer_off);
		writer->buffer_off += len;
		return status;
	}
	if (len > 0) /* an empty message lies nowhere */
		memcpy(writer->buffer + writer->buffered, bytes, len);
	writer->buffered += len;
	return 0;
}

static int record_put(struct store_writer *writer, uint64_t mid, struct span payload,
		      uint32_t prep_version)
{
	static const uint8_t zeros[FORMAT_RECORD_ALIGN];
	size_t head_bytes = store_record_head_bytes((uint32_t)payload.len);
	uint8_t *head = malloc(head_bytes);
	int status;

	if (head == NULL)
		return -ENOMEM;
	store_record_make(head, writer->kind, mid, payload, prep_version);
	status = put(writer, head, head_bytes);
	if (status == 0)
		status = put(writer, payload.ptr, payload.len);
	if (status == 0)
		status = put(writer, zeros, store_record_align(payload.len) - payload.len);
	free(head);
	return status;
}

/* A record that no segment of the row can hold gets a segment of its own, durable at once. */
static int append_alone(struct store_writer *writer, uint64_t mid, struct span payload,
			uint32_t prep_version, uint64_t bytes)
{
	struct store_writer alone = *writer;
	int status;

	alone.buffered = 0;
	alone.buffer = malloc(BUFFER_BYTES);
	if (alone.buffer == NULL)
		return -ENOMEM;
	alone.file = segment_make(&alone, bytes + sizeof(struct disk_segment_header));
	if (alone.file < 0) {
		status = alone.file;
		goto out;
	}
	alone.buffer_off = sizeof(struct disk_segment_header);
	alone.unsynced = true;
	status = allocate(alone.file, 0, bytes + sizeof(struct disk_segment_header));
	if (status == 0)
		status = record_put(&alone, mid, payload, prep_version);
	if (status == 0)
		status = store_writer_sync(&alone);
out:
	store_writer_close(&alone);
	return status;
}

static int append_in_row(struct store_writer *writer, uint64_t mid, struct span payload,
			 uint32_t prep_version, uint64_t bytes)
{
	const struct disk_segment *segment = NULL;
	int status = 0;

	if (writer->file >= 0)
		segment = &writer->segments->table[writer->slot];
	if (segment == NULL || bytes > segment->capacity - segment->used) {
		status = next_segment(writer, bytes);
		if (status != 0)
			return status;
		segment = &writer->segments->table[writer->slot];
	}
	if (segment->used + bytes > writer->allocated) {
		uint64_t to = segment->used + bytes + AHEAD_BYTES;

		if (to > segment->capacity)
			to = segment->capacity;
		status = allocate(writer->file, writer->allocated, to);
		if (status != 0)
			return status;
		writer->allocated = to;
	}
	writer->unsynced = true;
	return record_put(writer, mid, payload, prep_version);
}

int store_writer_append(struct store_writer *writer, uint64_t mid, struct span payload,
			uint32_t prep_version, uint32_t *slot_r, uint32_t *off_r)
{
	uint64_t bytes = store_record_bytes((uint32_t)payload.len);
	bool alone = bytes + sizeof(struct disk_segment_header) > writer->segment_bytes_max;
	struct disk_segment *segment;
	int status;

	status = (alone ? append_alone : append_in_row)(writer, mid, payload, prep_version, bytes);
	if (status != 0)
		return status;
	*slot_r = alone ? writer->segments->count - 1 : writer->slot;
	segment = &writer->segments->table[*slot_r];
	*off_r = (uint32_t)segment->used;
	segment->used += bytes;
	if (segment->mid_first == 0)
		segment->mid_first = mid;
	ASSERT(segment->mid_last < mid); /* F6 */
	segment->mid_last = mid;
	return 0;
}
