/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was received and the session has not taken, and what came out of order. Bytes are offered
 * straight from the packet; only what remains is copied into pieces, so no packet is
 * ever held. Pieces are bounded per connection by the memory they are, not the bytes in them.
 */
#ifndef WIREMAP_TCP_RECEIVE_H
#define WIREMAP_TCP_RECEIVE_H

#include "segment.h"

int tcp_receive_create(struct tcp *tcp);
void tcp_receive_destroy(struct tcp *tcp);

/*
 * Takes the payload of `s`, which lies within the window and starts at or beyond rcv_nxt.
 * Advances rcv_nxt over what is in order by then and offers that to the session. What there is
 * no memory for is as if it had been lost. Returns whether the session was offered anything.
 */
bool tcp_receive(struct tcp *tcp, struct connection *c, const struct segment *s);

/* Offers what is untaken once more. Returns the bytes taken. */
uint32_t tcp_receive_offer(struct tcp *tcp, struct connection *c);

/* Whether data beyond a gap is held. */
bool tcp_receive_gap(const struct connection *c);

/* The right edge of the window to offer now: never to the left of c->rcv_adv, and to its right
 * only by a worthwhile step (RFC 9293 3.8.6.2.2). */
uint32_t tcp_receive_edge(const struct tcp *tcp, const struct connection *c);

/* The session reads no more: what it has not taken is dropped. */
void tcp_receive_close(struct tcp *tcp, struct connection *c);
void tcp_receive_clear(struct tcp *tcp, struct connection *c);

#endif
