/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was received: in order it is offered to the session straight from the packet, and only
 * what remains, or came out of order, is copied into pieces; so no packet is ever held.
 */
#ifndef WIREMAP_TCP_RECEIVE_H
#define WIREMAP_TCP_RECEIVE_H

#include "runs.h"
#include "segment.h"

/*
 * Takes the payload of `s`, which lies within the window and starts at or beyond rcv_nxt.
 * Advances rcv_nxt over what is in order by then and offers that to the session. What there is
 * no memory for is as if it had been lost; what was here before is noted in s->repeated.
 * Returns whether the session was offered anything.
 */
bool tcp_receive(struct tcp *tcp, struct connection *c, struct segment *s);

/* Offers what is untaken once more. Returns the bytes taken. */
uint32_t tcp_receive_offer(struct tcp *tcp, struct connection *c);

/* Whether data beyond a gap is held. */
static inline bool tcp_receive_gap(const struct connection *c)
{
	return c->runs != NULL;
}

/* After the last byte that was received, in order or beyond a gap. */
static inline uint32_t tcp_receive_end(const struct connection *c)
{
	return c->runs != NULL ? c->runs->run[c->runs->n - 1].end : c->rcv_nxt;
}

/* The session reads no more: what it has not taken is dropped. */
void tcp_receive_close(struct tcp *tcp, struct connection *c);

#endif
