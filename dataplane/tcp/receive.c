/* SPDX-License-Identifier: Apache-2.0 */
#include "receive.h"

#include <errno.h>
#include <rte_mempool.h>

enum {
	PIECE_BYTES = 2048 - 24,
	POOL_CACHE = 64,
	/* Beyond what the window fills when every second piece is nearly empty. */
	PIECES_SPARE = 16,
	PIECES_MIN = 512,
};

struct piece {
	struct piece *next;
	uint32_t seq;	/* of the first byte that is still here */
	uint16_t start; /* where that is in `bytes` */
	uint16_t len;
	uint64_t padding;
	uint8_t bytes[PIECE_BYTES];
};
_Static_assert(sizeof(struct piece) == 2048, "two to a page");

int tcp_receive_create(struct tcp *tcp)
{
	uint32_t n = tcp->config.packet_memory_bytes / 8 / (uint32_t)(sizeof(struct piece) + 64);
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "%s_pieces", tcp->config.name);
	tcp->pieces =
		rte_mempool_create(name, n > PIECES_MIN ? n : PIECES_MIN, sizeof(struct piece),
				   POOL_CACHE, 0, NULL, NULL, NULL, NULL, tcp->config.socket, 0);
	return tcp->pieces == NULL ? -ENOMEM : 0;
}

void tcp_receive_destroy(struct tcp *tcp)
{
	rte_mempool_free(tcp->pieces);
	tcp->pieces = NULL;
}

static uint32_t piece_end(const struct piece *piece)
{
	return piece->seq + piece->len;
}

static uint32_t piece_room(const struct piece *piece)
{
	return (uint32_t)(PIECE_BYTES - piece->start - piece->len);
}

/* Frees the piece behind `before` (NULL: the first). */
static void piece_remove(struct tcp *tcp, struct connection *c, struct piece *before)
{
	struct piece **link = before == NULL ? &c->pieces : &before->next;
	struct piece *piece = *link;

	*link = piece->next;
	if (c->pieces_tail == piece)
		c->pieces_tail = before;
	c->pieces_n--;
	rte_mempool_put(tcp->pieces, piece);
}

void tcp_receive_clear(struct tcp *tcp, struct connection *c)
{
	while (c->pieces != NULL)
		piece_remove(tcp, c, NULL);
}

bool tcp_receive_gap(const struct connection *c)
{
	return c->pieces_tail != NULL && seq_gt(c->pieces_tail->seq, c->rcv_nxt);
}

/* Gives up the piece farthest beyond the gap: nothing of it was acknowledged. */
static bool gap_drop(struct tcp *tcp, struct connection *c, const struct piece *keep)
{
	struct piece *tail = c->pieces_tail, *before = NULL;

	if (!tcp_receive_gap(c) || tail == keep)
		return false;
	for (struct piece *piece = c->pieces; piece != tail; piece = piece->next)
		before = piece;
	piece_remove(tcp, c, before);
	tcp->stats.out_of_order_dropped++;
	return true;
}

/* An empty piece behind `before`, or NULL. Bytes in order come before bytes beyond a gap. */
static struct piece *piece_add(struct tcp *tcp, struct connection *c, struct piece *before,
			       uint32_t seq)
{
	uint32_t most = tcp->config.receive_bytes_max / PIECE_BYTES * 2 + PIECES_SPARE;
	struct piece **link = before == NULL ? &c->pieces : &before->next;
	struct piece *piece;
	void *object;

	while (c->pieces_n >= most || rte_mempool_get(tcp->pieces, &object) != 0)
		if (seq != c->rcv_nxt || !gap_drop(tcp, c, before))
			return NULL;
	piece = object;
	piece->next = *link;
	piece->seq = seq;
	piece->start = 0;
	piece->len = 0;
	*link = piece;
	if (piece->next == NULL)
		c->pieces_tail = piece;
	c->pieces_n++;
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

/* Keeps the payload from `seq` on, but what is here already: the first copy wins, or one
 * who guesses a sequence could replace what the peer has said. Returns where it had to stop. */
static uint32_t pieces_insert(struct tcp *tcp, struct connection *c, const struct segment *s,
			      uint32_t seq)
{
	uint32_t end = s->seq + s->len, until, n;
	struct piece *before = NULL, *after = c->pieces;

	if (c->pieces_tail != NULL && seq_ge(seq, piece_end(c->pieces_tail))) {
		before = c->pieces_tail;
		after = NULL;
	}
	while (seq_lt(seq, end)) {
		while (after != NULL && seq_le(piece_end(after), seq)) {
			before = after;
			after = after->next;
		}
		if (after != NULL && seq_le(after->seq, seq)) {
			seq = piece_end(after);
			continue;
		}
		until = after != NULL && seq_lt(after->seq, end) ? after->seq : end;
		if (before == NULL || piece_end(before) != seq || piece_room(before) == 0) {
			before = piece_add(tcp, c, before, seq);
			if (before == NULL)
				return seq;
			after = before->next;
		}
		n = until - seq < piece_room(before) ? until - seq : piece_room(before);
		piece_fill(before, s, seq, n);
		seq += n;
	}
	return end;
}

/* Whether the session still reads. */
static bool listens(const struct connection *c)
{
	return (c->flags & C_OPEN) && !(c->flags & (C_CLOSE | C_ABORT));
}

/* Offers payload straight from the packet. Returns the bytes taken. */
static uint32_t offer_packet(struct connection *c, const struct segment *s)
{
	struct span spans[TCP_RECEIVE_SPANS];
	const struct rte_mbuf *part = s->mbuf;
	uint32_t offset = s->payload, left = s->len;
	unsigned n = 0;

	while (offset >= part->data_len && part->next != NULL) {
		offset -= part->data_len;
		part = part->next;
	}
	for (; left > 0 && n < TCP_RECEIVE_SPANS; part = part->next, offset = 0) {
		uint32_t bytes = part->data_len - offset;

		if (bytes > left)
			bytes = left;
		spans[n].ptr = rte_pktmbuf_mtod_offset(part, const uint8_t *, offset);
		spans[n].len = bytes;
		n += bytes > 0;
		left -= bytes;
	}
	return (uint32_t)c->session->ops->consume(c->session, spans, n);
}

/* Removes the first `n` bytes of the pieces. */
static void pieces_taken(struct tcp *tcp, struct connection *c, uint32_t n)
{
	c->rcv_user += n;
	while (n > 0) {
		struct piece *piece = c->pieces;

		if (n < piece->len) {
			piece->seq += n;
			piece->start = (uint16_t)(piece->start + n);
			piece->len = (uint16_t)(piece->len - n);
			return;
		}
		n -= piece->len;
		piece_remove(tcp, c, NULL);
	}
}

uint32_t tcp_receive_offer(struct tcp *tcp, struct connection *c)
{
	struct span spans[TCP_RECEIVE_SPANS];
	uint32_t total = 0, offered, taken;

	do {
		unsigned n = 0;

		offered = 0;
		for (struct piece *piece = c->pieces;
		     piece != NULL && n < TCP_RECEIVE_SPANS && seq_lt(piece->seq, c->rcv_nxt);
		     piece = piece->next) {
			spans[n++] = (struct span){piece->bytes + piece->start, piece->len};
			offered += piece->len;
		}
		if (n == 0 || !listens(c))
			break;
		taken = (uint32_t)c->session->ops->consume(c->session, spans, n);
		ASSERT(taken <= offered);
		pieces_taken(tcp, c, taken);
		total += taken;
	} while (taken == offered);
	/* The peer is told of a window that had nearly closed (RFC 9293 3.8.6.2.2). */
	if (total > 0 && c->rcv_adv - c->rcv_nxt < tcp->config.receive_bytes_max / 2 &&
	    tcp_receive_edge(tcp, c) != c->rcv_adv)
		c->flags |= C_ACK_NOW;
	return total;
}

/* The session does not read any more: everything counts as taken. */
static void discard(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	tcp_receive_clear(tcp, c);
	if (s->seq == c->rcv_nxt)
		c->rcv_nxt += s->len;
	c->rcv_user = c->rcv_nxt;
}

/* Moves the bytes of the piece behind `before` into it where they fit. */
static bool piece_merge(struct tcp *tcp, struct connection *c, struct piece *before)
{
	struct piece *piece = before->next;

	if (piece->len > piece_room(before))
		return false;
	memcpy(before->bytes + before->start + before->len, piece->bytes + piece->start,
	       piece->len);
	before->len = (uint16_t)(before->len + piece->len);
	piece_remove(tcp, c, before);
	return true;
}

/*
 * rcv_nxt moves over the pieces that have become contiguous. They are merged on the way: two
 * neighbours in order always hold more than one piece, so a window of bytes needs at most
 * twice its memory, and data in order never lacks a piece because of how it was cut.
 */
static void gap_close(struct tcp *tcp, struct connection *c)
{
	struct piece *before = NULL, *piece = c->pieces;

	while (piece != NULL && seq_le(piece->seq, c->rcv_nxt)) {
		if (seq_gt(piece_end(piece), c->rcv_nxt))
			c->rcv_nxt = piece_end(piece);
		if (before == NULL || !piece_merge(tcp, c, before))
			before = piece;
		piece = before->next;
	}
}

bool tcp_receive(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	bool direct = s->seq == c->rcv_nxt && c->pieces == NULL;
	uint32_t before = c->rcv_nxt, taken = 0, stop;

	if (!listens(c)) {
		discard(tcp, c, s);
		return false;
	}
	if (direct) {
		taken = offer_packet(c, s);
		ASSERT(taken <= s->len);
		c->rcv_nxt += taken;
		c->rcv_user += taken;
		if (taken == s->len)
			return true;
	}
	stop = pieces_insert(tcp, c, s, s->seq + taken);
	if (stop != s->seq + s->len)
		tcp->stats.memory_dropped++;
	gap_close(tcp, c);
	/* What was just refused is not offered again before there is more. */
	if (direct)
		return true;
	if (c->rcv_nxt == before)
		return false;
	tcp_receive_offer(tcp, c);
	return true;
}

void tcp_receive_close(struct tcp *tcp, struct connection *c)
{
	c->rcv_user += tcp_untaken(c);
	tcp_receive_clear(tcp, c);
}

uint32_t tcp_receive_edge(const struct tcp *tcp, const struct connection *c)
{
	uint32_t most = tcp->config.receive_bytes_max, untaken = tcp_untaken(c);
	uint32_t edge = c->rcv_nxt + (untaken < most ? most - untaken : 0);
	uint32_t step = most / 2 < c->rcv_mss ? most / 2 : c->rcv_mss;

	return seq_ge(edge, c->rcv_adv + step) ? edge : c->rcv_adv;
}
