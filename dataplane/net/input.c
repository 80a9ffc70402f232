/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <netinet/in.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>

#include "check.h"
#include "checksum.h"

/*
 * From frame to TCP packet. Nothing here trusts a length before it was compared with the one
 * outside of it: frame >= Ethernet + IPv4 total length >= IPv4 header + TCP header.
 */

enum {
	PREFETCH = 8,		  /* frames ahead: about what it takes to get a line from L3 */
	SOURCE_ROUTE_LOOSE = 131, /* RFC 791 3.1 */
	SOURCE_ROUTE_STRICT = 137,
	PORT_UNREACHABLE = 3, /* RFC 792: codes of destination unreachable */
	PROTOCOL_UNREACHABLE = 2,
};

bool arrival_gather_parts(struct arrival *arrival, uint32_t need)
{
	struct rte_mbuf *frame = arrival->frame, *copy;

	if (frame->pkt_len < need)
		return false;
	/* Parts of a chain may be shared: it is copied, not moved together. */
	copy = rte_pktmbuf_copy(frame, arrival->net->pool, 0, UINT32_MAX);
	if (copy == NULL)
		return false;
	rte_pktmbuf_free(frame);
	arrival->frame = copy;
	return copy->data_len >= need;
}

void frame_trim(struct rte_mbuf *frame, uint32_t len)
{
	struct rte_mbuf *part = frame;
	uint16_t parts = 1;

	ASSERT(frame->pkt_len >= len);
	frame->pkt_len = len;
	while (len > part->data_len) {
		len -= part->data_len;
		part = part->next;
		parts++;
	}
	part->data_len = (uint16_t)len;
	if (part->next != NULL) {
		struct rte_mbuf *rest = part->next;

		part->next = NULL;
		frame->nb_segs = parts;
		/* The rest is a chain without a first part's fields: freed part by part. */
		while (rest != NULL) {
			struct rte_mbuf *next = rest->next;

			rte_pktmbuf_free_seg(rest);
			rest = next;
		}
	}
}

/* --- Ethernet --- */

static bool is_for_link(const struct link *link, const struct rte_ether_addr *mac)
{
	return memcmp(mac, link->mac, sizeof(link->mac)) == 0 || rte_is_multicast_ether_addr(mac);
}

/* The type, with link_len and vlan set; 0: not for us, `reason` says why. */
static uint16_t ethernet_type(struct arrival *arrival, uint64_t **reason_r)
{
	struct net *net = arrival->net;
	const struct link *link = &net->links[arrival->link];
	const struct rte_ether_hdr *ethernet;
	uint16_t type, tci = 0;

	*reason_r = &net->stats.ethernet_short;
	if (!arrival_gather(arrival, RTE_ETHER_HDR_LEN))
		return 0;
	ethernet = rte_pktmbuf_mtod(arrival->frame, const struct rte_ether_hdr *);
	*reason_r = &net->stats.ethernet_other;
	if (!is_for_link(link, &ethernet->dst_addr))
		return 0;
	arrival->to_all = rte_is_multicast_ether_addr(&ethernet->dst_addr);
	arrival->link_len = RTE_ETHER_HDR_LEN;
	type = rte_be_to_cpu_16(ethernet->ether_type);
	if (arrival->frame->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		tci = arrival->frame->vlan_tci;
	} else if (type == RTE_ETHER_TYPE_VLAN) {
		const struct rte_vlan_hdr *tag;

		*reason_r = &net->stats.ethernet_short;
		if (!arrival_gather(arrival, RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN))
			return 0;
		tag = rte_pktmbuf_mtod_offset(arrival->frame, const struct rte_vlan_hdr *,
					      RTE_ETHER_HDR_LEN);
		tci = rte_be_to_cpu_16(tag->vlan_tci);
		type = rte_be_to_cpu_16(tag->eth_proto);
		arrival->link_len += RTE_VLAN_HLEN;
	}
	/* VLAN 0 carries a priority only (IEEE 802.1Q 9.6). */
	arrival->vlan = tci & (VLANS - 1);
	*reason_r = &net->stats.vlan_other;
	if (!(link->vlans[arrival->vlan / 8] & 1u << arrival->vlan % 8))
		return 0;
	*reason_r = &net->stats.ethernet_other;
	return type;
}

/* --- IPv4 --- */

/* RFC 791 3.1: walks the options. False: malformed. Sources may not choose the way back. */
static bool options_walk(const uint8_t *options, size_t len, bool *source_route_r)
{
	size_t at = 0;

	*source_route_r = false;
	while (at < len && options[at] != IPOPT_EOL) {
		if (options[at] == IPOPT_NOP) {
			at++;
			continue;
		}
		if (len - at < 2 || options[at + 1] < 2 || options[at + 1] > len - at)
			return false;
		if (options[at] == SOURCE_ROUTE_LOOSE || options[at] == SOURCE_ROUTE_STRICT)
			*source_route_r = true;
		at += options[at + 1];
	}
	return true;
}

static bool header_sum_is_good(const struct arrival *arrival, const struct rte_ipv4_hdr *ip)
{
	switch (arrival->frame->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) {
	case RTE_MBUF_F_RX_IP_CKSUM_GOOD:
	case RTE_MBUF_F_RX_IP_CKSUM_NONE:
		return true;
	case RTE_MBUF_F_RX_IP_CKSUM_BAD:
		return false;
	default:
		/* A length that the compiler knows takes a third of the time. */
		if (likely(arrival->ip_header_len == sizeof(*ip)))
			return checksum_fold(checksum_add(0, ip, sizeof(*ip))) == 0xffff;
		return checksum_fold(checksum_add(0, ip, arrival->ip_header_len)) == 0xffff;
	}
}

/* Lengths, version and checksum; sets ip_header_len and ip_len. NULL, or why not. */
static uint64_t *ipv4_check_header(struct arrival *arrival)
{
	struct net_stats *stats = &arrival->net->stats;
	const struct rte_ipv4_hdr *ip;
	bool source_route;

	if (!arrival_gather(arrival, arrival->link_len + sizeof(*ip)))
		return &stats->ip_malformed;
	ip = arrival_ip(arrival);
	arrival->ip_header_len = rte_ipv4_hdr_len(ip);
	arrival->ip_len = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != IPVERSION || arrival->ip_header_len < sizeof(*ip) ||
	    arrival->ip_len < arrival->ip_header_len ||
	    arrival->frame->pkt_len - arrival->link_len < arrival->ip_len)
		return &stats->ip_malformed;
	if (!arrival_gather(arrival, arrival->link_len + arrival->ip_header_len))
		return &stats->ip_malformed;
	ip = arrival_ip(arrival);
	if (!header_sum_is_good(arrival, ip))
		return &stats->ip_checksum;
	if (likely(arrival->ip_header_len == sizeof(*ip)))
		return NULL;
	if (!options_walk((const uint8_t *)(ip + 1), arrival->ip_header_len - sizeof(*ip),
			  &source_route))
		return &stats->ip_malformed;
	if (source_route)
		return &stats->ip_options;
	count(&stats->ip_options, 1);
	return NULL;
}

/*
 * Who and whom (RFC 1122 3.2.1.3, 3.3.6). NULL, or why not. The TTL does not matter to the
 * destination (3.2.1.7).
 */
static uint64_t *ipv4_check_addresses(struct arrival *arrival)
{
	struct net *net = arrival->net;
	const struct rte_ipv4_hdr *ip = arrival_ip(arrival);

	arrival->to = address_find_on(net, arrival->link, arrival->vlan, ip->dst_addr);
	if (arrival->to == NULL || arrival->to_all)
		return &net->stats.ip_not_ours;
	if (!address_is_host(arrival->to, ip->src_addr) || address_find(net, ip->src_addr) != NULL)
		return &net->stats.ip_source;
	return NULL;
}

bool arrival_hand_over(struct arrival *arrival, uint32_t src, uint32_t dst, uint16_t src_port,
		       uint16_t dst_port)
{
	struct net *net = arrival->net;
	const struct link *link = &net->links[arrival->link];
	unsigned owner;

	if (net->cores_n == 1 || arrival->handed)
		return false;
	owner = link->queue_core[port_owner(link->port, src, dst, src_port, dst_port)];
	if (owner == net->core)
		return false;
	count(&net->stats.handed_over, 1);
	net->env->hand_over(net->env, owner, link->port, arrival->frame);
	return true;
}

/* --- TCP --- */

/* DESIGN section 8: what the device does not know is computed here. */
static bool tcp_sum_is_good(const struct arrival *arrival)
{
	const uint32_t offset = arrival->link_len + arrival->ip_header_len;
	const uint16_t len = (uint16_t)(arrival->ip_len - arrival->ip_header_len);
	const struct rte_ipv4_hdr *ip = arrival_ip(arrival);
	uint64_t sum;

	switch (arrival->frame->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
	case RTE_MBUF_F_RX_L4_CKSUM_GOOD:
	case RTE_MBUF_F_RX_L4_CKSUM_NONE:
		return true;
	case RTE_MBUF_F_RX_L4_CKSUM_BAD:
		return false;
	default:
		sum = checksum_pseudo(ip->src_addr, ip->dst_addr, IPPROTO_TCP, len);
		sum = checksum_add_chain(sum, arrival->frame, offset, len);
		return checksum_fold(sum) == 0xffff;
	}
}

/* True: arrival->frame is a packet as tcp_input() wants it. Else it was consumed. */
static bool tcp_arrived(struct arrival *arrival)
{
	struct net *net = arrival->net;
	const uint32_t offset = arrival->link_len + arrival->ip_header_len;
	const uint16_t len = (uint16_t)(arrival->ip_len - arrival->ip_header_len);
	const struct rte_tcp_hdr *tcp;
	const struct rte_ipv4_hdr *ip;
	uint16_t header_len;

	if (len < sizeof(*tcp) || !arrival_gather(arrival, offset + sizeof(*tcp))) {
		drop(arrival->frame, &net->stats.tcp_malformed);
		return false;
	}
	ip = arrival_ip(arrival);
	tcp = rte_pktmbuf_mtod_offset(arrival->frame, const struct rte_tcp_hdr *, offset);
	if (arrival_hand_over(arrival, ip->src_addr, ip->dst_addr, rte_be_to_cpu_16(tcp->src_port),
			      rte_be_to_cpu_16(tcp->dst_port)))
		return false;
	header_len = (uint16_t)(tcp->data_off >> 4) * 4;
	if (header_len < sizeof(*tcp) || header_len > len ||
	    !arrival_gather(arrival, offset + header_len)) {
		drop(arrival->frame, &net->stats.tcp_malformed);
		return false;
	}
	if (!tcp_sum_is_good(arrival)) {
		drop(arrival->frame, &net->stats.tcp_checksum);
		return false;
	}
	if (arrival->frame->pkt_len != (uint32_t)arrival->link_len + arrival->ip_len)
		frame_trim(arrival->frame, (uint32_t)arrival->link_len + arrival->ip_len);
	rte_pktmbuf_adj(arrival->frame, arrival->link_len);
	/* What a sender in the same process left in the buffer does not hold for us. */
	arrival->frame->tx_offload = 0;
	arrival->frame->l3_len = arrival->ip_header_len;
	return true;
}

static bool is_fragment(const struct rte_ipv4_hdr *ip)
{
	return ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG);
}

/* True: the fragment was the last that lacked, and the arrival is that of the whole packet. Only
 * TCP is worth the memory. */
static bool fragment_arrived(struct arrival *arrival)
{
	struct net *net = arrival->net;
	const struct rte_ipv4_hdr *ip = arrival_ip(arrival);

	if (net->fragments == NULL || ip->next_proto_id != IPPROTO_TCP) {
		drop(arrival->frame, &net->stats.fragments);
		return false;
	}
	arrival->frame = fragments_take(net->fragments, arrival->frame, arrival->link_len,
					arrival->ip_header_len, net_now_ns(net), &net->stats);
	if (arrival->frame == NULL)
		return false;
	arrival->link_len = (uint16_t)arrival->frame->l2_len;
	ip = arrival_ip(arrival);
	arrival->ip_header_len = rte_ipv4_hdr_len(ip);
	arrival->ip_len = rte_be_to_cpu_16(ip->total_length);
	return true;
}

static bool ipv4_arrived(struct arrival *arrival)
{
	uint64_t *reason = ipv4_check_header(arrival);

	if (reason == NULL)
		reason = ipv4_check_addresses(arrival);
	if (reason != NULL) {
		drop(arrival->frame, reason);
		return false;
	}
	if (unlikely(is_fragment(arrival_ip(arrival))) && !fragment_arrived(arrival))
		return false;
	switch (arrival_ip(arrival)->next_proto_id) {
	case IPPROTO_TCP:
		return tcp_arrived(arrival);
	case IPPROTO_ICMP:
		icmp_input(arrival);
		return false;
	case IPPROTO_UDP:
		count(&arrival->net->stats.protocol_other, 1);
		icmp_unreachable(arrival, PORT_UNREACHABLE);
		return false;
	default:
		count(&arrival->net->stats.protocol_other, 1);
		icmp_unreachable(arrival, PROTOCOL_UNREACHABLE);
		return false;
	}
}

static bool frame_arrived(struct arrival *arrival)
{
	uint64_t *reason;

	switch (ethernet_type(arrival, &reason)) {
	case RTE_ETHER_TYPE_IPV4:
		return ipv4_arrived(arrival);
	case RTE_ETHER_TYPE_ARP:
		arp_input(arrival);
		return false;
	default:
		drop(arrival->frame, reason);
		return false;
	}
}

static uint8_t link_of(const struct net *net, const struct port *port)
{
	uint8_t link = 0;

	while (link < net->links_n && net->links[link].port != port)
		link++;
	return link;
}

/* The headers of a segment with options end in the second line. */
static void headers_prefetch(const struct rte_mbuf *frame)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(frame, const uint8_t *);

	rte_prefetch0(bytes);
	rte_prefetch0(bytes + RTE_CACHE_LINE_SIZE);
}

static unsigned input(struct net *net, struct port *port, struct rte_mbuf **frames, unsigned n,
		      struct rte_mbuf **packets_r, bool handed)
{
	const uint8_t link = link_of(net, port);
	unsigned packets_n = 0;

	ASSERT(link < net->links_n);
	count(&net->stats.frames_in, n);
	for (unsigned k = 0; k < n && k < PREFETCH; k++)
		headers_prefetch(frames[k]);
	for (unsigned k = 0; k < n; k++) {
		struct arrival arrival = {
			.net = net, .frame = frames[k], .link = link, .handed = handed};

		if (k + PREFETCH < n)
			headers_prefetch(frames[k + PREFETCH]);
		if (frame_arrived(&arrival))
			packets_r[packets_n++] = arrival.frame;
	}
	count(&net->stats.tcp_in, packets_n);
	return packets_n;
}

unsigned net_input(struct net *net, struct port *port, struct rte_mbuf **frames, unsigned n,
		   struct rte_mbuf **packets_r)
{
	return input(net, port, frames, n, packets_r, false);
}

unsigned net_input_handed(struct net *net, struct port *port, struct rte_mbuf **frames, unsigned n,
			  struct rte_mbuf **packets_r)
{
	return input(net, port, frames, n, packets_r, true);
}
