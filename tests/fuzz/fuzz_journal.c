/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal of any bytes, its header and as many of its changes signed as follow each other. The
 * first byte says up to which change it must be whole. A scan ends, gives changes whose numbers
 * follow and whose modseqs do not fall, and asks for a cut only above what must be whole.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "crc32c.h"
#include "journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Its id is what it says: the comparison with what is expected has unit tests. */
static struct store_journal_id header_sign(uint8_t *bytes)
{
	struct disk_journal *header = (struct disk_journal *)bytes;
	struct store_journal_id id = {0};

	header->magic = FORMAT_MAGIC_JOURNAL;
	header->version = FORMAT_VERSION;
	header->must_understand = 0;
	header->first += header->first == 0;
	memset(header->reserved, 0, sizeof(header->reserved));
	header->crc = store_crc32c(0, header, offsetof(struct disk_journal, crc));
	memcpy(id.account, header->account, sizeof(id.account));
	id.generation = header->generation;
	id.first = header->first;
	id.checkpoint_crc = header->checkpoint_crc;
	return id;
}

/* A change whose `reserved` is 1 keeps its bad checksum, so that torn ones are met, too. */
static void changes_sign(uint8_t *bytes, size_t len)
{
	size_t at = sizeof(struct disk_journal);

	while (len - at >= sizeof(struct disk_change)) {
		struct disk_change *change = (struct disk_change *)(bytes + at);

		if (change->magic != FORMAT_MAGIC_CHANGE || change->bytes < sizeof(*change) ||
		    change->bytes > len - at || change->bytes % 8 != 0)
			return;
		if (change->reserved != 1) {
			memcpy(change->account, ((struct disk_journal *)bytes)->account, 16);
			change->crc = store_crc32c(0, change, offsetof(struct disk_change, crc));
			change->crc = store_crc32c(change->crc, change + 1,
						   change->bytes - sizeof(*change));
		}
		at += change->bytes;
	}
}

static void scan_use(struct store_journal_scan *scan)
{
	uint64_t next = scan->next, modseq = 0, end = scan->end;
	struct store_change change;
	int status;

	while ((status = store_journal_next(scan, &change)) == 1) {
		ASSERT(change.header->number == next && change.header->modseq >= modseq);
		ASSERT(change.carried == 0);
		next++;
		modseq = change.header->modseq;
		end += change.header->bytes;
		ASSERT(scan->end == end && end <= scan->bytes.len);
	}
	ASSERT(status == 0 || status == -EIO);
	ASSERT(status == 0 || scan->fault != NULL);
	ASSERT(status != 0 || scan->next > scan->whole);
	ASSERT(status != 0 || scan->fault != NULL || scan->end == scan->bytes.len);
	ASSERT(scan->next == next && scan->end == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_journal_scan scan;
	struct store_journal_id id;
	uint8_t *bytes;

	if (size < 1 + sizeof(struct disk_journal))
		return 0;
	bytes = malloc(size - 1);
	ASSERT(bytes != NULL);
	memcpy(bytes, data + 1, size - 1);
	id = header_sign(bytes);
	changes_sign(bytes, size - 1);
	ASSERT(store_journal_open((struct span){bytes, size - 1}, &id,
				  data[0] == 0 ? 0 : id.first + data[0] - 1, &scan) == NULL);
	scan_use(&scan);
	free(bytes);
	return 0;
}
