/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

int store_import_mids_reserve(struct store_import *import)
{
	uint64_t room = import->mids_room == 0 ? 1024 : import->mids_room * 2;
	void *larger;

	if (import->mid_next <= import->mids_room)
		return 0;
	while (room < import->mid_next)
		room *= 2;
	larger = realloc(import->mids, room * sizeof(*import->mids));
	if (larger == NULL)
		return -ENOMEM;
	import->mids = larger;
	larger = realloc(import->emailids, room * 16);
	if (larger == NULL)
		return -ENOMEM;
	import->emailids = larger;
	import->mids_room = room;
	return 0;
}

static void columns_copy(struct import_mailbox *mailbox, const struct store_columns *columns)
{
	uint32_t n = mailbox->disk.messages;
	uint32_t chunks = (n + FORMAT_CHUNK_MESSAGES - 1) / FORMAT_CHUNK_MESSAGES;

	if (n == 0) /* nothing was allocated */
		return;
	memcpy(mailbox->uid, columns->uid, n * sizeof(*mailbox->uid));
	memcpy(mailbox->size, columns->size, n * sizeof(*mailbox->size));
	memcpy(mailbox->mid, columns->mid, n * sizeof(*mailbox->mid));
	memcpy(mailbox->utc, columns->utc, n * sizeof(*mailbox->utc));
	memcpy(mailbox->saved, columns->saved, n * sizeof(*mailbox->saved));
	memcpy(mailbox->zone, columns->zone, n * sizeof(*mailbox->zone));
	memcpy(mailbox->chunks, columns->chunks, chunks * sizeof(*mailbox->chunks));
}

/* What is already there, so that the same source again adds nothing. */
static int digests_learn(struct store_import *import, uint32_t number)
{
	const struct import_mailbox *mailbox = import->mailboxes[number];

	for (uint32_t i = 0; i < mailbox->disk.messages; i++) {
		uint64_t mid = mailbox->mid[i];
		const uint8_t *digest = import->emailids + (mid - 1) * 16;
		struct store_digest *entry =
			store_digests_get(&import->digests, digest, DIGESTS_ACCOUNT, mid);

		if (entry != NULL)
			entry = store_digests_get(&import->digests, digest, number, mid);
		if (entry == NULL)
			return -ENOMEM;
		entry->before++;
	}
	return 0;
}

static int mailbox_load(struct store_import *import, const struct store_checkpoint *checkpoint,
			uint32_t number, const char **fault_r)
{
	const struct disk_mailbox *disk = &checkpoint->mailboxes[number];
	struct store_columns columns;
	struct import_mailbox *mailbox;
	uint32_t made;
	int status;

	*fault_r = store_columns_open(checkpoint, number, &columns);
	if (*fault_r != NULL)
		return -EIO;
	status = store_import_mailbox_make(import, store_checkpoint_name(checkpoint, number), 0,
					   &made);
	if (status != 0)
		return status;
	ASSERT(made == number);
	mailbox = import->mailboxes[made];
	/* Making it grew the columns one chunk at a time; here they are known at once. */
	while (status == 0 && mailbox->room < disk->messages) {
		mailbox->disk.messages = mailbox->room;
		status = store_import_mailbox_reserve(mailbox);
	}
	mailbox->disk = *disk;
	if (status != 0) {
		mailbox->disk.messages = 0;
		return status;
	}
	columns_copy(mailbox, &columns);
	for (uint32_t k = 0; k < disk->keywords && status >= 0; k++)
		status = store_import_keyword(
			mailbox, store_checkpoint_string(checkpoint, columns.keywords[k]));
	return status < 0 ? status : digests_learn(import, number);
}

static int checkpoint_load(struct store_import *import, struct span bytes, const char **fault_r)
{
	struct store_checkpoint checkpoint;
	const struct disk_checkpoint *header;
	int status = 0;

	*fault_r = store_checkpoint_open(bytes, import->uuid, &checkpoint);
	if (*fault_r != NULL)
		return -EIO;
	header = checkpoint.header;
	import->generation = header->generation;
	import->mid_next = header->mid_next;
	import->prep_version = header->prep_version;
	status = store_import_mids_reserve(import);
	if (status != 0)
		return status;
	memcpy(import->mids, checkpoint.mids, (header->mid_next - 1) * sizeof(*import->mids));
	memcpy(import->emailids, checkpoint.emailids, (header->mid_next - 1) * 16);
	for (uint32_t k = 0; k < header->segments && status == 0; k++) {
		status = store_segments_reserve(&import->segments);
		if (status == 0)
			import->segments.table[import->segments.count++] = checkpoint.segments[k];
	}
	for (uint32_t k = 0; k < header->mailboxes && status == 0; k++)
		status = mailbox_load(import, &checkpoint, k, fault_r);
	/* Only now: making the mailboxes above counted both up. */
	import->modseq = header->modseq;
	import->uidvalidity_next = header->uidvalidity_next > import->uidvalidity_next
					   ? header->uidvalidity_next
					   : import->uidvalidity_next;
	import->changed = false;
	return status;
}

int store_import_load(struct store_import *import, struct store_error *error)
{
	int file = openat(import->directory, "checkpoint", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const char *fault = NULL;
	struct stat stat;
	void *bytes;
	int status;

	if (file < 0 && errno == ENOENT)
		return 0;
	if (file < 0 || fstat(file, &stat) != 0) {
		status = -errno;
		goto out;
	}
	bytes = stat.st_size > 0 ? mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, file, 0)
				 : MAP_FAILED;
	if (bytes == MAP_FAILED) {
		status = stat.st_size > 0 ? -errno : -EIO;
		goto out;
	}
	status = checkpoint_load(import, (struct span){bytes, (size_t)stat.st_size}, &fault);
	munmap(bytes, (size_t)stat.st_size);
out:
	if (status != 0)
		store_error_set(error,
				"%.200s/%s/checkpoint: %s: restore the account from a backup, or "
				"remove it (`wiremapctl user del --mail`) and import it again",
				import->volume->path, import->path,
				fault != NULL ? fault : strerror(-status));
	if (file >= 0)
		close(file);
	return status;
}
