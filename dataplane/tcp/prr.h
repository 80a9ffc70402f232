/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proportional Rate Reduction (RFC 6937, with the slow start reduction bound): how much may leave
 * for what an acknowledgement delivers during fast recovery, so that the window comes down to
 * ssthresh in one round trip, evenly.
 */
#ifndef WIREMAP_TCP_PRR_H
#define WIREMAP_TCP_PRR_H

#include "scoreboard.h"

/* Recovery begins; ssthresh is set. `delivered` bytes came with the acknowledgement at hand. */
void tcp_prr_begin(struct connection *c, uint32_t delivered);
/* Sets cwnd to what is in the network and what may follow. */
void tcp_prr_acked(struct connection *c, uint32_t delivered);
/* `bytes` were sent, for the first time or again. */
static inline void tcp_prr_sent(struct connection *c, uint32_t bytes)
{
	c->scoreboard->prr_out += bytes;
}

#endif
