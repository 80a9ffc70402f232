/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large a segment may be on its path: what routers say (RFC 1191), whom to believe
 * (RFC 5927), what to do where none says anything (RFC 4821 7.7), and what is remembered of it
 * for the next connection to the same place. c->mss is the outcome. Where that is less than both
 * sides take, and the configuration says so, probes look for more (RFC 4821 7): one segment of data
 * at a time that is larger than the MSS.
 */
#ifndef WIREMAP_TCP_MTU_H
#define WIREMAP_TCP_MTU_H

#include "scoreboard.h"
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

/* The retransmission timer has run out; c->retransmits are those before. At how much payload the
 * first segment in flight is to be cut, so that a black hole shows; UINT32_MAX: not at all. Asked
 * while what was SACKed is still known (RFC 2018 8). */
uint32_t tcp_mtu_trial(struct tcp *tcp, struct connection *c);
/* The same timeout, before anything is sent again. May lower c->mss. */
void tcp_mtu_timeout(struct tcp *tcp, struct connection *c);

/* With C_SEARCH, the payload of a probe that is to be the next new data, once so much is there and
 * the windows have room for it: acknowledgements that make some are on their way. 0: none. */
uint32_t tcp_mtu_probe(struct tcp *tcp, const struct connection *c);
/* The last record is of the probe, or of the part that there was memory for. */
void tcp_mtu_probe_sent(struct tcp *tcp, struct connection *c, uint32_t bytes);

/* With C_SEARCH: what an acknowledgement has brought. May raise c->mss, or lower it. */
void tcp_mtu_delivered(struct tcp *tcp, struct connection *c, const struct delivery *delivery);

/* Of what was found lost: it is a probe and nothing else, and no sign of congestion (RFC 4821
 * 7.6.2). */
bool tcp_mtu_probe_lost(struct connection *c);

#endif
