/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "name.h"

enum {
	COMMIT_MESSAGES = 5000, /* what a kill may cost, where commits are cheap */
	/* The checkpoint holds the whole account: a large one is written less often, so that
	 * writing it stays a small part of the work. */
	COMMIT_SHARE = 16,
};

#define COMMIT_NS INT64_C(2000000000)

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int fail(struct store_import *import, int status, const char *what,
		struct store_error *error)
{
	import->failed = status;
	store_error_set(error, "%.200s/%s: %s: %s: %s", import->volume->path, import->path, what,
			strerror(-status),
			status == -ENOSPC ? "make room on the disk and run the import again"
					  : "what was committed is safe; run the import again");
	return status;
}

static void import_free(struct store_import **import)
{
	struct store_import *gone = *import;

	store_writer_close(&gone->mail);
	store_writer_close(&gone->meta);
	if (gone->preparer != NULL)
		gone->store->config.preparer_destroy(&gone->preparer);
	for (uint32_t k = 0; k < gone->mailboxes_n; k++)
		store_import_mailbox_free(&gone->mailboxes[k]);
	free(gone->mailboxes);
	free(gone->segments.table);
	free(gone->mids);
	free(gone->emailids);
	store_digests_free(&gone->digests);
	if (gone->directory >= 0)
		close(gone->directory);
	free(gone);
	*import = NULL;
}

static int writer_open(struct store_import *import, struct store_writer *writer,
		       enum format_kind kind, struct store_error *error)
{
	const char *fault;
	int status;

	writer->kind = kind;
	writer->volume = import->volume;
	writer->directory = import->directory;
	memcpy(writer->account, import->uuid, sizeof(writer->account));
	writer->segment_bytes_max = import->store->config.segment_bytes_max;
	writer->segments = &import->segments;
	status = store_writer_open(writer, &fault);
	if (status != 0)
		store_error_set(error, "%.200s/%s: the last %s segment: %s: see `wiremapctl check`",
				import->volume->path, import->path,
				kind == FORMAT_MAIL ? "mail" : "meta",
				fault != NULL ? fault : strerror(-status));
	return status;
}

static int account_open(struct store_import *import, struct store_error *error)
{
	const struct store_config *config = &import->store->config;
	int status;

	store_account_path(import->uuid, import->path);
	import->directory =
		store_account_directory(import->store, import->uuid, true, &import->volume);
	if (import->directory < 0)
		return fail(import, import->directory, "its directory", error);
	import->mid_next = 1;
	import->prep_version = config->prepare_version;
	import->uidvalidity_next = (uint32_t)time(NULL);
	status = store_import_load(import, error);
	if (status != 0)
		return status;
	if (import->prep_version != config->prepare_version) {
		store_error_set(error,
				"%.200s/%s: its prepared answers are of version %u, this program "
				"makes version %u: remove the account's mail (`wiremapctl user del "
				"--mail`) and import it again",
				import->volume->path, import->path, import->prep_version,
				config->prepare_version);
		return -EINVAL;
	}
	import->preparer = config->preparer_create();
	if (import->preparer == NULL)
		return fail(import, -ENOMEM, "making the preparer", error);
	status = writer_open(import, &import->mail, FORMAT_MAIL, error);
	if (status == 0)
		status = writer_open(import, &import->meta, FORMAT_META, error);
	return status;
}

int store_import_open(struct store *store, const uint8_t uuid[16], struct store_import **import_r,
		      struct store_error *error_r)
{
	struct store_import *import = calloc(1, sizeof(*import));
	int status;

	ASSERT(store->config.prepare != NULL);
	error_r->text[0] = '\0';
	*import_r = NULL;
	if (import == NULL)
		return -ENOMEM;
	import->store = store;
	import->directory = -1;
	import->mail.file = import->meta.file = -1;
	memcpy(import->uuid, uuid, sizeof(import->uuid));
	import->committed_ns = now_ns();
	status = account_open(import, error_r);
	/* An account without INBOX does not exist (RFC 9051 5.1). */
	if (status == 0)
		status = store_import_mailbox(import, span_of("INBOX"), 0, error_r);
	if (status < 0) {
		import_free(&import);
		return status;
	}
	*import_r = import;
	return 0;
}

int store_import_commit(struct store_import *import, struct store_error *error_r)
{
	int64_t start = now_ns();
	int status;

	if (import->failed != 0)
		return fail(import, import->failed, "an earlier write failed", error_r);
	if (!import->changed)
		return 0;
	status = store_writer_sync(&import->mail);
	if (status == 0)
		status = store_writer_sync(&import->meta);
	if (status == 0)
		status = store_import_write(import);
	if (status != 0)
		return fail(import, status, "writing the checkpoint", error_r);
	import->changed = false;
	import->uncommitted = 0;
	import->committed_ns = now_ns();
	import->commit_cost_ns = import->committed_ns - start;
	return 0;
}

uint32_t store_import_pending(const struct store_import *import)
{
	return import->uncommitted;
}

int store_import_close(struct store_import **import, struct store_error *error_r)
{
	int status;

	if (*import == NULL)
		return 0;
	status = store_import_commit(*import, error_r);
	import_free(import);
	return status;
}

/* --- Mailboxes --- */

static int mailbox_find(const struct store_import *import, struct span name)
{
	for (uint32_t k = 0; k < import->mailboxes_n; k++)
		if (span_eq((struct span){import->mailboxes[k]->name,
					  import->mailboxes[k]->name_len},
			    name))
			return (int)k;
	return -ENOENT;
}

/* A name that is only subscribed never hides a mailbox, and a mailbox replaces a mere name. */
static int mailbox_get(struct store_import *import, struct span name, uint32_t attributes)
{
	int number = mailbox_find(import, name);
	uint32_t made = 0, *known, merged;

	if (number < 0) {
		int status = store_import_mailbox_make(import, name, attributes, &made);

		return status != 0 ? status : (int)made;
	}
	known = &import->mailboxes[number]->disk.attributes;
	merged = *known | attributes;
	if (((*known & attributes) & STORE_NONEXISTENT) == 0)
		merged &= ~(uint32_t)STORE_NONEXISTENT;
	if (((*known & attributes) & STORE_NOSELECT) == 0)
		merged &= ~(uint32_t)STORE_NOSELECT;
	if (merged != *known) {
		*known = merged;
		import->changed = true;
	}
	return number;
}

int store_import_mailbox(struct store_import *import, struct span name, uint32_t attributes,
			 struct store_error *error_r)
{
	uint8_t canonical[STORE_NAME_BYTES_MAX];
	const char *fault;
	int number = 0;

	if (name.len <= sizeof(canonical) && store_name_inbox(name)) {
		memcpy(canonical, name.ptr, name.len);
		memcpy(canonical, "INBOX", 5);
		name.ptr = canonical;
	}
	fault = store_name_fault(name);
	if (fault != NULL) {
		store_error_set(error_r, "mailbox \"%.*s\": %s",
				(int)(name.len < 100 ? name.len : 100), (const char *)name.ptr,
				fault);
		return -EINVAL;
	}
	if ((attributes & STORE_NONEXISTENT) == 0)
		for (size_t at = 1; at < name.len && number >= 0; at++)
			if (name.ptr[at] == STORE_SEPARATOR)
				number = mailbox_get(import, span_cut(name, 0, at), STORE_NOSELECT);
	if (number >= 0)
		number = mailbox_get(import, name, attributes);
	if (number < 0)
		store_error_set(error_r, "mailbox \"%.*s\": %s",
				(int)(name.len < 100 ? name.len : 100), (const char *)name.ptr,
				number == -ENOSPC ? "the account has 100000 mailboxes already"
						  : strerror(-number));
	return number;
}

/* --- Messages --- */

/* Stores the bytes and what is derived from them under a new mid. */
static int bytes_add(struct store_import *import, struct span bytes, const uint8_t digest[16],
		     uint64_t *mid_r, struct store_error *error)
{
	struct disk_mid entry = {.mail_len = (uint32_t)bytes.len};
	uint64_t mid = import->mid_next;
	struct span derived;
	int status = import->store->config.prepare(import->preparer, bytes, &derived);

	if (status != 0 || derived.len > STORE_MESSAGE_BYTES_MAX) {
		store_error_set(error, "the message cannot be prepared: %s",
				strerror(status != 0 ? -status : EFBIG));
		return status != 0 ? status : -EFBIG;
	}
	import->mid_next++;
	status = store_import_mids_reserve(import);
	if (status == 0)
		status = store_writer_append(&import->mail, mid, bytes, 0, &entry.mail_slot,
					     &entry.mail_off);
	if (status == 0)
		status = store_writer_append(&import->meta, mid, derived, import->prep_version,
					     &entry.meta_slot, &entry.meta_off);
	if (status != 0)
		return fail(import, status, "storing a message", error);
	entry.meta_len = (uint32_t)derived.len;
	import->mids[mid - 1] = entry;
	memcpy(import->emailids + (mid - 1) * 16, digest, 16);
	*mid_r = mid;
	return 0;
}

static void keywords_set(struct store_import *import, struct import_mailbox *mailbox,
			 const struct store_message *message, uint64_t bits[2])
{
	for (unsigned k = 0; k < message->keywords_n; k++) {
		int number = store_import_keyword(mailbox, message->keywords[k]);

		if (number >= 0) {
			bits[number / 64] |= UINT64_C(1) << (number % 64);
		} else if (!mailbox->keywords_full_told) {
			mailbox->keywords_full_told = true;
			log_line(import->store->config.log, LOG_LEVEL_WARNING,
				 "mailbox \"%.*s\": keyword \"%.*s\" and maybe others left out: %s",
				 (int)mailbox->name_len, (const char *)mailbox->name,
				 (int)message->keywords[k].len,
				 (const char *)message->keywords[k].ptr,
				 number == -ENOSPC ? "a mailbox holds 128" : "not an IMAP atom");
		}
	}
}

static void row_add(struct store_import *import, struct import_mailbox *mailbox,
		    const struct store_message *message, uint64_t mid)
{
	struct disk_mailbox *disk = &mailbox->disk;
	uint32_t i = disk->messages++;
	struct disk_chunk *chunk = &mailbox->chunks[i / FORMAT_CHUNK_MESSAGES];
	uint32_t place = i % FORMAT_CHUNK_MESSAGES;
	uint32_t size = (uint32_t)message->bytes.len;

	mailbox->uid[i] = message->uid != 0 ? message->uid : disk->uidnext;
	disk->uidnext = mailbox->uid[i] + 1;
	mailbox->size[i] = size;
	mailbox->mid[i] = mid;
	mailbox->utc[i] = message->date.utc_s;
	mailbox->zone[i] = message->date.zone_min;
	mailbox->saved[i] = time(NULL);
	chunk->system[place] = message->system & (STORE_SEEN | STORE_ANSWERED | STORE_FLAGGED |
						  STORE_DELETED | STORE_DRAFT);
	keywords_set(import, mailbox, message, chunk->keywords[place]);
	disk->highestmodseq = chunk->modseq_max = chunk->modseq[place] = ++import->modseq;
	disk->size += size;
	disk->unseen += (message->system & STORE_SEEN) == 0;
	if ((message->system & STORE_DELETED) != 0) {
		disk->deleted++;
		disk->size_deleted += size;
	}
	import->mids[mid - 1].references++;
	import->changed = true;
}

static bool commit_due(const struct store_import *import)
{
	int64_t since = now_ns() - import->committed_ns;

	return (import->uncommitted >= COMMIT_MESSAGES &&
		import->uncommitted >= import->mid_next / COMMIT_SHARE) ||
	       (since >= COMMIT_NS && since >= COMMIT_SHARE * import->commit_cost_ns);
}

static const char *message_fault(const struct import_mailbox *mailbox,
				 const struct store_message *message)
{
	if (message->bytes.len > STORE_MESSAGE_BYTES_MAX)
		return "the message is longer than 2 GiB";
	if ((mailbox->disk.attributes & (STORE_NOSELECT | STORE_NONEXISTENT)) != 0)
		return "the mailbox holds no messages";
	if (mailbox->disk.uidnext == UINT32_MAX || mailbox->disk.messages > INT32_MAX)
		return "the mailbox has no UIDs left";
	if (message->uid == UINT32_MAX)
		return "a UID cannot be 4294967295, for none can follow";
	return NULL;
}

/*
 * 1: the message may be added with that UID; 0: it is there; -EEXIST. A client that came along
 * with the UIDVALIDITY takes what has the UID here for what had it there: the bytes decide.
 */
static int uid_take(const struct store_import *import, const struct import_mailbox *mailbox,
		    uint32_t uid, const uint8_t digest[16], struct store_digest *copies,
		    struct store_error *error)
{
	uint32_t low = 0, high = mailbox->disk.messages;

	ASSERT(mailbox->identified);
	if (uid >= mailbox->disk.uidnext) {
		if (copies == NULL || copies->offered >= copies->before)
			return 1;
		store_error_set(error, "the message of UID %u is here with another one", uid);
		return -EEXIST;
	}
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (mailbox->uid[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < mailbox->disk.messages && mailbox->uid[low] == uid &&
	    memcmp(import->emailids + (mailbox->mid[low] - 1) * 16, digest, 16) == 0) {
		if (copies != NULL)
			copies->offered++;
		return 0;
	}
	store_error_set(error, "UID %u was given to another message here", uid);
	return -EEXIST;
}

int store_import_message(struct store_import *import, unsigned mailbox,
			 const struct store_message *message, struct store_error *error_r)
{
	struct store_digest *entry, *copies;
	uint8_t digest[16];
	const char *fault;
	uint64_t mid;
	int status;

	ASSERT(mailbox < import->mailboxes_n);
	if (import->failed != 0)
		return fail(import, import->failed, "an earlier write failed", error_r);
	fault = message_fault(import->mailboxes[mailbox], message);
	if (fault != NULL) {
		store_error_set(error_r, "%s", fault);
		return -EINVAL;
	}
	status = store_digest_make(message->bytes.ptr, message->bytes.len, digest);
	if (status != 0)
		return fail(import, status, "hashing a message", error_r);
	copies = store_digests_find(&import->digests, digest, mailbox);
	if (message->uid != 0) {
		status = uid_take(import, import->mailboxes[mailbox], message->uid, digest, copies,
				  error_r);
		if (status <= 0)
			return status;
	} else if (copies != NULL && ++copies->offered <= copies->before) {
		return 0;
	}
	entry = store_digests_find(&import->digests, digest, DIGESTS_ACCOUNT);
	mid = entry != NULL ? entry->mid : 0;
	if (store_import_mailbox_reserve(import->mailboxes[mailbox]) != 0)
		return fail(import, -ENOMEM, "storing a message", error_r);
	if (mid == 0) {
		status = bytes_add(import, message->bytes, digest, &mid, error_r);
		if (status != 0)
			return status;
		if (store_digests_get(&import->digests, digest, DIGESTS_ACCOUNT, mid) == NULL)
			return fail(import, -ENOMEM, "storing a message", error_r);
	}
	row_add(import, import->mailboxes[mailbox], message, mid);
	import->uncommitted++;
	if (commit_due(import))
		status = store_import_commit(import, error_r);
	return status != 0 ? status : 1;
}
