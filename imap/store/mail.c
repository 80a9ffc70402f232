/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <errno.h>

#include "check.h"
#include "record.h"

/* A record's payload in its segment. */
struct place {
	uint64_t mid;
	uint32_t slot;
	uint64_t from, to;
};

/* --- Warming, by a worker --- */

void store_warm_run(struct job *job)
{
	const struct store *store = job->reader->store;

	job->status = 0;
	if (job->segment == NULL) {
		job->status =
			store_segment_open(store, job->account, job->key.number, &job->segment);
		job->segment_made = job->status == 0;
	}
	if (job->status == 0)
		job->status = store_segment_warm(store, job->segment, job->key.chunk, &job->bad);
}

static void bad_take(struct store_reader *reader, struct segment *segment, struct bad_mids *bad)
{
	bad->next = segment->bad;
	segment->bad = bad;
	reader->stats.records_damaged += bad->n;
}

void store_warm_done(struct job *job)
{
	struct store_reader *reader = job->reader;
	struct segment *segment = job->segment;

	if (segment == NULL)
		return;
	if (job->segment_made) {
		ASSERT(job->account->segments[segment->slot] == NULL);
		job->account->segments[segment->slot] = segment;
		TAILQ_INSERT_TAIL(&reader->segments, segment, lru);
		reader->stats.segments++;
		reader->stats.segments_opened++;
		reader->stats.segments_bytes += segment->map.len;
	} else {
		segment->jobs--;
	}
	segment->touched = true;
	if (job->bad != NULL)
		bad_take(reader, segment, job->bad);
	if (job->status == 0) {
		segment->chunks[job->key.chunk] = job->bad != NULL ? CHUNK_MIXED : CHUNK_READY;
		reader->stats.chunks_warmed++;
	} else if (!segment->withdrawn) {
		store_segment_retire(reader, segment);
	}
	store_segment_drop(reader, segment);
}

/* --- Asking, on the core --- */

static bool is_bad(const struct segment *segment, uint64_t mid)
{
	for (const struct bad_mids *bad = segment->bad; bad != NULL; bad = bad->next)
		for (uint32_t k = 0; k < bad->n; k++)
			if (bad->mid[k] == mid)
				return true;
	return false;
}

/* Two jobs must not open the same file: who comes second waits for the first. */
static int segment_ask(struct store_reader *reader, struct store_account *account,
		       struct job_key *key, struct store_wait *wait)
{
	if (account->segments[key->number] == NULL)
		for (const struct job *job = account->jobs; job != NULL; job = job->next)
			if (job->key.kind == JOB_WARM && job->key.number == key->number) {
				*key = job->key;
				break;
			}
	return store_job_ask(reader, &account->jobs, key, account, wait);
}

/* Reading goes on: the next chunk is fetched while there are jobs to spare. */
static void read_ahead(struct store_reader *reader, struct store_account *account,
		       struct job_key key)
{
	const struct segment *segment = account->segments[key.number];

	key.chunk++;
	if (segment != NULL && key.chunk < segment->map.len >> READER_CHUNK_SHIFT &&
	    segment->chunks[key.chunk] == CHUNK_COLD && reader->jobs_free_n > reader->jobs_n / 2)
		store_job_ask(reader, &account->jobs, &key, account, NULL);
}

/* The chunk is not simply ready. 0: what is asked for in it may be given out all the same. */
static int chunk_ask(struct store_reader *reader, struct store_account *account,
		     const struct place *place, uint32_t chunk, struct store_wait *wait)
{
	const struct segment *segment = account->segments[place->slot];
	struct job_key key = {.kind = JOB_WARM, .number = place->slot, .chunk = chunk};
	int status;

	if (segment != NULL && segment->chunks[chunk] == CHUNK_READY)
		return 0;
	if (segment != NULL && segment->chunks[chunk] == CHUNK_MIXED)
		return is_bad(segment, place->mid) ? -EIO : 0;
	memcpy(key.uuid, account->uuid, sizeof(key.uuid));
	status = segment_ask(reader, account, &key, wait);
	if (status == -EAGAIN)
		read_ahead(reader, account, key);
	return status;
}

static struct span bytes_at(const struct segment *segment, uint64_t from, uint64_t to)
{
	return (struct span){segment->map.base + from, to - from};
}

static uint32_t chunk_last(const struct place *place)
{
	return (uint32_t)((place->to > place->from ? place->to - 1 : place->from) >>
			  READER_CHUNK_SHIFT);
}

/* Where a message's derived bytes lie. */
static struct place meta_place(const struct store_view *view, uint32_t index)
{
	const uint64_t mid = view->columns.mid[index];
	const struct disk_mid *entry = &view->account->checkpoint.mids[mid - 1];
	const uint64_t from = entry->meta_off + store_record_head_bytes(entry->meta_len);

	return (struct place){mid, entry->meta_slot, from, from + entry->meta_len};
}

int store_meta(struct store_reader *reader, struct store_view *view, uint32_t index,
	       struct store_wait *wait, struct span *derived_r)
{
	struct store_account *account = view->account;
	struct place place;
	struct segment *segment;
	uint32_t chunk;

	ASSERT(index < view->count);
	place = meta_place(view, index);
	segment = account->segments[place.slot];
	chunk = (uint32_t)(place.from >> READER_CHUNK_SHIFT);
	for (; chunk <= chunk_last(&place); chunk++) {
		int status;

		if (segment != NULL && segment->chunks[chunk] == CHUNK_READY)
			continue;
		status = chunk_ask(reader, account, &place, chunk, wait);
		if (status != 0)
			return status;
	}
	segment->touched = true;
	*derived_r = bytes_at(segment, place.from, place.to);
	return 0;
}

void store_meta_prefetch(const struct store_view *view, uint32_t index)
{
	const struct segment *segment;
	const uint8_t *at;
	struct place place;

	if (index >= view->count)
		return;
	place = meta_place(view, index);
	segment = view->account->segments[place.slot];
	if (segment == NULL || segment->chunks[place.from >> READER_CHUNK_SHIFT] != CHUNK_READY)
		return;
	/* A prefetch never faults, so it may run past the end. */
	at = segment->map.base + place.from;
	for (unsigned line = 0; line < READER_PREFETCH_BYTES; line += 64)
		__builtin_prefetch(at + line, 0, 3);
}

/* How far the ready chunks after the one of `from` reach, at most to `to`. */
static uint64_t ready_until(const struct segment *segment, uint64_t from, uint64_t to)
{
	uint64_t end = (from | (READER_CHUNK_BYTES - 1)) + 1;

	while (end < to && segment->chunks[end >> READER_CHUNK_SHIFT] == CHUNK_READY)
		end += READER_CHUNK_BYTES;
	return end < to ? end : to;
}

int store_mail(struct store_reader *reader, struct store_view *view, uint32_t index, uint32_t off,
	       uint32_t len, struct store_wait *wait, struct span *bytes_r)
{
	struct store_account *account = view->account;
	const struct disk_mid *entry;
	struct place place;
	struct segment *segment;
	uint32_t chunk;

	ASSERT(index < view->count);
	place.mid = view->columns.mid[index];
	entry = &account->checkpoint.mids[place.mid - 1];
	if (off >= entry->mail_len || len == 0)
		return -EINVAL;
	if (len > entry->mail_len - off)
		len = entry->mail_len - off;
	place.slot = entry->mail_slot;
	place.from = entry->mail_off + store_record_head_bytes(entry->mail_len) + off;
	place.to = place.from + len;
	segment = account->segments[place.slot];
	chunk = (uint32_t)(place.from >> READER_CHUNK_SHIFT);
	if (segment == NULL || segment->chunks[chunk] != CHUNK_READY) {
		int status = chunk_ask(reader, account, &place, chunk, wait);

		if (status != 0)
			return status;
	}
	segment->touched = true;
	*bytes_r = bytes_at(segment, place.from, ready_until(segment, place.from, place.to));
	return 0;
}
