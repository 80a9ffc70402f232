/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery.h"

#include "congestion.h"
#include "mtu.h"
#include "output.h"
#include "prr.h"
#include "rack.h"
#include "rtt.h"
#include "send.h"
#include "spurious.h"
#include "timers.h"

static struct delivery delivery_of(const struct tcp *tcp, const struct connection *c,
				   const struct segment *s)
{
	struct delivery delivery = {.now_us = tcp->now_ns / 1000, .pipe = tcp_pipe(c)};

	if ((c->flags & C_TIMESTAMPS) && s->options.timestamps) {
		delivery.echo_ms = s->options.echo - c->ts_offset;
		delivery.echo = seq_le(delivery.echo_ms, tcp->now_ms);
	}
	/* RFC 5681 2. */
	delivery.duplicate = s->ack == c->snd_una && s->len == 0 && s->window == c->snd_wnd &&
			     tcp_flight(c) > 0 && !(s->flags & SEGMENT_FIN) &&
			     c->waits != WAIT_WINDOW;
	return delivery;
}

static void advance(struct tcp *tcp, struct connection *c, uint32_t ack, struct delivery *delivery)
{
	uint32_t bytes = ack - c->snd_una;

	delivery->advanced = true;
	if (c->snd_past < c->snd_wnd_max)
		c->snd_past += bytes;
	c->snd_una = ack;
	c->recover = seq_behind(c->recover, ack);
	c->reduced_seq = seq_behind(c->reduced_seq, ack);
	c->retransmits = 0;
	c->restart_us = tcp->now_us;
	tcp_send_acked(tcp, c);
	tcp_scoreboard_acked(tcp, c, delivery);
	tcp_mtu_acked(tcp, c, bytes);
}

/* --- SACK --- */

static bool within(struct sack_block inner, struct sack_block outer)
{
	return seq_ge(inner.start, outer.start) && seq_le(inner.end, outer.end);
}

/* RFC 2883 4: the first block names what came twice, if it is acknowledged or within the second.
 * Nobody has sent anything that lies a whole window behind. */
static bool is_dsack(const struct connection *c, const struct segment *s)
{
	const struct sack_block *blocks = s->options.blocks;

	if (seq_ge(blocks[0].start, blocks[0].end) || seq_gt(blocks[0].end, c->snd_nxt) ||
	    seq_lt(blocks[0].start, c->snd_una - TCP_WINDOW_MAX))
		return false;
	return seq_le(blocks[0].end, s->ack) ||
	       (s->options.blocks_n > 1 && within(blocks[0], blocks[1]));
}

/* In order of sequence: the newest block comes first and is often the highest, and what lies below
 * it would look as if it had been overtaken (RFC 8985 6.2 step 3). */
static void blocks_sort(struct sack_block *blocks, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct sack_block block = blocks[i];
		unsigned at = i;

		for (; at > 0 && seq_lt(block.start, blocks[at - 1].start); at--)
			blocks[at] = blocks[at - 1];
		blocks[at] = block;
	}
}

static void blocks_take(struct tcp *tcp, struct connection *c, const struct segment *s,
			struct delivery *delivery)
{
	struct sack_block blocks[OPTIONS_BLOCKS_MAX];
	unsigned n = s->options.blocks_n, first = 0;

	tcp->stats.sacks_in++;
	memcpy(blocks, s->options.blocks, sizeof(blocks));
	if (is_dsack(c, s)) {
		tcp->stats.dsacks_in++;
		delivery->dsack_n = 1;
		delivery->dsack = blocks[first++];
	}
	blocks_sort(blocks + first, n - first);
	for (unsigned i = first; i < n; i++) {
		struct sack_block block = blocks[i];

		if (seq_ge(block.start, block.end) || seq_gt(block.end, c->snd_nxt)) {
			tcp->stats.sack_ignored++;
			continue;
		}
		/* From before the last acknowledgement, which may have overtaken this one. */
		if (seq_le(block.end, c->snd_una))
			continue;
		if (seq_lt(block.start, c->snd_una))
			block.start = c->snd_una;
		if (!tcp_scoreboard_take(tcp, c))
			return;
		tcp_scoreboard_sacked(c, block, delivery);
	}
}

/* --- Without SACK: NewReno (RFC 6582) --- */

/* Every duplicate is a segment that has left the network, which one is not known; an
 * acknowledgement takes back those it tells of. Returns what was delivered, as PRR wants to know it
 * (RFC 6937 3, DeliveredData). */
static uint32_t reno_delivered(struct connection *c, const struct delivery *delivery)
{
	uint32_t told = delivery->bytes / c->mss, taken;

	if (!delivery->advanced) {
		/* Duplicates of what a timeout has sent again are no news (RFC 6582 3.2 step 1),
		 * and no more have left than there are besides the first. */
		if (!delivery->duplicate || c->duplicates + 1U >= c->records_n ||
		    !((c->flags & C_RECOVERY) || seq_gt(c->snd_una, c->recover)))
			return 0;
		c->duplicates++;
		return c->mss;
	}
	told = told > 0 ? told - 1 : 0; /* the hole itself was no duplicate */
	taken = told < c->duplicates ? told : c->duplicates;
	c->duplicates = (uint16_t)(c->flags & C_RECOVERY ? c->duplicates - taken : 0);
	return delivery->bytes - taken * c->mss;
}

/* Whether the first segment in flight is to be taken for lost: by duplicates, or by a partial
 * acknowledgement in recovery (3.2 steps 1 and 3). */
static uint32_t reno_detect(struct tcp *tcp, struct connection *c, const struct delivery *delivery)
{
	if (c->records_n == 0 ||
	    (tcp_record(c, c->record_first)->flags & (RECORD_LOST | RECORD_RESENT)))
		return 0;
	if (c->flags & C_RECOVERY ? !delivery->advanced
				  : c->duplicates < TCP_DUPLICATES || !tcp_scoreboard_take(tcp, c))
		return 0;
	tcp_scoreboard_lose(c, c->record_first);
	return 1;
}

/* --- Beginning and end --- */

static void recovery_begin(struct tcp *tcp, struct connection *c, const struct delivery *delivery)
{
	bool counted = !(c->flags & C_SACK) ||
		       (c->sacked_n >= TCP_DUPLICATES && !(c->loss & LOSS_REORDERING));

	tcp->stats.recoveries++;
	tcp->stats.retransmit_fast += counted;
	tcp->stats.retransmit_rack += !counted;
	c->recover = c->snd_nxt;
	c->loss &= (uint16_t) ~(LOSS_PROBE | LOSS_PROBED);
	tcp_congestion_reduce(tcp, c, CONGESTION_LOSS);
	c->flags |= C_RECOVERY;
	tcp_spurious_watch(c);
	tcp_prr_begin(c, delivery->bytes);
}

/* Everything that was in flight when it began is acknowledged. */
static void recovery_end(struct tcp *tcp, struct connection *c)
{
	if (c->flags & C_RECOVERY)
		c->cwnd = c->ssthresh; /* RFC 6937 3 */
	c->flags &= ~(uint32_t)C_RECOVERY;
	tcp_spurious_recovered(tcp, c);
	c->loss &= (uint16_t) ~(LOSS_TIMEOUT | LOSS_FRTO | LOSS_FRTO_NEW);
	c->duplicates = 0;
	tcp_rack_recovered(c);
}

static bool recovering(const struct connection *c)
{
	return (c->flags & C_RECOVERY) || (c->loss & LOSS_TIMEOUT);
}

static void window_grow(struct tcp *tcp, struct connection *c, const struct delivery *delivery)
{
	const struct congestion_ack ack = {
		.bytes = delivery->bytes,
		.flight = delivery->pipe,
		.rtt_us = delivery->rtt_us,
	};

	tcp_congestion_acked(tcp, c, &ack);
}

/* RFC 5681 3.2 step 1: the first duplicates do not change the window; where the path is known to
 * reorder they are no sign of loss and count. */
static bool may_grow(const struct connection *c, const struct delivery *delivery)
{
	return delivery->bytes > 0 && (delivery->advanced || (c->loss & LOSS_REORDERING));
}

/* What remains to be waited for. */
static void timer_follow(struct tcp *tcp, struct connection *c, bool advanced, uint32_t reorder_us)
{
	if (tcp_flight(c) == 0) {
		tcp_timer_clear(c, TIMER_RETRANSMIT);
	} else if (reorder_us > 0) {
		tcp_timer_reorder(tcp, c, reorder_us);
	} else if (advanced || c->waits == WAIT_REORDER ||
		   (c->waits == WAIT_PROBE && !tcp_tlp_allowed(c))) {
		/* A block may have named the very segment that a probe would repeat. */
		c->waits = WAIT_RTO;
		tcp_timer_loss(tcp, c);
	}
}

/* Something is missing, or was a moment ago. */
static void troubled(struct tcp *tcp, struct connection *c, const struct segment *s,
		     const struct delivery *delivery)
{
	uint32_t delivered = delivery->bytes, lost = 0, wait_us = 0;
	bool ended = false;

	if (c->scoreboard != NULL && (c->flags & C_SACK))
		tcp_rack_reordering(c, delivery);
	if (tcp_tlp_acked(tcp, c, delivery, s->options.blocks_n > 0) && !recovering(c)) {
		tcp_congestion_reduce(tcp, c, CONGESTION_LOSS);
		c->cwnd = c->cwnd < c->ssthresh ? c->cwnd : c->ssthresh;
	}
	tcp_spurious_acked(tcp, c, delivery);
	if (recovering(c) && seq_ge(c->snd_una, c->recover)) {
		ended = c->flags & C_RECOVERY;
		recovery_end(tcp, c);
	}
	if (!(c->flags & C_SACK)) {
		delivered = reno_delivered(c, delivery);
		lost = reno_detect(tcp, c, delivery);
	} else if (c->scoreboard != NULL) {
		lost = tcp_rack_detect(tcp, c, &wait_us);
	}
	if (lost > 0 && !recovering(c) && !tcp_mtu_probe_lost(c))
		recovery_begin(tcp, c, delivery);
	if (c->flags & C_RECOVERY) {
		tcp_prr_acked(c, delivered);
		/* RFC 6582 3.2 step 3: the next hole is filled at once. */
		if (!(c->flags & C_SACK) && lost > 0 && c->cwnd < tcp_pipe(c) + c->mss)
			c->cwnd = tcp_pipe(c) + c->mss;
	} else if (may_grow(c, delivery) && !ended) {
		window_grow(tcp, c, delivery);
	}
	timer_follow(tcp, c, delivery->advanced, wait_us);
}

void tcp_recovery_acked(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	struct delivery delivery = delivery_of(tcp, c, s);
	bool quiet = c->sacked_n == 0 && c->lost_n == 0 && c->duplicates == 0 && !recovering(c) &&
		     !(c->loss & LOSS_PROBE);

	if (seq_gt(s->ack, c->snd_una))
		advance(tcp, c, s->ack, &delivery);
	if (s->options.blocks_n > 0 && (c->flags & C_SACK))
		blocks_take(tcp, c, s, &delivery);
	else if (quiet && !delivery.advanced && !delivery.duplicate)
		return;
	if (c->flags & C_SEARCH)
		tcp_mtu_delivered(tcp, c, &delivery);
	if (delivery.duplicate)
		tcp->stats.duplicate_acks++;
	tcp_rtt_take(tcp, c, &delivery);
	if (quiet && delivery.advanced && !delivery.sacked && delivery.dsack_n == 0) {
		c->loss &= (uint16_t)~LOSS_PROBED;
		window_grow(tcp, c, &delivery);
		timer_follow(tcp, c, true, 0);
	} else {
		troubled(tcp, c, s, &delivery);
	}
	tcp_scoreboard_settle(tcp, c);
}

void tcp_recovery_settle(struct tcp *tcp, struct connection *c)
{
	struct delivery delivery = {.bytes = 0};
	uint32_t wait_us, lost;

	c->waits = WAIT_RTO;
	if (c->scoreboard == NULL)
		return;
	lost = tcp_rack_detect(tcp, c, &wait_us);
	if (lost > 0 && !recovering(c) && !tcp_mtu_probe_lost(c))
		recovery_begin(tcp, c, &delivery);
	if (c->flags & C_RECOVERY)
		tcp_prr_acked(c, 0);
	tcp_output(tcp, c);
	if (wait_us > 0)
		tcp_timer_reorder(tcp, c, wait_us);
	else
		tcp_timer_loss(tcp, c);
}

/* RFC 6298 5.4 to 5.6, RFC 5681 3.1 and RFC 8985 6.3: back to one segment, and from there on what
 * is lost again. */
void tcp_recovery_timeout(struct tcp *tcp, struct connection *c)
{
	bool first = c->retransmits == 0;
	uint32_t most;

	ASSERT(tcp_flight(c) > 0);
	tcp_scoreboard_take(tcp, c);
	most = tcp_mtu_trial(tcp, c);
	/* RFC 2018 8: a peer that does not acknowledge what it has SACKed, or that stays silent,
	 * may have forgotten it. */
	if (c->sacked_n > 0 &&
	    (!first || (tcp_record(c, c->record_first)->flags & RECORD_SACKED))) {
		tcp->stats.reneged++;
		tcp_scoreboard_renege(c);
	}
	/* RFC 5682 3.1 step 1: not within a recovery, but again for the same segment. */
	c->loss &= (uint16_t) ~(LOSS_FRTO | LOSS_FRTO_NEW | LOSS_PROBE | LOSS_PROBED);
	if (!(c->flags & C_RECOVERY) && !(first && (c->loss & LOSS_TIMEOUT)))
		tcp_frto_begin(c);
	/* Only the first of a series says something about the path's load. */
	if (first) {
		tcp_congestion_reduce(tcp, c, CONGESTION_TIMEOUT);
		tcp_spurious_watch(c);
	}
	tcp_mtu_timeout(tcp, c);
	c->retransmits++;
	c->cwnd = c->mss;
	c->recover = c->snd_nxt;
	c->duplicates = 0;
	c->flags &= ~(uint32_t)C_RECOVERY;
	c->loss |= LOSS_TIMEOUT;
	tcp_rack_timeout(tcp, c);
	tcp_retransmit(tcp, c, most);
	tcp_output(tcp, c);
	tcp_timer_retransmit(tcp, c);
}

void tcp_recovery_shrunk(struct connection *c)
{
	for (uint32_t i = 0; i < c->records_n; i++) {
		uint16_t number = (c->record_first + i) & RECORD_MASK;
		const struct record *record = tcp_record(c, number);

		if (record->bytes > c->mss && !(record->flags & (RECORD_SACKED | RECORD_LOST)))
			tcp_scoreboard_lose(c, number);
	}
}
