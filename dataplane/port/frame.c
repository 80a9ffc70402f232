/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "check.h"
#include "checksum.h"

static struct rte_ipv4_hdr *ip_header(struct rte_mbuf *frame)
{
	return rte_pktmbuf_mtod_offset(frame, struct rte_ipv4_hdr *, frame->l2_len);
}

static struct rte_tcp_hdr *tcp_header(struct rte_mbuf *frame)
{
	return rte_pktmbuf_mtod_offset(frame, struct rte_tcp_hdr *, frame->l2_len + frame->l3_len);
}

static uint32_t headers_len(const struct rte_mbuf *frame)
{
	return frame->l2_len + frame->l3_len + frame->l4_len;
}

static void checksum_tcp(struct rte_mbuf *frame)
{
	const uint32_t offset = frame->l2_len + frame->l3_len;
	const uint32_t len = frame->pkt_len - offset;
	const struct rte_ipv4_hdr *ip = ip_header(frame);
	struct rte_tcp_hdr *tcp = tcp_header(frame);
	uint64_t sum;

	tcp->cksum = 0;
	sum = checksum_pseudo(ip->src_addr, ip->dst_addr, IPPROTO_TCP, (uint16_t)len);
	sum = checksum_add_chain(sum, frame, offset, len);
	tcp->cksum = (uint16_t)~checksum_fold(sum);
}

void frame_checksum(struct rte_mbuf *frame, uint64_t flags)
{
	flags &= frame->ol_flags;
	ASSERT(frame->data_len >= headers_len(frame));
	if (flags & RTE_MBUF_F_TX_IP_CKSUM) {
		struct rte_ipv4_hdr *ip = ip_header(frame);

		ip->hdr_checksum = 0;
		ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_add(0, ip, frame->l3_len));
	}
	if ((flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM)
		checksum_tcp(frame);
	frame->ol_flags &= ~flags;
}

void frame_checksum_begin(struct rte_mbuf *frame)
{
	const struct rte_ipv4_hdr *ip = ip_header(frame);
	/* A device that cuts adds the length of each part itself. */
	const bool cut = frame->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
	const uint32_t len = cut ? 0 : frame->pkt_len - frame->l2_len - frame->l3_len;

	ASSERT(frame->data_len >= frame->l2_len + frame->l3_len + sizeof(struct rte_tcp_hdr));
	tcp_header(frame)->cksum = checksum_fold(
		checksum_pseudo(ip->src_addr, ip->dst_addr, IPPROTO_TCP, (uint16_t)len));
}

/* Bytes [offset, offset + len) of the chain, to the end of `to`. */
static void copy_in(struct rte_mbuf *to, const struct rte_mbuf *from, uint32_t offset, uint32_t len)
{
	char *at = rte_pktmbuf_append(to, (uint16_t)len);
	const char *found = rte_pktmbuf_read(from, offset, len, at);

	/* In one part of the chain it is found where it lies; across parts it was copied. */
	if (found != at)
		memcpy(at, found, len);
}

static struct rte_mbuf *linear_alloc(struct rte_mempool *pool, uint32_t len)
{
	struct rte_mbuf *frame;

	if (pool == NULL || len + RTE_PKTMBUF_HEADROOM > rte_pktmbuf_data_room_size(pool))
		return NULL;
	frame = rte_pktmbuf_alloc(pool);
	if (frame != NULL)
		ASSERT(rte_pktmbuf_tailroom(frame) >= len);
	return frame;
}

struct rte_mbuf *frame_linearise(struct rte_mbuf *frame, struct rte_mempool *pool)
{
	struct rte_mbuf *linear = linear_alloc(pool, frame->pkt_len);

	if (linear != NULL) {
		copy_in(linear, frame, 0, frame->pkt_len);
		linear->ol_flags = frame->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
		linear->tx_offload = frame->tx_offload;
	}
	rte_pktmbuf_free(frame);
	return linear;
}

void frame_cutter_init(struct frame_cutter *cutter, const struct rte_mbuf *whole)
{
	ASSERT(whole->tso_segsz > 0 && whole->l4_len >= sizeof(struct rte_tcp_hdr));
	ASSERT(whole->pkt_len > headers_len(whole));
	*cutter = (struct frame_cutter){.whole = whole, .headers_len = headers_len(whole)};
}

bool frame_cutter_done(const struct frame_cutter *cutter)
{
	return cutter->headers_len + cutter->offset >= cutter->whole->pkt_len;
}

struct rte_mbuf *frame_cutter_next(struct frame_cutter *cutter, struct rte_mempool *pool)
{
	const struct rte_mbuf *whole = cutter->whole;
	const uint32_t left = whole->pkt_len - cutter->headers_len - cutter->offset;
	const uint32_t len = RTE_MIN(left, (uint32_t)whole->tso_segsz);
	struct rte_mbuf *frame = linear_alloc(pool, cutter->headers_len + len);
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;

	if (frame == NULL)
		return NULL;
	copy_in(frame, whole, 0, cutter->headers_len);
	copy_in(frame, whole, cutter->headers_len + cutter->offset, len);
	frame->tx_offload = whole->tx_offload;
	frame->tso_segsz = 0;
	frame->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM;
	ip = ip_header(frame);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(frame->pkt_len - frame->l2_len));
	ip->packet_id =
		rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(ip->packet_id) + cutter->number));
	tcp = tcp_header(frame);
	tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + cutter->offset);
	/* What ends the data goes with its last byte, what begins a reaction with its first. */
	if (len < left)
		tcp->tcp_flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	if (cutter->number > 0)
		tcp->tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
	cutter->offset += len;
	cutter->number++;
	return frame;
}
