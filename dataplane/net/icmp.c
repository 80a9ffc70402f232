/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <rte_icmp.h>

#include "check.h"
#include "checksum.h"

/*
 * ICMP (RFC 792, RFC 1122 3.2.2): answers echo, passes errors about our TCP segments to the core
 * that owns them, says that nobody is at home. What is sent goes back to the MAC it came from, so
 * no stranger makes us ask for an address. Redirects and source quench are ignored (RFC 5927,
 * RFC 6633).
 */

enum {
	ICMP_BYTES = 8, /* type, code, checksum, and four bytes that depend on the type */
	/* RFC 1812 4.3.2.3: as much of the packet as fits into 576 bytes. */
	QUOTED_BYTES_MAX = 576 - 20 - ICMP_BYTES,
	/* Of an embedded TCP header there are at least the ports and the sequence number. */
	EMBEDDED_TCP_BYTES = 8,
	/* What the TCP may look at: an IPv4 and a TCP header with all options. */
	EMBEDDED_BYTES_MAX = IPV4_HEADER_BYTES_MAX + TCP_HEADER_BYTES_MAX,
};

struct icmp_header {
	uint8_t type, code;
	uint16_t checksum;
	uint16_t unused, mtu; /* of destination unreachable, code 4 (RFC 1191 4) */
};
static_assert(sizeof(struct icmp_header) == ICMP_BYTES, "RFC 792");

static uint32_t icmp_offset(const struct arrival *arrival)
{
	return (uint32_t)arrival->link_len + arrival->ip_header_len;
}

static uint16_t icmp_len(const struct arrival *arrival)
{
	return (uint16_t)(arrival->ip_len - arrival->ip_header_len);
}

/* Writes Ethernet and IPv4 headers over the first bytes of `frame`, whose IPv4 packet goes back to
 * where `arrival` came from. */
static void headers_back(struct rte_mbuf *frame, const struct arrival *arrival,
			 const uint8_t mac[6], uint32_t src, uint32_t dst)
{
	const struct link *link = &arrival->net->links[arrival->link];
	uint8_t *at = rte_pktmbuf_mtod(frame, uint8_t *);
	const uint8_t link_len =
		link_header_write(at, link, arrival->vlan, mac, RTE_ETHER_TYPE_IPV4);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(at + link_len);

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(frame->pkt_len - link_len)),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = IPV4_TTL,
		.next_proto_id = IPPROTO_ICMP,
		.src_addr = src,
		.dst_addr = dst,
	};
	ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_add(0, ip, sizeof(*ip)));
	frame->ol_flags = 0;
	frame->tx_offload = 0;
}

static uint8_t link_len_back(const struct arrival *arrival)
{
	return RTE_ETHER_HDR_LEN + (arrival->vlan != 0 ? RTE_VLAN_HLEN : 0);
}

/* --- Echo --- */

/* A frame whose headers we may write: itself, or a copy. NULL: no memory, the frame is gone. */
static struct rte_mbuf *writable(struct net *net, struct rte_mbuf *frame)
{
	struct rte_mbuf *copy;

	if (RTE_MBUF_DIRECT(frame) && rte_mbuf_refcnt_read(frame) == 1)
		return frame;
	copy = rte_pktmbuf_copy(frame, net->pool, 0, UINT32_MAX);
	rte_pktmbuf_free(frame);
	return copy;
}

/* The data stays where it is, in however many parts; only the headers are new. */
static void echo_reply(struct arrival *arrival)
{
	struct net *net = arrival->net;
	const struct rte_ipv4_hdr *ip = arrival_ip(arrival);
	const uint32_t src = ip->dst_addr, dst = ip->src_addr;
	const uint16_t headers_len = (uint16_t)(link_len_back(arrival) + sizeof(*ip));
	uint8_t mac[RTE_ETHER_ADDR_LEN];
	struct rte_mbuf *frame;
	struct icmp_header *icmp;

	memcpy(mac, &rte_pktmbuf_mtod(arrival->frame, struct rte_ether_hdr *)->src_addr,
	       sizeof(mac));
	frame = writable(net, arrival->frame);
	if (frame == NULL) {
		count(&net->stats.memory_dropped, 1);
		return;
	}
	frame_trim(frame, arrival->link_len + (uint32_t)arrival->ip_len);
	rte_pktmbuf_adj(frame, (uint16_t)icmp_offset(arrival));
	icmp = rte_pktmbuf_mtod(frame, struct icmp_header *);
	icmp->type = ICMP_ECHOREPLY;
	/* RFC 1624: the type was the high byte of a word of the sum. Its two zeros are the same
	 * but where all else is zero, too: there only the one without bits is seen to be right. */
	icmp->checksum = (uint16_t)~checksum_fold((uint64_t)(uint16_t)~icmp->checksum +
						  (uint16_t)~RTE_BE16(ICMP_ECHO << 8));
	if (icmp->checksum == 0)
		icmp->checksum = 0xffff;
	if (rte_pktmbuf_prepend(frame, headers_len) == NULL) {
		rte_pktmbuf_free(frame);
		return;
	}
	headers_back(frame, arrival, mac, src, dst);
	count(&net->stats.echo_replies, 1);
	link_put(net, &net->links[arrival->link], frame);
}

static void echo_arrived(struct arrival *arrival)
{
	struct net *net = arrival->net;
	const uint32_t len = sizeof(struct rte_ipv4_hdr) + icmp_len(arrival);

	if (len > net->links[arrival->link].mtu)
		drop(arrival->frame, &net->stats.icmp_malformed);
	else if (!limit_take(&net->echo, net_now_ns(net)))
		drop(arrival->frame, &net->stats.icmp_limited);
	else
		echo_reply(arrival);
}

/* --- Errors in --- */

/*
 * RFC 5927 4: believed only about a TCP segment from an address of ours; whether we really sent
 * it, the TCP knows. False: neither a segment of ours nor long enough to tell.
 */
static bool embedded_is_ours(const struct arrival *arrival, const struct rte_ipv4_hdr *ip,
			     uint32_t len)
{
	if (len < sizeof(*ip) || ip->version_ihl >> 4 != IPVERSION ||
	    rte_ipv4_hdr_len(ip) < sizeof(*ip) ||
	    len < (uint32_t)rte_ipv4_hdr_len(ip) + EMBEDDED_TCP_BYTES)
		return false;
	if (ip->next_proto_id != IPPROTO_TCP ||
	    ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	return ip->src_addr == arrival->to->ip;
}

/* The tuple as the peer's frames carry it towards us. */
static bool error_handed_over(struct arrival *arrival, const struct rte_ipv4_hdr *embedded)
{
	uint16_t ports[2]; /* ours, the peer's */

	memcpy(ports, (const uint8_t *)embedded + rte_ipv4_hdr_len(embedded), sizeof(ports));
	return arrival_hand_over(arrival, embedded->dst_addr, embedded->src_addr,
				 rte_be_to_cpu_16(ports[1]), rte_be_to_cpu_16(ports[0]));
}

static void error_arrived(struct arrival *arrival)
{
	struct net *net = arrival->net;
	const uint32_t offset = icmp_offset(arrival);
	const uint32_t len =
		RTE_MIN((uint32_t)icmp_len(arrival) - ICMP_BYTES, (uint32_t)EMBEDDED_BYTES_MAX);
	const struct icmp_header *icmp;
	struct span quoted = {.len = len};

	if (!arrival_gather(arrival, offset + ICMP_BYTES + len)) {
		drop(arrival->frame, &net->stats.icmp_malformed);
		return;
	}
	icmp = rte_pktmbuf_mtod_offset(arrival->frame, const struct icmp_header *, offset);
	quoted.ptr = (const uint8_t *)(icmp + 1);
	if (!embedded_is_ours(arrival, (const struct rte_ipv4_hdr *)quoted.ptr, len)) {
		drop(arrival->frame, &net->stats.icmp_malformed);
		return;
	}
	if (error_handed_over(arrival, (const struct rte_ipv4_hdr *)quoted.ptr))
		return;
	count(&net->stats.icmp_errors_in, 1);
	net->env->icmp_error(net->env, icmp->type, icmp->code,
			     icmp->type == ICMP_UNREACH && icmp->code == ICMP_UNREACH_NEEDFRAG
				     ? rte_be_to_cpu_16(icmp->mtu)
				     : 0,
			     quoted);
	rte_pktmbuf_free(arrival->frame);
}

void icmp_input(struct arrival *arrival)
{
	struct net *net = arrival->net;
	const uint32_t offset = icmp_offset(arrival);
	const struct icmp_header *icmp;

	if (icmp_len(arrival) < ICMP_BYTES || !arrival_gather(arrival, offset + ICMP_BYTES) ||
	    checksum_fold(checksum_add_chain(0, arrival->frame, offset, icmp_len(arrival))) !=
		    0xffff) {
		drop(arrival->frame, &net->stats.icmp_malformed);
		return;
	}
	icmp = rte_pktmbuf_mtod_offset(arrival->frame, const struct icmp_header *, offset);
	switch (icmp->type) {
	case ICMP_ECHO:
		echo_arrived(arrival);
		break;
	case ICMP_UNREACH:
	case ICMP_TIMXCEED:
	case ICMP_PARAMPROB:
		error_arrived(arrival);
		break;
	default:
		drop(arrival->frame, &net->stats.icmp_ignored);
		break;
	}
}

/* --- Errors out --- */

static struct rte_mbuf *unreachable_make(const struct arrival *arrival, uint8_t code)
{
	const struct rte_ipv4_hdr *ip = arrival_ip(arrival);
	const uint16_t quoted_len = RTE_MIN(arrival->ip_len, (uint16_t)QUOTED_BYTES_MAX);
	const uint16_t headers_len = (uint16_t)(link_len_back(arrival) + sizeof(*ip));
	struct rte_mbuf *frame = rte_pktmbuf_alloc(arrival->net->pool);
	struct icmp_header *icmp;
	const void *quoted;
	uint8_t *at;

	if (frame == NULL) {
		count(&arrival->net->stats.memory_dropped, 1);
		return NULL;
	}
	at = (uint8_t *)rte_pktmbuf_append(frame, headers_len + ICMP_BYTES + quoted_len);
	ASSERT(at != NULL);
	icmp = (struct icmp_header *)(at + headers_len);
	*icmp = (struct icmp_header){.type = ICMP_UNREACH, .code = code};
	quoted = rte_pktmbuf_read(arrival->frame, arrival->link_len, quoted_len, icmp + 1);
	if (quoted != icmp + 1)
		memcpy(icmp + 1, quoted, quoted_len);
	icmp->checksum =
		(uint16_t)~checksum_fold(checksum_add(0, icmp, ICMP_BYTES + (size_t)quoted_len));
	headers_back(frame, arrival,
		     rte_pktmbuf_mtod(arrival->frame, struct rte_ether_hdr *)->src_addr.addr_bytes,
		     ip->dst_addr, ip->src_addr);
	return frame;
}

void icmp_unreachable(struct arrival *arrival, uint8_t code)
{
	struct net *net = arrival->net;
	struct rte_mbuf *frame = NULL;

	if (limit_take(&net->error, net_now_ns(net)))
		frame = unreachable_make(arrival, code);
	else
		count(&net->stats.icmp_limited, 1);
	if (frame != NULL) {
		count(&net->stats.icmp_errors_out, 1);
		link_put(net, &net->links[arrival->link], frame);
	}
	rte_pktmbuf_free(arrival->frame);
}
