/* SPDX-License-Identifier: Apache-2.0 */
#include "hystart.h"

#include "pacing.h"

/* RFC 9406 4.3, with its recommended values. */
enum {
	RISE_US_MIN = 4000,
	RISE_US_MAX = 16000,
	RISE_PART = 8, /* of the round trip */
	SAMPLES = 8,
	SLOWED_PART = 4,
	SLOWED_ROUNDS = 5,
	COUNTED = 8, /* segments of one acknowledgement, where no pacing spreads the burst */
};

void tcp_hystart_begin(struct connection *c)
{
	c->start = (struct slow_start){.round_end = c->snd_una};
}

static void sample_take(struct slow_start *start, uint32_t rtt_us)
{
	if (rtt_us == 0)
		return;
	if (start->rtt_now_us == 0 || rtt_us < start->rtt_now_us)
		start->rtt_now_us = rtt_us;
	if (start->samples < SAMPLES)
		start->samples++;
}

static bool round_trip_rose(const struct slow_start *start)
{
	uint32_t rise_us = start->rtt_last_us / RISE_PART;

	if (rise_us < RISE_US_MIN)
		rise_us = RISE_US_MIN;
	if (rise_us > RISE_US_MAX)
		rise_us = RISE_US_MAX;
	return start->rtt_last_us != 0 && start->rtt_now_us >= start->rtt_last_us + rise_us;
}

/* False: the round was the last of slow start. */
static bool round_next(struct connection *c)
{
	struct slow_start *start = &c->start;

	if (start->rtt_slowed_us != 0 && ++start->slowed_rounds == SLOWED_ROUNDS)
		return false;
	start->rtt_last_us = start->rtt_now_us;
	start->rtt_now_us = 0;
	start->samples = 0;
	start->round_end = c->snd_nxt;
	return true;
}

static void end(struct tcp *tcp, struct connection *c)
{
	tcp->stats.hystart_exits++;
	c->ssthresh = c->cwnd;
	c->avoid = (struct avoidance){0};
}

uint32_t tcp_hystart_acked(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack)
{
	struct slow_start *start = &c->start;
	uint32_t grow = ack->bytes, most = COUNTED * c->mss;

	if (seq_gt(c->snd_una, start->round_end) && !round_next(c)) {
		end(tcp, c);
		return 0;
	}
	sample_take(start, ack->rtt_us);
	if (start->samples == SAMPLES) {
		if (start->rtt_slowed_us == 0 && round_trip_rose(start)) {
			start->rtt_slowed_us = start->rtt_now_us;
			start->slowed_rounds = 0;
		} else if (start->rtt_now_us < start->rtt_slowed_us) {
			start->rtt_slowed_us = 0;
		}
	}
	if (!tcp_paced(c) && grow > most)
		grow = most;
	return start->rtt_slowed_us == 0 ? grow : grow / SLOWED_PART;
}
