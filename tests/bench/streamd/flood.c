/* SPDX-License-Identifier: Apache-2.0 */
#include "flood.h"

#include <errno.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bucket.h"
#include "checksum.h"

enum {
	FRAMES = 8191,
	FRAMES_CACHE = 256,
	/* In a turn, which receives twice as many: the answers must not pile up. */
	SYNS_MAX = PORT_BURST_MAX / 2,
	OPTION_BYTES = 20,
	SYN_BYTES = sizeof(struct rte_tcp_hdr) + OPTION_BYTES,
	PORTS_FIRST = 1024,
	PORTS_N = 65536 - PORTS_FIRST,
};

struct syn {
	struct rte_ether_hdr ethernet;
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	uint8_t options[OPTION_BYTES];
};
_Static_assert(sizeof(struct syn) == 74, "as it lies on the wire");

struct flood {
	struct port *port;
	struct rte_mempool *pool;
	struct bucket bucket;
	uint64_t random;
	uint32_t ip_sum, tcp_sum; /* of the template, with what differs left out */
	struct syn syn;
	_Atomic uint64_t sent;
};

/* MSS 1460, SACK permitted, timestamps, scale 7. */
static const uint8_t syn_options[OPTION_BYTES] = {2, 4, 1460 >> 8, 1460 & 0xff, 4, 2, 8, 10, 0, 0,
						  1, 0, 0,	   0,		0, 0, 1, 3,  3, 7};

/* xorshift64* (Vigna 2016): it is repeatable, and no secret. */
static uint64_t random_next(struct flood *flood)
{
	flood->random ^= flood->random >> 12;
	flood->random ^= flood->random << 25;
	flood->random ^= flood->random >> 27;
	return flood->random * 0x2545f4914f6cdd1du;
}

static void template_make(struct flood *flood, const struct options *options, uint16_t port)
{
	struct syn *syn = &flood->syn;
	const uint32_t server = rte_cpu_to_be_32(options->server);

	memcpy(syn->ethernet.dst_addr.addr_bytes, options->server_mac, RTE_ETHER_ADDR_LEN);
	port_mac(flood->port, syn->ethernet.src_addr.addr_bytes);
	syn->ethernet.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	syn->ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(syn->ip) + SYN_BYTES),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_TCP,
		.dst_addr = server,
	};
	syn->tcp = (struct rte_tcp_hdr){
		.dst_port = rte_cpu_to_be_16(port),
		.data_off = SYN_BYTES / 4 << 4,
		.tcp_flags = RTE_TCP_SYN_FLAG,
		.rx_win = RTE_BE16(64240),
	};
	memcpy(syn->options, syn_options, OPTION_BYTES);
	flood->ip_sum = checksum_fold(checksum_add(0, &syn->ip, sizeof(syn->ip)));
	flood->tcp_sum = checksum_fold(checksum_add(
		checksum_pseudo(0, server, IPPROTO_TCP, SYN_BYTES), &syn->tcp, SYN_BYTES));
}

/* Only source, port and sequence number differ, and with them the sums. */
static void syn_make(struct flood *flood, struct rte_mbuf *frame)
{
	struct syn *syn = rte_pktmbuf_mtod(frame, struct syn *);
	const uint64_t random = random_next(flood);
	const uint32_t source =
		rte_cpu_to_be_32(FLOOD_NETWORK | (uint32_t)(random >> 47) % FLOOD_HOSTS);
	const uint16_t port =
		rte_cpu_to_be_16((uint16_t)(PORTS_FIRST + (uint16_t)random % PORTS_N));
	const uint32_t seq = (uint32_t)(random >> 16);
	const uint64_t source_sum = (uint64_t)(source >> 16) + (source & 0xffff);

	*syn = flood->syn;
	syn->ip.src_addr = source;
	syn->ip.hdr_checksum = (uint16_t)~checksum_fold(flood->ip_sum + source_sum);
	syn->tcp.src_port = port;
	syn->tcp.sent_seq = seq;
	syn->tcp.cksum = (uint16_t)~checksum_fold(flood->tcp_sum + source_sum + port + (seq >> 16) +
						  (seq & 0xffff));
	frame->data_len = sizeof(*syn);
	frame->pkt_len = sizeof(*syn);
}

bool flood_turn(struct flood *flood, uint64_t now_ns)
{
	struct rte_mbuf *frames[SYNS_MAX];
	const unsigned n = bucket_take(&flood->bucket, now_ns, SYNS_MAX);

	if (n == 0 || rte_pktmbuf_alloc_bulk(flood->pool, frames, n) != 0)
		return false;
	for (unsigned k = 0; k < n; k++)
		syn_make(flood, frames[k]);
	atomic_store_explicit(&flood->sent, flood->sent + n, memory_order_relaxed);
	port_transmit(flood->port, 0, frames, n);
	return true;
}

uint64_t flood_sent(const struct flood *flood)
{
	return atomic_load_explicit(&flood->sent, memory_order_relaxed);
}

int flood_create(const struct options *options, const struct wire *wire, uint16_t port,
		 struct flood **flood_r)
{
	struct flood *flood = calloc(1, sizeof(*flood));

	*flood_r = flood;
	if (flood == NULL)
		return -ENOMEM;
	flood->port = wire->port;
	flood->random = 1;
	bucket_init(&flood->bucket, options->flood_per_s);
	template_make(flood, options, port);
	flood->pool =
		rte_pktmbuf_pool_create("flood", FRAMES, FRAMES_CACHE, 0,
					RTE_PKTMBUF_HEADROOM + sizeof(struct syn), SOCKET_ID_ANY);
	if (flood->pool == NULL) {
		flood_destroy(flood_r);
		return -ENOMEM;
	}
	return 0;
}

/* Frames of the pool may still be with the port, which is closed later: the pool stays. */
void flood_destroy(struct flood **flood)
{
	free(*flood);
	*flood = NULL;
}
