/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "name.h"

/* --- On a worker --- */

int store_account_file(const struct store *store, const uint8_t uuid[16], size_t *len_r,
		       const struct store_volume **volume_r)
{
	int directory = store_account_directory(store, uuid, false, volume_r);
	struct stat stat;
	int file;

	if (directory < 0)
		return directory;
	file = openat(directory, "checkpoint", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0)
		file = -errno;
	close(directory);
	if (file >= 0 && fstat(file, &stat) != 0) {
		int status = -errno;

		close(file);
		return status;
	}
	if (file >= 0)
		*len_r = (size_t)stat.st_size;
	return file;
}

/* Reads the tables of the checkpoint to where they would lie in a map of it. */
static int tables_read(struct store_account *account, int file, const char **fault_r)
{
	struct span bytes = {account->index.base, account->index.len};
	uint64_t tables_end;
	int status;

	*fault_r = NULL;
	if (bytes.len < sizeof(struct disk_checkpoint)) {
		*fault_r = "it is cut";
		return -EIO;
	}
	status = store_map_read(&account->index, file, 0, sizeof(struct disk_checkpoint));
	if (status != 0)
		return status;
	*fault_r = store_checkpoint_head(bytes, account->uuid, &tables_end);
	if (*fault_r != NULL)
		return -EIO;
	status = store_map_read(&account->index, file, 0, tables_end);
	if (status != 0)
		return status;
	*fault_r = store_checkpoint_open(bytes, account->uuid, &account->checkpoint);
	return *fault_r == NULL ? 0 : -EIO;
}

static int account_open(struct store_account *account, const struct store *store, int file,
			size_t len, const char **fault_r)
{
	const struct disk_checkpoint *header;
	int status = store_map_memory(len, &account->index);

	if (status == 0)
		status = tables_read(account, file, fault_r);
	if (status != 0)
		return status;
	header = account->checkpoint.header;
	if (header->prep_version != store->config.prepare_version) {
		*fault_r = "its prepared answers are of another version of this program: import "
			   "the account anew";
		return -EIO;
	}
	account->segments = calloc(header->segments + 1, sizeof(struct segment *));
	account->views = calloc(header->mailboxes + 1, sizeof(struct store_view *));
	return account->segments != NULL && account->views != NULL ? 0 : -ENOMEM;
}

void store_account_run(struct job *job)
{
	const struct store *store = job->reader->store;
	const struct store_volume *volume = &store->volumes[0];
	struct store_account *account = NULL;
	char path[ACCOUNT_PATH_MAX];
	const char *fault = NULL;
	size_t len = 0;
	int file = store_account_file(store, job->key.uuid, &len, &volume);

	job->status = file < 0 ? file : 0;
	if (job->status == 0) {
		account = calloc(1, sizeof(*account));
		if (account == NULL)
			job->status = -ENOMEM;
	}
	if (job->status == 0) {
		memcpy(account->uuid, job->key.uuid, sizeof(account->uuid));
		job->status = account_open(account, store, file, len, &fault);
	}
	if (file >= 0)
		close(file);
	if (job->status == 0) {
		job->account = account;
		return;
	}
	if (account != NULL)
		store_account_free(account);
	if (job->status == -ENOENT)
		return;
	store_account_path(job->key.uuid, path);
	log_line(store->config.log, LOG_LEVEL_ERROR, "%s/%s/checkpoint: %s", volume->path, path,
		 fault != NULL ? fault : strerror(-job->status));
	job->status = job->status == -ENOMEM ? -ENOMEM : -EIO;
}

void store_account_free(struct store_account *account)
{
	if (account->segments != NULL)
		for (uint32_t k = 0; k < account->checkpoint.header->segments; k++)
			if (account->segments[k] != NULL)
				store_segment_free(account->segments[k]);
	if (account->views != NULL)
		for (uint32_t k = 0; k < account->checkpoint.header->mailboxes; k++)
			free(account->views[k]);
	free(account->segments);
	free(account->views);
	store_map_free(&account->index);
	free(account);
}

/* --- On the core --- */

static void idle_insert(struct store_account *account)
{
	struct store_reader *reader = account->reader;

	TAILQ_INSERT_TAIL(&reader->accounts_idle, account, lru);
	reader->stats.accounts_idle++;
	reader->stats.accounts_idle_bytes += account->index.len;
}

static void idle_remove(struct store_account *account)
{
	struct store_reader *reader = account->reader;

	TAILQ_REMOVE(&reader->accounts_idle, account, lru);
	reader->stats.accounts_idle--;
	reader->stats.accounts_idle_bytes -= account->index.len;
}

void store_account_done(struct job *job)
{
	struct store_reader *reader = job->reader;
	struct store_account **bucket = store_reader_bucket(reader, job->key.uuid);
	struct store_account *account = job->account;

	if (job->status != 0)
		return;
	account->reader = reader;
	account->next = *bucket;
	*bucket = account;
	reader->stats.accounts++;
	reader->stats.accounts_opened++;
	idle_insert(account); /* until those that wait for it ask again */
}

int store_account_get(struct store_reader *reader, const uint8_t uuid[16], struct store_wait *wait,
		      struct store_account **account_r)
{
	struct store_account *account = *store_reader_bucket(reader, uuid);
	struct job_key key = {.kind = JOB_ACCOUNT};

	*account_r = NULL;
	while (account != NULL && memcmp(account->uuid, uuid, sizeof(account->uuid)) != 0)
		account = account->next;
	if (account == NULL) {
		memcpy(key.uuid, uuid, sizeof(key.uuid));
		return store_job_ask(reader, &reader->opening, &key, NULL, wait);
	}
	if (account->references++ == 0)
		idle_remove(account);
	*account_r = account;
	return 0;
}

void store_account_put(struct store_account **account)
{
	struct store_account *put = *account;

	*account = NULL;
	if (put == NULL)
		return;
	ASSERT(put->references > 0);
	if (--put->references == 0)
		idle_insert(put);
}

unsigned store_mailbox_count(const struct store_account *account)
{
	return account->checkpoint.header->mailboxes;
}

void store_mailbox_info(const struct store_account *account, unsigned number,
			struct store_mailbox_info *info_r)
{
	const struct disk_mailbox *disk = &account->checkpoint.mailboxes[number];

	ASSERT(number < account->checkpoint.header->mailboxes);
	*info_r = (struct store_mailbox_info){
		.name = store_checkpoint_name(&account->checkpoint, number),
		.attributes = disk->attributes,
		.uidvalidity = disk->uidvalidity,
		.uidnext = disk->uidnext,
		.highestmodseq = disk->highestmodseq,
		.messages = disk->messages,
		.unseen = disk->unseen,
		.deleted = disk->deleted,
		.recent = disk->recent,
		.size = disk->size,
		.size_deleted = disk->size_deleted,
	};
	memcpy(info_r->mailboxid, disk->mailboxid, sizeof(info_r->mailboxid));
}

int store_mailbox_find(const struct store_account *account, struct span name)
{
	uint8_t canonical[STORE_NAME_BYTES_MAX];
	unsigned low = 0, high = account->checkpoint.header->mailboxes;

	if (name.len == 0 || name.len > sizeof(canonical))
		return -ENOENT;
	if (store_name_inbox(name)) {
		memcpy(canonical, name.ptr, name.len);
		memcpy(canonical, "INBOX", 5);
		name.ptr = canonical;
	}
	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (store_name_compare(store_checkpoint_name(&account->checkpoint, middle), name) <
		    0)
			low = middle + 1;
		else
			high = middle;
	}
	/* A name with control characters may compare equal to another: it is nobody's. */
	if (low == account->checkpoint.header->mailboxes ||
	    !span_eq(store_checkpoint_name(&account->checkpoint, low), name))
		return -ENOENT;
	return (int)low;
}
