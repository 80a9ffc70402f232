/* SPDX-License-Identifier: Apache-2.0 */
#include "ecn.h"

#include "congestion.h"
#include "connection.h"

/* A SYN that is not answered is repeated without the flags, for they may be why (6.1.1.1). */
static bool offered(const struct tcp *tcp, const struct connection *c)
{
	return tcp->config.ecn == TCP_ECN_ON && c->retransmits == 0;
}

uint8_t tcp_ecn_syn(const struct tcp *tcp, const struct connection *c)
{
	if (c->state == SYN_RECEIVED)
		return c->flags & C_ECN ? SEGMENT_ECE : 0;
	return offered(tcp, c) ? ECN_SETUP : 0;
}

bool tcp_ecn_asked(const struct tcp *tcp, const struct segment *syn)
{
	return tcp->config.ecn != TCP_ECN_OFF && (syn->flags & ECN_SETUP) == ECN_SETUP;
}

/* RFC 3168 6.1.1: never where we have sent a SYN without the flags. */
bool tcp_ecn_agreed(const struct tcp *tcp, const struct connection *c, const struct segment *s)
{
	if (c->state == SYN_RECEIVED)
		return tcp_ecn_asked(tcp, s);
	return offered(tcp, c) &&
	       (s->flags & ECN_SETUP) == (s->flags & SEGMENT_ACK ? SEGMENT_ECE : ECN_SETUP);
}

/* RFC 3168 6.1.3. */
void tcp_ecn_arrived(struct tcp *tcp, struct connection *c, const struct segment *s)
{
	if (s->flags & SEGMENT_CWR)
		c->flags &= ~(uint32_t)C_ECE;
	if (s->ecn != ECN_CE)
		return;
	tcp->stats.ecn_ce_in++;
	if (c->flags & C_ECE)
		return;
	/* The sender should hear it now, not with a delayed acknowledgement. */
	c->flags |= C_ECE | C_ACK_NOW;
	tcp_connection_touch(tcp, c);
}

/* RFC 3168 6.1.2. */
void tcp_ecn_echoed(struct tcp *tcp, struct connection *c)
{
	tcp->stats.ecn_ece_in++;
	if (!(c->flags & C_RECOVERY) && tcp_congestion_reduce(tcp, c, CONGESTION_ECN)) {
		tcp->stats.ecn_reduced++;
		if (c->cwnd > c->ssthresh)
			c->cwnd = c->ssthresh;
	}
	/* No acknowledgement with ECE makes the window larger. */
	c->flags &= ~(uint32_t)C_CWND_FULL;
}
