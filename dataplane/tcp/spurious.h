/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regret: finding out that nothing was lost when the window was reduced, and having it put back.
 * By timestamps (Eifel, RFC 3522), by D-SACK (RFC 2883, RFC 3708) and, after a timeout, by what two
 * new segments bring back (F-RTO with SACK, RFC 5682).
 */
#ifndef WIREMAP_TCP_SPURIOUS_H
#define WIREMAP_TCP_SPURIOUS_H

#include "scoreboard.h"

/* The window was reduced, for a recovery or a timeout; from here on it is watched whether rightly.
 */
void tcp_spurious_watch(struct connection *c);
/* A record was sent again. */
void tcp_spurious_resent(struct tcp *tcp, struct connection *c);
/* Takes the evidence of an acknowledgement: if the reduction was for nothing it is undone, and the
 * recovery is over. */
void tcp_spurious_acked(struct tcp *tcp, struct connection *c, const struct delivery *delivery);
/* The recovery is over; if nothing was sent again in it, it was for nothing. */
void tcp_spurious_recovered(struct tcp *tcp, struct connection *c);

/* The timer has expired, outside of any recovery (RFC 5682 3.1 step 1). */
void tcp_frto_begin(struct connection *c);

#endif
