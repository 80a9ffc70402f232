/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

enum {
	REQUEST = 1,
	REPLY = 2,
	ARP = 14,
	SENDER_MAC = 8,
	SENDER_IP = 14,
	TARGET_MAC = 18,
	TARGET_IP = 24
};

static void arp_in(struct world *world, struct bytes bytes)
{
	assert_null(world_input(world, world_frame(world, bytes.at, bytes.len, 0)));
}

static struct bytes from(const uint8_t mac[6], struct bytes bytes)
{
	memcpy(bytes.at + 6, mac, 6);
	memcpy(bytes.at + ARP + SENDER_MAC, mac, 6);
	return bytes;
}

static void segment_out(struct world *world, uint32_t dst)
{
	struct rte_mbuf *segment = rte_pktmbuf_alloc(world->pool);
	uint8_t src16[16], dst16[16];

	memset(rte_pktmbuf_append(segment, 20), 0, 20);
	segment->l4_len = 20;
	mapped(src16, US);
	mapped(dst16, dst);
	net_tcp_wire(world->net)->send(net_tcp_wire(world->net), segment, src16, dst16, 0);
}

/* Takes the one frame that was sent: an ARP frame with these addresses. */
static void assert_arp_sent(struct world *world, uint16_t opcode, const uint8_t dst_mac[6],
			    uint32_t sender_ip, uint32_t target_ip)
{
	struct rte_mbuf *frame = world_sent(world);
	const uint8_t *at;

	assert_non_null(frame);
	assert_int_equal(frame->pkt_len, 60);
	at = rte_pktmbuf_mtod(frame, const uint8_t *);
	assert_memory_equal(at, dst_mac, 6);
	assert_memory_equal(at + 6, our_mac, 6);
	assert_int_equal(bytes_get16(at + 12), 0x0806);
	assert_int_equal(bytes_get16(at + ARP + 6), opcode);
	assert_memory_equal(at + ARP + SENDER_MAC, our_mac, 6);
	assert_int_equal(bytes_get32(at + ARP + SENDER_IP), sender_ip);
	assert_int_equal(bytes_get32(at + ARP + TARGET_IP), target_ip);
	rte_pktmbuf_free(frame);
}

/* Takes the one frame that was sent: a TCP frame to this MAC. */
static void assert_segment_sent(struct world *world, const uint8_t dst_mac[6])
{
	struct rte_mbuf *frame = world_sent(world);

	assert_non_null(frame);
	assert_int_equal(bytes_get16(rte_pktmbuf_mtod(frame, const uint8_t *) + 12), 0x0800);
	assert_memory_equal(rte_pktmbuf_mtod(frame, const uint8_t *), dst_mac, 6);
	rte_pktmbuf_free(frame);
}

static void pass(struct world *world, uint64_t ns)
{
	world->clock.mono_ns += ns;
	net_advance(world->net);
}

static void test_answers_who_has(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	assert_arp_sent(world, REPLY, peer_mac, US, PEER);
}

static void test_answers_in_the_vlan(void **state)
{
	struct world *world = *state;
	struct bytes bytes = {.len = 0};
	struct rte_mbuf *frame;
	const uint8_t *at;

	bytes_ethernet(&bytes, all_macs, peer_mac, 0x8100);
	bytes_vlan(&bytes, VLAN, 0x0806);
	bytes_arp(&bytes, REQUEST, peer_mac, PEER_VLAN, US_VLAN);
	arp_in(world, bytes);
	frame = world_sent(world);
	assert_non_null(frame);
	at = rte_pktmbuf_mtod(frame, const uint8_t *);
	assert_int_equal(bytes_get16(at + 12), 0x8100);
	assert_int_equal(bytes_get16(at + 14), VLAN);
	assert_int_equal(bytes_get16(at + 16), 0x0806);
	assert_int_equal(bytes_get32(at + 18 + SENDER_IP), US_VLAN);
	rte_pktmbuf_free(frame);
	/* Not for an address of another VLAN. */
	arp_in(world, arp_frame(REQUEST, PEER, US_VLAN));
	assert_null(world_sent(world));
}

static void test_not_for_others(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, GATEWAY));
	assert_null(world_sent(world));
	assert_int_equal(world_grown(world).arp_ignored, 1);
}

static void test_who_asks_is_known(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	world_sent_free(world);
	segment_out(world, PEER);
	assert_segment_sent(world, peer_mac);
}

static void test_asks_and_waits(void **state)
{
	struct world *world = *state;

	segment_out(world, PEER);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
	segment_out(world, PEER); /* does not ask again */
	assert_null(world_sent(world));
	arp_in(world, arp_frame(REPLY, PEER, US));
	net_flush(world->net);
	assert_int_equal(world->port.sent_n, 2);
	world_sent_free(world);
	segment_out(world, PEER);
	assert_segment_sent(world, peer_mac);
}

static void test_waiting_is_bounded_and_keeps_the_latest(void **state)
{
	struct world *world = *state;

	world_mark(world);
	for (unsigned k = 0; k < 10; k++)
		segment_out(world, PEER);
	world_sent_free(world);
	assert_int_equal(world_grown(world).waiting_dropped, 10 - NET_WAITING_MAX);
	arp_in(world, arp_frame(REPLY, PEER, US));
	net_flush(world->net);
	assert_int_equal(world->port.sent_n, NET_WAITING_MAX);
}

static void test_asks_once_a_second_then_gives_up(void **state)
{
	struct world *world = *state;

	world_mark(world);
	segment_out(world, PEER);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
	pass(world, SECOND / 2);
	assert_null(world_sent(world));
	assert_in_range(net_next_ns(world->net), world->clock.mono_ns,
			world->clock.mono_ns + SECOND);
	for (unsigned k = 0; k < 2; k++) {
		pass(world, SECOND + SECOND / 10);
		assert_arp_sent(world, REQUEST, all_macs, US, PEER);
	}
	pass(world, SECOND + SECOND / 10);
	assert_null(world_sent(world));
	assert_int_equal(world_grown(world).arp_unanswered, 1);
	assert_int_equal(world_grown(world).waiting_dropped, 1);
	assert_int_equal(net_next_ns(world->net), UINT64_MAX);
	/* The next packet begins anew. */
	segment_out(world, PEER);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
}

static void test_by_the_gateway(void **state)
{
	struct world *world = *state;

	segment_out(world, FAR);
	assert_arp_sent(world, REQUEST, all_macs, US, GATEWAY);
	arp_in(world, from(other_mac, arp_frame(REPLY, GATEWAY, US)));
	assert_segment_sent(world, other_mac);
	segment_out(world, FAR + 1);
	assert_segment_sent(world, other_mac);
}

static void test_unasked_answers_make_no_entry(void **state)
{
	struct world *world = *state;

	world_mark(world);
	arp_in(world, arp_frame(REPLY, PEER, US));
	assert_int_equal(world_grown(world).arp_ignored, 1);
	segment_out(world, PEER);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
}

static void test_announcement_of_a_stranger_makes_no_entry(void **state)
{
	struct world *world = *state;

	world_mark(world);
	arp_in(world, arp_frame(REQUEST, PEER, PEER));
	assert_int_equal(world_grown(world).arp_ignored, 1);
	assert_null(world_sent(world));
	segment_out(world, PEER);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
}

static void test_announcement_moves_a_known_neighbour(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	world_sent_free(world);
	segment_out(world, PEER);
	assert_segment_sent(world, peer_mac);
	pass(world, 2ull * SECOND);
	arp_in(world, from(other_mac, arp_frame(REQUEST, PEER, PEER)));
	segment_out(world, PEER); /* the path remembered the old one */
	assert_segment_sent(world, other_mac);
}

static void test_does_not_flap(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	world_sent_free(world);
	arp_in(world, from(other_mac, arp_frame(REPLY, PEER, US)));
	segment_out(world, PEER);
	assert_segment_sent(world, peer_mac);
}

static void test_checks_when_old_and_used(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	world_sent_free(world);
	pass(world, 61ull * SECOND);
	segment_out(world, PEER); /* goes on with the MAC, and asks its owner alone */
	net_flush(world->net);
	assert_int_equal(world->port.sent_n, 2);
	for (unsigned k = 0; k < 2; k++)
		assert_memory_equal(rte_pktmbuf_mtod(world->port.sent[k], uint8_t *), peer_mac, 6);
	world_sent_free(world);
	pass(world, 100000);
	arp_in(world, arp_frame(REPLY, PEER, US));
	pass(world, 2ull * SECOND);
	assert_null(world_sent(world));
}

static void test_gone_neighbour_is_asked_for_by_all(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	pass(world, 61ull * SECOND);
	segment_out(world, PEER);
	world_sent_free(world);
	pass(world, SECOND + SECOND / 10);
	assert_arp_sent(world, REQUEST, peer_mac, US, PEER);
	pass(world, SECOND + SECOND / 10);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
	pass(world, SECOND + SECOND / 10);
	assert_null(world_sent(world));
	segment_out(world, PEER);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
}

static void test_unused_is_forgotten(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	world_sent_free(world);
	assert_true(net_next_ns(world->net) != UINT64_MAX);
	for (unsigned k = 0; k < 400; k++)
		pass(world, SECOND);
	assert_int_equal(net_next_ns(world->net), UINT64_MAX);
	segment_out(world, PEER);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
}

static void test_our_address_is_defended(void **state)
{
	struct world *world = *state;

	world_mark(world);
	arp_in(world, arp_frame(REQUEST, US, US)); /* an announcement of ours by another */
	assert_arp_sent(world, REQUEST, all_macs, US, US);
	assert_int_equal(world->log_lines, 1);
	arp_in(world, arp_frame(REPLY, US, PEER));
	assert_null(world_sent(world)); /* not more often than every ten seconds */
	pass(world, 11ull * SECOND);
	arp_in(world, arp_frame(REPLY, US, PEER));
	assert_arp_sent(world, REQUEST, all_macs, US, US);
	assert_int_equal(world->log_lines, 2);
	assert_int_equal(world_grown(world).arp_conflicts, 3);
}

static void test_probe_is_answered_and_teaches_nothing(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, 0, US));
	assert_arp_sent(world, REPLY, peer_mac, US, 0);
	arp_in(world, arp_frame(REQUEST, 0, PEER));
	assert_null(world_sent(world));
}

static void test_nobody_from_elsewhere(void **state)
{
	const uint32_t from_where[] = {FAR,	   PEER_VLAN,  0x0a0000ff, 0x0a000000,
				       0x7f000001, 0xe0000001, 0xffffffff};
	struct world *world = *state;

	world_mark(world);
	for (unsigned k = 0; k < 7; k++)
		arp_in(world, arp_frame(REQUEST, from_where[k], US));
	assert_null(world_sent(world));
	assert_int_equal(world_grown(world).arp_ignored, 7);
}

static void test_malformed(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} spoils[] = {
		{1, 2},					  /* hardware */
		{3, 1},					  /* protocol */
		{4, 8},					  /* address lengths */
		{4, 0}, {5, 16}, {7, 0},		  /* operation */
		{7, 3}, {7, 9},	 {6, 1}, {SENDER_MAC, 1}, /* a group sends nothing */
	};
	struct world *world = *state;
	struct bytes bytes = arp_frame(REQUEST, PEER, US);

	world_mark(world);
	for (size_t k = 0; k < sizeof(spoils) / sizeof(spoils[0]); k++) {
		struct bytes bad = bytes;

		bad.at[ARP + spoils[k].at] = spoils[k].value;
		arp_in(world, bad);
		assert_int_equal(world_grown(world).arp_malformed, k + 1);
	}
	for (size_t len = ARP; len < bytes.len; len++) {
		struct bytes cut = bytes;

		cut.len = len;
		arp_in(world, cut);
	}
	assert_int_equal(world_grown(world).arp_malformed,
			 sizeof(spoils) / sizeof(spoils[0]) + bytes.len - ARP);
	memset(bytes.at + ARP + SENDER_MAC, 0, 6);
	arp_in(world, bytes);
	assert_null(world_sent(world));
}

static void test_in_parts(void **state)
{
	struct world *world = *state;
	const struct bytes bytes = arp_frame(REQUEST, PEER, US);

	for (size_t part = 1; part < bytes.len; part++) {
		assert_null(world_input(world, world_frame(world, bytes.at, bytes.len, part)));
		assert_arp_sent(world, REPLY, peer_mac, US, PEER);
	}
}

static void test_answers_are_limited(void **state)
{
	struct world *world = *state;

	world_mark(world);
	for (unsigned k = 0; k < 5000; k++)
		arp_in(world, arp_frame(REQUEST, PEER, US));
	assert_in_range(world_grown(world).arp_replies_out, 100, 1000);
	assert_int_equal(world_grown(world).arp_limited, 5000 - world_grown(world).arp_replies_out);
}

static void test_answers_without_memory(void **state)
{
	struct world *world = *state;
	struct rte_mempool *pool = rte_mempool_lookup("test.net");
	void *taken[1024];
	unsigned n = 0;

	while (n < RTE_DIM(taken) && rte_mempool_get(pool, &taken[n]) == 0)
		n++;
	assert_in_range(n, 1, RTE_DIM(taken) - 1);
	world_mark(world);
	arp_in(world, arp_frame(REQUEST, PEER, US));
	assert_null(world_sent(world));
	assert_int_equal(world_grown(world).memory_dropped, 1);
	rte_mempool_put_bulk(pool, taken, n);
	arp_in(world, arp_frame(REQUEST, PEER, US));
	assert_arp_sent(world, REPLY, peer_mac, US, PEER);
}

/* A whole subnet asks: the table holds, and who we talk to stays. */
static void test_flood_leaves_those_in_use(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	world_sent_free(world);
	segment_out(world, PEER);
	assert_segment_sent(world, peer_mac);
	for (uint32_t k = 2; k < 3 * NET_NEIGHBOURS_MAX; k++) {
		struct bytes bytes = {.len = 0};

		bytes_ethernet(&bytes, all_macs, other_mac, 0x8100);
		bytes_vlan(&bytes, VLAN, 0x0806);
		bytes_arp(&bytes, REQUEST, other_mac, PEER_VLAN + k, US_VLAN);
		arp_in(world, bytes);
		if (k % 64 == 0)
			world_sent_free(world);
	}
	world_sent_free(world);
	assert_true(world_grown(world).neighbours_evicted > NET_NEIGHBOURS_MAX);
	segment_out(world, PEER);
	assert_segment_sent(world, peer_mac);
}

/* Forged SYNs from a whole subnet: questions are bounded, and known neighbours stay. */
static void test_unanswered_questions_are_bounded(void **state)
{
	enum { ASKED = 2000, ASKING_MAX = 512 };
	struct world *world = *state;
	uint8_t src16[16], dst16[16];

	arp_in(world, arp_frame(REQUEST, PEER, US));
	mapped(src16, US_VLAN);
	world_mark(world);
	for (uint32_t k = 0; k < ASKED; k++) {
		struct rte_mbuf *segment = rte_pktmbuf_alloc(world->pool);

		memset(rte_pktmbuf_append(segment, 20), 0, 20);
		mapped(dst16, PEER_VLAN + k);
		net_tcp_wire(world->net)->send(net_tcp_wire(world->net), segment, src16, dst16, 0);
		world_sent_free(world);
	}
	assert_int_equal(world_grown(world).neighbours_evicted, ASKED - ASKING_MAX);
	assert_int_equal(world_grown(world).waiting_dropped, ASKED - ASKING_MAX);
	segment_out(world, PEER);
	assert_segment_sent(world, peer_mac);
}

static void test_announces_every_address(void **state)
{
	struct world *world = *state;

	net_announce(world->net);
	assert_int_equal(world->port.sent_n, 2);
	assert_int_equal(
		bytes_get32(rte_pktmbuf_mtod(world->port.sent[0], uint8_t *) + ARP + TARGET_IP),
		US);
	assert_int_equal(
		bytes_get32(rte_pktmbuf_mtod(world->port.sent[1], uint8_t *) + ARP + 4 + TARGET_IP),
		US_VLAN);
}

static void test_ours_come_back(void **state)
{
	struct world *world = *state;

	world_mark(world);
	arp_in(world, from(our_mac, arp_frame(REQUEST, US, US)));
	assert_int_equal(world_grown(world).arp_ignored, 1);
	assert_int_equal(world->log_lines, 0);
	assert_null(world_sent(world));
}

/* --- Two cores --- */

static void test_learnt_is_told(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REQUEST, PEER, US));
	assert_int_equal(world->learnt_n, 1);
	assert_int_equal(world->learnt.ip, PEER);
	assert_memory_equal(world->learnt.mac, peer_mac, 6);
	arp_in(world, arp_frame(REQUEST, PEER, US)); /* nothing new */
	assert_int_equal(world->learnt_n, 1);
}

static void test_answer_to_another_core_is_told(void **state)
{
	struct world *world = *state;

	arp_in(world, arp_frame(REPLY, PEER, US));
	assert_int_equal(world->learnt_n, 1);
	segment_out(world, PEER); /* but not believed here: we did not ask */
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
}

static void test_told_by_another_core(void **state)
{
	struct world *world = *state;
	struct net_neighbour told = {.ip = PEER, .port = &world->port};

	segment_out(world, PEER);
	assert_arp_sent(world, REQUEST, all_macs, US, PEER);
	memcpy(told.mac, peer_mac, 6);
	net_neighbour_put(world->net, &told);
	assert_segment_sent(world, peer_mac);
	assert_int_equal(world->learnt_n, 0); /* no echo */
	memcpy(told.mac, other_mac, 6);
	net_neighbour_put(world->net, &told);
	segment_out(world, PEER);
	assert_segment_sent(world, other_mac);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define TEST_TWO(name) cmocka_unit_test_setup_teardown(name, world_setup_two_cores, world_teardown)
		TEST(test_answers_who_has),
		TEST(test_answers_in_the_vlan),
		TEST(test_not_for_others),
		TEST(test_who_asks_is_known),
		TEST(test_asks_and_waits),
		TEST(test_waiting_is_bounded_and_keeps_the_latest),
		TEST(test_asks_once_a_second_then_gives_up),
		TEST(test_by_the_gateway),
		TEST(test_unasked_answers_make_no_entry),
		TEST(test_announcement_of_a_stranger_makes_no_entry),
		TEST(test_announcement_moves_a_known_neighbour),
		TEST(test_does_not_flap),
		TEST(test_checks_when_old_and_used),
		TEST(test_gone_neighbour_is_asked_for_by_all),
		TEST(test_unused_is_forgotten),
		TEST(test_our_address_is_defended),
		TEST(test_probe_is_answered_and_teaches_nothing),
		TEST(test_nobody_from_elsewhere),
		TEST(test_malformed),
		TEST(test_in_parts),
		TEST(test_answers_are_limited),
		TEST(test_answers_without_memory),
		TEST(test_flood_leaves_those_in_use),
		TEST(test_unanswered_questions_are_bounded),
		TEST(test_announces_every_address),
		TEST(test_ours_come_back),
		TEST_TWO(test_learnt_is_told),
		TEST_TWO(test_answer_to_another_core_is_told),
		TEST_TWO(test_told_by_another_core),
	};

	return fixture_main("net arp", tests, sizeof(tests) / sizeof(tests[0]));
}
