/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

enum { IP = 14, ICMP = 34 };

static void frame_in(struct world *world, const struct bytes *bytes, size_t part)
{
	assert_null(world_input(world, world_frame(world, bytes->at, bytes->len, part)));
}

static struct bytes echo_frame(size_t payload_len)
{
	struct bytes bytes = {.len = 0};

	bytes_ethernet(&bytes, our_mac, peer_mac, 0x0800);
	bytes_ipv4(&bytes, PEER, US, 1, 8 + payload_len);
	bytes_echo(&bytes, payload_len);
	return bytes;
}

/* What was sent, flat; the frame is freed. */
static size_t sent_bytes(struct world *world, uint8_t at_r[2048])
{
	struct rte_mbuf *frame = world_sent(world);
	const void *at;
	size_t len;

	assert_non_null(frame);
	len = frame->pkt_len;
	assert_in_range(len, 1, 2048);
	at = rte_pktmbuf_read(frame, 0, (uint32_t)len, at_r);
	if (at != at_r)
		memcpy(at_r, at, len);
	rte_mbuf_sanity_check(frame, 1);
	assert_int_equal(frame->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
	rte_pktmbuf_free(frame);
	return len;
}

/* Headers of a packet of ours to the peer, both checksums right. */
static void assert_icmp_to_peer(const uint8_t *at, size_t len, uint8_t type, uint8_t code)
{
	assert_memory_equal(at, peer_mac, 6);
	assert_memory_equal(at + 6, our_mac, 6);
	assert_int_equal(bytes_get16(at + 12), 0x0800);
	assert_int_equal(at[IP], 0x45);
	assert_int_equal(bytes_get16(at + IP + 2), len - IP);
	assert_int_equal(plain_sum(at + IP, 20, 0), 0xffff);
	assert_int_equal(at[IP + 9], 1);
	assert_int_equal(bytes_get32(at + IP + 12), US);
	assert_int_equal(bytes_get32(at + IP + 16), PEER);
	assert_int_equal(at[ICMP], type);
	assert_int_equal(at[ICMP + 1], code);
	assert_int_equal(plain_sum(at + ICMP, len - ICMP, 0), 0xffff);
}

static void test_echo_of_any_size(void **state)
{
	struct world *world = *state;

	for (size_t payload = 0; payload <= 1472; payload += 23) {
		struct bytes bytes = echo_frame(payload);
		uint8_t at[2048];
		size_t len;

		frame_in(world, &bytes, 0);
		len = sent_bytes(world, at);
		assert_int_equal(len, bytes.len);
		assert_icmp_to_peer(at, len, 0, 0);
		assert_memory_equal(at + ICMP + 4, bytes.at + ICMP + 4, len - ICMP - 4);
		world->clock.mono_ns += SECOND;
	}
}

/* The two zeros of a sum (RFC 1071): of nothing but zeros the checksum has all bits. */
static void test_echo_of_zeros(void **state)
{
	struct bytes bytes = echo_frame(0);
	uint8_t at[2048];
	size_t len;

	bytes_put32(bytes.at + ICMP + 4, 0);
	bytes_put16(bytes.at + ICMP + 2, 0xf7ff);
	frame_in(*state, &bytes, 0);
	len = sent_bytes(*state, at);
	assert_icmp_to_peer(at, len, 0, 0);
}

static void test_echo_in_parts(void **state)
{
	struct world *world = *state;

	for (size_t part = 1; part < 200; part += 3) {
		struct bytes bytes = echo_frame(333);
		uint8_t at[2048];

		frame_in(world, &bytes, part);
		assert_int_equal(sent_bytes(world, at), bytes.len);
		assert_icmp_to_peer(at, bytes.len, 0, 0);
		assert_memory_equal(at + ICMP + 4, bytes.at + ICMP + 4, bytes.len - ICMP - 4);
		world->clock.mono_ns += SECOND;
	}
}

/* Bytes that a sender in the same process still holds are not written to. */
static void test_echo_of_a_shared_buffer(void **state)
{
	struct world *world = *state;
	struct bytes bytes = echo_frame(10);
	struct rte_mbuf *frame = world_frame(world, bytes.at, bytes.len, 0);
	uint8_t at[2048];

	rte_mbuf_refcnt_update(frame, 1);
	assert_null(world_input(world, frame));
	assert_int_equal(sent_bytes(world, at), bytes.len);
	assert_icmp_to_peer(at, bytes.len, 0, 0);
	assert_memory_equal(rte_pktmbuf_mtod(frame, uint8_t *), bytes.at, bytes.len);
	rte_pktmbuf_free(frame);
}

static void test_echo_loses_padding_and_options(void **state)
{
	struct world *world = *state;
	struct bytes bytes = echo_frame(2);
	uint8_t at[2048];

	memmove(bytes.at + ICMP + 4, bytes.at + ICMP, bytes.len - ICMP);
	memset(bytes.at + ICMP, 1, 4);
	bytes.len += 4;
	bytes.at[IP] = 0x46;
	bytes_put16(bytes.at + IP + 2, (uint16_t)(bytes.len - IP));
	bytes_ipv4_checksum(bytes.at + IP);
	memset(bytes.at + bytes.len, 0xee, 9);
	bytes.len += 9;
	for (size_t part = 0; part < 60; part += 11) {
		frame_in(world, &bytes, part);
		assert_int_equal(sent_bytes(world, at), IP + 20 + 8 + 2);
		assert_icmp_to_peer(at, IP + 20 + 8 + 2, 0, 0);
	}
}

static void test_echo_in_the_vlan(void **state)
{
	struct world *world = *state;
	struct bytes bytes = {.len = 0};
	uint8_t at[2048];

	bytes_ethernet(&bytes, our_mac, peer_mac, 0x8100);
	bytes_vlan(&bytes, VLAN, 0x0800);
	bytes_ipv4(&bytes, PEER_VLAN, US_VLAN, 1, 8 + 4);
	bytes_echo(&bytes, 4);
	frame_in(world, &bytes, 0);
	assert_int_equal(sent_bytes(world, at), bytes.len);
	assert_int_equal(bytes_get16(at + 12), 0x8100);
	assert_int_equal(bytes_get16(at + 14), VLAN);
	assert_int_equal(bytes_get32(at + 18 + 12), US_VLAN);
	assert_int_equal(plain_sum(at + 18, 20, 0), 0xffff);
	assert_int_equal(plain_sum(at + 38, 12, 0), 0xffff);
}

static void test_echo_is_limited(void **state)
{
	struct world *world = *state;
	struct bytes bytes = echo_frame(0);

	world_mark(world);
	for (unsigned k = 0; k < 3000; k++)
		frame_in(world, &bytes, 0);
	assert_in_range(world_grown(world).echo_replies, 50, 1000);
	assert_int_equal(world_grown(world).echo_replies + world_grown(world).icmp_limited, 3000);
	world_sent_free(world);
	world->clock.mono_ns += SECOND;
	frame_in(world, &bytes, 0);
	world_sent_free(world);
	assert_int_equal(world_grown(world).icmp_limited + world_grown(world).echo_replies, 3001);
}

static void test_echo_malformed(void **state)
{
	struct world *world = *state;
	struct bytes bytes = echo_frame(20);

	world_mark(world);
	bytes.at[ICMP + 2] ^= 1;
	frame_in(world, &bytes, 0);
	bytes = echo_frame(20);
	bytes.at[bytes.len - 1] ^= 1;
	frame_in(world, &bytes, 7);
	for (uint16_t len = 0; len < 8; len++) {
		bytes = echo_frame(20);
		bytes_put16(bytes.at + IP + 2, 20 + len);
		bytes_ipv4_checksum(bytes.at + IP);
		frame_in(world, &bytes, 0);
	}
	assert_int_equal(world_grown(world).icmp_malformed, 10);
	assert_null(world_sent(world));
}

static void test_other_types_are_ignored(void **state)
{
	/* Echo reply, source quench, redirect, router advertisement, timestamp, mask. */
	static const uint8_t types[] = {0, 4, 5, 9, 13, 17, 255};
	struct world *world = *state;

	world_mark(world);
	for (size_t k = 0; k < sizeof(types); k++) {
		struct bytes bytes = echo_frame(20);

		bytes.at[ICMP] = types[k];
		bytes_put16(bytes.at + ICMP + 2, 0);
		bytes_put16(bytes.at + ICMP + 2,
			    (uint16_t)~plain_sum(bytes.at + ICMP, bytes.len - ICMP, 0));
		frame_in(world, &bytes, 0);
	}
	assert_int_equal(world_grown(world).icmp_ignored, sizeof(types));
	assert_null(world_sent(world));
}

/* --- Nobody at home --- */

static struct bytes packet_frame(uint8_t protocol, size_t payload_len)
{
	struct bytes bytes = {.len = 0};

	bytes_ethernet(&bytes, our_mac, peer_mac, 0x0800);
	bytes_ipv4(&bytes, PEER, US, protocol, payload_len);
	for (size_t k = 0; k < payload_len; k++)
		bytes.at[bytes.len++] = (uint8_t)k;
	return bytes;
}

static void assert_unreachable(struct world *world, uint8_t protocol, uint8_t code,
			       size_t payload_len, size_t part)
{
	struct bytes bytes = packet_frame(protocol, payload_len);
	size_t quoted = bytes.len - IP;
	uint8_t at[2048];
	size_t len;

	if (quoted > 576 - 28)
		quoted = 576 - 28;
	frame_in(world, &bytes, part);
	len = sent_bytes(world, at);
	assert_int_equal(len, ICMP + 8 + quoted);
	assert_icmp_to_peer(at, len, 3, code);
	assert_int_equal(bytes_get32(at + ICMP + 4), 0);
	assert_memory_equal(at + ICMP + 8, bytes.at + IP, quoted);
}

static void test_unreachable(void **state)
{
	struct world *world = *state;

	for (size_t payload = 0; payload <= 1480; payload += 185) {
		assert_unreachable(world, 17, 3, payload, 0);
		assert_unreachable(world, 132, 2, payload, 50);
		world->clock.mono_ns += SECOND;
	}
}

static void test_unreachable_is_limited(void **state)
{
	struct world *world = *state;
	struct bytes bytes = packet_frame(17, 8);

	world_mark(world);
	for (unsigned k = 0; k < 1000; k++)
		frame_in(world, &bytes, 0);
	assert_in_range(world_grown(world).icmp_errors_out, 5, 100);
	assert_int_equal(world_grown(world).protocol_other, 1000);
}

static void test_nothing_to_broadcasts(void **state)
{
	struct world *world = *state;
	struct bytes bytes = packet_frame(17, 8);

	memset(bytes.at, 0xff, 6);
	frame_in(world, &bytes, 0);
	bytes = packet_frame(17, 8);
	bytes_put32(bytes.at + IP + 16, 0x0a0000ff);
	bytes_ipv4_checksum(bytes.at + IP);
	frame_in(world, &bytes, 0);
	assert_null(world_sent(world));
}

/* --- Errors about our segments --- */

/* An error from the gateway about a segment of ours to `peer`, `quoted_len` bytes of it. */
static struct bytes error_frame(uint8_t type, uint8_t code, uint16_t mtu, uint32_t from,
				uint8_t protocol, size_t quoted_len)
{
	struct bytes quoted = {.len = 0}, bytes = {.len = 0};
	uint8_t *icmp;

	bytes_ipv4(&quoted, from, PEER, protocol, 1000);
	bytes_put16(quoted.at + 20, 143);
	bytes_put16(quoted.at + 22, 40000);
	bytes_put32(quoted.at + 24, 0xdeadbeef);
	bytes_ethernet(&bytes, our_mac, peer_mac, 0x0800);
	bytes_ipv4(&bytes, GATEWAY, US, 1, 8 + quoted_len);
	icmp = bytes.at + bytes.len;
	memset(icmp, 0, 8);
	icmp[0] = type;
	icmp[1] = code;
	bytes_put16(icmp + 6, mtu);
	memcpy(icmp + 8, quoted.at, quoted_len);
	bytes_put16(icmp + 2, (uint16_t)~plain_sum(icmp, 8 + quoted_len, 0));
	bytes.len += 8 + quoted_len;
	return bytes;
}

static void test_error_reaches_tcp(void **state)
{
	struct world *world = *state;

	for (size_t quoted = 28; quoted <= 300; quoted += 17) {
		struct bytes bytes = error_frame(3, 4, 1400, US, 6, quoted);

		for (size_t part = 0; part < 100; part += 19) {
			const size_t told = quoted < 120 ? quoted : 120;

			world->errors_n = 0;
			frame_in(world, &bytes, part);
			assert_int_equal(world->errors_n, 1);
			assert_int_equal(world->error_type, 3);
			assert_int_equal(world->error_code, 4);
			assert_int_equal(world->error_mtu, 1400);
			assert_int_equal(world->error_quoted_len, told);
			assert_memory_equal(world->error_quoted, bytes.at + ICMP + 8, told);
		}
	}
}

static void test_other_errors_carry_no_mtu(void **state)
{
	static const uint8_t types[][2] = {{3, 0}, {3, 1}, {3, 3}, {11, 0}, {12, 0}};
	struct world *world = *state;

	for (size_t k = 0; k < 5; k++) {
		struct bytes bytes = error_frame(types[k][0], types[k][1], 1400, US, 6, 28);

		frame_in(world, &bytes, 0);
		assert_int_equal(world->errors_n, k + 1);
		assert_int_equal(world->error_mtu, 0);
	}
}

static void test_errors_about_nothing_of_ours(void **state)
{
	struct world *world = *state;
	struct bytes bad[] = {
		error_frame(3, 1, 0, PEER, 6, 40),    /* not from us */
		error_frame(3, 1, 0, US_VLAN, 6, 40), /* from elsewhere */
		error_frame(3, 3, 0, US, 17, 40),     /* we send no UDP */
		error_frame(3, 1, 0, US, 6, 0),	      /* nothing quoted */
		error_frame(3, 1, 0, US, 6, 19),      error_frame(3, 1, 0, US, 6, 27),
		error_frame(3, 1, 0, US, 6, 40), /* spoilt below */
		error_frame(3, 1, 0, US, 6, 40),      error_frame(3, 1, 0, US, 6, 40),
		error_frame(3, 1, 0, US, 6, 40),
	};
	const size_t n = sizeof(bad) / sizeof(bad[0]);

	bad[6].at[ICMP + 8] = 0x65;	/* version */
	bad[7].at[ICMP + 8] = 0x4f;	/* header longer than what is quoted */
	bad[8].at[ICMP + 8] = 0x40;	/* no header */
	bad[9].at[ICMP + 8 + 7] = 0x10; /* a later fragment has no ports */
	world_mark(world);
	for (size_t k = 0; k < n; k++) {
		uint8_t *icmp = bad[k].at + ICMP;

		bytes_put16(icmp + 2, 0);
		bytes_put16(icmp + 2, (uint16_t)~plain_sum(icmp, bad[k].len - ICMP, 0));
		frame_in(world, &bad[k], 0);
		frame_in(world, &bad[k], 9);
	}
	assert_int_equal(world->errors_n, 0);
	assert_int_equal(world_grown(world).icmp_malformed, 2 * n);
	assert_null(world_sent(world));
}

static void test_error_goes_to_the_owner_of_the_segment(void **state)
{
	struct world *world = *state;
	struct bytes bytes = error_frame(3, 4, 1400, US, 6, 40);
	struct rte_mbuf *packets[1];

	world->port.owner = 1;
	frame_in(world, &bytes, 0);
	assert_int_equal(world->errors_n, 0);
	assert_non_null(world->handed);
	assert_int_equal(world->handed_to, 1);
	/* As the peer's frames carry it. */
	assert_int_equal(world->port.tuple_src, PEER);
	assert_int_equal(world->port.tuple_dst, US);
	assert_int_equal(world->port.tuple_src_port, 40000);
	assert_int_equal(world->port.tuple_dst_port, 143);
	assert_int_equal(net_input_handed(world->net, &world->port, &world->handed, 1, packets), 0);
	world->handed = NULL;
	assert_int_equal(world->errors_n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define TEST_TWO(name) cmocka_unit_test_setup_teardown(name, world_setup_two_cores, world_teardown)
		TEST(test_echo_of_any_size),
		TEST(test_echo_of_zeros),
		TEST(test_echo_in_parts),
		TEST(test_echo_of_a_shared_buffer),
		TEST(test_echo_loses_padding_and_options),
		TEST(test_echo_in_the_vlan),
		TEST(test_echo_is_limited),
		TEST(test_echo_malformed),
		TEST(test_other_types_are_ignored),
		TEST(test_unreachable),
		TEST(test_unreachable_is_limited),
		TEST(test_nothing_to_broadcasts),
		TEST(test_error_reaches_tcp),
		TEST(test_other_errors_carry_no_mtu),
		TEST(test_errors_about_nothing_of_ours),
		TEST_TWO(test_error_goes_to_the_owner_of_the_segment),
	};

	return fixture_main("net icmp", tests, sizeof(tests) / sizeof(tests[0]));
}
