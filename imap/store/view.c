/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

/* --- On a worker --- */

/*
 * Reads the mailbox's columns to their place behind the account's tables (F7). Nobody else looks
 * there: no view of this mailbox is open, and another mailbox's columns are other bytes or, in a
 * file made to harm, the same bytes again.
 */
static int columns_read(const struct store *store, struct store_account *account, uint32_t number,
			struct store_columns *columns_r, const char **fault_r)
{
	const struct disk_mailbox *mailbox = &account->checkpoint.mailboxes[number];
	const struct disk_extent *extent = &mailbox->columns;
	const struct store_volume *volume;
	size_t len = 0;
	int status, file = store_account_file(store, account->uuid, &len, &volume);

	if (file < 0)
		return file;
	if (len != account->index.len || extent->off > len || extent->len > len - extent->off) {
		*fault_r = "its columns are out of bounds";
		status = -EIO;
	} else {
		status = store_map_read(&account->index, file, extent->off, extent->len);
	}
	close(file);
	if (status != 0)
		return status;
	*fault_r = store_columns_open(&account->checkpoint, number, columns_r);
	return *fault_r == NULL ? 0 : -EIO;
}

void store_view_run(struct job *job)
{
	const struct store *store = job->reader->store;
	struct store_account *account = job->account;
	struct store_view *view = calloc(1, sizeof(*view));
	char path[ACCOUNT_PATH_MAX];
	const char *fault = NULL;

	job->status = -ENOMEM;
	if (view != NULL)
		job->status = columns_read(store, account, job->key.number, &view->columns, &fault);
	if (job->status == 0) {
		view->count = account->checkpoint.mailboxes[job->key.number].messages;
		view->number = job->key.number;
		view->account = account;
		job->view = view;
		return;
	}
	free(view);
	store_account_path(account->uuid, path);
	log_line(store->config.log, LOG_LEVEL_ERROR, "account %s, mailbox number %u: %s", path,
		 job->key.number, fault != NULL ? fault : strerror(-job->status));
	job->status = job->status == -ENOMEM ? -ENOMEM : -EIO;
}

/* --- On the core --- */

void store_view_done(struct job *job)
{
	if (job->status != 0)
		return;
	job->account->views[job->key.number] = job->view;
	job->reader->stats.views_opened++;
}

int store_view_get(struct store_reader *reader, struct store_account *account, unsigned number,
		   struct store_wait *wait, struct store_view **view_r)
{
	struct job_key key = {.kind = JOB_VIEW, .number = number};
	struct store_view *view;

	ASSERT(account->references > 0);
	*view_r = NULL;
	if (number >= account->checkpoint.header->mailboxes ||
	    (account->checkpoint.mailboxes[number].attributes &
	     (STORE_NOSELECT | STORE_NONEXISTENT)) != 0)
		return -ENOENT;
	view = account->views[number];
	if (view == NULL) {
		memcpy(key.uuid, account->uuid, sizeof(key.uuid));
		return store_job_ask(reader, &account->jobs, &key, account, wait);
	}
	view->references++;
	account->references++;
	*view_r = view;
	return 0;
}

void store_view_put(struct store_view **view)
{
	struct store_view *put = *view;
	struct store_account *account;

	*view = NULL;
	if (put == NULL)
		return;
	ASSERT(put->references > 0);
	put->references--;
	account = put->account;
	store_account_put(&account);
}

void store_view_info(const struct store_view *view, struct store_mailbox_info *info_r)
{
	store_mailbox_info(view->account, view->number, info_r);
}

/* --- Rows: a load or two each. Ten thousand a FETCH. --- */

uint32_t store_view_count(const struct store_view *view)
{
	return view->count;
}

uint32_t store_view_uid(const struct store_view *view, uint32_t index)
{
	ASSERT(index < view->count);
	return view->columns.uid[index];
}

uint32_t store_view_lower_bound(const struct store_view *view, uint32_t uid)
{
	uint32_t low = 0, high = view->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (view->columns.uid[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t store_view_size(const struct store_view *view, uint32_t index)
{
	ASSERT(index < view->count);
	return view->columns.size[index];
}

struct store_date store_view_date(const struct store_view *view, uint32_t index)
{
	ASSERT(index < view->count);
	return (struct store_date){view->columns.utc[index], view->columns.zone[index]};
}

int64_t store_view_savedate(const struct store_view *view, uint32_t index)
{
	ASSERT(index < view->count);
	return view->columns.saved[index];
}

static const struct disk_chunk *chunk_of(const struct store_view *view, uint32_t index)
{
	ASSERT(index < view->count);
	return &view->columns.chunks[index / FORMAT_CHUNK_MESSAGES];
}

uint64_t store_view_modseq(const struct store_view *view, uint32_t index)
{
	return chunk_of(view, index)->modseq[index % FORMAT_CHUNK_MESSAGES];
}

void store_view_flags(const struct store_view *view, uint32_t index, struct store_flags *flags_r)
{
	const struct disk_chunk *chunk = chunk_of(view, index);
	uint32_t place = index % FORMAT_CHUNK_MESSAGES;

	*flags_r = (struct store_flags){
		.system = chunk->system[place],
		.keywords = {chunk->keywords[place][0], chunk->keywords[place][1]},
	};
}

void store_view_emailid(const struct store_view *view, uint32_t index, uint8_t id_r[16])
{
	ASSERT(index < view->count);
	memcpy(id_r, view->account->checkpoint.emailids + (view->columns.mid[index] - 1) * 16, 16);
}

unsigned store_view_keyword_count(const struct store_view *view)
{
	return view->account->checkpoint.mailboxes[view->number].keywords;
}

struct span store_view_keyword(const struct store_view *view, unsigned k)
{
	if (k >= store_view_keyword_count(view))
		return (struct span){NULL, 0};
	return store_checkpoint_string(&view->account->checkpoint, view->columns.keywords[k]);
}
