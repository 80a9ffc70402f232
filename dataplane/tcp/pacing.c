/* SPDX-License-Identifier: Apache-2.0 */
#include "pacing.h"

#include "timers.h"

enum {
	/* Of the window, in a round trip: Linux's rates. More than one window, for the round trip
	 * is an average and the window is to grow; in slow start twice, for it doubles. */
	PERCENT_SLOW_START = 200,
	PERCENT = 120,
	/* What may leave at once: as much time as a core may sleep too long, and a pair of
	 * segments, which a receiver acknowledges without delay. */
	BURST_NS = 1000000,
	BURST_SEGMENTS = 2,
	NS_PER_US = 1000,
};

/* Bytes that leave in a round trip, in hundredths. */
static uint64_t rate(const struct connection *c)
{
	uint32_t flight = tcp_flight(c), window = c->cwnd > flight ? c->cwnd : flight;

	return (uint64_t)window * (c->cwnd < c->ssthresh / 2 ? PERCENT_SLOW_START : PERCENT);
}

static uint64_t interval_ns(const struct connection *c, uint32_t bytes)
{
	return (uint64_t)bytes * 100 * NS_PER_US * c->srtt_us / rate(c);
}

void tcp_pacing_begin(struct tcp *tcp, struct connection *c)
{
	bool first = tcp_flight(c) == 0;
	uint64_t burst_ns;

	if (!tcp_paced(c)) {
		c->departs_ns = 0;
		return;
	}
	if (!first && c->departs_ns + BURST_NS >= tcp->now_ns)
		return;
	/* A first flight is what an initial window is: ten segments harm no path (RFC 6928). */
	burst_ns = interval_ns(c, (first ? TCP_INITIAL_SEGMENTS : BURST_SEGMENTS) * c->mss);
	if (burst_ns < BURST_NS)
		burst_ns = BURST_NS;
	if (first || c->departs_ns + burst_ns < tcp->now_ns)
		c->departs_ns = tcp->now_ns - burst_ns;
}

void tcp_pacing_sent(struct connection *c, uint32_t bytes)
{
	if (c->departs_ns != 0)
		c->departs_ns += interval_ns(c, bytes);
}

uint32_t tcp_pacing_chain(const struct connection *c)
{
	uint64_t bytes = rate(c) * (BURST_NS / NS_PER_US) / 100 / c->srtt_us;
	uint64_t least = (uint64_t)BURST_SEGMENTS * c->mss;

	return (uint32_t)(bytes > least ? bytes : least);
}

void tcp_pacing_end(struct tcp *tcp, struct connection *c)
{
	if (tcp_unsent(c) == 0 && !(c->flags & C_WANTS))
		return;
	if (c->deadline_ns[TIMER_PACE] == 0)
		tcp->stats.pacing_waits++;
	tcp_timer_set(tcp, c, TIMER_PACE, c->departs_ns);
}
