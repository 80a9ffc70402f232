/* SPDX-License-Identifier: Apache-2.0 */
#include "rack.h"

#include "output.h"

enum {
	PERSIST = 16,	   /* recoveries that keep a grown window (RFC 8985 6.2 step 4) */
	MULTIPLE_MAX = 64, /* of a quarter of the least round trip; srtt bounds the window before */
	/* TLP.max_ack_delay: the longest of the large stacks' usual timers and what a busy peer
	 * needs beyond it. */
	ACK_DELAY_US = 60000,
	/* No earlier, so that a peer that was not scheduled for a moment is not taken for dead. */
	WAIT_US_MIN = 10000,
};

void tcp_rack_reordering(struct connection *c, const struct delivery *delivery)
{
	struct scoreboard *board = c->scoreboard;

	if (delivery->reordered)
		c->loss |= LOSS_REORDERING;
	if (board->dsack_round_valid && seq_ge(c->snd_una, board->dsack_round))
		board->dsack_round_valid = false;
	if (delivery->dsack_n > 0 && !board->dsack_round_valid) {
		board->dsack_round_valid = true;
		board->dsack_round = c->snd_nxt;
		if (c->reorder_multiple < MULTIPLE_MAX)
			c->reorder_multiple++;
		c->reorder_persist = PERSIST;
	}
}

void tcp_rack_recovered(struct connection *c)
{
	if (c->reorder_persist > 0)
		c->reorder_persist--;
	if (c->reorder_persist == 0)
		c->reorder_multiple = 0;
}

/* RACK.reo_wnd. reorder_multiple is RACK.reo_wnd_mult - 1, so that zero is its beginning. */
static uint32_t reorder_us(const struct connection *c)
{
	uint64_t us = (uint64_t)c->min_rtt_us * (c->reorder_multiple + 1U) / 4;

	if (!(c->loss & LOSS_REORDERING) &&
	    ((c->flags & C_RECOVERY) || (c->loss & LOSS_TIMEOUT) || c->sacked_n >= TCP_DUPLICATES))
		return 0;
	return us < c->srtt_us ? (uint32_t)us : c->srtt_us;
}

uint32_t tcp_rack_detect(struct tcp *tcp, struct connection *c, uint32_t *wait_us_r)
{
	struct scoreboard *board = c->scoreboard;
	uint32_t settle_us, next, lost = 0;

	*wait_us_r = 0;
	if (!board->rack_valid)
		return 0;
	settle_us = board->rack_rtt_us + reorder_us(c);
	for (uint16_t number = c->record_oldest; c->pipe > 0 && number != RECORD_NONE;
	     number = (uint16_t)next) {
		const struct record *record = tcp_record(c, number);
		int32_t later = (int32_t)(board->rack_us - record->sent_us);

		next = record->newer;
		if (later < 0)
			break;
		if (later == 0 && seq_le(board->rack_end, tcp_record_end(record)))
			continue;
		/* They are in order of time: if this one may still come, so may the others, and the
		 * wait is for the last of them, which was not sent after RACK.segment. */
		if (tcp->now_us - record->sent_us < settle_us) {
			*wait_us_r = board->rack_us + settle_us - tcp->now_us;
			break;
		}
		tcp_scoreboard_lose(c, number);
		lost++;
	}
	return lost;
}

void tcp_rack_timeout(struct tcp *tcp, struct connection *c)
{
	struct scoreboard *board = c->scoreboard;
	uint32_t settle_us = 0;
	uint16_t first = c->record_first;

	if (board != NULL && (c->flags & C_SACK) && board->rack_valid)
		settle_us = board->rack_rtt_us + reorder_us(c);
	if (!(tcp_record(c, first)->flags & (RECORD_SACKED | RECORD_LOST)))
		tcp_scoreboard_lose(c, first);
	while (c->pipe > 0) {
		uint16_t number = c->record_oldest;

		if (tcp->now_us - tcp_record(c, number)->sent_us < settle_us)
			break;
		tcp_scoreboard_lose(c, number);
	}
}

/* RFC 8985 7.2: none in recovery, where the reordering timer and F-RTO do as much. */
bool tcp_tlp_allowed(const struct connection *c)
{
	return (c->flags & C_SACK) && !(c->flags & C_RECOVERY) &&
	       !(c->loss & (LOSS_TIMEOUT | LOSS_PROBE | LOSS_PROBED)) && c->sacked_n == 0 &&
	       c->lost_n == 0;
}

uint32_t tcp_tlp_wait_us(const struct connection *c)
{
	uint64_t us = TCP_RTO_FIRST_MS * 1000ULL;

	if (c->srtt_us != 0) {
		us = 2ULL * c->srtt_us;
		/* One segment, or short ones that count for one at the peer: it may wait. */
		if (tcp_flight(c) <= c->mss)
			us += ACK_DELAY_US;
		if (us < WAIT_US_MIN)
			us = WAIT_US_MIN;
	}
	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void tcp_tlp_send(struct tcp *tcp, struct connection *c)
{
	bool again;

	/* Since it was armed a SACK may have come, and tells more than a probe would. */
	if (!tcp_tlp_allowed(c))
		return;
	c->loss |= LOSS_PROBED;
	if (!(c->loss & LOSS_SAMPLED) || !tcp_output_probe(tcp, c, &again))
		return;
	tcp->stats.tlp_probes++;
	c->loss &= (uint16_t) ~(LOSS_SAMPLED | LOSS_PROBE_AGAIN);
	c->loss |= LOSS_PROBE | (again ? LOSS_PROBE_AGAIN : 0);
	c->probe_end = c->snd_nxt;
}

bool tcp_tlp_acked(struct tcp *tcp, struct connection *c, const struct delivery *delivery,
		   bool blocks)
{
	bool repaired = false;

	if (delivery->advanced)
		c->loss &= (uint16_t)~LOSS_PROBED;
	if (!(c->loss & LOSS_PROBE) || seq_lt(c->snd_una, c->probe_end))
		return false;
	if (c->loss & LOSS_PROBE_AGAIN) {
		bool both = (delivery->dsack_n > 0 && delivery->dsack.end == c->probe_end) ||
			    (delivery->duplicate && !blocks);

		repaired = !both && seq_gt(c->snd_una, c->probe_end);
		if (!both && !repaired)
			return false;
		tcp->stats.tlp_recovered += repaired;
	}
	c->loss &= (uint16_t)~LOSS_PROBE;
	return repaired;
}
