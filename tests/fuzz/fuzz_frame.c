/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames into a net. The input is a row of frames, each after four bytes: its length (two), how
 * it is treated (one), and the size of its parts (one). Parts lie in memory of exactly their size
 * outside of EAL, so that AddressSanitizer sees every byte read past them. Whatever comes: nothing
 * leaks, packets for the TCP are as tcp.h says, and what is sent is well formed.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "check.h"
#include "checksum.h"
#include "eal.h"
#include "net.h"

enum {
	US = 0x0a000001,
	US_VLAN = 0x0a070001,
	FRAMES_MAX = 32,
	PARTS_MAX = 64, /* of a frame */
	POOL = FRAMES_MAX * PARTS_MAX + 63,
	/* How a frame is treated. */
	TREAT_CHECKSUMS_GOOD = 1, /* the device says so */
	TREAT_IP_CHECKSUM = 2,	  /* made right: the fuzzer need not find it */
	TREAT_VLAN_STRIPPED = 4,
	TREAT_HANDED = 8,
	TREAT_LATER = 16, /* two seconds pass before it */
	TREAT_SEND = 32,  /* a segment of ours goes to its source afterwards */
	TREAT_OWNED_ELSEWHERE = 64,
};

struct port {
	unsigned owner;
};

static struct port port;
static struct rte_mempool *pool;
static struct net *net;
static const uint8_t mac[6] = {0x02, 0, 0, 0, 0, 0x01};

/* --- The port that is not there --- */

void port_mac(const struct port *self, uint8_t mac_r[6])
{
	(void)self;
	memcpy(mac_r, mac, sizeof(mac));
}

uint32_t port_mtu(const struct port *self)
{
	(void)self;
	return 1500;
}

uint32_t port_tso_bytes_max(const struct port *self)
{
	(void)self;
	return 0;
}

uint32_t port_segments_max(const struct port *self)
{
	(void)self;
	return 8;
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

static void check_sent_ipv4(const struct rte_mbuf *frame, uint32_t link_len)
{
	struct rte_ipv4_hdr copy;
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_read(frame, link_len, sizeof(copy), &copy);
	uint32_t len;

	ASSERT(ip != NULL && ip->version_ihl == RTE_IPV4_VHL_DEF);
	len = rte_be_to_cpu_16(ip->total_length);
	ASSERT(link_len + len == frame->pkt_len && len <= 1500);
	ASSERT(checksum_fold(checksum_add(0, ip, sizeof(*ip))) == 0xffff);
	if (ip->next_proto_id == IPPROTO_ICMP)
		ASSERT(checksum_fold(checksum_add_chain(0, frame, link_len + sizeof(*ip),
							len - sizeof(*ip))) == 0xffff);
}

unsigned port_transmit(struct port *self, unsigned queue, struct rte_mbuf **frames, unsigned n)
{
	(void)self;
	ASSERT(queue == 0 && n <= PORT_BURST_MAX);
	for (unsigned k = 0; k < n; k++) {
		const uint8_t *at = rte_pktmbuf_mtod(frames[k], const uint8_t *);
		const bool tagged = at[12] == 0x81 && at[13] == 0;
		const uint8_t *type = at + (tagged ? 16 : 12);

		rte_mbuf_sanity_check(frames[k], 1);
		ASSERT(frames[k]->data_len >= 34 && memcmp(at + 6, mac, sizeof(mac)) == 0);
		if (type[0] == 8 && type[1] == 0)
			check_sent_ipv4(frames[k], tagged ? 18 : 14);
		else
			ASSERT(type[0] == 8 && type[1] == 6 && frames[k]->pkt_len == 60);
		rte_pktmbuf_free(frames[k]);
	}
	return 0;
}

/* --- The loop that is not there --- */

static void clock_refresh(struct clock *clock)
{
	(void)clock;
}

static struct clock the_clock = {1000000000000u, 0, clock_refresh};

static uint64_t env_random(struct net_env *env)
{
	(void)env;
	return 0x9e3779b97f4a7c15u;
}

static void env_hand_over(struct net_env *env, unsigned core, struct port *from,
			  struct rte_mbuf *frame)
{
	(void)env;
	ASSERT(core == 1 && from == &port);
	rte_pktmbuf_free(frame);
}

static void env_learnt(struct net_env *env, const struct net_neighbour *neighbour)
{
	(void)env;
	ASSERT(neighbour->port == &port && neighbour->ip != US);
}

static void env_icmp_error(struct net_env *env, uint8_t type, uint8_t code, uint32_t mtu,
			   struct span quoted)
{
	uint8_t copy[128];

	(void)env;
	(void)code;
	ASSERT(type == 3 || type == 11 || type == 12);
	ASSERT(mtu == 0 || (type == 3 && code == 4));
	ASSERT(quoted.len >= 28 && quoted.len <= sizeof(copy));
	memcpy(copy, quoted.ptr, quoted.len);
}

static struct net_env env = {&the_clock,    NULL,	env_random,
			     env_hand_over, env_learnt, env_icmp_error};

/* --- Frames --- */

static void part_free(void *addr, void *opaque)
{
	(void)addr;
	free(opaque);
}

/* A part whose bytes lie in memory of just their size. */
static struct rte_mbuf *part_make(const uint8_t *bytes, size_t len)
{
	struct rte_mbuf *part = rte_pktmbuf_alloc(pool);
	struct rte_mbuf_ext_shared_info *shared = malloc(sizeof(*shared));
	uint8_t *exact = malloc(len > 0 ? len : 1);

	ASSERT(part != NULL && shared != NULL && exact != NULL);
	memcpy(exact, bytes, len);
	*shared = (struct rte_mbuf_ext_shared_info){.free_cb = part_free, .fcb_opaque = exact};
	rte_mbuf_ext_refcnt_set(shared, 1);
	rte_pktmbuf_attach_extbuf(part, exact, RTE_BAD_IOVA, (uint16_t)(len > 0 ? len : 1), shared);
	part->data_off = 0;
	part->data_len = (uint16_t)len;
	part->pkt_len = (uint32_t)len;
	return part;
}

static struct rte_mbuf_ext_shared_info *spent[POOL];
static unsigned spent_n;

static struct rte_mbuf *frame_make(const uint8_t *bytes, size_t len, size_t part)
{
	struct rte_mbuf *frame = NULL, *tail = NULL;

	if (part == 0 || len / part >= PARTS_MAX - 1)
		part = len > 0 ? len : 1;
	for (size_t done = 0; frame == NULL || done < len; done += part) {
		struct rte_mbuf *more =
			part_make(bytes + done, len - done < part ? len - done : part);

		spent[spent_n++] = more->shinfo;
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

static void ip_checksum_make_right(uint8_t *bytes, size_t len)
{
	const size_t link_len = len > 18 && bytes[12] == 0x81 && bytes[13] == 0 ? 18 : 14;
	size_t header_len;
	uint16_t sum;

	if (len < link_len + 20)
		return;
	header_len = (bytes[link_len] & 15u) * 4;
	if (header_len < 20 || link_len + header_len > len)
		return;
	memset(bytes + link_len + 10, 0, 2);
	sum = (uint16_t)~checksum_fold(checksum_add(0, bytes + link_len, header_len));
	memcpy(bytes + link_len + 10, &sum, sizeof(sum));
}

/* As tcp.h has it. */
static void check_packet(const struct rte_mbuf *packet)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(packet, const struct rte_ipv4_hdr *);
	const struct rte_tcp_hdr *tcp;
	uint32_t tcp_len;

	rte_mbuf_sanity_check(packet, 1);
	ASSERT(packet->data_len >= 40 && packet->l3_len == rte_ipv4_hdr_len(ip));
	ASSERT(packet->pkt_len == rte_be_to_cpu_16(ip->total_length));
	ASSERT((ip->fragment_offset & RTE_BE16(0x3fff)) == 0);
	tcp = rte_pktmbuf_mtod_offset(packet, const struct rte_tcp_hdr *, packet->l3_len);
	tcp_len = (tcp->data_off >> 4) * 4u;
	ASSERT(tcp_len >= 20 && packet->l3_len + tcp_len <= packet->data_len);
}

static void send_to(const uint8_t *frame, size_t len)
{
	struct tcp_wire *wire = net_tcp_wire(net);
	uint8_t src[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1}, dst[16] = {[10] = 0xff, 0xff};
	struct rte_mbuf *segment = rte_pktmbuf_alloc(pool);

	ASSERT(segment != NULL);
	memset(rte_pktmbuf_append(segment, 20), 0, 20);
	segment->l4_len = 20;
	if (len >= 30)
		memcpy(dst + 12, frame + 26, 4);
	wire->send(wire, segment, src, dst, 0);
}

static void treat(uint8_t how, uint8_t *bytes, size_t len, size_t part)
{
	struct rte_mbuf *frame, *packet;
	unsigned n;

	if (how & TREAT_LATER) {
		the_clock.mono_ns += 2000000000u;
		net_advance(net);
	}
	if (how & TREAT_IP_CHECKSUM)
		ip_checksum_make_right(bytes, len);
	frame = frame_make(bytes, len, part);
	if (how & TREAT_CHECKSUMS_GOOD)
		frame->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (how & TREAT_VLAN_STRIPPED) {
		frame->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		frame->vlan_tci = 7;
	}
	port.owner = how & TREAT_OWNED_ELSEWHERE ? 1 : 0;
	n = (how & TREAT_HANDED ? net_input_handed : net_input)(net, &port, &frame, 1, &packet);
	ASSERT(n <= 1);
	if (n == 1) {
		check_packet(packet);
		rte_pktmbuf_free(packet);
	}
	if (how & TREAT_SEND)
		send_to(bytes, len);
}

/* Every timer runs out, so that one input leaves nothing behind for the next. */
static void forget_everything(void)
{
	unsigned rounds = 0;

	while (net_next_ns(net) != UINT64_MAX) {
		the_clock.mono_ns += 10000000000u;
		net_advance(net);
		net_flush(net);
		ASSERT(++rounds < 1000);
	}
	the_clock.mono_ns += 10000000000u; /* the limits are full again */
	ASSERT(rte_mempool_full(pool));
	while (spent_n > 0)
		free(spent[--spent_n]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned queue_core[2] = {0, 1};
	const struct net_port net_port = {&port, 0, queue_core};
	const struct net_address addresses[] = {
		{.ip = US, .prefix = 24, .gateway = 0x0a0000fe, .port = &port},
		{.ip = US_VLAN, .prefix = 16, .vlan = 7, .port = &port},
	};
	const struct net_config config = {.ports = &net_port,
					  .ports_n = 1,
					  .addresses = addresses,
					  .addresses_n = 2,
					  .cores_n = 2,
					  .socket = -1,
					  .name = "fuzz"};

	(void)argc;
	(void)argv;
	ASSERT(eal_start(64) == 0);
	pool = rte_pktmbuf_pool_create("frames", POOL, 0, 0, 512, SOCKET_ID_ANY);
	ASSERT(pool != NULL && net_create(&config, &env, &net) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[2048];

	for (unsigned k = 0; k < FRAMES_MAX && size >= 4; k++) {
		const uint8_t how = data[2], part = data[3];
		size_t len = (size_t)data[0] << 8 | data[1];

		data += 4;
		size -= 4;
		len = RTE_MIN(len % sizeof(bytes), size);
		memcpy(bytes, data, len);
		treat(how, bytes, len, part);
		data += len;
		size -= len;
	}
	net_flush(net);
	forget_everything();
	return 0;
}
