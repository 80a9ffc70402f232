/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checkpoint.h"
#include "digests.h"
#include "map.h"
#include "record.h"
#include "volume.h"
#include "writer.h"

/* One account being checked. */
struct verifying {
	const struct store *store;
	struct store_check *check;
	const struct store_volume *volume;
	int directory;
	char path[ACCOUNT_PATH_MAX];
	uint8_t uuid[16];
	struct store_map index;
	struct store_checkpoint checkpoint;
	struct store_map *segments; /* by slot; len 0: cannot be read */
	uint32_t *references;	    /* of each mid, as the mailboxes have them */
	uint64_t *ends;		    /* by slot: where the record before ended (F6) */
	void *preparer;
};

__attribute__((format(printf, 2, 3))) static void found(struct verifying *verifying,
							const char *format, ...)
{
	char what[512], text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%.400s/%s: %s", verifying->volume->path, verifying->path,
		 what);
	verifying->check->faults++;
	verifying->check->found(verifying->check, text);
}

/* --- Mailboxes --- */

static void sums_check(struct verifying *verifying, uint32_t number,
		       const struct store_columns *columns)
{
	const struct disk_mailbox *mailbox = &verifying->checkpoint.mailboxes[number];
	struct span name = store_checkpoint_name(&verifying->checkpoint, number);
	uint32_t unseen = 0, deleted = 0;
	uint64_t size = 0, size_deleted = 0;

	for (uint32_t k = 0; k < mailbox->messages; k++) {
		const struct disk_chunk *chunk = &columns->chunks[k / FORMAT_CHUNK_MESSAGES];
		uint16_t system = chunk->system[k % FORMAT_CHUNK_MESSAGES];

		unseen += (system & STORE_SEEN) == 0;
		deleted += (system & STORE_DELETED) != 0;
		size += columns->size[k];
		size_deleted += (system & STORE_DELETED) != 0 ? columns->size[k] : 0;
		verifying->references[columns->mid[k] - 1]++;
	}
	if (unseen != mailbox->unseen || deleted != mailbox->deleted || size != mailbox->size ||
	    size_deleted != mailbox->size_deleted)
		found(verifying,
		      "checkpoint: mailbox \"%.*s\": its counters say %u unseen, %u deleted, "
		      "%" PRIu64 " bytes; its messages are %u, %u, %" PRIu64,
		      (int)name.len, (const char *)name.ptr, mailbox->unseen, mailbox->deleted,
		      mailbox->size, unseen, deleted, size);
}

static void mailboxes_check(struct verifying *verifying)
{
	const struct disk_checkpoint *header = verifying->checkpoint.header;

	for (uint32_t k = 0; k < header->mailboxes; k++) {
		const struct disk_mailbox *mailbox = &verifying->checkpoint.mailboxes[k];
		struct span name = store_checkpoint_name(&verifying->checkpoint, k);
		struct store_columns columns;
		const char *fault = store_columns_open(&verifying->checkpoint, k, &columns);

		verifying->check->mailboxes++;
		if (fault == NULL && mailbox->uidvalidity >= header->uidvalidity_next)
			fault = "its UIDVALIDITY may be given out again";
		if (fault != NULL) {
			found(verifying, "checkpoint: mailbox \"%.*s\": %s", (int)name.len,
			      (const char *)name.ptr, fault);
			continue;
		}
		verifying->check->messages += mailbox->messages;
		sums_check(verifying, k, &columns);
	}
}

/* --- Segments --- */

static void segment_open(struct verifying *verifying, uint32_t slot)
{
	const struct disk_segment *disk = &verifying->checkpoint.segments[slot];
	struct store_map *map = &verifying->segments[slot];
	char name[STORE_SEGMENT_NAME_MAX];
	const char *fault = NULL;
	int file, status;

	store_segment_name((enum format_kind)disk->kind, disk->number, name);
	file = openat(verifying->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	status = file < 0 ? -errno : store_map_file(file, disk->used, map);
	if (file >= 0)
		close(file);
	if (status == -EIO)
		fault = "it is cut, or cannot be read";
	else if (status != 0)
		fault = strerror(-status);
	else
		fault = store_segment_check((struct span){map->base, map->len},
					    (enum format_kind)disk->kind, disk->number,
					    verifying->uuid);
	if (fault != NULL) {
		found(verifying, "%s: %s", name, fault);
		store_map_free(map);
	}
}

/* The payload of a record, or an empty span with NULL: told. */
static struct span record_open(struct verifying *verifying, uint32_t slot,
			       const struct store_record_place *place)
{
	const struct disk_segment *disk = &verifying->checkpoint.segments[slot];
	const struct store_map *map = &verifying->segments[slot];
	struct span bytes = {map->base, map->len};
	char name[STORE_SEGMENT_NAME_MAX];
	const char *fault;

	if (map->len == 0) /* told once for all of it */
		return (struct span){NULL, 0};
	fault = store_record_check(bytes, place);
	if (fault == NULL)
		fault = store_record_pieces_check(bytes, place, 0, map->len);
	if (fault == NULL && place->off < verifying->ends[slot])
		fault = "the record overlaps the one before";
	verifying->ends[slot] = place->off + store_record_bytes(place->length);
	if (fault == NULL)
		return (struct span){map->base + place->off +
					     store_record_head_bytes(place->length),
				     place->length};
	store_segment_name((enum format_kind)disk->kind, disk->number, name);
	found(verifying, "%s: message %" PRIu64 " at byte %" PRIu64 ": %s", name, place->mid,
	      place->off, fault);
	return (struct span){NULL, 0};
}

static void derived_check(struct verifying *verifying, uint64_t mid, struct span mail,
			  struct span meta)
{
	const struct store_config *config = &verifying->store->config;
	const uint8_t *emailid = verifying->checkpoint.emailids + (mid - 1) * 16;
	uint8_t digest[16];
	struct span derived;

	if (store_digest_make(mail.ptr, mail.len, digest) == 0 && memcmp(digest, emailid, 16) != 0)
		found(verifying, "message %" PRIu64 ": its EMAILID is that of other bytes", mid);
	if (meta.ptr != NULL &&
	    verifying->checkpoint.header->prep_version == config->prepare_version &&
	    config->prepare(verifying->preparer, mail, &derived) == 0 && !span_eq(derived, meta))
		found(verifying,
		      "message %" PRIu64 ": its prepared answers are not those of its bytes", mid);
}

static void message_check(struct verifying *verifying, uint64_t mid)
{
	const struct disk_mid *entry = &verifying->checkpoint.mids[mid - 1];
	struct span mail, meta;

	if (entry->references != verifying->references[mid - 1])
		found(verifying,
		      "checkpoint: message %" PRIu64 " counts %u references, mailboxes have %u",
		      mid, entry->references, verifying->references[mid - 1]);
	if (entry->references == 0)
		return;
	mail = record_open(
		verifying, entry->mail_slot,
		&(struct store_record_place){FORMAT_MAIL, mid, entry->mail_off, entry->mail_len});
	meta = record_open(
		verifying, entry->meta_slot,
		&(struct store_record_place){FORMAT_META, mid, entry->meta_off, entry->meta_len});
	verifying->check->bytes += mail.len + meta.len;
	if (mail.ptr != NULL)
		derived_check(verifying, mid, mail, meta);
}

static void lost_check(struct verifying *verifying)
{
	for (uint32_t k = 0; k < verifying->checkpoint.header->segments; k++)
		if (verifying->segments[k].range != NULL &&
		    store_bus_lost(verifying->segments[k].range))
			found(verifying, "segment %u of the table: the disk cannot read all of it",
			      k);
}

/* --- The account --- */

static int tables_check(struct verifying *verifying)
{
	const struct disk_checkpoint *header = verifying->checkpoint.header;

	verifying->segments = calloc(header->segments + 1, sizeof(*verifying->segments));
	verifying->ends = calloc(header->segments + 1, sizeof(*verifying->ends));
	verifying->references = calloc(header->mid_next, sizeof(*verifying->references));
	verifying->preparer = verifying->store->config.preparer_create();
	if (verifying->segments == NULL || verifying->ends == NULL ||
	    verifying->references == NULL || verifying->preparer == NULL)
		return -ENOMEM;
	mailboxes_check(verifying);
	for (uint32_t k = 0; k < header->segments; k++)
		segment_open(verifying, k);
	for (uint64_t mid = 1; mid < header->mid_next; mid++)
		message_check(verifying, mid);
	lost_check(verifying);
	return 0;
}

static int checkpoint_check(struct verifying *verifying)
{
	int status, file = openat(verifying->directory, "checkpoint",
				  O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t len = file >= 0 ? lseek(file, 0, SEEK_END) : -1;
	const char *fault = NULL;

	if (len < 0) {
		status = -errno;
		if (file >= 0)
			close(file);
		return status;
	}
	status = store_map_memory((size_t)len, &verifying->index);
	if (status == 0)
		status = store_map_read(&verifying->index, file, 0, (size_t)len);
	close(file);
	if (status == -ENOMEM)
		return status;
	if (status == 0)
		fault = store_checkpoint_open(
			(struct span){verifying->index.base, verifying->index.len}, verifying->uuid,
			&verifying->checkpoint);
	if (status != 0 || fault != NULL) {
		found(verifying, "checkpoint: %s", fault != NULL ? fault : strerror(-status));
		return 0;
	}
	return tables_check(verifying);
}

int store_account_check(struct store *store, const uint8_t uuid[16], struct store_check *check)
{
	struct verifying verifying = {.store = store, .check = check};
	int status;

	memcpy(verifying.uuid, uuid, 16);
	store_account_path(uuid, verifying.path);
	status = store_bus_install();
	if (status != 0)
		return status;
	verifying.directory = store_account_directory(store, uuid, false, &verifying.volume);
	if (verifying.directory < 0)
		return verifying.directory;
	status = checkpoint_check(&verifying);
	check->accounts += status == 0;
	if (verifying.segments != NULL)
		for (uint32_t k = 0; k < verifying.checkpoint.header->segments; k++)
			store_map_free(&verifying.segments[k]);
	if (verifying.preparer != NULL)
		store->config.preparer_destroy(&verifying.preparer);
	free(verifying.segments);
	free(verifying.ends);
	free(verifying.references);
	store_map_free(&verifying.index);
	close(verifying.directory);
	return status;
}
