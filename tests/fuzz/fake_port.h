/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port that is not there, for fuzzers of net: frames in are made of bytes, each part in memory
 * of just its size outside of EAL, so that AddressSanitizer sees every byte read past it; frames
 * out must be well formed.
 */
#ifndef WIREMAP_TESTS_FUZZ_FAKE_PORT_H
#define WIREMAP_TESTS_FUZZ_FAKE_PORT_H

#include <rte_mbuf.h>

#include "net.h"

enum {
	US = 0x0a000001,
	US_VLAN = 0x0a070001,
	VLAN = 7,
	PARTS_MAX = 64, /* of a frame */
	PORT_MTU = 1500,
};

/* Stands for the port of port.h. */
struct port {
	unsigned owner; /* the queue of every tuple */
	/* Or NULL. A frame leaves, whole and checked; it is freed afterwards. */
	void (*sent)(const struct rte_mbuf *frame, uint32_t link_len, uint16_t type);
};

extern const uint8_t our_mac[6];

/* A net of core 0 of two, with two addresses of ours on `port`. */
struct net *fuzz_net_create(struct port *port, struct net_fragments fragments, struct net_env *env);

/* In parts of at most `part` bytes, 0: in one. `pool` has PARTS_MAX buffers of any size. */
struct rte_mbuf *frame_make(struct rte_mempool *pool, const uint8_t *bytes, size_t len,
			    size_t part);
/* Makes the checksum of the IPv4 header right, if there is one. */
void frame_ip_checksum(uint8_t *bytes, size_t len);

#endif
