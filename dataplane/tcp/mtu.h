/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large a segment may be on its path: what routers say (RFC 1191), whom to believe
 * (RFC 5927), what to do where none says anything (RFC 4821 7.7), and what is remembered of it
 * for the next connection to the same place. c->mss is the outcome.
 */
#ifndef WIREMAP_TCP_MTU_H
#define WIREMAP_TCP_MTU_H

#include "state.h"

int tcp_mtu_create(struct tcp *tcp);
void tcp_mtu_destroy(struct tcp *tcp);

/* c->mss is what peer and interface take; from now on, what is known of the path, too. */
void tcp_mtu_start(struct tcp *tcp, struct connection *c);

/* A router says that our segment at `seq`, a packet of `bytes`, was too large for a link of `mtu`;
 * 0: it does not say for which. */
void tcp_mtu_claim(struct tcp *tcp, struct connection *c, uint32_t mtu, uint32_t bytes,
		   uint32_t seq);

/* snd_una has moved by `bytes`. */
void tcp_mtu_acked(struct tcp *tcp, struct connection *c, uint32_t bytes);

/* The retransmission timer has run out; c->retransmits are those before. May lower c->mss. */
void tcp_mtu_timeout(struct tcp *tcp, struct connection *c);

#endif
