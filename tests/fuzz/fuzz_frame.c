/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames into a net. The input is a row of frames, each after four bytes: its length (two), how
 * it is treated (one), and the size of its parts (one). Whatever comes: nothing leaks, packets for
 * the TCP are as tcp.h says, and what is sent is well formed.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "check.h"
#include "eal.h"
#include "fake_port.h"

enum {
	FRAMES_MAX = 32,
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

static struct port port;
static struct rte_mempool *pool;
static struct net *net;

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
		frame_ip_checksum(bytes, len);
	frame = frame_make(pool, bytes, len, part);
	if (how & TREAT_CHECKSUMS_GOOD)
		frame->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (how & TREAT_VLAN_STRIPPED) {
		frame->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		frame->vlan_tci = VLAN;
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
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	ASSERT(eal_start(64) == 0);
	pool = rte_pktmbuf_pool_create("frames", POOL, 0, 0, 512, SOCKET_ID_ANY);
	ASSERT(pool != NULL);
	net = fuzz_net_create(&port, (struct net_fragments){0}, &env);
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
