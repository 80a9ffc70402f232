/* SPDX-License-Identifier: Apache-2.0 */
#include "receive.h"

#include "connection.h"
#include "pieces.h"
#include "window.h"

/*
 * Keeps the payload from `seq` on, but what is here already: the first copy wins, or one who
 * guesses a sequence could replace what the peer has said. Each step fills a hole between two
 * runs, which then are one, or is the last: the work does not grow with what is held.
 */
static void runs_fill(struct tcp *tcp, struct connection *c, struct segment *s, uint32_t seq)
{
	struct runs *runs = c->runs;
	uint32_t end = s->seq + s->len;
	unsigned at = runs_find(runs, s->seq);

	for (;;) {
		struct run *run = &runs->run[at];
		uint32_t until = end;

		if (at + 1U < runs->n && run[1].start == run->end) {
			tcp_pieces_join(tcp, c, run, run + 1);
			runs_remove(runs, at + 1);
			continue;
		}
		if (seq_ge(seq, end))
			return;
		if (seq_lt(seq, run->end)) {
			segment_repeats(s, seq, seq_lt(run->end, end) ? run->end : end);
			seq = run->end;
			continue;
		}
		if (seq != run->end) {
			if (runs->n == RUNS_MAX)
				break;
			run = runs_insert(runs, ++at, seq);
		}
		if (at + 1U < runs->n && seq_lt(run[1].start, end))
			until = run[1].start;
		seq += tcp_pieces_append(tcp, c, run, s, until - seq);
		if (run->end == run->start && at > 0)
			runs_remove(runs, at);
		if (seq != until)
			break;
	}
	tcp->stats.memory_dropped++;
}

/* The same for bytes that nothing is missing before, nor was. */
static void tail_fill(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	struct run run = {.end = c->rcv_nxt, .last = c->pieces_tail};
	uint32_t n = s->seq + s->len - c->rcv_nxt;

	if (tcp_pieces_append(tcp, c, &run, s, n) < n)
		tcp->stats.memory_dropped++;
	c->rcv_nxt = run.end;
}

/* Keeps the payload from `seq` on; rcv_nxt moves over what is contiguous then. */
static void keep(struct tcp *tcp, struct connection *c, struct segment *s, uint32_t seq)
{
	struct runs *runs;
	unsigned at;

	if (c->runs == NULL && seq == c->rcv_nxt) {
		tail_fill(tcp, c, s);
		return;
	}
	runs = tcp_pieces_index(tcp, c);
	if (runs == NULL) {
		tcp->stats.memory_dropped++;
		return;
	}
	runs->run[0].end = c->rcv_nxt;
	runs->grown = false;
	runs_fill(tcp, c, s, seq);
	if (seq == c->rcv_nxt)
		runs->duplicates = 0;
	c->rcv_nxt = runs->run[0].end;
	at = runs_find(runs, s->seq);
	if (at > 0 && seq_lt(s->seq, runs->run[at].end))
		runs_recent(runs, at, s->seq);
	if (runs->n == 1)
		tcp_pieces_index_end(tcp, c);
}

/* Whether the session still reads. */
static bool listens(const struct connection *c)
{
	return (c->flags & C_OPEN) && !(c->flags & (C_CLOSE | C_ABORT));
}

/* Offers up to `bytes` of payload straight from the packet; `*offered_r` is less if it lies in more
 * places than one call takes. Returns those taken. */
static uint32_t offer_packet(struct connection *c, const struct segment *s, uint32_t bytes,
			     uint32_t *offered_r)
{
	struct span spans[TCP_RECEIVE_SPANS];
	const struct rte_mbuf *part = s->mbuf;
	uint32_t offset = s->payload, left = bytes;
	unsigned n = 0;

	while (offset >= part->data_len && part->next != NULL) {
		offset -= part->data_len;
		part = part->next;
	}
	for (; left > 0 && n < TCP_RECEIVE_SPANS; part = part->next, offset = 0) {
		uint32_t here = part->data_len - offset;

		if (here > left)
			here = left;
		spans[n].ptr = rte_pktmbuf_mtod_offset(part, const uint8_t *, offset);
		spans[n].len = here;
		n += here > 0;
		left -= here;
	}
	*offered_r = bytes - left;
	return (uint32_t)c->session->ops->consume(c->session, spans, n);
}

uint32_t tcp_receive_offer(struct tcp *tcp, struct connection *c)
{
	struct span spans[TCP_RECEIVE_SPANS];
	uint32_t total = 0, offered, taken;

	do {
		const struct piece *piece = c->pieces;
		uint32_t untaken = tcp_untaken(c);
		unsigned n = 0;

		for (offered = 0; offered < untaken && n < TCP_RECEIVE_SPANS; piece = piece->next) {
			spans[n++] = (struct span){piece->bytes + piece->start, piece->len};
			offered += piece->len;
		}
		c->flags &= ~(uint32_t)C_UNSEEN;
		c->flags |= offered < untaken ? C_UNSEEN : 0;
		if (n == 0 || !listens(c))
			break;
		taken = (uint32_t)c->session->ops->consume(c->session, spans, n);
		ASSERT(taken <= offered);
		tcp_pieces_take(tcp, c, taken);
		c->rcv_user += taken;
		total += taken;
	} while (taken == offered);
	/* The peer is told of a window that had nearly closed (RFC 9293 3.8.6.2.2). */
	if (total > 0 && c->rcv_adv - c->rcv_nxt < tcp_window_size(tcp, c) / 2 &&
	    tcp_window_edge(tcp, c) != c->rcv_adv)
		c->flags |= C_ACK_NOW;
	return total;
}

/* The session does not read any more: everything counts as taken, and the peer is to hear that
 * it was not (RFC 1122 4.2.2.13). */
static void discard(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	c->flags |= C_UNREAD;
	tcp_connection_touch(tcp, c);
	tcp_pieces_clear(tcp, c);
	if (s->seq == c->rcv_nxt)
		c->rcv_nxt += s->len;
	c->rcv_user = c->rcv_nxt;
}

/* Bytes at the start of the payload that did not come before. */
static uint32_t new_bytes(const struct connection *c, const struct segment *s)
{
	if (c->runs != NULL && seq_lt(c->runs->run[1].start, s->seq + s->len))
		return c->runs->run[1].start - s->seq;
	return s->len;
}

bool tcp_receive(struct tcp *tcp, struct connection *c, struct segment *s)
{
	bool direct = s->seq == c->rcv_nxt && c->rcv_user == c->rcv_nxt;
	uint32_t before = c->rcv_nxt, offered = 0, taken = 0;

	if (!listens(c)) {
		discard(tcp, c, s);
		return false;
	}
	if (direct) {
		taken = offer_packet(c, s, new_bytes(c, s), &offered);
		ASSERT(taken <= offered);
		c->rcv_nxt += taken;
		c->rcv_user += taken;
		if (taken == s->len && c->runs == NULL)
			return true;
	}
	keep(tcp, c, s, s->seq + taken);
	/* What was just refused is not offered again before there is more. */
	if (seq_gt(c->rcv_nxt, before + offered))
		tcp_receive_offer(tcp, c);
	return c->rcv_nxt != before || direct;
}

void tcp_receive_close(struct tcp *tcp, struct connection *c)
{
	if (c->pieces != NULL)
		c->flags |= C_UNREAD;
	c->rcv_user += tcp_untaken(c);
	tcp_pieces_clear(tcp, c);
}
