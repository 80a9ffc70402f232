/* SPDX-License-Identifier: Apache-2.0 */
#include "scoreboard.h"

#include <errno.h>
#include <rte_mempool.h>

enum {
	POOL_CACHE = 64,
	/* A connection with three segments in flight holds a block of 16 KiB for them: scoreboards
	 * and chunks for half of the blocks. One that gets none has two segments in flight. */
	LEAST = 128,
};

static uint16_t number_after(uint16_t number)
{
	return (number + 1) & RECORD_MASK;
}

/* How many records lie before it. */
static uint16_t place(const struct connection *c, uint16_t number)
{
	return (number - c->record_first) & RECORD_MASK;
}

static uint16_t number_end(const struct connection *c)
{
	return (c->record_first + c->records_n) & RECORD_MASK;
}

static struct chunk **chunk_slot(struct scoreboard *board, uint32_t number)
{
	return &board->chunks[number / CHUNK_RECORDS % SCOREBOARD_CHUNKS];
}

/* --- Memory --- */

static struct rte_mempool *pool_create(struct tcp *tcp, const char *kind, uint32_t n, size_t size)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "%s_%s", tcp->config.name, kind);
	return rte_mempool_create(name, n, (unsigned)size, n / 2 < POOL_CACHE ? n / 2 : POOL_CACHE,
				  0, NULL, NULL, NULL, NULL, tcp->config.socket, 0);
}

static void board_init(struct rte_mempool *pool, void *opaque, void *object, unsigned index)
{
	(void)pool;
	(void)opaque;
	(void)index;
	memset(object, 0, sizeof(struct scoreboard));
}

int tcp_scoreboard_create(struct tcp *tcp)
{
	uint32_t boards = tcp->config.packet_memory_bytes / (2 * 16384);

	boards = boards > LEAST ? boards : LEAST;
	tcp->scoreboards = pool_create(tcp, "boards", boards, sizeof(struct scoreboard));
	tcp->chunks = pool_create(tcp, "chunks", 2 * boards, sizeof(struct chunk));
	if (tcp->scoreboards == NULL || tcp->chunks == NULL)
		return -ENOMEM;
	rte_mempool_obj_iter(tcp->scoreboards, board_init, NULL);
	return 0;
}

void tcp_scoreboard_destroy(struct tcp *tcp)
{
	ASSERT(tcp->scoreboards == NULL || rte_mempool_full(tcp->scoreboards));
	ASSERT(tcp->chunks == NULL || rte_mempool_full(tcp->chunks));
	rte_mempool_free(tcp->scoreboards);
	rte_mempool_free(tcp->chunks);
}

static bool chunk_take(struct tcp *tcp, struct scoreboard *board, uint32_t number)
{
	struct chunk **slot = chunk_slot(board, number);
	void *object;

	if (*slot != NULL)
		return true;
	if (rte_mempool_get(tcp->chunks, &object) != 0)
		return false;
	*slot = object;
	return true;
}

/* The chunks that are held follow one another from the first record's on. */
static void board_put(struct tcp *tcp, struct scoreboard *board, uint32_t first)
{
	for (uint32_t number = first; *chunk_slot(board, number) != NULL; number += CHUNK_RECORDS) {
		rte_mempool_put(tcp->chunks, *chunk_slot(board, number));
		*chunk_slot(board, number) = NULL;
	}
	rte_mempool_put(tcp->scoreboards, board);
}

bool tcp_scoreboard_take(struct tcp *tcp, struct connection *c)
{
	struct scoreboard *board;
	void *object;

	if (c->scoreboard != NULL)
		return true;
	if (rte_mempool_get(tcp->scoreboards, &object) != 0) {
		tcp->stats.memory_dropped++;
		return false;
	}
	board = object;
	memset(board, 0, offsetof(struct scoreboard, chunks));
	board->lost_first = c->record_first;
	for (uint32_t i = 0; i < c->records_n; i++) {
		uint32_t number = (c->record_first + i) & RECORD_MASK;

		if (!chunk_take(tcp, board, number)) {
			tcp->stats.memory_dropped++;
			board_put(tcp, board, c->record_first);
			return false;
		}
		(*chunk_slot(board, number))->records[number % CHUNK_RECORDS] =
			c->records[number % RECORDS_INLINE];
	}
	c->scoreboard = board;
	return true;
}

void tcp_scoreboard_settle(struct tcp *tcp, struct connection *c)
{
	if (c->records_n > 0 || c->scoreboard == NULL)
		return;
	board_put(tcp, c->scoreboard, c->record_first);
	c->scoreboard = NULL;
}

void tcp_scoreboard_clear(struct tcp *tcp, struct connection *c)
{
	c->records_n = 0;
	c->sacked_n = c->lost_n = 0;
	c->pipe = 0;
	tcp_scoreboard_settle(tcp, c);
}

uint32_t tcp_scoreboard_room(struct tcp *tcp, struct connection *c, uint32_t wanted)
{
	uint32_t n = 0;

	if (c->scoreboard == NULL && c->records_n + wanted <= RECORDS_INLINE)
		return wanted;
	if (!tcp_scoreboard_take(tcp, c))
		return c->records_n < RECORDS_INLINE;
	while (n < wanted && c->records_n + n < SCOREBOARD_RECORDS &&
	       chunk_take(tcp, c->scoreboard, (number_end(c) + n) & RECORD_MASK))
		n++;
	if (n == 0 && c->records_n == 0) {
		tcp_scoreboard_settle(tcp, c);
		return RECORDS_INLINE;
	}
	return n;
}

/* --- The network: records by the time they were sent --- */

static void network_append(struct connection *c, uint16_t number)
{
	struct record *record = tcp_record(c, number);

	record->older = c->pipe > 0 ? c->record_newest : RECORD_NONE;
	record->newer = RECORD_NONE;
	if (c->pipe > 0)
		tcp_record(c, c->record_newest)->newer = number;
	else
		c->record_oldest = number;
	c->record_newest = number;
	c->pipe += record->bytes;
}

static void network_remove(struct connection *c, uint16_t number)
{
	const struct record *record = tcp_record(c, number);

	if (record->older == RECORD_NONE)
		c->record_oldest = record->newer;
	else
		tcp_record(c, record->older)->newer = record->newer;
	if (record->newer == RECORD_NONE)
		c->record_newest = record->older;
	else
		tcp_record(c, record->newer)->older = record->older;
	ASSERT(c->pipe >= record->bytes);
	c->pipe -= record->bytes;
}

static bool in_network(const struct record *record)
{
	return !(record->flags & (RECORD_SACKED | RECORD_LOST));
}

void tcp_scoreboard_sent(struct tcp *tcp, struct connection *c, uint32_t bytes)
{
	uint16_t number = number_end(c);
	struct record *record = tcp_record(c, number);

	ASSERT(bytes > 0 && bytes <= UINT16_MAX);
	*record = (struct record){
		.seq = c->snd_nxt, .sent_us = tcp->now_us, .bytes = (uint16_t)bytes};
	c->records_n++;
	c->snd_nxt += bytes;
	network_append(c, number);
}

void tcp_scoreboard_resent(struct tcp *tcp, struct connection *c, uint16_t number)
{
	struct record *record = tcp_record(c, number);

	ASSERT(!(record->flags & RECORD_SACKED));
	if (record->flags & RECORD_LOST)
		c->lost_n--;
	else
		network_remove(c, number);
	record->flags = (record->flags & (uint8_t) ~(RECORD_LOST | RECORD_PROBE)) | RECORD_RESENT;
	record->sent_us = tcp->now_us;
	network_append(c, number);
}

/* --- Delivery --- */

/* RFC 8985 6.2 step 2: whether the record's last sending is what was delivered. */
static bool sending_is_known(const struct connection *c, const struct record *record,
			     const struct delivery *delivery)
{
	uint32_t age_us = (uint32_t)delivery->now_us - record->sent_us;

	if (!(record->flags & RECORD_RESENT))
		return true;
	if (delivery->echo &&
	    seq_lt(delivery->echo_ms, (uint32_t)((delivery->now_us - age_us) / 1000)))
		return false;
	return age_us >= c->min_rtt_us;
}

static void rack_update(struct scoreboard *board, const struct record *record,
			const struct delivery *delivery)
{
	uint32_t end = tcp_record_end(record);
	int32_t later = (int32_t)(record->sent_us - board->rack_us);

	if (!board->rack_valid || later > 0 || (later == 0 && seq_gt(end, board->rack_end))) {
		board->rack_us = record->sent_us;
		board->rack_end = end;
		board->rack_valid = true;
	}
	board->rack_rtt_us = (uint32_t)delivery->now_us - record->sent_us;
}

/* It has arrived, says an acknowledgement for the first time. */
static void deliver(struct connection *c, uint16_t number, struct delivery *delivery)
{
	struct record *record = tcp_record(c, number);
	struct scoreboard *board = c->scoreboard;
	uint32_t end = tcp_record_end(record),
		 age_us = (uint32_t)delivery->now_us - record->sent_us;

	delivery->bytes += record->bytes;
	delivery->probed |= !!(record->flags & RECORD_PROBE);
	if (delivery->largest < record->bytes)
		delivery->largest = record->bytes;
	if (record->flags & RECORD_LOST) {
		c->lost_n--;
		record->flags &= (uint8_t)~RECORD_LOST;
	} else {
		network_remove(c, number);
	}
	if (!(record->flags & RECORD_RESENT))
		delivery->rtt_us = age_us > 0 ? age_us : 1;
	if (board == NULL)
		return;
	if (sending_is_known(c, record, delivery))
		rack_update(board, record, delivery);
	/* RFC 8985 6.2 step 3. */
	if (!board->fack_valid || seq_gt(end, board->fack)) {
		board->fack = end;
		board->fack_valid = true;
	} else if (seq_lt(end, board->fack) && !(record->flags & RECORD_RESENT)) {
		delivery->reordered = true;
	}
}

/* Only a part of the first record is acknowledged. */
static void trim(struct connection *c, struct delivery *delivery)
{
	struct record *record = tcp_record(c, c->record_first);
	uint16_t bytes = (uint16_t)(c->snd_una - record->seq);

	if (in_network(record))
		c->pipe -= bytes;
	if (!(record->flags & RECORD_SACKED))
		delivery->bytes += bytes;
	record->seq = c->snd_una;
	record->bytes = (uint16_t)(record->bytes - bytes);
	record->flags &= (uint8_t)~RECORD_PROBE; /* the path has cut it */
}

static void first_drop(struct tcp *tcp, struct connection *c)
{
	uint16_t number = c->record_first;
	struct scoreboard *board = c->scoreboard;

	c->record_first = number_after(number);
	c->records_n--;
	if (board == NULL)
		return;
	if (board->lost_first == number)
		board->lost_first = c->record_first;
	if (c->record_first % CHUNK_RECORDS == 0) {
		rte_mempool_put(tcp->chunks, *chunk_slot(board, number));
		*chunk_slot(board, number) = NULL;
	}
}

void tcp_scoreboard_acked(struct tcp *tcp, struct connection *c, struct delivery *delivery)
{
	while (c->records_n > 0) {
		const struct record *record = tcp_record(c, c->record_first);
		uint32_t age_us = (uint32_t)delivery->now_us - record->sent_us;

		if (seq_gt(tcp_record_end(record), c->snd_una)) {
			if (seq_lt(record->seq, c->snd_una))
				trim(c, delivery);
			break;
		}
		if (record->flags & RECORD_SACKED) {
			c->sacked_n--;
		} else {
			if (record->flags & RECORD_RESENT)
				delivery->resent = true;
			else if (delivery->oldest_us == 0)
				delivery->oldest_us = age_us > 0 ? age_us : 1;
			deliver(c, c->record_first, delivery);
		}
		first_drop(tcp, c);
	}
}

/* The number of the first record at `seq` or behind. */
static uint16_t record_find(struct connection *c, uint32_t seq)
{
	uint32_t low = 0, high = c->records_n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (seq_lt(tcp_record(c, (c->record_first + middle) & RECORD_MASK)->seq, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return (uint16_t)((c->record_first + low) & RECORD_MASK);
}

/*
 * The first record behind a run of SACKed ones. A SACKed record is in no order of time: its
 * `newer` is a record up to which all are known to be SACKed, and is brought forward here. So
 * a block that grows with each acknowledgement, or a thousand that repeat what is known,
 * cost next to nothing.
 */
static uint16_t run_end(struct connection *c, uint16_t number)
{
	uint16_t end = number_end(c), at = number;

	while (at != end && (tcp_record(c, at)->flags & RECORD_SACKED))
		at = tcp_record(c, at)->newer;
	while (number != at) {
		struct record *record = tcp_record(c, number);

		number = record->newer;
		record->newer = at;
	}
	return at;
}

void tcp_scoreboard_sacked(struct connection *c, struct sack_block block, struct delivery *delivery)
{
	uint16_t number = record_find(c, block.start), end = number_end(c);

	ASSERT(c->scoreboard != NULL);
	while (number != end) {
		struct record *record = tcp_record(c, number);

		/* A record that is covered in part stays as it is: a segment arrives whole, unless
		 * the path cut it; then its other parts arrive as well, or it is lost. */
		if (seq_gt(tcp_record_end(record), block.end))
			break;
		if (record->flags & RECORD_SACKED) {
			number = run_end(c, number);
			continue;
		}
		deliver(c, number, delivery);
		record->flags |= RECORD_SACKED;
		record->newer = number_after(number);
		c->sacked_n++;
		delivery->sacked = true;
		number = number_after(number);
	}
}

/* --- Loss --- */

static void lost_mark(struct connection *c, uint16_t number)
{
	struct scoreboard *board = c->scoreboard;

	tcp_record(c, number)->flags |= RECORD_LOST;
	if (board != NULL && (c->lost_n == 0 || place(c, number) < place(c, board->lost_first)))
		board->lost_first = number;
	c->lost_n++;
}

void tcp_scoreboard_lose(struct connection *c, uint16_t number)
{
	ASSERT(in_network(tcp_record(c, number)));
	network_remove(c, number);
	lost_mark(c, number);
}

uint16_t tcp_scoreboard_lost(struct connection *c)
{
	uint16_t number = c->scoreboard != NULL ? c->scoreboard->lost_first : c->record_first;

	ASSERT(c->lost_n > 0);
	while (!(tcp_record(c, number)->flags & RECORD_LOST)) {
		ASSERT(place(c, number) < c->records_n);
		number = number_after(number);
	}
	if (c->scoreboard != NULL)
		c->scoreboard->lost_first = number;
	return number;
}

void tcp_scoreboard_renege(struct connection *c)
{
	for (uint32_t i = 0; i < c->records_n; i++) {
		uint16_t number = (c->record_first + i) & RECORD_MASK;
		struct record *record = tcp_record(c, number);

		if (!(record->flags & RECORD_SACKED))
			continue;
		record->flags &= (uint8_t) ~(RECORD_SACKED | RECORD_PROBE);
		lost_mark(c, number);
	}
	c->sacked_n = 0;
}

/* Into its place by time, which is not before `older`. */
static void network_insert(struct connection *c, uint16_t number, uint16_t older)
{
	struct record *record = tcp_record(c, number);
	uint16_t newer = older == RECORD_NONE ? c->record_oldest : tcp_record(c, older)->newer;

	if (c->pipe == 0) {
		network_append(c, number);
		return;
	}
	while (newer != RECORD_NONE &&
	       (int32_t)(tcp_record(c, newer)->sent_us - record->sent_us) <= 0) {
		older = newer;
		newer = tcp_record(c, newer)->newer;
	}
	record->older = older;
	record->newer = newer;
	if (older == RECORD_NONE)
		c->record_oldest = number;
	else
		tcp_record(c, older)->newer = number;
	if (newer == RECORD_NONE)
		c->record_newest = number;
	else
		tcp_record(c, newer)->older = number;
	c->pipe += record->bytes;
}

void tcp_scoreboard_unlose(struct connection *c)
{
	uint16_t before = RECORD_NONE;
	uint32_t before_us = 0;

	for (uint32_t i = 0; i < c->records_n && c->lost_n > 0; i++) {
		uint16_t number = (c->record_first + i) & RECORD_MASK;
		struct record *record = tcp_record(c, number);

		if (!(record->flags & RECORD_LOST))
			continue;
		record->flags &= (uint8_t)~RECORD_LOST;
		c->lost_n--;
		/* Sent in order, for the most part: the next goes behind the one before. */
		if (before != RECORD_NONE && (int32_t)(record->sent_us - before_us) < 0)
			before = RECORD_NONE;
		network_insert(c, number, before);
		before = number;
		before_us = record->sent_us;
	}
}

/* --- For tests --- */

static bool network_check(struct connection *c, uint32_t network_n)
{
	uint16_t before = RECORD_NONE, number = c->record_oldest;

	for (uint32_t i = 0; i < network_n; i++) {
		const struct record *record;

		if (number == RECORD_NONE || place(c, number) >= c->records_n)
			return false;
		record = tcp_record(c, number);
		if (!in_network(record) || record->older != before)
			return false;
		if (before != RECORD_NONE &&
		    (int32_t)(record->sent_us - tcp_record(c, before)->sent_us) < 0)
			return false;
		before = number;
		number = record->newer;
	}
	return network_n == 0 || (number == RECORD_NONE && before == c->record_newest);
}

bool tcp_scoreboard_check(const struct connection *connection)
{
	struct connection *c = (struct connection *)(uintptr_t)connection;
	uint32_t seq = c->snd_una, pipe = 0, sacked_n = 0, lost_n = 0, network_n = 0;

	for (uint32_t i = 0; i < c->records_n; i++) {
		uint16_t number = (c->record_first + i) & RECORD_MASK;
		const struct record *record = tcp_record(c, number);
		uint8_t both = RECORD_SACKED | RECORD_LOST;

		if (record->seq != seq || record->bytes == 0 || (record->flags & both) == both)
			return false;
		if ((record->flags & RECORD_LOST) && c->scoreboard != NULL &&
		    place(c, number) < place(c, c->scoreboard->lost_first))
			return false;
		seq += record->bytes;
		sacked_n += !!(record->flags & RECORD_SACKED);
		lost_n += !!(record->flags & RECORD_LOST);
		network_n += in_network(record);
		pipe += in_network(record) ? record->bytes : 0;
	}
	return (c->records_n == 0 || seq == c->snd_nxt) && pipe == c->pipe &&
	       sacked_n == c->sacked_n && lost_n == c->lost_n && network_check(c, network_n);
}
