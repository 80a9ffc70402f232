/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <netinet/in.h>

#include "check.h"
#include "checksum.h"

enum { IPV4_MAPPED = 12 }; /* where an IPv4 address lies in the sixteen bytes (RFC 4291 2.5.5.2) */

static uint32_t ipv4_of(const uint8_t address[16])
{
	uint32_t ip;

	memcpy(&ip, address + IPV4_MAPPED, sizeof(ip));
	return ip;
}

uint8_t link_header_write(uint8_t *at, const struct link *link, uint16_t vlan,
			  const uint8_t dst_mac[6], uint16_t type)
{
	struct rte_ether_hdr *ethernet = (struct rte_ether_hdr *)at;
	struct rte_vlan_hdr *tag = (struct rte_vlan_hdr *)(ethernet + 1);

	memcpy(&ethernet->dst_addr, dst_mac, RTE_ETHER_ADDR_LEN);
	memcpy(&ethernet->src_addr, link->mac, RTE_ETHER_ADDR_LEN);
	ethernet->ether_type = rte_cpu_to_be_16(type);
	if (vlan == 0)
		return RTE_ETHER_HDR_LEN;
	ethernet->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);
	tag->vlan_tci = rte_cpu_to_be_16(vlan);
	tag->eth_proto = rte_cpu_to_be_16(type);
	return RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;
}

static void link_flush(struct net *net, struct link *link)
{
	const bool was_full = link->full;

	link->full = port_transmit(link->port, link->queue, link->out, link->out_n) > 0;
	link->out_n = 0;
	net->wire.full = net->wire.full + link->full - was_full;
}

void link_put(struct net *net, struct link *link, struct rte_mbuf *frame)
{
	link->out[link->out_n++] = frame;
	count(&net->stats.frames_out, 1);
	if (link->out_n == PORT_BURST_MAX)
		link_flush(net, link);
}

void net_flush(struct net *net)
{
	for (unsigned k = 0; k < net->links_n; k++)
		if (net->links[k].out_n > 0 || net->links[k].full)
			link_flush(net, &net->links[k]);
}

/* --- Paths --- */

static struct path *path_slot(struct net *net, uint32_t src, uint32_t next_hop)
{
	const uint64_t key = ((uint64_t)src << 32 | next_hop) * net->hash_key;

	return &net->paths[(key ^ key >> 32) * net->hash_key >> 53 & (PATHS_MAX - 1)];
}

/* The sum of an IPv4 header without what differs from packet to packet. */
static uint32_t path_sum(const struct path *path)
{
	const struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = IPV4_TTL,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = path->src,
	};

	return checksum_fold(checksum_add(0, &ip, sizeof(ip)));
}

static bool path_holds(const struct net *net, const struct path *path, uint32_t src,
		       uint32_t next_hop)
{
	return path->src == src && path->next_hop == next_hop && path->epoch == net->epoch &&
	       net_now_ns(net) < path->expires_ns;
}

/* Makes `path` the one from `ours` to `next_hop`; it holds if the neighbour's MAC is known. */
static struct neighbour *path_make(struct net *net, struct path *path, const struct address *ours,
				   uint32_t next_hop)
{
	struct neighbour *neighbour =
		neighbour_use(net->neighbours, ours->link, ours->vlan, rte_be_to_cpu_32(next_hop));

	*path = (struct path){
		.src = ours->ip,
		.next_hop = next_hop,
		.epoch = net->epoch,
		.link = ours->link,
	};
	path->sum = path_sum(path);
	path->link_len = link_header_write(path->link_header, &net->links[ours->link], ours->vlan,
					   neighbour->mac, RTE_ETHER_TYPE_IPV4);
	if (neighbour_has_mac(neighbour))
		path->expires_ns = net_now_ns(net) + PATH_NS_MAX;
	return neighbour;
}

/*
 * Puts the headers before a segment, and leaves the TCP checksum to the port. With DF set a packet
 * is never cut, so its id means nothing and is zero (RFC 6864 4.1); a counter would tell strangers
 * how much we send.
 */
static void path_prepend(const struct path *path, struct rte_mbuf *segment, uint32_t dst,
			 uint8_t tos)
{
	const uint16_t headers_len = (uint16_t)(path->link_len + sizeof(struct rte_ipv4_hdr));
	const uint16_t length =
		rte_cpu_to_be_16((uint16_t)(segment->pkt_len + sizeof(struct rte_ipv4_hdr)));
	uint8_t *at = (uint8_t *)rte_pktmbuf_prepend(segment, headers_len);
	struct rte_ipv4_hdr *ip;

	ASSERT(at != NULL);
	memcpy(at, path->link_header, RTE_ETHER_HDR_LEN);
	if (path->link_len > RTE_ETHER_HDR_LEN)
		memcpy(at + RTE_ETHER_HDR_LEN, path->link_header + RTE_ETHER_HDR_LEN,
		       RTE_VLAN_HLEN);
	ip = (struct rte_ipv4_hdr *)(at + path->link_len);
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = tos,
		.total_length = length,
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = IPV4_TTL,
		.next_proto_id = IPPROTO_TCP,
		.hdr_checksum = (uint16_t)~checksum_fold((uint64_t)path->sum + dst + length +
							 rte_cpu_to_be_16(tos)),
		.src_addr = path->src,
		.dst_addr = dst,
	};
	segment->l2_len = path->link_len;
	segment->l3_len = sizeof(*ip);
	segment->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
	/* Each frame that the device cuts gets a checksum of its own. */
	if (segment->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
		segment->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
}

void output_release(void *owner, const struct neighbour *neighbour, struct rte_mbuf *frame,
		    bool dropped)
{
	struct net *net = owner;

	if (dropped) {
		drop(frame, &net->stats.waiting_dropped);
		return;
	}
	memcpy(rte_pktmbuf_mtod(frame, uint8_t *), neighbour->mac, RTE_ETHER_ADDR_LEN);
	link_put(net, &net->links[neighbour->port], frame);
}

/* --- struct tcp_wire --- */

static struct net *net_of(struct tcp_wire *wire)
{
	return (struct net *)((char *)wire - offsetof(struct net, wire));
}

/* The path of a segment that begins a train of its own. NULL: there is none, or its neighbour has
 * not answered yet; then the segment was dropped, or waits. */
static struct path *train_begin(struct net *net, struct rte_mbuf *segment, uint32_t src,
				uint32_t dst, uint8_t tos)
{
	const struct address *ours = address_find(net, src);
	struct neighbour *neighbour;
	uint32_t next_hop = 0;
	struct path *path;

	if (ours != NULL && ours->link != LINK_NONE && address_find(net, dst) == NULL)
		next_hop = address_next_hop(ours, dst);
	if (next_hop == 0) {
		drop(segment, &net->stats.no_route);
		return NULL;
	}
	path = path_slot(net, src, next_hop);
	if (!path_holds(net, path, src, next_hop)) {
		neighbour = path_make(net, path, ours, next_hop);
		if (!neighbour_has_mac(neighbour)) {
			path_prepend(path, segment, dst, tos);
			neighbour_wait(net->neighbours, neighbour, segment);
			return NULL;
		}
	}
	net->train = (struct train){src, dst, next_hop, path};
	return path;
}

static void wire_send(struct tcp_wire *wire, struct rte_mbuf *segment, const uint8_t src[16],
		      const uint8_t dst[16], uint8_t tos)
{
	struct net *net = net_of(wire);
	const uint32_t src_ip = ipv4_of(src), dst_ip = ipv4_of(dst);
	struct path *path = net->train.path;

	if (net->train.src != src_ip || net->train.dst != dst_ip ||
	    !path_holds(net, path, src_ip, net->train.next_hop)) {
		path = train_begin(net, segment, src_ip, dst_ip, tos);
		if (path == NULL)
			return;
	}
	path_prepend(path, segment, dst_ip, tos);
	link_put(net, &net->links[path->link], segment);
}

static bool wire_is_full(struct tcp_wire *wire, const uint8_t src[16])
{
	struct net *net = net_of(wire);
	const struct address *ours = address_find(net, ipv4_of(src));

	return ours != NULL && ours->link != LINK_NONE && net->links[ours->link].full;
}

/* The source is not known here, so of several links that lead there the smallest counts. */
static uint32_t wire_mtu(struct tcp_wire *wire, const uint8_t dst[16])
{
	struct net *net = net_of(wire);
	const uint32_t ip = ipv4_of(dst);
	uint32_t near = UINT32_MAX, routed = UINT32_MAX;

	for (unsigned k = 0; k < net->addresses_n; k++) {
		const struct address *ours = &net->addresses[k];
		uint32_t mtu;

		if (ours->link == LINK_NONE)
			continue;
		mtu = net->links[ours->link].mtu;
		if ((ip & ours->mask) == ours->subnet)
			near = RTE_MIN(near, mtu);
		else
			routed = RTE_MIN(routed, mtu);
	}
	if (near != UINT32_MAX)
		return near;
	return routed != UINT32_MAX ? routed : RTE_ETHER_MTU;
}

void output_init(struct net *net)
{
	uint32_t tso_bytes_max = UINT32_MAX, segments_max = UINT32_MAX;

	for (unsigned k = 0; k < net->links_n; k++) {
		tso_bytes_max = RTE_MIN(tso_bytes_max, port_tso_bytes_max(net->links[k].port));
		segments_max = RTE_MIN(segments_max, port_segments_max(net->links[k].port));
	}
	net->train.path = net->paths; /* which holds nothing yet */
	net->wire = (struct tcp_wire){
		.send = wire_send,
		.mtu = wire_mtu,
		.is_full = wire_is_full,
		.tso_bytes_max = net->links_n > 0 ? tso_bytes_max : 0,
		.segments_max = net->links_n > 0 ? segments_max : 1,
	};
}

struct tcp_wire *net_tcp_wire(struct net *net)
{
	return &net->wire;
}
