/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One received segment while it is looked at: the fields of its header in host order, and
 * where its payload is. Trimming it to the window changes this, never the packet.
 */
#ifndef WIREMAP_TCP_SEGMENT_H
#define WIREMAP_TCP_SEGMENT_H

#include "options.h"
#include "state.h"

/* RFC 9293 3.1, RFC 3168 6.1 */
enum segment_flags {
	SEGMENT_FIN = 0x01,
	SEGMENT_SYN = 0x02,
	SEGMENT_RST = 0x04,
	SEGMENT_PSH = 0x08,
	SEGMENT_ACK = 0x10,
	SEGMENT_URG = 0x20, /* not looked at: urgent bytes are bytes (RFC 9293 3.8.5, RFC 6093) */
	SEGMENT_ECE = 0x40,
	SEGMENT_CWR = 0x80,
	ECN_SETUP = SEGMENT_ECE | SEGMENT_CWR, /* of a SYN */
};

/* The ECN field of the IP header, in its type of service (RFC 3168 5). */
enum segment_ecn { ECN_NOT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3, ECN_MASK = 3 };

struct segment {
	const struct rte_mbuf *mbuf;
	uint32_t payload; /* offset of the first byte in the mbuf */
	uint32_t seq, ack;
	uint32_t len;	 /* of the payload */
	uint32_t window; /* as it stands there; scaled once the connection is known */
	uint8_t flags;
	uint8_t ecn;		    /* of the packet, enum segment_ecn */
	bool ends_wait;		    /* a SYN whose tuple is in TIME_WAIT and may leave it */
	struct sack_block repeated; /* the first bytes of it that were here before, if any */
	struct options options;
};

/* Only the first are told (RFC 2883 4.2). */
static inline void segment_repeats(struct segment *s, uint32_t start, uint32_t end)
{
	if (s->repeated.start == s->repeated.end)
		s->repeated = (struct sack_block){start, end};
}

/* The sequence after the segment, SYN and FIN counted. */
static inline uint32_t segment_end(const struct segment *s)
{
	return s->seq + s->len + !!(s->flags & SEGMENT_SYN) + !!(s->flags & SEGMENT_FIN);
}

#endif
