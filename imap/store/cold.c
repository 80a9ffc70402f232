/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "record.h"
#include "writer.h"

/* --- Files --- */

static int file_open(const struct store *store, const struct store_account *account,
		     const struct disk_segment *disk)
{
	const struct store_volume *volume;
	char name[STORE_SEGMENT_NAME_MAX];
	int file, directory = store_account_directory(store, account->uuid, false, &volume);

	if (directory < 0)
		return directory;
	store_segment_name((enum format_kind)disk->kind, disk->number, name);
	file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (file < 0)
		file = -errno;
	close(directory);
	return file;
}

static void fault_log(const struct store *store, const struct store_account *account, uint32_t slot,
		      const char *what)
{
	const struct disk_segment *disk = &account->checkpoint.segments[slot];
	char path[ACCOUNT_PATH_MAX], name[STORE_SEGMENT_NAME_MAX];

	store_account_path(account->uuid, path);
	store_segment_name((enum format_kind)disk->kind, disk->number, name);
	log_line(store->config.log, LOG_LEVEL_ERROR, "account %s, %s: %s", path, name, what);
}

int store_segment_open(const struct store *store, struct store_account *account, uint32_t slot,
		       struct segment **segment_r)
{
	const struct disk_segment *disk = &account->checkpoint.segments[slot];
	size_t chunks = (size_t)(disk->used >> READER_CHUNK_SHIFT) + 1;
	struct segment *segment = calloc(1, sizeof(*segment) + chunks);
	const char *fault = NULL;
	int file, status;

	*segment_r = NULL;
	if (segment == NULL)
		return -ENOMEM;
	segment->account = account;
	segment->slot = slot;
	file = file_open(store, account, disk);
	status = file < 0 ? file : store_map_file(file, disk->used, &segment->map);
	if (file >= 0)
		close(file);
	if (status == 0)
		fault = store_segment_check((struct span){segment->map.base, segment->map.len},
					    (enum format_kind)disk->kind, disk->number,
					    account->uuid);
	if (status == 0 && fault == NULL) {
		*segment_r = segment;
		return 0;
	}
	fault_log(store, account, slot,
		  fault != NULL ? fault : (status == -EIO ? "it is cut" : strerror(-status)));
	store_segment_free(segment);
	return status == -ENOMEM ? -ENOMEM : -EIO;
}

void store_segment_free(struct segment *segment)
{
	while (segment->bad != NULL) {
		struct bad_mids *bad = segment->bad;

		segment->bad = bad->next;
		free(bad);
	}
	store_map_free(&segment->map);
	free(segment);
}

/* --- Which records lie in a chunk --- */

/* One pass over the records of a chunk. */
struct warming {
	const struct store *store;
	const struct segment *segment;
	const struct disk_segment *disk;
	struct span bytes;
	uint64_t from, to; /* the chunk */
	bool unreadable;   /* some page of it is */
	uint64_t *bad;
	uint32_t bad_n, bad_room;
};

/* Where the record of a mid lies. False: in another segment, or nowhere. */
static bool place_of(const struct warming *warming, uint64_t mid,
		     struct store_record_place *place_r)
{
	const struct store_checkpoint *checkpoint = &warming->segment->account->checkpoint;
	const struct disk_mid *entry = &checkpoint->mids[mid - 1];
	bool mail = warming->disk->kind == FORMAT_MAIL;

	if (entry->references == 0 ||
	    (mail ? entry->mail_slot : entry->meta_slot) != warming->segment->slot)
		return false;
	*place_r = (struct store_record_place){
		.kind = (enum format_kind)warming->disk->kind,
		.mid = mid,
		.off = mail ? entry->mail_off : entry->meta_off,
		.length = mail ? entry->mail_len : entry->meta_len,
	};
	return true;
}

/* The first mid at or after `mid` whose record lies in this segment; `end` when there is none. */
static uint64_t mid_next(const struct warming *warming, uint64_t mid, uint64_t end,
			 struct store_record_place *place_r)
{
	while (mid < end && !place_of(warming, mid, place_r))
		mid++;
	return mid;
}

/* The first mid whose record ends after the chunk's start; records rise with mids (F6). */
static uint64_t mid_first(const struct warming *warming, uint64_t low, uint64_t high)
{
	struct store_record_place place;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		uint64_t found = mid_next(warming, middle, high, &place);

		if (found < high && place.off + store_record_bytes(place.length) <= warming->from)
			low = found + 1;
		else
			high = middle;
	}
	return low;
}

/* --- Checking them --- */

static int bad_add(struct warming *warming, uint64_t mid, const char *what)
{
	char text[128];

	if (warming->bad_n == warming->bad_room) {
		uint32_t room = warming->bad_room == 0 ? 16 : warming->bad_room * 2;
		uint64_t *larger = realloc(warming->bad, room * sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		warming->bad = larger;
		warming->bad_room = room;
	}
	/* One line a chunk: `wiremapctl check` lists them all. */
	if (warming->bad_n == 0) {
		snprintf(text, sizeof(text), "message %" PRIu64 " (and maybe more): %s", mid, what);
		fault_log(warming->store, warming->segment->account, warming->segment->slot, text);
	}
	warming->bad[warming->bad_n++] = mid;
	return 0;
}

/* A page that cannot be read is found before anything reads it. */
static bool readable(const struct warming *warming, const struct store_record_place *place)
{
	uint64_t head = store_record_head_bytes(place->length);
	uint64_t end = place->off + store_record_bytes(place->length);
	uint64_t from = place->off + head > warming->from ? place->off + head : warming->from;

	/* Pieces overlap the chunk's ends by less than a piece. */
	from = from - place->off - head > FORMAT_PIECE_BYTES ? from - FORMAT_PIECE_BYTES
							     : place->off + head;
	if (end > warming->to + FORMAT_PIECE_BYTES)
		end = warming->to + FORMAT_PIECE_BYTES;
	return store_map_populate(&warming->segment->map, place->off, head) == 0 &&
	       (end <= from || store_map_populate(&warming->segment->map, from, end - from) == 0);
}

static int record_check(struct warming *warming, const struct store_record_place *place)
{
	bool outside = place->off < warming->from ||
		       place->off + store_record_bytes(place->length) > warming->to;
	const struct disk_record *record;
	const char *fault;

	if ((outside || warming->unreadable) && !readable(warming, place))
		return bad_add(warming, place->mid, "the disk cannot read it");
	fault = store_record_check(warming->bytes, place);
	record = (const struct disk_record *)(warming->bytes.ptr + place->off);
	if (fault == NULL && warming->disk->kind == FORMAT_META &&
	    record->prep_version != warming->segment->account->checkpoint.header->prep_version)
		fault = "it was prepared by another version";
	if (fault == NULL)
		fault = store_record_pieces_check(warming->bytes, place, warming->from,
						  warming->to);
	return fault == NULL ? 0 : bad_add(warming, place->mid, fault);
}

static int records_check(struct warming *warming)
{
	uint64_t end = warming->disk->mid_last + 1;
	uint64_t mid = mid_first(warming, warming->disk->mid_first, end);
	int status = 0;

	for (; status == 0; mid++) {
		struct store_record_place place;

		mid = mid_next(warming, mid, end, &place);
		if (mid == end || place.off >= warming->to)
			break;
		status = record_check(warming, &place);
	}
	return status;
}

int store_segment_warm(const struct store *store, struct segment *segment, uint32_t chunk,
		       struct bad_mids **bad_r)
{
	struct warming warming = {
		.store = store,
		.segment = segment,
		.disk = &segment->account->checkpoint.segments[segment->slot],
		.bytes = {segment->map.base, segment->map.len},
		.from = (uint64_t)chunk << READER_CHUNK_SHIFT,
	};
	int status = 0;

	*bad_r = NULL;
	warming.to = warming.from + READER_CHUNK_BYTES;
	if (warming.to > segment->map.len)
		warming.to = segment->map.len;
	if (warming.to > warming.from)
		warming.unreadable = store_map_populate(&segment->map, warming.from,
							warming.to - warming.from) != 0;
	if (warming.disk->mid_first != 0)
		status = records_check(&warming);
	/* Zeros may have come in place of bytes that were checked already. */
	if (status == 0 && segment->map.range != NULL && store_bus_lost(segment->map.range))
		status = -EIO;
	if (status == 0 && warming.bad_n > 0) {
		struct bad_mids *bad = malloc(sizeof(*bad) + warming.bad_n * sizeof(bad->mid[0]));

		if (bad != NULL) {
			*bad = (struct bad_mids){.n = warming.bad_n};
			memcpy(bad->mid, warming.bad, warming.bad_n * sizeof(bad->mid[0]));
		}
		status = bad != NULL ? 0 : -ENOMEM;
		*bad_r = bad;
	}
	free(warming.bad);
	return status;
}
