/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device would do to a frame on its way out, done in software: checksums, one buffer
 * instead of a chain, MSS-sized segments. Frames are Ethernet, IPv4, TCP as net/ builds them, with
 * l2_len, l3_len and l4_len set. Pure but for the pools; the core that owns the queue.
 */
#ifndef PORT_FRAME_H
#define PORT_FRAME_H

#include <rte_mbuf.h>
#include <stdbool.h>

/* The flags of port_transmit() that frame_checksum() obeys. */
#define FRAME_CHECKSUM_FLAGS (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)

/* Writes the checksums asked for by ol_flags & `flags`, and clears those flags. The headers lie in
 * the first part of the chain, which must be ours to write. */
void frame_checksum(struct rte_mbuf *frame, uint64_t flags);

/* Writes what devices want in the checksum field of a frame they shall finish: the sum of the
 * pseudo header, without the length for RTE_MBUF_F_TX_TCP_SEG. */
void frame_checksum_begin(struct rte_mbuf *frame);

/* Consumes `frame`; returns it in one buffer of `pool`, or NULL: the pool is empty, or its buffers
 * are smaller than the frame. */
struct rte_mbuf *frame_linearise(struct rte_mbuf *frame, struct rte_mempool *pool);

/*
 * Cuts a TSO frame into linear frames of at most tso_segsz bytes of payload, whose checksums are
 * still asked for in ol_flags. `whole` is borrowed until the last cut.
 */
struct frame_cutter {
	const struct rte_mbuf *whole;
	uint32_t headers_len;
	uint32_t offset; /* payload bytes cut so far */
	uint16_t number;
};

void frame_cutter_init(struct frame_cutter *cutter, const struct rte_mbuf *whole);
bool frame_cutter_done(const struct frame_cutter *cutter);
/* The next one, from `pool`; NULL as in frame_linearise(). */
struct rte_mbuf *frame_cutter_next(struct frame_cutter *cutter, struct rte_mempool *pool);

#endif
