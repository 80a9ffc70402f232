/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explicit congestion notification (RFC 3168), both sides: who agrees to it, what the receiver
 * echoes until it is heard, what the sender does about it.
 */
#ifndef WIREMAP_TCP_ECN_H
#define WIREMAP_TCP_ECN_H

#include "segment.h"

/* The flags of our SYN, or of our answer to one: both offer ECN, ECE alone accepts it, for some
 * answers only mirror what they got (RFC 3168 6.1.1.2). */
uint8_t tcp_ecn_syn(const struct tcp *tcp, const struct connection *c);

/* Whether a SYN asks for ECN, and may. */
bool tcp_ecn_asked(const struct tcp *tcp, const struct segment *syn);

/* Whether the peer's SYN, or its answer, leaves both sides agreed. */
bool tcp_ecn_agreed(const struct tcp *tcp, const struct connection *c, const struct segment *s);

/* Data has arrived inside the window, on a connection with C_ECN. */
void tcp_ecn_arrived(struct tcp *tcp, struct connection *c, const struct segment *s);

/* An acknowledgement with ECE, before snd_una moves. */
void tcp_ecn_echoed(struct tcp *tcp, struct connection *c);

/* The ECN field of new data, and CWR in its flags if that is due. What is sent again has neither
 * (6.1.5). */
static inline uint8_t tcp_ecn_mark(struct connection *c, uint8_t *flags)
{
	if (!(c->flags & C_ECN))
		return ECN_NOT;
	if (c->flags & C_CWR)
		*flags |= SEGMENT_CWR;
	c->flags &= ~(uint32_t)C_CWR;
	return ECN_ECT0;
}

#endif
