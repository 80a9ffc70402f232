/* SPDX-License-Identifier: Apache-2.0 */
#include "prr.h"

/* RecoverFS: what was SACKed by earlier acknowledgements left the network before the recovery and
 * is not delivered in it (RFC 9937 has this, RFC 6937 counts all of snd.nxt - snd.una). */
void tcp_prr_begin(struct connection *c, uint32_t delivered)
{
	struct scoreboard *board = c->scoreboard;
	uint32_t network = tcp_pipe(c), lost = 0;

	for (uint32_t i = 0; i < c->records_n; i++) {
		const struct record *record = tcp_record(c, (c->record_first + i) & RECORD_MASK);

		if (record->flags & RECORD_LOST)
			lost += record->bytes;
	}
	board->prr_flight = network + lost + delivered;
	board->prr_delivered = 0;
	board->prr_out = 0;
}

void tcp_prr_acked(struct connection *c, uint32_t delivered)
{
	struct scoreboard *board = c->scoreboard;
	uint32_t pipe = tcp_pipe(c), banked;
	uint64_t may = 0;

	board->prr_delivered += delivered;
	banked = board->prr_delivered > board->prr_out ? board->prr_delivered - board->prr_out : 0;
	if (pipe > c->ssthresh) {
		/* CEIL: the RFC counts segments, so whole ones. */
		may = (uint64_t)board->prr_delivered * c->ssthresh + board->prr_flight - 1;
		may = (may / board->prr_flight + c->mss - 1) / c->mss * c->mss;
		may = may > board->prr_out ? may - board->prr_out : 0;
	} else {
		may = (banked > delivered ? banked : delivered) + c->mss;
		if (may > c->ssthresh - pipe)
			may = c->ssthresh - pipe;
	}
	/* The first segment is sent again whatever the reckoning says (RFC 9937 6). */
	if (board->prr_out == 0 && may < c->mss)
		may = c->mss;
	c->cwnd = pipe + (uint32_t)may;
}
