/* SPDX-License-Identifier: Apache-2.0 */
#include "pieces.h"

#include <errno.h>
#include <rte_mempool.h>

enum {
	POOL_CACHE = 64,
	PIECES_MIN = 512,
};

int tcp_pieces_create(struct tcp *tcp)
{
	uint32_t n = tcp->config.packet_memory_bytes / 8 / (uint32_t)(sizeof(struct piece) + 64);
	char name[RTE_MEMPOOL_NAMESIZE];

	tcp->pieces_n = n > PIECES_MIN ? n : PIECES_MIN;
	snprintf(name, sizeof(name), "%s_pieces", tcp->config.name);
	tcp->pieces = rte_mempool_create(name, tcp->pieces_n, sizeof(struct piece), POOL_CACHE, 0,
					 NULL, NULL, NULL, NULL, tcp->config.socket, 0);
	return tcp->pieces == NULL ? -ENOMEM : 0;
}

void tcp_pieces_destroy(struct tcp *tcp)
{
	ASSERT(tcp->pieces_held == 0);
	rte_mempool_free(tcp->pieces);
	tcp->pieces = NULL;
}

/* What one connection may hold: the largest window when every second piece of it is nearly empty,
 * and a piece for each run. */
static uint32_t pieces_most(const struct tcp *tcp)
{
	uint32_t most = tcp->config.receive_bytes_max / PIECE_BYTES * 2 + RUNS_MAX;

	return most < UINT16_MAX ? most : UINT16_MAX;
}

static void *object_take(struct tcp *tcp, struct connection *c)
{
	void *object;

	if (c->pieces_n >= pieces_most(tcp) || rte_mempool_get(tcp->pieces, &object) != 0)
		return NULL;
	c->pieces_n++;
	tcp->pieces_held++;
	return object;
}

static void object_put(struct tcp *tcp, struct connection *c, void *object)
{
	c->pieces_n--;
	tcp->pieces_held--;
	rte_mempool_put(tcp->pieces, object);
}

/* Whether there is memory for what is beyond a gap: a connection may hold as much as all others
 * find free, so that however many of them hoard, the next one still finds its share. */
static bool gap_affordable(const struct tcp *tcp, const struct connection *c)
{
	return c->pieces_n < tcp->pieces_n - tcp->pieces_held;
}

static uint32_t piece_room(const struct piece *piece)
{
	return (uint32_t)(PIECE_BYTES - piece->start - piece->len);
}

static void piece_remove(struct tcp *tcp, struct connection *c, struct piece *piece)
{
	*(piece->prev == NULL ? &c->pieces : &piece->prev->next) = piece->next;
	*(piece->next == NULL ? &c->pieces_tail : &piece->next->prev) = piece->prev;
	object_put(tcp, c, piece);
}

/* Behind `before`, or as the first. */
static void piece_link(struct connection *c, struct piece *piece, struct piece *before)
{
	piece->prev = before;
	piece->next = before == NULL ? c->pieces : before->next;
	*(piece->prev == NULL ? &c->pieces : &piece->prev->next) = piece;
	*(piece->next == NULL ? &c->pieces_tail : &piece->next->prev) = piece;
}

/*
 * Gives up the piece farthest beyond the gap. The peer may have been told that it is here: it must
 * be ready to hear otherwise (RFC 2018 8), and keeps the bytes until they are acknowledged.
 */
static bool gap_drop(struct tcp *tcp, struct connection *c)
{
	struct runs *runs = c->runs;
	struct piece *tail = c->pieces_tail;
	struct run *run;

	if (runs == NULL || runs->n == 1)
		return false;
	run = &runs->run[runs->n - 1];
	ASSERT(run->last == tail && tail->start == 0);
	run->end = tail->seq;
	run->last = tail->prev;
	if (run->end == run->start)
		runs_remove(runs, runs->n - 1U);
	piece_remove(tcp, c, tail);
	tcp->stats.out_of_order_dropped++;
	if (c->flags & C_SACK)
		tcp->stats.reneged_out++;
	return true;
}

/* An empty piece at the end of `run`, or NULL. */
static struct piece *piece_add(struct tcp *tcp, struct connection *c, struct run *run)
{
	bool in_order = c->runs == NULL || run == c->runs->run;
	struct piece *piece;

	if (!in_order && !gap_affordable(tcp, c))
		return NULL;
	do
		piece = object_take(tcp, c);
	while (piece == NULL && in_order && gap_drop(tcp, c));
	if (piece == NULL)
		return NULL;
	piece->seq = run->end;
	piece->start = 0;
	piece->len = 0;
	/* A run that is new follows the one before it. */
	piece_link(c, piece, run->last != NULL || in_order ? run->last : (run - 1)->last);
	run->last = piece;
	return piece;
}

/* Copies `n` bytes of the segment's payload, from sequence `seq` on, behind what is there. */
static void piece_fill(struct piece *piece, const struct segment *s, uint32_t seq, uint32_t n)
{
	uint8_t *to = piece->bytes + piece->start + piece->len;
	uint32_t offset = s->payload + (seq - s->seq);
	const void *from = rte_pktmbuf_read(s->mbuf, offset, n, to);

	ASSERT(from != NULL);
	if (from != to)
		memcpy(to, from, n);
	piece->len = (uint16_t)(piece->len + n);
}

uint32_t tcp_pieces_append(struct tcp *tcp, struct connection *c, struct run *run,
			   const struct segment *s, uint32_t n)
{
	uint32_t left = n;

	while (left > 0) {
		struct piece *piece = run->last;
		uint32_t bytes;

		if (piece == NULL || piece_room(piece) == 0)
			piece = piece_add(tcp, c, run);
		if (piece == NULL)
			break;
		bytes = left < piece_room(piece) ? left : piece_room(piece);
		piece_fill(piece, s, run->end, bytes);
		run->end += bytes;
		left -= bytes;
	}
	return n - left;
}

void tcp_pieces_join(struct tcp *tcp, struct connection *c, struct run *run, const struct run *next)
{
	struct piece *left = run->last, *right = left == NULL ? c->pieces : left->next;

	run->end = next->end;
	run->last = next->last;
	if (left == NULL || right->len > piece_room(left))
		return;
	memcpy(left->bytes + left->start + left->len, right->bytes + right->start, right->len);
	left->len = (uint16_t)(left->len + right->len);
	if (right == next->last)
		run->last = left;
	piece_remove(tcp, c, right);
}

void tcp_pieces_take(struct tcp *tcp, struct connection *c, uint32_t n)
{
	while (n > 0) {
		struct piece *piece = c->pieces;

		if (n < piece->len) {
			piece->seq += n;
			piece->start = (uint16_t)(piece->start + n);
			piece->len = (uint16_t)(piece->len - n);
			return;
		}
		n -= piece->len;
		if (c->runs != NULL && c->runs->run[0].last == piece)
			c->runs->run[0].last = NULL;
		piece_remove(tcp, c, piece);
	}
}

struct runs *tcp_pieces_index(struct tcp *tcp, struct connection *c)
{
	if (c->runs != NULL)
		return c->runs;
	if (!gap_affordable(tcp, c))
		return NULL;
	c->runs = object_take(tcp, c);
	if (c->runs == NULL)
		return NULL;
	c->runs->run[0] = (struct run){c->rcv_nxt, c->rcv_nxt, c->pieces_tail};
	c->runs->n = 1;
	c->runs->recent_n = 0;
	c->runs->duplicates = 0;
	c->runs->grown = false;
	return c->runs;
}

void tcp_pieces_index_end(struct tcp *tcp, struct connection *c)
{
	if (c->runs != NULL)
		object_put(tcp, c, c->runs);
	c->runs = NULL;
}

void tcp_pieces_clear(struct tcp *tcp, struct connection *c)
{
	tcp_pieces_index_end(tcp, c);
	while (c->pieces != NULL)
		piece_remove(tcp, c, c->pieces);
}
