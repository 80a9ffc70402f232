/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The round trip: the retransmission timeout of RFC 6298, fed once a round trip as that RFC means
 * it (so RFC 7323 appendix G does not apply), and the least round trip of late, fed by every
 * acknowledgement, for RACK and HyStart.
 */
#ifndef WIREMAP_TCP_RTT_H
#define WIREMAP_TCP_RTT_H

#include "scoreboard.h"

/* A round trip was measured, > 0. */
void tcp_rtt_sample(struct tcp *tcp, struct connection *c, uint32_t rtt_us);

/* What an acknowledgement says about the round trip. */
void tcp_rtt_take(struct tcp *tcp, struct connection *c, const struct delivery *delivery);

#endif
