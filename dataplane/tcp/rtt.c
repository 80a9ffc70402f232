/* SPDX-License-Identifier: Apache-2.0 */
#include "rtt.h"

enum {
	/* A least round trip that was not seen again for so long is forgotten: the path may have
	 * become another (RFC 8985 6.2 step 1). */
	LEAST_AGE_MS = 60000,
	SAMPLE_US_MAX = INT32_MAX / 8,
};

static void least_take(struct tcp *tcp, struct connection *c, uint32_t rtt_us)
{
	if (c->min_rtt_us != 0 && rtt_us > c->min_rtt_us &&
	    tcp->now_ms - c->min_rtt_ms <= LEAST_AGE_MS)
		return;
	c->min_rtt_us = rtt_us;
	c->min_rtt_ms = tcp->now_ms;
}

/* RFC 6298 2.2 and 2.3, in microseconds, with G below the tick of the clock. */
void tcp_rtt_sample(struct tcp *tcp, struct connection *c, uint32_t rtt_us)
{
	uint32_t r = rtt_us < SAMPLE_US_MAX ? rtt_us : SAMPLE_US_MAX;
	uint64_t rto_us;

	tcp->stats.rtt_samples++;
	if (c->srtt_us == 0) {
		c->srtt_us = r;
		c->rttvar_us = r / 2;
	} else {
		uint32_t off = r > c->srtt_us ? r - c->srtt_us : c->srtt_us - r;

		c->rttvar_us = (uint32_t)((3ULL * c->rttvar_us + off) / 4);
		c->srtt_us = (uint32_t)((7ULL * c->srtt_us + r) / 8);
	}
	c->srtt_us = c->srtt_us > 0 ? c->srtt_us : 1;
	rto_us = c->srtt_us + 4ULL * c->rttvar_us;
	if (rto_us < TCP_RTO_MIN_MS * 1000ULL)
		rto_us = TCP_RTO_MIN_MS * 1000ULL;
	if (rto_us > TCP_RTO_MAX_MS * 1000ULL)
		rto_us = TCP_RTO_MAX_MS * 1000ULL;
	c->rto_us = (uint32_t)rto_us;
}

void tcp_rtt_take(struct tcp *tcp, struct connection *c, const struct delivery *delivery)
{
	uint32_t rtt_us = delivery->oldest_us, echoed_ms = tcp->now_ms - delivery->echo_ms;

	if (delivery->rtt_us != 0)
		least_take(tcp, c, delivery->rtt_us);
	if (!delivery->advanced)
		return;
	/* Karn: whose acknowledgement is it? Only a timestamp knows (RFC 7323 4.1). */
	if (delivery->resent || rtt_us == 0) {
		if (!delivery->echo || echoed_ms > SAMPLE_US_MAX / 1000)
			return;
		rtt_us = echoed_ms > 0 ? echoed_ms * 1000 : 1000;
	}
	c->loss |= LOSS_SAMPLED;
	if (seq_le(c->snd_una, c->rtt_seq))
		return;
	c->rtt_seq = c->snd_nxt;
	tcp_rtt_sample(tcp, c, rtt_us);
}
