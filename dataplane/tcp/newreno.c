/* SPDX-License-Identifier: Apache-2.0 */
#include "congestion.h"

/* RFC 3465 2.1: a segment for each window of bytes acknowledged. */
static void newreno_acked(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack)
{
	(void)tcp;
	c->avoid.acked += ack->bytes < c->cwnd ? ack->bytes : c->cwnd;
	if (c->avoid.acked < c->cwnd)
		return;
	c->avoid.acked -= c->cwnd;
	c->cwnd += c->mss;
}

/* RFC 5681 (4). */
static uint32_t newreno_reduced(struct tcp *tcp, struct connection *c, enum congestion_event event)
{
	uint32_t half = tcp_congestion_used(c) / 2;

	(void)tcp;
	(void)event;
	c->avoid = (struct avoidance){0};
	return half > 2U * c->mss ? half : 2U * c->mss;
}

static void newreno_undone(struct tcp *tcp, struct connection *c)
{
	(void)tcp;
	(void)c;
}

const struct congestion tcp_newreno = {newreno_acked, newreno_reduced, newreno_undone,
				       newreno_undone};
