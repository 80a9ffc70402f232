/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loss: what each acknowledgement says about it, fast recovery (RFC 6675 and RFC 8985 with SACK,
 * RFC 6582 without) and recovery after a timeout (RFC 5681 3.1, RFC 6298 5). What is lost, and how
 * much may leave, is decided here and in the files it calls; output.c sends it.
 */
#ifndef WIREMAP_TCP_RECOVERY_H
#define WIREMAP_TCP_RECOVERY_H

#include "segment.h"

/* Takes the acknowledgement and the SACK blocks of a segment that passed all checks; moves snd_una.
 * Its window is not taken yet. */
void tcp_recovery_acked(struct tcp *tcp, struct connection *c, const struct segment *s);
/* The retransmission timer has run out with data or a FIN in flight. */
void tcp_recovery_timeout(struct tcp *tcp, struct connection *c);
/* The reordering timer has (RFC 8985 6.2 step 5). */
void tcp_recovery_settle(struct tcp *tcp, struct connection *c);
/* The path takes smaller segments than those in flight: c->mss is new (RFC 1191 6.4). They go
 * again, without a word to congestion control. */
void tcp_recovery_shrunk(struct connection *c);

#endif
