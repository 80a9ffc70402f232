/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

static const uint8_t *packet_bytes(const struct rte_mbuf *packet, uint8_t copy[2048])
{
	assert_in_range(packet->pkt_len, 0, 2048);
	return rte_pktmbuf_read(packet, 0, packet->pkt_len, copy);
}

/* The packet is the IPv4 packet of `bytes`, whose link header has `link_len` bytes. */
static void assert_packet(struct rte_mbuf *packet, const struct bytes *bytes, size_t link_len)
{
	const uint8_t *ip = bytes->at + link_len;
	const uint16_t len = bytes_get16(ip + 2);
	uint8_t copy[2048];

	assert_non_null(packet);
	assert_int_equal(packet->pkt_len, len);
	assert_int_equal(packet->l3_len, (ip[0] & 15) * 4);
	assert_in_range(packet->data_len, packet->l3_len + 20, len);
	assert_memory_equal(packet_bytes(packet, copy), ip, len);
	rte_mbuf_sanity_check(packet, 1);
	rte_pktmbuf_free(packet);
}

static void test_tcp_arrives(void **state)
{
	struct world *world = *state;

	for (size_t payload = 0; payload <= 1460; payload += 73) {
		struct bytes bytes = tcp_frame(payload);

		assert_packet(world_input(world, world_frame(world, bytes.at, bytes.len, 0)),
			      &bytes, 14);
	}
}

static void test_chains_of_any_parts_arrive(void **state)
{
	struct world *world = *state;

	for (size_t part = 1; part < 130; part++) {
		struct bytes bytes = tcp_frame(61);

		assert_packet(world_input(world, world_frame(world, bytes.at, bytes.len, part)),
			      &bytes, 14);
	}
}

/* Ethernet pads short frames: the end is not the packet's, however the frame is cut. */
static void test_padding_is_trimmed(void **state)
{
	struct world *world = *state;

	for (size_t pad = 1; pad <= 40; pad++) {
		for (size_t part = 40; part < 100; part += 7) {
			struct bytes bytes = tcp_frame(3);

			memset(bytes.at + bytes.len, 0xee, pad);
			bytes.len += pad;
			assert_packet(
				world_input(world, world_frame(world, bytes.at, bytes.len, part)),
				&bytes, 14);
		}
	}
}

static void test_cut_at_every_byte(void **state)
{
	struct world *world = *state;
	const struct bytes bytes = tcp_frame(30);

	for (size_t len = 1; len < bytes.len; len++) {
		for (size_t part = 0; part < 30; part += 13)
			assert_null(world_input(world, world_frame(world, bytes.at, len, part)));
	}
}

/* --- Hostile frames, by name --- */

struct hostile {
	const char *name;
	void (*spoil)(struct bytes *bytes);
	size_t counter; /* offset in struct net_stats that must grow by one; SIZE_MAX: accepted */
	bool checksum;	/* make the IPv4 checksum right after spoiling */
};

#define COUNTER(name) offsetof(struct net_stats, name)
#define IP(bytes) ((bytes)->at + 14)
#define TCP(bytes) ((bytes)->at + 34)

static void version_6(struct bytes *b)
{
	IP(b)[0] = 0x65;
}
static void version_0(struct bytes *b)
{
	IP(b)[0] = 0x05;
}
static void ihl_0(struct bytes *b)
{
	IP(b)[0] = 0x40;
}
static void ihl_4(struct bytes *b)
{
	IP(b)[0] = 0x44;
}
static void ihl_past_total(struct bytes *b)
{
	IP(b)[0] = 0x4f;
	bytes_put16(IP(b) + 2, 59);
}
static void total_0(struct bytes *b)
{
	bytes_put16(IP(b) + 2, 0);
}
static void total_19(struct bytes *b)
{
	bytes_put16(IP(b) + 2, 19);
}
static void total_20(struct bytes *b)
{
	bytes_put16(IP(b) + 2, 20);
}
static void total_39(struct bytes *b)
{
	bytes_put16(IP(b) + 2, 39);
}
static void total_one_more(struct bytes *b)
{
	bytes_put16(IP(b) + 2, (uint16_t)(b->len - 14 + 1));
}
static void total_65535(struct bytes *b)
{
	bytes_put16(IP(b) + 2, 65535);
}
static void ip_checksum_off_by_one(struct bytes *b)
{
	IP(b)[11] ^= 1;
}
static void ip_checksum_zero(struct bytes *b)
{
	bytes_put16(IP(b) + 10, 0);
}
static void more_fragments(struct bytes *b)
{
	IP(b)[6] = 0x20;
}
static void fragment_offset_8(struct bytes *b)
{
	IP(b)[7] = 1;
}
static void fragment_last_of_ping_of_death(struct bytes *b)
{
	bytes_put16(IP(b) + 6, 0x1fff);
}
static void tiny_first_fragment(struct bytes *b)
{
	IP(b)[6] = 0x20;
	bytes_put16(IP(b) + 2, 28); /* RFC 1858: the flags come in the next one */
}
static void dont_fragment(struct bytes *b)
{
	IP(b)[6] = 0x40;
}
static void reserved_flag(struct bytes *b)
{
	IP(b)[6] = 0x80;
}
static void ttl_0(struct bytes *b)
{
	IP(b)[8] = 0;
}
static void source_us(struct bytes *b)
{
	bytes_put32(IP(b) + 12, US);
}
static void source_us_elsewhere(struct bytes *b)
{
	bytes_put32(IP(b) + 12, US_VLAN);
}
static void source_loopback(struct bytes *b)
{
	bytes_put32(IP(b) + 12, 0x7f000001);
}
static void source_zero(struct bytes *b)
{
	bytes_put32(IP(b) + 12, 0);
}
static void source_this_network(struct bytes *b)
{
	bytes_put32(IP(b) + 12, 0x00010203);
}
static void source_multicast(struct bytes *b)
{
	bytes_put32(IP(b) + 12, 0xe0000001);
}
static void source_reserved(struct bytes *b)
{
	bytes_put32(IP(b) + 12, 0xf0000001);
}
static void source_broadcast(struct bytes *b)
{
	bytes_put32(IP(b) + 12, 0xffffffff);
}
static void source_subnet_broadcast(struct bytes *b)
{
	bytes_put32(IP(b) + 12, 0x0a0000ff);
}
static void source_subnet_zero(struct bytes *b)
{
	bytes_put32(IP(b) + 12, 0x0a000000);
}
static void to_neighbour(struct bytes *b)
{
	bytes_put32(IP(b) + 16, PEER);
}
static void to_broadcast(struct bytes *b)
{
	bytes_put32(IP(b) + 16, 0xffffffff);
}
static void to_subnet_broadcast(struct bytes *b)
{
	bytes_put32(IP(b) + 16, 0x0a0000ff);
}
static void to_multicast(struct bytes *b)
{
	bytes_put32(IP(b) + 16, 0xe0000001);
}
static void to_zero(struct bytes *b)
{
	bytes_put32(IP(b) + 16, 0);
}
static void to_address_of_a_vlan(struct bytes *b)
{
	bytes_put32(IP(b) + 16, US_VLAN);
}
static void link_broadcast(struct bytes *b)
{
	memset(b->at, 0xff, 6);
}
static void link_multicast(struct bytes *b)
{
	b->at[0] |= 1;
}
static void link_other(struct bytes *b)
{
	b->at[5] ^= 0x55;
}
static void ethertype_ipv6(struct bytes *b)
{
	bytes_put16(b->at + 12, 0x86dd);
}
static void ethertype_length(struct bytes *b)
{
	bytes_put16(b->at + 12, 46);
}
static void ethertype_qinq(struct bytes *b)
{
	bytes_put16(b->at + 12, 0x88a8);
}
static void vlan_cut(struct bytes *b)
{
	bytes_put16(b->at + 12, 0x8100);
	b->len = 16;
}
static void vlan_unknown(struct bytes *b)
{
	memmove(b->at + 16, b->at + 12, b->len - 12);
	bytes_put16(b->at + 12, 0x8100);
	bytes_put16(b->at + 14, 99);
	b->len += 4;
}
static void vlan_of_another_address(struct bytes *b)
{
	vlan_unknown(b);
	bytes_put16(b->at + 14, VLAN);
}
static void vlan_twice(struct bytes *b)
{
	vlan_unknown(b);
	vlan_unknown(b);
	bytes_put16(b->at + 14, 0);
}
static void data_offset_0(struct bytes *b)
{
	TCP(b)[12] = 0;
}
static void data_offset_4(struct bytes *b)
{
	TCP(b)[12] = 0x40;
}
static void data_offset_past_end(struct bytes *b)
{
	TCP(b)[12] = 0xf0;
}
static void tcp_checksum_off_by_one(struct bytes *b)
{
	TCP(b)[17] ^= 1;
}
static void tcp_payload_flipped(struct bytes *b)
{
	b->at[b->len - 1] ^= 0x80;
}
static void tcp_checksum_zero(struct bytes *b)
{
	bytes_put16(TCP(b) + 16, 0);
}

/* Options of `len` bytes between the IPv4 and the TCP header. */
static void options(struct bytes *b, const uint8_t *options, size_t len)
{
	memmove(TCP(b) + len, TCP(b), b->len - 34);
	memcpy(TCP(b), options, len);
	b->len += len;
	IP(b)[0] = (uint8_t)(0x45 + len / 4);
	bytes_put16(IP(b) + 2, (uint16_t)(b->len - 14));
}
static void options_nop(struct bytes *b)
{
	options(b, (const uint8_t[]){1, 1, 1, 0}, 4);
}
static void options_router_alert(struct bytes *b)
{
	options(b, (const uint8_t[]){148, 4, 0, 0}, 4);
}
static void options_loose_source_route(struct bytes *b)
{
	options(b, (const uint8_t[]){131, 7, 4, 10, 0, 0, 9, 0}, 8);
}
static void options_strict_source_route(struct bytes *b)
{
	options(b, (const uint8_t[]){1, 137, 7, 4, 10, 0, 0, 9}, 8);
}
static void options_length_0(struct bytes *b)
{
	options(b, (const uint8_t[]){7, 0, 0, 0}, 4);
}
static void options_length_1(struct bytes *b)
{
	options(b, (const uint8_t[]){7, 1, 0, 0}, 4);
}
static void options_length_past_end(struct bytes *b)
{
	options(b, (const uint8_t[]){7, 5, 4, 0}, 4);
}
static void options_no_length(struct bytes *b)
{
	options(b, (const uint8_t[]){1, 1, 1, 7}, 4);
}
static void options_forty_bytes(struct bytes *b)
{
	uint8_t nops[40];

	memset(nops, 1, sizeof(nops));
	options(b, nops, sizeof(nops));
}

static const struct hostile hostiles[] = {
	{"version 6 in an IPv4 frame", version_6, COUNTER(ip_malformed), true},
	{"version 0", version_0, COUNTER(ip_malformed), true},
	{"header length 0", ihl_0, COUNTER(ip_malformed), false},
	{"header length 4 words", ihl_4, COUNTER(ip_malformed), true},
	{"header longer than the total length", ihl_past_total, COUNTER(ip_malformed), true},
	{"total length 0 (as TSO leaves it)", total_0, COUNTER(ip_malformed), true},
	{"total length below a header", total_19, COUNTER(ip_malformed), true},
	{"total length of a header alone", total_20, COUNTER(tcp_malformed), true},
	{"total length one short of a TCP header", total_39, COUNTER(tcp_malformed), true},
	{"total length one more than the frame", total_one_more, COUNTER(ip_malformed), true},
	{"total length 65535", total_65535, COUNTER(ip_malformed), true},
	{"IPv4 checksum off by one", ip_checksum_off_by_one, COUNTER(ip_checksum), false},
	{"IPv4 checksum zero", ip_checksum_zero, COUNTER(ip_checksum), false},
	{"more fragments", more_fragments, COUNTER(fragments), true},
	{"a later fragment", fragment_offset_8, COUNTER(fragments), true},
	{"the last fragment of a ping of death", fragment_last_of_ping_of_death, COUNTER(fragments),
	 true},
	{"a tiny first fragment", tiny_first_fragment, COUNTER(fragments), true},
	{"don't fragment", dont_fragment, SIZE_MAX, true},
	{"the reserved flag", reserved_flag, SIZE_MAX, true},
	{"time to live 0 (RFC 1122 3.2.1.7)", ttl_0, SIZE_MAX, true},
	{"from our own address", source_us, COUNTER(ip_source), true},
	{"from our address in another VLAN", source_us_elsewhere, COUNTER(ip_source), true},
	{"from loopback", source_loopback, COUNTER(ip_source), true},
	{"from 0.0.0.0", source_zero, COUNTER(ip_source), true},
	{"from this network", source_this_network, COUNTER(ip_source), true},
	{"from a multicast group", source_multicast, COUNTER(ip_source), true},
	{"from class E", source_reserved, COUNTER(ip_source), true},
	{"from the limited broadcast", source_broadcast, COUNTER(ip_source), true},
	{"from the subnet's broadcast", source_subnet_broadcast, COUNTER(ip_source), true},
	{"from the subnet's zero", source_subnet_zero, COUNTER(ip_source), true},
	{"to a neighbour's address", to_neighbour, COUNTER(ip_not_ours), true},
	{"to the limited broadcast", to_broadcast, COUNTER(ip_not_ours), true},
	{"to the subnet's broadcast", to_subnet_broadcast, COUNTER(ip_not_ours), true},
	{"to a multicast group", to_multicast, COUNTER(ip_not_ours), true},
	{"to 0.0.0.0", to_zero, COUNTER(ip_not_ours), true},
	{"to our address of another VLAN", to_address_of_a_vlan, COUNTER(ip_not_ours), true},
	{"unicast packet in a broadcast frame", link_broadcast, COUNTER(ip_not_ours), true},
	{"unicast packet in a multicast frame", link_multicast, COUNTER(ip_not_ours), true},
	{"to another MAC", link_other, COUNTER(ethernet_other), true},
	{"IPv6", ethertype_ipv6, COUNTER(ethernet_other), true},
	{"a length instead of a type (802.3)", ethertype_length, COUNTER(ethernet_other), true},
	{"a service tag", ethertype_qinq, COUNTER(ethernet_other), true},
	{"cut within the tag", vlan_cut, COUNTER(ethernet_short), true},
	{"a VLAN without an address", vlan_unknown, COUNTER(vlan_other), false},
	{"our address in the wrong VLAN", vlan_of_another_address, COUNTER(ip_not_ours), false},
	{"two tags", vlan_twice, COUNTER(ethernet_other), false},
	{"TCP data offset 0", data_offset_0, COUNTER(tcp_malformed), true},
	{"TCP data offset 4", data_offset_4, COUNTER(tcp_malformed), true},
	{"TCP data offset past the end", data_offset_past_end, COUNTER(tcp_malformed), true},
	{"TCP checksum off by one", tcp_checksum_off_by_one, COUNTER(tcp_checksum), true},
	{"a flipped bit in the payload", tcp_payload_flipped, COUNTER(tcp_checksum), true},
	{"TCP checksum zero", tcp_checksum_zero, COUNTER(tcp_checksum), true},
	{"options: padding", options_nop, SIZE_MAX, true},
	{"options: router alert", options_router_alert, SIZE_MAX, true},
	{"options: forty bytes", options_forty_bytes, SIZE_MAX, true},
	{"options: loose source route", options_loose_source_route, COUNTER(ip_options), true},
	{"options: strict source route", options_strict_source_route, COUNTER(ip_options), true},
	{"options: length 0", options_length_0, COUNTER(ip_malformed), true},
	{"options: length 1", options_length_1, COUNTER(ip_malformed), true},
	{"options: length past the end", options_length_past_end, COUNTER(ip_malformed), true},
	{"options: no length", options_no_length, COUNTER(ip_malformed), true},
};

static void hostile_check(struct world *world, const struct hostile *hostile, size_t part)
{
	struct bytes bytes = tcp_frame(11);
	struct rte_mbuf *packet;
	struct net_stats grown;
	uint64_t counter = 0;

	hostile->spoil(&bytes);
	if (hostile->checksum)
		bytes_ipv4_checksum(IP(&bytes));
	world_mark(world);
	packet = world_input(world, world_frame(world, bytes.at, bytes.len, part));
	grown = world_grown(world);
	if (hostile->counter != SIZE_MAX)
		memcpy(&counter, (const char *)&grown + hostile->counter, sizeof(counter));
	if ((packet != NULL) != (hostile->counter == SIZE_MAX) ||
	    (packet == NULL && counter != 1)) {
		rte_pktmbuf_free(packet);
		fail_msg("%s, in parts of %zu: packet %d, counter %d", hostile->name, part,
			 packet != NULL, (int)counter);
	}
	if (packet != NULL)
		assert_packet(packet, &bytes, 14);
	assert_null(world_sent(world)); /* nothing of it is worth an answer */
}

static void test_hostile_frames(void **state)
{
	struct world *world = *state;

	for (size_t k = 0; k < sizeof(hostiles) / sizeof(hostiles[0]); k++)
		for (size_t part = 0; part < 80; part += part == 0 ? 1 : 9)
			hostile_check(world, &hostiles[k], part);
}

/* --- What the device says of checksums (DESIGN section 8) --- */

static bool accepted(struct world *world, struct bytes bytes, uint64_t flags)
{
	struct rte_mbuf *frame = world_frame(world, bytes.at, bytes.len, 0), *packet;

	frame->ol_flags |= flags;
	packet = world_input(world, frame);
	rte_pktmbuf_free(packet);
	return packet != NULL;
}

static void test_checksum_flags(void **state)
{
	struct world *world = *state;
	struct bytes good = tcp_frame(5), bad_tcp = good, bad_ip = good;

	bad_tcp.at[34 + 16] ^= 1;
	bad_ip.at[14 + 10] ^= 1;
	assert_true(accepted(world, good, RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN));
	assert_false(accepted(world, bad_tcp, RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN));
	assert_true(accepted(world, bad_tcp, RTE_MBUF_F_RX_L4_CKSUM_GOOD));
	assert_true(accepted(world, bad_tcp, RTE_MBUF_F_RX_L4_CKSUM_NONE));
	assert_false(accepted(world, good, RTE_MBUF_F_RX_L4_CKSUM_BAD));
	assert_true(accepted(world, bad_ip, RTE_MBUF_F_RX_IP_CKSUM_GOOD));
	assert_true(accepted(world, bad_ip, RTE_MBUF_F_RX_IP_CKSUM_NONE));
	assert_false(accepted(world, bad_ip, RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN));
	assert_false(accepted(world, good, RTE_MBUF_F_RX_IP_CKSUM_BAD));
}

/* --- VLAN --- */

static struct bytes vlan_frame(uint16_t tci, bool tagged)
{
	struct bytes bytes = {.len = 0};

	bytes_ethernet(&bytes, our_mac, peer_mac, tagged ? 0x8100 : 0x0800);
	if (tagged)
		bytes_vlan(&bytes, tci, 0x0800);
	bytes_ipv4(&bytes, PEER_VLAN, US_VLAN, 6, 20);
	bytes_tcp(&bytes, PEER_VLAN, US_VLAN, 40000, 143, 0);
	return bytes;
}

static void test_vlan_in_the_frame(void **state)
{
	struct world *world = *state;
	struct bytes bytes = vlan_frame(0xe000 | VLAN, true); /* with a priority */

	for (size_t part = 0; part < 60; part++)
		assert_packet(world_input(world, world_frame(world, bytes.at, bytes.len, part)),
			      &bytes, 18);
}

static void test_vlan_stripped_by_the_device(void **state)
{
	struct world *world = *state;
	struct bytes bytes = vlan_frame(0, false);
	struct rte_mbuf *frame = world_frame(world, bytes.at, bytes.len, 0);

	frame->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	frame->vlan_tci = VLAN;
	assert_packet(world_input(world, frame), &bytes, 14);
}

static void test_priority_tag_is_untagged(void **state)
{
	struct world *world = *state;
	struct bytes bytes = {.len = 0};

	bytes_ethernet(&bytes, our_mac, peer_mac, 0x8100);
	bytes_vlan(&bytes, 0x6000, 0x0800);
	bytes_ipv4(&bytes, PEER, US, 6, 20);
	bytes_tcp(&bytes, PEER, US, 40000, 143, 0);
	assert_packet(world_input(world, world_frame(world, bytes.at, bytes.len, 0)), &bytes, 18);
}

/* --- Ownership --- */

static void test_handed_to_the_owner_as_it_came(void **state)
{
	struct world *world = *state;
	struct bytes bytes = tcp_frame(9);
	struct rte_mbuf *packets[1];

	world->port.owner = 1;
	assert_null(world_input(world, world_frame(world, bytes.at, bytes.len, 0)));
	assert_non_null(world->handed);
	assert_int_equal(world->handed_to, 1);
	assert_int_equal(world->port.tuple_src, PEER);
	assert_int_equal(world->port.tuple_dst, US);
	assert_int_equal(world->port.tuple_src_port, 40000);
	assert_int_equal(world->port.tuple_dst_port, 143);
	assert_int_equal(world->handed->pkt_len, bytes.len);
	assert_memory_equal(rte_pktmbuf_mtod(world->handed, uint8_t *), bytes.at, bytes.len);
	/* Once handed over it stays, whoever owns it. */
	assert_int_equal(net_input_handed(world->net, &world->port, &world->handed, 1, packets), 1);
	world->handed = NULL;
	assert_packet(packets[0], &bytes, 14);
}

static void test_kept_by_the_owner(void **state)
{
	struct world *world = *state;
	struct bytes bytes = tcp_frame(9);

	world->port.owner = 0;
	assert_packet(world_input(world, world_frame(world, bytes.at, bytes.len, 0)), &bytes, 14);
	assert_null(world->handed);
}

/* --- Bursts and memory --- */

static void test_burst_keeps_order(void **state)
{
	struct world *world = *state;
	struct rte_mbuf *frames[PORT_BURST_MAX], *packets[PORT_BURST_MAX];
	unsigned n;

	for (unsigned k = 0; k < PORT_BURST_MAX; k++) {
		struct bytes bytes = tcp_frame(k);

		if (k % 3 == 2)
			bytes.at[12] = 0; /* no type we know */
		frames[k] = world_frame(world, bytes.at, bytes.len, 0);
	}
	n = net_input(world->net, &world->port, frames, PORT_BURST_MAX, packets);
	assert_int_equal(n, PORT_BURST_MAX - PORT_BURST_MAX / 3);
	for (unsigned k = 0, from = 0; k < n; k++, from++) {
		from += from % 3 == 2;
		assert_int_equal(packets[k]->pkt_len, 40 + from);
		rte_pktmbuf_free(packets[k]);
	}
}

/* A sender in the same process leaves its fields in the buffer. */
static void test_fields_of_a_sender_do_not_stay(void **state)
{
	struct world *world = *state;
	struct bytes bytes = tcp_frame(5);
	struct rte_mbuf *frame = world_frame(world, bytes.at, bytes.len, 0), *packet;

	frame->tx_offload = UINT64_MAX;
	packet = world_input(world, frame);
	assert_non_null(packet);
	assert_int_equal(packet->l2_len, 0);
	assert_int_equal(packet->tso_segsz, 0);
	assert_packet(packet, &bytes, 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define TEST_TWO(name) cmocka_unit_test_setup_teardown(name, world_setup_two_cores, world_teardown)
		TEST(test_tcp_arrives),
		TEST(test_chains_of_any_parts_arrive),
		TEST(test_padding_is_trimmed),
		TEST(test_cut_at_every_byte),
		TEST(test_hostile_frames),
		TEST(test_checksum_flags),
		TEST(test_vlan_in_the_frame),
		TEST(test_vlan_stripped_by_the_device),
		TEST(test_priority_tag_is_untagged),
		TEST_TWO(test_handed_to_the_owner_as_it_came),
		TEST_TWO(test_kept_by_the_owner),
		TEST(test_burst_keeps_order),
		TEST(test_fields_of_a_sender_do_not_stay),
	};

	return fixture_main("net input", tests, sizeof(tests) / sizeof(tests[0]));
}
