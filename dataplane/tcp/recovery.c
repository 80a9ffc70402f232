/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery.h"

#include "congestion.h"
#include "output.h"
#include "timers.h"

/* RFC 6298 2.2 and 2.3, in microseconds, with G below the tick of the clock. */
void tcp_recovery_sample(struct tcp *tcp, struct connection *c)
{
	uint64_t measured_us = (tcp->now_ns - c->timed_ns) / 1000;
	uint32_t r = measured_us < UINT32_MAX / 8 ? (uint32_t)measured_us : UINT32_MAX / 8;
	uint64_t rto_us;

	c->flags &= ~(uint32_t)C_TIMING;
	r = r > 0 ? r : 1;
	if (c->srtt_us == 0) {
		c->srtt_us = r;
		c->rttvar_us = r / 2;
	} else {
		uint32_t off = r > c->srtt_us ? r - c->srtt_us : c->srtt_us - r;

		c->rttvar_us = (uint32_t)((3ULL * c->rttvar_us + off) / 4);
		c->srtt_us = (uint32_t)((7ULL * c->srtt_us + r) / 8);
		c->srtt_us = c->srtt_us > 0 ? c->srtt_us : 1;
	}
	rto_us = c->srtt_us + 4ULL * c->rttvar_us;
	if (rto_us < TCP_RTO_MIN_MS * 1000ULL)
		rto_us = TCP_RTO_MIN_MS * 1000ULL;
	if (rto_us > TCP_RTO_MAX_MS * 1000ULL)
		rto_us = TCP_RTO_MAX_MS * 1000ULL;
	c->rto_us = (uint32_t)rto_us;
}

/* RFC 6582 3.2 step 3: an acknowledgement inside fast recovery. */
static void recovering_acked(struct tcp *tcp, struct connection *c, uint32_t bytes)
{
	uint32_t flight = tcp_flight(c);

	if (seq_ge(c->snd_una, c->recover)) {
		/* All of it. The window is what is in flight and one segment: no burst. */
		uint32_t window = (flight > c->mss ? flight : c->mss) + c->mss;

		c->cwnd = window < c->ssthresh ? window : c->ssthresh;
		c->flags &= ~(uint32_t)C_RECOVERY;
		c->duplicates = 0;
		return;
	}
	/* Up to the next hole: it is sent at once, and the window takes in what has left. */
	c->cwnd = c->cwnd > bytes ? c->cwnd - bytes : 0;
	if (bytes >= c->mss || c->cwnd < c->mss)
		c->cwnd += c->mss;
	tcp_retransmit(tcp, c);
}

void tcp_recovery_acked(struct tcp *tcp, struct connection *c, uint32_t bytes)
{
	if ((c->flags & C_TIMING) && seq_gt(c->snd_una, c->timed_seq))
		tcp_recovery_sample(tcp, c);
	c->retransmits = 0;
	if (tcp_flight(c) > 0)
		tcp_timer_retransmit(tcp, c);
	else
		tcp_timer_clear(c, TIMER_RETRANSMIT);
	if (c->flags & C_RECOVERY) {
		recovering_acked(tcp, c, bytes);
		return;
	}
	c->duplicates = 0;
	tcp_congestion_acked(
		tcp, c,
		&(const struct congestion_ack){.bytes = bytes, .flight = tcp_flight(c) + bytes});
}

void tcp_recovery_duplicate(struct tcp *tcp, struct connection *c)
{
	tcp->stats.duplicate_acks++;
	if (c->flags & C_RECOVERY) {
		c->cwnd += c->mss; /* one more segment has left the network */
		return;
	}
	if (++c->duplicates != TCP_DUPLICATES)
		return;
	/* Duplicates of what a timeout has already sent again are no news (RFC 6582 3.2 step 1). */
	if (seq_le(c->snd_una, c->recover))
		return;
	tcp->stats.retransmit_fast++;
	c->recover = c->snd_max;
	tcp_congestion_reduce(tcp, c, CONGESTION_LOSS);
	c->cwnd = c->ssthresh + TCP_DUPLICATES * c->mss;
	c->flags |= C_RECOVERY;
	tcp_retransmit(tcp, c);
	tcp_timer_retransmit(tcp, c);
}

/* RFC 6298 5.4 to 5.6 and RFC 5681 3.1: back to one segment, and from there on again. */
void tcp_recovery_timeout(struct tcp *tcp, struct connection *c)
{
	ASSERT(tcp_flight(c) > 0);
	/* Only the first of a series says something about the path's load. */
	if (c->retransmits == 0)
		tcp_congestion_reduce(tcp, c, CONGESTION_TIMEOUT);
	c->retransmits++;
	c->cwnd = c->mss;
	c->recover = c->snd_max;
	c->duplicates = 0;
	c->flags &= ~(uint32_t)(C_RECOVERY | C_TIMING);
	c->snd_nxt = c->snd_una;
	tcp_output(tcp, c);
	tcp_timer_retransmit(tcp, c);
}
