/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <string.h>

enum { IP = 14 };

static void know(struct world *world, uint32_t ip, uint16_t vlan, const uint8_t mac[6])
{
	struct net_neighbour neighbour = {.ip = ip, .vlan = vlan, .port = &world->port};

	memcpy(neighbour.mac, mac, 6);
	net_neighbour_put(world->net, &neighbour);
}

static struct rte_mbuf *segment_make(struct world *world, size_t payload_len)
{
	struct rte_mbuf *segment = rte_pktmbuf_alloc(world->pool);
	uint8_t *at = (uint8_t *)rte_pktmbuf_append(segment, (uint16_t)(32 + payload_len));

	memset(at, 0xab, 32 + payload_len);
	segment->l4_len = 32;
	return segment;
}

static void out(struct world *world, struct rte_mbuf *segment, uint32_t src, uint32_t dst,
		uint8_t tos)
{
	struct tcp_wire *wire = net_tcp_wire(world->net);
	uint8_t src16[16], dst16[16];

	mapped(src16, src);
	mapped(dst16, dst);
	wire->send(wire, segment, src16, dst16, tos);
}

static void test_headers(void **state)
{
	struct world *world = *state;

	know(world, PEER, 0, peer_mac);
	for (size_t payload = 0; payload < 1400; payload += 99) {
		struct rte_mbuf *frame;
		const uint8_t *at;

		out(world, segment_make(world, payload), US, PEER, (uint8_t)payload);
		frame = world_sent(world);
		assert_non_null(frame);
		at = rte_pktmbuf_mtod(frame, const uint8_t *);
		assert_int_equal(frame->pkt_len, IP + 20 + 32 + payload);
		assert_memory_equal(at, peer_mac, 6);
		assert_memory_equal(at + 6, our_mac, 6);
		assert_int_equal(bytes_get16(at + 12), 0x0800);
		assert_int_equal(at[IP], 0x45);
		assert_int_equal(at[IP + 1], (uint8_t)payload);
		assert_int_equal(bytes_get16(at + IP + 2), 20 + 32 + payload);
		assert_int_equal(bytes_get16(at + IP + 4), 0);
		assert_int_equal(bytes_get16(at + IP + 6), 0x4000);
		assert_int_equal(at[IP + 8], 64);
		assert_int_equal(at[IP + 9], 6);
		assert_int_equal(plain_sum(at + IP, 20, 0), 0xffff);
		assert_int_equal(bytes_get32(at + IP + 12), US);
		assert_int_equal(bytes_get32(at + IP + 16), PEER);
		assert_int_equal(frame->l2_len, 14);
		assert_int_equal(frame->l3_len, 20);
		assert_int_equal(frame->l4_len, 32);
		assert_int_equal(frame->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK,
				 RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM);
		rte_pktmbuf_free(frame);
	}
}

static void test_headers_in_a_vlan(void **state)
{
	struct world *world = *state;
	struct rte_mbuf *frame;
	const uint8_t *at;

	know(world, PEER_VLAN, VLAN, peer_mac);
	out(world, segment_make(world, 5), US_VLAN, PEER_VLAN, 2);
	frame = world_sent(world);
	assert_non_null(frame);
	at = rte_pktmbuf_mtod(frame, const uint8_t *);
	assert_int_equal(bytes_get16(at + 12), 0x8100);
	assert_int_equal(bytes_get16(at + 14), VLAN);
	assert_int_equal(bytes_get16(at + 16), 0x0800);
	assert_int_equal(plain_sum(at + 18, 20, 0), 0xffff);
	assert_int_equal(frame->l2_len, 18);
	rte_pktmbuf_free(frame);
}

static void test_tso_leaves_the_sums_to_the_device(void **state)
{
	struct world *world = *state;
	struct rte_mbuf *segment = segment_make(world, 1000), *frame;

	know(world, PEER, 0, peer_mac);
	segment->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	segment->tso_segsz = 100;
	out(world, segment, US, PEER, 0);
	frame = world_sent(world);
	assert_non_null(frame);
	assert_true(frame->ol_flags & RTE_MBUF_F_TX_IP_CKSUM);
	assert_true(frame->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	assert_int_equal(frame->tso_segsz, 100);
	rte_pktmbuf_free(frame);
}

static void test_no_way_there(void **state)
{
	static const struct {
		uint32_t src, dst;
	} ways[] = {
		{PEER, GATEWAY},		    /* not our address */
		{US_VLAN, FAR},			    /* no gateway there */
		{US, 0},			    /* nobody */
		{US, 0x0a0000ff},		    /* broadcasts */
		{US, 0xffffffff}, {US, 0xe0000001}, /* a group */
		{US, 0x7f000001},		    /* loopback */
		{US, US},			    /* ourselves */
		{US, US_VLAN},
	};
	const size_t n = sizeof(ways) / sizeof(ways[0]);
	struct world *world = *state;

	world_mark(world);
	for (size_t k = 0; k < n; k++)
		out(world, segment_make(world, 1), ways[k].src, ways[k].dst, 0);
	assert_null(world_sent(world));
	assert_int_equal(world_grown(world).no_route, n);
}

static void sent_check(struct world *world, const uint8_t mac[6], size_t ip, uint32_t dst)
{
	struct rte_mbuf *frame = world_sent(world);
	const uint8_t *at;

	assert_non_null(frame);
	at = rte_pktmbuf_mtod(frame, const uint8_t *);
	assert_memory_equal(at, mac, 6);
	assert_int_equal(bytes_get32(at + ip + 16), dst);
	assert_int_equal(plain_sum(at + ip, 20, 0), 0xffff);
	rte_pktmbuf_free(frame);
}

/* Far ones by way of the gateway; and more neighbours than there are paths. */
static void test_many_destinations(void **state)
{
	enum { MANY = 3000 };
	struct world *world = *state;

	know(world, GATEWAY, 0, other_mac);
	for (uint32_t k = 0; k < MANY; k++)
		know(world, PEER_VLAN + k, VLAN,
		     (const uint8_t[]){2, 0, 0, 1, (uint8_t)(k >> 8), (uint8_t)k});
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t k = 0; k < MANY; k++) {
			const uint8_t mac[6] = {2, 0, 0, 1, (uint8_t)(k >> 8), (uint8_t)k};

			out(world, segment_make(world, 0), US, FAR + k * 77, 0);
			sent_check(world, other_mac, 14, FAR + k * 77);
			out(world, segment_make(world, 0), US_VLAN, PEER_VLAN + k, 0);
			sent_check(world, mac, 18, PEER_VLAN + k);
		}
	}
}

static void test_bursts(void **state)
{
	struct world *world = *state;

	know(world, PEER, 0, peer_mac);
	for (unsigned k = 0; k < 3 * PORT_BURST_MAX + 5; k++)
		out(world, segment_make(world, 0), US, PEER, 0);
	assert_int_equal(world->port.transmits, 3);
	net_flush(world->net);
	assert_int_equal(world->port.transmits, 4);
	assert_int_equal(world->port.sent_n, 3 * PORT_BURST_MAX + 5);
	net_flush(world->net); /* nothing: no call */
	assert_int_equal(world->port.transmits, 4);
}

/* The wire says which queue is full until a flush finds room. */
static void test_a_full_queue_is_told(void **state)
{
	struct world *world = *state;
	struct tcp_wire *wire = net_tcp_wire(world->net);
	uint8_t ours[16], others[16];

	mapped(ours, US);
	mapped(others, PEER);
	know(world, PEER, 0, peer_mac);
	assert_int_equal(wire->full, 0);
	world->port.held = 3;
	out(world, segment_make(world, 10), US, PEER, 0);
	net_flush(world->net);
	assert_int_equal(wire->full, 1);
	assert_true(wire->is_full(wire, ours));
	assert_false(wire->is_full(wire, others));
	/* A loop with nothing else to do comes back for what waits. */
	assert_in_range(net_next_ns(world->net), world->clock.mono_ns,
			world->clock.mono_ns + 1000000);
	net_flush(world->net);
	assert_int_equal(wire->full, 1);
	world->port.held = 0;
	net_flush(world->net);
	assert_int_equal(wire->full, 0);
	assert_true(net_next_ns(world->net) > world->clock.mono_ns + 1000000);
	assert_false(wire->is_full(wire, ours));
	rte_pktmbuf_free(world_sent(world));
}

static void test_limits_of_the_wire(void **state)
{
	struct world *world = *state;
	struct tcp_wire *wire = net_tcp_wire(world->net);
	uint8_t dst[16];

	mapped(dst, FAR);
	assert_int_equal(wire->mtu(wire, dst), 1500);
	mapped(dst, PEER_VLAN);
	assert_int_equal(wire->mtu(wire, dst), 1500);
	assert_int_equal(wire->segments_max, 8);
	assert_int_equal(wire->tso_bytes_max, 0);
}

static void test_owns(void **state)
{
	struct world *world = *state;
	uint8_t local[16], peer[16];

	mapped(local, US);
	mapped(peer, PEER);
	world->port.owner = 0;
	assert_true(net_owns(world->net, local, 143, peer, 40000));
	assert_int_equal(world->port.tuple_src, PEER);
	assert_int_equal(world->port.tuple_src_port, 40000);
	assert_int_equal(world->port.tuple_dst_port, 143);
	world->port.owner = 1;
	assert_false(net_owns(world->net, local, 143, peer, 40000));
	world->port.owner = 0;
	mapped(local, PEER);
	assert_false(net_owns(world->net, local, 143, peer, 40000));
}

static void test_addresses_no_host_may_have(void **state)
{
	static const struct net_address bad[] = {
		{.ip = 0x7f000001, .prefix = 8},
		{.ip = 0xe0000001, .prefix = 24},
		{.ip = 0x0a0000ff, .prefix = 24},
		{.ip = 0x0a000000, .prefix = 24},
		{.ip = 0, .prefix = 24},
		{.ip = US, .prefix = 0},
		{.ip = US, .prefix = 33},
		{.ip = US, .prefix = 24, .vlan = 4095},
		{.ip = US, .prefix = 24, .gateway = US},
		{.ip = US, .prefix = 24, .gateway = 0x0a0000ff},
	};
	struct world *world = *state;
	const struct net_port net_port = {&world->port, 0, (const unsigned[]){0}};
	struct net_config config = {.ports = &net_port,
				    .ports_n = 1,
				    .addresses_n = 1,
				    .cores_n = 1,
				    .socket = -1,
				    .name = "bad"};
	struct net *net;

	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		struct net_address address = bad[k];

		address.port = &world->port;
		config.addresses = &address;
		assert_int_equal(net_create(&config, &world->env, &net), -EINVAL);
		assert_null(net);
	}
}

static void test_twice_the_same_address(void **state)
{
	struct world *world = *state;
	const struct net_port net_port = {&world->port, 0, (const unsigned[]){0}};
	const struct net_address twice[] = {{.ip = US, .prefix = 24, .port = &world->port},
					    {.ip = US, .prefix = 16, .port = &world->port}};
	const struct net_config config = {.ports = &net_port,
					  .ports_n = 1,
					  .addresses = twice,
					  .addresses_n = 2,
					  .cores_n = 1,
					  .socket = -1,
					  .name = "twice"};
	struct net *net;

	assert_int_equal(net_create(&config, &world->env, &net), -EINVAL);
}

/* RFC 3021: a link of two has no broadcast; a /32 has only its gateway. */
static void test_small_subnets(void **state)
{
	struct world *world = *state;
	const struct net_port net_port = {&world->port, 0, (const unsigned[]){0}};
	const struct net_address small[] = {
		{.ip = 0x0a010000, .prefix = 31, .port = &world->port},
		{.ip = 0x0a020001, .prefix = 32, .gateway = GATEWAY, .port = &world->port}};
	const struct net_config config = {.ports = &net_port,
					  .ports_n = 1,
					  .addresses = small,
					  .addresses_n = 2,
					  .cores_n = 1,
					  .socket = -1,
					  .name = "small"};
	struct net *net, *saved = world->net;

	assert_int_equal(net_create(&config, &world->env, &net), 0);
	world->net = net;
	know(world, 0x0a010001, 0, peer_mac);
	know(world, GATEWAY, 0, other_mac);
	out(world, segment_make(world, 0), 0x0a010000, 0x0a010001, 0);
	out(world, segment_make(world, 0), 0x0a020001, FAR, 0);
	net_flush(net);
	assert_int_equal(world->port.sent_n, 2);
	assert_memory_equal(rte_pktmbuf_mtod(world->port.sent[0], uint8_t *), peer_mac, 6);
	assert_memory_equal(rte_pktmbuf_mtod(world->port.sent[1], uint8_t *), other_mac, 6);
	world_sent_free(world);
	net_destroy(&net);
	world->net = saved;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		TEST(test_headers),
		TEST(test_headers_in_a_vlan),
		TEST(test_tso_leaves_the_sums_to_the_device),
		TEST(test_no_way_there),
		TEST(test_many_destinations),
		TEST(test_bursts),
		TEST(test_a_full_queue_is_told),
		TEST(test_limits_of_the_wire),
		TEST(test_owns),
		TEST(test_addresses_no_host_may_have),
		TEST(test_twice_the_same_address),
		TEST(test_small_subnets),
	};

	return fixture_main("net output", tests, sizeof(tests) / sizeof(tests[0]));
}
