/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pacing by departure time: on a path with a round trip worth the name new data leaves at a rate
 * that follows from the window, so that no queue on the way meets it in one piece. A connection
 * whose time has not come waits for a timer of its own; on a short path nothing ever waits.
 */
#ifndef WIREMAP_TCP_PACING_H
#define WIREMAP_TCP_PACING_H

#include "state.h"

/* Below, and before the round trip is known, there is no pacing: a local path has no queue
 * that a window could fill, and a timer would cost more than it spares. */
enum { TCP_PACED_RTT_US = 2000 };

static inline bool tcp_paced(const struct connection *c)
{
	return c->srtt_us >= TCP_PACED_RTT_US;
}

/* Whether new data has to wait. Where nothing is in flight it never has; nor has a FIN alone, for
 * while this holds no session is asked, and so none closes. */
static inline bool tcp_pacing_waits(const struct tcp *tcp, const struct connection *c)
{
	return c->departs_ns > tcp->now_ns && tcp_flight(c) > 0;
}

/* Before an output: takes back what was saved beyond the burst that may leave at once. */
void tcp_pacing_begin(struct tcp *tcp, struct connection *c);

/* `bytes` of new data have left. */
void tcp_pacing_sent(struct connection *c, uint32_t bytes);

/* The largest chain for TSO, about a millisecond of the rate. */
uint32_t tcp_pacing_chain(const struct connection *c);

/* After an output: the timer, if there is something to wait for. */
void tcp_pacing_end(struct tcp *tcp, struct connection *c);

#endif
