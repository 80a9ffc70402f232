/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments in: a burst is staged, so that hash slots and connections are in the cache when
 * their segment's turn comes; each segment then goes through RFC 9293 3.10.7.
 * tcp_input() itself is declared in include/tcp.h.
 */
#ifndef WIREMAP_TCP_INPUT_H
#define WIREMAP_TCP_INPUT_H

#include "segment.h"

/* A segment of a connection in one of the states from SYN_RECEIVED on (established.c). */
void tcp_established_input(struct tcp *tcp, struct connection *c, struct segment *s);

/* The same once the segment has passed every check. */
void tcp_established_take(struct tcp *tcp, struct connection *c, struct segment *s);

/* The handshake is over: the session begins, and the rest of `s` is taken as data. */
void tcp_establish(struct tcp *tcp, struct connection *c, struct segment *s);

#endif
