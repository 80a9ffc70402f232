/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One received segment while it is looked at: the fields of its header in host order, and
 * where its payload is. Trimming it to the window changes this, never the packet.
 */
#ifndef WIREMAP_TCP_SEGMENT_H
#define WIREMAP_TCP_SEGMENT_H

#include "options.h"
#include "state.h"

/* RFC 9293 3.1 */
enum segment_flags {
	SEGMENT_FIN = 0x01,
	SEGMENT_SYN = 0x02,
	SEGMENT_RST = 0x04,
	SEGMENT_PSH = 0x08,
	SEGMENT_ACK = 0x10,
};

struct segment {
	const struct rte_mbuf *mbuf;
	uint32_t payload; /* offset of the first byte in the mbuf */
	uint32_t seq, ack;
	uint32_t len;	 /* of the payload */
	uint32_t window; /* as it stands there; scaled once the connection is known */
	uint8_t flags;
	struct options options;
};

/* The sequence after the segment, SYN and FIN counted. */
static inline uint32_t segment_end(const struct segment *s)
{
	return s->seq + s->len + !!(s->flags & SEGMENT_SYN) + !!(s->flags & SEGMENT_FIN);
}

#endif
