/* SPDX-License-Identifier: Apache-2.0 */
#include "spurious.h"

#include "congestion.h"

void tcp_spurious_watch(struct connection *c)
{
	struct scoreboard *board = c->scoreboard;

	if (board == NULL)
		return;
	board->undo_valid = true;
	board->undo_stamped = false;
	board->undo_seq = c->snd_una;
	board->undo_resent = 0;
	/* A copy that was sent before may be reported, too. */
	for (uint32_t i = 0; i < c->records_n; i++) {
		const struct record *record = tcp_record(c, (c->record_first + i) & RECORD_MASK);

		board->undo_resent += !!(record->flags & RECORD_RESENT);
	}
	/* And an acknowledgement of such a copy would name a time before the stamp. */
	board->undo_judged = board->undo_resent > 0;
}

void tcp_spurious_resent(struct tcp *tcp, struct connection *c)
{
	struct scoreboard *board = c->scoreboard;

	if (board == NULL || !board->undo_valid)
		return;
	board->undo_resent++;
	if (board->undo_stamped)
		return;
	board->undo_stamped = true;
	board->undo_stamp_ms = tcp->now_ms;
}

static void undo(struct tcp *tcp, struct connection *c)
{
	if (c->loss & LOSS_TIMEOUT) {
		tcp->stats.rto_spurious++;
	} else {
		/* What was late only: the next time RACK waits for it. */
		tcp->stats.recovery_spurious++;
		c->loss |= LOSS_REORDERING;
	}
	c->scoreboard->undo_valid = false;
	c->flags &= ~(uint32_t)C_RECOVERY;
	c->loss &= (uint16_t) ~(LOSS_TIMEOUT | LOSS_FRTO | LOSS_FRTO_NEW);
	c->duplicates = 0;
	c->recover = c->snd_una - 1;
	tcp_scoreboard_unlose(c);
	tcp_congestion_undo(tcp, c);
}

/* RFC 3522 3.2: the first acknowledgement of what was sent again names the original. */
static bool eifel(struct scoreboard *board, const struct delivery *delivery)
{
	if (!board->undo_stamped || board->undo_judged || !delivery->advanced || !delivery->resent)
		return false;
	board->undo_judged = true;
	return delivery->echo && seq_lt(delivery->echo_ms, board->undo_stamp_ms);
}

/* Every segment that was sent again arrived twice (RFC 3708 3). */
static bool all_repeated(const struct connection *c, const struct delivery *delivery)
{
	struct scoreboard *board = c->scoreboard;
	uint32_t segments;

	if (delivery->dsack_n == 0 || board->undo_resent == 0 ||
	    seq_le(delivery->dsack.end, board->undo_seq))
		return false;
	segments = (delivery->dsack.end - delivery->dsack.start + c->mss - 1) / c->mss;
	board->undo_resent -= segments < board->undo_resent ? segments : board->undo_resent;
	return board->undo_resent == 0;
}

void tcp_frto_begin(struct connection *c)
{
	if (c->scoreboard != NULL && (c->flags & C_SACK))
		c->loss |= LOSS_FRTO;
}

/* RFC 5682 3.1, steps 2 and 3. */
static bool frto(struct connection *c, const struct delivery *delivery)
{
	bool covers = c->scoreboard->fack_valid && seq_gt(c->scoreboard->fack, c->recover);

	if (c->loss & LOSS_FRTO) {
		if (!delivery->advanced)
			return false;
		c->loss &= (uint16_t)~LOSS_FRTO;
		/* 2b, if there is something new that may be sent, or the session may have it; it
		 * comes before what is lost. */
		if (seq_lt(c->snd_una, c->recover) && (tcp_unsent(c) > 0 || (c->flags & C_WANTS)) &&
		    seq_lt(c->snd_nxt, c->snd_una + c->snd_wnd))
			c->loss |= LOSS_FRTO_NEW;
		return false;
	}
	if (!(c->loss & LOSS_FRTO_NEW) || (delivery->bytes == 0 && !delivery->duplicate))
		return false;
	c->loss &= (uint16_t)~LOSS_FRTO_NEW;
	return !covers && delivery->bytes > 0;
}

void tcp_spurious_acked(struct tcp *tcp, struct connection *c, const struct delivery *delivery)
{
	struct scoreboard *board = c->scoreboard;
	bool spurious;

	if (board == NULL || !board->undo_valid)
		return;
	spurious = eifel(board, delivery);
	spurious = all_repeated(c, delivery) || spurious;
	spurious = frto(c, delivery) || spurious;
	if (spurious)
		undo(tcp, c);
}

void tcp_spurious_recovered(struct tcp *tcp, struct connection *c)
{
	if (c->scoreboard != NULL && c->scoreboard->undo_valid && c->scoreboard->undo_resent == 0)
		undo(tcp, c);
}
