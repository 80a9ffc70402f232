/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners, and the SYNs that come to them (RFC 9293 3.10.7.2).
 */
#ifndef WIREMAP_TCP_LISTEN_H
#define WIREMAP_TCP_LISTEN_H

#include "segment.h"

int tcp_listen_create(struct tcp *tcp);
void tcp_listen_destroy(struct tcp *tcp);

/* A segment of no connection. False: nobody listens there. */
bool tcp_listen_input(struct tcp *tcp, const struct tuple *tuple, uint32_t hash,
		      const struct segment *s);

/* What a SYN says about the peer: MSS, scaling, timestamps, its window, its sequence. */
void tcp_syn_learn(struct tcp *tcp, struct connection *c, const struct segment *s);

/* Answers a segment of nobody with RST, at most TCP_RESETS_PER_S (RFC 9293 3.10.7.1). */
void tcp_refuse(struct tcp *tcp, const struct tuple *tuple, const struct segment *s);

#endif
