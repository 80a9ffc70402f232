/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loss: measuring the round trip (RFC 6298), seeing that something was lost, and sending it
 * again (RFC 5681, RFC 6582).
 */
#ifndef WIREMAP_TCP_RECOVERY_H
#define WIREMAP_TCP_RECOVERY_H

#include "state.h"

/* `bytes` in front of snd_una were just acknowledged; snd_una has moved. */
void tcp_recovery_acked(struct tcp *tcp, struct connection *c, uint32_t bytes);
/* A duplicate acknowledgement as RFC 5681 2 defines it. */
void tcp_recovery_duplicate(struct tcp *tcp, struct connection *c);
/* The retransmission timer has run out with data or a FIN in flight. */
void tcp_recovery_timeout(struct tcp *tcp, struct connection *c);
/* What was timed is acknowledged. */
void tcp_recovery_sample(struct tcp *tcp, struct connection *c);

#endif
