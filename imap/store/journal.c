/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <errno.h>
#include <stddef.h>

#include "change_build.h"
#include "check.h"
#include "crc32c.h"

/* --- Reading --- */

static bool zero(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum |= bytes[i];
	return sum == 0;
}

static const char *header_check(struct span bytes, const struct store_journal_id *id)
{
	const struct disk_journal *header = (const struct disk_journal *)bytes.ptr;

	if (bytes.len < sizeof(*header))
		return "it is cut";
	if (header->magic != FORMAT_MAGIC_JOURNAL)
		return "it is no journal";
	if (header->crc != store_crc32c(0, header, offsetof(struct disk_journal, crc)))
		return "its header is damaged";
	if (header->version != FORMAT_VERSION ||
	    (header->must_understand & ~FORMAT_UNDERSTOOD) != 0 ||
	    !zero(header->reserved, sizeof(header->reserved)))
		return "it needs a newer program";
	if (memcmp(header->account, id->account, sizeof(header->account)) != 0)
		return "it is another account's";
	if (header->generation != id->generation || header->checkpoint_crc != id->checkpoint_crc ||
	    header->first != id->first)
		return "it continues another checkpoint"; /* F10 */
	return NULL;
}

const char *store_journal_open(struct span bytes, const struct store_journal_id *id, uint64_t whole,
			       struct store_journal_scan *scan_r)
{
	const char *fault;

	ASSERT((uintptr_t)bytes.ptr % FORMAT_CHANGE_ALIGN == 0);
	fault = header_check(bytes, id);
	*scan_r = (struct store_journal_scan){
		.bytes = bytes,
		.id = *id,
		.whole = whole,
		.end = sizeof(struct disk_journal),
		.next = id->first,
		.fault = fault,
	};
	return fault;
}

/* What the changes of one journal owe to each other. */
static const char *place_check(const struct store_journal_scan *scan,
			       const struct store_change *change)
{
	const struct disk_change *header = change->header;

	if (memcmp(header->account, scan->id.account, sizeof(header->account)) != 0)
		return "a change is another account's";
	if (header->number != scan->next)
		return "a change is missing or stands twice"; /* F8 */
	if (header->modseq < scan->modseq)
		return "its modseqs fall"; /* F8 */
	if (change->carried > 0)
		return "a change carries a message";
	return NULL;
}

int store_journal_next(struct store_journal_scan *scan, struct store_change *change_r)
{
	struct span rest = {scan->bytes.ptr + scan->end, scan->bytes.len - scan->end};
	enum store_change_status status;

	if (rest.len == 0) {
		*change_r = (struct store_change){.fault = "the journal ends"};
		scan->fault = scan->next <= scan->whole ? "it ends before its last change" : NULL;
		return scan->fault != NULL ? -EIO : 0;
	}
	status = store_change_open(rest, change_r);
	scan->fault = change_r->fault;
	if (status == STORE_CHANGE_TORN)
		return scan->next <= scan->whole ? -EIO : 0;
	if (status == STORE_CHANGE_WHOLE)
		scan->fault = place_check(scan, change_r);
	if (scan->fault != NULL)
		return -EIO;
	scan->end += change_r->header->bytes;
	scan->next++;
	scan->modseq = change_r->header->modseq;
	return 1;
}

/* --- Writing --- */

struct store_journal {
	struct store_journal_file *file;
	struct store_change_builder *builder; /* for changes that lose what they carry */
	uint8_t account[16];
	uint64_t end, next, modseq;
	uint64_t durable; /* number of the last change that is */
	bool torn;	  /* a write failed: bytes may lie beyond `end` */
	int error;	  /* 0, or -EIO: a sync or a cut failed */
};

static struct store_journal *journal_make(struct store_journal_file *file,
					  const struct store_journal_id *id)
{
	struct store_journal *journal = calloc(1, sizeof(*journal));

	if (journal == NULL)
		return NULL;
	journal->builder = store_change_builder_create(FORMAT_CHANGE_BYTES_MAX);
	if (journal->builder == NULL) {
		free(journal);
		return NULL;
	}
	journal->file = file;
	memcpy(journal->account, id->account, sizeof(journal->account));
	journal->end = sizeof(struct disk_journal);
	journal->next = id->first;
	journal->durable = id->first - 1;
	return journal;
}

int store_journal_create(struct store_journal_file *file, const struct store_journal_id *id,
			 struct store_journal **journal_r)
{
	struct store_journal *journal;
	struct disk_journal header = {
		.magic = FORMAT_MAGIC_JOURNAL,
		.version = FORMAT_VERSION,
		.generation = id->generation,
		.first = id->first,
		.checkpoint_crc = id->checkpoint_crc,
	};
	int error;

	ASSERT(id->first > 0 && (id->generation > 0 || id->checkpoint_crc == 0));
	*journal_r = NULL;
	memcpy(header.account, id->account, sizeof(header.account));
	header.crc = store_crc32c(0, &header, offsetof(struct disk_journal, crc));
	journal = journal_make(file, id);
	if (journal == NULL)
		return -ENOMEM;
	error = file->write(file, 0, (struct span){(const uint8_t *)&header, sizeof(header)});
	if (error != 0)
		store_journal_close(&journal);
	*journal_r = journal;
	return error;
}

int store_journal_resume(struct store_journal_file *file, const struct store_journal_scan *scan,
			 struct store_journal **journal_r)
{
	struct store_journal *journal;
	int error = 0;

	ASSERT(scan->next > scan->whole);
	*journal_r = NULL;
	journal = journal_make(file, &scan->id);
	if (journal == NULL)
		return -ENOMEM;
	journal->end = scan->end;
	journal->next = scan->next;
	journal->modseq = scan->modseq;
	journal->durable = scan->whole > journal->durable ? scan->whole : journal->durable;
	if (scan->end < scan->bytes.len) /* F10 */
		error = file->cut(file, scan->end);
	if (error != 0)
		store_journal_close(&journal);
	*journal_r = journal;
	return error;
}

void store_journal_close(struct store_journal **journal)
{
	if (*journal != NULL)
		store_change_builder_destroy(&(*journal)->builder);
	free(*journal);
	*journal = NULL;
}

/* F10: what comes may be shorter than what a write left that failed. A cut ends in a sync, so a
 * failed one is final, too. */
static int torn_cut(struct store_journal *journal)
{
	int error = journal->file->cut(journal->file, journal->end);

	journal->torn = error != 0;
	if (error != 0)
		journal->error = -EIO;
	return error;
}

int store_journal_append(struct store_journal *journal, const struct store_change *change)
{
	struct span bytes = store_change_bytes(change);
	int error = journal->error;

	ASSERT(change->fault == NULL);
	ASSERT(memcmp(change->header->account, journal->account, sizeof(journal->account)) == 0);
	ASSERT(change->header->number == journal->next &&
	       change->header->modseq >= journal->modseq);
	if (error == 0 && change->carried > 0)
		error = store_change_strip(change, journal->builder, &bytes);
	if (error == 0 && journal->torn)
		error = torn_cut(journal);
	if (error != 0)
		return error;
	error = journal->file->write(journal->file, journal->end, bytes);
	journal->torn = error != 0;
	if (error != 0)
		return error;
	journal->end += bytes.len;
	journal->next++;
	journal->modseq = change->header->modseq;
	return 0;
}

int store_journal_sync(struct store_journal *journal)
{
	int error = journal->error;

	if (error == 0)
		error = journal->file->sync(journal->file);
	if (error == 0)
		journal->durable = journal->next - 1;
	else
		journal->error = -EIO;
	return error;
}

uint64_t store_journal_next_number(const struct store_journal *journal)
{
	return journal->next;
}

uint64_t store_journal_durable(const struct store_journal *journal)
{
	return journal->durable;
}

uint64_t store_journal_bytes(const struct store_journal *journal)
{
	return journal->end;
}
