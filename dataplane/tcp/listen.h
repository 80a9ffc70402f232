/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners, and the SYNs that come to them (RFC 9293 3.10.7.2).
 */
#ifndef WIREMAP_TCP_LISTEN_H
#define WIREMAP_TCP_LISTEN_H

#include "segment.h"
#include "source.h"

int tcp_listen_create(struct tcp *tcp);
void tcp_listen_destroy(struct tcp *tcp);

/* A segment of no connection: a SYN, or the third step of a handshake that a cookie remembers.
 * False: it is to be refused. */
bool tcp_listen_input(struct tcp *tcp, const struct tuple *tuple, uint32_t hash, struct segment *s);

/* Whether no connection more may be accepted, at all or from this source; counts that. */
bool tcp_listen_full(struct tcp *tcp, struct source_at source);

/* Whether any address of ours listens on the port. */
bool tcp_listen_has(const struct tcp *tcp, uint16_t port);

/* What a SYN says about the peer: MSS, scaling, timestamps, its window, its sequence. */
void tcp_syn_learn(struct tcp *tcp, struct connection *c, const struct segment *s);

/* Answers a segment of nobody with RST, at most TCP_RESETS_PER_S (RFC 9293 3.10.7.1). */
void tcp_refuse(struct tcp *tcp, const struct tuple *tuple, const struct segment *s);

#endif
