/* SPDX-License-Identifier: Apache-2.0 */
#include "congestion.h"

enum { CWND_MAX = 1 << 30 /* RFC 7323 2.3: no window is larger */ };

static uint32_t initial_window(const struct connection *c)
{
	uint32_t bytes = TCP_INITIAL_BYTES > 2 * c->mss ? TCP_INITIAL_BYTES : 2 * c->mss;

	return TCP_INITIAL_SEGMENTS * c->mss < bytes ? TCP_INITIAL_SEGMENTS * c->mss : bytes;
}

void tcp_congestion_start(struct tcp *tcp, struct connection *c)
{
	c->cwnd = initial_window(c);
	c->ssthresh = CWND_MAX;
	tcp->congestion->start(tcp, c);
}

void tcp_congestion_idle(struct tcp *tcp, struct connection *c)
{
	if (c->cwnd > initial_window(c) && tcp->now_ns - c->sent_ns > c->rto_us * 1000ULL) {
		c->cwnd = initial_window(c);
		tcp->congestion->resumed(tcp, c);
	}
}

static void newreno_start(struct tcp *tcp, struct connection *c)
{
	(void)tcp;
	(void)c;
}

/* RFC 5681 3.1, counting bytes (RFC 3465 with L = 2): an acknowledgement for two segments counts
 * for two, one that is cut into many counts once. */
static void newreno_acked(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack)
{
	uint32_t bytes = ack->bytes, most = 2 * c->mss, grow;

	(void)tcp;
	if (!(c->flags & C_CWND_FULL))
		return;
	c->flags &= ~(uint32_t)C_CWND_FULL;
	if (c->cwnd < c->ssthresh)
		grow = bytes < most ? bytes : most;
	else
		grow = (uint32_t)((uint64_t)c->mss * (bytes < most ? bytes : most) / c->cwnd);
	c->cwnd += grow > 0 ? grow : 1;
	if (c->cwnd > CWND_MAX)
		c->cwnd = CWND_MAX;
}

/* RFC 5681 (4). */
static uint32_t newreno_reduced(struct tcp *tcp, struct connection *c, enum congestion_event event)
{
	uint32_t half = tcp_flight(c) / 2;

	(void)tcp;
	(void)event;
	return half > 2U * c->mss ? half : 2U * c->mss;
}

const struct congestion *tcp_congestion_find(enum tcp_congestion which)
{
	static const struct congestion newreno = {newreno_start, newreno_acked, newreno_reduced,
						  newreno_start, newreno_start};

	return which == TCP_NEWRENO ? &newreno : NULL;
}
