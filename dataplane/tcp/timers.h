/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deadlines of a connection. Moving one later, which happens with every acknowledgement,
 * is a store: the wheel's timer may stand too early, fires for nothing and is armed anew.
 */
#ifndef WIREMAP_TCP_TIMERS_H
#define WIREMAP_TCP_TIMERS_H

#include "state.h"

static inline void tcp_timer_set(struct tcp *tcp, struct connection *c, enum tcp_timer kind,
				 uint64_t deadline_ns)
{
	c->deadline_ns[kind] = deadline_ns;
	if (!wheel_armed(&c->timer) || deadline_ns < c->timer.deadline_ns)
		wheel_arm(tcp->wheel, &c->timer, deadline_ns);
}

static inline void tcp_timer_clear(struct connection *c, enum tcp_timer kind)
{
	c->deadline_ns[kind] = 0;
}

/* Arms the retransmission timer with the RTO, backed off, from now on (RFC 6298 5). */
void tcp_timer_retransmit(struct tcp *tcp, struct connection *c);
/* Arms it for what comes first, a loss probe or the RTO, which goes on as it runs. Waiting for what
 * may be reordered is not disturbed. */
void tcp_timer_loss(struct tcp *tcp, struct connection *c);
/* Arms it for the end of the reordering window (RFC 8985 6.2 step 5). */
void tcp_timer_reorder(struct tcp *tcp, struct connection *c, uint32_t wait_us);

/* The connection is established: keepalive runs. */
void tcp_timer_keepalive(struct tcp *tcp, struct connection *c);

/* No deadline stays. */
void tcp_timers_stop(struct tcp *tcp, struct connection *c);

/* The wheel's callback; `tcp` is a struct tcp. */
void tcp_timer_fired(void *tcp, struct wheel_timer *timer);

#endif
