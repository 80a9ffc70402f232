/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 reassembly (RFC 791 3.2, RFC 815) of TCP packets by rte_ip_frag, within limits: fragments
 * held, in a pool of their own, the time they wait, the share of one source. Any core may get
 * any fragment of its queue; the whole goes on as if it had come so, to its owner if need be. One
 * core.
 */
#ifndef NET_FRAGMENTS_H
#define NET_FRAGMENTS_H

#include "net.h"

struct fragments;

/* `mtu` is the largest of the links. 0 or -ENOMEM. */
int fragments_create(const struct net_config *config, uint32_t mtu, uint64_t hash_key,
		     struct fragments **fragments_r);
void fragments_destroy(struct fragments **fragments);

/*
 * Consumes a fragment whose IPv4 header was checked. The whole packet with its link header, when
 * this was the last that lacked, or NULL. The headers are those of the first fragment; its IPv4
 * checksum stands as good, that of TCP as unknown.
 */
struct rte_mbuf *fragments_take(struct fragments *fragments, struct rte_mbuf *frame,
				uint16_t link_len, uint16_t ip_header_len, uint64_t now_ns,
				struct net_stats *stats);

/* Gives up what has waited too long, and says when there is more to give up; UINT64_MAX: never. */
void fragments_advance(struct fragments *fragments, uint64_t now_ns, struct net_stats *stats);
uint64_t fragments_next_ns(const struct fragments *fragments);

#endif
