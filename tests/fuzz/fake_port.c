/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_port.h"

#include <rte_ether.h>
#include <rte_ip.h>

#include "check.h"
#include "checksum.h"

enum {
	LINK = 14,
	LINK_TAGGED = 18,
	ARP_FRAME = 60,
	SEGMENTS_MAX = 8,
};

const uint8_t our_mac[6] = {0x02, 0, 0, 0, 0, 0x01};

void port_mac(const struct port *self, uint8_t mac_r[6])
{
	(void)self;
	memcpy(mac_r, our_mac, sizeof(our_mac));
}

uint32_t port_mtu(const struct port *self)
{
	(void)self;
	return PORT_MTU;
}

uint32_t port_tso_bytes_max(const struct port *self)
{
	(void)self;
	return 0;
}

uint32_t port_segments_max(const struct port *self)
{
	(void)self;
	return SEGMENTS_MAX;
}

unsigned port_owner(const struct port *self, uint32_t src_ip, uint32_t dst_ip, uint16_t src_port,
		    uint16_t dst_port)
{
	(void)src_ip;
	(void)dst_ip;
	(void)src_port;
	(void)dst_port;
	return self->owner;
}

/* --- Out --- */

static void check_ipv4(const struct rte_mbuf *frame, uint32_t link_len)
{
	struct rte_ipv4_hdr copy;
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_read(frame, link_len, sizeof(copy), &copy);
	uint32_t len;

	ASSERT(ip != NULL && ip->version_ihl == RTE_IPV4_VHL_DEF);
	len = rte_be_to_cpu_16(ip->total_length);
	ASSERT(link_len + len == frame->pkt_len && len <= PORT_MTU);
	ASSERT(checksum_fold(checksum_add(0, ip, sizeof(*ip))) == 0xffff);
	if (ip->next_proto_id == IPPROTO_ICMP)
		ASSERT(checksum_fold(checksum_add_chain(0, frame, link_len + sizeof(*ip),
							len - sizeof(*ip))) == 0xffff);
}

static void frame_sent(const struct port *port, const struct rte_mbuf *frame)
{
	const uint8_t *at = rte_pktmbuf_mtod(frame, const uint8_t *);
	const uint32_t link_len = at[12] == 0x81 && at[13] == 0 ? LINK_TAGGED : LINK;
	const uint16_t type = (uint16_t)(at[link_len - 2] << 8 | at[link_len - 1]);

	rte_mbuf_sanity_check(frame, 1);
	ASSERT(frame->nb_segs <= SEGMENTS_MAX);
	ASSERT(frame->data_len >= LINK + 20 && memcmp(at + 6, our_mac, sizeof(our_mac)) == 0);
	if (type == RTE_ETHER_TYPE_IPV4)
		check_ipv4(frame, link_len);
	else
		ASSERT(type == RTE_ETHER_TYPE_ARP && frame->pkt_len == ARP_FRAME);
	if (port->sent != NULL)
		port->sent(frame, link_len, type);
}

unsigned port_transmit(struct port *self, unsigned queue, struct rte_mbuf **frames, unsigned n)
{
	ASSERT(queue == 0 && n <= PORT_BURST_MAX);
	for (unsigned k = 0; k < n; k++) {
		frame_sent(self, frames[k]);
		rte_pktmbuf_free(frames[k]);
	}
	return 0;
}

/* --- In --- */

struct part {
	struct rte_mbuf_ext_shared_info shared;
	uint8_t *exact;
};

static void part_free(void *addr, void *opaque)
{
	struct part *part = opaque;

	(void)addr;
	free(part->exact);
	free(part);
}

static struct rte_mbuf *part_make(struct rte_mempool *pool, const uint8_t *bytes, size_t len)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
	struct part *part = malloc(sizeof(*part));

	ASSERT(mbuf != NULL && part != NULL);
	part->exact = malloc(len > 0 ? len : 1);
	ASSERT(part->exact != NULL);
	memcpy(part->exact, bytes, len);
	part->shared = (struct rte_mbuf_ext_shared_info){.free_cb = part_free, .fcb_opaque = part};
	rte_mbuf_ext_refcnt_set(&part->shared, 1);
	rte_pktmbuf_attach_extbuf(mbuf, part->exact, RTE_BAD_IOVA, (uint16_t)(len > 0 ? len : 1),
				  &part->shared);
	mbuf->data_off = 0;
	mbuf->data_len = (uint16_t)len;
	mbuf->pkt_len = (uint32_t)len;
	return mbuf;
}

struct rte_mbuf *frame_make(struct rte_mempool *pool, const uint8_t *bytes, size_t len, size_t part)
{
	struct rte_mbuf *frame = NULL, *tail = NULL;

	if (part == 0 || len / part >= PARTS_MAX - 1)
		part = len > 0 ? len : 1;
	for (size_t done = 0; frame == NULL || done < len; done += part) {
		struct rte_mbuf *more =
			part_make(pool, bytes + done, len - done < part ? len - done : part);

		if (frame == NULL) {
			frame = more;
		} else {
			tail->next = more;
			frame->nb_segs++;
			frame->pkt_len += more->data_len;
		}
		tail = more;
	}
	return frame;
}

void frame_ip_checksum(uint8_t *bytes, size_t len)
{
	const size_t link_len =
		len > LINK_TAGGED && bytes[12] == 0x81 && bytes[13] == 0 ? LINK_TAGGED : LINK;
	size_t header_len;
	uint16_t sum;

	if (len < link_len + sizeof(struct rte_ipv4_hdr))
		return;
	header_len = (bytes[link_len] & 15u) * 4;
	if (header_len < sizeof(struct rte_ipv4_hdr) || link_len + header_len > len)
		return;
	memset(bytes + link_len + 10, 0, 2);
	sum = (uint16_t)~checksum_fold(checksum_add(0, bytes + link_len, header_len));
	memcpy(bytes + link_len + 10, &sum, sizeof(sum));
}

struct net *fuzz_net_create(struct port *port, struct net_fragments fragments, struct net_env *env)
{
	static const unsigned queue_core[2] = {0, 1};
	const struct net_port net_port = {port, 0, queue_core};
	const struct net_address addresses[] = {
		{.ip = US, .prefix = 24, .gateway = 0x0a0000fe, .port = port},
		{.ip = US_VLAN, .prefix = 16, .vlan = VLAN, .port = port},
	};
	const struct net_config config = {.ports = &net_port,
					  .ports_n = 1,
					  .addresses = addresses,
					  .addresses_n = 2,
					  .cores_n = 2,
					  .fragments = fragments,
					  .socket = -1,
					  .name = "net"};
	struct net *net;

	ASSERT(net_create(&config, env, &net) == 0);
	return net;
}
