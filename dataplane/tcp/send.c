/* SPDX-License-Identifier: Apache-2.0 */
#include "send.h"

#include <errno.h>
#include <rte_mempool.h>

enum {
	HEADROOM = RTE_PKTMBUF_HEADROOM,
	/* Behind the header of a segment: where a copy costs less than a second descriptor, a
	 * slice and two counts (docs/decisions.md, packet memory). */
	INLINE_BYTES = 512,
	/* On a wire that sends no chains, a whole segment. */
	INLINE_BYTES_LINEAR = 2048,
	POOL_CACHE = 256,
	/* References of a block taken in advance: one atomic addition for so many slices. */
	CREDIT = 16,
};

struct block {
	struct rte_mbuf_ext_shared_info shared; /* its count is the block's */
	struct block *next;
	rte_iova_t iova; /* of `bytes` */
	uint32_t seq;	 /* of the first byte */
	uint16_t used, size;
	uint16_t credit; /* references that are counted and not yet given to a slice */
	uint8_t bytes[] __rte_cache_aligned;
};
_Static_assert(offsetof(struct block, bytes) == 64, "BLOCK_SMALL_BYTES makes 1 KiB with it");

static void block_free(void *bytes, void *block)
{
	(void)bytes;
	rte_mempool_put(rte_mempool_from_obj(block), block);
}

static void block_init(struct rte_mempool *pool, void *opaque, void *object, unsigned index)
{
	struct block *block = object;

	(void)index;
	block->shared.free_cb = block_free;
	block->shared.fcb_opaque = block;
	block->size = *(const uint16_t *)opaque;
	block->iova = rte_mempool_virt2iova(object) + offsetof(struct block, bytes);
	(void)pool;
}

/* What a core keeps at hand, warmest first. */
static uint32_t cache_of(uint32_t n)
{
	return n / 2 < POOL_CACHE ? n / 2 : POOL_CACHE;
}

static struct rte_mempool *block_pool(struct tcp *tcp, const char *kind, uint32_t n, uint16_t size)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "%s_%s", tcp->config.name, kind);
	return rte_mempool_create(name, n, sizeof(struct block) + size, cache_of(n), 0, NULL, NULL,
				  block_init, &size, tcp->config.socket, 0);
}

static struct rte_mempool *mbuf_pool(struct tcp *tcp, const char *kind, uint32_t n, uint16_t room)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "%s_%s", tcp->config.name, kind);
	return rte_pktmbuf_pool_create(name, n, cache_of(n), 0, room, tcp->config.socket);
}

static uint32_t at_least(uint64_t n, uint32_t least)
{
	return n > least ? (uint32_t)n : least;
}

/*
 * Five eighths of packet memory are large blocks, one eighth each small blocks, segments
 * (headers with short payloads, and slices) and received pieces. The least of each is what a
 * port's full transmit queue and the caches of the pools may hold without a connection starving.
 */
int tcp_send_create(struct tcp *tcp)
{
	uint64_t eighth = tcp->config.packet_memory_bytes / 8;
	bool chains = tcp->env->wire->segments_max >= 3;
	uint32_t room;

	tcp->inline_bytes = chains ? INLINE_BYTES : INLINE_BYTES_LINEAR;
	room = HEADROOM + TCP_HEADERS + 20 + tcp->inline_bytes;
	tcp->blocks_large_n = at_least(5 * eighth / (BLOCK_LARGE_BYTES + 128), 64);
	tcp->blocks_large = block_pool(tcp, "large", tcp->blocks_large_n, BLOCK_LARGE_BYTES);
	tcp->blocks_small =
		block_pool(tcp, "small", at_least(eighth / 1152, 512), BLOCK_SMALL_BYTES);
	tcp->headers = mbuf_pool(tcp, "headers", at_least(eighth * 3 / 4 / (room + 192), 2048),
				 (uint16_t)room);
	tcp->slices = mbuf_pool(tcp, "slices", at_least(eighth / 4 / 192, 2048), 0);
	if (tcp->blocks_large == NULL || tcp->blocks_small == NULL || tcp->headers == NULL ||
	    tcp->slices == NULL)
		return -ENOMEM;
	return 0;
}

/* A pool of which a port still holds something is left to the end of the process. */
static void pool_free(struct rte_mempool *pool)
{
	if (pool != NULL && rte_mempool_full(pool))
		rte_mempool_free(pool);
}

void tcp_send_destroy(struct tcp *tcp)
{
	if (tcp->spare != NULL)
		rte_mempool_put(tcp->blocks_large, tcp->spare);
	tcp->spare = NULL;
	pool_free(tcp->blocks_large);
	pool_free(tcp->blocks_small);
	pool_free(tcp->headers);
	pool_free(tcp->slices);
}

/* The connection's reference. Slices on their way may outlive it. */
static void block_put(struct tcp *tcp, struct block *block)
{
	if (block->size == BLOCK_LARGE_BYTES)
		tcp->blocks_large_held--;
	/* All references are the connection's: nobody else can take one, and nothing need be
	 * atomic. Nor is the pool looked up in memory that has long gone cold. */
	if (rte_mbuf_ext_refcnt_read(&block->shared) == 1 + block->credit)
		rte_mempool_put(block->size == BLOCK_LARGE_BYTES ? tcp->blocks_large
								 : tcp->blocks_small,
				block);
	else if (rte_mbuf_ext_refcnt_update(&block->shared, (int16_t)(-1 - block->credit)) == 0)
		block_free(NULL, block);
}

static struct block *block_take(struct rte_mempool *pool)
{
	void *object;

	return rte_mempool_get(pool, &object) == 0 ? object : NULL;
}

static void block_append(struct connection *c, struct block *block)
{
	rte_mbuf_ext_refcnt_set(&block->shared, 1 + CREDIT);
	block->credit = CREDIT;
	block->next = NULL;
	block->seq = c->snd_end;
	block->used = 0;
	if (c->blocks == NULL)
		c->blocks = block;
	else
		c->blocks_tail->next = block;
	c->blocks_tail = block;
}

/*
 * Slow readers of much cannot shut out the others: a connection may hold as many blocks as it
 * leaves free, so that n of them hold one part in n + 1 each and the next finds as much. The
 * last eighth is for those that hold nothing yet.
 */
static bool share_left(const struct tcp *tcp, const struct connection *c)
{
	uint32_t held = (c->snd_end - c->snd_una) / BLOCK_LARGE_BYTES;
	uint32_t free = tcp->blocks_large_n - tcp->blocks_large_held;

	return free > held + tcp->blocks_large_n / 8;
}

bool tcp_send_ready(struct tcp *tcp, struct connection *c)
{
	if (c->blocks != NULL && !share_left(tcp, c))
		return false;
	if (tcp->spare == NULL)
		tcp->spare = block_take(tcp->blocks_large);
	return tcp->spare != NULL;
}

/* A block for the next `n` bytes of at least that much room, or NULL. */
static struct block *block_for(struct tcp *tcp, struct connection *c, size_t n)
{
	struct block *block = NULL;

	if (c->blocks != NULL)
		c->flags |= C_BULK;
	if (!(c->flags & C_BULK) && n <= BLOCK_SMALL_BYTES)
		block = block_take(tcp->blocks_small);
	if (block != NULL)
		return block;
	block = tcp->spare != NULL ? tcp->spare : block_take(tcp->blocks_large);
	tcp->spare = NULL;
	if (block != NULL)
		tcp->blocks_large_held++;
	return block;
}

/* Makes what was written since the last call part of the stream. */
static void stretch_take(struct writer *writer)
{
	struct connection *c = writer->c;
	uint32_t n = (uint32_t)(writer->out.cur - writer->out.start);

	if (n == 0)
		return;
	ASSERT(c->blocks_tail->used + n <= c->blocks_tail->size);
	c->blocks_tail->used = (uint16_t)(c->blocks_tail->used + n);
	c->snd_end += n;
	writer->out.start = writer->out.cur;
}

/* Lets the session write behind what the last block holds, at most `bytes`. */
static void stretch_open(struct writer *writer, uint32_t bytes)
{
	struct block *block = writer->c->blocks_tail;
	uint32_t give = block == NULL ? 0 : (uint32_t)(block->size - block->used);

	if (give > bytes)
		give = bytes;
	writer->out.start = block == NULL ? (uint8_t *)writer : block->bytes + block->used;
	writer->out.cur = writer->out.start;
	writer->out.end = writer->out.start + give;
	writer->out.left = bytes - give;
}

static bool room(struct stream_out *out, size_t n)
{
	struct writer *writer = (struct writer *)out;
	uint32_t bytes = (uint32_t)(out->end - out->cur) + out->left;
	struct block *block;

	ASSERT(n <= STREAM_RESERVE_BYTES_MAX);
	if (n > bytes)
		return false;
	stretch_take(writer);
	block = block_for(writer->tcp, writer->c, n);
	if (block == NULL)
		return false;
	block_append(writer->c, block);
	stretch_open(writer, bytes);
	return true;
}

void tcp_send_begin(struct writer *writer, struct tcp *tcp, struct connection *c, uint32_t bytes)
{
	ASSERT(tcp->spare != NULL && bytes >= STREAM_BUDGET_BYTES_MIN);
	writer->tcp = tcp;
	writer->c = c;
	writer->out.room = room;
	stretch_open(writer, bytes);
}

/* A block that was opened and not written to is not kept: an idle connection holds none. */
static void empty_block_drop(struct tcp *tcp, struct connection *c)
{
	struct block *tail = c->blocks_tail, *before = NULL;

	if (tail == NULL || tail->used > 0)
		return;
	for (struct block *block = c->blocks; block != tail; block = block->next)
		before = block;
	if (before == NULL)
		c->blocks = NULL;
	else
		before->next = NULL;
	c->blocks_tail = before;
	if (c->block_at == tail)
		c->block_at = NULL;
	block_put(tcp, tail);
}

void tcp_send_finish(struct writer *writer)
{
	stretch_take(writer);
	empty_block_drop(writer->tcp, writer->c);
}

static uint32_t block_end(const struct block *block)
{
	return block->seq + block->used;
}

void tcp_send_acked(struct tcp *tcp, struct connection *c)
{
	while (c->blocks != NULL && seq_le(block_end(c->blocks), c->snd_una)) {
		struct block *block = c->blocks;

		c->blocks = block->next;
		if (c->block_at == block)
			c->block_at = NULL;
		if (c->blocks == NULL) {
			c->blocks_tail = NULL;
			/* An answer that fitted a small block: the next is likely to. */
			if (block->size != BLOCK_LARGE_BYTES || block->used <= BLOCK_SMALL_BYTES)
				c->flags &= ~(uint32_t)C_BULK;
		}
		block_put(tcp, block);
	}
}

void tcp_send_clear(struct tcp *tcp, struct connection *c)
{
	while (c->blocks != NULL) {
		struct block *block = c->blocks;

		c->blocks = block->next;
		block_put(tcp, block);
	}
	c->blocks_tail = NULL;
	c->block_at = NULL;
}

/* The block with the byte `seq`, which was produced and not acknowledged. */
static struct block *block_find(struct connection *c, uint32_t seq)
{
	struct block *block = c->block_at;

	if (block == NULL || seq_lt(seq, block->seq))
		block = c->blocks;
	while (seq_ge(seq, block_end(block)))
		block = block->next;
	c->block_at = block;
	return block;
}

static void copy(struct connection *c, struct rte_mbuf *segment, uint32_t seq, uint32_t len)
{
	struct block *block = block_find(c, seq);
	uint8_t *to = rte_pktmbuf_mtod_offset(segment, uint8_t *, segment->data_len);

	segment->data_len = (uint16_t)(segment->data_len + len);
	segment->pkt_len += len;
	for (; len > 0; block = block->next) {
		uint32_t offset = seq - block->seq;
		uint32_t n = block->used - offset;

		if (n > len)
			n = len;
		memcpy(to, block->bytes + offset, n);
		to += n;
		seq += n;
		len -= n;
	}
}

static struct rte_mbuf *slice(struct tcp *tcp, struct block *block, uint32_t offset, uint32_t len)
{
	struct rte_mbuf *part = rte_pktmbuf_alloc(tcp->slices);

	if (part == NULL)
		return NULL;
	if (block->credit == 0) {
		rte_mbuf_ext_refcnt_update(&block->shared, CREDIT);
		block->credit = CREDIT;
	}
	block->credit--;
	rte_pktmbuf_attach_extbuf(part, block->bytes + offset, block->iova + offset, (uint16_t)len,
				  &block->shared);
	part->data_len = (uint16_t)len;
	return part;
}

uint32_t tcp_send_attach(struct tcp *tcp, struct connection *c, struct rte_mbuf *segment,
			 uint32_t seq, uint32_t len)
{
	struct rte_mbuf *last = segment;
	struct block *block;
	uint32_t done = 0;

	if (len == 0)
		return 0;
	ASSERT(seq_ge(seq, c->snd_una) && seq_le(seq + len, c->snd_end));
	if (len <= tcp->inline_bytes) {
		copy(c, segment, seq, len);
		return len;
	}
	for (block = block_find(c, seq); done < len; block = block->next) {
		uint32_t offset = seq + done - block->seq;
		uint32_t n = block->used - offset;

		if (n > len - done)
			n = len - done;
		/* The header is a part, too. What a port cannot chain at all it linearises. */
		if (segment->nb_segs > 1 && segment->nb_segs >= tcp->env->wire->segments_max)
			break;
		last->next = slice(tcp, block, offset, n);
		if (last->next == NULL)
			break;
		last = last->next;
		segment->nb_segs++;
		segment->pkt_len += n;
		done += n;
	}
	return done;
}
