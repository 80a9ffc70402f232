/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HyStart++ (RFC 9406): the first slow start ends before it loses a window of segments, because
 * the round trip grows while a queue fills. Growth is slowed first, and goes on if the round trip
 * falls again. A round is the time in which what was in flight at its begin is acknowledged.
 */
#ifndef WIREMAP_TCP_HYSTART_H
#define WIREMAP_TCP_HYSTART_H

#include "congestion.h"

void tcp_hystart_begin(struct connection *c);

/* How much cwnd grows by this acknowledgement. Ends slow start by setting ssthresh. */
uint32_t tcp_hystart_acked(struct tcp *tcp, struct connection *c, const struct congestion_ack *ack);

#endif
