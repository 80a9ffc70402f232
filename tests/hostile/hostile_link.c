/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet and ARP: what no well-meaning neighbour sends. */
#include "rig.h"

#include <string.h>

static struct bytes cut(struct bytes bytes, size_t len)
{
	bytes.len = len;
	return bytes;
}

static void frames_shorter_than_a_header(void **state)
{
	struct hostile *h = *state;

	for (size_t len = 1; len < 14; len++) {
		const struct bytes frame = cut(tcp_frame(10), len);

		hostile_frame(h, &frame);
	}
	assert_int_equal(hostile_net(h).ethernet_short, 13);
}

static void cut_at_every_byte(void **state)
{
	struct hostile *h = *state;
	struct plug attacker = hostile_attacker(1000, SERVICE);
	const struct bytes whole = hostile_tcp(&attacker, SYN, 1, 0, "abc", 3);

	for (size_t len = 1; len < whole.len; len++) {
		const struct bytes frame = cut(whole, len);

		hostile_frame(h, &frame);
	}
	assert_int_equal(hostile_net(h).tcp_in, 0);
	assert_int_equal(h->sent_n, 0);
}

static void a_vlan_tag_and_nothing_behind(void **state)
{
	struct hostile *h = *state;
	struct bytes frame = {.len = 0};

	bytes_ethernet(&frame, our_mac, peer_mac, 0x8100);
	hostile_frame(h, &frame);
	bytes_vlan(&frame, VLAN, 0x0800);
	hostile_frame(h, &frame);
	frame.len -= 2;
	hostile_frame(h, &frame);
	assert_int_equal(hostile_net(h).tcp_in, 0);
}

static void a_tag_within_a_tag(void **state)
{
	struct hostile *h = *state;
	struct bytes frame = {.len = 0};

	bytes_ethernet(&frame, our_mac, peer_mac, 0x8100);
	for (unsigned k = 0; k < 20; k++)
		bytes_vlan(&frame, VLAN, 0x8100);
	hostile_frame(h, &frame);
	assert_int_equal(hostile_net(h).tcp_in, 0);
	assert_int_equal(h->sent_n, 0);
}

static void a_vlan_that_is_not_ours(void **state)
{
	struct hostile *h = *state;
	struct bytes frame = {.len = 0};

	bytes_ethernet(&frame, our_mac, peer_mac, 0x8100);
	bytes_vlan(&frame, 8, 0x0800);
	bytes_ipv4(&frame, PEER, US, 6, 20);
	bytes_tcp(&frame, PEER, US, 1, SERVICE, 0);
	hostile_frame(h, &frame);
	assert_int_equal(hostile_net(h).vlan_other, 1);
}

static void types_nobody_knows(void **state)
{
	struct hostile *h = *state;

	for (unsigned type = 0; type < 65536; type += 257) {
		struct bytes frame = tcp_frame(10);

		if (type == 0x0800 || type == 0x0806 || type == 0x8100)
			continue;
		bytes_put16(frame.at + 12, (uint16_t)type);
		hostile_frame(h, &frame);
	}
	assert_int_equal(hostile_net(h).tcp_in, 0);
	assert_int_equal(h->sent_n, 0);
}

static void tcp_to_everybody(void **state)
{
	struct hostile *h = *state;
	struct bytes frame = tcp_frame(0);

	memcpy(frame.at, all_macs, 6);
	frame.at[14 + 20 + 13] = SYN;
	hostile_frame(h, &frame);
	hostile_turn(h);
	assert_int_equal(hostile_grown(h).connections, h->before.connections);
}

static void arp_cut_at_every_byte(void **state)
{
	struct hostile *h = *state;

	for (size_t len = 14; len < 14 + 28; len++) {
		const struct bytes frame = cut(arp_frame(1, PEER, US), len);

		hostile_frame(h, &frame);
	}
	assert_int_equal(hostile_net(h).arp_malformed, 28);
	assert_int_equal(h->sent_n, 0);
}

static void arp_with_lengths_that_lie(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} lies[] = {{14, 2}, {16, 0x86}, {18, 0}, {18, 255}, {19, 0}, {19, 16}, {20, 9}};
	struct hostile *h = *state;

	for (size_t k = 0; k < sizeof(lies) / sizeof(lies[0]); k++) {
		struct bytes frame = arp_frame(1, PEER, US);

		frame.at[lies[k].at] = lies[k].value;
		hostile_frame(h, &frame);
	}
	hostile_turn(h);
	assert_int_equal(h->sent_n, 0);
}

/* RFC 5227 2.4: somebody says that our address is his. */
static void arp_that_takes_our_address(void **state)
{
	struct hostile *h = *state;
	const struct bytes asks = arp_frame(1, US, US), says = arp_frame(2, US, US);

	hostile_frame(h, &asks);
	hostile_frame(h, &says);
	hostile_turn(h);
	hostile_witness(h);
}

/* Not asked, announced to all: the witness has moved to the attacker's MAC. */
static void arp_that_poisons_the_witness(void **state)
{
	struct hostile *h = *state;
	const struct bytes frame = arp_frame(2, WITNESS, WITNESS);
	struct bytes to_us;

	hostile_frame(h, &frame);
	to_us = arp_frame(2, WITNESS, US);
	hostile_frame(h, &to_us);
	hostile_listen(h, &h->witness);
	hostile_segment(h, &h->witness, ACK | PSH, h->witness.seq, h->witness.ack, "x", 1);
	assert_int_equal(hostile_got(h)->len, 1);
	h->witness.seq++;
	h->witness.ack++;
	h->witnessed++;
}

/* Every address of the network in turn, and many times: the table holds, those we talk to stay. */
static void arp_flood(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 100000; k++) {
		const struct bytes frame = arp_frame(1, 0x0a000000 | (hostile_random() & 0xff), US);

		hostile_frame(h, &frame);
	}
	hostile_turn(h);
	assert_true(hostile_net(h).arp_requests_in > 0);
	assert_true(h->sent_bytes <= 100000 * 60);
}

static void arp_answers_nobody_asked_for(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 20000; k++) {
		const struct bytes frame = arp_frame(2, 0x0a000000 | (hostile_random() & 0xff), US);

		hostile_frame(h, &frame);
	}
	assert_int_equal(h->sent_n, 0);
}

/* Who makes us look up a thousand neighbours that are not there. */
static void arp_for_those_who_are_not_there(void **state)
{
	struct hostile *h = *state;

	for (unsigned k = 0; k < 5000; k++) {
		struct plug ghost = hostile_attacker((uint16_t)k, SERVICE);
		struct bytes frame;

		ghost.ip = 0x0a000000 | (16 + k % 200);
		frame = hostile_tcp(&ghost, SYN, k, 0, NULL, 0);
		hostile_frame(h, &frame);
		if (k % 64 == 0)
			hostile_turn(h);
	}
	hostile_turn(h);
	assert_true(hostile_net(h).arp_requests_out <= 5000);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		CASE(frames_shorter_than_a_header),
		CASE(cut_at_every_byte),
		CASE(a_vlan_tag_and_nothing_behind),
		CASE(a_tag_within_a_tag),
		CASE(a_vlan_that_is_not_ours),
		CASE(types_nobody_knows),
		CASE(tcp_to_everybody),
		CASE(arp_cut_at_every_byte),
		CASE(arp_with_lengths_that_lie),
		CASE(arp_that_takes_our_address),
		CASE(arp_that_poisons_the_witness),
		CASE(arp_flood),
		CASE(arp_answers_nobody_asked_for),
		CASE(arp_for_those_who_are_not_there),
	};

	return fixture_main("hostile link", cases, sizeof(cases) / sizeof(cases[0]));
}
