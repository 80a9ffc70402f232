/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The window we offer. It follows what the session takes in a round trip, so that it never
 * holds a peer back whose data is wanted, and what is free of packet memory, so that
 * a thousand peers whose data is not wanted cannot fill it.
 */
#ifndef WIREMAP_TCP_WINDOW_H
#define WIREMAP_TCP_WINDOW_H

#include "segment.h"

/* A connection begins. */
void tcp_window_start(struct tcp *tcp, struct connection *c);

/* The payload of `s` was taken, or kept. Measures, and lets the window grow. */
void tcp_window_measure(struct tcp *tcp, struct connection *c, const struct segment *s);

/* How many bytes may be on their way to us or untaken, now. */
uint32_t tcp_window_size(const struct tcp *tcp, const struct connection *c);

/* The right edge of the window to offer now: never to the left of c->rcv_adv, and to its right
 * only by a worthwhile step (RFC 9293 3.8.6.2.2). */
uint32_t tcp_window_edge(const struct tcp *tcp, const struct connection *c);

#endif
